//! A platform with a C library: what a compiler is told.
//!
//! Sources: Debian's multiarch tuples (<https://wiki.debian.org/Multiarch/Tuples>) for the triples;
//! the ARM EABI's `eabi` and `eabihf` for the way floating-point arguments are passed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Platform;

/// A version of the GNU C library, such as 2.36.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Glibc {
    major: u16,
    minor: u16,
}

/// Not a version of the GNU C library.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a version of the GNU C library: expected one such as `2.36`")]
pub struct ParseGlibcError(String);

/// The C library that programs are linked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Libc {
    /// musl, statically.
    Musl,
    /// The GNU C library, dynamically; nothing newer than this version is used.
    Gnu(Glibc),
}

/// A platform with a C library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// The platform.
    pub platform: Platform,
    /// The C library.
    pub libc: Libc,
}

impl Glibc {
    /// The version `major.minor`.
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }

    /// What stands behind the dot.
    pub const fn minor(self) -> u16 {
        self.minor
    }
}

impl Target {
    /// The GNU triple, without a version: `aarch64-linux-musl`, `arm-linux-gnueabihf`.
    pub fn triple(self) -> String {
        self.with(self.platform.architecture().gnu)
    }

    /// The triple as clang and zig spell it, without a version: `x86-linux-musl`.
    pub fn clang_triple(self) -> String {
        self.with(self.platform.architecture().clang)
    }

    fn with(self, processor: &str) -> String {
        let libc = match self.libc {
            Libc::Musl => "musl",
            Libc::Gnu(_) => "gnu",
        };
        let abi = self.platform.architecture().abi;
        let float = if self.hard_float() { "hf" } else { "" };
        format!("{processor}-linux-{libc}{abi}{float}")
    }

    /// Whether ARM's floating-point arguments go in registers. Debian's userland for processors
    /// before v7 does not do that; what brings its own userland does from v6 on.
    pub(super) fn hard_float(self) -> bool {
        let variant = self.platform.variant();
        match self.libc {
            _ if self.platform.architecture().name != "arm" => false,
            Libc::Musl => variant != Some("v5"),
            Libc::Gnu(_) => variant == Some("v7"),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.triple())?;
        match self.libc {
            Libc::Musl => Ok(()),
            Libc::Gnu(version) => write!(f, ".{version}"),
        }
    }
}

impl fmt::Display for Libc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Musl => f.write_str("musl"),
            Self::Gnu(version) => write!(f, "glibc {version}"),
        }
    }
}

impl fmt::Display for Glibc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for Glibc {
    type Err = ParseGlibcError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers = text.split_once('.').and_then(|(major, minor)| {
            let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
            (digits(major) && digits(minor)).then_some((major.parse().ok()?, minor.parse().ok()?))
        });
        match numbers {
            Some((major, minor)) => Ok(Self { major, minor }),
            None => Err(ParseGlibcError(text.to_owned())),
        }
    }
}

/// Not the name of a C library.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a C library: expected `musl`, or `gnu` with a version such as `gnu.2.36`")]
pub struct ParseLibcError(String);

impl FromStr for Libc {
    type Err = ParseLibcError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let version = text.strip_prefix("gnu.").map(str::parse);
        match (text, version) {
            ("musl", _) => Ok(Self::Musl),
            (_, Some(Ok(version))) => Ok(Self::Gnu(version)),
            _ => Err(ParseLibcError(text.to_owned())),
        }
    }
}

impl Serialize for Glibc {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Glibc {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn triples_name_processor_library_and_floating_point() {
        let musl = Libc::Musl;
        let gnu = Libc::Gnu("2.36".parse().unwrap());
        for (platform, libc, gnu, clang) in [
            ("arm64", musl, "aarch64-linux-musl", "aarch64-linux-musl"),
            ("386", musl, "i686-linux-musl", "x86-linux-musl"),
            ("arm/v5", musl, "arm-linux-musleabi", "arm-linux-musleabi"),
            (
                "arm/v6",
                musl,
                "arm-linux-musleabihf",
                "arm-linux-musleabihf",
            ),
            ("arm/v6", gnu, "arm-linux-gnueabi", "arm-linux-gnueabi"),
            ("arm/v7", gnu, "arm-linux-gnueabihf", "arm-linux-gnueabihf"),
            (
                "mips64le",
                gnu,
                "mips64el-linux-gnuabi64",
                "mips64el-linux-gnuabi64",
            ),
            (
                "ppc64le",
                gnu,
                "powerpc64le-linux-gnu",
                "powerpc64le-linux-gnu",
            ),
        ] {
            let target = Target {
                platform: platform.parse().unwrap(),
                libc,
            };
            assert_eq!(
                (target.triple(), target.clang_triple()),
                (gnu.into(), clang.into())
            );
        }
    }

    #[test]
    fn a_c_library_is_musl_or_gnu_with_its_version() {
        assert_eq!("musl".parse(), Ok(Libc::Musl));
        assert_eq!("gnu.2.36".parse(), Ok(Libc::Gnu(Glibc::new(2, 36))));
        for malformed in ["", "gnu", "gnu.", "glibc.2.36", "gnu.2", "uclibc"] {
            assert!(malformed.parse::<Libc>().is_err(), "{malformed}");
        }
    }

    #[test]
    fn versions_of_glibc_are_two_numbers_in_their_order() {
        let version = |text: &str| text.parse::<Glibc>();
        assert!(version("2.9").unwrap() < version("2.36").unwrap());
        assert_eq!(version("2.36").unwrap().to_string(), "2.36");
        for malformed in ["", "2", "2.", ".36", "2.36.1", "2.+3", "two"] {
            assert!(version(malformed).is_err(), "{malformed}");
        }
    }
}
