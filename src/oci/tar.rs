//! Writing tar streams whose bytes depend on nothing but their entries.
//!
//! ustar headers (POSIX.1-1988) with PAX records (POSIX.1-2001, "pax Interchange Format") only
//! where a value does not fit: long or non-ASCII names and links, large sizes, ids and times. User
//! and group names stay empty, device numbers zero, PAX records are sorted, and no header names a
//! host or a process.

use std::io::{self, Write};

const BLOCK: usize = 512;
/// Streams end in whole records of 20 blocks in GNU tar; two zero blocks are all POSIX asks for.
const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];
const OCTAL_7: u64 = 0o7_777_777;
const OCTAL_11: u64 = 0o77_777_777_777;

/// What a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind<'a> {
    /// A file with so many bytes, which follow.
    File(u64),
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink(&'a str),
}

/// One member of the stream, without its content.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// Its path, without a slash at either end.
    pub path: &'a str,
    /// What it is.
    pub kind: Kind<'a>,
    /// Permission bits, with setuid, setgid and sticky.
    pub mode: u32,
    /// The owner.
    pub uid: u64,
    /// The group.
    pub gid: u64,
    /// Modification time, in seconds since 1970.
    pub mtime: u64,
}

/// Writes a member's header. Its content follows from the caller, then [`pad`].
pub fn header(writer: &mut impl Write, member: &Member) -> io::Result<()> {
    let (flag, size, link) = match member.kind {
        Kind::File(size) => (b'0', size, ""),
        Kind::Directory => (b'5', 0, ""),
        Kind::Symlink(target) => (b'2', 0, target),
    };
    let slash = if flag == b'5' { "/" } else { "" };
    let path = format!("{}{slash}", member.path);
    let mut records = Records::default();
    let (name, prefix) = records.path(&path);
    let link = records.text("linkpath", link, 100);
    let block = block(&Fields {
        name: &name,
        prefix: &prefix,
        link: &link,
        flag,
        mode: member.mode & 0o7777,
        uid: records.number("uid", member.uid, OCTAL_7),
        gid: records.number("gid", member.gid, OCTAL_7),
        size: records.number("size", size, OCTAL_11),
        mtime: records.number("mtime", member.mtime, OCTAL_11),
    });
    records.write(writer)?;
    writer.write_all(&block)
}

/// Fills the last block of a member that has `size` bytes.
pub fn pad(writer: &mut impl Write, size: u64) -> io::Result<()> {
    let over = usize::try_from(size % BLOCK as u64).unwrap_or(0);
    match over {
        0 => Ok(()),
        over => writer.write_all(&END[..BLOCK - over]),
    }
}

/// Ends the stream.
pub fn end(writer: &mut impl Write) -> io::Result<()> {
    writer.write_all(&END)
}

struct Fields<'a> {
    name: &'a [u8],
    prefix: &'a [u8],
    link: &'a [u8],
    flag: u8,
    mode: u32,
    uid: u64,
    gid: u64,
    size: u64,
    mtime: u64,
}

fn block(fields: &Fields) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    put(&mut block, 0, fields.name);
    octal(&mut block, 100, 7, u64::from(fields.mode));
    octal(&mut block, 108, 7, fields.uid);
    octal(&mut block, 116, 7, fields.gid);
    octal(&mut block, 124, 11, fields.size);
    octal(&mut block, 136, 11, fields.mtime);
    block[156] = fields.flag;
    put(&mut block, 157, fields.link);
    put(&mut block, 257, b"ustar\x0000");
    octal(&mut block, 329, 7, 0);
    octal(&mut block, 337, 7, 0);
    put(&mut block, 345, fields.prefix);
    put(&mut block, 148, b"        ");
    let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
    octal(&mut block, 148, 6, sum);
    block[155] = b' ';
    block
}

fn put(block: &mut [u8; BLOCK], at: usize, bytes: &[u8]) {
    block[at..at + bytes.len()].copy_from_slice(bytes);
}

/// Digits with leading zeros; the byte after them is the NUL that is there already.
fn octal(block: &mut [u8; BLOCK], at: usize, digits: usize, value: u64) {
    put(block, at, format!("{value:0digits$o}").as_bytes());
    block[at + digits] = 0;
}

/// The PAX records of one member, in the order of their keys.
#[derive(Default)]
struct Records(std::collections::BTreeMap<&'static str, String>);

impl Records {
    /// A path as name and prefix, or as a record with the header holding its beginning.
    fn path(&mut self, path: &str) -> (Vec<u8>, Vec<u8>) {
        if path.is_ascii() && path.len() > 100 {
            // The slash between prefix and name is not stored; the name must not be empty.
            let cut = (path.len() - 101..path.len() - 1)
                .find(|at| path.as_bytes()[*at] == b'/')
                .filter(|at| (1..=155).contains(at));
            if let Some(cut) = cut {
                let (prefix, name) = path.split_at(cut);
                return (name.as_bytes()[1..].to_vec(), prefix.as_bytes().to_vec());
            }
        }
        (self.text("path", path, 100), Vec::new())
    }

    fn text(&mut self, key: &'static str, text: &str, room: usize) -> Vec<u8> {
        if text.is_ascii() && text.len() <= room {
            return text.as_bytes().to_vec();
        }
        self.0.insert(key, text.to_owned());
        let plain = text
            .chars()
            .map(|c| if c.is_ascii() { c as u8 } else { b'_' });
        plain.take(room).collect()
    }

    fn number(&mut self, key: &'static str, value: u64, limit: u64) -> u64 {
        if value > limit {
            self.0.insert(key, value.to_string());
        }
        value.min(limit)
    }

    fn write(self, writer: &mut impl Write) -> io::Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let data: String = self
            .0
            .iter()
            .map(|(key, value)| record(key, value))
            .collect();
        writer.write_all(&block(&Fields {
            name: b"PaxHeaders/entry",
            prefix: b"",
            link: b"",
            flag: b'x',
            mode: 0o644,
            uid: 0,
            gid: 0,
            size: data.len() as u64,
            mtime: 0,
        }))?;
        writer.write_all(data.as_bytes())?;
        pad(writer, data.len() as u64)
    }
}

/// `LENGTH KEY=VALUE\n`, where the length counts itself.
fn record(key: &str, value: &str) -> String {
    let rest = key.len() + value.len() + 3;
    let mut length = rest;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    format!("{length} {key}={value}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Read as _;

    fn member<'a>(path: &'a str, kind: Kind<'a>) -> Member<'a> {
        Member {
            path,
            kind,
            mode: 0o4755,
            uid: 0,
            gid: 0,
            mtime: 0,
        }
    }

    #[test]
    fn short_names_need_no_records() {
        let mut out = Vec::new();
        header(&mut out, &member("usr/bin/app", Kind::File(3))).expect("memory");
        assert_eq!(out.len(), BLOCK);
        let long = format!("{}/{}", "d".repeat(155), "f".repeat(100));
        out.clear();
        header(&mut out, &member(&long, Kind::File(3))).expect("memory");
        assert_eq!(out.len(), BLOCK);
        let longer = format!("{}/{}", "d".repeat(155), "f".repeat(101));
        out.clear();
        header(&mut out, &member(&longer, Kind::File(3))).expect("memory");
        assert_eq!(out.len(), 3 * BLOCK);
    }

    #[test]
    fn the_length_of_a_record_counts_itself() {
        for n in 0..2000 {
            let record = record("path", &"x".repeat(n));
            let (length, _) = record.split_once(' ').expect("has a space");
            assert_eq!(length.parse(), Ok(record.len()));
        }
    }

    #[test]
    fn a_size_beyond_eight_gibibytes_is_a_record() {
        let mut out = Vec::new();
        header(&mut out, &member("big", Kind::File(1 << 33))).expect("memory");
        let text = String::from_utf8_lossy(&out[BLOCK..]);
        assert!(text.starts_with("19 size=8589934592\n"), "{text}");
        assert_eq!(out.len(), 3 * BLOCK);
    }

    proptest! {
        #[test]
        fn another_reader_gets_back_what_was_written(
            path in "[a-zé日]{1,60}(/[a-z.é]{1,90}){0,4}",
            target in "[a-z/.é]{1,220}",
            ids in (any::<u32>(), 0u64..1 << 40),
            mtime in 0u64..1 << 40,
            mode in 0u32..0o10000,
            content in proptest::collection::vec(any::<u8>(), 0..1500),
            which in 0..3,
        ) {
            let kind = match which {
                0 => Kind::File(content.len() as u64),
                1 => Kind::Directory,
                _ => Kind::Symlink(&target),
            };
            let member = Member { path: &path, kind, mode, uid: ids.0.into(), gid: ids.1, mtime };
            let mut out = Vec::new();
            header(&mut out, &member).expect("memory");
            if which == 0 {
                out.extend_from_slice(&content);
                pad(&mut out, content.len() as u64).expect("memory");
            }
            end(&mut out).expect("memory");
            let mut archive = ::tar::Archive::new(&out[..]);
            let mut entries = archive.entries().expect("entries");
            let mut entry = entries.next().expect("one").expect("readable");
            let read = String::from_utf8(entry.path_bytes().into_owned()).expect("utf-8");
            prop_assert_eq!(read.trim_end_matches('/'), &path);
            prop_assert_eq!(entry.header().mode().expect("mode"), mode);
            prop_assert_eq!(entry.header().uid().expect("uid"), u64::from(ids.0));
            prop_assert_eq!(entry.header().gid().expect("gid"), ids.1);
            let time: std::collections::BTreeMap<String, String> = entry
                .pax_extensions().expect("pax").into_iter().flatten()
                .map(|e| e.expect("record"))
                .map(|e| (e.key().expect("key").to_owned(), e.value().expect("value").to_owned()))
                .collect();
            let header = entry.header().mtime().expect("mtime");
            let found = time.get("mtime").map_or(header, |text| text.parse().expect("a number"));
            prop_assert_eq!(found, mtime);
            match kind {
                Kind::File(_) => {
                    let mut bytes = Vec::new();
                    entry.read_to_end(&mut bytes).expect("content");
                    prop_assert_eq!(bytes, content);
                }
                Kind::Directory => prop_assert!(entry.header().entry_type().is_dir()),
                Kind::Symlink(_) => {
                    let link = entry.link_name_bytes().expect("link").into_owned();
                    prop_assert_eq!(String::from_utf8(link).expect("utf-8"), target.clone());
                }
            }
            drop(entry);
            prop_assert!(entries.next().is_none());
        }
    }
}
