//! The `cinescore` program on a real Slurm. Where there is none, and none can be started, a loud skip.

#![expect(clippy::unwrap_used, reason = "a test may end by a panic")]

mod cluster;
#[path = "../it/project.rs"]
#[expect(dead_code, reason = "these tests need a part of it")]
mod project;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use cluster::{ARRAY, Cluster};
use project::{Going, Project, Ran};

/// One cluster for all: it takes seconds to start.
#[test]
fn stages_run_on_a_real_slurm() {
    let cluster = match Cluster::start() {
        Ok(cluster) => cluster,
        Err(why) => {
            eprintln!("NOT TESTED: stages on Slurm, which cannot be started here: {why}");
            return;
        }
    };
    std::thread::scope(|scope| {
        let on = &cluster;
        for part in [
            a_sweep_whose_runner_is_killed,
            what_fails_says_why,
            an_interrupt_cancels_its_own,
            a_failure_takes_back_what_waits,
            a_wave_is_handed_in_at_once,
            what_is_missing_is_named,
        ] {
            scope.spawn(move || part(on));
        }
    });
}

/// A folder whose runner reaches the cluster, and in which calls of `sbatch` and `squeue` are counted.
struct Site<'a> {
    project: Project,
    cluster: &'a Cluster,
}

impl<'a> Site<'a> {
    fn new(cluster: &'a Cluster, pipeline: &str) -> Self {
        let project = Project::new(pipeline);
        let bin = project.path().join("bin");
        fs_err::create_dir(&bin).unwrap();
        for program in ["sbatch", "squeue", "scancel"] {
            let script = format!(
                "#!/bin/sh\necho \"$*\" >>'{}/{program}.calls'\nexec /usr/bin/{program} \"$@\"\n",
                project.path().display()
            );
            fs_err::write(bin.join(program), script).unwrap();
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            fs_err::set_permissions(bin.join(program), mode).unwrap();
        }
        Self { project, cluster }
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = self.project.command(arguments);
        let path = command
            .get_envs()
            .find(|(name, _)| *name == "PATH")
            .unwrap()
            .1
            .unwrap()
            .to_owned();
        command
            .env(
                "PATH",
                format!("{}/bin:{}", self.project.path().display(), path.display()),
            )
            .env("SLURM_CONF", self.cluster.config())
            .env("TOY_TALLY", "/dev/null");
        command
    }

    fn run(&self, arguments: &str) -> Ran {
        Ran::of(self.command(arguments).output().unwrap())
    }

    fn spawn(&self, arguments: &str) -> Going {
        self.project.spawn_command(self.command(arguments))
    }

    /// What a program was called with.
    fn calls(&self, program: &str) -> Vec<String> {
        let path = self.project.path().join(format!("{program}.calls"));
        let text = fs_err::read_to_string(path).unwrap_or_default();
        text.lines().map(String::from).collect()
    }

    /// The jobs of this folder that `squeue` still has in some state.
    fn jobs(&self, states: &str) -> Vec<String> {
        let job = self.calls("sbatch").len();
        assert!(job > 0);
        let said = self.cluster.ask(
            "squeue",
            &format!("--noheader --array --states={states} --Format=JobArrayID:20,Comment:100"),
        );
        let waves = self.project.path().join("artifacts/store/slurm/waves");
        said.lines()
            .filter_map(|line| line.split_once(' '))
            .filter(|(_, comment)| {
                let wave = comment.trim().trim_start_matches("cinescore:");
                !wave.is_empty() && waves.join(wave).exists()
            })
            .map(|(job, _)| job.to_owned())
            .collect()
    }

    /// What is left of tasks.
    fn tasks(&self) -> usize {
        let tasks = self.project.path().join("artifacts/store/slurm/tasks");
        fs_err::read_dir(tasks).map_or(0, Iterator::count)
    }
}

/// Twelve trainings, two at a time.
const SWEEP: &str = "\
version: 1
vars: {stride: 1}
executor: {slurm: {at_once: 2, poll: 1s}}
sweep:
  stage: net
  metric: valid.height
  goal: maximize
  method: grid
  search: {stride: {choice: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]}}
stages:
  text: {run: toy write, executor: local}
  net: {run: toy wait, inputs: {from: text}, params: {height: \"${stride}\", text: \"t${stride}\", millis: 900},
        resources: {threads: 1, memory: 64MiB}, timeout: 5m, env: [TOY_TALLY]}
";

fn a_sweep_whose_runner_is_killed(cluster: &Cluster) {
    let site = Site::new(cluster, SWEEP);
    let tally = site.project.path().join("tally");
    let sweep = |arguments: &str| {
        let mut command = site.command(arguments);
        command.env("TOY_TALLY", &tally);
        command
    };
    let going = site.project.spawn_command(sweep("sweep --json"));
    site.project.wait_for_line(&going, "net[trial=3]   done");
    going.signal("KILL");
    going.end();
    // Jobs do not mind.
    let ran = Ran::of(sweep("sweep --json").output().unwrap());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("found Slurm job"), "{}", ran.stderr);
    assert_eq!(
        site.calls("sbatch").len(),
        1,
        "one array: {:?}",
        site.calls("sbatch")
    );
    assert!(site.calls("sbatch")[0].contains("--array=0-11%2"));
    let mut told: Vec<u32> = fs_err::read_to_string(&tally)
        .unwrap()
        .lines()
        .map(|line| line.parse().unwrap())
        .collect();
    told.sort_unstable();
    assert_eq!(told, (1..=12).collect::<Vec<_>>(), "each ran once");
    assert_eq!(site.tasks(), 0);

    // The same here: the same bytes, the same leaderboard.
    let here = Site::new(cluster, SWEEP);
    let mut command = here.command("sweep --json --executor local");
    command.env("TOY_TALLY", &tally);
    let local = Ran::of(command.output().unwrap());
    assert_eq!(local.code, 0, "{}", local.stderr);
    assert_eq!(local.stdout, ran.stdout);
    assert!(here.calls("sbatch").is_empty());
    let digests = |site: &Site<'_>| -> Vec<String> {
        let objects = site.project.objects().into_iter();
        objects
            .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
            .collect()
    };
    assert_eq!(digests(&site), digests(&here));
    assert_eq!(digests(&site).len(), 13, "a text, and one of each trial");
    let runs = fs_err::read_dir(site.project.path().join("artifacts/logs")).unwrap();
    let records: Vec<String> = runs
        .map(|run| fs_err::read_to_string(run.unwrap().path().join("run.json")).unwrap())
        .collect();
    assert_eq!(records.len(), 2);
    assert!(
        records
            .iter()
            .any(|record| record.contains("\"placed\": \"Slurm job "))
    );
}

fn what_fails_says_why(cluster: &Cluster) {
    let site = Site::new(
        cluster,
        "\
version: 1
executor: {slurm: {poll: 2s}}
stages:
  hungry: {run: toy wait, params: {mib: 200, millis: 4000, text: h}, resources: {threads: 1, memory: 64MiB},
           retries: {times: 1, memory_factor: 8}}
  slow: {run: toy wait, params: {millis: 300000, text: s}, resources: {threads: 1}, timeout: 1s}
  victim: {run: toy wait, params: {millis: 300000, text: v}, resources: {threads: 1}}
  wrong: {run: toy write, params: {end: refused, text: w}, resources: {threads: 1}, retries: 3}
  crash: {run: toy write, params: {end: abort, text: c}, resources: {threads: 1}}
  after: {run: toy write, inputs: {from: victim}, resources: {threads: 1}}
",
    );
    let began = Instant::now();
    let going = site.spawn("run --keep-going");
    // The victim's job is the one whose folder has its name in it.
    let job = loop {
        let waves = site.project.path().join("artifacts/store/slurm/waves");
        let found = fs_err::read_dir(&waves)
            .into_iter()
            .flatten()
            .flatten()
            .find_map(|wave| {
                let tasks = fs_err::read_to_string(wave.path().join("tasks")).ok()?;
                let job = fs_err::read_to_string(wave.path().join("job")).ok()?;
                let is_it = |task: &str| {
                    let script = fs_err::read_to_string(Path::new(task).join("run.sh"));
                    script.unwrap_or_default().contains("`victim`")
                        && Path::new(task).join("events").exists()
                };
                let index = tasks.lines().position(is_it)?;
                Some(format!("{}_{index}", job.trim()))
            });
        if let Some(job) = found {
            break job;
        }
        assert!(began.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(50));
    };
    std::thread::sleep(Duration::from_millis(500));
    cluster.ask("scancel", &job);
    let ran = going.end();
    let says = |text: &str| assert!(ran.stderr.contains(text), "no `{text}` in\n{}", ran.stderr);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    match cluster.has_cgroups {
        true => says(
            "retry     try 2 of 2: stage `hungry` failed (Slurm: OUT_OF_MEMORY: it needed more than 64 MiB",
        ),
        false => says("retry     try 2 of 2: stage `hungry` failed ("),
    }
    assert_eq!(site.project.made("hungry"), "h\n");
    says("stage `slow` failed (Slurm: TIMEOUT: it needed more time than 1 s");
    says("stage `victim` failed (Slurm: CANCELLED: somebody cancelled its job");
    says(&format!("Slurm job {job} on "));
    says("stage `wrong` failed (exit code 3; Slurm job ");
    assert!(!ran.stderr.contains("wrong  retry"), "{}", ran.stderr);
    says("stage `crash` failed (signal 6; Slurm job ");
    says("not run, because they need a stage that failed: after");
    assert!(site.project.log("wrong").contains("the input is refused"));
    let asked = site.calls("squeue").len() as u64;
    assert!(asked <= began.elapsed().as_secs() / 2 + 1, "{asked} calls");
    // One for each class, and the retry.
    assert_eq!(site.calls("sbatch").len(), 4, "{:?}", site.calls("sbatch"));
    assert_eq!(site.tasks(), 0);
}

fn an_interrupt_cancels_its_own(cluster: &Cluster) {
    let other = cluster.ask(
        "sbatch",
        "--parsable --mem=32M --output=/dev/null --wrap=sleep${IFS}600",
    );
    assert!(!other.is_empty());
    let site = Site::new(
        cluster,
        "\
version: 1
executor: {slurm: {poll: 1s, at_once: 2}}
stages:
  net:
    run: toy wait
    matrix: {word: [a, b, c, d]}
    params: {text: \"${word}\", millis: 300000}
    resources: {threads: 1, memory: 32MiB}
",
    );
    let going = site.spawn("run");
    site.project.wait_for_line(&going, "Slurm job");
    let began = Instant::now();
    while site.jobs("RUNNING").len() < 2 {
        assert!(began.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(100));
    }
    std::thread::sleep(Duration::from_millis(500));
    going.signal("INT");
    let ran = going.end();
    assert_eq!(ran.code, 130, "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: go on with"), "{}", ran.stderr);
    let began = Instant::now();
    while !site.jobs("RUNNING,PENDING,COMPLETING").is_empty() {
        assert!(began.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(site.calls("scancel").len(), 1);
    assert_eq!(site.tasks(), 0);
    // What somebody else handed in is left alone.
    let state = cluster.ask(
        "squeue",
        &format!("--noheader --states=all --jobs={other} --format=%T"),
    );
    assert!(["PENDING", "RUNNING"].contains(&state.as_str()), "{state}");
    // And it can be done again, shorter.
    site.project.write("version: 1\nexecutor: {slurm: {poll: 1s}}\nstages: {net: {run: toy write, resources: {threads: 1}}}\n");
    let ran = site.run("run");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}

fn a_failure_takes_back_what_waits(cluster: &Cluster) {
    let site = Site::new(
        cluster,
        "\
version: 1
executor: {slurm: {poll: 1s, at_once: 1}}
stages:
  net:
    run: toy write
    matrix: {word: [a, b, c, d], override: [{when: {word: a}, params: {end: refused}}]}
    params: {text: \"${word}\", sleep_millis: 3000}
    resources: {threads: 1, memory: 32MiB}
",
    );
    let ran = site.run("run");
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(ran.computed().len() <= 1, "{}", ran.stderr);
    assert!(
        ran.stderr
            .contains("hint: the log ends with\n  error: the input is refused"),
        "{}",
        ran.stderr
    );
    assert!(site.jobs("PENDING,RUNNING").is_empty());
    assert_eq!(site.tasks(), 0);
}

fn a_wave_is_handed_in_at_once(cluster: &Cluster) {
    let site = Site::new(
        cluster,
        "\
version: 1
executor: slurm
stages:
  a: {run: toy write, matrix: {n: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], m: [x, y]}, params: {text: \"${n}${m}\"}, resources: {threads: 1, memory: 16MiB}}
  all: {run: toy write, inputs: {from: \"a[*].made\"}, resources: {threads: 1, memory: 16MiB}}
",
    );
    let ran = site.run("run");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.computed().len(), 21);
    // Twenty tasks in two arrays, and one more.
    let arrays: Vec<String> = site.calls("sbatch");
    assert_eq!(arrays.len(), 3, "{arrays:?}");
    assert!(
        arrays[0].contains(&format!("--array=0-{} ", ARRAY - 1)),
        "{arrays:?}"
    );
    assert!(
        arrays[1].contains("--array=0-3 ") && arrays[2].contains("--array=0-0 "),
        "{arrays:?}"
    );
    assert!(site.project.made("all").starts_with("0x\n0y\n1x\n"));
    // Whoever said nothing is asked for every ten seconds at most.
    assert!(
        site.calls("squeue").len() <= 6,
        "{:?}",
        site.calls("squeue").len()
    );
    let again = site.run("run");
    assert!(
        again.stderr.contains("nothing was computed"),
        "{}",
        again.stderr
    );
    assert_eq!(site.calls("sbatch").len(), 3);
}

fn what_is_missing_is_named(cluster: &Cluster) {
    let site = Site::new(
        cluster,
        "version: 1\nexecutor: {slurm: {partition: nowhere}}\nstages: {a: {run: toy write, resources: {threads: 1}}, b: {run: toy write, params: {text: b}, resources: {threads: 1}}}\n",
    );
    let ran = site.run("run");
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("`sbatch` says: ") && ran.stderr.contains("nowhere"),
        "{}",
        ran.stderr
    );
    assert_eq!(site.calls("sbatch").len(), 1, "asked once for both");
    let mut command = site.command("run");
    command.env("SLURM_CONF", "/nowhere/slurm.conf");
    let ran = Ran::of(command.output().unwrap());
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("Slurm: `scontrol` says: "),
        "{}",
        ran.stderr
    );
}
