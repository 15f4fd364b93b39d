//! The same work on many items, on several threads. What comes out is in the order of the items and
//! does not depend on the number of threads.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{Builder, Scope, ScopedJoinHandle};

/// Does the work on every item, on up to `threads` threads, this one among them.
pub fn all<T: Sync, R: Send>(items: &[T], threads: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    permitted(items, threads, |_| Some(()), work)
}

/// Does the work on every item, where threads besides this one need a permit for each. `permit` waits
/// for one as long as what it is given says that there is still an item; a thread that gets none ends.
pub fn permitted<T: Sync, R: Send, P>(
    items: &[T],
    threads: usize,
    permit: impl Fn(&dyn Fn() -> bool) -> Option<P> + Sync,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let take = || {
        let index = next.fetch_add(1, Ordering::Relaxed);
        items.get(index).map(|item| (index, work(item)))
    };
    let is_left = || next.load(Ordering::Relaxed) < items.len();
    let other = || {
        let mut done = Vec::new();
        while let Some(_permit) = permit(&is_left) {
            let Some(one) = take() else { break };
            done.push(one);
        }
        done
    };
    let mut done = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads.min(items.len()))
            .map_while(|_| start(scope, other).ok())
            .collect();
        let mut done: Vec<_> = std::iter::from_fn(take).collect();
        for other in others {
            done.extend(
                other
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            );
        }
        done
    });
    done.sort_unstable_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Starts a thread. Where the system gives none (setrlimit(2), the limit of a container), that is an
/// error for the caller, who does the work by itself.
pub fn start<'scope, R: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> R + Send + 'scope,
) -> std::io::Result<ScopedJoinHandle<'scope, R>> {
    Builder::new().spawn_scoped(scope, work)
}

/// Does work that can fail. After a failure nothing more is begun; of several failures the one of
/// the first item counts.
pub fn map<T: Sync, R: Send, E: Send>(
    items: &[T],
    threads: usize,
    work: impl Fn(&T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let failed = AtomicBool::new(false);
    let results = all(items, threads, |item| {
        if failed.load(Ordering::Relaxed) {
            return None;
        }
        let result = work(item);
        if result.is_err() {
            failed.store(true, Ordering::Relaxed);
        }
        Some(result)
    });
    results.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_items_on_any_number_of_threads() {
        let items: Vec<u64> = (0..100).collect();
        for threads in [0, 1, 2, 7, 200] {
            let doubled = all(&items, threads, |item| {
                std::thread::sleep(std::time::Duration::from_micros((100 - item) * 10));
                item * 2
            });
            assert!(
                doubled
                    .iter()
                    .eq(items.iter().map(|item| item * 2).collect::<Vec<_>>().iter())
            );
        }
        assert!(all(&[] as &[u8], 4, |item| *item).is_empty());
    }

    #[test]
    fn without_permits_this_thread_does_all_the_work_and_nobody_waits_in_vain() {
        let items: Vec<u32> = (0..20).collect();
        let this = std::thread::current().id();
        let wait = |is_left: &dyn Fn() -> bool| -> Option<()> {
            while is_left() {
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            None
        };
        let done = permitted(&items, 4, wait, |item| (*item, std::thread::current().id()));
        assert!(
            done.iter().eq(items
                .iter()
                .map(|item| (*item, this))
                .collect::<Vec<_>>()
                .iter())
        );
    }

    #[test]
    fn a_failure_ends_the_work_and_the_first_one_counts() {
        let begun = AtomicUsize::new(0);
        let items: Vec<usize> = (0..1000).collect();
        let result: Result<Vec<usize>, usize> = map(&items, 1, |item| {
            begun.fetch_add(1, Ordering::Relaxed);
            if *item == 3 { Err(*item) } else { Ok(*item) }
        });
        assert_eq!(result, Err(3));
        assert_eq!(begun.load(Ordering::Relaxed), 4);
        let both: Result<Vec<()>, usize> = map(&items, 4, |item| Err(*item));
        assert!(both.unwrap_err() < 4);
        let fine: Result<Vec<usize>, ()> = map(&items, 4, |item| Ok(*item));
        assert_eq!(fine, Ok(items));
    }
}
