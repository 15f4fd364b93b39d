//! Reading pieces of a file of any size into bounded memory.
//!
//! An ELF header is full of offsets and sizes that a stranger wrote. Every read names its limit, so
//! that a file of a few bytes can't ask for gigabytes, and is checked against the file's length
//! before anything is allocated.

use std::io::{self, Read, Seek, SeekFrom};

use super::content::Content;
use crate::interrupt;

/// Bytes looked at in one go while searching.
const CHUNK: usize = 64 * 1024;

/// Why a file gave no facts; the caller adds its name.
#[derive(Debug)]
pub(super) enum Problem {
    /// It could not be read.
    Io(io::Error),
    /// It is something else.
    NotElf(Content),
    /// It contradicts itself.
    Malformed(String),
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Shorthand for the one way in which most files are wrong.
pub(super) fn malformed(problem: impl Into<String>) -> Problem {
    Problem::Malformed(problem.into())
}

/// A file, its length, and bounded reads.
pub(super) struct Source<R> {
    reader: R,
    length: u64,
}

impl<R: Read + Seek> Source<R> {
    /// Takes the length once; a file that shrinks later fails to read.
    pub(super) fn new(mut reader: R) -> Result<Self, Problem> {
        let length = reader.seek(SeekFrom::End(0))?;
        Ok(Self { reader, length })
    }

    /// The first bytes, up to `size` of them.
    pub(super) fn head(&mut self, size: usize) -> Result<Vec<u8>, Problem> {
        let size = usize::try_from(self.length).map_or(size, |length| length.min(size));
        self.fill(0, size)
    }

    /// Exactly `size` bytes at `offset`, where `size` is at most `limit`. `what` names them in errors.
    pub(super) fn read(
        &mut self,
        offset: u64,
        size: u64,
        limit: usize,
        what: &str,
    ) -> Result<Vec<u8>, Problem> {
        self.within(offset, size, what)?;
        let wanted = usize::try_from(size)
            .ok()
            .filter(|wanted| *wanted <= limit)
            .ok_or_else(|| {
                malformed(format!(
                    "{what} is {size} bytes long, expected at most {limit}"
                ))
            })?;
        self.fill(offset, wanted)
    }

    /// The bytes at `offset`, up to `limit` of them or the file's end.
    pub(super) fn up_to(&mut self, offset: u64, limit: usize) -> Result<Vec<u8>, Problem> {
        let available = self.length.saturating_sub(offset);
        let wanted = usize::try_from(available).map_or(limit, |available| available.min(limit));
        self.fill(offset, wanted)
    }

    /// The string at `offset` up to its NUL, which has to come within `limit` bytes and before `end`.
    pub(super) fn string(
        &mut self,
        offset: u64,
        end: u64,
        limit: usize,
        what: &str,
    ) -> Result<String, Problem> {
        let end = end.min(self.length);
        let available = end.saturating_sub(offset);
        let wanted = usize::try_from(available).map_or(limit, |available| available.min(limit));
        let mut bytes = self.fill(offset, wanted)?;
        let nul = bytes
            .iter()
            .position(|byte| *byte == 0)
            .ok_or_else(|| malformed(format!("{what} has no end")))?;
        bytes.truncate(nul);
        String::from_utf8(bytes).map_err(|_| malformed(format!("{what} is not UTF-8")))
    }

    /// The offset of `magic` between `start` and `end`, at a multiple of `align` from `start`.
    pub(super) fn find(
        &mut self,
        magic: &[u8],
        start: u64,
        end: u64,
        align: usize,
    ) -> Result<Option<u64>, Problem> {
        let end = end.min(self.length);
        let mut offset = start;
        while offset < end {
            interrupt::check()?;
            // Read past the chunk, so that a match may lie over its end.
            let wanted = (end - offset).min((CHUNK + magic.len()) as u64);
            let bytes = self.fill(offset, usize::try_from(wanted).unwrap_or(CHUNK))?;
            let found = bytes
                .chunks(align)
                .enumerate()
                .take(CHUNK / align)
                .find(|(index, _)| bytes[index * align..].starts_with(magic));
            if let Some((index, _)) = found {
                return Ok(Some(offset + (index * align) as u64));
            }
            offset += CHUNK as u64;
        }
        Ok(None)
    }

    /// Fails where the range does not lie in the file: it was cut off, or never was right.
    pub(super) fn within(&self, offset: u64, size: u64, what: &str) -> Result<(), Problem> {
        match offset.checked_add(size) {
            Some(end) if end <= self.length => Ok(()),
            Some(end) => Err(malformed(format!(
                "{what} ends at byte {end}, the file has {}",
                self.length
            ))),
            None => Err(malformed(format!("{what} begins at byte {offset}"))),
        }
    }

    fn fill(&mut self, offset: u64, size: usize) -> Result<Vec<u8>, Problem> {
        // An offset that no file can have is refused by the system, not by its caller's limits.
        if size == 0 {
            return Ok(Vec::new());
        }
        self.reader.seek(SeekFrom::Start(offset))?;
        let mut bytes = vec![0; size];
        self.reader.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn a_read_past_the_end_or_over_the_limit_is_refused_before_memory_is_taken() {
        let mut source = Source::new(Cursor::new(vec![7; 100])).ok().unwrap();
        assert_eq!(source.read(90, 10, 10, "x").ok().unwrap(), [7; 10]);
        for (offset, size) in [(91, 10), (u64::MAX, 1), (1, u64::MAX), (200, 0)] {
            assert!(source.read(offset, size, usize::MAX, "x").is_err());
        }
        assert!(source.read(0, 100, 99, "x").is_err());
    }

    #[test]
    fn a_string_needs_its_end() {
        let mut source = Source::new(Cursor::new(b"abc\0def".to_vec())).ok().unwrap();
        assert_eq!(source.string(0, 7, 10, "x").ok().unwrap(), "abc");
        assert!(source.string(4, 7, 10, "x").is_err());
        assert!(source.string(0, 3, 10, "x").is_err());
        assert!(source.string(0, 7, 2, "x").is_err());
        assert!(source.string(99, 7, 2, "x").is_err());
    }

    #[test]
    fn a_match_is_found_across_chunks_and_only_where_aligned() {
        let mut bytes = vec![0; 3 * CHUNK];
        let at = CHUNK - 16;
        bytes[at..at + 20].copy_from_slice(b"magic-longer-than-16");
        let mut source = Source::new(Cursor::new(bytes)).ok().unwrap();
        let end = u64::MAX;
        let mut find = |start| {
            source
                .find(b"magic-longer-than-16", start, end, 16)
                .ok()
                .unwrap()
        };
        assert_eq!(find(0), Some(at as u64));
        assert_eq!(find(16), Some(at as u64));
        assert_eq!(find(8), None);
        assert_eq!(find(at as u64 + 16), None);
    }
}
