//! What a stage program says of itself: its kinds, their parameters, inputs and outputs, and what
//! is part of a result's key. The runner plans from this alone.
//!
//! Owns the format of `cinescore-X describe`. Does not own how the runner remembers it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::digest::Digest;
use crate::table::TableSpec;

/// The version of this format and of the task protocol; a runner refuses others.
pub const PROTOCOL: u32 = 1;

/// A stage program.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProgramDescription {
    /// The version of this format.
    pub protocol: u32,
    /// The program's file name, `cinescore-featurize`.
    pub program: String,
    /// The digest of the program's own closure: the workspace crates that it links, their part of
    /// `Cargo.lock`, features, compiler and target.
    pub code: Digest,
    /// What it can do.
    pub kinds: Vec<KindDescription>,
}

/// One kind of work, `text` in `featurize text`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KindDescription {
    /// The name; equal to the program's short name where the program has one kind (`report`).
    pub name: String,
    /// One line for people.
    pub about: String,
    /// JSON Schema of the parameters: type, `unit`, range, default and documentation of each.
    pub params: Value,
    /// The inputs, in the order in which they enter the key.
    pub inputs: Vec<Input>,
    /// The outputs.
    pub outputs: Vec<Output>,
    /// What of the machine is part of the key.
    pub keyed_by: Vec<KeyPart>,
    /// The version of LibTorch, where `keyed_by` says that it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub libtorch: Option<String>,
    /// Whether the stage is given an extra input `provenance`: how everything above it was made.
    #[serde(default)]
    pub provenance: bool,
    /// Whether its work can be divided: it then takes tasks for one shard, and tasks that merge all of them
    /// ([`crate::task::Work`]).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shards: bool,
}

/// What of the machine can change a result's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyPart {
    /// The number of threads (the order of floating-point sums).
    Threads,
    /// The class of device: `cpu` or `cuda`.
    Device,
    /// The version of LibTorch.
    Libtorch,
}

/// An input of a kind.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Input {
    /// The name, as in a pipeline's `inputs`.
    pub name: String,
    /// One line for people.
    pub about: String,
    /// What it must be.
    pub form: Form,
    /// Whether it may be left out.
    pub optional: bool,
    /// Whether it takes any number of artifacts, or whole stages.
    pub many: bool,
}

impl Input {
    fn new(name: &str, about: &str, form: Form) -> Self {
        Self {
            name: name.into(),
            about: about.into(),
            form,
            optional: false,
            many: false,
        }
    }

    /// A table.
    pub fn table(name: &str, spec: &TableSpec, about: &str) -> Self {
        Self::new(name, about, Form::of_table(spec))
    }

    /// One of several tables.
    pub fn tables(name: &str, specs: &[&TableSpec], about: &str) -> Self {
        let tables = specs.iter().map(|spec| Form::of_table(spec)).collect();
        Self::new(name, about, Form::OneOf(tables))
    }

    /// A file of another stage, or one of the user's own.
    pub fn file(name: &str, about: &str) -> Self {
        Self::new(name, about, Form::File)
    }

    /// A network file (see the crate `cinescore-network`), whose parameters the kind's own parameter
    /// `network_params` sets; the runner checks it when it plans.
    pub fn network(name: &str, about: &str) -> Self {
        Self::new(name, about, Form::Network)
    }

    /// A folder of another stage.
    pub fn folder(name: &str, about: &str) -> Self {
        Self::new(name, about, Form::Folder)
    }

    /// Raw data: a file or folder, or a folder in which it is found under one of the accepted names
    /// (see [`crate::source`]).
    pub fn source(name: &str, accepts: &[&str], about: &str) -> Self {
        let accepts = accepts.iter().map(|&pattern| pattern.into()).collect();
        Self::new(name, about, Form::Source { accepts })
    }

    /// Any artifact of any stage.
    pub fn any(name: &str, about: &str) -> Self {
        Self::new(name, about, Form::Any)
    }

    /// May be left out.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Takes any number.
    #[must_use]
    pub fn many(mut self) -> Self {
        self.many = true;
        self
    }
}

/// An output of a kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// The name, as in a reference `stage.output`.
    pub name: String,
    /// One line for people.
    pub about: String,
    /// What it is.
    pub form: Form,
    /// The name of its file or folder.
    pub file_name: String,
}

impl Output {
    /// A table, kept as `NAME.parquet`.
    pub fn table(name: &str, spec: &TableSpec, about: &str) -> Self {
        let file_name = format!("{name}.parquet");
        Self {
            name: name.into(),
            about: about.into(),
            form: Form::of_table(spec),
            file_name,
        }
    }

    /// A file.
    pub fn file(name: &str, file_name: &str, about: &str) -> Self {
        Self {
            name: name.into(),
            about: about.into(),
            form: Form::File,
            file_name: file_name.into(),
        }
    }

    /// A folder.
    pub fn folder(name: &str, about: &str) -> Self {
        Self {
            name: name.into(),
            about: about.into(),
            form: Form::Folder,
            file_name: name.into(),
        }
    }
}

/// What an input or output is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// A Parquet table of a known schema.
    Table {
        /// The table's name.
        table: String,
        /// Its schema's version.
        version: u32,
        /// The names of its columns.
        #[serde(default)]
        columns: Vec<String>,
    },
    /// One of several tables.
    OneOf(Vec<Form>),
    /// A file.
    File,
    /// A file that says how a network is built.
    Network,
    /// A folder.
    Folder,
    /// Raw data in a public format.
    Source {
        /// Names accepted in a folder, best first; a `/` at the end means a folder.
        accepts: Vec<String>,
    },
    /// Anything.
    Any,
}

impl Form {
    fn of_table(spec: &TableSpec) -> Self {
        Self::Table {
            table: spec.name.into(),
            version: spec.version,
            columns: spec
                .columns
                .iter()
                .map(|column| column.name.into())
                .collect(),
        }
    }

    /// Whether an output of form `given` may be used as an input of this form.
    pub fn takes(&self, given: &Self) -> bool {
        match self {
            Self::Any | Self::Source { .. } => true,
            Self::OneOf(forms) => forms.iter().any(|form| form.takes(given)),
            Self::File | Self::Network => {
                matches!(given, Self::File | Self::Network | Self::Table { .. })
            }
            _ => self == given,
        }
    }
}

impl std::fmt::Display for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Table { table, version, .. } => write!(f, "table `{table}` (version {version})"),
            Self::OneOf(forms) => {
                for (index, form) in forms.iter().enumerate() {
                    let between = if index == 0 { "" } else { " or " };
                    write!(f, "{between}{form}")?;
                }
                Ok(())
            }
            Self::File => f.write_str("file"),
            Self::Network => f.write_str("network file"),
            Self::Folder => f.write_str("folder"),
            Self::Source { accepts } => write!(f, "raw data ({})", accepts.join(", ")),
            Self::Any => f.write_str("anything"),
        }
    }
}
