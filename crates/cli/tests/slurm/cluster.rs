//! A real Slurm of one node on loopback: `munged`, `slurmctld` and `slurmd` of the system's packages, started as root
//! with a configuration in a temporary folder, and stopped with the test.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long the daemons may take to be there.
const PATIENCE: Duration = Duration::from_secs(20);
/// A wave of more tasks needs several arrays.
pub(crate) const ARRAY: usize = 16;

pub(crate) struct Cluster {
    folder: tempfile::TempDir,
    daemons: Vec<Child>,
    /// Whether memory is held to what was asked for by control groups, as on a real cluster.
    pub(crate) has_cgroups: bool,
}

impl Cluster {
    /// Starts one, or says why that cannot be.
    pub(crate) fn start() -> Result<Self, String> {
        for program in [
            "munged",
            "slurmctld",
            "slurmd",
            "sbatch",
            "squeue",
            "scancel",
        ] {
            find(program).ok_or(format!(
                "there is no `{program}` (Debian: slurm-wlm, munge)"
            ))?;
        }
        if text_of(Command::new("id").arg("-u")) != "0" {
            return Err("only root can start it".into());
        }
        let with = Self::try_start(true);
        with.or_else(|with| {
            Self::try_start(false)
                .map_err(|without| format!("{with}; without control groups: {without}"))
        })
    }

    fn try_start(has_cgroups: bool) -> Result<Self, String> {
        let mut cluster = Self {
            folder: tempfile::tempdir().unwrap(),
            daemons: Vec::new(),
            has_cgroups,
        };
        cluster.configure();
        let munge = cluster.path().join("munge");
        let at = |name: &str| munge.join(name).display().to_string();
        cluster.daemon(
            "munged",
            &[
                "--foreground".to_owned(),
                "--force".to_owned(),
                format!("--socket={}", at("socket")),
                format!("--key-file={}", at("key")),
                format!("--pid-file={}", at("pid")),
                format!("--log-file={}", at("log")),
                format!("--seed-file={}", at("seed")),
            ],
        );
        let began = Instant::now();
        while !munge.join("socket").exists() {
            cluster.is_well(began, "munged")?;
        }
        cluster.daemon("slurmctld", &["-D".to_owned()]);
        cluster.daemon("slurmd", &["-D".to_owned()]);
        while cluster.ask("sinfo", "--noheader --format=%T") != "idle" {
            cluster.is_well(began, "slurmd")?;
        }
        // That it is there does not say that it can run anything.
        cluster.ask(
            "sbatch",
            "--mem=64M --output=/dev/null --job-name=first --wrap=true",
        );
        loop {
            let state = cluster.ask("squeue", "--noheader --states=all --name=first --format=%T");
            match state.as_str() {
                "COMPLETED" => return Ok(cluster),
                "" | "PENDING" | "CONFIGURING" | "RUNNING" | "COMPLETING" => {
                    cluster.is_well(began, "the first job")?;
                }
                other => return Err(format!("its first job is {other}; {}", cluster.logs())),
            }
        }
    }

    fn configure(&self) {
        let folder = self.path();
        for name in ["munge", "state", "spool"] {
            fs_err::create_dir(folder.join(name)).unwrap();
        }
        let key: Vec<u8> = (0..1024_u32).map(|index| (index * 7 % 251) as u8).collect();
        let path = folder.join("munge/key");
        fs_err::write(&path, &key).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs_err::set_permissions(&path, mode).unwrap();
        let host = text_of(Command::new("hostname").arg("-s"));
        // Both are held until both are known, so that they differ.
        let listeners = [0, 0].map(|any| std::net::TcpListener::bind(("127.0.0.1", any)).unwrap());
        let [control, node] = listeners
            .each_ref()
            .map(|listener| listener.local_addr().unwrap().port());
        drop(listeners);
        let here = folder.display();
        let holds = match self.has_cgroups {
            true => "ProctrackType=proctrack/cgroup\nTaskPlugin=task/cgroup\n",
            false => {
                "ProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\nJobAcctGatherType=jobacct_gather/linux\nJobAcctGatherFrequency=task=1\nJobAcctGatherParams=OverMemoryKill\n"
            }
        };
        let config = format!(
            "ClusterName=cinescore\nSlurmctldHost={host}(127.0.0.1)\nSlurmctldPort={control}\nSlurmdPort={node}\n\
             AuthType=auth/munge\nAuthInfo=socket={here}/munge/socket\nCredType=cred/munge\n\
             SlurmUser=root\nSlurmdUser=root\nStateSaveLocation={here}/state\nSlurmdSpoolDir={here}/spool\n\
             SlurmctldPidFile={here}/slurmctld.pid\nSlurmdPidFile={here}/slurmd.pid\n\
             SlurmctldLogFile={here}/slurmctld.log\nSlurmdLogFile={here}/slurmd.log\n\
             SwitchType=switch/none\nMpiDefault=none\nReturnToService=2\nKillWait=5\nMaxArraySize={ARRAY}\n\
             SelectType=select/cons_tres\nSelectTypeParameters=CR_Core_Memory\nDefMemPerCPU=64\n\
             SchedulerParameters=sched_min_interval=0,sched_interval=1,batch_sched_delay=0\n\
             AccountingStorageType=accounting_storage/none\nSlurmdParameters=config_overrides\n{holds}\
             NodeName={host} NodeAddr=127.0.0.1 CPUs=32 RealMemory=16000 State=UNKNOWN\n\
             PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP\n"
        );
        fs_err::write(folder.join("slurm.conf"), config).unwrap();
        let groups = "ConstrainRAMSpace=yes\nConstrainSwapSpace=yes\nAllowedSwapSpace=0\n";
        let plugin = match Path::new("/sys/fs/cgroup/memory").is_dir() {
            true => "CgroupPlugin=cgroup/v1\n",
            false => "CgroupPlugin=autodetect\n",
        };
        fs_err::write(folder.join("cgroup.conf"), format!("{plugin}{groups}")).unwrap();
    }

    fn daemon(&mut self, program: &str, arguments: &[String]) {
        let log = std::fs::File::create(self.path().join(format!("{program}.out"))).unwrap();
        let child = Command::new(find(program).unwrap())
            .args(arguments)
            .env("SLURM_CONF", self.config())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.daemons.push(child);
    }

    fn is_well(&mut self, began: Instant, what: &str) -> Result<(), String> {
        let dead = self
            .daemons
            .iter_mut()
            .any(|daemon| daemon.try_wait().unwrap().is_some());
        if dead || began.elapsed() > PATIENCE {
            return Err(format!("{what} does not come up: {}", self.logs()));
        }
        std::thread::sleep(Duration::from_millis(50));
        Ok(())
    }

    /// The last words of the daemons, on one line.
    fn logs(&self) -> String {
        let names = ["munged.out", "slurmctld.log", "slurmd.log", "slurmd.out"];
        let last = names.iter().filter_map(|name| {
            let text = fs_err::read_to_string(self.path().join(name)).ok()?;
            Some(format!(
                "{name}: {}",
                text.lines().rfind(|line| line.contains("rror"))?
            ))
        });
        last.collect::<Vec<_>>().join("; ")
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// What `SLURM_CONF` says.
    pub(crate) fn config(&self) -> PathBuf {
        self.path().join("slurm.conf")
    }

    /// What one of Slurm's programs says; nothing where it fails.
    pub(crate) fn ask(&self, program: &str, arguments: &str) -> String {
        let mut command = Command::new(program);
        command
            .args(arguments.split_whitespace())
            .env("SLURM_CONF", self.config());
        text_of(&mut command)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.ask("scancel", "--user=root");
        std::thread::sleep(Duration::from_millis(500));
        for daemon in self.daemons.iter_mut().rev() {
            let id = daemon.id().to_string();
            Command::new("kill").arg(id).status().ok();
        }
        let began = Instant::now();
        for daemon in self.daemons.iter_mut() {
            while daemon.try_wait().unwrap().is_none() {
                if began.elapsed() > PATIENCE {
                    daemon.kill().ok();
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    folders
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

fn text_of(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output();
    let said = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    said.unwrap_or_default().trim().to_owned()
}
