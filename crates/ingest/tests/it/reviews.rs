//! `reviews` on small archives: what is kept, what is refused, what fails.

use arrow::array::AsArray as _;
use cinescore_artifact::tables::{REJECTS, REVIEWS};

use crate::archives::{LINKS, RATINGS, Sources, TITLES, gzip, tar_gz, urls, zip};
use crate::program::{run, texts};

/// Good and bad members; the lists of addresses come after the reviews that they belong to.
fn members() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("aclImdb/README", b"read me".to_vec()),
        ("aclImdb/imdb.vocab", b"the".to_vec()),
        ("aclImdb/train/labeledBow.feat", b"9 0:9".to_vec()),
        (
            "aclImdb/train/pos/0_9.txt",
            b"A fine film.<br /><br />Really &amp; truly.".to_vec(),
        ),
        ("aclImdb/train/pos/1_7.txt", "Tr\u{e8}s bien.".into()),
        (
            "aclImdb/train/pos/2_10.txt",
            b"No line names my title.".to_vec(),
        ),
        ("aclImdb/train/pos/3.txt", b"No score.".to_vec()),
        (
            "aclImdb/train/pos/4_3.txt",
            b"A bad score in the good folder.".to_vec(),
        ),
        ("aclImdb/train/pos/5_12.txt", b"Too many stars.".to_vec()),
        ("aclImdb/train/pos/1_8.txt", b"The same id again.".to_vec()),
        ("aclImdb/train/neg/0_1.txt", b"Awful.".to_vec()),
        ("aclImdb/train/neg/1_2.txt", b"Bad \xff bytes.".to_vec()),
        ("aclImdb/train/neg/2_2.txt", b" \n".to_vec()),
        ("aclImdb/train/neg/../../../evil_1.txt", b"Out!".to_vec()),
        ("aclImdb/train/unsup/0_0.txt", b"Who knows.".to_vec()),
        ("aclImdb/test/pos/0_8.txt", b"Good.".to_vec()),
        (
            "aclImdb/train/urls_pos.txt",
            urls(&["tt0000001", "tt0000003"]),
        ),
        (
            "aclImdb/train/urls_neg.txt",
            b"http://www.imdb.com/name/nm0000001/\n".to_vec(),
        ),
        ("aclImdb/train/urls_unsup.txt", urls(&["tt0000003"])),
        ("aclImdb/test/urls_pos.txt", urls(&["tt0000009"])),
    ]
}

fn borrowed<'a>(members: &'a [(&'static str, Vec<u8>)]) -> Vec<(&'a str, &'a [u8])> {
    members
        .iter()
        .map(|(name, bytes)| (*name, bytes.as_slice()))
        .collect()
}

#[test]
fn reviews_are_joined_and_every_bad_row_is_in_the_rejects() {
    let members = members();
    let sources = Sources::with(&borrowed(&members));
    let ended = sources.ingest(&[]).done();
    let reviews = ended.table(&REVIEWS);

    let columns = [
        "member",
        "split",
        "score",
        "polarity",
        "tconst",
        "primary_title",
        "start_year",
        "movie_id",
        "ml_rating_mean",
        "ml_rating_count",
    ];
    let columns = columns.map(|name| texts(&reviews, name));
    let mut rows: Vec<String> = (0..reviews.num_rows())
        .map(|row| {
            columns
                .iter()
                .map(|column| column[row].as_str())
                .collect::<Vec<_>>()
                .join(" | ")
        })
        .collect();
    rows.sort();
    insta::assert_snapshot!(rows.join("\n"), @r#"
    test/pos/0_8.txt | test | 8 | 1 | tt0000009 | - | - | - | - | -
    train/neg/0_1.txt | train | 1 | 0 | - | - | - | - | - | -
    train/pos/0_9.txt | train | 9 | 1 | tt0000001 | The "Maine" | 1898 | 7 | 3.75 | 2
    train/pos/1_7.txt | train | 7 | 1 | tt0000003 | Third | 1901 | 8 | - | 0
    train/pos/2_10.txt | train | 10 | 1 | - | - | - | - | - | -
    train/unsup/0_0.txt | unlabelled | - | - | tt0000003 | Third | 1901 | 8 | - | 0
    "#);
    let good = texts(&reviews, "member")
        .iter()
        .position(|member| member == "train/pos/0_9.txt")
        .unwrap();
    assert_eq!(
        texts(&reviews, "text")[good],
        "A fine film.<br /><br />Really &amp; truly."
    );
    let genres = reviews
        .column_by_name("genres")
        .unwrap()
        .as_list::<i32>()
        .value(good);
    assert_eq!(
        genres
            .as_string::<i32>()
            .iter()
            .flatten()
            .collect::<Vec<_>>(),
        ["Drama", "Comedy"]
    );

    let ids = reviews
        .column_by_name("review_id")
        .unwrap()
        .as_primitive::<arrow::datatypes::UInt64Type>();
    assert!(ids.values().is_sorted());

    let rejects = ended.table(&REJECTS);
    let columns = ["source", "place", "reason"].map(|name| texts(&rejects, name));
    let rows: Vec<String> = (0..rejects.num_rows())
        .map(|row| {
            columns
                .iter()
                .map(|column| column[row].as_str())
                .collect::<Vec<_>>()
                .join(" | ")
        })
        .collect();
    insta::assert_snapshot!(rows.join("\n"), @r"
    aclimdb | train/pos/3.txt | the file name is not `ID_SCORE.txt`
    aclimdb | train/pos/4_3.txt | score 3 contradicts the folder `pos`
    aclimdb | train/pos/5_12.txt | score 12 is not in 1 to 10
    aclimdb | train/pos/1_8.txt | file id 1 was there before in the same split and class
    aclimdb | train/neg/1_2.txt | invalid UTF-8 after 4 bytes
    aclimdb | train/neg/2_2.txt | the review is empty
    aclimdb | train/neg/../../../evil_1.txt | the name is absolute or has `..` in it
    aclimdb/urls | train/urls_neg.txt line 1 | not the address of an IMDb title
    ");
    let bytes = rejects.column_by_name("bytes").unwrap().as_binary::<i32>();
    assert_eq!(bytes.value(0), b"No score.");

    let result = ended.result();
    assert_eq!(
        result.rows_in["aclimdb"],
        result.rows_out["reviews"] + ended.fact("rejected.aclimdb")
    );
    assert_eq!(result.rejected, result.rows_out["rejects"]);
    assert_eq!(ended.fact("reviews.with_title"), 3);
    assert_eq!(ended.fact("reviews.with_movielens"), 3);
    assert_eq!(ended.fact("reviews.without_tconst"), 2);
    assert_eq!(
        (
            ended.fact("scores.train.9"),
            ended.fact("reviews.unlabelled")
        ),
        (1, 1)
    );
}

#[test]
fn archive_folder_and_nameless_objects_give_the_same_tables() {
    let members: Vec<_> = members()
        .into_iter()
        .filter(|(name, _)| !name.contains(".."))
        .collect();
    let from_archive = Sources::with(&borrowed(&members));
    from_archive.ingest(&[]).done();

    let from_folders = Sources::with_archive(b"");
    fs_err::remove_file(from_folders.path().join("aclImdb_v1.tar.gz")).unwrap();
    fs_err::remove_file(from_folders.path().join("ml-latest.zip")).unwrap();
    fs_err::remove_file(from_folders.path().join("title.basics.tsv.gz")).unwrap();
    for (name, bytes) in &members {
        from_folders.write(name, bytes);
    }
    from_folders.write("ml-latest/links.csv", LINKS);
    from_folders.write("ml-latest/ratings.csv", RATINGS);
    from_folders.write("title.basics.tsv", TITLES);
    from_folders.ingest(&[]).done();

    let nameless = Sources::with(&borrowed(&members));
    for (name, object) in [
        ("aclImdb_v1.tar.gz", "0a"),
        ("title.basics.tsv.gz", "1b"),
        ("ml-latest.zip", "2c"),
    ] {
        fs_err::rename(nameless.path().join(name), nameless.path().join(object)).unwrap();
    }
    let path = |name: &str| nameless.path().join(name);
    let (aclimdb, titles, movielens) = (path("0a"), path("1b"), path("2c"));
    let inputs = [
        ("aclimdb", aclimdb.as_path()),
        ("titles", &titles),
        ("movielens", &movielens),
    ];
    run("reviews", &inputs, &[], &nameless.out()).done();

    let bytes = |sources: &Sources, name: &str| fs_err::read(sources.out().join(name)).unwrap();
    assert!(bytes(&from_archive, "reviews.parquet") == bytes(&nameless, "reviews.parquet"));
    assert!(bytes(&from_archive, "reviews.parquet") != b"");
    // Of two files with one id the second read is refused, and a folder is read by name: the file that is
    // kept, `1_7.txt`, comes first in both.
    assert!(bytes(&from_archive, "reviews.parquet") == bytes(&from_folders, "reviews.parquet"));
}

#[test]
fn without_movielens_its_columns_are_null_and_the_result_says_so() {
    let members = members();
    let sources = Sources::with(&borrowed(&members));
    let path = sources.path();
    let ended = run(
        "reviews",
        &[("aclimdb", path), ("titles", path)],
        &[],
        &sources.out(),
    )
    .done();
    assert_eq!(
        ended
            .table(&REVIEWS)
            .column_by_name("ml_rating_count")
            .unwrap()
            .null_count(),
        6
    );
    assert_eq!(
        ended.result().facts["movielens"],
        "not given: its columns are null"
    );
}

#[test]
fn too_many_rejects_are_an_error_with_a_table_of_reasons() {
    let members = members();
    let sources = Sources::with(&borrowed(&members));
    let ended = sources.ingest(&[("max-rejects", "7")]);
    assert_eq!(ended.code, 3);
    insta::assert_snapshot!(ended.error(sources.path()), @r"
    error: 8 input rows were refused, 7 are allowed:
             1  aclimdb: invalid UTF-8 (first: train/neg/1_2.txt)
             1  aclimdb: the file id was there before in the same split and class (first: train/pos/1_8.txt)
             1  aclimdb: the file name is not `ID_SCORE.txt` (first: train/pos/3.txt)
             1  aclimdb: the name is absolute or has `..` in it (first: train/neg/../../../evil_1.txt)
             1  aclimdb: the review is empty (first: train/neg/2_2.txt)
             1  aclimdb: the score contradicts the folder `pos` (first: train/pos/4_3.txt)
             1  aclimdb: the score is not in 1 to 10 (first: train/pos/5_12.txt)
             1  aclimdb/urls: not the address of an IMDb title (first: train/urls_neg.txt line 1)
    hint: repair the sources, or allow more with `max_rejects`
    ");
    assert!(!sources.out().exists());
}

#[test]
fn broken_sources_are_named_with_what_to_do() {
    let members = members();
    let whole = tar_gz(&borrowed(&members));
    let cut = &whole[..whole.len() * 2 / 3];
    let mut wrong_sum = whole.clone();
    let at = wrong_sum.len() - 6;
    wrong_sum[at] ^= 1;
    let movies = zip(&[
        ("ml-latest/links.csv", LINKS),
        ("ml-latest/ratings.csv", RATINGS),
    ]);
    let cases: &[(&str, &str, &[u8])] = &[
        ("an archive cut off", "aclImdb_v1.tar.gz", cut),
        (
            "an archive cut off in its checksum",
            "aclImdb_v1.tar.gz",
            &whole[..whole.len() - 3],
        ),
        (
            "an archive with a wrong checksum",
            "aclImdb_v1.tar.gz",
            &wrong_sum,
        ),
        ("a web page", "aclImdb_v1.tar.gz", b"<html>"),
        (
            "a gzip of no tar",
            "aclImdb_v1.tar.gz",
            &gzip(&[b'x'; 2000]),
        ),
        (
            "an archive without reviews",
            "aclImdb_v1.tar.gz",
            &tar_gz(&[("aclImdb/README", b"x")]),
        ),
        ("a zip for titles", "title.basics.tsv.gz", &movies),
        ("titles cut off", "title.basics.tsv.gz", &gzip(TITLES)[..60]),
        (
            "other titles",
            "title.basics.tsv.gz",
            &gzip(b"tconst\taverageRating\n"),
        ),
        (
            "a zip cut off",
            "ml-latest.zip",
            &movies[..movies.len() / 2],
        ),
        (
            "a zip without ratings",
            "ml-latest.zip",
            &zip(&[("ml-latest/links.csv", LINKS)]),
        ),
        ("no zip", "ml-latest.zip", b"<html>"),
        (
            "other links",
            "ml-latest.zip",
            &zip(&[("a/links.csv", b"movie,imdb\n"), ("a/ratings.csv", RATINGS)]),
        ),
    ];
    let mut errors = Vec::new();
    for (what, name, bytes) in cases {
        let sources = Sources::with_archive(&whole);
        sources.write(name, bytes);
        let ended = sources.ingest(&[]);
        assert_eq!(ended.code, 3, "{what}: {}", ended.stderr);
        assert!(!sources.out().exists(), "{what}");
        errors.push(format!("{what}\n{}", ended.error(sources.path())));
    }
    insta::assert_snapshot!(errors.join("\n\n"), @r"
    an archive cut off
    error: `DIR/aclImdb_v1.tar.gz` is cut off
    caused by: incomplete deflate stream
    hint: download it again, then compare its size with the original's

    an archive cut off in its checksum
    error: `DIR/aclImdb_v1.tar.gz` is cut off
    caused by: unexpected end of file
    hint: download it again, then compare its size with the original's

    an archive with a wrong checksum
    error: `DIR/aclImdb_v1.tar.gz` is damaged
    caused by: corrupt gzip stream does not have a matching checksum
    hint: download it again, then compare its size with the original's

    a web page
    error: `DIR/aclImdb_v1.tar.gz` is not a tar archive in gzip (`.tar.gz`)

    a gzip of no tar
    error: `DIR/aclImdb_v1.tar.gz` is not a tar archive in gzip (`.tar.gz`)

    an archive without reviews
    error: `DIR/aclImdb_v1.tar.gz` holds no reviews (`aclImdb/train/pos/ID_SCORE.txt` and so on)

    a zip for titles
    error: `DIR/title.basics.tsv.gz` is not a text file, plain or gzip

    titles cut off
    error: `DIR/title.basics.tsv.gz` is cut off
    caused by: incomplete deflate stream
    hint: download it again, then compare its size with the original's

    other titles
    error: `DIR/title.basics.tsv.gz` has the columns `tconst`, `averageRating`; expected `tconst`, `titleType`, `primaryTitle`, `originalTitle`, `isAdult`, `startYear`, `endYear`, `runtimeMinutes`, `genres`

    a zip cut off
    error: `DIR/ml-latest.zip` is cut off
    caused by: invalid Zip archive: Could not find EOCD
    hint: download it again, then compare its size with the original's

    a zip without ratings
    error: `DIR/ml-latest.zip` holds 0 files named `ratings.csv`; expected 1

    no zip
    error: `DIR/ml-latest.zip` is not a zip archive

    other links
    error: `DIR/ml-latest.zip/a/links.csv` has the columns `movie`, `imdb`; expected `movieId`, `imdbId`
    ");
}
