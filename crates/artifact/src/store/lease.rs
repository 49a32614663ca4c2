//! What living processes are using, so that the collection of garbage leaves it alone.
//!
//! A process writes each fingerprint that it looks up, and each digest that it puts, into a lease: a
//! file in `leases/` on which it holds a kernel lock for as long as it lives. It writes under a shared
//! hold of one lock (`locks/gc.lock`); a collection holds that lock exclusively from reading the leases
//! until what it found is gone. So a look-up comes either before the reading of the leases, and what it
//! finds stays until the process ends, or after the collection, and finds nothing. Neither waits longer
//! than a collection takes to rename what it removes.

use std::collections::{BTreeSet, HashSet};
use std::fs::File;
use std::io::{self, Write as _};
use std::sync::Mutex;

use tempfile::TempPath;

use super::{Store, StoreError, io_error};
use crate::digest::Digest;

#[derive(Debug, Default)]
pub(super) struct Lease(Mutex<State>);

#[derive(Debug, Default)]
enum State {
    #[default]
    NotNeededYet,
    Held {
        gate: File,
        lease: File,
        _path: TempPath,
        told: HashSet<Digest>,
    },
    /// The store may only be read by this user: there is nothing to be protected from that this
    /// process could tell.
    ReadOnly,
}

/// The right to remove what nobody uses; given back when dropped.
#[derive(Debug)]
pub struct Collecting {
    _gate: File,
}

/// The right to look at everything while nothing is removed; given back when dropped.
#[derive(Debug)]
pub struct NotCollecting {
    _gate: File,
}

impl Store {
    /// Keeps a record and its objects, or an object, from being collected while this process lives.
    pub(super) fn protect(&self, digest: Digest) -> Result<(), StoreError> {
        let Ok(mut state) = self.lease.0.lock() else {
            return Ok(());
        };
        if matches!(*state, State::NotNeededYet) {
            *state = self.begin_lease()?;
        }
        if let State::Held {
            gate, lease, told, ..
        } = &mut *state
            && !told.contains(&digest)
        {
            let write = |lease: &mut File| {
                gate.lock_shared()?;
                let written = lease.write_all(format!("{digest}\n").as_bytes());
                gate.unlock()?;
                written
            };
            write(lease).map_err(io_error("write a lease in", &self.root.join("leases")))?;
            told.insert(digest);
        }
        Ok(())
    }

    fn begin_lease(&self) -> Result<State, StoreError> {
        let leases = self.root.join("leases");
        let begin = || -> io::Result<State> {
            let gate = self.gate()?;
            gate.lock_shared()?;
            fs_err::create_dir_all(&leases)?;
            let (lease, path) = tempfile::Builder::new()
                .prefix(&format!("{}-", std::process::id()))
                .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
                .tempfile_in(&leases)?
                .into_parts();
            lease.lock_shared()?;
            gate.unlock()?;
            Ok(State::Held {
                gate,
                lease,
                _path: path,
                told: HashSet::new(),
            })
        };
        match begin() {
            Ok(state) => Ok(state),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
                ) =>
            {
                Ok(State::ReadOnly)
            }
            Err(error) => Err(io_error("write a lease in", &leases)(error)),
        }
    }

    fn gate(&self) -> io::Result<File> {
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        options.open(self.root.join("locks/gc.lock"))
    }

    /// Waits until no collection is going on, and keeps one from beginning.
    pub fn not_collecting(&self) -> Result<NotCollecting, StoreError> {
        let path = self.root.join("locks/gc.lock");
        let gate = self.gate().map_err(io_error("open", &path))?;
        gate.lock_shared().map_err(io_error("lock", &path))?;
        Ok(NotCollecting { _gate: gate })
    }

    /// Waits until no process is writing a lease, and keeps them from doing so.
    pub fn collecting(&self) -> Result<Collecting, StoreError> {
        let path = self.root.join("locks/gc.lock");
        let gate = self.gate().map_err(io_error("open", &path))?;
        gate.lock().map_err(io_error("lock", &path))?;
        Ok(Collecting { _gate: gate })
    }

    /// What living processes use. The leases of dead ones are removed.
    pub fn leased(&self, _collecting: &Collecting) -> Result<BTreeSet<Digest>, StoreError> {
        let mut used = BTreeSet::new();
        for path in super::entries(&self.root.join("leases"))? {
            let lease = match File::open(&path) {
                Ok(lease) => lease,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                // What it says is in use would be collected.
                Err(error) => return Err(io_error("read", &path)(error)),
            };
            if lease.try_lock().is_ok() {
                fs_err::remove_file(&path).ok();
            } else {
                let text = fs_err::read_to_string(&path).map_err(io_error("read", &path))?;
                used.extend(digests_in(&text));
            }
        }
        Ok(used)
    }
}

/// Every run of 64 hexadecimal digits in a text, as a digest.
pub fn digests_in(text: &str) -> BTreeSet<Digest> {
    text.split(|letter: char| !letter.is_ascii_hexdigit())
        .filter(|word| word.len() == 64)
        .filter_map(|word| word.parse().ok())
        .collect()
}
