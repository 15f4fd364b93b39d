//! How an error reaches the user: its words, its causes, the way out, the exit code.

use std::fmt::Write as _;

use crate::fault::{Exit, Fault};
use crate::{interrupt, limits};

/// What is said when a signal ends all.
pub(super) const INTERRUPTED: &str = "interrupted; nothing was left half-written";

/// An error that ends the program. Any [`Fault`] becomes one with `?`.
#[derive(Debug)]
pub(super) struct Failure(Box<dyn Fault>);

impl<E: Fault> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}

impl Failure {
    /// The exit code: that of the error, or of the signal that caused it.
    pub(super) fn code(&self) -> u8 {
        match interrupt::signal() {
            Some(signal) => 128_u8.wrapping_add(u8::try_from(signal).unwrap_or(0)),
            None => self.0.exit().code(),
        }
    }

    /// What is printed, and the hint apart from it.
    pub(super) fn words(&self) -> (String, Option<String>) {
        if interrupt::signal().is_some() {
            return (INTERRUPTED.to_owned(), None);
        }
        let mut text = self.0.to_string();
        let mut cause = self.0.source();
        while let Some(error) = cause {
            let words = error.to_string();
            // A transparent wrapper repeats its source's words.
            if !text.ends_with(&words) {
                let _ = write!(text, "\n  caused by: {words}");
            }
            cause = error.source();
        }
        if self.0.exit() == Exit::Internal {
            text.push_str("\n  this is a defect in polyarch; please report it");
        }
        let hint = self.0.hint();
        (text, hint.or_else(|| limits::hint(&*self.0)))
    }
}
