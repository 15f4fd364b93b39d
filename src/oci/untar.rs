//! Reading tar streams as they exist in the world: ustar, GNU and PAX, member by member.
//!
//! The header fields are the `tar` crate's to decode. The stream is walked here, because PAX
//! records must be read by their length (values such as `security.capability` contain newlines) and
//! because nothing is extracted. Names are checked: a `..` part is an error.

use std::io::{self, Read, Seek, SeekFrom};

use ::tar::{EntryType, GnuExtSparseHeader, Header};
use serde::{Deserialize, Serialize};

use super::Error;
use crate::interrupt;

const BLOCK: usize = 512;
/// The longest PAX or long-name member that is read.
const RECORD_LIMIT: u64 = 1024 * 1024;

/// What a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A file with content.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// Another name of a file in the same image.
    Hardlink,
    /// A device, a pipe, a socket.
    Special,
}

/// One member's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The path without slashes at either end; empty for the root.
    pub path: String,
    /// Whether the name as written began with a slash.
    pub absolute: bool,
    /// What it is.
    pub kind: Kind,
    /// Permission bits.
    pub mode: u32,
    /// The owner.
    pub uid: u64,
    /// The group.
    pub gid: u64,
    /// The bytes that follow.
    pub size: u64,
    /// Where a link points to, as written.
    pub link: Option<String>,
    /// Where the content begins in the stream.
    pub offset: u64,
}

/// Walks a tar stream. Reading from it yields the content of the current member.
pub struct Reader<R> {
    inner: R,
    what: String,
    skip: fn(&mut R, u64) -> io::Result<u64>,
    position: u64,
    content: u64,
    padding: u64,
}

impl<R: Read> Reader<R> {
    /// Walks a stream; `what` names it in errors.
    pub fn new(inner: R, what: String) -> Self {
        Self {
            inner,
            what,
            skip: |reader, count| io::copy(&mut reader.take(count), &mut io::sink()),
            position: 0,
            content: 0,
            padding: 0,
        }
    }

    /// The next member, past what is left of the current one. `None` at the end.
    pub fn advance(&mut self) -> Result<Option<Member>, Error> {
        let mut extra = Extra::NONE;
        loop {
            interrupt::check()?;
            self.skip_content()?;
            let mut block = [0; BLOCK];
            if !self.block(&mut block)? || block.iter().all(|byte| *byte == 0) {
                return if extra == Extra::NONE {
                    Ok(None)
                } else {
                    Err(self.broken("it ends behind an extended header"))
                };
            }
            let header = Header::from_byte_slice(&block);
            self.check_sum(header, &block)?;
            let size = header
                .entry_size()
                .map_err(|e| self.broken(&e.to_string()))?;
            let kind = header.entry_type();
            self.content = extra.size.filter(|_| !is_extension(kind)).unwrap_or(size);
            self.padding = self.content.next_multiple_of(BLOCK as u64) - self.content;
            match kind {
                EntryType::XGlobalHeader => {}
                EntryType::XHeader => extra.pax(&self.record()?).map_err(|r| self.broken(&r))?,
                EntryType::GNULongName => extra.path = Some(trim_nul(self.record()?)),
                EntryType::GNULongLink => extra.link = Some(trim_nul(self.record()?)),
                _ => return self.member(header, kind, extra).map(Some),
            }
        }
    }

    /// Reads to the end of the stream, past the end of the archive.
    pub fn drain(mut self) -> Result<R, Error> {
        self.skip_content()?;
        let mut buffer = vec![0; crate::digest::BLOCK];
        loop {
            interrupt::check()?;
            match self.inner.read(&mut buffer) {
                Ok(0) => return Ok(self.inner),
                Ok(_) => {}
                Err(source) => return Err(self.unreadable(source)),
            }
        }
    }

    fn member(&mut self, header: &Header, kind: EntryType, extra: Extra) -> Result<Member, Error> {
        if kind == EntryType::GNUSparse {
            self.skip_sparse_map(header)?;
        }
        let raw = extra
            .path
            .unwrap_or_else(|| header.path_bytes().into_owned());
        let path = String::from_utf8_lossy(&raw).into_owned();
        let link = extra
            .link
            .or_else(|| header.link_name_bytes().map(Into::into));
        let kind = match kind {
            EntryType::Directory => Kind::Directory,
            EntryType::Symlink => Kind::Symlink,
            EntryType::Link => Kind::Hardlink,
            EntryType::Regular if path.ends_with('/') => Kind::Directory,
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => Kind::File,
            _ => Kind::Special,
        };
        // The checksum was right, so a field that is no number was left empty.
        Ok(Member {
            absolute: path.starts_with('/'),
            kind,
            mode: header.mode().unwrap_or(0) & 0o7777,
            uid: extra.uid.or(header.uid().ok()).unwrap_or(0),
            gid: extra.gid.or(header.gid().ok()).unwrap_or(0),
            size: self.content,
            link: link
                .filter(|_| matches!(kind, Kind::Symlink | Kind::Hardlink))
                .map(|link| String::from_utf8_lossy(&link).into_owned()),
            offset: self.position,
            path: self.clean(&path)?,
        })
    }

    /// Drops `.` parts and slashes at the ends.
    fn clean(&self, path: &str) -> Result<String, Error> {
        let parts: Vec<&str> = path
            .split('/')
            .filter(|part| !matches!(*part, "" | "."))
            .collect();
        if parts.contains(&"..") {
            return Err(Error::Member {
                what: self.what.clone(),
                member: path.to_owned(),
                reason: "has a `..` part, which could lead out of the image".to_owned(),
            });
        }
        Ok(parts.join("/"))
    }

    /// The map of a sparse file goes on in blocks that the size does not count.
    fn skip_sparse_map(&mut self, header: &Header) -> Result<(), Error> {
        let mut more = header.as_gnu().is_some_and(::tar::GnuHeader::is_extended);
        while more {
            let mut map = GnuExtSparseHeader::new();
            if !self.block(map.as_mut_bytes())? {
                return Err(self.broken("it ends in the map of a sparse file"));
            }
            more = map.is_extended();
        }
        Ok(())
    }

    fn check_sum(&self, header: &Header, block: &[u8; BLOCK]) -> Result<(), Error> {
        let bytes = block.iter().enumerate();
        let sum: u32 = bytes
            .map(|(at, byte)| {
                if (148..156).contains(&at) {
                    32
                } else {
                    u32::from(*byte)
                }
            })
            .sum();
        match header.cksum() {
            Ok(found) if found == sum => Ok(()),
            _ => Err(self.broken("a header's checksum is wrong")),
        }
    }

    fn record(&mut self) -> Result<Vec<u8>, Error> {
        if self.content > RECORD_LIMIT {
            return Err(self.broken("an extended header is larger than 1 MiB"));
        }
        let size = self.content;
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes)
            .map_err(|e| self.unreadable(e))?;
        if bytes.len() as u64 == size {
            Ok(bytes)
        } else {
            Err(self.broken("it ends in an extended header"))
        }
    }

    fn block(&mut self, block: &mut [u8; BLOCK]) -> Result<bool, Error> {
        let mut filled = 0;
        while filled < block.len() {
            match self.inner.read(&mut block[filled..]) {
                Ok(0) if filled == 0 => return Ok(false),
                Ok(0) => return Err(self.broken("it ends in the middle of a header")),
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.unreadable(error)),
            }
        }
        self.position += BLOCK as u64;
        Ok(true)
    }

    fn skip_content(&mut self) -> Result<(), Error> {
        let count = self.content + self.padding;
        if count == 0 {
            return Ok(());
        }
        let skipped = (self.skip)(&mut self.inner, count).map_err(|e| self.unreadable(e))?;
        self.position += skipped;
        let missing = skipped < self.content;
        (self.content, self.padding) = (0, 0);
        if missing {
            return Err(self.broken("it ends in the middle of a member"));
        }
        Ok(())
    }

    fn broken(&self, reason: &str) -> Error {
        Error::Tar {
            what: self.what.clone(),
            reason: reason.to_owned(),
        }
    }

    fn unreadable(&self, source: io::Error) -> Error {
        Error::Read {
            what: self.what.clone(),
            source,
        }
    }
}

impl<R: Read + Seek> Reader<R> {
    /// Walks a file, stepping over content without reading it.
    pub fn seeking(inner: R, what: String) -> Self {
        Self {
            skip: |reader, count| {
                let step = i64::try_from(count).map_err(io::Error::other)?;
                reader.seek(SeekFrom::Current(step))?;
                Ok(count)
            },
            ..Self::new(inner, what)
        }
    }
}

impl<R: Read> Read for Reader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = (&mut self.inner).take(self.content).read(buffer)?;
        self.content -= read as u64;
        self.position += read as u64;
        Ok(read)
    }
}

/// What the members before a member say about it.
#[derive(PartialEq)]
struct Extra {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    uid: Option<u64>,
    gid: Option<u64>,
}

impl Extra {
    const NONE: Self = Self {
        path: None,
        link: None,
        size: None,
        uid: None,
        gid: None,
    };

    fn pax(&mut self, mut data: &[u8]) -> Result<(), String> {
        while !data.is_empty() {
            let (record, rest) = split_record(data).ok_or("a PAX record is malformed")?;
            data = rest;
            let Some(equals) = record.iter().position(|byte| *byte == b'=') else {
                return Err("a PAX record has no `=`".to_owned());
            };
            let (key, value) = (&record[..equals], &record[equals + 1..]);
            let number = || {
                let text = std::str::from_utf8(value).ok();
                let number = text.and_then(|text| text.parse().ok());
                number.ok_or_else(|| "a PAX number is malformed".to_owned())
            };
            match key {
                b"path" => self.path = Some(value.to_vec()),
                b"linkpath" => self.link = Some(value.to_vec()),
                b"size" => self.size = Some(number()?),
                b"uid" => self.uid = Some(number()?),
                b"gid" => self.gid = Some(number()?),
                _ => {}
            }
        }
        Ok(())
    }
}

/// `LENGTH KEY=VALUE\n`: the part between, and what follows.
fn split_record(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = data.iter().position(|byte| *byte == b' ')?;
    let length: usize = std::str::from_utf8(&data[..space]).ok()?.parse().ok()?;
    let (record, rest) = data.split_at_checked(length)?;
    let record = record.get(space + 1..)?.strip_suffix(b"\n")?;
    Some((record, rest))
}

fn is_extension(kind: EntryType) -> bool {
    matches!(
        kind,
        EntryType::XGlobalHeader
            | EntryType::XHeader
            | EntryType::GNULongName
            | EntryType::GNULongLink
    )
}

fn trim_nul(mut bytes: Vec<u8>) -> Vec<u8> {
    while bytes.last() == Some(&0) {
        bytes.pop();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(bytes: &[u8]) -> Result<Vec<Member>, Error> {
        let mut reader = Reader::new(bytes, "the test".to_owned());
        let mut members = Vec::new();
        while let Some(member) = reader.advance()? {
            members.push(member);
        }
        Ok(members)
    }

    fn header(path: &str, kind: EntryType, size: u64) -> Header {
        let mut header = Header::new_gnu();
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_mode(0o644);
        header.set_uid(1);
        header.set_gid(2);
        header.set_cksum();
        header
    }

    fn raw(path: &str, kind: EntryType, content: &[u8]) -> Vec<u8> {
        let mut out = header(path, kind, content.len() as u64).as_bytes().to_vec();
        out.extend_from_slice(content);
        out.resize(out.len().next_multiple_of(512), 0);
        out
    }

    #[test]
    fn archives_of_the_tar_crate_with_long_names_are_read() {
        let long = "d/".repeat(80) + "file";
        let mut builder = ::tar::Builder::new(Vec::new());
        let mut header = header("x", EntryType::Regular, 3);
        builder
            .append_data(&mut header, &long, &b"abc"[..])
            .expect("memory");
        let mut link = Header::new_gnu();
        link.set_entry_type(EntryType::Symlink);
        link.set_size(0);
        builder.append_link(&mut link, "ln", &long).expect("memory");
        let members = walk(&builder.into_inner().expect("memory")).expect("reads");
        assert_eq!(members[0].path, long);
        assert_eq!((members[0].size, members[0].uid, members[0].gid), (3, 1, 2));
        assert_eq!(members[1].link.as_deref(), Some(long.as_str()));
    }

    #[test]
    fn pax_values_may_contain_newlines() {
        let value = b"\x01\n17 path=wrong\n";
        let mut record = b"41 SCHILY.xattr.user.x=".to_vec();
        record.extend_from_slice(value);
        record.extend_from_slice(b"\n");
        let length = record.len();
        record.splice(0..2, length.to_string().into_bytes());
        record.extend_from_slice(b"14 path=right\n");
        let mut tar = raw("pax", EntryType::XHeader, &record);
        tar.extend(raw("short", EntryType::Regular, b"abc"));
        let members = walk(&tar).expect("reads");
        assert_eq!(members[0].path, "right");
    }

    #[test]
    fn parts_that_lead_out_of_the_image_are_refused() {
        for path in ["../x", "a/../../x", ".."] {
            let error = walk(&raw(path, EntryType::Regular, b"")).expect_err(path);
            assert!(matches!(error, Error::Member { .. }), "{error}");
        }
        let members = walk(&raw("./a/./b", EntryType::Regular, b"")).expect("reads");
        assert_eq!(members[0].path, "a/b");
    }

    #[test]
    fn a_stream_that_breaks_off_is_an_error_wherever_it_does() {
        let mut whole = raw("pax", EntryType::XHeader, b"14 path=right\n");
        whole.extend(raw("a", EntryType::Regular, &[1; 700]));
        for length in 0..whole.len() {
            let result = walk(&whole[..length]);
            // Between members a missing end is tolerated, and so is missing padding.
            let complete = length == 0 || length >= 3 * 512 + 700;
            assert_eq!(result.is_ok(), complete, "{length}");
        }
    }

    #[test]
    fn a_damaged_header_is_noticed() {
        let mut tar = raw("a", EntryType::Regular, b"abc");
        tar[3] ^= 1;
        assert!(matches!(walk(&tar), Err(Error::Tar { .. })));
    }
}
