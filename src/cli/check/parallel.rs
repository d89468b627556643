//! The same work for many things at a time, on as many threads as there are processors.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::cli::error::Failure;
use crate::exit::Exit;
use crate::selector::cel;

/// Things that a thread takes at a time.
const BATCH: usize = 8;

/// `work` of 0 to `count`, in order, on as many threads as there are processors. Each thread has a `Scratch` of its own,
/// which it passes on from one piece of work to the next: room that need not be asked for again.
///
/// # Errors
/// Exit 1 if no thread can be started.
pub fn parallel<T: Send, Scratch: Default>(
    count: usize,
    work: impl Fn(usize, &mut Scratch) -> T + Sync,
) -> Result<Vec<T>, Failure> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = threads.min(count.div_ceil(BATCH)).min(64);
    let next = AtomicUsize::new(0);
    let run = || {
        let mut done = Vec::new();
        let mut scratch = Scratch::default();
        loop {
            let from = next.fetch_add(BATCH, Ordering::Relaxed);
            if from >= count {
                return done;
            }
            for i in from..count.min(from + BATCH) {
                done.push((i, work(i, &mut scratch)));
            }
        }
    };
    let mut all: Vec<Option<T>> = std::iter::repeat_with(|| None).take(count).collect();
    thread::scope(|scope| {
        let mut running = Vec::new();
        for _ in 0..threads {
            let thread = thread::Builder::new()
                .stack_size(cel::DEEP)
                .spawn_scoped(scope, || cel::on_deep_stack(run));
            running.push(thread.map_err(|error| {
                Failure::new(Exit::Internal, "a thread cannot be started")
                    .because(&error)
                    .hint("allow more processes (`ulimit -u`) or free some memory")
            })?);
        }
        for thread in running {
            match thread.join() {
                Ok(done) => done.into_iter().for_each(|(i, value)| all[i] = Some(value)),
                // The panic hook has told about it.
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok::<(), Failure>(())
    })?;
    Ok(all.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_of_it_stands_in_order_whoever_did_it() {
        for count in [0, 1, 7, 8, 9, 1000] {
            let done = parallel(count, |i, (): &mut ()| i * 2).unwrap();
            assert_eq!(done, (0..count).map(|i| i * 2).collect::<Vec<_>>());
        }
    }
}
