//! How the library tells what it is doing, without printing.
//!
//! The command line passes an [`Observer`]; the library begins a [`Meter`] for what may take over
//! a second and moves it on. [`Silent`] is for tests and for callers that do not care.

use std::io::{self, Read};

/// Receives what the library has to say while it works. Shared between threads.
pub trait Observer: Send + Sync {
    /// Something of `total` bytes (unknown where `None`) begins.
    fn begin(&self, label: &str, total: Option<u64>) -> Box<dyn Meter>;

    /// One line that a user should see once, such as where something was fetched from.
    fn note(&self, line: &str);

    /// One line about something that may be wrong but does not stop the work.
    fn warn(&self, line: &str);
}

/// One thing in progress. Dropping it ends it.
pub trait Meter: Send {
    /// That many more bytes are done.
    fn advance(&self, bytes: u64);
}

/// Says nothing.
pub struct Silent;

impl Observer for Silent {
    fn begin(&self, _label: &str, _total: Option<u64>) -> Box<dyn Meter> {
        Box::new(Silent)
    }

    fn note(&self, _line: &str) {}

    fn warn(&self, _line: &str) {}
}

impl Meter for Silent {
    fn advance(&self, _bytes: u64) {}
}

/// A reader that moves a meter on by what it reads.
pub struct MeterReader<'a, R> {
    inner: R,
    meter: &'a dyn Meter,
}

impl<'a, R: Read> MeterReader<'a, R> {
    /// Wraps a reader.
    pub fn new(inner: R, meter: &'a dyn Meter) -> Self {
        Self { inner, meter }
    }
}

impl<R: Read> Read for MeterReader<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.meter.advance(read as u64);
        Ok(read)
    }
}
