//! How layers are compressed, and the spelling of it: `gzip`, `gzip:9`, `zstd:3`, `none`.

use std::fmt;
use std::str::FromStr;

use super::gzip;
use super::media::Coding;

/// How layers are compressed, with the level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// A plain tar stream.
    Uncompressed,
    /// gzip, levels 1 to 9.
    Gzip(u32),
    /// Zstandard, levels 1 to 19.
    Zstd(i32),
}

impl Compression {
    /// gzip at the level that was fastest while at most 3 % larger than `gzip -6`.
    ///
    /// 85.6 MB of Go's own programs, one thread, CPU seconds and bytes: level 5 1.20 s 32,518,305;
    /// level 6 1.45 s 32,436,060; level 7 2.44 s 32,239,150; Go's compress/gzip at its default
    /// 2.9 s 32,445,606; `gzip -6` 4.0 s 31,935,186. Level 5 is 1.8 % larger than `gzip -6`.
    pub const GZIP: Self = Self::Gzip(5);
    /// Zstandard at its own default level.
    pub const ZSTD: Self = Self::Zstd(3);

    /// How a reader undoes it.
    pub const fn coding(self) -> Coding {
        match self {
            Self::Uncompressed => Coding::Plain,
            Self::Gzip(_) => Coding::Gzip,
            Self::Zstd(_) => Coding::Zstd,
        }
    }

    /// What decides the compressed bytes besides the content, for keys of caches.
    pub(super) fn identity(self) -> String {
        match self {
            Self::Uncompressed => "none".to_owned(),
            Self::Gzip(_) => format!("{} {self}", gzip::COMPRESSOR),
            Self::Zstd(_) => format!(
                "zstd {}, jobs of 2 MiB {self}",
                zstd::zstd_safe::version_number()
            ),
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uncompressed => f.write_str("none"),
            Self::Gzip(level) => write!(f, "gzip:{level}"),
            Self::Zstd(level) => write!(f, "zstd:{level}"),
        }
    }
}

impl serde::Serialize for Compression {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Why a string names no compression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a compression: expected `gzip`, `zstd` or `none`, or `gzip:1` to `gzip:9`, `zstd:1` to `zstd:19`"
)]
pub struct ParseCompressionError(String);

impl FromStr for Compression {
    type Err = ParseCompressionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, level) = match text.split_once(':') {
            None => (text, None),
            Some((name, level)) => (name, Some(level.parse::<u8>().ok())),
        };
        match (name, level) {
            ("none" | "uncompressed", None) => Ok(Self::Uncompressed),
            ("gzip", None) => Ok(Self::GZIP),
            ("zstd", None) => Ok(Self::ZSTD),
            ("gzip", Some(Some(level @ 1..=9))) => Ok(Self::Gzip(level.into())),
            ("zstd", Some(Some(level @ 1..=19))) => Ok(Self::Zstd(level.into())),
            _ => Err(ParseCompressionError(text.to_owned())),
        }
    }
}

impl Default for Compression {
    fn default() -> Self {
        Self::GZIP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_parses_back_and_the_rest_is_refused() {
        for text in ["none", "gzip:1", "gzip:9", "zstd:19"] {
            let compression: Compression = text.parse().expect(text);
            assert_eq!(compression.to_string(), text);
        }
        assert_eq!("gzip".parse(), Ok(Compression::GZIP));
        for text in [
            "", "xz", "gzip:0", "gzip:10", "zstd:20", "zstd:", "none:1", "gzip:x",
        ] {
            assert!(text.parse::<Compression>().is_err(), "{text}");
        }
    }
}
