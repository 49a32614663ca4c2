//! The description of a table: its name, version, columns and row order.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;

/// A table's schema, a constant of [`crate::tables`].
#[derive(Debug, Clone, Copy)]
pub struct TableSpec {
    /// The name, in the file's metadata.
    pub name: &'static str,
    /// The version, in the file's metadata; raised when a column changes in name, type or meaning.
    pub version: u32,
    /// What one row is.
    pub row: &'static str,
    /// The columns by which rows are sorted, or how else their order comes about.
    pub order: &'static str,
    /// Rows in a row group of the file.
    pub row_group_rows: usize,
    /// The columns, in order.
    pub columns: &'static [ColumnSpec],
}

/// A column.
#[derive(Debug, Clone, Copy)]
pub struct ColumnSpec {
    /// The name.
    pub name: &'static str,
    /// The type.
    pub column_type: ColumnType,
    /// Whether it may be null; `doc` says when it is.
    pub nullable: bool,
    /// Meaning, unit and null rule.
    pub doc: &'static str,
}

/// The types that our tables use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are Arrow's")]
pub enum ColumnType {
    Bool,
    UInt8,
    UInt32,
    UInt64,
    Int32,
    Int64,
    Float32,
    Float64,
    Utf8,
    Binary,
    ListInt32,
    ListUInt32,
    ListFloat32,
    ListUtf8,
}

impl ColumnSpec {
    /// A column without nulls.
    pub const fn new(name: &'static str, column_type: ColumnType, doc: &'static str) -> Self {
        Self {
            name,
            column_type,
            nullable: false,
            doc,
        }
    }

    /// A column that may be null.
    pub const fn nullable(name: &'static str, column_type: ColumnType, doc: &'static str) -> Self {
        Self {
            name,
            column_type,
            nullable: true,
            doc,
        }
    }
}

impl ColumnType {
    /// The Arrow type. Lists have Arrow's own item field: `item`, nullable (though never null).
    pub fn data_type(self) -> DataType {
        let list = |item| DataType::List(Arc::new(Field::new_list_field(item, true)));
        match self {
            Self::Bool => DataType::Boolean,
            Self::UInt8 => DataType::UInt8,
            Self::UInt32 => DataType::UInt32,
            Self::UInt64 => DataType::UInt64,
            Self::Int32 => DataType::Int32,
            Self::Int64 => DataType::Int64,
            Self::Float32 => DataType::Float32,
            Self::Float64 => DataType::Float64,
            Self::Utf8 => DataType::Utf8,
            Self::Binary => DataType::Binary,
            Self::ListInt32 => list(DataType::Int32),
            Self::ListUInt32 => list(DataType::UInt32),
            Self::ListFloat32 => list(DataType::Float32),
            Self::ListUtf8 => list(DataType::Utf8),
        }
    }
}

impl TableSpec {
    /// The Arrow schema.
    pub fn schema(&self) -> SchemaRef {
        let field = |column: &ColumnSpec| {
            Field::new(column.name, column.column_type.data_type(), column.nullable)
        };
        Arc::new(Schema::new(
            self.columns.iter().map(field).collect::<Vec<_>>(),
        ))
    }

    /// A batch of this table from its columns in order; an error names a wrong type, a null where none
    /// may be, or unequal lengths.
    pub fn batch(&self, columns: Vec<ArrayRef>) -> Result<RecordBatch, ArrowError> {
        RecordBatch::try_new(self.schema(), columns)
    }
}
