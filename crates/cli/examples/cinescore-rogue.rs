//! A stage program that behaves as badly as a test tells it: it fails, hangs, floods, hides processes
//! and lies about its outputs. The runner must contain and report all of it.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use cinescore_artifact::describe::{Input, Output};
use cinescore_artifact::program::{Kind, Program, TaskContext};
use cinescore_artifact::table::TableWriter;
use cinescore_artifact::{Digest, StageError, tables};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a rogue stage does.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct RogueParams {
    /// What it writes after its inputs.
    text: String,
    /// How long it works before it writes.
    #[schemars(range(max = 60_000), extend("unit" = "milliseconds"))]
    sleep_millis: u64,
    /// A file that must be there before it goes on.
    waits_for: String,
    /// A file that gets a line with `text` each time that the stage runs.
    counter: String,
    /// It fails until the counter has more lines than this.
    fails: usize,
    /// A variable that it writes after `text`, if it is set.
    variable: String,
    /// A file to which it adds a line while it works.
    edits: String,
    /// Bytes that it prints.
    prints: usize,
    /// Events that it sends.
    events: usize,
    /// How long a process that it leaves behind lives, seconds.
    daemon_secs: u32,
    /// Rows that it says to have written.
    rows: Option<u64>,
    /// How it ends.
    end: End,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum End {
    /// Well.
    Well,
    /// Refusing its input.
    Refused,
    /// Well, leaving a process behind in a session of its own.
    Daemon,
    /// The same, with an empty environment.
    NamelessDaemon,
    /// Not at all, whatever it is asked.
    Hang,
    /// By `kill -9`, after it has put a file into its scratch folder.
    Killed,
}

impl Default for RogueParams {
    fn default() -> Self {
        Self {
            text: "rogue".into(),
            sleep_millis: 0,
            waits_for: String::new(),
            counter: String::new(),
            fails: 0,
            variable: String::new(),
            edits: String::new(),
            prints: 0,
            events: 0,
            daemon_secs: 600,
            rows: None,
            end: End::Well,
        }
    }
}

fn rogue(params: RogueParams, context: &mut TaskContext) -> Result<(), StageError> {
    let mut made = String::new();
    for input in context.inputs("from") {
        made.push_str(&fs_err::read_to_string(&input.path)?);
    }
    if !params.counter.is_empty() {
        append(Path::new(&params.counter), &params.text)?;
        let runs = fs_err::read_to_string(&params.counter)?.lines().count();
        if runs <= params.fails {
            return Err(StageError::failed(format!("run {runs} fails")));
        }
    }
    if !params.edits.is_empty() {
        append(Path::new(&params.edits), "edited")?;
    }
    print_much(params.prints)?;
    for number in 0..params.events {
        context.progress().step(&format!("event {number}"));
    }
    for _ in 0..params.sleep_millis / 10 {
        context.check_interrupt()?;
        std::thread::sleep(Duration::from_millis(10));
    }
    let waits = !params.waits_for.is_empty();
    let mut rounds = 0;
    while waits && !Path::new(&params.waits_for).exists() {
        context.check_interrupt()?;
        std::thread::sleep(Duration::from_millis(10));
        rounds += 1;
        // Whoever was to make the file is gone.
        if rounds > 12_000 {
            return Err(StageError::failed("nobody came"));
        }
    }
    made.push_str(&params.text);
    made.push('\n');
    if let Ok(value) = std::env::var(&params.variable) {
        made.push_str(&format!("{} is {value}\n", params.variable));
    }
    // What an earlier try left, where the pipeline says that it is given back.
    let checkpoint = context.scratch().join("checkpoint");
    if checkpoint.exists() {
        context.progress().step("goes on from a checkpoint");
    }
    fs_err::write(&checkpoint, "half")?;
    match params.end {
        End::Well => {}
        End::Refused => {
            return Err(StageError::input("the input is refused").hint("choose another"));
        }
        End::Daemon => daemon(&mut Command::new("setsid"), params.daemon_secs)?,
        End::NamelessDaemon => daemon(Command::new("setsid").env_clear(), params.daemon_secs)?,
        End::Hang => loop {
            std::thread::sleep(Duration::from_secs(1));
        },
        End::Killed => {
            let own = std::process::id().to_string();
            Command::new("kill").args(["-9", &own]).status()?;
        }
    }
    fs_err::write(context.output("made"), made)?;
    context
        .result()
        .metrics
        .insert("length".into(), params.text.len() as f64);
    if let Some(rows) = params.rows {
        context.result().rows_out.insert("made".into(), rows);
    }
    context.progress().step("made");
    Ok(())
}

fn append(path: &Path, line: &str) -> Result<(), StageError> {
    let mut file = fs_err::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)?;
    Ok(file.write_all(format!("{line}\n").as_bytes())?)
}

fn print_much(mut bytes: usize) -> Result<(), StageError> {
    let mut stderr = std::io::stderr().lock();
    if bytes > 0 {
        writeln!(stderr, "the first line")?;
    }
    let line = b"noise and more noise, 32 bytes.\n".repeat(1024);
    while bytes > 0 {
        let piece = bytes.min(line.len());
        stderr.write_all(&line[..piece])?;
        bytes -= piece;
        if bytes == 0 {
            writeln!(stderr, "the last line")?;
        }
    }
    Ok(())
}

/// Leaves a process behind that is in no group, holds no pipe, and would live on.
fn daemon(command: &mut Command, secs: u32) -> Result<(), StageError> {
    command
        .args(["sleep", &secs.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    // It leaves the group first.
    std::thread::sleep(Duration::from_millis(100));
    Ok(())
}

/// What a stage that breaks its word does.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct LieParams {
    /// How it lies.
    lie: Lie,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Lie {
    /// Not at all.
    #[default]
    None,
    /// An output is missing.
    Missing,
    /// There is a file that it does not declare.
    Extra,
    /// A folder stands where it declares a file.
    WrongForm,
    /// A link to a file of somebody else's stands where it declares a file.
    Link,
    /// The folder holds such a link.
    LinkInFolder,
    /// The folder holds a pipe.
    PipeInFolder,
    /// A file is another name of somebody else's file.
    HardLink,
    /// There is no `result.json`.
    NoResult,
    /// `result.json` is empty.
    EmptyResult,
    /// A metric is not a number.
    NotANumber,
    /// It counts rows of an output that it does not have.
    UnknownRows,
    /// `result.json` has many megabytes.
    HugeResult,
    /// `result.json` is a pipe that nobody writes to.
    PipeAsResult,
}

/// Hands over whatever it likes, past everything that keeps a stage program honest.
fn lie(params: LieParams, context: &mut TaskContext) -> Result<(), StageError> {
    let (made, bundle) = (context.output("made"), context.output("bundle"));
    let folder = made.parent().unwrap_or(Path::new("."));
    fs_err::create_dir(&bundle)?;
    fs_err::write(bundle.join("part"), "part")?;
    let somebody_elses = context.scratch().join("somebody's");
    fs_err::write(&somebody_elses, "somebody else's\n")?;
    match params.lie {
        Lie::Missing => {}
        Lie::WrongForm => fs_err::create_dir(&made)?,
        Lie::Link => std::os::unix::fs::symlink("/etc/passwd", &made)?,
        Lie::HardLink => fs_err::hard_link(&somebody_elses, &made)?,
        _ => fs_err::write(&made, "made\n")?,
    }
    let pipe = |path: &Path| Command::new("mkfifo").arg(path).status();
    match params.lie {
        Lie::Extra => fs_err::write(folder.join("extra.txt"), "extra")?,
        Lie::LinkInFolder => std::os::unix::fs::symlink("/etc", bundle.join("link"))?,
        Lie::PipeInFolder => {
            pipe(&bundle.join("pipe"))?;
        }
        _ => {}
    }
    let place = folder.join("result.json");
    let result = match params.lie {
        Lie::EmptyResult => String::new(),
        Lie::NotANumber => r#"{"protocol": 1, "metrics": {"accuracy": null}}"#.into(),
        Lie::UnknownRows => r#"{"protocol": 1, "rows_out": {"reviews": 3}}"#.into(),
        Lie::HugeResult => format!(
            r#"{{"protocol": 1, "facts": {{"x": "{}"}}}}"#,
            "x".repeat(20 << 20)
        ),
        _ => r#"{"protocol": 1}"#.into(),
    };
    match params.lie {
        Lie::NoResult => {}
        Lie::PipeAsResult => {
            pipe(&place)?;
        }
        _ => fs_err::write(&place, result)?,
    }
    std::process::exit(0);
}

/// What a stage that makes a table does.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct TableParams {
    /// Rows that it says to have written; it writes none.
    rows: u64,
    /// What stands in the file.
    content: Content,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Content {
    /// The table that it declares.
    #[default]
    Table,
    /// Another one.
    AnotherTable,
    /// No table at all.
    Text,
}

fn table(params: TableParams, context: &mut TaskContext) -> Result<(), StageError> {
    let place = context.output("rejects");
    let write = |spec| TableWriter::create(&place, spec)?.finish();
    match params.content {
        Content::Table => write(&tables::REJECTS)?,
        Content::AnotherTable => write(&tables::METRICS)?,
        Content::Text => fs_err::write(&place, "no table").map(|()| 0)?,
    };
    let result = context.result();
    result.rows_out.insert("rejects".into(), params.rows);
    Ok(())
}

fn main() -> ExitCode {
    let code = Digest::of_bytes(b"rogue").to_hex();
    Program::new("cinescore-rogue", "Misbehaves as it is told.", code.leak())
        .kind(
            Kind::new("write", "Joins its inputs and adds a text.", rogue)
                .input(Input::file("from", "what comes before").optional().many())
                .output(Output::file("made", "made.txt", "the text")),
        )
        .kind(
            Kind::new("lie", "Hands over something else than it declares.", lie)
                .output(Output::file("made", "made.txt", "a text"))
                .output(Output::folder("bundle", "some files")),
        )
        .kind(
            Kind::new("table", "Writes an empty table.", table).output(Output::table(
                "rejects",
                &tables::REJECTS,
                "a table",
            )),
        )
        .main()
}
