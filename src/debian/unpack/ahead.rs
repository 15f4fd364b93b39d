//! Decompression on several threads, ahead of the one thread that writes.
//!
//! Comes in: packages in an order. Goes out: each of them opened, in that order, to a visitor on the
//! calling thread. Decompressing takes most of the time, so the threads that do it run ahead of the
//! visitor by as many packages as there are threads, and by a bounded number of blocks each.

use std::io::{self, BufReader, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::{Deb, Error, Options, label};
use crate::debian::deb::{self, Control};
use crate::digest::BLOCK;
use crate::{interrupt, parallel};

/// Decompressed bytes that wait for the visitor, all threads together.
const WAITING: usize = 32 << 20;

/// What comes from a thread: the control information first, then data.
enum Message {
    Opened(Box<Control>),
    Block(Vec<u8>),
    /// The package can't be opened.
    Refused(Box<Error>),
    /// Its data can't be read any further.
    Broken(io::Error),
}

/// Opens every package and shows it to `visit`, in order.
pub(super) fn each(
    debs: &[Deb<'_>],
    options: Options,
    visit: &mut dyn FnMut(&Deb<'_>, deb::Deb<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let threads = options.threads.clamp(1, debs.len().max(1));
    if threads == 1 {
        return one_by_one(debs, options, visit);
    }
    let blocks = (WAITING / BLOCK / threads).max(2);
    let (senders, receivers): (Vec<_>, Vec<_>) = debs.iter().map(|_| sync_channel(blocks)).unzip();
    let senders: Vec<_> = senders
        .into_iter()
        .map(|sender| Mutex::new(Some(sender)))
        .collect();
    let queue = Queue::new(threads);
    let pool = Pool::default();
    std::thread::scope(|scope| {
        // Also when the visitor fails or panics: no thread waits for ever.
        let _closing = Closing(&queue);
        let work = || {
            while let Some(index) = queue.next(debs.len()) {
                let sender = locked(&senders[index]).take();
                if let Some(sender) = sender {
                    decompress(&debs[index], options.maximum, &sender, &pool);
                }
            }
        };
        let started = (0..threads).map_while(|_| parallel::start(scope, work).ok());
        if started.count() == 0 {
            return one_by_one(debs, options, visit);
        }
        for (deb, receiver) in debs.iter().zip(receivers) {
            let control = match receiver.recv() {
                Ok(Message::Opened(control)) => *control,
                Ok(Message::Refused(error)) => return Err(*error),
                // A thread sends nothing else first; it ended by a panic, which the scope passes on.
                Ok(Message::Block(_) | Message::Broken(_)) | Err(_) => {
                    return Err(Error::Interrupted);
                }
            };
            let data = Blocks {
                receiver,
                pool: &pool,
                block: Vec::new(),
                at: 0,
                broken: false,
            };
            let data = Box::new(data);
            visit(deb, deb::Deb { control, data })?;
            queue.visited();
        }
        Ok(())
    })
}

fn one_by_one(
    debs: &[Deb<'_>],
    options: Options,
    visit: &mut dyn FnMut(&Deb<'_>, deb::Deb<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    for deb in debs {
        visit(deb, open(deb, options.maximum)?)?;
    }
    Ok(())
}

fn open<'a>(deb: &Deb<'_>, maximum: u64) -> Result<deb::Deb<'a>, Error> {
    let read = |source| Error::Read {
        package: label(deb.package),
        path: deb.path.to_owned(),
        source,
    };
    let file = fs_err::File::open(deb.path).map_err(read)?;
    let file = BufReader::with_capacity(BLOCK, file);
    deb::open(file, maximum).map_err(|reason| match reason {
        _ if interrupt::signal().is_some() => Error::Interrupted,
        reason => Error::Deb {
            package: label(deb.package),
            path: deb.path.to_owned(),
            reason,
        },
    })
}

/// Sends a package through its channel. That nobody listens any more ends it.
fn decompress(deb: &Deb<'_>, maximum: u64, sender: &SyncSender<Message>, pool: &Pool) {
    let mut opened = match open(deb, maximum) {
        Ok(opened) => opened,
        Err(error) => {
            let _ = sender.send(Message::Refused(Box::new(error)));
            return;
        }
    };
    if sender
        .send(Message::Opened(Box::new(opened.control)))
        .is_err()
    {
        return;
    }
    loop {
        let mut block = pool.take();
        let (filled, error) = fill(&mut opened.data, &mut block);
        let full = filled == block.len();
        block.truncate(filled);
        // What came before an error is passed on, so that it is found where it would be otherwise.
        if filled > 0 && sender.send(Message::Block(block)).is_err() {
            return;
        }
        if let Some(error) = error {
            let _ = sender.send(Message::Broken(error));
            return;
        }
        if !full {
            return;
        }
    }
}

/// Reads until the block is full, there is no more, or something is wrong.
fn fill(reader: &mut dyn Read, block: &mut [u8]) -> (usize, Option<io::Error>) {
    let mut filled = 0;
    while filled < block.len() {
        match interrupt::check().and_then(|()| reader.read(&mut block[filled..])) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (filled, Some(error)),
        }
    }
    (filled, None)
}

/// The blocks of one package as a stream.
struct Blocks<'a> {
    receiver: Receiver<Message>,
    pool: &'a Pool,
    block: Vec<u8>,
    at: usize,
    broken: bool,
}

impl Read for Blocks<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.block.len() {
            self.pool.give(std::mem::take(&mut self.block));
            self.at = 0;
            match self.receiver.recv() {
                Ok(Message::Block(block)) => self.block = block,
                Ok(Message::Broken(error)) => {
                    self.broken = true;
                    return Err(error);
                }
                Ok(Message::Opened(_) | Message::Refused(_)) => {}
                Err(_) if self.broken => {
                    return Err(io::Error::other("it could not be read further"));
                }
                Err(_) => return Ok(0),
            }
        }
        let rest = &self.block[self.at..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        Ok(count)
    }
}

/// Blocks to be used again: new ones would be cleared by the kernel each time.
#[derive(Default)]
struct Pool(Mutex<Vec<Vec<u8>>>);

impl Pool {
    fn take(&self) -> Vec<u8> {
        let block = locked(&self.0).pop();
        block.unwrap_or_else(|| vec![0; BLOCK])
    }

    fn give(&self, mut block: Vec<u8>) {
        if block.capacity() >= BLOCK {
            block.resize(BLOCK, 0);
            locked(&self.0).push(block);
        }
    }
}

/// Which package is next, and how far ahead of the visitor that may be.
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    next: usize,
    limit: usize,
}

impl Queue {
    fn new(ahead: usize) -> Self {
        Self {
            state: Mutex::new(State {
                next: 0,
                limit: ahead,
            }),
            changed: Condvar::new(),
        }
    }

    fn next(&self, count: usize) -> Option<usize> {
        let mut state = locked(&self.state);
        loop {
            if state.next >= count {
                return None;
            }
            if state.next < state.limit {
                state.next += 1;
                return Some(state.next - 1);
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn visited(&self) {
        locked(&self.state).limit += 1;
        self.changed.notify_all();
    }
}

/// Ends the queue when it goes.
struct Closing<'a>(&'a Queue);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        locked(&self.0.state).next = usize::MAX;
        self.0.changed.notify_all();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
