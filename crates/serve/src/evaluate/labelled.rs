//! Reviews with their labels, of an archive, a folder or a table.

use std::path::Path;

use cinescore_artifact::StageError;
use cinescore_model::task::{Decoder, STARS};

use super::archive;
use crate::file::format::Format;
use crate::file::rows::Refused;
use crate::file::source::{self, Source};

/// A review and the truth of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Labelled {
    /// The text.
    pub text: String,
    /// Stars; 0 or 1 for task `binary`.
    pub label: f64,
}

/// Where labels are.
#[derive(Debug, Clone)]
pub struct Columns {
    /// The column of texts.
    pub text: String,
    /// The column of stars, 1 to 10.
    pub score: String,
    /// The column of sentiments, 0 or 1; where there is none, stars say it.
    pub polarity: String,
}

/// All labelled reviews of a source, and those that were refused.
pub fn read(
    path: &Path,
    format: Option<Format>,
    split: archive::Half,
    columns: &Columns,
    decoder: &Decoder,
) -> Result<(Vec<Labelled>, Vec<Refused>), StageError> {
    let is_archive = path.to_string_lossy().ends_with(".tar.gz");
    if format.is_none() && (path.is_dir() || is_archive) {
        return archive::read(path, split, decoder);
    }
    let format = format.map_or_else(|| Format::of(path), Ok)?;
    let mut source = source::open_file_of(path, format, &columns.text)?;
    read_table(path, source.as_mut(), columns, decoder)
}

fn read_table(
    path: &Path,
    source: &mut dyn Source,
    columns: &Columns,
    decoder: &Decoder,
) -> Result<(Vec<Labelled>, Vec<Refused>), StageError> {
    let has = |name: &String| source.columns().contains(name);
    let is_binary = *decoder == Decoder::Binary;
    let column = match (is_binary && has(&columns.polarity), has(&columns.score)) {
        (true, _) => &columns.polarity,
        (false, true) => &columns.score,
        (false, false) => {
            let known = source.columns().join("`, `");
            let message = format!(
                "`{}` has no column `{}` with the truth",
                path.display(),
                columns.score
            );
            return Err(StageError::usage(message)
                .hint(format!("name it with --score-column; there are `{known}`")));
        }
    };
    let is_polarity = column == &columns.polarity && is_binary;
    let known = source.columns().to_vec();
    let (mut all, mut refused) = (Vec::new(), Vec::new());
    for number in 0.. {
        let Some(mut chunk) = source.next(number)? else {
            break;
        };
        refused.append(&mut chunk.refused);
        let labels = chunk
            .rows
            .column(&known, column)
            .map_err(StageError::failed)?;
        let texts: Vec<Option<f64>> = labels
            .iter()
            .map(|label| label.as_field().trim().parse().ok())
            .collect();
        for ((text, given), line) in chunk.texts.into_iter().zip(texts).zip(chunk.lines) {
            let label = match (given, is_polarity) {
                (Some(given), true) if given == 0.0 || given == 1.0 => Some(given),
                (Some(stars), false) => of_stars(stars, decoder),
                _ => None,
            };
            match label {
                Some(label) => all.push(Labelled { text, label }),
                None => refused.push(Refused::new(
                    line,
                    format!("no label in `{column}`"),
                    text.as_bytes(),
                )),
            }
        }
    }
    Ok((all, refused))
}

/// The label that stars are for a task; none for what is no number of stars, and for the middle, which is neither
/// sentiment.
pub(super) fn of_stars(stars: f64, decoder: &Decoder) -> Option<f64> {
    if !(STARS.0..=STARS.1).contains(&stars) || stars.fract() != 0.0 {
        return None;
    }
    match decoder {
        Decoder::Binary if stars <= 4.0 => Some(0.0),
        Decoder::Binary if stars >= 7.0 => Some(1.0),
        Decoder::Binary => None,
        _ => Some(stars),
    }
}

#[cfg(test)]
mod tests {
    use cinescore_model::task::Quantity;

    use super::*;

    #[test]
    fn stars_are_labels_of_the_task() {
        let scale = cinescore_model::task::TargetScale {
            offset: 0.0,
            factor: 1.0,
        };
        let regression = Decoder::Regression {
            quantity: Quantity::Stars,
            scale,
        };
        assert_eq!(of_stars(5.0, &regression), Some(5.0));
        assert_eq!(of_stars(5.0, &Decoder::Binary), None);
        assert_eq!(of_stars(4.0, &Decoder::Binary), Some(0.0));
        assert_eq!(of_stars(7.0, &Decoder::Binary), Some(1.0));
        assert_eq!(of_stars(11.0, &regression), None);
        assert_eq!(of_stars(2.5, &regression), None);
    }
}
