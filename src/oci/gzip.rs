//! gzip in fixed blocks, compressed in parallel into one member (RFC 1951, RFC 1952).
//!
//! Every block starts with the last 32 KiB of the one before as its dictionary and ends in a sync
//! flush, so that the pieces join into one deflate stream. The bytes depend on the content, the
//! level and the compressor's version only: not on the number of threads, and not on how the
//! content was cut into writes (which zlib-rs alone would not give at levels 1, 5 and 6). At most
//! two blocks a thread are in memory.
//!
//! Header: no name, time zero, system 255 ("unknown"), as Go's writer leaves them.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread::Scope;

use crc32fast::Hasher;
use flate2::{Compress, Compression, FlushCompress, Status};

use crate::{interrupt, parallel};

/// The compressor, for keys of caches: another version may write other bytes.
/// A test holds it equal to `Cargo.lock`.
pub const COMPRESSOR: &str = "zlib-rs 0.6.8, blocks of 128 KiB";

/// Bytes compressed at a time. Twice as much changed neither size nor time by more than 0.05 %.
const BLOCK: usize = 128 * 1024;
const DICTIONARY: usize = 32 * 1024;
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// Runs `body` with a writer that compresses into `output`, on up to `threads` threads besides the
/// calling one (which compresses itself where `threads` is 1). Returns what `body` returned.
pub fn compress<W: Write, T, E: From<io::Error>>(
    output: W,
    level: u32,
    threads: usize,
    body: impl FnOnce(&mut dyn Write) -> Result<T, E>,
) -> Result<T, E> {
    std::thread::scope(|scope| {
        let pool = match threads {
            0 | 1 => None,
            _ => Pool::new(scope, level, threads),
        };
        let engine = pool.map_or(Engine::Here(Compressor(level)), Engine::Threads);
        let mut writer = Writer::new(output, engine)?;
        let result = body(&mut writer)?;
        writer.finish()?;
        Ok(result)
    })
}

struct Job {
    data: Vec<u8>,
    dictionary: Vec<u8>,
    last: bool,
}

struct Done {
    deflated: Vec<u8>,
    checksum: Hasher,
}

/// Compresses blocks at a level. Each block gets a state of its own: one that was reset would still
/// hold the bytes of the block before in its window, and the fast levels let those decide between
/// matches, so that the result would depend on which thread had which block.
#[derive(Clone, Copy)]
struct Compressor(u32);

impl Compressor {
    fn run(self, job: &Job) -> io::Result<Done> {
        let mut checksum = Hasher::new();
        checksum.update(&job.data);
        let mut state = Compress::new(Compression::new(self.0), false);
        if !job.dictionary.is_empty() {
            state.set_dictionary(&job.dictionary)?;
        }
        let flush = if job.last {
            FlushCompress::Finish
        } else {
            FlushCompress::Sync
        };
        let mut deflated = Vec::with_capacity(job.data.len() / 2 + 1024);
        let mut taken = 0;
        loop {
            let before = state.total_in();
            let status = state.compress_vec(&job.data[taken..], &mut deflated, flush)?;
            taken += usize::try_from(state.total_in() - before).unwrap_or(0);
            // Room left means that nothing waits inside: the flush is complete.
            let complete = match flush {
                FlushCompress::Finish => status == Status::StreamEnd,
                _ => taken == job.data.len() && deflated.len() < deflated.capacity(),
            };
            if complete {
                return Ok(Done { deflated, checksum });
            }
            deflated.reserve(job.data.len() / 2 + 1024);
        }
    }
}

enum Engine {
    Here(Compressor),
    Threads(Pool),
}

type Numbered<T> = (u64, T);

/// Workers that take numbered jobs; results are put back into order here.
struct Pool {
    jobs: Sender<Numbered<Job>>,
    results: Receiver<Numbered<io::Result<Done>>>,
    early: BTreeMap<u64, io::Result<Done>>,
    sent: u64,
    taken: u64,
    room: u64,
}

impl Pool {
    /// `None` where the system gives no thread.
    fn new<'scope>(scope: &'scope Scope<'scope, '_>, level: u32, threads: usize) -> Option<Self> {
        let (jobs, queue) = mpsc::channel::<Numbered<Job>>();
        let (send, results) = mpsc::channel();
        let queue = Arc::new(Mutex::new(queue));
        let worker = |_| {
            let (queue, send) = (Arc::clone(&queue), send.clone());
            let work = move || {
                let compressor = Compressor(level);
                while let Some((number, job)) = next(&queue) {
                    if send.send((number, compressor.run(&job))).is_err() {
                        return;
                    }
                }
            };
            parallel::start(scope, work).ok()
        };
        let started = (0..threads).map_while(worker).count() as u64;
        (started > 0).then_some(Self {
            jobs,
            results,
            early: BTreeMap::new(),
            sent: 0,
            taken: 0,
            room: 2 * started,
        })
    }

    fn send(&mut self, job: Job) -> io::Result<()> {
        self.jobs.send((self.sent, job)).map_err(|_| stopped())?;
        self.sent += 1;
        Ok(())
    }

    fn take(&mut self) -> io::Result<Done> {
        loop {
            if let Some(done) = self.early.remove(&self.taken) {
                self.taken += 1;
                return done;
            }
            let (number, done) = self.results.recv().map_err(|_| stopped())?;
            self.early.insert(number, done);
        }
    }
}

fn next(queue: &Mutex<Receiver<Numbered<Job>>>) -> Option<Numbered<Job>> {
    queue.lock().ok()?.recv().ok()
}

fn stopped() -> io::Error {
    io::Error::other("a compressing thread stopped")
}

struct Writer<W> {
    output: W,
    engine: Engine,
    block: Vec<u8>,
    dictionary: Vec<u8>,
    checksum: Hasher,
    length: u32,
}

impl<W: Write> Writer<W> {
    fn new(mut output: W, engine: Engine) -> io::Result<Self> {
        output.write_all(&HEADER)?;
        Ok(Self {
            output,
            engine,
            block: Vec::with_capacity(BLOCK),
            dictionary: Vec::new(),
            checksum: Hasher::new(),
            length: 0,
        })
    }

    fn flush_block(&mut self, last: bool) -> io::Result<()> {
        interrupt::check()?;
        let data = std::mem::replace(&mut self.block, Vec::with_capacity(BLOCK));
        // ISIZE is the length modulo 2^32; a block is far smaller than that.
        self.length = self
            .length
            .wrapping_add(u32::try_from(data.len()).unwrap_or(0));
        let tail = data[data.len().saturating_sub(DICTIONARY)..].to_vec();
        let job = Job {
            data,
            dictionary: std::mem::replace(&mut self.dictionary, tail),
            last,
        };
        match &mut self.engine {
            Engine::Here(compressor) => {
                let done = compressor.run(&job)?;
                self.put(&done)
            }
            Engine::Threads(pool) => {
                pool.send(job)?;
                self.drain(last)
            }
        }
    }

    /// Writes what is finished until there is room for another job, or to the end.
    fn drain(&mut self, all: bool) -> io::Result<()> {
        while let Engine::Threads(pool) = &mut self.engine {
            let waiting = pool.sent - pool.taken;
            if waiting == 0 || (!all && waiting < pool.room) {
                return Ok(());
            }
            let done = pool.take()?;
            self.put(&done)?;
        }
        Ok(())
    }

    fn put(&mut self, done: &Done) -> io::Result<()> {
        self.checksum.combine(&done.checksum);
        self.output.write_all(&done.deflated)
    }

    fn finish(mut self) -> io::Result<()> {
        self.flush_block(true)?;
        self.output
            .write_all(&self.checksum.finalize().to_le_bytes())?;
        self.output.write_all(&self.length.to_le_bytes())?;
        self.output.flush()
    }
}

impl<W: Write> Write for Writer<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        // A full block waits for more: only then is it known not to be the last.
        if self.block.len() == BLOCK {
            self.flush_block(false)?;
        }
        let taken = buffer.len().min(BLOCK - self.block.len());
        self.block.extend_from_slice(&buffer[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use proptest::prelude::*;
    use std::io::Read as _;

    fn zip(content: &[u8], level: u32, threads: usize, step: usize) -> Vec<u8> {
        let mut out = Vec::new();
        compress(&mut out, level, threads, |writer| {
            content
                .chunks(step)
                .try_for_each(|chunk| writer.write_all(chunk))
        })
        .expect("memory");
        out
    }

    fn unzip(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        // Reads one member only: what is behind it would be missing.
        flate2::read::GzDecoder::new(bytes)
            .read_to_end(&mut out)
            .expect("gzip");
        out
    }

    const GOLDEN: [&str; 2] = [
        "sha256:f5ab680045373f87ad4510281e4eb0ddd1ca191a48dd73826cd7fb026142834a",
        "sha256:96d2083e0b3f0dff2c3192d5caa1e4fa7b3045ec224fe3e6f12c0ba1fc935f2c",
    ];

    /// Text-like bytes from a fixed generator, so that there is something to compress.
    fn sample(length: usize) -> Vec<u8> {
        let mut state = 1u32;
        let mut out = Vec::with_capacity(length + 16);
        while out.len() < length {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            out.extend_from_slice(format!("line {} ", state >> 20).as_bytes());
        }
        out.truncate(length);
        out
    }

    #[test]
    fn bytes_depend_neither_on_threads_nor_on_write_sizes() {
        for length in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 5 * BLOCK + 77] {
            let content = sample(length);
            for level in [1, 5, 6, 9] {
                let expected = zip(&content, level, 1, BLOCK);
                assert_eq!(unzip(&expected), content, "{length} bytes at level {level}");
                for (threads, step) in [(1, 997), (2, 4096), (4, 1 << 20), (3, 131_071)] {
                    assert!(zip(&content, level, threads, step) == expected);
                }
            }
        }
    }

    #[test]
    fn machine_code_gives_the_same_bytes_on_any_number_of_threads() {
        // Text repeats too regularly to show what stale bytes in a window can change.
        let program = std::env::current_exe().expect("this program");
        let mut content = fs_err::read(program).expect("readable");
        content.truncate(12 << 20);
        for level in [5, 6] {
            let expected = Digest::of(&zip(&content, level, 1, BLOCK));
            for threads in [2, 3, 2, 4] {
                assert_eq!(Digest::of(&zip(&content, level, threads, 77_777)), expected);
            }
        }
    }

    #[test]
    fn the_compressor_writes_the_bytes_it_is_known_for() {
        // A dependency can switch flate2's backend silently; cached layers and reproducible builds
        // would then change. When the compressor is updated on purpose, so are these digests.
        let content = sample(400_000);
        let digests = [5, 6].map(|level| Digest::of(&zip(&content, level, 2, 65_536)).to_string());
        assert_eq!(digests, GOLDEN);
        let lock = fs_err::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock"))
            .expect("Cargo.lock");
        let version = lock
            .split_once("name = \"zlib-rs\"\nversion = \"")
            .and_then(|(_, rest)| rest.split('"').next())
            .expect("zlib-rs is locked");
        assert!(COMPRESSOR.starts_with(&format!("zlib-rs {version},")));
    }

    #[test]
    fn an_error_of_the_body_or_the_output_ends_the_threads() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::Error::from(io::ErrorKind::StorageFull))
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let error = compress(Full, 6, 2, |_| Ok::<_, io::Error>(())).expect_err("full");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        let error = compress(Vec::new(), 6, 2, |writer| {
            writer.write_all(&sample(1 << 20))?;
            Err::<(), _>(io::Error::other("mine"))
        })
        .expect_err("mine");
        assert_eq!(error.to_string(), "mine");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn any_content_comes_back(
            content in proptest::collection::vec(any::<u8>(), 0..300_000),
            step in 1usize..200_000,
            threads in 1usize..4,
        ) {
            let zipped = zip(&content, 6, threads, step);
            prop_assert!(unzip(&zipped) == content);
        }
    }
}
