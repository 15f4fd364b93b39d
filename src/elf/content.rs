//! What a file is when it is not ELF, told by its first bytes.
//!
//! Only for messages: "found a Mach-O file" tells a user at once that the build forgot `GOOS`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The first bytes of something that is not ELF.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// No bytes at all.
    Empty,
    /// `#!`: the kernel starts an interpreter for it.
    Script,
    /// A Windows program.
    Pe,
    /// A macOS program.
    MachO,
    /// A WebAssembly module.
    Wasm,
    /// A Java class.
    JavaClass,
    /// A zip archive, which a jar is too.
    Zip,
    /// An `ar` archive, such as a static library.
    Archive,
    /// Text, though not a script.
    Text,
    /// Nothing this list knows.
    Unknown,
}

/// How many first bytes [`Content::of`] looks at.
pub(super) const HEAD: usize = 64;

impl Content {
    /// Tells by the first bytes; `None` where they are an ELF file's.
    pub fn of(head: &[u8]) -> Option<Self> {
        Some(match head {
            [0x7f, b'E', b'L', b'F', ..] => return None,
            [] => Self::Empty,
            [b'#', b'!', ..] => Self::Script,
            [b'M', b'Z', ..] => Self::Pe,
            [0xfe, 0xed, 0xfa, 0xce | 0xcf, ..] | [0xce | 0xcf, 0xfa, 0xed, 0xfe, ..] => {
                Self::MachO
            }
            // A universal binary counts its architectures where a class has its version (45 on).
            [0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, count, ..] if *count < 45 => Self::MachO,
            [0xca, 0xfe, 0xba, 0xbe, ..] => Self::JavaClass,
            [0, b'a', b's', b'm', ..] => Self::Wasm,
            [b'P', b'K', 3, 4, ..] => Self::Zip,
            _ if head.starts_with(b"!<arch>\n") => Self::Archive,
            _ if is_text(head) => Self::Text,
            _ => Self::Unknown,
        })
    }
}

/// UTF-8 without control characters; the last character may be cut off by the end of `head`.
fn is_text(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or("\0")
        }
        Err(_) => return false,
    };
    !text
        .chars()
        .any(|char| char.is_control() && !char.is_whitespace())
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "an empty file",
            Self::Script => "a script",
            Self::Pe => "a Windows program (PE)",
            Self::MachO => "a macOS program (Mach-O)",
            Self::Wasm => "a WebAssembly module",
            Self::JavaClass => "a Java class",
            Self::Zip => "a zip archive (or a jar)",
            Self::Archive => "an `ar` archive",
            Self::Text => "a text file",
            Self::Unknown => "of an unknown format",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_files_are_told_apart_by_their_first_bytes() {
        for (head, content) in [
            (&b""[..], Some(Content::Empty)),
            (b"\x7fELF\x02", None),
            (b"#!/bin/sh\n", Some(Content::Script)),
            (b"MZ\x90\0", Some(Content::Pe)),
            (b"\xcf\xfa\xed\xfe\x07\0\0\x01", Some(Content::MachO)),
            (b"\xca\xfe\xba\xbe\0\0\0\x02", Some(Content::MachO)),
            (b"\xca\xfe\xba\xbe\0\0\0\x41", Some(Content::JavaClass)),
            (b"\0asm\x01\0\0\0", Some(Content::Wasm)),
            (b"PK\x03\x04", Some(Content::Zip)),
            (b"!<arch>\n", Some(Content::Archive)),
            ("gr\u{fc}n\n".as_bytes(), Some(Content::Text)),
            (b"cut off \xc3", Some(Content::Text)),
            (b"\x7fEL", Some(Content::Unknown)),
            (b"\x1f\x8b\x08\0", Some(Content::Unknown)),
        ] {
            assert_eq!(Content::of(head), content, "{head:?}");
        }
    }
}
