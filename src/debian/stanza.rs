//! Stanzas of a control file, one at a time (deb822(5); Debian Policy Manual, section 5.1).
//!
//! Comes in: a reader, which may be larger than memory. Goes out: one stanza after the other. The
//! library that splits a stanza into fields is given one that is read whole and bounded, because
//! its own reader bounds neither lines nor stanzas.

use std::borrow::Cow;
use std::io::{self, BufRead, Read};

use deb822_fast::Error as Malformed;
use deb822_fast::borrowed::{BorrowedParagraph, BorrowedParser};
use thiserror::Error;

use crate::interrupt;

/// Longest stanza, in bytes. The longest in Debian's archive has some 60 KiB.
const LONGEST: usize = 4 << 20;

/// Why a stanza can't be read.
#[derive(Debug, Error)]
pub enum StanzaError {
    /// The reader failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is longer than any should be.
    #[error("the stanza at line {line} is longer than {LONGEST} bytes")]
    Long {
        /// Where it begins.
        line: u64,
    },
    /// It has a line that is none.
    #[error(
        "the stanza at line {line} has a line that is neither a field nor its continuation: `{text}`"
    )]
    Line {
        /// Where the stanza begins.
        line: u64,
        /// The line.
        text: String,
    },
}

/// Reads stanza by stanza.
pub struct Stanzas<R> {
    reader: R,
    buffer: Vec<u8>,
    /// The stanza where it is not UTF-8 as it stands.
    mended: String,
    line: u64,
}

/// One stanza.
pub struct Stanza<'a> {
    fields: BorrowedParagraph<'a>,
    line: u64,
}

impl<R: BufRead> Stanzas<R> {
    /// Reads from here on.
    pub fn new(reader: R) -> Self {
        Self {
            reader,
            buffer: Vec::new(),
            mended: String::new(),
            line: 0,
        }
    }

    /// The next stanza; none at the end.
    #[expect(
        clippy::should_implement_trait,
        reason = "a stanza borrows from its reader, which no iterator can give"
    )]
    pub fn next(&mut self) -> Result<Option<Stanza<'_>>, StanzaError> {
        interrupt::check()?;
        let line = loop {
            let Some(line) = self.fill()? else {
                return Ok(None);
            };
            let is_comment = |line: &[u8]| line.is_empty() || line.starts_with(b"#");
            if !self.buffer.split(|byte| *byte == b'\n').all(is_comment) {
                break line;
            }
        };
        let text = if let Ok(text) = std::str::from_utf8(&self.buffer) {
            text
        } else {
            // Descriptions of old packages; the fields that are used are ASCII.
            self.mended = String::from_utf8_lossy(&self.buffer).into_owned();
            &self.mended
        };
        let mut stanzas = BorrowedParser::new(text)
            .parse_all()
            .map_err(|error| malformed(error, line))?;
        Ok(stanzas.pop().map(|fields| Stanza { fields, line }))
    }

    /// Reads lines until an empty one behind others. Says where these begin, if there are any.
    fn fill(&mut self) -> Result<Option<u64>, StanzaError> {
        self.buffer.clear();
        let mut first = self.line + 1;
        loop {
            let start = self.buffer.len();
            let mut bounded = (&mut self.reader).take((LONGEST - start) as u64 + 1);
            if bounded.read_until(b'\n', &mut self.buffer)? == 0 {
                return Ok((start > 0).then_some(first));
            }
            self.line += 1;
            if self.buffer.len() > LONGEST {
                return Err(StanzaError::Long { line: first });
            }
            if self.buffer[start..].trim_ascii().is_empty() {
                self.buffer.truncate(start);
                if start > 0 {
                    return Ok(Some(first));
                }
                first = self.line + 1;
            }
        }
    }
}

impl Stanza<'_> {
    /// The value of a field, its lines joined, without the space around it.
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        let field = self.fields.get_field(name)?;
        Some(match field.as_single_line() {
            Some(line) => Cow::Borrowed(line.trim_ascii()),
            None => Cow::Owned(field.join().trim_ascii().to_owned()),
        })
    }

    /// The line of the file at which it begins.
    pub const fn line(&self) -> u64 {
        self.line
    }
}

fn malformed(error: Malformed, line: u64) -> StanzaError {
    let text = match error {
        Malformed::UnexpectedToken(text) => text,
        Malformed::Io(error) => return error.into(),
        Malformed::UnexpectedEof | Malformed::ExpectedEof => String::new(),
    };
    let text = text.chars().take(80).collect();
    StanzaError::Line { line, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<(u64, String)> {
        let mut stanzas = Stanzas::new(text.as_bytes());
        let mut found = Vec::new();
        while let Some(stanza) = stanzas.next().expect(text) {
            let name = stanza.get("Package").expect("has a name").into_owned();
            found.push((stanza.line(), name));
        }
        found
    }

    #[test]
    fn stanzas_end_at_empty_lines_however_many() {
        let text = "\n\nPackage: a\nVersion: 1\n \t\n\n\nPackage: b\n\n# a comment\n\npackage:c";
        assert_eq!(
            names(text),
            [(3, "a".into()), (8, "b".into()), (12, "c".into())]
        );
        assert_eq!(names(""), []);
        assert_eq!(names("\n# only a comment\n\n"), []);
    }

    #[test]
    fn a_value_may_go_on_over_lines_and_lines_may_end_as_on_windows() {
        let text = "Package: a\r\nDepends: b,\r\n c\r\n# a comment\n ,d\r\n\r\nPackage: e\r\n";
        let mut stanzas = Stanzas::new(text.as_bytes());
        let stanza = stanzas.next().expect("reads").expect("is there");
        assert_eq!(stanza.get("Package").as_deref(), Some("a"));
        let depends = stanza.get("Depends").expect("is there");
        let depends: String = depends.split_whitespace().collect();
        assert_eq!(depends, "b,c,d");
        assert_eq!(stanza.get("Conflicts"), None);
        let stanza = stanzas.next().expect("reads").expect("is there");
        assert_eq!(stanza.get("Package").as_deref(), Some("e"));
    }

    #[test]
    fn a_stanza_that_is_not_utf_8_is_read() {
        let text = b"Package: a\nDescription: caf\xe9\nVersion: 1\n";
        let mut stanzas = Stanzas::new(&text[..]);
        let stanza = stanzas.next().expect("reads").expect("is there");
        assert_eq!(stanza.get("Version").as_deref(), Some("1"));
    }

    #[test]
    fn a_line_that_is_none_is_named_with_its_stanza() {
        for text in [
            "Package: a\n\nPackage: b\nnonsense\n",
            "Package: a\n\n continues\n",
        ] {
            let mut stanzas = Stanzas::new(text.as_bytes());
            assert!(stanzas.next().expect("reads").is_some());
            let error = stanzas.next().err().expect("is malformed");
            assert!(error.to_string().contains("line 3"), "{error}");
        }
    }

    #[test]
    fn a_stanza_without_end_is_not_read_into_memory() {
        let endless = io::repeat(b'x');
        let mut stanzas = Stanzas::new(io::BufReader::new(endless));
        assert!(matches!(stanzas.next(), Err(StanzaError::Long { line: 1 })));
        assert!(stanzas.buffer.len() <= LONGEST + 1);
    }
}
