//! The frame that turns stage kinds into a program.
//!
//! Owns the command line of every stage program: `describe`, `KIND --task-file task.json` for the runner,
//! and `KIND --INPUT PATH --PARAM VALUE --out DIR` for people, generated from the kind's own
//! description, so that the three cannot disagree. Does not own any kind's work.
//!
//! ```no_run
//! # use cinescore_artifact::{describe::{Input, Output}, program::{Kind, Program, TaskContext}, StageError, tables};
//! # #[derive(Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
//! # struct TextParams {}
//! fn run(params: TextParams, context: &mut TaskContext) -> Result<(), StageError> { Ok(()) }
//!
//! fn main() -> std::process::ExitCode {
//!     Program::new("cinescore-featurize", "Turns tables into model inputs.", "<code digest>")
//!         .kind(
//!             Kind::new("text", "Reviews to token ids.", run)
//!                 .input(Input::table("reviews", &tables::REVIEWS, "the reviews"))
//!                 .output(Output::table("tokens", &tables::TOKENS, "their ids")),
//!         )
//!         .main()
//! }
//! ```

mod command_line;
mod context;
mod progress;

use std::io::{self, Write as _};
use std::process::ExitCode;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use context::TaskContext;
pub use progress::Progress;

/// Prints data on stdout, as it is. A reader that went away (`| head`) is no error.
pub fn print(text: &str) -> Result<(), StageError> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

use crate::describe::{Input, KeyPart, KindDescription, Output, PROTOCOL, ProgramDescription};
use crate::digest::Digest;
use crate::error::{self, StageError};
use crate::task::{PART, PROVENANCE_INPUT, RESULT_FILE, RUNNER_VARIABLE, Shard, Task, Work};
use crate::{exit, params};

type Run = Box<dyn Fn(&Value, &mut TaskContext) -> Result<(), StageError>>;
type RunShard = Box<dyn Fn(&Value, Shard, &mut TaskContext) -> Result<(), StageError>>;

/// A kind of work: its description and its function.
pub struct Kind {
    description: KindDescription,
    run: Run,
    divided: Option<Divided>,
}

/// How a work is done in shares.
struct Divided {
    shard: RunShard,
    merge: Run,
}

impl Kind {
    /// A kind with parameters `P` (serde: `default` and `deny_unknown_fields`; schemars: a doc
    /// comment, `range` and `unit` on each field).
    pub fn new<P: DeserializeOwned + JsonSchema + 'static>(
        name: &str,
        about: &str,
        run: impl Fn(P, &mut TaskContext) -> Result<(), StageError> + 'static,
    ) -> Self {
        let description = KindDescription {
            name: name.into(),
            about: about.into(),
            params: schema_of::<P>(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            keyed_by: Vec::new(),
            libtorch: None,
            provenance: false,
            shards: false,
        };
        let run = move |params: &Value, context: &mut TaskContext| run(typed(params)?, context);
        Self {
            description,
            run: Box::new(run),
            divided: None,
        }
    }

    /// Lets the work be divided. `shard` does one share and leaves what it has in the folder [`TaskContext::part`];
    /// `merge` makes the outputs of the shards' folders ([`TaskContext::parts`]). The outputs must be, byte for byte,
    /// those of the undivided work, and so must the result but for its `performance`: they are kept under the same key.
    #[must_use]
    pub fn sharded<P: DeserializeOwned + 'static>(
        mut self,
        shard: impl Fn(P, Shard, &mut TaskContext) -> Result<(), StageError> + 'static,
        merge: impl Fn(P, &mut TaskContext) -> Result<(), StageError> + 'static,
    ) -> Self {
        self.description.shards = true;
        self.divided = Some(Divided {
            shard: Box::new(move |params, own, context| shard(typed(params)?, own, context)),
            merge: Box::new(move |params, context| merge(typed(params)?, context)),
        });
        self
    }

    /// Adds an input; the order is the order in the key.
    #[must_use]
    pub fn input(mut self, input: Input) -> Self {
        self.description.inputs.push(input);
        self
    }

    /// Adds an output.
    #[must_use]
    pub fn output(mut self, output: Output) -> Self {
        self.description.outputs.push(output);
        self
    }

    /// Makes a part of the machine part of the key.
    #[must_use]
    pub fn keyed_by(mut self, part: KeyPart) -> Self {
        self.description.keyed_by.push(part);
        self
    }

    /// Makes LibTorch's version part of the key.
    #[must_use]
    pub fn keyed_by_libtorch(mut self, version: &str) -> Self {
        self.description.libtorch = Some(version.into());
        self.keyed_by(KeyPart::Libtorch)
    }

    /// Asks the runner for the input `provenance` (read it with [`TaskContext::provenance`]).
    #[must_use]
    pub fn with_provenance(mut self) -> Self {
        self.description.provenance = true;
        let about = "how everything above was made; the runner gives it";
        self.input(Input::file(PROVENANCE_INPUT, about).optional())
    }
}

/// A verb that is no kind of work of a pipeline: it takes no task and its outputs are kept nowhere.
pub struct Verb {
    command: clap::Command,
    run: VerbRun,
}

type VerbRun = Box<dyn Fn(&clap::ArgMatches) -> Result<(), StageError>>;

impl Verb {
    /// A verb of this command line, `cinescore-X NAME ...`.
    pub fn new(
        command: clap::Command,
        run: impl Fn(&clap::ArgMatches) -> Result<(), StageError> + 'static,
    ) -> Self {
        Self {
            command,
            run: Box::new(run),
        }
    }
}

/// A stage program.
pub struct Program {
    name: &'static str,
    about: &'static str,
    code: &'static str,
    kinds: Vec<Kind>,
    verbs: Vec<Verb>,
}

impl Program {
    /// A program without kinds. `code` is `env!("CINESCORE_CODE_DIGEST")`, which the build helper
    /// `cinescore-codedigest` sets.
    pub fn new(name: &'static str, about: &'static str, code: &'static str) -> Self {
        Self {
            name,
            about,
            code,
            kinds: Vec::new(),
            verbs: Vec::new(),
        }
    }

    /// Adds a verb that is no kind.
    #[must_use]
    pub fn verb(mut self, verb: Verb) -> Self {
        self.verbs.push(verb);
        self
    }

    /// Adds a kind.
    #[must_use]
    pub fn kind(mut self, kind: Kind) -> Self {
        self.kinds.push(kind);
        self
    }

    /// What `describe` prints.
    pub fn describe(&self) -> Result<ProgramDescription, StageError> {
        Ok(ProgramDescription {
            protocol: PROTOCOL,
            program: self.name.into(),
            code: self.code.parse::<Digest>().map_err(StageError::failed)?,
            kinds: self
                .kinds
                .iter()
                .map(|kind| kind.description.clone())
                .collect(),
        })
    }

    /// Runs the program on this process's arguments.
    pub fn main(self) -> ExitCode {
        match self.dispatch() {
            Ok(()) => ExitCode::from(exit::DONE),
            Err(error) => {
                error::print(&error);
                ExitCode::from(error.class().exit_code())
            }
        }
    }

    fn dispatch(&self) -> Result<(), StageError> {
        match command_line::parse(self)? {
            command_line::Request::Describe => command_line::print_json(&self.describe()?),
            command_line::Request::Verb { verb, matches } => (verb.run)(&matches),
            command_line::Request::Task { kind, task } => {
                let task = Task::read(&task).map_err(StageError::usage)?;
                if task.protocol != PROTOCOL || task.kind != kind.description.name {
                    return Err(StageError::usage(format!(
                        "the task is for `{}` in version {} of the protocol; this is `{}` in version {PROTOCOL}",
                        task.kind, task.protocol, kind.description.name
                    )));
                }
                die_with_runner()?;
                kind.perform(task, Progress::for_runner())?;
                Ok(())
            }
            command_line::Request::Direct(request) => request.perform(),
        }
    }
}

impl Kind {
    /// Checks the parameters, does the work, checks that every output is there, and writes
    /// `result.json` last.
    fn perform(
        &self,
        task: Task,
        progress: Progress,
    ) -> Result<crate::task::TaskResult, StageError> {
        let kind = &self.description;
        if let Some(problem) = params::check(&kind.params, &task.params).first() {
            let known = match problem.known.as_slice() {
                [] => String::new(),
                known => format!(" (known: {})", known.join(", ")),
            };
            return Err(StageError::usage(format!(
                "parameter `{}` of `{}`: {}{known}",
                problem.path.join("."),
                kind.name,
                problem.message
            )));
        }
        // Fails only if a pool was built before, and then this process has its threads already.
        rayon::ThreadPoolBuilder::new()
            .num_threads(task.threads)
            .build_global()
            .ok();
        let params = params::complete(&kind.params, &task.params);
        let undivided = || {
            StageError::usage(format!(
                "`{}` cannot be divided, and the task asks for a part of it",
                kind.name
            ))
        };
        let outputs = match &task.work {
            Work::Shard(_) => vec![Output::folder(PART, "what the merge reads")],
            Work::Whole | Work::Merge { .. } => kind.outputs.clone(),
        };
        let work = task.work.clone();
        let mut context = TaskContext::new(task, outputs.clone(), progress)?;
        match (&work, &self.divided) {
            (Work::Whole, _) => (self.run)(&params, &mut context)?,
            (Work::Shard(own), Some(divided)) if own.index < own.count => {
                fs_err::create_dir_all(context.part())?;
                (divided.shard)(&params, *own, &mut context)?;
            }
            (Work::Shard(own), Some(_)) => {
                return Err(StageError::usage(format!(
                    "there is no shard {} of {}, counted from 0",
                    own.index, own.count
                )));
            }
            (Work::Merge { .. }, Some(divided)) => (divided.merge)(&params, &mut context)?,
            (Work::Shard(_) | Work::Merge { .. }, None) => return Err(undivided()),
        }
        let (task, result) = context.into_result();
        for output in &outputs {
            let path = task.output_dir.join(&output.file_name);
            if !path.exists() {
                return Err(StageError::failed(format!(
                    "`{}` ended without writing its output `{}`",
                    kind.name, output.name
                )));
            }
        }
        // Not forced onto the disk: whoever reads it does so at once, and puts what counts into the store.
        let bytes = serde_json::to_vec_pretty(&result).map_err(StageError::failed)?;
        fs_err::write(task.output_dir.join(RESULT_FILE), bytes)?;
        Ok(result)
    }
}

/// A runner that is killed takes its stages with it: nobody would read their results.
fn die_with_runner() -> Result<(), StageError> {
    let Some(runner) = std::env::var(RUNNER_VARIABLE)
        .ok()
        .and_then(|id| id.parse::<i32>().ok())
    else {
        return Ok(());
    };
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
        .map_err(std::io::Error::from)?;
    // It may have died before the line above.
    let parent = rustix::process::getppid().map(|parent| parent.as_raw_nonzero().get());
    if parent == Some(runner) {
        Ok(())
    } else {
        Err(StageError::interrupted())
    }
}

/// Parameters, checked against their schema before.
fn typed<P: DeserializeOwned>(params: &Value) -> Result<P, StageError> {
    P::deserialize(params).map_err(|error| StageError::usage(error.to_string()))
}

/// The JSON Schema of a parameter struct, everything inlined.
pub fn schema_of<P: JsonSchema>() -> Value {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    settings
        .into_generator()
        .into_root_schema_for::<P>()
        .to_value()
}

/// A value as JSON text for people: a short text stays bare.
fn display<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(text)) => text,
        Ok(value) => value.to_string(),
        Err(error) => error.to_string(),
    }
}
