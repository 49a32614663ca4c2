//! Ratings in an S3 bucket: one that moto (`pip install 'moto[server]' awscli`) keeps on this machine. Without moto it is NOT TESTED, and says so.

use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::cluster::{Cluster, free_ports};
use crate::ingest::{Popularity, command, program, sample};

/// A server of buckets; killed when dropped.
struct Storage {
    server: Child,
    endpoint: String,
}

impl Storage {
    fn start() -> Option<Self> {
        let [port] = free_ports();
        let server = Command::new("moto_server")
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let mut storage = Self {
            server: server.ok()?,
            endpoint: format!("http://127.0.0.1:{port}"),
        };
        let began = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if storage.server.try_wait().unwrap().is_some() || began.elapsed().as_secs() > 120 {
                return None;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Some(storage)
    }

    fn variables(&self) -> [(&'static str, String); 5] {
        [
            ("AWS_ACCESS_KEY_ID", "key".into()),
            ("AWS_SECRET_ACCESS_KEY", "secret".into()),
            ("AWS_REGION", "us-east-1".into()),
            ("AWS_ENDPOINT", self.endpoint.clone()),
            ("AWS_ALLOW_HTTP", "true".into()),
        ]
    }

    /// Runs `aws s3 ...`; whether it could.
    fn aws(&self, arguments: &[&str]) -> bool {
        let mut command = Command::new("aws");
        command.args(["--endpoint-url", &self.endpoint, "s3"]);
        command.args(arguments).stdout(Stdio::null());
        command.envs(self.variables());
        command.status().is_ok_and(|status| status.success())
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        self.server.kill().ok();
        self.server.wait().ok();
    }
}

fn kept(program: &Path, movielens: &Path, folder: &Path) -> Option<Storage> {
    let made = command(program, "ratings", &folder.join("ratings"))
        .arg("--movielens")
        .arg(movielens)
        .status()
        .unwrap();
    assert!(made.success());
    let storage = Storage::start()?;
    let file = folder.join("ratings/ratings.parquet");
    let address = "s3://reviews/ratings/part-1.parquet";
    let there = storage.aws(&["mb", "s3://reviews"])
        && storage.aws(&["cp", "--quiet", file.to_str().unwrap(), address]);
    there.then_some(storage)
}

#[test]
fn ratings_in_a_bucket_are_counted_as_one_process_does() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let movielens = sample(&program, 50_000, folder.path());
    let Some(storage) = kept(&program, &movielens, folder.path()) else {
        eprintln!("NOT TESTED: S3; there is no working `moto_server` and `aws`");
        return;
    };
    let cluster = Cluster::with(2, folder.path(), &storage.variables());
    let near = Popularity {
        program: &program,
        movielens: &movielens,
        slot: "month",
        engine: None,
        verify_sample: "0.2",
    };
    let expected = near.table(&folder.path().join("near"));
    let far = |address: &str| Popularity {
        engine: Some(format!(
            "{{url: '{}', ratings: '{address}'}}",
            cluster.url()
        )),
        ..near
    };
    let out = folder.path().join("far");
    let run = |popularity: &Popularity<'_>| {
        let mut command = popularity.command(&out);
        command.envs(storage.variables()).output().unwrap()
    };
    for address in [
        "s3://reviews/ratings/part-1.parquet",
        "s3://reviews/ratings/",
    ] {
        let output = run(&far(address));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{address}: {said}");
        assert!(crate::ingest::table(&out) == expected, "{address}");
        std::fs::remove_dir_all(&out).unwrap();
    }
    let output = run(&far("s3://reviews/elsewhere/part-1.parquet"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("hint: "), "{said}");
    assert!(!out.exists());
}
