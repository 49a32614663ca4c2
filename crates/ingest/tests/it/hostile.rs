//! Sources that are broken, endless or meant to harm: an error with what to do, or a reject; never more memory than
//! a row needs, and nothing outside the archive.

use std::io::Write as _;
use std::path::Path;

use cinescore_artifact::tables::{REJECTS, REVIEWS};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::archives::{LINKS, RATINGS, Sources, TITLES, gzip, zip};
use crate::program::{Ended, run, texts};

fn own(folder: &Path, bytes: &[u8], params: &[(&str, &str)]) -> Ended {
    let path = folder.join("mine");
    fs_err::write(&path, bytes).unwrap();
    run(
        "reviews",
        &[("reviews", &path)],
        params,
        &folder.join("out"),
    )
}

/// Places and reasons of the refused rows.
fn refused(ended: &Ended) -> Vec<String> {
    let table = ended.table(&REJECTS);
    let (places, reasons) = (texts(&table, "place"), texts(&table, "reason"));
    places
        .iter()
        .zip(&reasons)
        .map(|(place, reason)| format!("{place}: {reason}"))
        .collect()
}

#[test]
fn a_quote_that_is_never_closed_costs_one_row() {
    let folder = tempfile::tempdir().unwrap();
    let mut csv = "score,text\n9,\"Good\n".to_owned();
    for row in 0..100_000 {
        csv.push_str(&format!(
            "{},Number {row} is as long as this\n",
            1 + row % 10
        ));
    }
    let ended = own(folder.path(), csv.as_bytes(), &[]).done();
    assert_eq!(ended.table(&REVIEWS).num_rows(), 100_000);
    assert_eq!(
        refused(&ended),
        ["table 1 row 1: a quote that opens a field is never closed"]
    );
    assert_eq!(ended.result().rows_in["reviews"], 100_001);
}

#[test]
fn a_line_of_a_hundred_megabytes_is_refused_in_every_text_format() {
    let folder = tempfile::tempdir().unwrap();
    let long = "x".repeat(100 << 20);
    for (name, text, row) in [
        (
            "csv",
            format!("text,score\n{long},9\nShort,3\n"),
            "table 1 row 1",
        ),
        (
            "quoted",
            format!("text,score\n\"{long}\",9\nShort,3\n"),
            "table 1 row 1",
        ),
        (
            "json",
            format!(
                "{{\"text\": \"{long}\", \"score\": 9}}\n{{\"text\": \"Short\", \"score\": 3}}\n"
            ),
            "table 1 line 1",
        ),
    ] {
        let folder = folder.path().join(name);
        fs_err::create_dir(&folder).unwrap();
        let ended = own(&folder, text.as_bytes(), &[]).done();
        assert_eq!(texts(&ended.table(&REVIEWS), "text"), ["Short"], "{name}");
        assert_eq!(
            refused(&ended),
            [format!("{row}: the row has more than 1048576 bytes")],
            "{name}"
        );
    }
    // As a review, as a list of addresses and as a title: short enough to be no bomb.
    let long = "x".repeat(3 << 20);
    let sources = Sources::with(&[
        ("aclImdb/train/pos/0_9.txt", b"Good."),
        ("aclImdb/train/pos/1_9.txt", long.as_bytes()),
        ("aclImdb/train/urls_pos.txt", long.as_bytes()),
    ]);
    let titles = [TITLES, long.as_bytes(), b"\n"].concat();
    sources.write("title.basics.tsv.gz", &gzip(&titles));
    let ended = sources.ingest(&[]).done();
    assert_eq!(
        refused(&ended),
        [
            "train/pos/1_9.txt: the row has more than 1048576 bytes",
            "train/urls_pos.txt line 1: not the address of an IMDb title",
            "line 5: the row has more than 1048576 bytes"
        ]
    );
}

#[test]
fn bombs_are_errors_in_every_packing() {
    let zeros = vec![b'\n'; 80 << 20];
    let sources = Sources::with_archive(&gzip(&zeros));
    let ended = sources.ingest(&[]);
    assert_eq!(ended.code, 3, "{}", ended.stderr);

    let sources = Sources::with(&[("aclImdb/train/pos/0_9.txt", b"Good.")]);
    sources.write("title.basics.tsv.gz", &gzip(&[TITLES, &zeros].concat()));
    let ended = sources.ingest(&[]);
    assert_eq!(ended.code, 3);
    assert!(
        ended.stderr.contains("a compression bomb"),
        "{}",
        ended.stderr
    );
    assert!(!sources.out().exists());

    let folder = tempfile::tempdir().unwrap();
    let csv = gzip(&[b"text,score\n", zeros.as_slice()].concat());
    let ended = own(folder.path(), &csv, &[]);
    assert_eq!(ended.code, 3);
    assert!(
        ended.stderr.contains("a compression bomb"),
        "{}",
        ended.stderr
    );
}

#[test]
fn unsafe_names_links_and_nul_bytes_are_refused() {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    let mut add = |name: &str, kind: tar::EntryType, text: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_entry_type(kind);
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        if kind == tar::EntryType::Symlink {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_cksum();
        archive.append(&header, text).unwrap();
    };
    add(
        "aclImdb/train/pos/0_9.txt",
        tar::EntryType::Regular,
        b"Good.",
    );
    add(
        "/aclImdb/train/pos/1_9.txt",
        tar::EntryType::Regular,
        b"Absolute.",
    );
    add(
        "aclImdb/../train/pos/2_9.txt",
        tar::EntryType::Regular,
        b"Climbs.",
    );
    add("aclImdb/train/pos/3_9.txt", tar::EntryType::Symlink, b"");
    add(
        "aclImdb/train/pos/4_9.txt",
        tar::EntryType::Regular,
        b"N\0l.",
    );
    let bytes = archive.into_inner().unwrap().finish().unwrap();
    let sources = Sources::with_archive(&bytes);
    let ended = sources.ingest(&[]).done();
    assert_eq!(texts(&ended.table(&REVIEWS), "text"), ["Good."]);
    assert_eq!(
        refused(&ended),
        [
            "/aclImdb/train/pos/1_9.txt: the name is absolute or has `..` in it",
            "../train/pos/2_9.txt: the name is absolute or has `..` in it",
            "train/pos/3_9.txt: the member is a link or a device, not a file",
            "train/pos/4_9.txt: a NUL byte after 1 bytes"
        ]
    );
}

#[test]
fn a_member_of_a_zip_with_a_wrong_checksum_is_an_error() {
    let sources = Sources::with(&[("aclImdb/train/pos/0_9.txt", b"Good.")]);
    // Stored, so that a changed byte is still a row.
    let stored =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in [
        ("ml-latest/links.csv", LINKS),
        ("ml-latest/ratings.csv", RATINGS),
    ] {
        archive.start_file(name, stored).unwrap();
        archive.write_all(bytes).unwrap();
    }
    let mut bytes = archive.finish().unwrap().into_inner();
    let row = b"2,7,3.5,9";
    let at = bytes
        .windows(row.len())
        .position(|window| window == row)
        .unwrap();
    bytes[at] = b'3';
    sources.write("ml-latest.zip", &bytes);
    let ended = sources.ingest(&[]);
    assert_eq!(ended.code, 3);
    let error = ended.error(sources.path());
    assert!(
        error.starts_with("error: `DIR/ml-latest.zip/ml-latest/ratings.csv` is damaged")
            && error.contains("checksum"),
        "{error}"
    );
    assert!(!sources.out().exists());
}

#[test]
fn what_is_no_table_is_an_error_that_says_what_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let zip = zip(&[("a", b"b")]);
    for (bytes, code) in [
        (&b""[..], 3),
        (b"\x7fELF\x02\x01\0\0\0", 3),
        (b"a,\xff\n1,2\n", 3),
        (b"\"never closed\n", 3),
        (b"PAR1 but no Parquet", 3),
        (&zip, 3),
    ] {
        let ended = own(folder.path(), bytes, &[]);
        assert_eq!(ended.code, code, "{}", ended.stderr);
        assert!(
            ended.stderr.contains("DIR") || ended.stderr.contains("mine"),
            "{}",
            ended.stderr
        );
        assert!(!folder.path().join("out").exists());
    }
}
