//! Any bytes as a record of the store: a record only if its seal is whole, never a crash. What
//! lies behind the seal is read as well, for hardly any random bytes have a whole one.

#![no_main]

use cinescore_artifact::store::{Record, sealed};
use cinescore_artifact::task::TaskResult;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(record) = sealed::unseal::<Record>(bytes) {
        // What is read can be written, and read again as the same.
        let again = sealed::seal(&record).ok();
        let again = again.and_then(|bytes| sealed::unseal::<Record>(&bytes).ok());
        assert_eq!(again.as_ref(), Some(&record));
    }
    let _record = serde_json::from_slice::<Record>(bytes);
    let _result = serde_json::from_slice::<TaskResult>(bytes);
});
