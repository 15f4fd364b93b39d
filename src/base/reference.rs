//! How a base is named: `scratch`, `static`, `oci:DIR[:TAG][@DIGEST]`, `oci-archive:FILE`,
//! `docker-archive:FILE`, or an image's name in a registry. The transports are spelt as skopeo
//! spells them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use thiserror::Error;

use crate::digest::{Digest, ParseDigestError};
use crate::fault::{Exit, Fault};
use crate::oci::reference::{Name, ParseNameError};
use crate::settings::config::BasePackages;

/// A base image, named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// Nothing at all.
    Scratch,
    /// The built-in base: certificates, users, time zones.
    Static,
    /// A layout on disk.
    Layout {
        /// The folder.
        path: PathBuf,
        /// The entry's name, where there are several.
        tag: Option<String>,
        /// The entry's digest.
        digest: Option<Digest>,
    },
    /// A layout in a tar archive.
    OciArchive(PathBuf),
    /// An archive as `docker save` writes it.
    DockerArchive(PathBuf),
    /// An image in a registry.
    Registry(Name),
    /// Made from Debian packages.
    Packages(BasePackages),
}

/// Why a string names no base.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ParseReferenceError {
    /// A transport without a path.
    #[error("base `{0}` names no path")]
    Path(String),
    /// The part behind `@`.
    #[error("base `{reference}` has a malformed digest")]
    Digest {
        /// What was given.
        reference: String,
        /// What is wrong with it.
        source: ParseDigestError,
    },
    /// An image's name that is none.
    #[error("base `{reference}` is not known")]
    Name {
        /// What was given.
        reference: String,
        /// What is wrong with it.
        source: ParseNameError,
    },
}

impl Fault for ParseReferenceError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(
            "`scratch`, `static`, `oci:DIR[:TAG]`, `oci-archive:FILE`, `docker-archive:FILE` or \
             the name of an image"
                .to_owned(),
        )
    }
}

impl Reference {
    /// Whether it says by itself which platforms there are.
    pub fn has_platforms(&self) -> bool {
        !matches!(self, Self::Scratch | Self::Static | Self::Packages(_))
    }

    /// The same base with a path that was given relative to `folder`.
    #[must_use]
    pub fn relative_to(self, folder: &Path) -> Self {
        match self {
            Self::Layout { path, tag, digest } => Self::Layout {
                path: folder.join(path),
                tag,
                digest,
            },
            Self::OciArchive(path) => Self::OciArchive(folder.join(path)),
            Self::DockerArchive(path) => Self::DockerArchive(folder.join(path)),
            Self::Scratch | Self::Static | Self::Registry(_) | Self::Packages(_) => self,
        }
    }
}

impl FromStr for Reference {
    type Err = ParseReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let path = |path: &str| match path {
            "" => Err(ParseReferenceError::Path(text.to_owned())),
            path => Ok(PathBuf::from(path)),
        };
        if let Some(rest) = text.strip_prefix("oci:") {
            let (rest, digest) = match rest.split_once('@') {
                None => (rest, None),
                Some((rest, digest)) => (rest, Some(parse_digest(text, digest)?)),
            };
            let (folder, tag) = match rest.split_once(':') {
                None => (rest, None),
                Some((folder, tag)) => (folder, Some(tag.to_owned())),
            };
            return Ok(Self::Layout {
                path: path(folder)?,
                tag: tag.filter(|tag| !tag.is_empty()),
                digest,
            });
        }
        if let Some(file) = text.strip_prefix("oci-archive:") {
            return path(file).map(Self::OciArchive);
        }
        if let Some(file) = text.strip_prefix("docker-archive:") {
            return path(file).map(Self::DockerArchive);
        }
        match text {
            "scratch" => Ok(Self::Scratch),
            "static" => Ok(Self::Static),
            _ => text
                .strip_prefix("docker://")
                .unwrap_or(text)
                .parse()
                .map(Self::Registry)
                .map_err(|source| ParseReferenceError::Name {
                    reference: text.to_owned(),
                    source,
                }),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scratch => f.write_str("scratch"),
            Self::Static => f.write_str("static"),
            Self::Layout { path, tag, digest } => {
                write!(f, "oci:{}", path.display())?;
                if let Some(tag) = tag {
                    write!(f, ":{tag}")?;
                }
                if let Some(digest) = digest {
                    write!(f, "@{digest}")?;
                }
                Ok(())
            }
            Self::OciArchive(path) => write!(f, "oci-archive:{}", path.display()),
            Self::DockerArchive(path) => write!(f, "docker-archive:{}", path.display()),
            Self::Registry(name) => write!(f, "{name}"),
            Self::Packages(base) => write!(f, "{base}"),
        }
    }
}

fn parse_digest(reference: &str, digest: &str) -> Result<Digest, ParseReferenceError> {
    digest
        .parse()
        .map_err(|source| ParseReferenceError::Digest {
            reference: reference.to_owned(),
            source,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_print_as_they_were_parsed() {
        let digest = Digest::of(b"x");
        for text in [
            "scratch",
            "static",
            "oci:base",
            "oci:../base dir:v1",
            &format!("oci:base@{digest}"),
            &format!("oci:base:ghcr.io/me/app:1@{digest}"),
            "oci-archive:a.tar",
            "docker-archive:/tmp/a.tar",
            "ghcr.io/me/base:1",
        ] {
            let reference: Reference = text.parse().expect(text);
            assert_eq!(reference.to_string(), text);
        }
        assert_eq!(
            "debian".parse::<Reference>().expect("a name").to_string(),
            "docker.io/library/debian:latest"
        );
    }

    #[test]
    fn malformed_references_are_refused() {
        use ParseReferenceError as E;
        assert!(matches!("oci:".parse::<Reference>(), Err(E::Path(_))));
        assert!(matches!(
            "oci-archive:".parse::<Reference>(),
            Err(E::Path(_))
        ));
        assert!(matches!(
            "oci:a@b".parse::<Reference>(),
            Err(E::Digest { .. })
        ));
        assert!(matches!("UPPER".parse::<Reference>(), Err(E::Name { .. })));
    }

    #[test]
    fn paths_follow_the_project() {
        let reference: Reference = "oci:base:1".parse().expect("parses");
        let reference = reference.relative_to(Path::new("/project"));
        assert_eq!(reference.to_string(), "oci:/project/base:1");
    }
}
