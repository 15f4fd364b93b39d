//! Platforms and every name they go by: the one table of names.
//!
//! A [`Platform`] is what an OCI index calls `os/arch[/variant]`. It is parsed once, normalised as
//! BuildKit and containerd normalise it, and from then on every other scheme's name for it (Go's
//! variables, the ELF machine, the emulator, the folder under `out/`) is read from [`TABLE`].
//!
//! Sources: OCI image specification, image-index.md, "Platform Variants"; containerd's `platforms`
//! package for the spellings; <https://go.dev/wiki/MinimumRequirements> for Go's variables;
//! `elf.h` for machine numbers.

mod directories;
mod libc;
mod rust;
mod table;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

pub use libc::{Glibc, Libc, ParseGlibcError, ParseLibcError, Target};
pub use rust::rust_flags;
pub use table::{Architecture, Elf, TABLE};

/// What is built when nothing says otherwise: the platforms most multi-arch images offer.
pub const DEFAULT: [&str; 4] = [
    "linux/amd64",
    "linux/arm64",
    "linux/arm/v7",
    "linux/riscv64",
];

/// One platform that this program can build for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    row: usize,
    variant: usize,
}

/// Why a string is not a platform.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ParsePlatformError {
    /// Not `os/arch[/variant]`.
    #[error("`{0}` is not a platform: expected `os/arch[/variant]`, such as `linux/arm/v7`")]
    Form(String),
    /// Only Linux images are built.
    #[error("platform `{given}`: operating system `{os}` is not supported, expected `linux`")]
    Os {
        /// What was typed.
        given: String,
        /// Its first part.
        os: String,
    },
    /// No such architecture in the table.
    #[error("platform `{given}`: unknown architecture `{architecture}`")]
    Architecture {
        /// What was typed.
        given: String,
        /// Its second part.
        architecture: String,
        /// The nearest known name, if one is near.
        nearest: Option<&'static str>,
    },
    /// The architecture has no such variant.
    #[error(
        "platform `{given}`: unknown variant `{variant}` of `{architecture}`, expected {expected}"
    )]
    Variant {
        /// What was typed.
        given: String,
        /// Its third part.
        variant: String,
        /// The architecture.
        architecture: &'static str,
        /// The variants it has.
        expected: String,
    },
}

impl ParsePlatformError {
    /// The way out.
    pub fn hint(&self) -> String {
        match self {
            Self::Architecture {
                nearest: Some(nearest),
                ..
            } => format!("did you mean `linux/{nearest}`?"),
            _ => format!(
                "known architectures: {}",
                TABLE.map(|row| row.name).join(", ")
            ),
        }
    }
}

impl Platform {
    /// Every platform of the table, each architecture with all its variants.
    pub fn all() -> Vec<Self> {
        (0..TABLE.len())
            .flat_map(|row| {
                (0..TABLE[row].variants.len().max(1)).map(move |variant| Self { row, variant })
            })
            .collect()
    }

    /// The platform this program runs on; `None` where the table does not have it.
    pub fn host() -> Option<Self> {
        format!("linux/{}", std::env::consts::ARCH).parse().ok()
    }

    /// The platform that an OCI descriptor or config names; `None` where the table does not have it
    /// (another operating system, an architecture of tomorrow).
    pub fn from_oci(os: &str, architecture: &str, variant: Option<&str>) -> Option<Self> {
        match variant.filter(|variant| !variant.is_empty()) {
            None => format!("{os}/{architecture}"),
            Some(variant) => format!("{os}/{architecture}/{variant}"),
        }
        .parse()
        .ok()
    }

    /// The architecture's names.
    pub fn architecture(self) -> &'static Architecture {
        TABLE[self.row]
    }

    /// The operating system, always `linux`.
    pub const fn os(self) -> &'static str {
        "linux"
    }

    /// The variant as it is written into descriptors: left out where it is the architecture's
    /// default and the field leaves it out (`amd64`, `arm64`), always there for `arm`.
    pub fn variant(self) -> Option<&'static str> {
        let row = self.architecture();
        let elided = row.elide_default && self.variant == row.default;
        row.variants
            .get(self.variant)
            .filter(|_| !elided)
            .map(|variant| variant.name)
    }

    /// Debian's name of the architecture whose packages run here (`dpkg-architecture -L`). ARM
    /// before v7 is Debian's `armel`, which is for v5.
    pub fn debian(self) -> &'static str {
        match (self.architecture().name, self.variant()) {
            ("arm", Some("v5" | "v6")) => "armel",
            _ => self.architecture().debian,
        }
    }

    /// The folder under `out/`: `amd64`, `armv7`. `out/${TARGETARCH}${TARGETVARIANT}` of a
    /// Dockerfile names the same.
    pub fn directory(self) -> String {
        format!(
            "{}{}",
            self.architecture().name,
            self.variant().unwrap_or("")
        )
    }

    /// The processor as clang names it, for more or less than its triple means; empty otherwise.
    pub fn cpu(self) -> &'static str {
        let variants = self.architecture().variants;
        variants.get(self.variant).map_or("", |variant| variant.cpu)
    }

    /// The processor as `uname -m` has it, which is what CMake and Meson go by.
    pub fn machine(self) -> &'static str {
        match (self.architecture().name, self.variant()) {
            ("arm", Some("v5")) => "armv5tel",
            ("arm", Some("v6")) => "armv6l",
            ("arm", _) => "armv7l",
            ("ppc64le", _) => "ppc64le",
            ("mips64le", _) => "mips64",
            _ => self.architecture().gnu,
        }
    }

    /// The environment that makes Go compile for this platform: `GOOS`, `GOARCH` and the variable
    /// of the variant.
    pub fn go_environment(self) -> Vec<(&'static str, &'static str)> {
        let row = self.architecture();
        let mut environment = vec![("GOOS", self.os()), ("GOARCH", row.name)];
        if let (Some(variable), Some(variant)) = (row.go_variable, row.variants.get(self.variant)) {
            environment.push((variable, variant.go));
        }
        environment
    }
}

/// Every variable that [`Platform::go_environment`] may set for some platform, so that one that is
/// not meant can be cleared.
pub fn go_variables() -> impl Iterator<Item = &'static str> {
    ["GOOS", "GOARCH", "GOMIPS"]
        .into_iter()
        .chain(TABLE.iter().filter_map(|row| row.go_variable))
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os(), self.architecture().name)?;
        match self.variant() {
            None => Ok(()),
            Some(variant) => write!(f, "/{variant}"),
        }
    }
}

impl fmt::Debug for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for Platform {
    type Err = ParsePlatformError;

    fn from_str(given: &str) -> Result<Self, Self::Err> {
        let lower = given.trim().to_lowercase();
        let parts: Vec<&str> = lower.split('/').collect();
        let (os, architecture, variant) = match parts[..] {
            [architecture] => ("linux", architecture, ""),
            // `arm/v7`: no operating system is called like an architecture.
            [architecture, variant]
                if !variant.is_empty() && find_architecture(architecture).is_some() =>
            {
                ("linux", architecture, variant)
            }
            [os, architecture] => (os, architecture, ""),
            [os, architecture, variant] if !variant.is_empty() => (os, architecture, variant),
            _ => return Err(ParsePlatformError::Form(given.to_owned())),
        };
        if os.is_empty() || architecture.is_empty() {
            return Err(ParsePlatformError::Form(given.to_owned()));
        }
        // A bare `linux` is half a platform, not an architecture nobody knows.
        if parts.len() == 1 && architecture == "linux" {
            return Err(ParsePlatformError::Form(given.to_owned()));
        }
        if os != "linux" {
            return Err(ParsePlatformError::Os {
                given: given.to_owned(),
                os: os.to_owned(),
            });
        }
        let (row, implied) =
            find_architecture(architecture).ok_or_else(|| ParsePlatformError::Architecture {
                given: given.to_owned(),
                architecture: architecture.to_owned(),
                nearest: nearest_architecture(architecture),
            })?;
        let wanted = if variant.is_empty() { implied } else { variant };
        let variant =
            find_variant(TABLE[row], wanted).ok_or_else(|| ParsePlatformError::Variant {
                given: given.to_owned(),
                variant: wanted.to_owned(),
                architecture: TABLE[row].name,
                expected: TABLE[row].expected_variants(),
            })?;
        Ok(Self { row, variant })
    }
}

fn find_architecture(name: &str) -> Option<(usize, &'static str)> {
    TABLE.iter().enumerate().find_map(|(index, row)| {
        if row.name == name {
            return Some((index, ""));
        }
        row.aliases
            .iter()
            .find(|(alias, _)| *alias == name)
            .map(|(_, variant)| (index, *variant))
    })
}

/// `7` for `v7` and `v8.0` for `v8` are containerd's spellings.
fn find_variant(row: &Architecture, wanted: &str) -> Option<usize> {
    if wanted.is_empty() {
        return Some(row.default);
    }
    row.variants.iter().position(|variant| {
        variant.name == wanted
            || variant.go == wanted
            || variant.name.strip_prefix('v') == Some(wanted)
    })
}

fn nearest_architecture(name: &str) -> Option<&'static str> {
    let distance = |spelling: &str| strsim::damerau_levenshtein(spelling, name);
    // At the same distance a name is a better guess than an alias.
    TABLE
        .iter()
        .flat_map(|row| {
            let aliases = row.aliases.iter();
            std::iter::once((distance(row.name), false, row.name))
                .chain(aliases.map(|(alias, _)| (distance(alias), true, row.name)))
        })
        .min()
        .filter(|(distance, _, _)| *distance <= 2)
        .map(|(_, _, name)| name)
}

impl Serialize for Platform {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Platform {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(text: &str) -> Platform {
        text.parse().expect(text)
    }

    #[test]
    fn debian_names_follow_the_variant() {
        let named = |text: &str| text.parse::<Platform>().unwrap().debian();
        assert_eq!(named("linux/arm/v7"), "armhf");
        assert_eq!(named("linux/arm/v5"), "armel");
        assert_eq!(named("linux/arm/v6"), "armel");
        assert_eq!(named("linux/386"), "i386");
        assert_eq!(named("linux/ppc64le"), "ppc64el");
        assert_eq!(named("linux/mips64le"), "mips64el");
        assert_eq!(named("linux/arm64"), "arm64");
    }

    #[test]
    fn spellings_are_normalised_as_buildkit_does() {
        for (given, canonical) in [
            ("linux/amd64", "linux/amd64"),
            ("linux/amd64/v1", "linux/amd64"),
            ("linux/amd64/v3", "linux/amd64/v3"),
            ("x86_64", "linux/amd64"),
            ("arm64", "linux/arm64"),
            ("linux/arm64/v8", "linux/arm64"),
            ("linux/arm64/8", "linux/arm64"),
            ("linux/arm64/v9", "linux/arm64/v9"),
            ("aarch64", "linux/arm64"),
            ("arm64v8", "linux/arm64"),
            ("linux/arm", "linux/arm/v7"),
            ("linux/arm/7", "linux/arm/v7"),
            ("linux/arm/v6", "linux/arm/v6"),
            ("armhf", "linux/arm/v7"),
            ("armel", "linux/arm/v6"),
            ("arm32v7", "linux/arm/v7"),
            ("arm32v6", "linux/arm/v6"),
            ("i386", "linux/386"),
            ("Linux/ARM64", "linux/arm64"),
            ("arm/v6", "linux/arm/v6"),
            ("arm64/v8", "linux/arm64"),
            ("linux/riscv64", "linux/riscv64"),
            ("ppc64el", "linux/ppc64le"),
        ] {
            assert_eq!(platform(given).to_string(), canonical, "{given}");
            assert_eq!(platform(canonical).to_string(), canonical);
        }
    }

    #[test]
    fn malformed_platforms_are_refused_with_the_reason() {
        use ParsePlatformError as E;
        assert!(matches!("".parse::<Platform>(), Err(E::Form(_))));
        assert!(matches!("linux".parse::<Platform>(), Err(E::Form(_))));
        assert!(matches!("linux/".parse::<Platform>(), Err(E::Form(_))));
        assert!(matches!("linux/arm/".parse::<Platform>(), Err(E::Form(_))));
        assert!(matches!("arm/".parse::<Platform>(), Err(E::Form(_))));
        assert!(matches!(
            "linux/arm/v7/x".parse::<Platform>(),
            Err(E::Form(_))
        ));
        assert!(matches!(
            "windows/amd64".parse::<Platform>(),
            Err(E::Os { .. })
        ));
        assert!(matches!(
            "linux/arm46".parse::<Platform>(),
            Err(E::Architecture {
                nearest: Some("arm64"),
                ..
            })
        ));
        assert!(matches!(
            "linux/sparc".parse::<Platform>(),
            Err(E::Architecture { nearest: None, .. })
        ));
        assert!(matches!(
            "linux/arm/v9".parse::<Platform>(),
            Err(E::Variant { .. })
        ));
        assert!(matches!(
            "linux/s390x/z15".parse::<Platform>(),
            Err(E::Variant { .. })
        ));
    }

    #[test]
    fn every_platform_parses_back_to_itself_and_has_its_own_folder() {
        let all = Platform::all();
        let folders: std::collections::BTreeSet<String> =
            all.iter().map(|platform| platform.directory()).collect();
        assert_eq!(folders.len(), all.len());
        for platform in all {
            assert_eq!(platform.to_string().parse(), Ok(platform));
        }
        assert_eq!(platform("linux/arm/v7").directory(), "armv7");
        assert_eq!(platform("linux/arm64").directory(), "arm64");
        assert_eq!(platform("linux/amd64/v3").directory(), "amd64v3");
    }

    #[test]
    fn the_variant_reaches_go() {
        assert_eq!(
            platform("linux/arm/v6").go_environment(),
            [("GOOS", "linux"), ("GOARCH", "arm"), ("GOARM", "6")]
        );
        assert_eq!(
            platform("linux/arm64").go_environment()[2],
            ("GOARM64", "v8.0")
        );
        assert_eq!(
            platform("linux/arm64/v9").go_environment()[2],
            ("GOARM64", "v9.0")
        );
        assert_eq!(platform("linux/s390x").go_environment().len(), 2);
    }
}
