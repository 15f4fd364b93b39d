//! What several integration tests need: a project in a temporary folder, the program, the judges, a
//! server, a toolchain.

pub(crate) mod archive;
pub(crate) mod judge;
pub(crate) mod openpgp;
pub(crate) mod program;
pub(crate) mod server;
pub(crate) mod tool;

use std::sync::{Arc, Mutex};

use polyarch::progress::{Meter, Observer};

/// Keeps what it was told.
#[derive(Default)]
pub(crate) struct Recorder {
    pub(crate) lines: Mutex<Vec<String>>,
    pub(crate) bytes: Arc<Mutex<u64>>,
}

struct Counter(Arc<Mutex<u64>>);

impl Recorder {
    pub(crate) fn text(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }
}

impl Observer for Recorder {
    fn begin(&self, label: &str, total: Option<u64>) -> Box<dyn Meter> {
        self.lines
            .lock()
            .unwrap()
            .push(format!("begin {label} {total:?}"));
        Box::new(Counter(Arc::clone(&self.bytes)))
    }

    fn note(&self, line: &str) {
        self.lines.lock().unwrap().push(line.to_owned());
    }

    fn warn(&self, line: &str) {
        self.lines.lock().unwrap().push(format!("warning: {line}"));
    }
}

impl Meter for Counter {
    fn advance(&self, bytes: u64) {
        *self.0.lock().unwrap() += bytes;
    }
}

/// The error with its causes, as the command line prints them.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        text.push_str(": ");
        text.push_str(&deeper.to_string());
        cause = deeper.source();
    }
    text
}
