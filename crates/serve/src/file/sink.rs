//! Writing rows with their ratings.
//!
//! Owns the formats of the output and which columns are added; does not own what stands in them (`columns`). A part has the rows of a chunk; joined, parts are the output.

use std::collections::HashSet;
use std::fs;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use cinescore_artifact::StageError;
use cinescore_model::bundle::Manifest;
use cinescore_model::task::Decoder;
use fs_err::File;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::arrow::{ArrowSchemaConverter, ArrowWriter, add_encoded_arrow_schema_to_metadata};
use parquet::basic::{Compression, ZstdLevel};
use parquet::column::writer::ColumnCloseResult;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;

use super::Job;
use super::format::Format;
use super::movielens::{COLUMNS, ToMovieLens, on_scale};
use super::rows::{Cell, Chunk, Refused, Rows};
use crate::columns::{self, Value};
use crate::predictor::Prediction;

/// The columns that are added.
#[derive(Debug, Clone)]
pub(super) struct Added {
    prefix: String,
    /// The stars whose probabilities are added.
    scores: Vec<u8>,
}

impl Added {
    /// What a job asks for and a bundle gives.
    pub(super) fn new(job: &Job, manifest: &Manifest) -> Result<Self, StageError> {
        let task = manifest.decoder.task();
        if job.movielens.is_some() && manifest.decoder == Decoder::Binary {
            let message =
                format!("a bundle of task `{task}` gives no stars, so there is no rating to write");
            return Err(StageError::usage(message)
                .hint("use a bundle of task regression, ordinal or classes"));
        }
        let scores = match manifest.decoder.classes() {
            Some(stars) if job.probabilities => stars.to_vec(),
            None if job.probabilities => {
                let message = format!("a bundle of task `{task}` gives no probabilities of scores");
                return Err(StageError::usage(message));
            }
            _ => Vec::new(),
        };
        Ok(Self {
            prefix: job.prefix.clone(),
            scores,
        })
    }

    /// Refuses columns that the input has already.
    pub(super) fn check(&self, columns: &[String]) -> Result<(), StageError> {
        match self.names().into_iter().find(|name| columns.contains(name)) {
            None => Ok(()),
            Some(name) => Err(StageError::usage(format!(
                "the input has a column `{name}` already"
            ))
            .hint("choose what the added columns begin with, such as --prefix predicted_")),
        }
    }

    fn names(&self) -> Vec<String> {
        let own = columns::NAMES
            .iter()
            .map(|name| format!("{}{name}", self.prefix));
        let scores = self
            .scores
            .iter()
            .map(|stars| format!("{}probability_{stars}", self.prefix));
        own.chain(scores).collect()
    }

    fn values(&self, said: &Prediction) -> Vec<Value> {
        let mut values = columns::values(said).to_vec();
        let scores = said.scores.as_deref().unwrap_or_default();
        values.extend(
            self.scores
                .iter()
                .enumerate()
                .map(|(index, _)| Value::Number(scores.get(index).map(|score| score.probability))),
        );
        values
    }

    fn fields(&self) -> Vec<Field> {
        let kind = |name: &str| match name.strip_prefix(&self.prefix).unwrap_or(name) {
            "sentiment" | "flags" => DataType::Utf8,
            _ => DataType::Float64,
        };
        let field = |name: String| Field::new(&name, kind(&name), true);
        self.names().into_iter().map(field).collect()
    }
}

/// A value on its way into text.
fn cell(value: Value) -> Cell<'static> {
    match (value, value.text()) {
        (_, None) => Cell::Null,
        (Value::Number(_), Some(number)) => Cell::Literal(number.into_owned()),
        (_, Some(text)) => Cell::Text(text),
    }
}

/// Writes parts and joins them.
#[derive(Debug)]
pub(super) struct Writer {
    format: Format,
    added: Added,
    abstain: bool,
    columns: Vec<String>,
    /// Of a Parquet output.
    schema: SchemaRef,
    movielens: Option<ToMovieLens>,
}

impl Writer {
    /// For the rows of a source with these columns.
    pub(super) fn new(
        job: &Job,
        added: Added,
        columns: &[String],
        schema: Option<SchemaRef>,
    ) -> Result<Self, StageError> {
        if job.output_format == Format::Jsonl
            && let Some(name) = twice(columns)
        {
            let message = format!("the input has more than one column `{name}`");
            return Err(StageError::usage(message).hint(
                "a JSON object has each name once: give the columns different names, or write a table (--to csv)",
            ));
        }
        let movielens = job.movielens.as_ref();
        let movielens = movielens
            .map(|own| ToMovieLens::new(own, columns))
            .transpose()?;
        let mut fields: Vec<Arc<Field>> = match &schema {
            Some(schema) => schema.fields().iter().cloned().collect(),
            None => columns
                .iter()
                .map(|name| Arc::new(Field::new(name, DataType::Utf8, true)))
                .collect(),
        };
        fields.extend(added.fields().into_iter().map(Arc::new));
        Ok(Self {
            format: job.output_format,
            added,
            abstain: job.abstain,
            columns: columns.to_vec(),
            // Without the metadata: it is no longer the table that it was.
            schema: Arc::new(Schema::new(fields)),
            movielens,
        })
    }

    /// The columns that are added.
    pub(super) fn added(&self) -> &Added {
        &self.added
    }

    /// Writes the rows of a chunk; gives how many. Rows that cannot be written join the refused.
    pub(super) fn write(
        &self,
        path: &Path,
        chunk: &Chunk,
        said: &[Prediction],
        refused: &mut Vec<Refused>,
    ) -> Result<u64, StageError> {
        let said: Vec<Prediction> = said
            .iter()
            .cloned()
            .map(|said| if self.abstain { said.or_none() } else { said })
            .collect();
        if let Some(movielens) = &self.movielens {
            return self.write_movielens(movielens, path, chunk, &said, refused);
        }
        match self.format {
            Format::Csv | Format::Tsv => self.write_csv(path, chunk, &said)?,
            Format::Jsonl => self.write_json(path, chunk, &said)?,
            Format::Parquet => self.write_parquet(path, chunk, &said)?,
        }
        Ok(said.len() as u64)
    }

    fn write_movielens(
        &self,
        movielens: &ToMovieLens,
        path: &Path,
        chunk: &Chunk,
        said: &[Prediction],
        refused: &mut Vec<Refused>,
    ) -> Result<u64, StageError> {
        let mut out = self.csv_writer(path)?;
        let mut rows = 0;
        let fields = movielens.fields(&self.columns, chunk)?;
        for ((fields, said), (line, text)) in fields
            .into_iter()
            .zip(said)
            .zip(chunk.lines.iter().zip(&chunk.texts))
        {
            let reason = match (fields, said.rating) {
                (Ok([user, movie, time]), Some(rating)) => {
                    out.write_record([user, movie, on_scale(rating), time])
                        .map_err(of_csv)?;
                    rows += 1;
                    continue;
                }
                (Ok(_), None) => format!("left out for its flags: {}", said.flags.names()),
                (Err(reason), _) => reason,
            };
            refused.push(Refused::new(*line, reason, text.as_bytes()));
        }
        out.flush()?;
        Ok(rows)
    }

    fn csv_writer(&self, path: &Path) -> Result<csv::Writer<File>, StageError> {
        let file = File::create(path)?;
        let mut builder = csv::WriterBuilder::new();
        Ok(builder
            .delimiter(self.format.delimiter())
            .buffer_capacity(1 << 16)
            .from_writer(file))
    }

    fn write_csv(&self, path: &Path, chunk: &Chunk, said: &[Prediction]) -> Result<(), StageError> {
        let mut out = self.csv_writer(path)?;
        let own = self.own(chunk)?;
        for (row, said) in said.iter().enumerate() {
            for column in &own {
                out.write_field(column[row].as_field()).map_err(of_csv)?;
            }
            for value in self.added.values(said) {
                out.write_field(cell(value).as_field()).map_err(of_csv)?;
            }
            out.write_record(None::<&[u8]>).map_err(of_csv)?;
        }
        Ok(out.flush()?)
    }

    fn write_json(
        &self,
        path: &Path,
        chunk: &Chunk,
        said: &[Prediction],
    ) -> Result<(), StageError> {
        let mut out = BufWriter::with_capacity(1 << 16, File::create(path)?);
        let names: Vec<String> = self
            .added
            .names()
            .iter()
            .map(|name| json_name(name))
            .collect();
        let own = match &chunk.rows {
            Rows::Json(_) => Vec::new(),
            _ => self.own(chunk)?,
        };
        let own_names: Vec<String> = self.columns.iter().map(|name| json_name(name)).collect();
        for (row, said) in said.iter().enumerate() {
            if let Rows::Json(rows) = &chunk.rows {
                let (line, members) = &rows[row];
                if let Some(name) = self
                    .added
                    .names()
                    .iter()
                    .find(|name| members.contains_key(*name))
                {
                    let message =
                        format!("line {} has a member `{name}` already", chunk.lines[row]);
                    return Err(StageError::usage(message).hint(
                        "choose what the added ones begin with, such as --prefix predicted_",
                    ));
                }
                // As it stands, so that no number and no order changes; an object with a text is not empty.
                out.write_all(line.strip_suffix('}').unwrap_or(line).as_bytes())?;
            } else {
                for (index, column) in own.iter().enumerate() {
                    let lead = if index == 0 { '{' } else { ',' };
                    write!(out, "{lead}{}:{}", own_names[index], column[row].as_json())?;
                }
            }
            for (name, value) in names.iter().zip(self.added.values(said)) {
                write!(out, ",{name}:{}", cell(value).as_json())?;
            }
            out.write_all(b"}\n")?;
        }
        Ok(out.flush()?)
    }

    fn write_parquet(
        &self,
        path: &Path,
        chunk: &Chunk,
        said: &[Prediction],
    ) -> Result<(), StageError> {
        let mut columns: Vec<ArrayRef> = match &chunk.rows {
            Rows::Arrow(batch) => batch.columns().to_vec(),
            _ => {
                let texts = |column: Vec<Cell<'_>>| -> ArrayRef {
                    let text = |cell: &Cell<'_>| match cell {
                        Cell::Null => None,
                        other => Some(other.as_field().to_owned()),
                    };
                    Arc::new(column.iter().map(text).collect::<StringArray>())
                };
                self.own(chunk)?.into_iter().map(texts).collect()
            }
        };
        let values: Vec<Vec<Value>> = said.iter().map(|said| self.added.values(said)).collect();
        for index in 0..self.added.names().len() {
            let column = values.iter().map(|row| row[index]);
            columns.push(match values.first().map(|row| row[index]) {
                Some(Value::Text(_) | Value::Flags(_)) => {
                    Arc::new(column.map(Value::text).collect::<StringArray>())
                }
                _ => Arc::new(column.map(Value::number).collect::<Float64Array>()),
            });
        }
        let mut out = ArrowWriter::try_new(
            File::create(path)?.into_parts().0,
            SchemaRef::clone(&self.schema),
            Some(properties()),
        )
        .map_err(of_parquet)?;
        if !said.is_empty() {
            let batch = RecordBatch::try_new(SchemaRef::clone(&self.schema), columns)
                .map_err(StageError::failed)?;
            out.write(&batch).map_err(of_parquet)?;
        }
        out.close().map_err(of_parquet)?;
        Ok(())
    }

    /// The values of the input's columns, column by column.
    fn own<'a>(&self, chunk: &'a Chunk) -> Result<Vec<Vec<Cell<'a>>>, StageError> {
        if let Rows::Json(rows) = &chunk.rows {
            let known: HashSet<&String> = self.columns.iter().collect();
            for ((_, members), line) in rows.iter().zip(&chunk.lines) {
                if let Some(name) = members.keys().find(|name| !known.contains(name)) {
                    let message = format!(
                        "line {line} has a member `{name}`, which the first object has not"
                    );
                    return Err(StageError::input(message)
                        .hint("a table has the same columns in every row: write JSON lines instead (--to jsonl)"));
                }
            }
        }
        let column = |index| chunk.rows.column_at(&self.columns, index);
        let columns: Result<_, _> = (0..self.columns.len()).map(column).collect();
        columns.map_err(StageError::failed)
    }

    /// Makes one file of the parts.
    pub(super) fn join(&self, parts: &[PathBuf], to: &Path) -> Result<(), StageError> {
        if self.format == Format::Parquet {
            return self.join_parquet(parts, to);
        }
        let mut out = File::create(to)?;
        if self.format != Format::Jsonl {
            let mut header = csv::WriterBuilder::new();
            let mut header = header
                .delimiter(self.format.delimiter())
                .from_writer(&mut out);
            match &self.movielens {
                Some(_) => header.write_record(COLUMNS).map_err(of_csv)?,
                None => {
                    let names = self.columns.iter().cloned().chain(self.added.names());
                    header.write_record(names).map_err(of_csv)?;
                }
            }
            header.flush()?;
        }
        for part in parts {
            io::copy(&mut File::open(part)?, &mut out)?;
        }
        Ok(())
    }

    /// Copies the row groups of the parts as they are.
    fn join_parquet(&self, parts: &[PathBuf], to: &Path) -> Result<(), StageError> {
        let schema = ArrowSchemaConverter::new()
            .convert(&self.schema)
            .map_err(of_parquet)?;
        let mut properties = WriterProperties::builder().build();
        add_encoded_arrow_schema_to_metadata(&self.schema, &mut properties);
        let out = BufWriter::new(File::create(to)?);
        let mut out =
            SerializedFileWriter::new(out, schema.root_schema_ptr(), Arc::new(properties))
                .map_err(of_parquet)?;
        for part in parts {
            let file = fs::File::open(part)?;
            let metadata =
                ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(of_parquet)?;
            for group in metadata.metadata().row_groups() {
                let mut copied = out.next_row_group().map_err(of_parquet)?;
                for column in group.columns() {
                    let closed = ColumnCloseResult {
                        bytes_written: u64::try_from(column.compressed_size()).unwrap_or(0),
                        rows_written: u64::try_from(group.num_rows()).unwrap_or(0),
                        metadata: column.clone(),
                        bloom_filter: None,
                        column_index: None,
                        offset_index: None,
                    };
                    copied.append_column(&file, closed).map_err(of_parquet)?;
                }
                copied.close().map_err(of_parquet)?;
            }
        }
        out.close().map_err(of_parquet)?;
        Ok(())
    }
}

/// The first name that is there before.
fn twice(columns: &[String]) -> Option<&str> {
    let mut seen = HashSet::new();
    let name = columns.iter().find(|name| !seen.insert(name.as_str()));
    name.map(String::as_str)
}

fn properties() -> WriterProperties {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .build()
}

/// A name as JSON.
fn json_name(name: &str) -> String {
    serde_json::Value::from(name).to_string()
}

fn of_csv(error: csv::Error) -> StageError {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error.into(),
        other => StageError::failed(format!("a row cannot be written: {other:?}")),
    }
}

fn of_parquet(error: parquet::errors::ParquetError) -> StageError {
    StageError::failed(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_no_texts_in_json() {
        let json = |value| cell(value).as_json();
        assert_eq!(json(Value::Number(Some(7.5))), "7.500000");
        assert_eq!(json(Value::Number(Some(f64::NAN))), "null");
        assert_eq!(json(Value::Text(Some("positive"))), "\"positive\"");
        assert_eq!(json(Value::Text(None)), "null");
    }
}
