//! The job server that builds of several platforms share, so that together they start as many
//! compilers as there are jobs, and the last one gets all of them.
//!
//! A pipe that holds one byte for each further job: GNU make's manual, "POSIX Jobserver
//! Interaction". make 4.4 and ninja 1.13 open it by a path; older make inherits its descriptors. As
//! a path serves the one that Linux gives every descriptor: it has no spaces, which `MAKEFLAGS` could
//! not carry, and nothing is left behind.

use std::io::{self, PipeReader, PipeWriter, Write};
use std::os::fd::AsRawFd;

use rustix::io::{FdFlags, fcntl_setfd};

use crate::toolchain::Toolchain;

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

    fn path(&self) -> String {
        let (process, end) = (std::process::id(), self.reader.as_raw_fd());
        format!("fifo:/proc/{process}/fd/{end}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::io::Read;

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
}
