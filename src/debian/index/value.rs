//! Values of a package's fields, checked; what is wrong is said with suite, package and field.

use std::borrow::Cow;

use crate::debian::stanza::Stanza;
use crate::digest::Digest;

use super::Error;

/// The package whose stanza is read, for errors.
#[derive(Clone, Copy)]
pub(super) struct Of<'a> {
    pub(super) suite: &'a str,
    pub(super) package: &'a str,
}

impl Of<'_> {
    pub(super) fn required<'s>(
        self,
        stanza: &'s Stanza<'_>,
        field: &'static str,
    ) -> Result<Cow<'s, str>, Error> {
        let value = stanza.get(field).filter(|value| !value.is_empty());
        value.ok_or_else(|| Error::Missing {
            suite: self.suite.to_owned(),
            package: self.package.to_owned(),
            field,
        })
    }

    pub(super) fn value(self, field: &'static str, expected: &'static str, found: &str) -> Error {
        Error::Value {
            suite: self.suite.to_owned(),
            package: self.package.to_owned(),
            field,
            expected,
            found: found.chars().take(200).collect(),
        }
    }

    pub(super) fn large(self, what: &'static str) -> Error {
        Error::Large {
            suite: self.suite.to_owned(),
            what,
        }
    }

    /// Folder and file of a path that stays below the archive's root.
    pub(super) fn path(self, path: &str) -> Result<(&str, &str), Error> {
        // Flat archives write their paths so.
        let path = path.strip_prefix("./").unwrap_or(path);
        let plain = |part: &str| !matches!(part, "" | "." | "..");
        if !path.split('/').all(plain)
            || path.contains(|char: char| char.is_control() || char == '\\')
        {
            return Err(self.value("Filename", "a path below the archive's root", path));
        }
        Ok(path.rsplit_once('/').unwrap_or(("", path)))
    }
}

/// A number that the format has room for.
pub(super) fn count(number: usize, of: Of<'_>, what: &'static str) -> Result<u32, Error> {
    u32::try_from(number).map_err(|_| of.large(what))
}

/// The bytes of a digest's hex digits.
pub(super) fn bytes_of(hex: &str) -> Option<[u8; 32]> {
    Digest::from_hex(hex).ok()?;
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16).ok()?;
    }
    Some(bytes)
}
