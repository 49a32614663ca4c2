//! Any bytes as a source: rows and refused rows, or an error that can be shown, never a crash, and no row lost.
//!
//! `CINESCORE_READER` says which reader gets them: `tar`, `tsv`, `csv` or `zip`.

#![no_main]

use std::sync::LazyLock;

use cinescore_ingest::ReadError;
use cinescore_ingest::fuzz::{self, Counted};
use libfuzzer_sys::fuzz_target;

type Reader = fn(&[u8]) -> Result<Counted, ReadError>;

static READERS: LazyLock<&[Reader]> =
    LazyLock::new(|| match std::env::var("CINESCORE_READER").as_deref() {
        Ok("tar") => &[fuzz::reviews_tar],
        Ok("tsv") => &[fuzz::titles_tsv],
        Ok("csv") => &[fuzz::own_table, fuzz::ratings_csv, fuzz::movies_csv],
        Ok("zip") => &[fuzz::movielens_zip],
        other => panic!("CINESCORE_READER is {other:?}: expected tar, tsv, csv or zip"),
    });

fuzz_target!(|bytes: &[u8]| {
    for read in READERS.iter() {
        match read(bytes) {
            Ok(counted) => assert_eq!(
                counted.rows_in,
                counted.rows_out + counted.refused,
                "{counted:?}"
            ),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
});
