//! Members of an `ar` archive, one after the other, in the form that packages have (deb(5),
//! section FORMAT; header fields as in ar(5)).
//!
//! Comes in: a stream. Goes out: each member's name and size, and its content as a reader that fails
//! where the archive is shorter than it claims. Names are short (15 bytes) in a package; the ways in
//! which GNU and BSD write longer ones are recognised and refused.

use std::io::{self, BufRead, Read};

use thiserror::Error;

/// What every archive begins with.
pub const MAGIC: &[u8; 8] = b"!<arch>\n";
/// The bytes of a member's header.
const HEADER: usize = 60;

/// Why something is not an archive of the form that packages have.
#[derive(Debug, Error)]
pub enum Error {
    /// It does not begin as one.
    #[error("is no ar archive: expected it to begin with `!<arch>`")]
    Magic,
    /// It ends in the middle.
    #[error("ends in the header of a member")]
    Truncated,
    /// The header does not end as headers do, or a field is no number.
    #[error("has a malformed member header: {0}")]
    Header(&'static str),
    /// A name in the GNU or BSD form for long names.
    #[error("has a member with a long name (`{0}`), which packages do not have")]
    LongName(String),
    /// It can't be read.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// One member's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The name, without the slash that GNU puts behind it.
    pub name: String,
    /// The bytes of its content.
    pub size: u64,
}

/// Walks an archive. Reading from it yields the content of the current member.
#[derive(Debug)]
pub struct Reader<R> {
    inner: R,
    left: u64,
    size: u64,
    padding: bool,
    name: String,
}

impl<R: BufRead> Reader<R> {
    /// Walks an archive, which must begin as one.
    pub fn new(mut inner: R) -> Result<Self, Error> {
        let mut magic = [0; MAGIC.len()];
        match fill(&mut inner, &mut magic)? {
            count if count == magic.len() && magic == *MAGIC => Ok(Self {
                inner,
                left: 0,
                size: 0,
                padding: false,
                name: String::new(),
            }),
            _ => Err(Error::Magic),
        }
    }

    /// The next member, past what is left of the current one. `None` at the end.
    pub fn advance(&mut self) -> Result<Option<Member>, Error> {
        self.skip()?;
        let mut header = [0; HEADER];
        match fill(&mut self.inner, &mut header)? {
            0 => return Ok(None),
            HEADER => {}
            _ => return Err(Error::Truncated),
        }
        if &header[58..] != b"`\n" {
            return Err(Error::Header("its last two bytes are wrong"));
        }
        self.name = name(&header[..16])?;
        self.size = number(&header[48..58])?;
        self.left = self.size;
        self.padding = self.size % 2 == 1;
        Ok(Some(Member {
            name: self.name.clone(),
            size: self.size,
        }))
    }

    fn skip(&mut self) -> Result<(), Error> {
        io::copy(&mut *self, &mut io::sink())?;
        if std::mem::take(&mut self.padding) {
            // The last member's padding may be missing; nothing is lost with it.
            fill(&mut self.inner, &mut [0])?;
        }
        Ok(())
    }

    fn ends_early(&self) -> io::Error {
        let Self {
            name, size, left, ..
        } = self;
        io::Error::new(
            io::ErrorKind::UnexpectedEof,
            format!(
                "the member `{name}` ends after {} of {size} bytes",
                size - left
            ),
        )
    }
}

impl<R: BufRead> BufRead for Reader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 {
            return Ok(&[]);
        }
        if self.inner.fill_buf()?.is_empty() {
            return Err(self.ends_early());
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX);
        let buffer = self.inner.fill_buf()?;
        Ok(&buffer[..buffer.len().min(most)])
    }

    fn consume(&mut self, amount: usize) {
        self.left -= amount as u64;
        self.inner.consume(amount);
    }
}

impl<R: BufRead> Read for Reader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut available = self.fill_buf()?;
        let read = available.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

/// Reads until the buffer is full or there is no more.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn name(field: &[u8]) -> Result<String, Error> {
    let text = std::str::from_utf8(field)
        .ok()
        .filter(|text| text.bytes().all(|byte| (0x20..0x7f).contains(&byte)))
        .ok_or(Error::Header("its name is not printable ASCII"))?
        .trim_end_matches(' ');
    // GNU: `/`, `//` and `/123`; BSD: `#1/20`.
    if text.starts_with('/') || text.starts_with("#1/") {
        return Err(Error::LongName(text.to_owned()));
    }
    let text = text.strip_suffix('/').unwrap_or(text);
    if text.is_empty() {
        return Err(Error::Header("its name is empty"));
    }
    Ok(text.to_owned())
}

fn number(field: &[u8]) -> Result<u64, Error> {
    let text = std::str::from_utf8(field).unwrap_or_default();
    let text = text.trim_end_matches(' ');
    // `parse` alone would take a sign.
    if text.bytes().all(|byte| byte.is_ascii_digit())
        && let Ok(number) = text.parse()
    {
        return Ok(number);
    }
    Err(Error::Header("its size is no decimal number"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::debian::sample::ar;

    type Members = Vec<(String, Vec<u8>)>;

    fn walk(bytes: &[u8]) -> Result<Members, Error> {
        let mut reader = Reader::new(bytes)?;
        let mut members = Vec::new();
        while let Some(member) = reader.advance()? {
            let mut content = Vec::new();
            reader.read_to_end(&mut content)?;
            assert_eq!(content.len() as u64, member.size);
            members.push((member.name, content));
        }
        Ok(members)
    }

    #[test]
    fn members_are_read_in_order_with_odd_sizes_padded() {
        let bytes = ar(&[("one", b"abc"), ("two", b""), ("three/", b"abcd")]);
        let names: Vec<String> = walk(&bytes).unwrap().into_iter().map(|m| m.0).collect();
        assert_eq!(names, ["one", "two", "three"]);
        // Skipped unread, it comes to the same.
        let mut reader = Reader::new(&bytes[..]).unwrap();
        let mut count = 0;
        while reader.advance().unwrap().is_some() {
            count += 1;
        }
        assert_eq!(count, 3);
    }

    #[test]
    fn an_archive_that_is_cut_anywhere_but_between_members_is_an_error() {
        let whole = ar(&[("one", b"abcd"), ("two", b"efgh")]);
        for length in 0..whole.len() {
            let between = [8, 8 + 60 + 4].contains(&length);
            assert_eq!(walk(&whole[..length]).is_ok(), between, "{length}");
        }
        let error = walk(&whole[..70]).unwrap_err().to_string();
        assert_eq!(error, "the member `one` ends after 2 of 4 bytes");
    }

    #[test]
    fn the_padding_behind_the_last_member_may_be_missing() {
        let mut bytes = ar(&[("one", b"abc")]);
        bytes.pop();
        assert_eq!(walk(&bytes).unwrap().len(), 1);
    }

    #[test]
    fn long_names_are_refused() {
        for name in ["/", "//", "/12", "#1/20"] {
            let error = walk(&ar(&[(name, b"x")])).unwrap_err();
            assert!(matches!(error, Error::LongName(_)), "{error}");
        }
    }

    #[test]
    fn sizes_that_lie_or_are_no_numbers_are_errors() {
        let good = ar(&[("one", b"abcd")]);
        for size in ["9999999999", "-1        ", "+4        ", "4x        "] {
            let mut bytes = good.clone();
            bytes[8 + 48..8 + 58].copy_from_slice(size.as_bytes());
            assert!(walk(&bytes).is_err(), "{size}");
        }
        let mut bytes = good;
        bytes[8 + 58] = b'x';
        assert!(matches!(walk(&bytes), Err(Error::Header(_))));
        assert!(matches!(walk(b"PK\x03\x04"), Err(Error::Magic)));
    }

    proptest! {
        #[test]
        fn what_was_packed_is_read_back(
            members in prop::collection::vec(
                ("[a-z][a-z0-9._-]{0,14}", prop::collection::vec(any::<u8>(), 0..200)),
                0..6,
            ),
        ) {
            let parts: Vec<(&str, &[u8])> =
                members.iter().map(|(name, content)| (name.as_str(), &content[..])).collect();
            prop_assert_eq!(walk(&ar(&parts)).unwrap(), members);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = walk(&[&MAGIC[..], &bytes[..]].concat());
        }
    }
}
