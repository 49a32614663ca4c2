//! Work on many threads whose results come in the order of what they were made from, so that a result
//! does not depend on the number of threads.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::ReadError;

/// Items that may wait for a thread, and results for whoever takes them.
const WAITING: usize = 2;

/// What came of an item.
enum Outcome<A> {
    Done(Result<A, ReadError>),
    /// What a panic of the work said.
    Panicked(Box<dyn Any + Send>),
}

/// Makes items on a thread of their own (`next`, until it gives none), turns each into a result on one of
/// `threads` threads (`work`), and takes the results in order on the calling thread (`take`).
///
/// What is in memory at a time is an item a thread and [`WAITING`] on either side, however long one of them takes: no more
/// are made until the result of the oldest is taken. The first error ends everything, and so does a panic of the work.
pub(crate) fn map<T: Send, A: Send>(
    threads: usize,
    mut next: impl FnMut() -> Result<Option<T>, ReadError> + Send,
    work: impl Fn(T) -> Result<A, ReadError> + Sync,
    mut take: impl FnMut(A) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let (items_in, items) = sync_channel::<(u64, T)>(WAITING);
    // Bounded too, so that threads do not run ahead of whoever takes the results.
    let (results_in, results) = sync_channel::<(u64, Outcome<A>)>(WAITING);
    // One stands in it for each item whose result is not taken: results that come before their turn are kept here, so the
    // channels alone would bound nothing while one item takes long.
    let (begun, taken) = sync_channel::<()>(threads.max(1) + 2 * WAITING);
    // Each thread owns a share of the receiver and no other place does: once all of them have ended, the
    // thread that makes items finds nobody to send to and ends too.
    let items = Arc::new(Mutex::new(items));
    std::thread::scope(|scope| {
        // Dropped at every way out of here: the threads then find that nobody listens, and end.
        let (results, taken) = (results, taken);
        for _ in 0..threads.max(1) {
            let (items, results, work) = (Arc::clone(&items), results_in.clone(), &work);
            scope.spawn(move || run(&items, &results, work));
        }
        drop(items);
        scope.spawn(move || make(&mut next, &begun, &items_in, &results_in));
        let mut early = BTreeMap::new();
        let mut expected = 0;
        while let Ok((number, outcome)) = results.recv() {
            match outcome {
                Outcome::Done(result) => early.insert(number, result),
                // Its result will never come, and all others would wait for it.
                Outcome::Panicked(said) => resume_unwind(said),
            };
            while let Some(result) = early.remove(&expected) {
                take(result?)?;
                expected += 1;
                // There is one for each result.
                taken.try_recv().ok();
            }
        }
        Ok(())
    })
}

fn make<T, A>(
    next: &mut impl FnMut() -> Result<Option<T>, ReadError>,
    begun: &SyncSender<()>,
    items: &SyncSender<(u64, T)>,
    results: &SyncSender<(u64, Outcome<A>)>,
) {
    for number in 0.. {
        // Waits while too many are on the way; fails where nobody takes results any more.
        if begun.send(()).is_err() {
            return;
        }
        match next() {
            Ok(Some(item)) => {
                if items.send((number, item)).is_err() {
                    return;
                }
            }
            Ok(None) => return,
            Err(error) => {
                // In its place behind what came before it; nobody may be listening any more.
                results.send((number, Outcome::Done(Err(error)))).ok();
                return;
            }
        }
    }
}

fn run<T, A>(
    items: &Mutex<Receiver<(u64, T)>>,
    results: &SyncSender<(u64, Outcome<A>)>,
    work: &impl Fn(T) -> Result<A, ReadError>,
) {
    loop {
        // A poisoned lock means that another thread panicked while it waited; the scope passes that on. A panic of the work is
        // told to whoever takes results, who would wait for this one.
        let item = items.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((number, item)) = item else { return };
        let outcome = match catch_unwind(AssertUnwindSafe(|| work(item))) {
            Ok(result) => Outcome::Done(result),
            Err(said) => Outcome::Panicked(said),
        };
        if results.send((number, outcome)).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::sync::atomic::Ordering::Relaxed;
    use std::time::{Duration, Instant};

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
    fn no_more_items_are_made_than_are_on_the_way_while_one_takes_long() {
        for threads in [1, 2, 5] {
            let bound = threads + 2 * WAITING;
            let made = AtomicUsize::new(0);
            let next = || {
                let number = made.fetch_add(1, Relaxed);
                Ok((number < 1000).then_some(number))
            };
            let work = |number| {
                if number == 0 {
                    // Long enough for others to go on to the bound, and for any that would go beyond it.
                    let began = Instant::now();
                    let reached = |count| made.load(Relaxed) >= count;
                    // One thread has nobody beside it: no other item is worked on.
                    while !reached(bound) && began.elapsed() < Duration::from_millis(200) {
                        std::thread::yield_now();
                    }
                    std::thread::sleep(Duration::from_millis(50));
                    assert!(!reached(bound + 1), "{}", made.load(Relaxed));
                }
                Ok(number)
            };
            let mut taken = 0;
            map(threads, next, work, |number| {
                assert_eq!(number, taken);
                assert!(made.load(Relaxed) <= taken + bound);
                taken += 1;
                Ok(())
            })
            .unwrap();
            assert_eq!(taken, 1000);
        }
    }

    #[test]
    fn a_panic_of_the_work_ends_everything_at_once() {
        for threads in [1, 3] {
            let made = AtomicUsize::new(0);
            let next = || Ok(Some(made.fetch_add(1, Relaxed)));
            let work = |number| {
                assert_ne!(number, 20, "the work's own words");
                Ok(number)
            };
            let end = catch_unwind(AssertUnwindSafe(|| map(threads, next, work, |_| Ok(()))));
            let said = end.unwrap_err();
            let said = said.downcast_ref::<String>().unwrap();
            assert!(said.contains("the work's own words"), "{said}");
            assert!(made.into_inner() < 20 + 2 * (threads + 2 * WAITING));
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
