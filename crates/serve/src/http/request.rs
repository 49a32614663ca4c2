//! What a client asks: bytes to reviews, or the reason why not.
//!
//! Owns the formats of requests and their bounds. Depends on neither LibTorch nor HTTP, so that a fuzzer can be
//! linked with it alone (`crates/fuzz`).

use cinescore_ingest::records::{NoRow, Record, Records};
use csv::StringRecord;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How deep brackets may lie in one another: a body of many reviews needs three levels.
const DEPTH: usize = 8;
/// Names of a CSV file's column of texts that are looked for where none is named, the best first.
const COLUMNS: [&str; 4] = ["text", "review", "content", "body"];

/// The most columns of a table.
const MOST_COLUMNS: usize = 10_000;
/// Columns that an error names, and how many characters of each name.
const NAMED: usize = 20;
const SHOWN: usize = 80;

/// How much one request may ask for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Reviews.
    pub(crate) texts: usize,
    /// Bytes of a review.
    pub(crate) text_bytes: usize,
    /// Reviews that are explained, each at the cost of some fifty.
    pub(crate) explained: usize,
}

/// Why a request is refused.
#[derive(Debug, Error)]
pub(crate) enum RequestError {
    /// Bytes that are no text.
    #[error("the body is not UTF-8: byte {at} is none of it")]
    NotUtf8 {
        /// Where, from 0.
        at: usize,
    },
    /// A tower of brackets.
    #[error("the body has more than {DEPTH} brackets in one another")]
    TooDeep,
    /// No JSON, or other JSON than is expected.
    #[error("the body cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// Both forms at once, or none.
    #[error("the body needs either `text` or `reviews`")]
    Form,
    /// Nothing to rate.
    #[error("`reviews` is empty")]
    None,
    /// More reviews than allowed.
    #[error("the body has more than {most} reviews")]
    TooMany {
        /// The bound.
        most: usize,
    },
    /// More explanations than allowed.
    #[error("the body asks to explain {found} reviews; {most} are possible at once")]
    TooManyExplained {
        /// How many.
        found: usize,
        /// The bound.
        most: usize,
    },
    /// A long text.
    #[error("review {index} has {found} bytes; {most} are possible")]
    TextTooLong {
        /// Which, from 0.
        index: usize,
        /// Its bytes.
        found: usize,
        /// The bound.
        most: usize,
    },
    /// No text.
    #[error("review {index} has no text")]
    TextEmpty {
        /// Which, from 0.
        index: usize,
    },
    /// A line of a table that begins no row, such as a quote that is never closed: the rows behind it would be lost in a field.
    #[error("the table cannot be read: line {line}: {reason}")]
    NoRow {
        /// From 1.
        line: u64,
        /// Why.
        reason: NoRow,
    },
    /// A row that is longer or shorter than the first.
    #[error("the table cannot be read: line {line} has {found} fields, not {expected}")]
    Fields {
        /// From 1.
        line: u64,
        /// How many there are.
        found: usize,
        /// How many the first row has.
        expected: usize,
    },
    /// A table that is too wide.
    #[error("the table has more than {MOST_COLUMNS} columns")]
    TooManyColumns,
    /// A table without texts.
    #[error("the table has no column {wanted}; it has {found}")]
    NoColumn {
        /// What was looked for.
        wanted: String,
        /// What there is.
        found: String,
    },
}

impl RequestError {
    /// The HTTP status: 400 for what cannot be read, 413 for too much, 422 for what makes no sense.
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::NotUtf8 { .. } | Self::TooDeep | Self::NoRow { .. } | Self::Fields { .. } => 400,
            Self::Json(error) if error.is_data() => 422,
            Self::Json(_) => 400,
            Self::TooMany { .. } | Self::TextTooLong { .. } | Self::TooManyColumns => 413,
            Self::Form
            | Self::None
            | Self::TooManyExplained { .. }
            | Self::TextEmpty { .. }
            | Self::NoColumn { .. } => 422,
        }
    }

    /// What to do about it.
    pub(crate) fn advice(&self) -> &'static str {
        match self {
            Self::NotUtf8 { .. } => {
                "send UTF-8; `iconv -f latin1 -t utf8` converts what is of an older encoding"
            }
            Self::NoRow { .. } => {
                "write a quote within a field in quotes twice, and close each field that a quote opens"
            }
            Self::Fields { .. } => {
                "send comma-separated values with a first line of names and as many values in each line"
            }
            Self::TooMany { .. } => "send several requests, or use `cinescore predict file`",
            Self::TooManyExplained { .. } => {
                "send fewer reviews with `explain`, or leave `explain` out"
            }
            Self::TextTooLong { .. } => {
                "cut the text: a network reads no more than the first or last hundreds of words"
            }
            Self::TooManyColumns => "leave columns out: only the one with the texts is needed",
            Self::TextEmpty { .. } => "leave reviews without a text out",
            Self::NoColumn { .. } => {
                "name the column with the texts, such as /v1/ratings?column=review"
            }
            Self::TooDeep | Self::Json(_) | Self::Form | Self::None => {
                "send {\"text\": \"..\"} or {\"reviews\": [{\"id\": \"1\", \"text\": \"..\"}]}, and \
                 \"explain\": true for the words that decided; /openapi.json has it in full"
            }
        }
    }
}

/// A client's name for a review, which it gets back.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(untagged)]
pub(crate) enum Id {
    /// A text.
    Text(String),
    /// A number.
    Number(serde_json::Number),
}

/// A review to rate.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Review {
    /// The client's name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<Id>,
    /// What it says.
    pub(crate) text: String,
}

/// What a body of JSON asks for.
#[derive(Debug, PartialEq)]
pub(crate) struct Asked {
    /// The reviews, at least one.
    pub(crate) reviews: Vec<Review>,
    /// Whether the words that decided are wanted.
    pub(crate) explain: bool,
    /// Whether it was one text, which is answered by one rating, or a list.
    pub(crate) single: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    text: Option<String>,
    reviews: Option<Vec<Review>>,
    #[serde(default)]
    explain: bool,
}

/// Reads a body of JSON.
pub(crate) fn read_json(bytes: &[u8], bounds: &Bounds) -> Result<Asked, RequestError> {
    let text = utf8(bytes)?;
    if is_deep(text) {
        return Err(RequestError::TooDeep);
    }
    let body: Body = serde_json::from_str(text)?;
    let (reviews, single) = match (body.text, body.reviews) {
        (Some(text), None) => (vec![Review { id: None, text }], true),
        (None, Some(reviews)) => (reviews, false),
        _ => return Err(RequestError::Form),
    };
    if reviews.is_empty() {
        return Err(RequestError::None);
    }
    if reviews.len() > bounds.texts {
        return Err(RequestError::TooMany { most: bounds.texts });
    }
    if body.explain && reviews.len() > bounds.explained {
        return Err(RequestError::TooManyExplained {
            found: reviews.len(),
            most: bounds.explained,
        });
    }
    for (index, review) in reviews.iter().enumerate() {
        let found = review.text.len();
        if found > bounds.text_bytes {
            let most = bounds.text_bytes;
            return Err(RequestError::TextTooLong { index, found, most });
        }
        if review.text.trim().is_empty() {
            return Err(RequestError::TextEmpty { index });
        }
    }
    Ok(Asked {
        reviews,
        explain: body.explain,
        single,
    })
}

/// Whether brackets outside of texts lie too deep in one another. serde_json has a bound of its own, 128, and says so in
/// other words.
fn is_deep(text: &str) -> bool {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'[' | b'{' => {
                depth += 1;
                if depth > DEPTH {
                    return true;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// A table of reviews.
#[derive(Debug)]
pub(crate) struct Table {
    /// The names of the columns.
    pub(crate) header: StringRecord,
    /// The rows, each as long as the header.
    pub(crate) rows: Vec<StringRecord>,
    column: usize,
}

impl Table {
    /// A row's text, without one that is empty or too long, and the reason why.
    pub(crate) fn text<'a>(
        &self,
        row: &'a StringRecord,
        bounds: &Bounds,
    ) -> Result<&'a str, &'static str> {
        let text = row.get(self.column).unwrap_or_default();
        match text {
            _ if text.trim().is_empty() => Err("no text"),
            _ if text.len() > bounds.text_bytes => Err("text too long"),
            _ => Ok(text),
        }
    }
}

/// Reads a body of CSV. The texts are in the column that is named, else in the first of [`COLUMNS`] that there is, else in
/// the only column.
pub(crate) fn read_csv(
    bytes: &[u8],
    column: Option<&str>,
    bounds: &Bounds,
) -> Result<Table, RequestError> {
    let text = utf8(bytes)?;
    // Its bytes are counted already.
    let mut records = Records::new(text.as_bytes()).limited_to(text.len());
    let header = read_row(&mut records)?.map_or_else(StringRecord::new, |(header, _line)| header);
    if header.len() > MOST_COLUMNS {
        return Err(RequestError::TooManyColumns);
    }
    let place = |wanted: &str| {
        let is_it = |name: &str| name.trim().eq_ignore_ascii_case(wanted);
        header.iter().position(is_it)
    };
    let found = match column {
        Some(name) => place(name),
        None => COLUMNS
            .iter()
            .find_map(|name| place(name))
            // With a line end of another kind than ours in its name it is not a column but all rows.
            .or((header.len() == 1 && !header[0].contains('\r')).then_some(0)),
    };
    let column = found.ok_or_else(|| RequestError::NoColumn {
        wanted: column.map_or_else(
            || format!("`{}`", COLUMNS.join("`, `")),
            |name| format!("`{}`", shown(name)),
        ),
        found: names(&header),
    })?;
    let mut rows = Vec::new();
    while let Some((row, line)) = read_row(&mut records)? {
        if rows.len() == bounds.texts {
            return Err(RequestError::TooMany { most: bounds.texts });
        }
        if row.len() != header.len() {
            return Err(RequestError::Fields {
                line,
                found: row.len(),
                expected: header.len(),
            });
        }
        rows.push(row);
    }
    Ok(Table {
        header,
        rows,
        column,
    })
}

/// The next row of a table that is UTF-8, and the line on which it begins.
fn read_row(records: &mut Records<&[u8]>) -> Result<Option<(StringRecord, u64)>, RequestError> {
    let read = records.read().expect("memory can be read");
    let Some(Record { line, raw, fields }) = read else {
        return Ok(None);
    };
    let fields = fields.map_err(|reason| RequestError::NoRow { line, reason })?;
    let mut row = StringRecord::with_capacity(raw.len(), fields.len());
    for field in fields.iter() {
        // Nothing is replaced: what is cut out of UTF-8 at commas and quotes is UTF-8.
        row.push_field(&String::from_utf8_lossy(&field));
    }
    Ok(Some((row, line)))
}

/// The first columns of a header, for an error.
fn names(header: &StringRecord) -> String {
    if header.is_empty() {
        return "none".into();
    }
    let named: Vec<String> = header
        .iter()
        .take(NAMED)
        .map(|name| format!("`{}`", shown(name)))
        .collect();
    let more = header.len().saturating_sub(NAMED);
    match more {
        0 => named.join(", "),
        _ => format!("{} and {more} more", named.join(", ")),
    }
}

/// The beginning of a name.
fn shown(name: &str) -> String {
    name.chars().take(SHOWN).collect()
}

fn utf8(bytes: &[u8]) -> Result<&str, RequestError> {
    std::str::from_utf8(bytes).map_err(|error| RequestError::NotUtf8 {
        at: error.valid_up_to(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        texts: 3,
        text_bytes: 20,
        explained: 1,
    };

    fn refused(body: &str) -> (u16, String) {
        let error = read_json(body.as_bytes(), &BOUNDS).unwrap_err();
        assert!(!error.advice().is_empty());
        (error.status(), error.to_string())
    }

    #[test]
    fn one_review_and_many_are_read() {
        let one = read_json(br#"{"text": "a gem", "explain": true}"#, &BOUNDS).unwrap();
        assert!(one.single && one.explain);
        let many =
            br#"{"reviews": [{"id": 7, "text": "a"}, {"id": "b", "text": "b"}, {"text": "c"}]}"#;
        let many = read_json(many, &BOUNDS).unwrap();
        assert!(!many.single && !many.explain);
        assert_eq!(many.reviews[0].id, Some(Id::Number(7.into())));
        assert_eq!(many.reviews[1].id, Some(Id::Text("b".into())));
        assert_eq!(
            (many.reviews[2].id.as_ref(), many.reviews[2].text.as_str()),
            (None, "c")
        );
    }

    #[test]
    fn what_cannot_be_rated_is_refused_with_its_status() {
        for (body, status) in [
            ("", 400),
            ("{", 400),
            ("[]", 422),
            ("{}", 422),
            (r#"{"text": 1}"#, 422),
            (r#"{"text": "a", "reviews": []}"#, 422),
            (r#"{"text": "a", "other": 1}"#, 422),
            (r#"{"text": "a"} x"#, 400),
            (r#"{"text": "\ud800"}"#, 400),
            (r#"{"text": " \n"}"#, 422),
            (r#"{"reviews": []}"#, 422),
            (r#"{"reviews": [{"text": "a", "id": []}]}"#, 422),
            (r#"{"text": "a text of more than 20 bytes"}"#, 413),
            (
                r#"{"explain": true, "reviews": [{"text": "a"}, {"text": "b"}]}"#,
                422,
            ),
            (
                r#"{"reviews": [{"text": "a"}, {"text": "a"}, {"text": "a"}, {"text": "a"}]}"#,
                413,
            ),
        ] {
            assert_eq!(refused(body).0, status, "{body}");
        }
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(refused(&deep).1.contains("8 brackets"));
        // Brackets in a text are text.
        assert!(read_json(br#"{"text": "[[[[[[[[[[ \" {"}"#, &BOUNDS).is_ok());
        let error = read_json(b"{\"text\": \"\xff\"}", &BOUNDS).unwrap_err();
        assert_eq!(
            (error.status(), error.to_string().contains("byte 10")),
            (400, true)
        );
    }

    #[test]
    fn a_table_is_read_with_the_column_that_is_meant() {
        let table = read_csv(
            b"\xef\xbb\xbfid,Review\n1,\"good, very\"\n2,\n",
            None,
            &BOUNDS,
        )
        .unwrap();
        assert_eq!(table.text(&table.rows[0], &BOUNDS), Ok("good, very"));
        assert_eq!(table.text(&table.rows[1], &BOUNDS), Err("no text"));
        assert!(read_csv(b"said\na\n", None, &BOUNDS).is_ok());
        assert!(read_csv(b"id,said\n1,a\n", Some("said"), &BOUNDS).is_ok());
        let status = |bytes: &[u8]| read_csv(bytes, None, &BOUNDS).unwrap_err().status();
        assert_eq!(status(b"id,said\n1,a\n"), 422);
        assert_eq!(status(b"id,text\n1\n"), 400);
        assert_eq!(status(b"text\n1\n2\n3\n4\n"), 413);
        assert_eq!(status(b"text\n\xff\n"), 400);
        assert_eq!(status(b""), 422);
        // All of it would be one name.
        assert_eq!(status(b"said\ra\rb"), 422);
    }

    #[test]
    fn no_row_of_a_table_is_lost_in_quotes() {
        for (table, wanted) in [
            (
                "id,text\n1,\"good film\n2,bad film\n3,fine film\n",
                "line 2: a quote that opens a field is never closed",
            ),
            (
                "id,text\n1,\"good\n2,bad\"\n3,\"fine \"film\n4,dull\n",
                "line 4: text follows the quote that closes a field (a quote within is written twice)",
            ),
            (
                "id,text\n1,\"good,\nfilm\"\n2\n",
                "line 4 has 1 fields, not 2",
            ),
        ] {
            let error = read_csv(table.as_bytes(), None, &BOUNDS).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("the table cannot be read: {wanted}")
            );
            assert!(error.status() == 400 && !error.advice().is_empty());
        }
        let table = b"id,text\r\n1,\"a \"\"gem\"\",\nit is\"\r\n2,\"\"";
        let table = read_csv(table, None, &BOUNDS).unwrap();
        let texts: Vec<_> = table.rows.iter().map(|row| &row[1]).collect();
        assert_eq!(texts, ["a \"gem\",\nit is", ""]);
    }

    #[test]
    fn what_is_said_of_a_header_is_bounded() {
        let long = "é".repeat(1 << 20);
        let error = read_csv(format!("id,{long}\n").as_bytes(), None, &BOUNDS).unwrap_err();
        let said = error.to_string();
        assert!(said.contains("`id`") && said.len() < 300, "{said}");
        let error = read_csv(b"id,said\n", Some(&long), &BOUNDS).unwrap_err();
        assert!(error.to_string().len() < 300);
        let wide = |columns: usize| {
            let header = vec!["c"; columns].join(",");
            read_csv(format!("{header}\n").as_bytes(), None, &BOUNDS).unwrap_err()
        };
        assert!(wide(10_000).to_string().ends_with("and 9980 more"));
        assert_eq!([wide(10_000).status(), wide(10_001).status()], [422, 413]);
    }
}
