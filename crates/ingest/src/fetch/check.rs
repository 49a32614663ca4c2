//! Whether a file is the one that a source should be: size, digests, and that it is no web page.

use std::io::Read;
use std::path::Path;

use md5::Md5;
use sha2::{Digest as _, Sha256};

use super::sources::Source;
use super::{FetchError, io};

/// An error that says what is wrong with the file.
pub(super) fn file(path: &Path, source: &Source) -> Result<(), FetchError> {
    let wrong = |problem| FetchError::Wrong {
        path: path.to_owned(),
        problem,
    };
    let mut file = fs_err::File::open(path).map_err(io(path))?;
    let size = file.metadata().map_err(io(path))?.len();
    if let Some(bytes) = source.bytes
        && bytes != size
    {
        return Err(wrong(format!("it has {size} bytes; expected {bytes}")));
    }
    let (mut sha256, mut md5) = (Sha256::new(), Md5::new());
    let mut buffer = vec![0; 1 << 20];
    let mut first = true;
    loop {
        let count = file.read(&mut buffer).map_err(io(path))?;
        let bytes = &buffer[..count];
        if first && !begins_right(&source.file, bytes) {
            let begin = String::from_utf8_lossy(&bytes[..count.min(40)]).into_owned();
            return Err(wrong(format!(
                "it begins with {begin:?}, which is no archive"
            )));
        }
        first = false;
        if count == 0 {
            break;
        }
        if source.sha256.is_some() {
            sha256.update(bytes);
        }
        if source.md5.is_some() {
            md5.update(bytes);
        }
    }
    let digests = [
        ("SHA-256", &source.sha256, hex(&sha256.finalize())),
        ("MD5", &source.md5, hex(&md5.finalize())),
    ];
    for (name, expected, found) in digests {
        // A file that changes at its address has no digest of its own.
        if source.frozen
            && let Some(expected) = expected
            && !expected.eq_ignore_ascii_case(&found)
        {
            return Err(wrong(format!("its {name} is {found}; expected {expected}")));
        }
    }
    Ok(())
}

/// Whether a file of this name may begin with these bytes.
fn begins_right(name: &str, bytes: &[u8]) -> bool {
    if name.ends_with(".gz") {
        bytes.starts_with(b"\x1f\x8b")
    } else if name.ends_with(".zip") {
        bytes.starts_with(b"PK")
    } else {
        true
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
