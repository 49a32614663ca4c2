//! Files for other engines: what they say, by the engines' own formats, and that a run takes what they make.

mod kubernetes;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use serde_json::Value;

use crate::project::{Project, Ran};

/// A stage above, a matrix of two behind it, one in shards, and one that joins them.
const PIPELINE: &str = "\
version: 1
stages:
  a: {run: toy write, params: {text: one}, resources: {threads: 1, memory: 64MiB}, timeout: 90s}
  net:
    run: toy wait
    matrix: {n: [1, 2]}
    inputs: {from: a}
    params: {text: \"net ${n}\", height: \"${n}\"}
    resources: {threads: 2, memory: 100MB}
    retries: {times: 2, time_factor: 2}
    timeout: 60s
    env: [TOY_TALLY]
  lines: {run: toy lines, shards: 3, inputs: {from: a}, params: {text: \"> \"}, resources: {threads: 1}}
  all: {run: toy write, inputs: {from: [\"net[*].made\", lines.made]}, params: {text: end}, resources: {threads: 1}}
";

/// The tasks of it, in order.
const TASKS: [&str; 8] = [
    "a",
    "net[n=1]",
    "net[n=2]",
    "lines[shard=1]",
    "lines[shard=2]",
    "lines[shard=3]",
    "lines",
    "all",
];

/// HyperQueue's job definition file, every key that its reference has, and no other.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the format is held to, and part of it read")]
struct JobFile {
    #[serde(default)]
    name: String,
    stream: Option<PathBuf>,
    max_fails: Option<u32>,
    task: Vec<TaskDef>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the format is held to, and part of it read")]
struct TaskDef {
    id: u32,
    command: Vec<String>,
    #[serde(default)]
    deps: Vec<u32>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    stdout: Option<toml::Value>,
    stderr: Option<toml::Value>,
    stdin: Option<String>,
    cwd: Option<PathBuf>,
    pin: Option<String>,
    task_dir: Option<bool>,
    time_limit: Option<String>,
    priority: Option<i32>,
    crash_limit: Option<u32>,
    request: Vec<Request>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the format is held to, and part of it read")]
struct Request {
    n_nodes: Option<u32>,
    time_request: Option<String>,
    resources: BTreeMap<String, u64>,
}

struct Site {
    project: Project,
    tally: PathBuf,
}

impl Site {
    fn new(pipeline: &str) -> Self {
        let project = Project::new(pipeline);
        let tally = project.path().join("tally");
        Self { project, tally }
    }

    fn run(&self, arguments: &str) -> Ran {
        let mut command = self.project.command(arguments);
        Ran::of(command.env("TOY_TALLY", &self.tally).output().unwrap())
    }

    fn done(&self, arguments: &str) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran
    }

    /// Emits, and gives the files.
    fn emit(&self, arguments: &str) -> Vec<PathBuf> {
        let mount = self.project.path().display().to_string();
        let mount = match arguments.contains("k8s") {
            true => format!(" --mount {mount}"),
            false => String::new(),
        };
        let ran = self.done(&format!("emit {arguments}{mount}"));
        ran.stdout.lines().map(PathBuf::from).collect()
    }

    /// How often a stage with a tally really worked.
    fn worked(&self) -> usize {
        let tally = fs_err::read_to_string(&self.tally).unwrap_or_default();
        tally.lines().count()
    }

    /// A stage's fingerprint, and the object on view, which has its digest as name.
    fn result(&self, stage: &str) -> (String, std::ffi::OsString) {
        let path = self.project.path().join("artifacts/runs/demo").join(stage);
        let text = fs_err::read_to_string(path.join("stage.json")).unwrap();
        let view: Value = serde_json::from_str(&text).unwrap();
        let object = fs_err::canonicalize(path.join("made.txt")).unwrap();
        (
            view["fingerprint"].as_str().unwrap().to_owned(),
            object.file_name().unwrap().to_owned(),
        )
    }

    fn emissions(&self) -> usize {
        let folder = self.project.path().join("artifacts/store/emitted");
        fs_err::read_dir(folder).map_or(0, Iterator::count)
    }

    /// That the results are those of a run that emitted nothing.
    fn compare_with_local(&self, pipeline: &str) {
        let local = Site::new(pipeline);
        // The tally's place is in the keys.
        let mut command = local.project.command("run");
        command.env("TOY_TALLY", &self.tally);
        let worked = self.worked();
        assert_eq!(Ran::of(command.output().unwrap()).code, 0);
        assert_eq!(self.worked(), worked + 2);
        for stage in ["a", "net/n=1", "net/n=2", "lines", "all"] {
            assert_eq!(self.result(stage), local.result(stage), "{stage}");
        }
    }
}

fn job_file(path: &Path) -> JobFile {
    toml::from_str(&fs_err::read_to_string(path).unwrap()).unwrap()
}

/// Runs the tasks of a job file as HyperQueue would, one after another; gives the exit code of each.
fn run_tasks(job: &JobFile) -> Vec<i32> {
    let mut codes: BTreeMap<u32, i32> = BTreeMap::new();
    for task in &job.task {
        assert!(task.deps.iter().all(|need| codes.contains_key(need)));
        let [program, arguments @ ..] = task.command.as_slice() else {
            panic!("a task without a command");
        };
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(task.cwd.as_ref().unwrap());
        let code = command.status().unwrap().code().unwrap();
        codes.insert(task.id, code);
    }
    codes.into_values().collect()
}

#[test]
fn a_job_file_has_what_the_stages_ask_for() {
    let site = Site::new(PIPELINE);
    let files = site.emit("--target hq");
    assert_eq!(files.len(), 1);
    let job = job_file(&files[0]);
    assert_eq!(job.name, "cinescore-demo");
    let deps: Vec<&[u32]> = job.task.iter().map(|task| task.deps.as_slice()).collect();
    let wanted: [&[u32]; 8] = [&[], &[0], &[0], &[0], &[0], &[0], &[0, 3, 4, 5], &[1, 2, 6]];
    assert_eq!(deps, wanted);
    let ids: Vec<u32> = job.task.iter().map(|task| task.id).collect();
    assert_eq!(ids, [0, 1, 2, 3, 4, 5, 6, 7]);
    let net = &job.task[1];
    // Three tries: 60 s, 120 s and 240 s.
    assert_eq!(net.time_limit.as_deref(), Some("420s"));
    assert_eq!(net.request[0].time_request.as_deref(), Some("60s"));
    let resources = BTreeMap::from([("cpus".to_owned(), 2), ("mem".to_owned(), 96)]);
    assert_eq!(net.request[0].resources, resources);
    assert_eq!(job.task[3].time_limit, None);
    // A part of the pipeline.
    let files = site.emit("--target hq net[n=2]");
    assert_eq!(job_file(&files[0]).task.len(), 2);
    assert_eq!(site.run("emit --target hq nothing").code, 2);
}

#[test]
fn a_run_takes_what_the_tasks_made() {
    let site = Site::new(PIPELINE);
    let files = site.emit("--target hq");
    let job = job_file(&files[0]);
    assert_eq!(run_tasks(&job), [0; 8]);
    assert_eq!(site.worked(), 2);
    // Once more, as an engine may that lost its memory: what has ended well is left alone.
    assert_eq!(run_tasks(&job), [0; 8]);
    assert_eq!(site.worked(), 2);

    let ran = site.done("run");
    assert_eq!(ran.computed().len(), TASKS.len(), "{}", ran.stderr);
    assert_eq!(site.worked(), 2);
    assert_eq!(site.emissions(), 0, "what was taken is not kept");
    let log = site.done("log net[n=1]");
    assert_eq!(log.code, 0);
    let runs = site.done("runs --json").stdout;
    assert!(runs.contains("demo"), "{runs}");
    // From now on it is there, as if it had been made here.
    assert!(site.done("run").computed().is_empty());
    let ran = site.done("emit --target hq");
    assert!(ran.stdout.is_empty() && ran.stderr.contains("nothing to emit"));
    assert_eq!(site.emissions(), 0);
    site.compare_with_local(PIPELINE);
}

#[test]
fn what_is_there_is_not_emitted_and_what_changed_is_not_taken() {
    let site = Site::new(PIPELINE);
    site.done("run a");
    let files = site.emit("--target hq");
    let job = job_file(&files[0]);
    assert_eq!(job.task.len(), 7);
    assert!(job.task[0].deps.is_empty());
    assert_eq!(run_tasks(&job), [0; 7]);
    assert_eq!(site.worked(), 2);
    // One parameter of one stage is another one now: it and what needs it are made here, the rest is taken.
    site.project
        .write(&PIPELINE.replace("text: \"net ${n}\"", "text: \"net ${n}!\""));
    let ran = site.done("run -j 1");
    assert_eq!(ran.computed().len(), 7);
    assert_eq!(site.worked(), 4);
    assert!(site.project.made("all").contains("net 1!\n"));
    // What was emitted for the former parameters is still there, and right.
    site.project.write(PIPELINE);
    site.done("run");
    assert_eq!(site.worked(), 4);
    assert_eq!(site.emissions(), 0);
    site.compare_with_local(PIPELINE);
}

#[test]
fn what_fails_or_does_not_run_is_told() {
    let site = Site::new(&PIPELINE.replace("text: \"> \"", "text: \"> \", fails_at: one"));
    let job = job_file(&site.emit("--target hq")[0]);
    let codes = run_tasks(&job);
    // The shard with that line, the merge, and what needs it.
    assert_eq!(codes, [0, 0, 0, 4, 0, 0, 96, 96]);
    let ran = site.run("run");
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert!(ran.stderr.contains("it cannot do `one`"), "{}", ran.stderr);
    // Told once; then it is made here, and fails here.
    let ran = site.run("run");
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert!(
        ran.stderr
            .contains("emitted for HyperQueue, it failed there; it is made anew"),
        "{}",
        ran.stderr
    );
    assert_eq!(site.worked(), 2);

    let site = Site::new(PIPELINE);
    let files = site.emit("--target hq");
    let job = job_file(&files[0]);
    // A node with another build of the program.
    let program = files[0].parent().unwrap().join("tasks/0000/program");
    let text = fs_err::read_to_string(&program).unwrap();
    let path = text.lines().next().unwrap();
    fs_err::write(&program, format!("{path}\nanother\n")).unwrap();
    assert_eq!(run_tasks(&job), [93, 96, 96, 96, 96, 96, 96, 96]);
    let ran = site.done("run");
    assert!(
        ran.stderr.contains("it did not run") && ran.stderr.contains("is another build"),
        "{}",
        ran.stderr
    );
    assert_eq!(site.worked(), 2);
}

#[test]
fn a_try_that_takes_too_long_is_repeated_with_more_time() {
    let site = Site::new(
        "version: 1\nstages:\n  slow: {run: toy wait, params: {millis: 1500}, timeout: 1s, retries: {times: 1, time_factor: 30}, resources: {threads: 1}, env: [TOY_TALLY]}\n  never: {run: toy wait, params: {millis: 60000}, timeout: 1s, resources: {threads: 1}}\n",
    );
    let job = job_file(&site.emit("--target hq")[0]);
    assert_eq!(run_tasks(&job), [0, 124]);
    assert_eq!(site.worked(), 2);
    let ran = site.run("run --keep-going");
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert!(ran.stderr.contains("timeout of 1s"), "{}", ran.stderr);
    assert_eq!(ran.computed(), ["slow"]);
}

#[test]
fn what_tasks_read_stays_as_long_as_they_may_come_back() {
    let site = Site::new(PIPELINE);
    site.done("run a");
    let job = job_file(&site.emit("--target hq")[0]);
    // The result on view is another one now.
    site.project
        .write(&PIPELINE.replace("text: one", "text: two"));
    site.done("run a");
    let old = std::time::Duration::from_millis(1100);
    std::thread::sleep(old);
    let objects = || site.project.objects().len();
    site.done("gc --keep-last 1");
    assert_eq!((objects(), site.emissions()), (2, 1));
    assert_eq!(run_tasks(&job), [0; 7]);
    // Nobody came for it.
    std::thread::sleep(old);
    site.done("gc --max-age 1s");
    assert_eq!(site.emissions(), 0);
    site.done("gc --max-age 1s");
    assert_eq!(objects(), 1);
}

#[test]
fn what_may_still_run_is_not_collected() {
    let site = Site::new(PIPELINE);
    let file = site.emit("--target hq").remove(0);
    let emission = file.parent().unwrap();
    let [begun, exit] = ["begun", "exit"].map(|name| emission.join("tasks/0000").join(name));
    fs_err::write(&begun, "1 node\n").unwrap();
    // Only what lies in the folder is new.
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(100_000);
    let set_old = |path: &Path| {
        std::fs::File::open(path)
            .unwrap()
            .set_modified(old)
            .unwrap()
    };
    set_old(emission);
    site.done("gc --max-age 1d");
    assert_eq!(site.emissions(), 1);
    let set_all_old = || {
        let mut folders = vec![emission.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs_err::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    set_old(&path);
                }
            }
            set_old(&folder);
        }
    };
    // A task that has begun may write nothing for long.
    set_all_old();
    site.done("gc --max-age 1d");
    assert_eq!(site.emissions(), 1);
    fs_err::rename(begun, exit).unwrap();
    set_all_old();
    site.done("gc --max-age 1d");
    assert_eq!(site.emissions(), 0);
}

#[test]
fn a_stage_with_a_gpu_is_one_wherever_it_was_emitted() {
    let site = Site::new(
        "version: 1\nstages:\n  a: {run: toy write, resources: {threads: 1}}\n  net: {run: toy train, inputs: {from: a}, params: {text: n}, resources: {threads: 1, gpu: 2}}\n",
    );
    let file = site.emit("--target hq").remove(0);
    let job = job_file(&file);
    assert_eq!(job.task[1].request[0].resources["gpus/nvidia"], 2);
    let task = file.parent().unwrap().join("tasks/0001/task.json");
    let task: Value = serde_json::from_str(&fs_err::read_to_string(task).unwrap()).unwrap();
    assert_eq!(task["device"], "cuda");
    // Before the jobs have run, the stage without a GPU is made here, and the other one nowhere.
    let ran = site.run("run --executor elsewhere");
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("stage `net` is not made here")
            && ran.stderr.contains("it has not begun"),
        "{}",
        ran.stderr
    );
    assert_eq!(run_tasks(&job), [0, 0]);
    assert_eq!(site.done("run --executor elsewhere").computed(), ["net"]);
    assert!(site.done("run --executor elsewhere").computed().is_empty());
    let plan = site.done("plan --executor elsewhere --json").stdout;
    assert_eq!(plan.matches("\"fresh\"").count(), 2, "{plan}");
}

/// A real HyperQueue, by its program `hq` or by its package for Python.
#[test]
fn a_real_hyperqueue_runs_the_job_file() {
    let site = Site::new(PIPELINE);
    let file = site.emit("--target hq").remove(0);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/hq_submit_file.py");
    let succeeds = |command: &mut Command| {
        let output = command.output();
        output.is_ok_and(|output| output.status.success())
    };
    if succeeds(Command::new("hq").arg("--version")) {
        let folder = site.project.path().join("hq");
        let hq = |arguments: &[&str]| {
            let mut command = Command::new("hq");
            command.arg("--server-dir").arg(&folder).args(arguments);
            command
        };
        let mut server = hq(&["server", "start"]).spawn().unwrap();
        let began = std::time::Instant::now();
        while !succeeds(&mut hq(&["server", "info"])) {
            assert!(began.elapsed() < std::time::Duration::from_secs(30));
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
        let mut worker = hq(&["worker", "start", "--cpus", "4"]).spawn().unwrap();
        let submitted = hq(&["job", "submit-file"]).arg(&file).output().unwrap();
        let is_well = submitted.status.success() && succeeds(&mut hq(&["job", "wait", "all"]));
        for daemon in [&mut worker, &mut server] {
            daemon.kill().ok();
            daemon.wait().ok();
        }
        assert!(is_well, "{}", String::from_utf8_lossy(&submitted.stderr));
    } else if succeeds(Command::new("python3").args(["-c", "import hyperqueue, tomllib"])) {
        let mut python = Command::new("python3");
        let ran = Ran::of(python.arg(script).arg(&file).output().unwrap());
        assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    } else {
        eprintln!(
            "NOT TESTED: a real HyperQueue: there is neither the program `hq` nor the package `hyperqueue` of PyPI"
        );
        return;
    }
    assert_eq!(site.worked(), 2);
    assert_eq!(site.done("run").computed().len(), TASKS.len());
    assert_eq!((site.worked(), site.emissions()), (2, 0));
    site.compare_with_local(PIPELINE);
}
