//! The job server that builds of several platforms share, so that together they start as many
//! compilers as there are jobs, and the last one gets all of them.
//!
//! A pipe that holds one byte for each further job: GNU make's manual, "POSIX Jobserver
//! Interaction". Compilers that we call ourselves take part by [`Jobserver::all`]. make 4.4 and ninja 1.13 open it by a path; older make inherits its descriptors. As
//! a path serves the one that Linux gives every descriptor: it has no spaces, which `MAKEFLAGS` could
//! not carry, and nothing is left behind.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsRawFd;
use std::time::Duration;

use fs_err::os::unix::fs::OpenOptionsExt;
use rustix::fs::OFlags;
use rustix::io::{FdFlags, fcntl_setfd};

use crate::parallel;
use crate::toolchain::Toolchain;

/// How long to wait before asking again for a further job: short beside any compiler.
const PAUSE: Duration = Duration::from_millis(5);

/// Bytes for further jobs.
pub(in crate::compile) struct Jobserver {
    reader: PipeReader,
    writer: PipeWriter,
    jobs: usize,
}

impl Jobserver {
    /// One for `jobs` in all, of which `running` builds each have one already. `None` where the
    /// system gives no pipe: then each build has its share.
    pub(in crate::compile) fn new(jobs: usize, running: usize) -> Option<Self> {
        let (reader, mut writer) = io::pipe().ok()?;
        let further = vec![b'+'; jobs.saturating_sub(running)];
        // More than a pipe holds would block for ever.
        if further.len() > 4096 {
            return None;
        }
        writer.write_all(&further).ok()?;
        Some(Self {
            reader,
            writer,
            jobs,
        })
    }

    /// One of the builds has ended: its job is for the others.
    pub(in crate::compile) fn release(&self) {
        // A build that gets less than it could is slower, and nothing else.
        let _ = (&self.writer).write_all(b"+");
    }

    /// `MAKEFLAGS` for a program that takes part; `None` for one that can't.
    pub(in crate::compile) fn flags(&self, program: &Toolchain) -> Option<String> {
        let since = |text: &str| text.parse().is_ok_and(|oldest| program.version >= oldest);
        let (reader, writer) = (self.reader.as_raw_fd(), self.writer.as_raw_fd());
        let auth = match program.name.as_str() {
            "make" if since("4.4") => self.path(),
            "ninja" if since("1.13") => self.path(),
            "make" if since("4.2") => {
                for end in [
                    fcntl_setfd(&self.reader, FdFlags::empty()),
                    fcntl_setfd(&self.writer, FdFlags::empty()),
                ] {
                    end.ok()?;
                }
                format!("{reader},{writer}")
            }
            _ => return None,
        };
        Some(format!(" -j{} --jobserver-auth={auth}", self.jobs))
    }

    /// Does the work of a build on every item: one at a time with the job that it has, and more with
    /// as many further ones as there are. `ended` says that no more is to be begun.
    pub(in crate::compile) fn all<T: Sync, R: Send>(
        &self,
        items: &[T],
        ended: impl Fn() -> bool + Sync,
        work: impl Fn(&T) -> R + Sync,
    ) -> Vec<R> {
        // A description of our own, that may be read without waiting: others wait at theirs.
        let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
        let path = format!("/proc/self/fd/{}", self.reader.as_raw_fd());
        let opened = fs_err::OpenOptions::new()
            .read(true)
            .custom_flags(flags)
            .open(path);
        let Ok(reader) = opened else {
            return parallel::all(items, 1, work);
        };
        let permit = |is_left: &dyn Fn() -> bool| {
            while is_left() && !ended() {
                let mut byte = [0];
                match reader.file().read(&mut byte) {
                    Ok(1) => return Some(Further { server: self, byte }),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        std::thread::sleep(PAUSE);
                    }
                    Ok(_) | Err(_) => return None,
                }
            }
            None
        };
        parallel::permitted(items, self.jobs, permit, work)
    }

    fn path(&self) -> String {
        let (process, end) = (std::process::id(), self.reader.as_raw_fd());
        format!("fifo:/proc/{process}/fd/{end}")
    }
}

/// A further job, given back when it is done.
struct Further<'a> {
    server: &'a Jobserver,
    /// What was taken: the same is to be given back.
    byte: [u8; 1],
}

impl Drop for Further<'_> {
    fn drop(&mut self) {
        let _ = (&self.server.writer).write_all(&self.byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn program(name: &str, version: &str) -> Toolchain {
        let version = version.parse().expect("a version");
        Toolchain::on_machine(name, version, "/usr".into(), None, BTreeMap::new())
    }

    #[test]
    fn each_program_gets_the_form_that_it_knows() {
        let server = Jobserver::new(8, 2).expect("a pipe");
        let path = format!("fifo:/proc/{}/fd/", std::process::id());
        for (name, version, expected) in [
            ("make", "4.4.1", Some(path.as_str())),
            ("ninja", "1.13.2", Some(&path)),
            ("ninja", "1.11.1", None),
            ("make", "4.1", None),
        ] {
            let flags = server.flags(&program(name, version));
            assert_eq!(flags.is_some(), expected.is_some(), "{name} {version}");
            if let (Some(flags), Some(expected)) = (flags, expected) {
                assert!(
                    flags.contains("-j8 ") && flags.contains(expected),
                    "{flags}"
                );
            }
        }
    }

    #[test]
    fn the_path_leads_to_the_bytes_and_an_ended_build_adds_one() {
        let server = Jobserver::new(4, 2).expect("a pipe");
        server.release();
        let path = server.path();
        let path = path.strip_prefix("fifo:").expect("a path");
        let mut opened = fs_err::File::open(path).expect("opens");
        let mut bytes = [0; 3];
        opened.read_exact(&mut bytes).expect("three bytes");
        assert_eq!(&bytes, b"+++");
    }

    #[test]
    fn builds_that_work_through_it_never_do_more_at_once_than_there_are_jobs() {
        let server = Jobserver::new(3, 2).expect("a pipe");
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let work = |item: &u64| {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(*item));
            now.fetch_sub(1, Ordering::SeqCst);
            *item
        };
        let items: Vec<u64> = (1..=20).collect();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| assert_eq!(server.all(&items, || false, work), items));
            }
        });
        assert_eq!(most.into_inner(), 3);
        // What was taken is there again.
        let mut byte = [0];
        assert_eq!((&server.reader).read(&mut byte).expect("one"), 1);
        assert_eq!(&byte, b"+");
    }

    #[test]
    fn the_last_build_gets_the_jobs_of_those_that_have_ended() {
        let server = Jobserver::new(2, 2).expect("a pipe");
        let threads = || {
            let ids = server.all(
                &[1, 2, 3, 4],
                || false,
                |_| {
                    std::thread::sleep(Duration::from_millis(30));
                    format!("{:?}", std::thread::current().id())
                },
            );
            ids.into_iter().collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(threads().len(), 1);
        server.release();
        assert_eq!(threads().len(), 2);
        let ended = server.all(&[1, 2], || true, |item| *item);
        assert_eq!(ended, [1, 2], "what can't be begun elsewhere is done here");
    }
}
