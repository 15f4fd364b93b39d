//! Versions of packages and their order (Debian Policy Manual, section 5.6.12).

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A version, `[epoch:]upstream[-revision]`. Ordered as dpkg orders; versions that are written
/// differently can be equal (`1.0` and `0:1.0-0`).
#[derive(Clone, Debug)]
pub struct Version {
    text: String,
}

/// Why a string is no version.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{text}` is not a version: {reason}")]
pub struct ParseVersionError {
    /// What was given.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl FromStr for Version {
    type Err = ParseVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |reason| {
            Err(ParseVersionError {
                text: text.to_owned(),
                reason,
            })
        };
        let (epoch, upstream, _) = parts(text);
        if epoch.parse::<u32>().is_err() {
            return refuse("its epoch is not a number");
        }
        if upstream.is_empty() {
            return refuse("it has no upstream version");
        }
        let known = |c: char| c.is_ascii_alphanumeric() || ".+-~:".contains(c);
        if !text.chars().all(known) {
            return refuse("it has a character that versions do not have");
        }
        Ok(Self {
            text: text.to_owned(),
        })
    }
}

impl Version {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let (epoch, upstream, revision) = parts(&self.text);
        let (other_epoch, other_upstream, other_revision) = parts(&other.text);
        compare(epoch, other_epoch)
            .then_with(|| compare(upstream, other_upstream))
            .then_with(|| compare(revision, other_revision))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version {}

/// Epoch, upstream version and revision.
fn parts(text: &str) -> (&str, &str, &str) {
    let (epoch, rest) = text.split_once(':').unwrap_or(("0", text));
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
    (epoch, upstream, revision)
}

/// Compares piece by piece: what is no digit, then the number behind it.
fn compare(mut left: &str, mut right: &str) -> Ordering {
    while !left.is_empty() || !right.is_empty() {
        let (text, other_text);
        (text, left) = split(left, |byte| !byte.is_ascii_digit());
        (other_text, right) = split(right, |byte| !byte.is_ascii_digit());
        let (number, other_number);
        (number, left) = split(left, |byte| byte.is_ascii_digit());
        (other_number, right) = split(right, |byte| byte.is_ascii_digit());
        let (number, other_number) = (
            number.trim_start_matches('0'),
            other_number.trim_start_matches('0'),
        );
        let order = compare_text(text, other_text)
            .then_with(|| number.len().cmp(&other_number.len()))
            .then_with(|| number.cmp(other_number));
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}

fn split(text: &str, belongs: impl Fn(u8) -> bool) -> (&str, &str) {
    let end = text.bytes().position(|byte| !belongs(byte));
    text.split_at(end.unwrap_or(text.len()))
}

/// `~` before the end, the end before letters, letters before all else.
fn compare_text(left: &str, right: &str) -> Ordering {
    let weight = |byte: Option<u8>| match byte {
        Some(b'~') => (0, 0),
        None => (1, 0),
        Some(byte) if byte.is_ascii_alphabetic() => (2, byte),
        Some(byte) => (3, byte),
    };
    let (mut left, mut right) = (left.bytes(), right.bytes());
    loop {
        let (a, b) = (left.next(), right.next());
        match weight(a).cmp(&weight(b)) {
            Ordering::Equal if a.is_none() => return Ordering::Equal,
            Ordering::Equal => {}
            order => return order,
        }
    }
}
