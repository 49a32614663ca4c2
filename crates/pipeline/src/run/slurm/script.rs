//! What a node does: the script of an array, which is the same for all, and that of a task, which is the stage's
//! plain command line in a clean environment.

use std::fmt::Write as _;
use std::path::Path;

use super::super::attempt::{KEPT_VARIABLES, THREAD_VARIABLES};
use crate::error::PipelineError;
use crate::graph::Stage;
use cinescore_artifact::task::EVENTS_VARIABLE;

/// What a node finds missing, by the exit code that says so. Not among those of stage programs.
pub(super) const NO_STORE: i32 = 91;
pub(super) const NO_PROGRAM: i32 = 92;
pub(super) const OTHER_PROGRAM: i32 = 93;
pub(super) const PROGRAM_DOES_NOT_START: i32 = 94;
pub(super) const NOT_WANTED: i32 = 95;

/// The script of a task.
const RUN: &str = "run.sh";
/// The program of a task and its digest, a line each.
const PROGRAM: &str = "program";

/// The script of every array; `WAVE` is its folder. It claims its task, looks once on each node whether the
/// program is there and the right one, and keeps how it ended. SIGTERM is the stage's to hear.
const ARRAY: &str = r#"#!/bin/sh
trap : TERM
wave=WAVE
index=$SLURM_ARRAY_TASK_ID
[ -d "$wave/state" ] || exit 91
task=$(sed -n "$((index + 1))p" "$wave/tasks")
[ "$(cat "$task/../current" 2>/dev/null)" = "${task##*/}" ] || exit 95
if ! (set -C; echo "$SLURM_JOB_ID ${SLURMD_NODENAME:-?} $(date +%s.%N)" >"$task/claim") 2>/dev/null; then
    # Slurm runs a job again when its node failed; another job has no business here.
    read -r owner _ <"$task/claim"
    [ "$owner" = "$SLURM_JOB_ID" ] || exit 95
fi
: >"$wave/state/$index.begun"
ended() {
    times >"$task/times"
    echo "$1 $(date +%s.%N)" >"$task/.exit"
    mv "$task/.exit" "$task/exit"
    : >"$wave/state/$index.ended"
    exit "$1"
}
{ read -r program; read -r digest; } <"$task/program"
seen="$wave/state/${SLURMD_NODENAME:-node}.$digest"
if [ ! -e "$seen" ]; then
    [ -x "$program" ] || { echo "there is no program $program on this node" >>"$task/log"; ended 92; }
    said=$(sh "$task/run.sh" describe 2>&1) || { echo "$said" >>"$task/log"; ended 94; }
    case $said in
    *"$digest"*) : >"$seen" ;;
    *) echo "$program on this node is another build" >>"$task/log"; ended 93 ;;
    esac
fi
rm -rf "$task/out" && mkdir "$task/out"
sh "$task/run.sh" >>"$task/log" 2>&1 3>"$task/events"
ended $?
"#;

/// The script of an array.
pub(super) fn array(wave: &Path) -> String {
    ARRAY.replace("WAVE", &quoted(&wave.to_string_lossy()))
}

/// Writes what a node needs to run a task: the program to look at, and the command.
pub(crate) fn write_task(folder: &Path, stage: &Stage) -> Result<(), PipelineError> {
    let io = |name: &str| PipelineError::io("write", folder.join(name));
    let program = format!("{}\n{}\n", stage.program.display(), stage.code);
    fs_err::write(folder.join(PROGRAM), program).map_err(io(PROGRAM))?;
    fs_err::write(folder.join(RUN), command(folder, stage)).map_err(io(RUN))
}

fn command(folder: &Path, stage: &Stage) -> String {
    let folder = folder.to_string_lossy();
    let mut text = format!(
        "#!/bin/sh\n# The stage `{}`. Can be run by hand, in a shell or a job of your own.\ncd {} || exit {NO_STORE}\nrun() {{\n    exec env -i",
        stage.name.replace(['\n', '\r'], " "),
        quoted(&folder),
    );
    let mut set = |name: &str, value: &str| {
        write!(text, " \\\n        {name}={}", quoted(value)).ok();
    };
    for name in KEPT_VARIABLES.iter().filter(|name| **name != "TMPDIR") {
        if let Some(value) = std::env::var_os(name) {
            set(name, &value.to_string_lossy());
        }
    }
    for (name, value) in &stage.policy.env {
        if let Some(value) = value {
            set(name, value);
        }
    }
    for name in THREAD_VARIABLES {
        set(name, &stage.threads.to_string());
    }
    set("OMP_WAIT_POLICY", "PASSIVE");
    set(EVENTS_VARIABLE, "3");
    // Those of the node: which GPUs are this job's is the cluster's to say.
    text.push_str(" \\\n        TMPDIR=\"${TMPDIR:-/tmp}\"");
    text.push_str(match stage.policy.gpus {
        0 => " \\\n        CUDA_VISIBLE_DEVICES=''",
        // Where nobody says, as in a container that has only its own, all that are seen.
        _ => " \\\n        ${CUDA_VISIBLE_DEVICES+CUDA_VISIBLE_DEVICES=\"$CUDA_VISIBLE_DEVICES\"}",
    });
    writeln!(
        text,
        " \\\n        {} \"$@\"\n}}\ncase ${{1:-}} in\ndescribe) run describe ;;\n*) run {} --task-file {} ;;\nesac",
        quoted(&stage.program.to_string_lossy()),
        quoted(&stage.kind.name),
        quoted(&format!("{folder}/{}", super::super::execute::TASK_FILE)),
    )
    .ok();
    text
}

/// A text as a shell reads it.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::super::super::fixtures::stage;
    use super::*;

    #[test]
    fn a_task_is_the_plain_command_in_a_clean_environment() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("it's here");
        fs_err::create_dir(&folder).unwrap();
        let program = folder.join("say");
        fs_err::write(&program, "#!/bin/sh\necho \"$@\"; env; exit 3\n").unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs_err::set_permissions(&program, mode).unwrap();
        let mut stage = stage("net[a=1]", &[]);
        stage.program = program;
        stage.policy.env = [("GIVEN".to_owned(), Some("two words".to_owned()))].into();
        write_task(&folder, &stage).unwrap();
        let ran = std::process::Command::new("sh")
            .arg(folder.join("run.sh"))
            .env("NOT_GIVEN", "1")
            .env("CUDA_VISIBLE_DEVICES", "0")
            .output()
            .unwrap();
        let said = String::from_utf8(ran.stdout).unwrap();
        assert_eq!(ran.status.code(), Some(3), "{said}");
        let task = format!("write --task-file {}/task.json\n", folder.display());
        assert!(said.starts_with(&task), "{said}");
        let has = |line: &str| said.lines().any(|said| said == line);
        assert!(
            has("GIVEN=two words") && has("RAYON_NUM_THREADS=1"),
            "{said}"
        );
        assert!(
            has("CUDA_VISIBLE_DEVICES=") && has("CINESCORE_EVENTS=3"),
            "{said}"
        );
        assert!(!said.contains("NOT_GIVEN"), "{said}");
    }

    /// A task and its wave, as the office makes them; a node without Slurm runs its script.
    struct Node {
        folder: tempfile::TempDir,
    }

    impl Node {
        fn new(program: &str) -> Self {
            let node = Self {
                folder: tempfile::tempdir().unwrap(),
            };
            let task = node.task();
            fs_err::create_dir_all(&task).unwrap();
            fs_err::create_dir_all(node.wave().join("state")).unwrap();
            fs_err::write(task.join("../current"), "try-a").unwrap();
            fs_err::write(
                node.wave().join("tasks"),
                format!("/nowhere\n{}\n", task.display()),
            )
            .unwrap();
            let mut stage = stage("net", &[]);
            stage.program = node.folder.path().join("program");
            let digest = stage.code.to_string();
            fs_err::write(&stage.program, program.replace("DIGEST", &digest)).unwrap();
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            fs_err::set_permissions(&stage.program, mode).unwrap();
            write_task(&task, &stage).unwrap();
            node
        }

        fn task(&self) -> std::path::PathBuf {
            self.folder.path().join("tasks/key/try-a")
        }

        fn wave(&self) -> std::path::PathBuf {
            self.folder.path().join("waves/wave-a")
        }

        fn run(&self, job: &str) -> Option<i32> {
            let script = self.folder.path().join("script");
            fs_err::write(&script, array(&self.wave())).unwrap();
            let mut command = std::process::Command::new("sh");
            command
                .arg(script)
                .env("SLURM_ARRAY_TASK_ID", "1")
                .env("SLURM_JOB_ID", job)
                .env("SLURMD_NODENAME", "n1");
            command.status().unwrap().code()
        }

        fn log(&self) -> String {
            fs_err::read_to_string(self.task().join("log")).unwrap_or_default()
        }
    }

    const WELL: &str = "#!/bin/sh\nif [ $1 = describe ]; then echo DIGEST; else echo said; echo told >&3; exit 3; fi\n";

    #[test]
    fn a_node_keeps_what_a_task_says_and_how_it_ended() {
        let node = Node::new(WELL);
        assert_eq!(node.run("7"), Some(3));
        assert_eq!(node.log(), "said\n");
        let read = |name: &str| fs_err::read_to_string(node.task().join(name)).unwrap();
        assert_eq!(read("events"), "told\n");
        assert!(read("exit").starts_with("3 ") && read("claim").starts_with("7 n1 "));
        assert!(node.task().join("out").is_dir());
        for mark in ["1.begun", "1.ended"] {
            assert!(node.wave().join("state").join(mark).exists(), "{mark}");
        }
        // Slurm runs the same job again, another one leaves it alone.
        assert_eq!(node.run("8"), Some(NOT_WANTED));
        assert_eq!(node.log(), "said\n");
        assert_eq!(node.run("7"), Some(3));
        assert_eq!(node.log(), "said\nsaid\n");
        assert_eq!(read("events"), "told\n");
    }

    #[test]
    fn a_task_that_does_not_count_any_more_never_begins() {
        let node = Node::new(WELL);
        fs_err::write(node.task().join("../current"), "try-b").unwrap();
        assert_eq!(node.run("7"), Some(NOT_WANTED));
        fs_err::remove_file(node.task().join("../current")).unwrap();
        assert_eq!(node.run("7"), Some(NOT_WANTED));
        assert!(!node.task().join("claim").exists());
    }

    #[test]
    fn a_node_says_what_it_lacks() {
        let other = Node::new("#!/bin/sh\necho another build\n");
        assert_eq!(other.run("7"), Some(OTHER_PROGRAM));
        assert!(other.log().contains("another build"));
        let broken = Node::new("#!/bin/sh\necho libtorch.so: not found >&2\nexit 127\n");
        assert_eq!(broken.run("7"), Some(PROGRAM_DOES_NOT_START));
        assert!(broken.log().contains("libtorch.so: not found"));
        fs_err::remove_file(broken.folder.path().join("program")).unwrap();
        assert_eq!(broken.run("7"), Some(NO_PROGRAM));
        fs_err::remove_dir_all(broken.wave()).unwrap();
        assert_eq!(broken.run("7"), Some(NO_STORE));
    }
}
