//! Reading word vectors: GloVe's text format and word2vec's, plain, in gzip, or in a zip.
//!
//! A line is a word and its numbers with spaces between them. word2vec's begins with a line of two
//! numbers: words and dimensions. A word may have spaces in it (`glove.840B` has some), so the numbers are
//! counted from the end. What the file is follows from its first bytes, not from its name.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek as _, SeekFrom};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use thiserror::Error;
use zip::ZipArchive;

/// Bytes that the first line of a file in a zip is looked for in.
const FIRST_LINE_LIMIT: u64 = 1 << 20;

/// Why a file of vectors is refused.
#[derive(Debug, Error)]
pub enum VectorsError {
    /// It could not be read.
    #[error("the file cannot be read after line {line}")]
    Io {
        /// The last line that was read.
        line: u64,
        /// What the system or the decompressor said.
        source: std::io::Error,
    },
    /// It is a broken zip.
    #[error("the file is no readable zip")]
    Zip(#[from] zip::result::ZipError),
    /// A zip has no file of vectors.
    #[error("the zip has no file that ends in `.txt` or `.vec`")]
    NoMember,
    /// A zip has several files of vectors, as GloVe's have, and not one of them is the one that is wanted.
    #[error(
        "the zip has several files of vectors, and not one alone with {dimensions} numbers a word: {}",
        .members.join(", ")
    )]
    Members {
        /// The numbers that were asked for.
        dimensions: usize,
        /// The files, each with its numbers.
        members: Vec<String>,
    },
    /// It has no line.
    #[error("the file has no vectors")]
    Empty,
    /// A line has too few or too many numbers.
    #[error("line {line} has {found} numbers, not {wanted}")]
    Width {
        /// The line, from 1.
        line: u64,
        /// Its numbers.
        found: usize,
        /// Those of the lines before, or of the header.
        wanted: usize,
    },
    /// A number is none, or not finite.
    #[error("line {line} has `{found}` where a finite number must be")]
    Number {
        /// The line, from 1.
        line: u64,
        /// What is there.
        found: String,
    },
    /// The header announces another number of words.
    #[error(
        "the header announces {announced} words, and {found} follow: the file is cut, or its header wrong"
    )]
    Announced {
        /// Words of the header.
        announced: u64,
        /// Words that are there.
        found: u64,
    },
}

/// What a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Words, those of several lines counted so often.
    pub words: u64,
    /// Numbers of each.
    pub dimensions: usize,
}

/// Gives every word of a file with its vector to `visit`, in the file's order. Of several files in a zip it is the
/// one whose vectors have so many `dimensions`; one alone may have any.
pub fn each_vector(
    path: &Path,
    dimensions: usize,
    visit: impl FnMut(&[u8], &[f32]),
) -> Result<Shape, VectorsError> {
    let io = |source| VectorsError::Io { line: 0, source };
    let mut file = File::open(path).map_err(io)?;
    let mut magic = [0; 4];
    let read = file.read(&mut magic).map_err(io)?;
    file.seek(SeekFrom::Start(0)).map_err(io)?;
    match &magic[..read] {
        [0x1f, 0x8b, ..] => each_line(BufReader::new(MultiGzDecoder::new(file)), visit),
        b"PK\x03\x04" | b"PK\x05\x06" => {
            let mut archive = ZipArchive::new(file)?;
            let name = member(&mut archive, dimensions)?;
            each_line(BufReader::new(archive.by_name(&name)?), visit)
        }
        _ => each_line(BufReader::new(file), visit),
    }
}

/// The file of a zip to read: the only one with vectors, or of several the only one with so many dimensions.
fn member(archive: &mut ZipArchive<File>, dimensions: usize) -> Result<String, VectorsError> {
    let is_text = |name: &str| name.ends_with(".txt") || name.ends_with(".vec");
    let names: Vec<String> = archive
        .file_names()
        .map(|name| name.map(String::from))
        .filter(|name| name.as_ref().map_or(true, |name| is_text(name)))
        .collect::<Result<_, _>>()?;
    match names.as_slice() {
        [] => return Err(VectorsError::NoMember),
        [name] => return Ok(name.clone()),
        _ => {}
    }
    let mut widths = Vec::new();
    for name in &names {
        let mut first = Vec::new();
        // A limit, since nothing is known yet of what is in the archive.
        let input = BufReader::new(archive.by_name(name)?).take(FIRST_LINE_LIMIT);
        let read = BufReader::new(input).read_until(b'\n', &mut first);
        read.map_err(|source| VectorsError::Io { line: 0, source })?;
        let line = trimmed(&first);
        widths.push(header(line).map_or_else(
            || line.iter().filter(|byte| **byte == b' ').count(),
            |(_, width)| width,
        ));
    }
    let mut wanted = names
        .iter()
        .zip(&widths)
        .filter(|(_, width)| **width == dimensions);
    match (wanted.next(), wanted.next()) {
        (Some((name, _)), None) => Ok(name.clone()),
        _ => {
            let said = |(name, width): (&String, &usize)| format!("`{name}` ({width})");
            Err(VectorsError::Members {
                dimensions,
                members: names.iter().zip(&widths).map(said).collect(),
            })
        }
    }
}

fn each_line(
    mut input: impl BufRead,
    mut visit: impl FnMut(&[u8], &[f32]),
) -> Result<Shape, VectorsError> {
    let mut buffer = Vec::new();
    let mut vector: Vec<f32> = Vec::new();
    let mut announced = None;
    let mut dimensions = None;
    let mut words = 0;
    for line in 1.. {
        buffer.clear();
        let read = input.read_until(b'\n', &mut buffer);
        if read.map_err(|source| VectorsError::Io {
            line: line - 1,
            source,
        })? == 0
        {
            break;
        }
        let text = trimmed(&buffer);
        if line == 1
            && let Some((count, width)) = header(text)
        {
            announced = Some(count);
            dimensions = Some(width);
            continue;
        }
        if text.is_empty() {
            continue;
        }
        let spaces = text.iter().filter(|byte| **byte == b' ').count();
        let wanted = *dimensions.get_or_insert(spaces);
        if spaces < wanted || wanted == 0 {
            let wanted = wanted.max(1);
            return Err(VectorsError::Width {
                line,
                found: spaces,
                wanted,
            });
        }
        let mut fields = text.rsplitn(wanted + 1, |byte| *byte == b' ');
        vector.clear();
        for field in fields.by_ref().take(wanted) {
            vector.push(number(field, line)?);
        }
        vector.reverse();
        let word = fields.next().unwrap_or_default();
        // No word with spaces ends in a number: that is a vector with too many.
        let end = word.rsplit(|byte| *byte == b' ').next().unwrap_or(word);
        if end.len() < word.len() && number(end, line).is_ok() {
            return Err(VectorsError::Width {
                line,
                found: wanted + 1,
                wanted,
            });
        }
        visit(word, &vector);
        words += 1;
    }
    let Some(dimensions) = dimensions.filter(|_dimensions| words > 0) else {
        return Err(VectorsError::Empty);
    };
    match announced {
        Some(announced) if announced != words => Err(VectorsError::Announced {
            announced,
            found: words,
        }),
        _ => Ok(Shape { words, dimensions }),
    }
}

/// word2vec's first line: words and dimensions.
fn header(line: &[u8]) -> Option<(u64, usize)> {
    let (words, dimensions) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    Some((words.parse().ok()?, dimensions.parse().ok()?))
}

fn number(field: &[u8], line: u64) -> Result<f32, VectorsError> {
    let parsed = std::str::from_utf8(field)
        .ok()
        .and_then(|text| text.parse::<f32>().ok());
    parsed
        .filter(|number| number.is_finite())
        .ok_or_else(|| VectorsError::Number {
            line,
            found: String::from_utf8_lossy(&field[..field.len().min(40)]).into_owned(),
        })
}

/// Without the end of the line, and the space that word2vec leaves before it.
fn trimmed(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|byte| !b" \r\n".contains(byte));
    &line[..end.map_or(0, |end| end + 1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    type Words = Vec<(String, Vec<f32>)>;

    fn read(text: &str) -> Result<(Shape, Words), String> {
        let mut words = Vec::new();
        let shape = each_line(text.as_bytes(), |word, vector| {
            words.push((String::from_utf8_lossy(word).into_owned(), vector.to_vec()));
        });
        shape
            .map(|shape| (shape, words))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn both_formats_are_read() {
        let wanted = vec![
            ("the".to_owned(), vec![0.5, -1.0]),
            ("a".to_owned(), vec![1e-3, 2.0]),
        ];
        for text in [
            "the 0.5 -1\na 0.001 2\n",
            "2 2\nthe 0.5 -1.0 \na 1e-3 2 \n",
            "the 0.5 -1\r\n\na 0.001 2",
        ] {
            let (shape, words) = read(text).unwrap();
            assert_eq!(words, wanted);
            assert_eq!(
                shape,
                Shape {
                    words: 2,
                    dimensions: 2
                }
            );
        }
    }

    #[test]
    fn words_may_have_spaces() {
        let (_shape, words) = read("the 0.5 1.5\nat name@domain.com 1 2\n. . . 3 4\n").unwrap();
        let names: Vec<&str> = words.iter().map(|(word, _vector)| word.as_str()).collect();
        assert_eq!(names, ["the", "at name@domain.com", ". . ."]);
        assert_eq!(words[1].1, [1.0, 2.0]);
    }

    #[test]
    fn broken_files_are_refused_by_line() {
        let messages = [
            "",
            "\n\n",
            "the\n",
            "the 1 2\na 1\n",
            "the 1 2\na 1 2.5 3\n",
            "the 1 x\n",
            "the 1 nan\n",
            "3 2\nthe 1 2\n",
            "2 3\nthe 1 2\n",
        ]
        .map(|text| read(text).unwrap_err());
        assert_eq!(
            messages,
            [
                "the file has no vectors",
                "the file has no vectors",
                "line 1 has 0 numbers, not 1",
                "line 2 has 1 numbers, not 2",
                "line 2 has 3 numbers, not 2",
                "line 1 has `x` where a finite number must be",
                "line 1 has `nan` where a finite number must be",
                "the header announces 3 words, and 1 follow: the file is cut, or its header wrong",
                "line 2 has 2 numbers, not 3",
            ]
        );
    }
}
