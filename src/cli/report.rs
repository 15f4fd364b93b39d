//! The only printer. What a user reads goes to standard error, what a script reads to standard
//! output.
//!
//! On a terminal, what is in progress is drawn below the lines and vanishes when it is done; piped,
//! there are only lines.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::failure::{Failure, INTERRUPTED};
use super::printable::{coloured, plain};
use super::screen;
use crate::fault::Exit;
use crate::process;
use crate::progress::{Meter, Observer};
use crate::verify::Severity;

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// Errors, and the one result a script wants.
    Quiet,
    /// The account of what is done.
    Normal,
    /// Also why, and what is started.
    Verbose,
}

/// Prints.
pub(super) struct Report {
    level: Level,
    live: Option<MultiProgress>,
    account: Stream,
    /// Why a result could not be written.
    unwritten: Mutex<Option<io::Error>>,
}

/// Where the account goes: beside the result, or, for a command whose result it is, as the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Stderr,
    Stdout,
}

const LABEL: Style = AnsiColor::Green.on_default().bold();
const ERROR: Style = AnsiColor::Red.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const DIM: Style = Style::new().dimmed();

impl Report {
    /// A report; `live` allows drawing where standard error is a terminal.
    pub(super) fn new(level: Level, live: bool, account: Stream) -> Self {
        let terminal = io::stderr().is_terminal() && level > Level::Quiet && live;
        Self {
            level,
            account,
            unwritten: Mutex::new(None),
            live: terminal.then(|| MultiProgress::with_draw_target(screen::stderr())),
        }
    }

    /// Whether what is in progress is drawn, and not told in lines.
    pub(super) fn draws(&self) -> bool {
        self.live.is_some()
    }

    /// One line of the account: a label and what it is about.
    pub(super) fn field(&self, label: &str, text: &str) {
        if self.level >= Level::Normal {
            let text = plain(text);
            self.account(&format!("{LABEL}{label:>10}{LABEL:#}  {text}"));
        }
    }

    /// A further line under the last label, less loud.
    pub(super) fn detail(&self, text: &str) {
        if self.level >= Level::Normal {
            let text = plain(text);
            self.account(&format!("{:>10}  {DIM}{text}{DIM:#}", ""));
        }
    }

    /// A line that only `-v` shows.
    pub(super) fn verbose(&self, text: &str) {
        if self.level >= Level::Verbose {
            self.detail(text);
        }
    }

    /// What an audit found, where it is from, and the way out. Notes are for `-v`.
    pub(super) fn finding(&self, severity: Severity, text: &str, detail: Option<&str>, hint: &str) {
        let (style, least) = match severity {
            Severity::Error => (ERROR, Level::Quiet),
            Severity::Warning => (WARNING, Level::Normal),
            Severity::Note => (HINT, Level::Verbose),
        };
        if self.level < least {
            return;
        }
        self.account(&format!(
            "{style}{}{style:#}: {}",
            severity.name(),
            plain(text)
        ));
        if let Some(detail) = detail {
            self.account(&format!("       {DIM}{}{DIM:#}", plain(detail)));
        }
        self.account(&format!(" {HINT}hint{HINT:#}: {}", plain(hint)));
    }

    /// An error and its way out.
    pub(super) fn error(&self, failure: &Failure) {
        let (text, hint) = failure.words();
        let text = match failure.code() == Exit::Compile.code() {
            true => coloured(&text),
            false => plain(&text),
        };
        self.line(&format!("{ERROR}error{ERROR:#}: {text}"));
        if let Some(hint) = hint {
            self.line(&format!(" {HINT}hint{HINT:#}: {}", plain(&hint)));
        }
    }

    /// Clears what is drawn, for good, and says why all ends: for the moment before the process ends
    /// without unwinding.
    pub(super) fn last_words(&self) -> impl FnOnce() + Send + 'static {
        let live = self.live.clone();
        move || {
            if let Some(live) = live {
                // What can't be cleared stays on the screen.
                let _ = live.clear();
                live.set_draw_target(ProgressDrawTarget::hidden());
            }
            let mut err = anstream::stderr().lock();
            let _ = writeln!(err, "{ERROR}error{ERROR:#}: {INTERRUPTED}");
        }
    }

    /// A line for a script, on standard output, as it is. A reader that has gone away is no error; what else
    /// keeps a script from its line is one in the end, see [`Report::delivered`].
    pub(super) fn result(&self, text: &str) {
        let mut out = anstream::stdout().lock();
        match writeln!(out, "{text}").and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                let mut unwritten = self
                    .unwritten
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                unwritten.get_or_insert(error);
            }
            _ => {}
        }
    }

    /// Fails where a result did not get to standard output, such as a file on a full disk.
    pub(super) fn delivered(&self) -> io::Result<()> {
        let mut unwritten = self
            .unwritten
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        unwritten.take().map_or(Ok(()), Err)
    }

    /// A line that a command has written, as it is, behind a label, to the stream that it was written
    /// to.
    pub(super) fn relayed(&self, stream: process::Stream, label: &str, line: &[u8]) {
        let print = || {
            let whole = [label.as_bytes(), b" | ", line, b"\n"].concat();
            // A reader that has gone away does not end the command.
            let _ = match stream {
                process::Stream::Output => {
                    let mut out = io::stdout().lock();
                    out.write_all(&whole).and_then(|()| out.flush())
                }
                process::Stream::Error => io::stderr().lock().write_all(&whole),
            };
        };
        match &self.live {
            Some(live) => live.suspend(print),
            None => print(),
        }
    }

    /// JSON for a script.
    pub(super) fn json(&self, value: &impl serde::Serialize) {
        let text = serde_json::to_string_pretty(value);
        self.result(&text.unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}")));
    }

    fn account(&self, text: &str) {
        match self.account {
            Stream::Stderr => self.line(text),
            Stream::Stdout => self.result(text),
        }
    }

    fn line(&self, text: &str) {
        let print = || {
            let mut err = anstream::stderr().lock();
            // Nobody is left to be told that standard error is gone.
            let _ = writeln!(err, "{text}");
        };
        match &self.live {
            Some(live) => live.suspend(print),
            None => print(),
        }
    }
}

impl Observer for Report {
    fn begin(&self, label: &str, total: Option<u64>) -> Box<dyn Meter> {
        let label = plain(label);
        let Some(live) = &self.live else {
            if let Some(total) = total.filter(|_| self.level >= Level::Normal) {
                self.line(&format!(
                    "{LABEL}{:>10}{LABEL:#}  {label} ({})",
                    "Fetching",
                    bytes(total)
                ));
            }
            return Box::new(crate::progress::Silent);
        };
        let bar = match total {
            Some(total) => ProgressBar::new(total).with_style(style(
                "{spinner:.cyan} {msg} [{bar:24}] {bytes}/{total_bytes} {bytes_per_sec} {eta} left",
            )),
            None => ProgressBar::new_spinner().with_style(style("{spinner:.cyan} {msg} {elapsed}")),
        };
        let bar = live.add(bar).with_message(label.into_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        Box::new(Bar(bar))
    }

    fn note(&self, line: &str) {
        if self.level >= Level::Normal {
            self.line(&format!("{:>10}  {DIM}{}{DIM:#}", "", plain(line)));
        }
    }

    fn warn(&self, line: &str) {
        self.line(&format!("{WARNING}warning{WARNING:#}: {}", plain(line)));
    }
}

struct Bar(ProgressBar);

impl Meter for Bar {
    fn advance(&self, bytes: u64) {
        self.0.inc(bytes);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// A size as a person reads it, in powers of ten as registries and disks count.
pub(super) fn bytes(size: u64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"];
    let mut unit = 0;
    let mut whole = size;
    let mut tenths = 0;
    while whole >= 1000 && unit + 1 < units.len() {
        tenths = whole % 1000 / 100;
        whole /= 1000;
        unit += 1;
    }
    match unit {
        0 => format!("{whole} B"),
        _ => format!("{whole}.{tenths} {}", units[unit]),
    }
}

/// A duration as a person reads it.
pub(super) fn seconds(duration: Duration) -> String {
    match duration.as_millis() {
        millis @ 0..1000 => format!("{millis} ms"),
        millis @ 1000..60_000 => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
        millis => format!("{} min {} s", millis / 60_000, millis / 1000 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_short() {
        let sizes = [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (5_240_000, "5.2 MB"),
            (2_147_483_648, "2.1 GB"),
        ];
        for (size, text) in sizes {
            assert_eq!(bytes(size), text);
        }
        assert_eq!(seconds(Duration::from_millis(80)), "80 ms");
        assert_eq!(seconds(Duration::from_millis(1250)), "1.2 s");
        assert_eq!(seconds(Duration::from_secs(125)), "2 min 5 s");
    }
}
