//! The name of a stage as a file's name.

use crate::graph::Stage;

impl Stage {
    /// The name of its files and folders: its own name, with everything but letters, digits and
    /// `_ - . = , [ ] +` written as `%` and two hexadecimal digits for each byte. Never a `/`.
    pub fn file_name(&self) -> String {
        file_name(&self.name)
    }
}

/// The file name of a stage that is known by name only, as one of a former run.
pub(crate) fn file_name(stage: &str) -> String {
    let mut text = String::with_capacity(stage.len());
    for (index, byte) in stage.bytes().enumerate() {
        // A name that begins with a dot would be hidden, and `..` is no file.
        let is_plain = byte.is_ascii_alphanumeric()
            || b"_-=,[]+".contains(&byte)
            || (byte == b'.' && index > 0);
        if is_plain {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_readable_and_is_one_part_of_a_path() {
        assert_eq!(
            file_name("net[network=lstm_c,seed=7]"),
            "net[network=lstm_c,seed=7]"
        );
        assert_eq!(file_name("net[lr=1e-3]"), "net[lr=1e-3]");
        assert_eq!(file_name("net[file=a/b %]"), "net[file=a%2Fb%20%25]");
        assert_eq!(file_name("é"), "%C3%A9");
        assert_eq!(file_name(".."), "%2E.");
    }
}
