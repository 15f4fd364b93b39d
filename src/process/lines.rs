//! A command whose output is handed on line by line, so that those of several can be told apart.
//!
//! Comes in: a command and what takes lines. Goes out: whole lines in the order in which they are
//! written, each with the stream that it is from; how the command ended.

use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{ExitStatus, Stdio};

use super::{CommandSpec, Error, prepared, start};
use crate::{interrupt, parallel};

/// The most of a line that is kept in memory: a longer one is handed on in parts.
const LONGEST: u64 = 64 * 1024;

/// Where a command has written a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

/// Runs a command that reads nothing. `take` gets each line that it writes, without its end, from
/// one of two threads.
pub fn lines(
    spec: &CommandSpec,
    take: &(dyn Fn(Stream, &[u8]) + Sync),
) -> Result<ExitStatus, Error> {
    if interrupt::signal().is_some() {
        return Err(Error::Interrupted);
    }
    let mut command = prepared(spec);
    command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|source| start(spec, source))?;
    let id = child.id();
    let group = interrupt::group(id);
    let (output, error) = (child.stdout.take(), child.stderr.take());
    let read = std::thread::scope(|scope| {
        let work = || each(error, &|line| take(Stream::Error, line));
        let other = parallel::start(scope, work).inspect_err(|_| {
            // What nobody reads would wait for ever.
            interrupt::end_group(id);
        })?;
        let own = each(output, &|line| take(Stream::Output, line));
        let other = other
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        own.and(other)
    });
    let status = child.wait();
    drop(group);
    if interrupt::signal().is_some() {
        return Err(Error::Interrupted);
    }
    read.and(status).map_err(|source| start(spec, source))
}

fn each(from: Option<impl Read>, take: &dyn Fn(&[u8])) -> io::Result<()> {
    let Some(from) = from else { return Ok(()) };
    let mut reader = BufReader::new(from);
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.by_ref().take(LONGEST).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        take(line.strip_suffix(b"\n").unwrap_or(&line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn lines_are_handed_on_whole_with_their_stream_and_a_last_one_without_an_end() {
        let script =
            "printf one; sleep 0.1; printf ' line\\n\\n'; echo bad >&2; printf 'la\\377st'";
        let spec = CommandSpec::new("sh", "/")
            .arg("-c")
            .arg(format!("{script}; exit 3"));
        let taken = Mutex::new(Vec::new());
        let status = lines(&spec, &|stream, line| {
            let mut taken = taken.lock().expect("not poisoned");
            taken.push((stream, line.to_vec()));
        });
        assert_eq!(status.expect("started").code(), Some(3));
        let taken = taken.into_inner().expect("not poisoned");
        let of = |stream| {
            let own = taken.iter().filter(move |(one, _)| *one == stream);
            own.map(|(_, line)| line.clone()).collect::<Vec<_>>()
        };
        assert_eq!(of(Stream::Output), [&b"one line"[..], b"", b"la\xffst"]);
        assert_eq!(of(Stream::Error), [b"bad"]);
    }

    #[test]
    fn a_line_without_end_is_not_kept_whole() {
        let long = vec![b'x'; 3 * (1 << 16) + 5];
        let sizes = Mutex::new(Vec::new());
        each(Some(&long[..]), &|part| {
            sizes.lock().expect("not poisoned").push(part.len());
        })
        .expect("read");
        let sizes = sizes.into_inner().expect("not poisoned");
        assert_eq!(sizes, [1 << 16, 1 << 16, 1 << 16, 5]);
    }
}
