//! The directories that a dynamic linker of glibc was built to search.
//!
//! They are nowhere written but in the linker itself, as strings that end with a slash and lie one
//! behind the other: `/lib/x86_64-linux-gnu/`, `/usr/lib/x86_64-linux-gnu/`, `/lib/`, `/usr/lib/`.
//! Distributions choose them, and nothing in an image tells them as surely. `ld.so --help` shows the
//! same list, but nothing of an image is run.
//!
//! Source: glibc's manual page ld.so(8), "DESCRIPTION", on the trusted directories.

use std::io::{Read, Seek};

use object::Endianness;
use object::elf as raw;
use object::read::elf::{FileHeader, ProgramHeader};

use super::parse::{File, PATH};
use super::source::Problem;

/// Bytes searched; a dynamic linker has some 200 KB in all.
const LIMIT: usize = 8 << 20;
/// Directories accepted.
const DIRECTORIES: usize = 64;
/// What the names of glibc's dynamic linkers begin with, over all architectures.
const LINKERS: [&str; 3] = ["ld-linux", "ld64.so", "ld.so"];

impl<R: Read + Seek, H: FileHeader<Endian = Endianness>> File<'_, R, H> {
    /// The directories, without the slash at their end; none for other files.
    pub(super) fn system_dirs(&mut self, soname: Option<&str>) -> Result<Vec<String>, Problem> {
        let is_linker = |name: &str| LINKERS.iter().any(|prefix| name.starts_with(prefix));
        if !soname.is_some_and(is_linker) {
            return Ok(Vec::new());
        }
        let endian = self.endian;
        let ranges: Vec<(u64, u64)> = self
            .of_type(raw::PT_LOAD)
            .filter(|segment| !segment.p_flags(endian).contains(raw::PF_W))
            .map(|segment| segment.file_range(endian))
            .collect();
        let mut left = LIMIT;
        for (offset, size) in ranges {
            let size = usize::try_from(size).map_or(left, |size| size.min(left));
            let bytes = self.source.up_to(offset, size)?;
            left -= bytes.len();
            let found = directories(&bytes);
            if !found.is_empty() {
                return Ok(found);
            }
        }
        Ok(Vec::new())
    }
}

/// The first two or more directories that lie one behind the other.
fn directories(bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for piece in bytes.split(|byte| *byte == 0) {
        // What lies before the first one need not be a string.
        let piece = match found.is_empty() {
            true => piece
                .rsplit(|byte| !byte.is_ascii_graphic())
                .next()
                .unwrap_or_default(),
            false => piece,
        };
        match directory(piece) {
            Some(directory) if found.len() < DIRECTORIES => found.push(directory.to_owned()),
            _ if found.len() > 1 => return found,
            _ => found.clear(),
        }
    }
    match found.len() {
        0 | 1 => Vec::new(),
        _ => found,
    }
}

fn directory(piece: &[u8]) -> Option<&str> {
    if piece.len() > PATH || piece.first() != Some(&b'/') || !piece.is_ascii() {
        return None;
    }
    let directory = std::str::from_utf8(piece).ok()?.strip_suffix('/')?;
    directory.contains("lib").then_some(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_or_more_directories_one_behind_the_other_are_taken() {
        for (bytes, expected) in [
            (
                &b"text\0/lib/a/\0/usr/lib/a/\0/lib/\0/usr/lib/\0more"[..],
                &["/lib/a", "/usr/lib/a", "/lib", "/usr/lib"][..],
            ),
            (b"/lib64/\0/usr/lib64/", &["/lib64", "/usr/lib64"]),
            // As in big-endian linkers, behind a number.
            (b"\0\0\x0f/lib/\0/usr/lib/\0", &["/lib", "/usr/lib"]),
            (b"\0/lib/\0\0/usr/lib/\0", &[]),
            (b"\0/lib/\0", &[]),
            (b"\0/etc/\0/usr/share/\0", &[]),
            (b"\0/etc/ld.so.cache\0/lib/libc.so\0", &[]),
            (b"", &[]),
        ] {
            assert_eq!(directories(bytes), expected, "{}", bytes.escape_ascii());
        }
    }
}
