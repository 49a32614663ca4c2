//! A folder with a bundle, in which files of reviews are rated.

use std::collections::BTreeMap;
use std::path::PathBuf;

use cinescore_model::task::Decoder;
use serde_json::Value;

use crate::bundle::{LSTM, command, said, save};

/// A folder with a bundle.
pub(crate) struct Place(tempfile::TempDir);

impl Place {
    pub(crate) fn new(decoder: Decoder) -> Self {
        let folder = tempfile::tempdir().unwrap();
        save(&folder.path().join("bundle"), LSTM, decoder);
        Self(folder)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        fs_err::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs_err::write(self.path(name), bytes).unwrap();
    }

    /// `file IN -o OUT` and more; gives what it said on stderr, and must end with the code.
    pub(crate) fn file(&self, input: &str, output: &str, more: &[&str], code: i32) -> String {
        said(&self.command(input, output, more).output().unwrap(), code)
    }

    pub(crate) fn command(
        &self,
        input: &str,
        output: &str,
        more: &[&str],
    ) -> std::process::Command {
        let mut command = command(&["file", input, "-o", output, "--bundle", "bundle"]);
        command.args(more).current_dir(self.0.path());
        command
    }
}

/// The rows of a JSON-lines file.
pub(crate) fn rows(text: &str) -> Vec<BTreeMap<String, Value>> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

pub(crate) fn csv_of(texts: &[String]) -> String {
    let rows = texts
        .iter()
        .enumerate()
        .map(|(index, text)| format!("{index},\"{text}, \"\"so\"\"\n\",é\n"));
    format!("id,text,more\n{}", rows.collect::<String>())
}

/// A file in gzip that breaks off behind these bytes, but for a few of them: one that ends the command where it is read.
pub(crate) fn cut_off(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    std::io::Write::write_all(&mut gzip, bytes).unwrap();
    let mut whole = gzip.finish().unwrap();
    whole.truncate(whole.len() - 20);
    whole
}
