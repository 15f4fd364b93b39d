//! A download server on loopback whose answers go wrong in the ways that a test asks for.
//!
//! Each path has bytes and a script: one [`Step`] for each request in turn, then plain answers. It
//! speaks just enough HTTP/1.1 (RFC 9112) for one request a connection.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// How one request is answered.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// As it should be, ranges included.
    Plain,
    /// Whole, though a range was asked for.
    IgnoreRange,
    /// A part of another place than was asked for.
    WrongRange,
    /// Only this status, with further header lines.
    Status(u16, &'static str),
    /// This many bytes, then the connection is closed in good order.
    Truncate(usize),
    /// This many bytes, then the connection is reset.
    Reset(usize),
    /// This many bytes, then nothing for as long as the client stays.
    Stall(usize),
    /// No answer at all.
    Silence,
    /// Announces this many bytes, whatever there are.
    Announce(usize),
    /// Announces no length; the end of the connection is the end of the file.
    Unannounced(usize),
    /// Other bytes.
    Instead(Vec<u8>),
    /// Plain, after a pause.
    Slowly(Duration),
    /// A byte and a pause, again and again.
    Drip(Duration),
    /// Zeros without a length, for as long as the client stays.
    Endless,
    /// With these header lines, too.
    With(&'static str),
}

/// What a client asked for.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
}

#[derive(Default)]
struct State {
    files: BTreeMap<String, (Vec<u8>, String)>,
    scripts: BTreeMap<String, VecDeque<Step>>,
    requests: Vec<Request>,
}

/// Runs until dropped.
pub(crate) struct Server {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    stop: Arc<AtomicBool>,
    acceptor: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::<Mutex<State>>::default();
        let stop = Arc::new(AtomicBool::new(false));
        let (shared, ended) = (Arc::clone(&state), Arc::clone(&stop));
        let acceptor = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::SeqCst) {
                    break;
                }
                let (shared, ended) = (Arc::clone(&shared), Arc::clone(&ended));
                if let Ok(stream) = stream {
                    // A client that leaves early is a part of many tests.
                    std::thread::spawn(move || answer(stream, &shared, &ended).ok());
                }
            }
        });
        Self {
            address,
            state,
            stop,
            acceptor: Some(acceptor),
        }
    }

    /// Serves bytes at a path that begins with `/`.
    pub(crate) fn file(&self, path: &str, bytes: &[u8]) -> &Self {
        self.typed(path, bytes, "application/octet-stream")
    }

    pub(crate) fn typed(&self, path: &str, bytes: &[u8], kind: &str) -> &Self {
        let file = (bytes.to_vec(), kind.to_owned());
        self.state
            .lock()
            .unwrap()
            .files
            .insert(path.to_owned(), file);
        self
    }

    /// What happens to the next requests for a path.
    pub(crate) fn script(&self, path: &str, steps: impl IntoIterator<Item = Step>) -> &Self {
        let steps = steps.into_iter().collect();
        self.state
            .lock()
            .unwrap()
            .scripts
            .insert(path.to_owned(), steps);
        self
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// An address with user and password in it.
    pub(crate) fn secret_url(&self, path: &str) -> String {
        format!("http://me:secret@{}{path}", self.address)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.state.lock().unwrap().requests.clone()
    }

    pub(crate) fn count(&self, path: &str) -> usize {
        self.requests()
            .iter()
            .filter(|request| request.path == path)
            .count()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the acceptor.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

fn answer(mut stream: TcpStream, state: &Mutex<State>, stop: &AtomicBool) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let (request, length) = peek(&stream)?;
    let (step, file) = {
        let mut state = state.lock().unwrap();
        let step = state
            .scripts
            .get_mut(&request.path)
            .and_then(VecDeque::pop_front);
        let file = state.files.get(&request.path).cloned();
        state.requests.push(request.clone());
        (step.unwrap_or(Step::Plain), file)
    };
    // What is not read when the socket is closed makes the kernel reset the connection.
    if !matches!(step, Step::Reset(_)) {
        io::copy(&mut (&stream).take(length as u64), &mut io::sink())?;
    }
    let Some((body, kind)) = file else {
        return head(&mut stream, 404, 0, "");
    };
    let begin = begin_of(&request).min(body.len());
    let kind = format!("Content-Type: {kind}\r\nETag: \"v1\"\r\n");
    match step {
        Step::Status(status, lines) => head(&mut stream, status, 0, lines),
        Step::Silence => {
            linger(stop);
            Ok(())
        }
        Step::IgnoreRange => {
            head(&mut stream, 200, body.len(), &kind)?;
            stream.write_all(&body)
        }
        Step::WrongRange => {
            let lines = format!("{kind}Content-Range: bytes 0-1/{}\r\n", body.len());
            head(&mut stream, 206, 2, &lines)?;
            stream.write_all(&body[..2])
        }
        Step::Announce(length) => {
            head(&mut stream, 200, length, &kind)?;
            stream.write_all(&body)
        }
        Step::Unannounced(count) => {
            write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n{kind}\r\n")?;
            stream.write_all(&body[..count.min(body.len())])
        }
        Step::Instead(other) => {
            head(&mut stream, 200, other.len(), &kind)?;
            stream.write_all(&other)
        }
        Step::Plain => send(&mut stream, &body, begin, body.len(), &kind),
        Step::Slowly(pause) => {
            std::thread::sleep(pause);
            send(&mut stream, &body, begin, body.len(), &kind)
        }
        Step::Drip(pause) => {
            head(&mut stream, 200, body.len(), &kind)?;
            for byte in body {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                stream.write_all(&[byte])?;
                std::thread::sleep(pause);
            }
            Ok(())
        }
        Step::Endless => {
            write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n{kind}\r\n")?;
            while !stop.load(Ordering::SeqCst) {
                stream.write_all(&[0; 4096])?;
            }
            Ok(())
        }
        Step::With(lines) => {
            head(&mut stream, 200, body.len(), &format!("{kind}{lines}"))?;
            stream.write_all(&body)
        }
        Step::Truncate(count) => send(&mut stream, &body, begin, count, &kind),
        Step::Reset(count) => {
            send(&mut stream, &body, begin, count, &kind)?;
            // The bytes should arrive before the reset overtakes them.
            std::thread::sleep(Duration::from_millis(100));
            Ok(())
        }
        Step::Stall(count) => {
            send(&mut stream, &body, begin, count, &kind)?;
            linger(stop);
            Ok(())
        }
    }
}

/// Announces everything from `begin`, and sends up to `count` bytes of it.
fn send(
    stream: &mut TcpStream,
    body: &[u8],
    begin: usize,
    count: usize,
    kind: &str,
) -> io::Result<()> {
    let rest = &body[begin..];
    if begin == 0 {
        head(stream, 200, rest.len(), kind)?;
    } else {
        let (last, total) = (body.len() - 1, body.len());
        let lines = format!("{kind}Content-Range: bytes {begin}-{last}/{total}\r\n");
        head(stream, 206, rest.len(), &lines)?;
    }
    stream.write_all(&rest[..count.min(rest.len())])?;
    stream.flush()
}

fn head(stream: &mut TcpStream, status: u16, length: usize, lines: &str) -> io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {length}\r\n{lines}\r\n"
    )
}

fn linger(stop: &AtomicBool) {
    for _ in 0..200 {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The request and its length, left in the socket.
fn peek(stream: &TcpStream) -> io::Result<(Request, usize)> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = stream.peek(&mut buffer)?;
        let text = String::from_utf8_lossy(&buffer[..read]);
        if let Some(end) = text.find("\r\n\r\n") {
            let mut lines = text[..end].lines();
            let first = lines.next().unwrap_or_default();
            let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
            let headers = lines
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
                .collect();
            return Ok((Request { path, headers }, end + 4));
        }
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn begin_of(request: &Request) -> usize {
    let range = request.headers.get("range");
    range
        .and_then(|range| range.strip_prefix("bytes="))
        .and_then(|range| range.split('-').next())
        .and_then(|begin| begin.parse().ok())
        .unwrap_or(0)
}
