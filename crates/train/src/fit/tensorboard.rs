//! The course of a training as a TensorBoard event file, for people who watch it there.
//!
//! Owns the file's format. Writes `events.out.tfevents.SECONDS.PROCESS` into the folder that the task names for logs, which
//! belongs to the run's record: there is a clock in it, and no result depends on it.
//!
//! The file is a list of records, each its length, the length's checksum, the bytes and their checksum (TensorFlow's
//! `record_writer.cc`); the bytes are an `Event` of `event.proto` in the encoding of protocol buffers. Of the many fields of
//! that message a scalar needs five, which are written here; the crates that know them all need `protoc` to be built.

use std::io::{self, BufWriter, Write as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

use cinescore_artifact::program::TaskContext;
use fs_err as fs;

use crate::objective::Objective;
use crate::training::Epoch;

/// The first record of each file says so.
const FILE_VERSION: &[u8] = b"brain.Event:2";
/// The fields' numbers.
const WALL_TIME: u64 = 1;
const STEP: u64 = 2;
const VERSION: u64 = 3;
const SUMMARY: u64 = 5;
const SUMMARY_VALUE: u64 = 1;
const VALUE_TAG: u64 = 1;
const VALUE_SIMPLE: u64 = 2;

/// The epochs of a training in such a file.
#[derive(Debug)]
pub(super) struct Events {
    file: EventFile,
    score: &'static str,
}

impl Events {
    /// With the epochs that were made before, so that a training that goes on is seen whole; none where the task names no
    /// place.
    pub(super) fn begin(
        context: &TaskContext,
        objective: &Objective,
        before: &[Epoch],
    ) -> io::Result<Option<Self>> {
        let Some(folder) = context.log_dir() else {
            return Ok(None);
        };
        let mut events = Self {
            file: EventFile::create(folder)?,
            score: objective.score_name(),
        };
        before.iter().try_for_each(|epoch| events.add(epoch))?;
        Ok(Some(events))
    }

    /// One more epoch.
    pub(super) fn add(&mut self, epoch: &Epoch) -> io::Result<()> {
        let courses = [
            ("train", epoch.trained),
            ("train_dropout_off", epoch.evaluated),
            ("valid", epoch.valid),
        ];
        let score = self.score;
        let named = courses.iter().flat_map(|(split, course)| {
            [
                (format!("loss/{split}"), course.loss),
                (format!("{score}/{split}"), course.score),
            ]
        });
        let values: Vec<(String, f64)> = named.collect();
        self.file.scalars(epoch.number, &values)
    }
}

/// A file that is being written.
#[derive(Debug)]
pub(super) struct EventFile {
    file: BufWriter<fs::File>,
}

impl EventFile {
    /// A new file in a folder, which is made.
    pub(super) fn create(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let now = now();
        let name = format!(
            "events.out.tfevents.{:010}.{}",
            now.as_secs(),
            std::process::id()
        );
        let file = fs::File::create(folder.join(name))?;
        let mut made = Self {
            file: BufWriter::new(file),
        };
        let mut event = Vec::new();
        field_double(&mut event, WALL_TIME, now.as_secs_f64());
        field_bytes(&mut event, VERSION, FILE_VERSION);
        made.record(&event)?;
        Ok(made)
    }

    /// Numbers of an epoch, by name; there for readers at once.
    pub(super) fn scalars(&mut self, epoch: u32, values: &[(String, f64)]) -> io::Result<()> {
        self.record(&scalars(now(), epoch, values))?;
        self.file.flush()
    }

    fn record(&mut self, event: &[u8]) -> io::Result<()> {
        self.file.write_all(&framed(event))
    }
}

fn now() -> Duration {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}

/// An `Event` with a `Summary` of simple values.
fn scalars(at: Duration, epoch: u32, values: &[(String, f64)]) -> Vec<u8> {
    let mut summary = Vec::new();
    for (tag, number) in values {
        let mut value = Vec::new();
        field_bytes(&mut value, VALUE_TAG, tag.as_bytes());
        varint(&mut value, VALUE_SIMPLE << 3 | 5);
        value.extend((*number as f32).to_le_bytes());
        field_bytes(&mut summary, SUMMARY_VALUE, &value);
    }
    let mut event = Vec::new();
    field_double(&mut event, WALL_TIME, at.as_secs_f64());
    varint(&mut event, STEP << 3);
    varint(&mut event, epoch.into());
    field_bytes(&mut event, SUMMARY, &summary);
    event
}

fn framed(bytes: &[u8]) -> Vec<u8> {
    let length = (bytes.len() as u64).to_le_bytes();
    let mut record = length.to_vec();
    record.extend(masked(&length).to_le_bytes());
    record.extend(bytes);
    record.extend(masked(bytes).to_le_bytes());
    record
}

/// The checksum, changed so that a checksum of bytes with checksums in them means something.
fn masked(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes)
        .rotate_right(15)
        .wrapping_add(0xa282_ead8)
}

fn field_double(to: &mut Vec<u8>, field: u64, value: f64) {
    varint(to, field << 3 | 1);
    to.extend(value.to_le_bytes());
}

fn field_bytes(to: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    varint(to, field << 3 | 2);
    varint(to, bytes.len() as u64);
    to.extend(bytes);
}

fn varint(to: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        to.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    // from tensorboard.compat.proto.event_pb2 import Event; from tensorboard.compat.proto.summary_pb2 import Summary
    // from tensorboard.summary.writer.record_writer import RecordWriter
    // e = Event(wall_time=1700000000.5, step=300, summary=Summary(value=[
    //     Summary.Value(tag="loss/train", simple_value=0.625), Summary.Value(tag="loss/valid", simple_value=1.5)]))
    // f = io.BytesIO(); RecordWriter(f).write(e.SerializeToString()); f.getvalue().hex()
    const REFERENCE: &str = "34000000000000005e33175c0900002040fc54d94110ac022a260a110a0a6c6f73732f747261696e150000203f0a110a0a6c6f73732f76616c6964150000c03f06c56da6";

    #[test]
    fn a_record_is_what_tensorboard_writes() {
        let values = [
            ("loss/train".to_owned(), 0.625),
            ("loss/valid".to_owned(), 1.5),
        ];
        let event = scalars(Duration::from_millis(1_700_000_000_500), 300, &values);
        let hex: String = framed(&event)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(hex, REFERENCE);
    }

    #[test]
    fn a_file_begins_with_its_version_and_has_a_record_for_each_epoch() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a/b");
        let mut file = EventFile::create(&inner).unwrap();
        file.scalars(1, &[("loss/train".to_owned(), 1.0)]).unwrap();
        file.scalars(2, &[("loss/train".to_owned(), 0.5)]).unwrap();
        let path = fs::read_dir(&inner).unwrap().next().unwrap().unwrap();
        let bytes = fs::read(path.path()).unwrap();
        let mut rest = bytes.as_slice();
        let mut records = Vec::new();
        while let Some((length, _)) = rest.split_first_chunk::<8>() {
            let end = 12 + u64::from_le_bytes(*length) as usize;
            records.push(rest[12..end].to_vec());
            rest = &rest[end + 4..];
        }
        assert_eq!(records.len(), 3);
        assert!(records[0].ends_with(FILE_VERSION));
        assert!(records[2].windows(10).any(|part| part == b"loss/train"));
    }
}
