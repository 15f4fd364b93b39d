//! Ending early without leaving anything behind.
//!
//! The first SIGINT, SIGTERM or SIGHUP sets a flag and ends the children, most of them with their process
//! groups. Long loops call [`check`], fail, and unwind, so that temporary files are removed by their owners.
//! A thread that is stuck in a read gets [`GRACE`]; after that, and on a second signal, the handler removes
//! the registered temporary paths itself, has the last words said and ends the process.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;

/// How long a signalled process may take to unwind by itself.
pub const GRACE: Duration = Duration::from_secs(2);

static SIGNAL: AtomicI32 = AtomicI32::new(0);
static KILLED: AtomicBool = AtomicBool::new(false);
static TEMPORARY: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
static RUNNING: Mutex<BTreeSet<Child>> = Mutex::new(BTreeSet::new());

/// What ends with this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Child {
    /// A group that a child leads.
    Group(i32),
    /// A child in this process's own group.
    Process(i32),
}

/// How long the last words may take: whoever should read them may not.
const WORDS: Duration = Duration::from_millis(300);

/// Installs the handler. Called once, by `main`, before any work. `last` is called when the handler
/// itself ends the process: what is drawn on a terminal is cleared there.
pub fn install(last: impl FnOnce() + Send + 'static) -> io::Result<()> {
    // What becomes too large for RLIMIT_FSIZE is an error of the writing, and not the end of this
    // process. What it starts has the signal's own meaning again.
    signal_hook::flag::register(SIGXFSZ, Arc::default())?;
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            if let Some(signal) = signals.forever().next() {
                SIGNAL.store(signal, Ordering::SeqCst);
                end_all(Signal::TERM);
                let start = Instant::now();
                while start.elapsed() < GRACE && signals.pending().next().is_none() {
                    std::thread::sleep(Duration::from_millis(20));
                }
                KILLED.store(true, Ordering::SeqCst);
                end_all(Signal::KILL);
                remove_temporary();
                within(WORDS, last);
                #[expect(clippy::exit, reason = "the main thread did not unwind in time")]
                std::process::exit(128 + signal);
            }
        })?;
    Ok(())
}

/// The signal that asked the process to end, if one came.
pub fn signal() -> Option<i32> {
    Some(SIGNAL.load(Ordering::SeqCst)).filter(|signal| *signal != 0)
}

/// Whether children were killed that had not ended in time.
pub fn killed() -> bool {
    KILLED.load(Ordering::SeqCst)
}

/// Fails once a signal has come. Called between blocks of every long loop.
pub fn check() -> io::Result<()> {
    match signal() {
        None => Ok(()),
        Some(_) => Err(io::Error::other("interrupted")),
    }
}

/// Keeps a path on the list of what an ended process must not leave behind. The owner still
/// removes it when all goes well; dropping this only takes it off the list.
pub struct Temporary(PathBuf);

/// Registers a temporary file or directory.
pub fn temporary(path: &Path) -> Temporary {
    locked(&TEMPORARY).insert(path.to_owned());
    Temporary(path.to_owned())
}

impl Drop for Temporary {
    fn drop(&mut self) {
        locked(&TEMPORARY).remove(&self.0);
    }
}

/// Keeps a child on the list of what ends with this process.
pub struct Running(Child);

/// Registers the process group that a child leads. Where a signal came in between, it ends at once.
pub fn group(id: u32) -> Running {
    register(Child::Group(i32::try_from(id).unwrap_or(0)))
}

/// Registers a child that is in this process's own group. Where a signal came in between, it ends at
/// once.
pub fn process(id: u32) -> Running {
    register(Child::Process(i32::try_from(id).unwrap_or(0)))
}

fn register(child: Child) -> Running {
    locked(&RUNNING).insert(child);
    if signal().is_some() {
        end_all(Signal::TERM);
    }
    Running(child)
}

impl Drop for Running {
    fn drop(&mut self) {
        locked(&RUNNING).remove(&self.0);
        // The leader has ended; what does not heed SIGTERM ends with it. A single process has been
        // waited for, and its number may be another's by now.
        if signal().is_some() && matches!(self.0, Child::Group(_)) {
            end(self.0, Signal::KILL);
        }
    }
}

/// Asks every process of a group that one of our children leads to end.
pub fn end_group(id: u32) {
    if let Some(pid) = i32::try_from(id).ok().and_then(Pid::from_raw) {
        // A group that has ended already is what was wanted.
        let _ = kill_process_group(pid, Signal::TERM);
    }
}

fn end_all(signal: Signal) {
    for child in locked(&RUNNING).iter() {
        end(*child, signal);
    }
}

fn end(child: Child, signal: Signal) {
    // One that has ended already is what was wanted.
    let _ = match child {
        Child::Group(id) => Pid::from_raw(id).map(|pid| kill_process_group(pid, signal)),
        Child::Process(id) => Pid::from_raw(id).map(|pid| kill_process(pid, signal)),
    };
}

fn within(time: Duration, work: impl FnOnce() + Send + 'static) {
    let (done, ended) = std::sync::mpsc::channel();
    let thread = std::thread::Builder::new().spawn(move || {
        work();
        // Whether somebody still waits for it does not matter.
        let _ = done.send(());
    });
    if thread.is_ok() {
        let _ = ended.recv_timeout(time);
    }
}

fn remove_temporary() {
    for path in locked(&TEMPORARY).iter() {
        // The process is ending: what can't be removed is cleared by the next run.
        let _ = fs_err::remove_dir_all(path).or_else(|_| fs_err::remove_file(path));
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
