//! The leaderboard of a sweep, as `cinescore sweep` writes it.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

/// The trials of a sweep, best first.
#[derive(Debug, Deserialize)]
pub(crate) struct Leaderboard {
    /// The stage that was searched.
    pub(crate) stage: String,
    /// The metric that decides.
    pub(crate) metric: String,
    /// Whether more is better.
    pub(crate) maximize: bool,
    /// The searched variables.
    pub(crate) variables: Vec<String>,
    pub(crate) rows: Vec<Trial>,
}

/// A trial.
#[derive(Debug, Deserialize)]
pub(crate) struct Trial {
    pub(crate) trial: u64,
    /// The value of each variable.
    pub(crate) values: Vec<Value>,
    /// How far it went, where there are rungs.
    pub(crate) rung: Option<u64>,
    pub(crate) metric: Option<f64>,
    /// `done`, `stopped`, `failed` or `waits`.
    pub(crate) standing: String,
}

/// A file as a leaderboard; none where it is something else.
pub(crate) fn read(path: &Path) -> Option<Leaderboard> {
    let board: Leaderboard = serde_json::from_slice(&fs_err::read(path).ok()?).ok()?;
    let whole = |trial: &Trial| trial.values.len() == board.variables.len();
    board.rows.iter().all(whole).then_some(board)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_leaderboard_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("board.json");
        for (text, is_one) in [
            ("{}", false),
            ("not JSON", false),
            (
                r#"{"stage":"net","metric":"m","maximize":true,"variables":["a"],"rows":[{"trial":1,"values":[],"rung":null,"metric":null,"standing":"waits","node":""}]}"#,
                false,
            ),
            (
                r#"{"stage":"net","metric":"m","maximize":true,"variables":["a"],"rows":[{"trial":1,"values":[2],"rung":null,"metric":0.5,"standing":"done","node":"n"}]}"#,
                true,
            ),
        ] {
            fs_err::write(&path, text).unwrap();
            assert_eq!(read(&path).is_some(), is_one, "{text}");
        }
    }
}
