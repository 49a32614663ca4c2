//! Work on many threads whose results come in the order of what they were made from, so that a result
//! does not depend on the number of threads.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::ReadError;

/// Items that may wait for a thread.
const WAITING: usize = 2;

/// Makes items on a thread of their own (`next`, until it gives none), turns each into a result on one of
/// `threads` threads (`work`), and takes the results in order on the calling thread (`take`).
///
/// What is in memory at a time is a few items a thread. The first error ends everything.
pub(crate) fn map<T: Send, A: Send>(
    threads: usize,
    mut next: impl FnMut() -> Result<Option<T>, ReadError> + Send,
    work: impl Fn(T) -> Result<A, ReadError> + Sync,
    mut take: impl FnMut(A) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let (items_in, items) = sync_channel::<(u64, T)>(WAITING);
    // Bounded too, so that threads do not run ahead of whoever takes the results.
    let (results_in, results) = sync_channel::<(u64, Result<A, ReadError>)>(WAITING);
    // Each thread owns a share of the receiver and no other place does: once all of them have ended, the
    // thread that makes items finds nobody to send to and ends too.
    let items = Arc::new(Mutex::new(items));
    std::thread::scope(|scope| {
        // Dropped at every way out of here: the threads then find that nobody listens, and end.
        let results = results;
        for _ in 0..threads.max(1) {
            let (items, results, work) = (Arc::clone(&items), results_in.clone(), &work);
            scope.spawn(move || run(&items, &results, work));
        }
        drop(items);
        scope.spawn(move || make(&mut next, &items_in, &results_in));
        let mut early = BTreeMap::new();
        let mut expected = 0;
        while let Ok((number, result)) = results.recv() {
            early.insert(number, result);
            while let Some(result) = early.remove(&expected) {
                take(result?)?;
                expected += 1;
            }
        }
        Ok(())
    })
}

fn make<T, A>(
    next: &mut impl FnMut() -> Result<Option<T>, ReadError>,
    items: &SyncSender<(u64, T)>,
    results: &SyncSender<(u64, Result<A, ReadError>)>,
) {
    for number in 0.. {
        match next() {
            Ok(Some(item)) => {
                if items.send((number, item)).is_err() {
                    return;
                }
            }
            Ok(None) => return,
            Err(error) => {
                // In its place behind what came before it; nobody may be listening any more.
                results.send((number, Err(error))).ok();
                return;
            }
        }
    }
}

fn run<T, A>(
    items: &Mutex<Receiver<(u64, T)>>,
    results: &SyncSender<(u64, Result<A, ReadError>)>,
    work: &impl Fn(T) -> Result<A, ReadError>,
) {
    loop {
        // A poisoned lock means that another thread panicked while it waited; the scope passes that on.
        let item = items.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((number, item)) = item else { return };
        if results.send((number, work(item))).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(until: u32) -> impl FnMut() -> Result<Option<u32>, ReadError> + Send {
        let mut numbers = 0..until;
        move || Ok(numbers.next())
    }

    #[test]
    fn results_come_in_order_whatever_the_number_of_threads() {
        for threads in [1, 2, 5] {
            let mut found = Vec::new();
            let work = |number: u32| {
                // Early items take longest.
                std::thread::sleep(std::time::Duration::from_micros(u64::from(200 - number)));
                Ok(number * 2)
            };
            map(threads, numbers(200), work, |number| {
                found.push(number);
                Ok(())
            })
            .unwrap();
            assert!(found.into_iter().eq((0..200).map(|number| number * 2)));
        }
    }

    #[test]
    fn an_error_anywhere_ends_everything_behind_what_came_before_it() {
        let mut found = Vec::new();
        let work = |number| match number {
            50 => Err(ReadError::Interrupted),
            _ => Ok(number),
        };
        let end = map(3, numbers(u32::MAX), work, |number| {
            found.push(number);
            Ok(())
        });
        assert!(matches!(end, Err(ReadError::Interrupted)));
        assert!(found.into_iter().eq(0..50));

        let end = map(3, numbers(u32::MAX), Ok, |number| match number {
            7 => Err(ReadError::Interrupted),
            _ => Ok(()),
        });
        assert!(end.is_err());

        let mut left = 3;
        let next = move || {
            left -= 1;
            if left == 0 {
                Err(ReadError::Interrupted)
            } else {
                Ok(Some(left))
            }
        };
        let mut taken = 0;
        let end = map(2, next, Ok, |_: i32| {
            taken += 1;
            Ok(())
        });
        assert!(end.is_err() && taken == 2);
    }
}
