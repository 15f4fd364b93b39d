//! Packages into one directory, without dpkg, without root, without running anything of theirs.
//!
//! Comes in: `.deb` files in an order, and what the tree is for. Goes out: the directory, and what
//! lies in it as a sorted list, with the owners and modes that the files would have (on disk they are
//! ours and have plain modes). Paths that two packages have are settled as dpkg does it: directories
//! are shared, files are not, unless `Replaces` says whose file it is (Debian Policy, section 7.6.1).
//! `/bin`, `/sbin` and `/lib*` are links into `/usr`, whatever the packages themselves have there.
//! Diversions, alternatives and triggers are work of maintainer scripts and do not happen:
//! [`Control::scripts`] tells which packages would have had some.
//!
//! Nothing outside the directory is read or written, whatever the packages hold. The directory has to
//! be empty and nobody else's; after an error it is to be thrown away.

mod ahead;
mod dispute;
#[cfg(test)]
mod tests;
pub(super) mod tree;

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::Package;
use super::deb::tarball::{self, Member};
use super::deb::{self, Control};
use super::sysroot;
use crate::extract::MOST_ENTRIES;
use crate::fault::{Exit, Fault, refused};
use crate::progress::Observer;

use tree::Tree;

/// Goes into the name of every tree: a change of these rules makes new trees.
pub const VERSION: &str = "1";

/// What a tree is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Headers and libraries for a compiler on this machine. Absolute links become relative ones,
    /// modes are 0644 or 0755, manuals and translations are left out. Copyright files are kept,
    /// because licences travel with the libraries.
    Sysroot,
    /// The root of a system, to become a layer. Everything is kept and recorded.
    Rootfs,
}

/// A package to unpack.
#[derive(Clone, Copy, Debug)]
pub struct Deb<'a> {
    /// The `.deb` file.
    pub path: &'a Path,
    /// What the index says it is.
    pub package: &'a Package,
}

/// How much may be unpacked, and how.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// What the tree is for.
    pub kind: Kind,
    /// The most bytes that one package may have.
    pub maximum: u64,
    /// How many packages are decompressed at once. What comes out does not depend on it.
    pub threads: usize,
}

impl Options {
    /// The usual bounds.
    pub const fn new(kind: Kind, threads: usize) -> Self {
        Self {
            kind,
            maximum: deb::MAXIMUM,
            threads,
        }
    }
}

/// What a path of the tree holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A directory.
    Directory,
    /// A file; its bytes lie in the tree.
    File,
    /// A symbolic link and its target.
    Symlink(String),
    /// Another name of a file in the tree.
    Hardlink(String),
}

/// One path of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Relative to the root. All above it are directories of the list.
    pub path: String,
    /// What it is.
    pub content: Content,
    /// Permission bits; in a rootfs with setuid, setgid and sticky.
    pub mode: u32,
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// Whose it is, by the place in the list of packages; none for what no package has.
    pub package: Option<usize>,
}

/// What was unpacked.
#[derive(Clone, Debug)]
pub struct Unpacked {
    /// Every path, sorted.
    pub entries: Vec<Entry>,
    /// What each package says about itself, in the order given.
    pub controls: Vec<Control>,
    /// Links of a sysroot that lead to nothing in it, with their targets. They do not lead out.
    pub dangling: Vec<(String, String)>,
}

/// Why packages were not unpacked.
#[derive(Debug, Error)]
pub enum Error {
    /// The file can't be read.
    #[error("can't read package `{package}`, `{}`", path.display())]
    Read {
        /// Name and version.
        package: String,
        /// Its file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// It is no package, or a damaged one, or has what it may not have.
    #[error("package `{package}`, `{}`, {reason}", path.display())]
    Deb {
        /// Name and version.
        package: String,
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        reason: deb::Error,
    },
    /// It is another package than the index promised.
    #[error("package `{package}`, `{}`, is not what the index has: {reason}", path.display())]
    Other {
        /// Name and version.
        package: String,
        /// Its file.
        path: PathBuf,
        /// The field that differs.
        reason: deb::Difference,
    },
    /// It is for another architecture.
    #[error("package `{package}` is for `{found}`: expected `{expected}` or `all`")]
    Architecture {
        /// Name and version.
        package: String,
        /// What the tree is for.
        expected: String,
        /// What the package is for.
        found: String,
    },
    /// Two packages have the same path, and neither replaces the other.
    #[error("`{entry}` is in package `{first}` and in package `{second}`")]
    Conflict {
        /// The path.
        entry: String,
        /// The one unpacked before.
        first: String,
        /// The other.
        second: String,
    },
    /// The tree can't be written.
    #[error("can't write `{}`", path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A signal came.
    #[error("interrupted")]
    Interrupted,
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::Read { .. } | Self::Write { .. } | Self::Interrupted => Exit::Io,
            Self::Deb { reason, .. } => reason.exit(),
            Self::Other { .. } => Exit::Integrity,
            Self::Architecture { .. } | Self::Conflict { .. } => Exit::Toolchain,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Deb { reason, .. } => reason.hint(),
            Self::Write { source, .. } => refused(source),
            Self::Conflict { first, second, .. } => {
                let name = |package: &str| package.split(' ').next().unwrap_or_default().to_owned();
                Some(format!(
                    "take `{}` or `{}` out of the list of packages",
                    name(first),
                    name(second)
                ))
            }
            _ => None,
        }
    }
}

/// Unpacks packages of an architecture, one over the other in the order given, into the empty
/// directory `into`.
pub fn unpack(
    debs: &[Deb<'_>],
    architecture: &str,
    into: &Path,
    options: Options,
    observer: &dyn Observer,
) -> Result<Unpacked, Error> {
    let total = debs.iter().map(|deb| deb.package.size).sum();
    let meter = observer.begin("unpacking packages", Some(total));
    let mut tree = Tree::new(into, options.kind)?;
    let mut controls: Vec<Control> = Vec::with_capacity(debs.len());
    ahead::each(debs, options, &mut |deb, opened| {
        one(&mut tree, &mut controls, deb, opened, architecture, options)?;
        meter.advance(deb.package.size);
        Ok(())
    })?;
    tree.complete_aliases()
        .map_err(|(path, source)| Error::Write { path, source })?;
    let dangling = match options.kind {
        Kind::Sysroot => sysroot::check(&tree).map_err(|found| Error::Deb {
            package: found
                .package
                .map_or_else(String::new, |at| label(debs[at].package)),
            path: found
                .package
                .map_or_else(PathBuf::new, |at| debs[at].path.to_owned()),
            reason: in_data(tarball::Error::Unsafe {
                entry: found.path,
                reason: found.reason,
            }),
        })?,
        Kind::Rootfs => Vec::new(),
    };
    Ok(Unpacked {
        entries: tree.finish(),
        controls,
        dangling,
    })
}

fn one(
    tree: &mut Tree<'_>,
    controls: &mut Vec<Control>,
    deb: &Deb<'_>,
    opened: deb::Deb<'_>,
    architecture: &str,
    options: Options,
) -> Result<(), Error> {
    let package = label(deb.package);
    let control = opened.control;
    control.check(deb.package).map_err(|reason| Error::Other {
        package: package.clone(),
        path: deb.path.to_owned(),
        reason,
    })?;
    if ![architecture, "all"].contains(&control.architecture.as_str()) {
        return Err(Error::Architecture {
            package,
            expected: architecture.to_owned(),
            found: control.architecture,
        });
    }
    controls.push(control);
    let mut left = options.maximum;
    let walked = tarball::walk(opened.data, |member, content| {
        left = left.checked_sub(member.size).ok_or_else(|| {
            let most = options.maximum;
            member.refuse(format!("exceeds the {most} bytes that may be unpacked"))
        })?;
        tree.add(member, content, controls)
    });
    walked.map_err(|failed| match failed {
        Failed::Tar(tarball::Error::Interrupted) => Error::Interrupted,
        Failed::Tar(source) => Error::Deb {
            package,
            path: deb.path.to_owned(),
            reason: in_data(source),
        },
        Failed::Conflict { entry, with } => Error::Conflict {
            entry,
            first: format!("{} {}", controls[with].package, controls[with].version),
            second: package,
        },
        Failed::Write { path, source } => Error::Write { path, source },
    })
}

/// Why a member could not be added to the tree.
#[derive(Debug)]
enum Failed {
    /// It is damaged or unsafe.
    Tar(tarball::Error),
    /// Another package has it.
    Conflict {
        /// The path.
        entry: String,
        /// That package's place in the list.
        with: usize,
    },
    /// It can't be written.
    Write {
        /// Where.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

impl From<tarball::Error> for Failed {
    fn from(error: tarball::Error) -> Self {
        Self::Tar(error)
    }
}

fn in_data(reason: tarball::Error) -> deb::Error {
    deb::Error::Tar {
        member: "data.tar",
        reason,
    }
}

fn too_many(member: &Member) -> tarball::Error {
    member.refuse(format!("is one of over {MOST_ENTRIES}"))
}

/// Name and version, for errors.
fn label(package: &Package) -> String {
    format!("{} {}", package.name, package.version)
}
