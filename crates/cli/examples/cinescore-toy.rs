//! A stage program that takes no time and does what a test tells it: the runner's tests run it as they
//! would run a real one.

use std::process::ExitCode;
use std::time::Duration;

use cinescore_artifact::describe::{Input, KeyPart, Output};
use cinescore_artifact::program::{Kind, Program, TaskContext};
use cinescore_artifact::task::Shard;
use cinescore_artifact::{Digest, StageError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a toy stage does.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct ToyParams {
    /// What it writes after its inputs.
    text: String,
    /// How long it works before it writes.
    #[schemars(range(max = 60_000), extend("unit" = "milliseconds"))]
    sleep_millis: u64,
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
    /// Without having written its output.
    NoOutput,
    /// By a crash.
    Abort,
    /// Well, but with other bytes every time.
    Random,
    /// Well, leaving a process behind that holds its pipe open.
    Orphan,
}

impl Default for ToyParams {
    fn default() -> Self {
        Self {
            text: "toy".into(),
            sleep_millis: 0,
            end: End::Well,
        }
    }
}

fn toy(params: ToyParams, context: &mut TaskContext) -> Result<(), StageError> {
    let mut made = String::new();
    for input in context.inputs("from") {
        made.push_str(&fs_err::read_to_string(&input.path)?);
    }
    for _ in 0..params.sleep_millis / 10 {
        context.check_interrupt()?;
        std::thread::sleep(Duration::from_millis(10));
    }
    made.push_str(&params.text);
    made.push('\n');
    match params.end {
        End::Well => {}
        End::Refused => {
            return Err(StageError::input("the input is refused").hint("choose another"));
        }
        End::NoOutput => return Ok(()),
        End::Abort => std::process::abort(),
        End::Random => made.push_str(&format!("{:?}", std::time::Instant::now())),
        End::Orphan => {
            std::process::Command::new("sleep").arg("600").spawn()?;
        }
    }
    fs_err::write(context.output("made"), made)?;
    context
        .result()
        .metrics
        .insert("length".into(), params.text.len() as f64);
    context.progress().step("made");
    Ok(())
}

/// What a stage that makes a folder does.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct FolderParams {
    /// How many files it writes, the first at the top and the others a level below.
    files: usize,
}

impl Default for FolderParams {
    fn default() -> Self {
        Self { files: 2 }
    }
}

fn folder(params: FolderParams, context: &mut TaskContext) -> Result<(), StageError> {
    let mut joined = String::new();
    for input in context.inputs("from") {
        // Only looked at: it may be large.
        let files = match input.path.is_dir() {
            true => cinescore_artifact::digest::files_below(&input.path)
                .map_err(StageError::input)?
                .len(),
            false => 1,
        };
        let bytes = cinescore_artifact::store::size_of(&input.path);
        joined.push_str(&format!("{files} files, {bytes} bytes\n"));
    }
    let folder = context.output("bundle");
    fs_err::create_dir_all(folder.join("deep"))?;
    for index in 0..params.files {
        let level = if index == 0 { "" } else { "deep/" };
        fs_err::write(
            folder.join(format!("{level}{index}.txt")),
            format!("{index} {joined}"),
        )?;
    }
    let result = context.result();
    result.metrics.insert("files".into(), params.files as f64);
    Ok(())
}

/// What a stage that goes step by step does.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct ClimbParams {
    /// What each step adds to half of what is there. Negative: it fails.
    stride: f64,
    /// Steps in all.
    steps: u64,
    /// Stop after so many steps, to go on later; after all of them where not said.
    stop_after: Option<u64>,
}

impl Default for ClimbParams {
    fn default() -> Self {
        Self {
            stride: 1.0,
            steps: 9,
            stop_after: None,
        }
    }
}

fn climb(params: ClimbParams, context: &mut TaskContext) -> Result<(), StageError> {
    if params.stride < 0.0 {
        return Err(StageError::failed("it fell"));
    }
    let (mut done, mut height) = match context.inputs("checkpoint") {
        [] => (0, 0.0),
        [checkpoint, ..] => {
            let text = fs_err::read_to_string(&checkpoint.path)?;
            serde_json::from_str::<(u64, f64)>(&text).map_err(StageError::input)?
        }
    };
    let mut taken = 0;
    while done < params.stop_after.unwrap_or(params.steps) {
        height = height / 2.0 + params.stride;
        done += 1;
        taken += 1;
    }
    let checkpoint = serde_json::to_string(&(done, height)).map_err(StageError::failed)?;
    fs_err::write(context.output("checkpoint"), checkpoint)?;
    fs_err::write(context.output("top"), format!("{height}\n"))?;
    let metrics = &mut context.result().metrics;
    metrics.insert("valid.height".into(), height);
    context.progress().step(&format!("took {taken} steps"));
    Ok(())
}

/// What a stage that takes time and memory does.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct WaitParams {
    /// What it writes.
    text: String,
    /// How long it works before it writes.
    #[schemars(range(max = 600_000), extend("unit" = "milliseconds"))]
    millis: u64,
    /// How much memory it holds meanwhile.
    #[schemars(extend("unit" = "MiB"))]
    mib: usize,
    /// The metric that it has.
    height: f64,
}

impl Default for WaitParams {
    fn default() -> Self {
        Self {
            text: "waited".into(),
            millis: 0,
            mib: 0,
            height: 0.0,
        }
    }
}

fn wait(params: WaitParams, context: &mut TaskContext) -> Result<(), StageError> {
    // Who wants to know how often anything is really done names a file.
    if let Ok(tally) = std::env::var("TOY_TALLY") {
        use std::io::Write as _;
        let mut options = std::fs::File::options();
        let mut tally = options.create(true).append(true).open(tally)?;
        tally.write_all(format!("{}\n", params.height).as_bytes())?;
    }
    let held = vec![1_u8; params.mib << 20];
    for _ in 0..params.millis / 10 {
        context.check_interrupt()?;
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(std::hint::black_box(held));
    fs_err::write(context.output("made"), format!("{}\n", params.text))?;
    let metrics = &mut context.result().metrics;
    metrics.insert("valid.height".into(), params.height);
    Ok(())
}

/// What a stage that works line by line does.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct LinesParams {
    /// What it writes before each line.
    text: String,
    /// How long it works on each line.
    #[schemars(range(max = 60_000), extend("unit" = "milliseconds"))]
    millis: u64,
    /// It fails at this line.
    fails_at: Option<String>,
}

impl LinesParams {
    /// What becomes of the lines that are asked for, with their numbers.
    fn work(
        &self,
        context: &TaskContext,
        is_mine: impl Fn(usize) -> bool,
    ) -> Result<Vec<(usize, String)>, StageError> {
        let mut made = Vec::new();
        let mut number = 0;
        for input in context.inputs("from") {
            for line in fs_err::read_to_string(&input.path)?.lines() {
                if is_mine(number) {
                    context.check_interrupt()?;
                    std::thread::sleep(Duration::from_millis(self.millis));
                    if self.fails_at.as_deref() == Some(line) {
                        return Err(StageError::failed(format!("it cannot do `{line}`")));
                    }
                    made.push((number, format!("{}{line}\n", self.text)));
                }
                number += 1;
            }
        }
        Ok(made)
    }
}

/// Writes the lines that were made.
fn write_lines(context: &mut TaskContext, made: &[(usize, String)]) -> Result<(), StageError> {
    let text: String = made.iter().map(|(_, line)| line.as_str()).collect();
    fs_err::write(context.output("made"), text)?;
    let metrics = &mut context.result().metrics;
    metrics.insert("lines".into(), made.len() as f64);
    Ok(())
}

fn lines(params: LinesParams, context: &mut TaskContext) -> Result<(), StageError> {
    let made = params.work(context, |_any| true)?;
    write_lines(context, &made)
}

fn lines_shard(
    params: LinesParams,
    shard: Shard,
    context: &mut TaskContext,
) -> Result<(), StageError> {
    for (number, line) in params.work(context, |number| shard.takes(number))? {
        fs_err::write(context.part().join(format!("{number:06}")), line)?;
    }
    Ok(())
}

fn lines_merge(_params: LinesParams, context: &mut TaskContext) -> Result<(), StageError> {
    let mut made = Vec::new();
    for part in context.parts() {
        for entry in fs_err::read_dir(part)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let number = name.parse().map_err(StageError::failed)?;
            made.push((number, fs_err::read_to_string(&path)?));
        }
    }
    made.sort();
    write_lines(context, &made)
}

fn main() -> ExitCode {
    let code = Digest::of_bytes(b"toy").to_hex();
    Program::new("cinescore-toy", "Writes what it is told.", code.leak())
        .kind(
            Kind::new("write", "Joins its inputs and adds a text.", toy)
                .input(Input::file("from", "what comes before").optional().many())
                .output(Output::file("made", "made.txt", "the text")),
        )
        .kind(
            Kind::new("train", "The same, with the machine in its key.", toy)
                .input(Input::file("from", "what comes before").optional().many())
                .output(Output::file("made", "made.txt", "the text"))
                .keyed_by(KeyPart::Threads),
        )
        .kind(
            Kind::new("folder", "Writes a folder of small files.", folder)
                .input(Input::any("from", "what comes before").optional().many())
                .output(Output::folder("bundle", "the files")),
        )
        .kind(
            Kind::new("wait", "Takes time and memory.", wait)
                .input(Input::file("from", "what comes before").optional().many())
                .output(Output::file("made", "made.txt", "the text")),
        )
        .kind(
            Kind::new("lines", "Works line by line.", lines)
                .input(Input::file("from", "the lines").many())
                .output(Output::file("made", "made.txt", "the lines"))
                .sharded(lines_shard, lines_merge),
        )
        .kind(
            Kind::new("climb", "Goes step by step.", climb)
                .input(Input::file("checkpoint", "where to go on").optional())
                .input(Input::file("from", "what comes before").optional())
                .output(Output::file(
                    "checkpoint",
                    "checkpoint.json",
                    "where it stands",
                ))
                .output(Output::file("top", "top.txt", "how high it is")),
        )
        .main()
}
