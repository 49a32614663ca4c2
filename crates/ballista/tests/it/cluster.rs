//! Starting and ending a cluster.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_cinescore-ballista");
/// How long a node may take to come up on a busy machine.
const UP: Duration = Duration::from_secs(60);
const HOST: &str = "127.0.0.1";

/// Variables of nodes.
type Variables = [(&'static str, String)];

/// A scheduler and its executors; killed when dropped.
pub(crate) struct Cluster {
    folder: PathBuf,
    port: u16,
    scheduler: Child,
    executors: Vec<Child>,
    variables: Vec<(&'static str, String)>,
}

/// Ports that nobody has.
pub(crate) fn free_ports<const N: usize>() -> [u16; N] {
    // All at once, so that they differ.
    let held = [(); N].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    held.map(|listener| listener.local_addr().unwrap().port())
}

fn wait_for(port: u16, what: &str) {
    let began = Instant::now();
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        assert!(began.elapsed() < UP, "{what} does not come up");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn start(arguments: &[&str], log: &Path, variables: &Variables) -> Child {
    let log = File::create(log).unwrap();
    Command::new(PROGRAM)
        .args(arguments)
        .env("RUST_LOG", "info,ballista_scheduler=debug")
        .envs(variables.iter().cloned())
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

impl Cluster {
    /// With so many executors of one core each, which lose heart soon: a lost one is known after seconds, not minutes.
    pub(crate) fn of(executors: usize, folder: &Path) -> Self {
        Self::with(executors, folder, &[])
    }

    /// The same, whose nodes have these variables.
    pub(crate) fn with(executors: usize, folder: &Path, variables: &Variables) -> Self {
        let [port] = free_ports();
        let text = port.to_string();
        let scheduler = start(
            &[
                "scheduler",
                "--bind-host",
                HOST,
                "--external-host",
                HOST,
                "--bind-port",
                &text,
                "--executor-timeout-seconds",
                "15",
                "--expire-dead-executor-interval-seconds",
                "3",
            ],
            &folder.join("scheduler.log"),
            variables,
        );
        wait_for(port, "the scheduler");
        let mut cluster = Self {
            folder: folder.to_owned(),
            port,
            scheduler,
            executors: Vec::new(),
            variables: variables.to_vec(),
        };
        for _ in 0..executors {
            cluster.add_executor();
        }
        cluster
    }

    pub(crate) fn add_executor(&mut self) {
        let ports: [u16; 3] = free_ports();
        let [flight, grpc, health] = ports.map(|port| port.to_string());
        let number = std::fs::read_dir(&self.folder).unwrap().count();
        let work = self.folder.join(format!("work-{number}"));
        std::fs::create_dir(&work).unwrap();
        let scheduler = self.port.to_string();
        let executor = start(
            &[
                "executor",
                "--scheduler-host",
                HOST,
                "--scheduler-port",
                &scheduler,
                "--bind-host",
                HOST,
                "--external-host",
                HOST,
                "--bind-port",
                &flight,
                "--bind-grpc-port",
                &grpc,
                "--bind-health-port",
                &health,
                "--vcores",
                "1",
                "--work-dir",
                work.to_str().unwrap(),
                "--executor-heartbeat-interval-seconds",
                "2",
                "--scheduler-connect-timeout-seconds",
                "30",
            ],
            &self.folder.join(format!("executor-{number}.log")),
            &self.variables,
        );
        self.executors.push(executor);
        // The scheduler names its port when it knows it.
        self.wait_for_log(&format!("grpc_port: {grpc}"));
        wait_for(ports[0], "an executor");
    }

    /// Waits until the scheduler has said something.
    pub(crate) fn wait_for_log(&self, text: &str) {
        let began = Instant::now();
        while !self.scheduler_log().contains(text) {
            assert!(
                began.elapsed() < UP,
                "the scheduler does not say `{text}`: {}",
                self.scheduler_log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The address for `engine`.
    pub(crate) fn url(&self) -> String {
        format!("df://{HOST}:{}", self.port)
    }

    /// Kills the executor that was started first with -9.
    pub(crate) fn kill_executor(&mut self) {
        let mut executor = self.executors.remove(0);
        executor.kill().unwrap();
        executor.wait().unwrap();
    }

    /// What the scheduler said.
    pub(crate) fn scheduler_log(&self) -> String {
        std::fs::read_to_string(self.folder.join("scheduler.log")).unwrap()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for child in self.executors.iter_mut().chain([&mut self.scheduler]) {
            child.kill().ok();
            child.wait().ok();
        }
    }
}
