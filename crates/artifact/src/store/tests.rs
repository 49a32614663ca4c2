//! The store's promises, on real files.

use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::digest::Digest;
use crate::task::TaskResult;

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("store")).unwrap();
    (folder, store)
}

fn put(store: &Store, text: &str) -> Object {
    let work = store.work_dir().unwrap();
    let path = work.path().join("out");
    fs_err::write(&path, text).unwrap();
    store
        .put_object(&path, "out.txt", &store.stat_memo())
        .unwrap()
}

fn overwrite(path: &Path, text: &str) {
    fs_err::remove_file(path).unwrap();
    fs_err::write(path, text).unwrap();
}

#[test]
fn an_object_is_kept_by_its_digest_and_read_only() {
    let (_folder, store) = store();
    let object = put(&store, "hello");
    assert_eq!(object.digest, Digest::of_bytes(b"hello"));
    assert_eq!(object.bytes, 5);
    let path = store.object_path(object.digest);
    assert_eq!(fs_err::read_to_string(&path).unwrap(), "hello");
    assert!(fs_err::metadata(&path).unwrap().permissions().readonly());
    assert_eq!(put(&store, "hello"), object);
}

#[test]
fn a_folder_is_one_object() {
    let (_folder, store) = store();
    let put = || {
        let work = store.work_dir().unwrap();
        let folder = work.path().join("bundle");
        fs_err::create_dir_all(folder.join("deep")).unwrap();
        fs_err::write(folder.join("deep/weights"), "1").unwrap();
        store
            .put_object(&folder, "bundle", &store.stat_memo())
            .unwrap()
    };
    let object = put();
    assert_eq!(put(), object);
    assert_eq!(
        store.verify_object(object.digest).unwrap(),
        ObjectState::Present
    );
}

#[test]
fn a_damaged_object_is_seen_and_becomes_a_miss() {
    let (_folder, store) = store();
    let object = put(&store, "hello");
    overwrite(&store.object_path(object.digest), "hellp");
    assert_eq!(
        store
            .check_object(object.digest, &store.stat_memo())
            .unwrap(),
        ObjectState::Damaged
    );
    assert_eq!(
        store
            .check_object(object.digest, &store.stat_memo())
            .unwrap(),
        ObjectState::Missing
    );
    assert_eq!(put(&store, "hello"), object);
    assert_eq!(
        store.verify_object(object.digest).unwrap(),
        ObjectState::Present
    );
}

#[test]
fn an_edit_that_restores_size_and_mtime_is_seen() {
    let (_folder, store) = store();
    let memo = store.stat_memo();
    let object = put(&store, "hello");
    let path = store.object_path(object.digest);
    assert_eq!(memo.digest_of(&path).unwrap(), object.digest);
    let mtime = fs_err::metadata(&path).unwrap().modified().unwrap();
    overwrite(&path, "hellp");
    std::fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_modified(mtime)
        .unwrap();
    assert_ne!(memo.digest_of(&path).unwrap(), object.digest);
}

#[test]
fn a_remembered_digest_survives_the_process() {
    let (folder, store) = store();
    let path = folder.path().join("source");
    fs_err::write(&path, "x").unwrap();
    std::thread::sleep(std::time::Duration::from_millis(50));
    let memo = store.stat_memo();
    let digest = memo.digest_of(&path).unwrap();
    store.keep_stats(&memo).unwrap();
    assert_eq!(store.stat_memo().digest_of(&path).unwrap(), digest);
}

#[test]
fn an_edit_inside_a_large_folder_is_seen_and_only_it_is_hashed() {
    let (folder, store) = store();
    let many = folder.path().join("many");
    for index in 0..600 {
        let path = many.join(format!("{}/{index}", index % 7));
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, index.to_string()).unwrap();
    }
    std::thread::sleep(std::time::Duration::from_millis(50));
    let remembered = |store: &Store| {
        let memo = store.stat_memo();
        let digest = memo.digest_of(&many).unwrap();
        store.keep_stats(&memo).unwrap();
        assert_eq!(digest, Digest::of_path(&many).unwrap());
        digest
    };
    let before = remembered(&store);
    assert_eq!(remembered(&store), before);
    // The same size and the same time of change: ctime tells.
    let edited = many.join("3/3");
    let mtime = fs_err::metadata(&edited).unwrap().modified().unwrap();
    fs_err::write(&edited, "4").unwrap();
    std::fs::File::options()
        .write(true)
        .open(&edited)
        .unwrap()
        .set_modified(mtime)
        .unwrap();
    let after = remembered(&store);
    assert_ne!(after, before);
    fs_err::rename(many.join("3/10"), many.join("3/010")).unwrap();
    let renamed = remembered(&store);
    assert_ne!(renamed, after);
    fs_err::remove_file(many.join("3/010")).unwrap();
    assert_ne!(remembered(&store), renamed);
    // What is remembered of each file may be damaged: then all of them are hashed again.
    for entry in fs_err::read_dir(store.root().join("stats")).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = fs_err::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs_err::write(&path, bytes).unwrap();
    }
    fs_err::write(&edited, "5").unwrap();
    remembered(&store);
}

#[test]
fn two_runs_keep_what_both_remember() {
    let (folder, store) = store();
    let paths = ["x", "y"].map(|name| folder.path().join(name));
    for path in &paths {
        fs_err::write(path, "z").unwrap();
    }
    std::thread::sleep(std::time::Duration::from_millis(50));
    let memos = [store.stat_memo(), store.stat_memo()];
    for (memo, path) in memos.iter().zip(&paths) {
        memo.digest_of(path).unwrap();
        store.keep_stats(memo).unwrap();
    }
    let kept = fs_err::read(store.root().join("stats/files")).unwrap();
    for path in &paths {
        let path = path.to_str().unwrap().as_bytes();
        assert!(kept.windows(path.len()).any(|window| window == path));
    }
}

#[test]
fn records_come_back_and_damaged_ones_are_told() {
    let (_folder, store) = store();
    let fingerprint = Digest::of_bytes(b"key");
    assert_eq!(store.record(fingerprint).unwrap(), RecordState::Missing);
    let record = Record {
        version: RECORD_VERSION,
        fingerprint,
        preimage: serde_json::json!({"kind": "toy"}),
        outputs: BTreeMap::from([("out".into(), put(&store, "hello"))]),
        result: TaskResult::default(),
        run: "r1".into(),
    };
    store.put_record(&record).unwrap();
    assert_eq!(
        store.record(fingerprint).unwrap(),
        RecordState::Present(Box::new(record))
    );
    let shard = store
        .root()
        .join("records")
        .join(&fingerprint.to_hex()[..2]);
    let path = fs_err::read_dir(shard)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    fs_err::write(path, "{").unwrap();
    assert_eq!(store.record(fingerprint).unwrap(), RecordState::Damaged);
}

#[test]
fn a_record_from_elsewhere_goes_beside_the_one() {
    let (_folder, store) = store();
    let record = |text: &str| Record {
        version: RECORD_VERSION,
        fingerprint: Digest::of_bytes(b"key"),
        preimage: serde_json::json!({"kind": "toy"}),
        outputs: BTreeMap::from([("out".into(), put(&store, text))]),
        result: TaskResult::default(),
        run: "r1".into(),
    };
    let (own, foreign, third) = (record("own"), record("foreign"), record("third"));
    assert_eq!(store.add_record(&own).unwrap(), Kept::AsTheOne);
    let place = store.record_path(own.fingerprint);
    let identity = || {
        use std::os::unix::fs::MetadataExt as _;
        fs_err::metadata(&place).unwrap().ino()
    };
    let before = identity();
    assert_eq!(store.add_record(&foreign).unwrap(), Kept::OneOf(2));
    assert_eq!(store.add_record(&foreign).unwrap(), Kept::OneOf(2));
    assert_eq!(store.add_record(&third).unwrap(), Kept::OneOf(3));
    assert_eq!(store.add_record(&own).unwrap(), Kept::OneOf(3));
    // Not for a moment was anything else in its place.
    assert_eq!(identity(), before);
    assert_eq!(
        store.record(own.fingerprint).unwrap(),
        RecordState::Present(Box::new(own.clone()))
    );
    assert_eq!(store.other_results(own.fingerprint), [foreign, third]);
}

#[test]
fn what_a_killed_process_left_is_swept_and_living_work_is_not() {
    let (_folder, store) = store();
    let living = store.work_dir().unwrap();
    let dead = store.root().join("tmp/work-dead");
    fs_err::create_dir(&dead).unwrap();
    fs_err::write(dead.with_extension("lock"), "").unwrap();
    let other = store.work_dir().unwrap();
    assert!(living.path().exists() && other.path().exists() && !dead.exists());
    drop((living, other));
    assert_eq!(
        fs_err::read_dir(store.root().join("tmp")).unwrap().count(),
        0
    );
}

#[test]
fn a_second_writer_waits_and_learns_for_whom() {
    let (_folder, store) = store();
    let key = Digest::of_bytes(b"key");
    let first = LockHolder {
        pid: 1,
        host: "here".into(),
        command: "first".into(),
        since: "now".into(),
    };
    let lock = store
        .lock(key, &first, |_| panic!("nobody holds it"))
        .unwrap();
    std::thread::scope(|scope| {
        let (tell, told) = std::sync::mpsc::channel();
        let store = &store;
        scope.spawn(move || {
            store
                .lock(key, &LockHolder::default(), |holder| {
                    tell.send(holder).unwrap()
                })
                .unwrap();
        });
        assert_eq!(told.recv().unwrap(), Some(first));
        drop(lock);
    });
}

#[test]
fn colleagues_may_open_a_store() {
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, store) = store();
    let mode = |path: &Path| fs_err::metadata(path).unwrap().permissions().mode() & 0o777;
    // As an ordinary file is, with whatever the user's umask takes away.
    let ordinary = folder.path().join("ordinary");
    fs_err::write(&ordinary, "").unwrap();
    assert_eq!(mode(&store.root().join("version")), mode(&ordinary));
    // Whether work goes on is asked by opening its lock.
    let work = store.work_dir().unwrap();
    let lock = work.path().with_extension("lock");
    assert_eq!(mode(&lock), mode(&ordinary) & 0o644);
}

/// A link that leads to itself: nobody can open it, and it is there.
fn make_unreadable(path: &Path) {
    fs_err::remove_file(path).ok();
    std::os::unix::fs::symlink(path, path).unwrap();
}

#[test]
fn work_whose_lock_cannot_be_opened_stays() {
    let (_folder, store) = store();
    let other = store.root().join("tmp/work-other");
    fs_err::create_dir(&other).unwrap();
    make_unreadable(&other.with_extension("lock"));
    drop(store.work_dir().unwrap());
    assert!(other.exists());
    fs_err::remove_file(other.with_extension("lock")).unwrap();
    drop(store.work_dir().unwrap());
    assert!(!other.exists());
}

#[test]
fn checkpoints_whose_lock_cannot_be_opened_stay() {
    let (_folder, store) = store();
    let key = Digest::of_bytes(b"key");
    let scratch = store.root().join("scratch").join(key.to_hex());
    fs_err::create_dir_all(&scratch).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(20));
    let lock = store.root().join("locks").join(format!("{key}.lock"));
    make_unreadable(&lock);
    let collecting = store.collecting().unwrap();
    let clear = || store.clear_scratch(std::time::Duration::ZERO, false, &collecting);
    assert_eq!(clear().unwrap().0, 0);
    fs_err::remove_file(lock).unwrap();
    assert_eq!(clear().unwrap().0, 1);
}

#[test]
fn nothing_is_collected_beside_a_lease_that_cannot_be_read() {
    let (_folder, store) = store();
    let leases = store.root().join("leases");
    fs_err::create_dir_all(&leases).unwrap();
    make_unreadable(&leases.join("1-abc"));
    assert!(store.leased(&store.collecting().unwrap()).is_err());
}

#[test]
fn a_store_of_another_layout_is_refused() {
    let (_folder, store) = store();
    fs_err::write(store.root().join("version"), "9\n").unwrap();
    let error = Store::open(store.root()).unwrap_err().to_string();
    assert!(
        error.ends_with("is a store of layout 9; this program knows layout 1"),
        "{error}"
    );
}
