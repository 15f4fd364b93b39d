//! What is installed already, as dpkg's database tells (dpkg(1), `/var/lib/dpkg/status`; images
//! made like distroless have the same stanzas, one a file, in `status.d/`).
//!
//! Comes in: such a file. Goes out: the packages that are installed, with what resolving needs to
//! know of them.

use std::io::{self, BufRead};

use thiserror::Error;

use crate::fault::{Exit, Fault};

use super::Version;
use super::index::MultiArch;
use super::relation::{self, ParseRelationError};
use super::stanza::{StanzaError, Stanzas};
use super::version::ParseVersionError;

/// A package that is there already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// Its architecture, or `all`.
    pub architecture: String,
    /// What `Multi-Arch` says.
    pub multi_arch: MultiArch,
    /// The field `Provides` as it stands.
    pub provides: String,
    /// The field `Conflicts` as it stands.
    pub conflicts: String,
    /// The field `Breaks` as it stands.
    pub breaks: String,
}

/// Why it can't be told what is installed.
#[derive(Debug, Error)]
pub enum Error {
    /// The file can't be read.
    #[error("can't read dpkg's database `{file}`")]
    Io {
        /// The file.
        file: String,
        /// What failed.
        source: io::Error,
    },
    /// The file is not one.
    #[error("dpkg's database `{file}` is malformed")]
    Stanza {
        /// The file.
        file: String,
        /// Where and why.
        source: StanzaError,
    },
    /// A package lacks a field.
    #[error(
        "dpkg's database `{file}` is malformed: the package at line {line} has no field `{field}`"
    )]
    Missing {
        /// The file.
        file: String,
        /// Where the package begins.
        line: u64,
        /// The field.
        field: &'static str,
    },
    /// A version is none.
    #[error("dpkg's database `{file}` is malformed: package `{package}`")]
    Version {
        /// The file.
        file: String,
        /// The package.
        package: String,
        /// Why.
        source: ParseVersionError,
    },
    /// A relation is none.
    #[error("dpkg's database `{file}` is malformed: package `{package}`, field `{field}`")]
    Relation {
        /// The file.
        file: String,
        /// The package.
        package: String,
        /// The field.
        field: &'static str,
        /// Why.
        source: ParseRelationError,
    },
    /// `Multi-Arch` has a value that it can't have.
    #[error(
        "dpkg's database `{file}` is malformed: package `{package}` has `Multi-Arch: {found}`, expected `no`, `same`, `foreign` or `allowed`"
    )]
    MultiArch {
        /// The file.
        file: String,
        /// The package.
        package: String,
        /// What is there.
        found: String,
    },
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::Io { .. } => Exit::Io,
            _ => Exit::Base,
        }
    }
}

/// The packages of a `status` file, or of one file of a `status.d` folder, that are installed. The
/// file is named in errors.
pub fn parse(status: impl BufRead, file: &str) -> Result<Vec<Installed>, Error> {
    let mut installed = Vec::new();
    let mut stanzas = Stanzas::new(status);
    while let Some(stanza) = stanzas.next().map_err(|error| unreadable(error, file))? {
        // `want flag state`. Those in `status.d` have no such field: they are there by being there.
        let state = stanza.get("Status");
        let state = state.as_deref().unwrap_or("install ok installed");
        if state.split_ascii_whitespace().nth(2) != Some("installed") {
            continue;
        }
        let required = |field| {
            let value = stanza.get(field).filter(|value| !value.is_empty());
            value.ok_or_else(|| Error::Missing {
                file: file.to_owned(),
                line: stanza.line(),
                field,
            })
        };
        let name = required("Package")?.into_owned();
        let version = required("Version")?
            .parse()
            .map_err(|source| Error::Version {
                file: file.to_owned(),
                package: name.clone(),
                source,
            })?;
        let relations = |field| {
            let value = stanza.get(field).unwrap_or_default();
            let fault = relation::parse(&value).find_map(Result::err);
            match fault {
                None => Ok(value.into_owned()),
                Some(source) => Err(Error::Relation {
                    file: file.to_owned(),
                    package: name.clone(),
                    field,
                    source,
                }),
            }
        };
        let multi_arch = stanza.get("Multi-Arch").unwrap_or_default();
        installed.push(Installed {
            version,
            architecture: required("Architecture")?.into_owned(),
            multi_arch: MultiArch::from_field(&multi_arch).ok_or_else(|| Error::MultiArch {
                file: file.to_owned(),
                package: name.clone(),
                found: multi_arch.to_string(),
            })?,
            provides: relations("Provides")?,
            conflicts: relations("Conflicts")?,
            breaks: relations("Breaks")?,
            name,
        });
    }
    Ok(installed)
}

fn unreadable(error: StanzaError, file: &str) -> Error {
    let file = file.to_owned();
    match error {
        StanzaError::Io(source) => Error::Io { file, source },
        source => Error::Stanza { file, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_installed_counts() {
        let status = "\
Package: libc6
Status: install ok installed
Architecture: arm64
Multi-Arch: same
Version: 2.36-9
Provides: libc6-lse (= 2.36-9), nss
Breaks: old (<< 1)

Package: gone
Status: deinstall ok config-files
Architecture: arm64
Version: 1

Package: half
Status: install reinstreq half-installed
Architecture: arm64
";
        let installed = parse(status.as_bytes(), "status").expect("is well-formed");
        assert_eq!(installed.len(), 1);
        let libc = &installed[0];
        assert_eq!(libc.name, "libc6");
        assert_eq!(libc.version.as_str(), "2.36-9");
        assert_eq!(libc.architecture, "arm64");
        assert_eq!(libc.multi_arch, MultiArch::Same);
        assert_eq!(libc.provides, "libc6-lse (= 2.36-9), nss");
        assert_eq!(libc.breaks, "old (<< 1)");
        assert_eq!(libc.conflicts, "");
    }

    #[test]
    fn a_file_of_status_d_needs_no_status_field() {
        let one = "Package: tzdata\nVersion: 2024a\nArchitecture: all\nDescription: x\n y\n";
        let installed = parse(one.as_bytes(), "status.d/tzdata").expect("is well-formed");
        assert_eq!(installed[0].name, "tzdata");
    }

    #[test]
    fn a_malformed_database_is_refused_with_file_and_package() {
        for (status, expected) in [
            (
                "Version: 1\nArchitecture: all",
                "line 1 has no field `Package`",
            ),
            ("Package: a\nArchitecture: all", "no field `Version`"),
            ("Package: a\nVersion: 1", "no field `Architecture`"),
            ("Package: a\nVersion: 1 2\nArchitecture: all", "package `a`"),
            (
                "Package: a\nVersion: 1\nArchitecture: all\nBreaks: b (",
                "field `Breaks`",
            ),
            (
                "Package: a\nVersion: 1\nArchitecture: all\nMulti-Arch: maybe",
                "`Multi-Arch: maybe`",
            ),
            ("nonsense", "is malformed"),
        ] {
            let error = parse(status.as_bytes(), "/s").expect_err(status);
            let text = error.to_string();
            assert!(text.contains("`/s`") && text.contains(expected), "{text}");
            assert_eq!(error.exit(), Exit::Base);
        }
    }
}
