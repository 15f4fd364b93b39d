//! From an archive to a directory, trusting nothing that the archive says about paths.
//!
//! Comes in: a tar (plain, gzip, xz, zstd) or zip file and the [`Rules`] of the definition. Goes out: a
//! directory with files, directories and links that stay inside it. Refused: absolute paths and
//! `..`, devices, links that lead out, files through links, a second entry in the place of a link
//! or directory, and more bytes or entries than are allowed.

mod pattern;
mod root;
mod tarball;
mod zipfile;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::digest::{Digest, Recipe};
use crate::fault::{Exit, Fault};

pub use pattern::Pattern;

use root::Root;

/// Goes into the name of every tree: a change of these rules makes new trees.
pub const VERSION: &str = "1";

/// The most bytes that are unpacked where a definition does not say otherwise.
pub const MAXIMUM: u64 = 8 << 30;

/// How an archive becomes a tree.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Only what lies in this directory of the archive is unpacked, without its name.
    pub strip: Option<String>,
    /// Files that are executable though the archive does not say so.
    pub executable: Vec<Pattern>,
    /// File names that are changed wherever they occur, such as `_go.mod` to `go.mod`.
    pub rename: BTreeMap<String, String>,
    /// The most bytes that are unpacked.
    pub maximum: u64,
}

/// The kinds of archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// tar, as it is.
    Tar,
    /// tar in gzip.
    TarGzip,
    /// tar in xz.
    TarXz,
    /// tar in zstd.
    TarZstd,
    /// zip; wheels and Go modules are.
    Zip,
}

/// Why an archive was not unpacked.
#[derive(Debug, Error)]
pub enum Error {
    /// The archive can't be read.
    #[error("`{}` is damaged", archive.display())]
    Damaged {
        /// The archive.
        archive: PathBuf,
        /// The reader's reason.
        source: io::Error,
    },
    /// An entry breaks the rules.
    #[error("`{}` is unsafe: entry `{entry}` {reason}", archive.display())]
    Unsafe {
        /// The archive.
        archive: PathBuf,
        /// The entry's name.
        entry: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing lies in the directory that was asked for.
    #[error("`{}` has nothing in `{strip}/`", archive.display())]
    Empty {
        /// The archive.
        archive: PathBuf,
        /// The directory.
        strip: String,
    },
    /// The name does not tell what kind of archive it is.
    #[error(
        "`{0}` is not an archive of a known kind: expected .tar, .tar.gz, .tgz, .tar.xz, .tar.zst, .zip or .whl"
    )]
    Format(String),
    /// The result can't be written.
    #[error(transparent)]
    Store(#[from] crate::store::Error),
    /// A signal came.
    #[error("interrupted")]
    Interrupted,
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::Damaged { .. } | Self::Unsafe { .. } | Self::Empty { .. } => Exit::Integrity,
            Self::Format(_) => Exit::Toolchain,
            Self::Store(error) => error.exit(),
            Self::Interrupted => Exit::Io,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.hint(),
            Self::Damaged { .. } => Some("`polyarch toolchain check --repair`".to_owned()),
            Self::Unsafe { .. } | Self::Empty { .. } | Self::Format(_) | Self::Interrupted => None,
        }
    }
}

impl Format {
    /// The kind that a file's name says.
    pub fn of(name: &str) -> Result<Self, Error> {
        let ends = |end: &str| name.to_ascii_lowercase().ends_with(end);
        match () {
            () if ends(".tar.gz") || ends(".tgz") => Ok(Self::TarGzip),
            () if ends(".tar.xz") => Ok(Self::TarXz),
            () if ends(".tar.zst") => Ok(Self::TarZstd),
            () if ends(".tar") => Ok(Self::Tar),
            () if ends(".zip") || ends(".whl") => Ok(Self::Zip),
            () => Err(Error::Format(name.to_owned())),
        }
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            strip: None,
            executable: Vec::new(),
            rename: BTreeMap::new(),
            maximum: MAXIMUM,
        }
    }
}

impl Rules {
    /// The name of the tree that these rules make of an archive.
    pub fn recipe(&self, archive: &Digest) -> Digest {
        let mut recipe = Recipe::new("unpack")
            .with(VERSION)
            .with(archive.hex())
            .with(self.strip.as_deref().unwrap_or_default())
            .with(self.executable.len().to_string());
        for pattern in &self.executable {
            recipe = recipe.with(pattern.as_str());
        }
        for (from, to) in &self.rename {
            recipe = recipe.with(from).with(to);
        }
        recipe.finish()
    }
}

/// Unpacks `archive` into the empty directory `into`.
pub fn unpack(archive: &Path, format: Format, rules: &Rules, into: &Path) -> Result<(), Error> {
    let mut root = Root::new(archive, rules, into);
    match format {
        Format::Zip => zipfile::unpack(&mut root)?,
        Format::Tar | Format::TarGzip | Format::TarXz | Format::TarZstd => {
            tarball::unpack(&mut root, format)?
        }
    }
    root.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_tells_the_format() {
        for (name, format) in [
            ("go1.2.linux-amd64.tar.gz", Format::TarGzip),
            ("a.tgz", Format::TarGzip),
            ("zig-0.15.tar.xz", Format::TarXz),
            ("a.tar.zst", Format::TarZstd),
            ("a.tar", Format::Tar),
            ("v0.0.1-go1.2.linux-amd64.zip", Format::Zip),
            ("a-py3-none-any.WHL", Format::Zip),
        ] {
            assert_eq!(Format::of(name).unwrap(), format);
        }
        assert!(matches!(Format::of("a.rar"), Err(Error::Format(_))));
    }

    #[test]
    fn every_rule_changes_the_recipe_but_the_bound() {
        let archive = Digest::of(b"archive");
        let plain = Rules::default();
        let variants = [
            Rules {
                strip: Some("go".to_owned()),
                ..plain.clone()
            },
            Rules {
                executable: vec!["bin/".parse().unwrap()],
                ..plain.clone()
            },
            Rules {
                rename: [("a".to_owned(), "b".to_owned())].into(),
                ..plain.clone()
            },
        ];
        for rules in &variants {
            assert_ne!(rules.recipe(&archive), plain.recipe(&archive));
        }
        let bounded = Rules {
            maximum: 1,
            ..plain.clone()
        };
        assert_eq!(bounded.recipe(&archive), plain.recipe(&archive));
        assert_ne!(plain.recipe(&archive), plain.recipe(&Digest::of(b"other")));
    }
}
