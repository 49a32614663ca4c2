//! Parquet tables of known schemas: one writer, one reader.
//!
//! Owns how a table stands in a file: zstd, fixed row groups, a fixed `created_by`, the table's name
//! and version in the metadata. Does not own which tables there are (`tables`). A reader refuses a
//! table of another name, version or schema by name; column look-ups after that cannot fail.
//!
//! Nothing of the machine reaches a file: the same batches in the same order give the same bytes.

mod read;
mod spec;
mod write;

use std::path::{Path, PathBuf};

use thiserror::Error;

pub use read::{TableFooter, TableReader, column};
pub use spec::{ColumnSpec, ColumnType, TableSpec};
pub use write::{EncodedGroup, GroupEncoder, GroupWriter, TableWriter};

/// Why a table could not be read or written.
#[derive(Debug, Error)]
pub enum TableError {
    /// The file could not be opened, created or moved into place.
    #[error("cannot access `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is no Parquet file, or a damaged one.
    #[error("`{}` is not a readable Parquet file", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the parquet crate said.
        source: parquet::errors::ParquetError,
    },
    /// A batch is broken.
    #[error("`{}` holds a broken batch", path.display())]
    Arrow {
        /// The file.
        path: PathBuf,
        /// What the arrow crate said.
        source: arrow::error::ArrowError,
    },
    /// The file is a table of another kind, or none of ours.
    #[error("`{}` is not a `{wanted}` table: it {found}", path.display())]
    OtherTable {
        /// The file.
        path: PathBuf,
        /// The table that was wanted.
        wanted: &'static str,
        /// What the file is.
        found: String,
    },
    /// The table has a version that this program does not know.
    #[error("`{}` is a `{table}` table of version {found}; this program reads version {wanted}", path.display())]
    OtherVersion {
        /// The file.
        path: PathBuf,
        /// The table.
        table: &'static str,
        /// The version in the file.
        found: String,
        /// The version that is read.
        wanted: u32,
    },
    /// The columns are not those of the schema.
    #[error("`{}` does not have the columns of the `{table}` table: {difference}", path.display())]
    OtherSchema {
        /// The file.
        path: PathBuf,
        /// The table.
        table: &'static str,
        /// The first difference.
        difference: String,
    },
}

impl TableError {
    /// The I/O error at the bottom, where the machine and not the data is at fault.
    pub fn io(&self) -> Option<&std::io::Error> {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(self);
        while let Some(error) = cause {
            if let Some(io) = error.downcast_ref::<std::io::Error>() {
                return Some(io);
            }
            // parquet keeps an I/O error behind a box that `source` does not open.
            if let Some(parquet::errors::ParquetError::External(inner)) = error.downcast_ref()
                && let Some(io) = inner.downcast_ref::<std::io::Error>()
            {
                return Some(io);
            }
            cause = error.source();
        }
        None
    }
}

fn io_error(path: &Path) -> impl FnOnce(std::io::Error) -> TableError {
    let path = path.to_owned();
    move |source| TableError::Io { path, source }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt64Array};

    use super::*;

    static TOY: TableSpec = TableSpec {
        name: "toy",
        version: 2,
        row: "a toy",
        order: "id",
        row_group_rows: 2,
        columns: &[
            ColumnSpec::new("id", ColumnType::UInt64, "number"),
            ColumnSpec::nullable("name", ColumnType::Utf8, "name; null where it has none"),
        ],
    };
    static NEWER: TableSpec = TableSpec { version: 3, ..TOY };
    static OTHER: TableSpec = TableSpec {
        name: "other",
        ..TOY
    };

    fn batch() -> RecordBatch {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(UInt64Array::from(vec![1, 2, 3])),
            Arc::new(StringArray::from(vec![Some("a"), None, Some("c")])),
        ];
        TOY.batch(columns).unwrap()
    }

    fn write(path: &Path) {
        let mut writer = TableWriter::create(path, &TOY).unwrap();
        writer.write(&batch()).unwrap();
        assert_eq!(writer.finish().unwrap(), 3);
    }

    #[test]
    fn what_is_written_is_read_and_twice_gives_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (
            folder.path().join("a.parquet"),
            folder.path().join("b.parquet"),
        );
        write(&a);
        write(&b);
        assert_eq!(fs_err::read(&a).unwrap(), fs_err::read(&b).unwrap());

        let reader = TableReader::open(&a, &TOY).unwrap();
        assert_eq!(reader.rows(), 3);
        let batches: Vec<RecordBatch> = reader
            .batches(8)
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(batches, [batch()]);
        let names: &StringArray = column(&batches[0], "name");
        assert_eq!(names.value(2), "c");
    }

    #[test]
    fn row_groups_encoded_elsewhere_give_the_same_file_as_batches() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (
            folder.path().join("a.parquet"),
            folder.path().join("b.parquet"),
        );
        write(&a);
        let mut writer = TableWriter::create(&b, &TOY).unwrap().by_groups().unwrap();
        let encoder = writer.encoder();
        // The toy's row groups have two rows.
        let groups = std::thread::scope(|scope| {
            let encode = |from, rows| {
                let encoder = &encoder;
                scope.spawn(move || encoder.encode(&batch().slice(from, rows)).unwrap())
            };
            [encode(0, 2), encode(2, 1)].map(|thread| thread.join().unwrap())
        });
        for group in groups {
            writer.append(group).unwrap();
        }
        assert_eq!(writer.finish().unwrap(), 3);
        assert_eq!(fs_err::read(&a).unwrap(), fs_err::read(&b).unwrap());
    }

    #[test]
    fn another_name_version_or_kind_of_file_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("toy.parquet");
        write(&path);
        let text = |spec| TableReader::open(&path, spec).err().unwrap().to_string();
        assert!(
            text(&NEWER).ends_with("is a `toy` table of version 2; this program reads version 3")
        );
        assert!(text(&OTHER).ends_with("is not a `other` table: it is a `toy` table"));

        fs_err::write(&path, "no parquet").unwrap();
        assert!(text(&TOY).ends_with("is not a readable Parquet file"));
    }

    #[test]
    fn a_note_is_read_as_it_was_written_and_changes_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("toy.parquet");
        let mut writer = TableWriter::create(&path, &TOY).unwrap();
        writer.note("toy.maker", "a & b".to_owned());
        writer.write(&batch()).unwrap();
        writer.finish().unwrap();
        let reader = TableReader::open(&path, &TOY).unwrap();
        assert_eq!(reader.note("toy.maker").as_deref(), Some("a & b"));
        assert_eq!(reader.note("toy.owner"), None);
        assert_eq!(reader.rows(), 3);
    }

    #[test]
    fn an_unfinished_table_is_never_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("toy.parquet");
        let mut writer = TableWriter::create(&path, &TOY).unwrap();
        writer.write(&batch()).unwrap();
        drop(writer);
        assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 0);
    }
}
