//! The content-addressed directory: what was fetched, unpacked or made once is found again by the
//! digest that names it.
//!
//! ```text
//! $POLYARCH_HOME/
//!   CACHEDIR.TAG            tells backup programs that all of this can be made again
//!   v1/
//!     format                the version of what lies here, one number
//!     blobs/sha256/<hex>    files named by their own digest, 0444
//!     trees/<recipe>/       directories named by what they were made from; files 0444/0555
//!     records/<kind>/<hex>  small files with a checksum of their own; `tree` holds the manifests
//!     caches/<toolchain>/   what compilers build for themselves; theirs alone
//!     bin/<name>-<hex>      programs that scripts name as their interpreter, 0555
//!     targets/<hex>         what such scripts give them to read
//!     locks/<kind>-<hex>    locked while something is made or used; its mtime is the last use
//!     locks/blobs           locked while blobs are used that are too many to be locked one by one
//!     tmp/<pid>-<random>/   what a process has not finished, held by a lock on the directory
//! ```
//!
//! Everything is written under `tmp` and renamed into place whole, so a process that is killed at
//! any point leaves nothing half-made but its `tmp` directory, which the next process to open the
//! store removes. Locks are `flock(2)`: they end with the process. On NFS they work where the
//! server has them (Linux does since 2.6.12).
//!
//! The store knows neither addresses nor toolchains: callers bring a digest and a closure.
//!
//! Format changes: another number in `format` for what old programs can still share a directory
//! with but not write; another `vN` folder for anything else.

mod blob;
mod cache;
mod check;
mod guard;
mod lock;
mod program;
mod prune;
mod record;
mod tree;
mod workspace;

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use thiserror::Error;

use crate::digest;
use crate::fault::{Exit, Fault};
use crate::limits;

pub use blob::{Blob, BlobWriter};
pub use cache::{Cache, Damage, Part};
pub use check::{Checked, Wrong};
pub use prune::{Amount, Item, Prune, Pruned, Usage};
pub use tree::Tree;

use workspace::Workspace;

/// The number in `v1/format` that this program reads and writes.
const FORMAT: u32 = 1;

/// Where it stands.
const FORMAT_FILE: &str = "format";

/// Of a file that says something else, no more than this is read and shown.
const SHOWN: u64 = 40;

/// The signature of the Cache Directory Tagging Specification, which backup programs look for.
const CACHEDIR_TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n\
     # This directory is polyarch's store. Everything in it can be fetched or made again.\n";

/// An open store. Shared between threads; several processes may have the same one open.
#[derive(Debug)]
pub struct Store {
    base: PathBuf,
    workspace: Workspace,
    used: cache::Used,
    blobs: lock::Together,
}

/// A store that is opened when it is first needed, so that what needs none works in a home that
/// can't be written.
#[derive(Debug)]
pub struct Lazy {
    root: PathBuf,
    store: OnceLock<Store>,
}

/// What can go wrong in the store.
#[derive(Debug, Error)]
pub enum Error {
    /// Made by another program, of tomorrow most likely.
    #[error("`{}` says format `{found}`: this polyarch knows format `{FORMAT}`", file.display())]
    Format {
        /// The file that says so.
        file: PathBuf,
        /// What it says.
        found: String,
    },
    /// The directory can't be made, read or written.
    #[error("can't use the store")]
    Permission {
        /// The system's reason, with the path.
        source: io::Error,
    },
    /// The disk is full.
    #[error("no space left for `{}`{}", path.display(), describe_needed(*needed))]
    Full {
        /// What was being written.
        path: PathBuf,
        /// Its size in bytes, where it is known beforehand.
        needed: Option<u64>,
        /// The system's reason.
        source: io::Error,
    },
    /// Anything else the system refuses.
    #[error(transparent)]
    Io(io::Error),
    /// The bytes are not what was promised.
    #[error("refusing to store `{what}`")]
    Mismatch {
        /// What was being stored.
        what: String,
        /// The difference.
        source: digest::Mismatch,
    },
    /// A name or kind of file that a tree can't hold.
    #[error("can't store `{}`: {reason}", path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: &'static str,
    },
    /// What was unpacked is not what lies there now.
    #[error("the store was changed: `{}` {reason}", path.display())]
    Altered {
        /// The file.
        path: PathBuf,
        /// How it differs.
        reason: String,
    },
    /// A producer said it was done but the blob is not there.
    #[error("{0} was not stored by the step that should have stored it")]
    Absent(digest::Digest),
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::Format { .. } | Self::Permission { .. } | Self::Full { .. } | Self::Io(_) => {
                Exit::Io
            }
            Self::Mismatch { .. } | Self::Unfit { .. } | Self::Altered { .. } => Exit::Integrity,
            Self::Absent(_) => Exit::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Format { .. } => {
                Some("upgrade polyarch, or set `POLYARCH_HOME` to another directory".to_owned())
            }
            Self::Permission { .. } => {
                Some("set `POLYARCH_HOME` to a directory that can be written".to_owned())
            }
            Self::Full { .. } => Some("`polyarch toolchain prune`".to_owned()),
            Self::Altered { .. } => Some(
                "`polyarch toolchain check --repair` removes it; the next use has it again"
                    .to_owned(),
            ),
            Self::Io(error) => limits::way_out(error),
            Self::Mismatch { .. } | Self::Unfit { .. } | Self::Absent(_) => None,
        }
    }
}

impl Error {
    /// Sorts a system error that came up while writing `path`.
    pub(crate) fn writing(path: &Path, needed: Option<u64>, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full {
                path: path.to_owned(),
                needed,
                source,
            },
            _ if Self::is_refusal(&source) => Self::Permission { source },
            _ => Self::Io(source),
        }
    }

    /// Sorts a system error that came up while opening the store: without `path` there is none.
    fn opening(path: &Path, source: io::Error) -> Self {
        match Self::writing(path, None, source) {
            Self::Io(source) => Self::Permission { source },
            error => error,
        }
    }

    /// Whether the system refused to let us write.
    fn is_refusal(error: &io::Error) -> bool {
        matches!(
            error.kind(),
            io::ErrorKind::PermissionDenied
                | io::ErrorKind::ReadOnlyFilesystem
                | io::ErrorKind::NotADirectory
        )
    }
}

fn describe_needed(bytes: Option<u64>) -> String {
    bytes.map_or_else(String::new, |bytes| format!(", which needs {bytes} bytes"))
}

impl Store {
    /// Opens the store under `root`, making it where there is none, and removes what ended
    /// processes left unfinished.
    pub fn open(root: &Path) -> Result<Self, Error> {
        let base = root.join("v1");
        // A program that does not know a store leaves it as it is.
        let known = format(&base)?;
        let folders = ["blobs/sha256", "trees", "caches", "records", "tmp", "locks"];
        for folder in folders.into_iter().chain(program::FOLDERS) {
            let path = base.join(folder);
            fs_err::create_dir_all(&path).map_err(|error| Error::opening(&path, error))?;
        }
        let store = Self {
            workspace: Workspace::new(base.join("tmp")),
            used: cache::Used::default(),
            blobs: lock::Together::new(base.join("locks/blobs")),
            base,
        };
        if !known {
            store.replace(&root.join("CACHEDIR.TAG"), CACHEDIR_TAG.as_bytes())?;
            store.replace(
                &store.base.join(FORMAT_FILE),
                format!("{FORMAT}\n").as_bytes(),
            )?;
        }
        workspace::sweep(&store.base.join("tmp"))?;
        Ok(store)
    }

    /// A new directory of this process under `tmp`, removed when dropped. On the same filesystem
    /// as everything else in the store.
    pub fn scratch(&self) -> Result<Scratch, Error> {
        self.workspace.directory().map(Scratch)
    }

    /// Removes what this process has under `tmp`, for one that another program is about to replace:
    /// nothing of it is dropped then.
    pub fn leave(&self) {
        self.workspace.clear();
    }

    /// The directory that holds everything, `<root>/v1`.
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// Writes a small file so that it is there whole or not at all.
    fn replace(&self, path: &Path, bytes: &[u8]) -> Result<(), Error> {
        let failed = |error| Error::writing(path, Some(bytes.len() as u64), error);
        let temporary = self.workspace.file()?;
        let result =
            fs_err::write(&temporary, bytes).and_then(|()| fs_err::rename(&temporary, path));
        if result.is_err() {
            // What is left is cleared with the rest of this process' directory.
            let _ = fs_err::remove_file(&temporary);
        }
        result.map_err(failed)
    }
}

/// Whether the store says that it has the format of this program; one that says another is refused.
/// An empty file, or one of zeros, is what a power cut leaves.
fn format(base: &Path) -> Result<bool, Error> {
    let file = base.join(FORMAT_FILE);
    let mut bytes = Vec::new();
    match fs_err::File::open(&file) {
        Ok(open) => open.take(SHOWN).read_to_end(&mut bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => Err(error),
    }
    .map_err(|error| Error::opening(&file, error))?;
    let text = String::from_utf8_lossy(&bytes);
    let found = text.trim_matches(|c: char| c == '\0' || c.is_ascii_whitespace());
    if !found.is_empty() && found != FORMAT.to_string() {
        return Err(Error::Format {
            file,
            found: found.to_owned(),
        });
    }
    Ok(!found.is_empty())
}

/// A directory for work in progress; see [`Store::scratch`].
#[derive(Debug)]
pub struct Scratch(workspace::Directory);

impl Scratch {
    /// Where it lies.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Lazy {
    /// The store under `root`, not opened yet.
    pub fn new(root: PathBuf) -> Self {
        Self {
            root,
            store: OnceLock::new(),
        }
    }

    /// The open store.
    pub fn get(&self) -> Result<&Store, Error> {
        if let Some(store) = self.store.get() {
            return Ok(store);
        }
        let store = Store::open(&self.root)?;
        Ok(self.store.get_or_init(|| store))
    }

    /// The store, where something has needed it.
    pub fn opened(&self) -> Option<&Store> {
        self.store.get()
    }

    /// Where the store is or will be.
    pub fn root(&self) -> &Path {
        &self.root
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_of_another_program_is_refused_with_the_reason_and_left_as_it_is() {
        let home = tempfile::tempdir().unwrap();
        fs_err::create_dir(home.path().join("v1")).unwrap();
        let file = home.path().join("v1/format");
        let long = "9".repeat(3000);
        for text in ["7\n", "2.1", "99999999999999999999", "0", "x\u{ff}", &long] {
            fs_err::write(&file, text).unwrap();
            let error = Store::open(home.path()).unwrap_err();
            let Error::Format { found, .. } = &error else {
                panic!("{text}: {error}");
            };
            assert!(
                text.starts_with(found.as_str()) && found.len() <= 40,
                "{found}"
            );
            assert!(error.to_string().contains("v1/format` says"), "{error}");
            assert!(error.hint().unwrap().contains("POLYARCH_HOME"));
            assert_eq!(fs_err::read_to_string(&file).unwrap(), text);
            assert_eq!(fs_err::read_dir(home.path().join("v1")).unwrap().count(), 1);
        }
    }

    #[test]
    fn a_torn_format_file_is_written_again() {
        let home = tempfile::tempdir().unwrap();
        for torn in ["", "\0\0", "\n"] {
            drop(Store::open(home.path()).unwrap());
            fs_err::write(home.path().join("v1/format"), torn).unwrap();
            drop(Store::open(home.path()).unwrap());
            let text = fs_err::read_to_string(home.path().join("v1/format")).unwrap();
            assert_eq!(text, "1\n");
        }
    }

    #[test]
    fn what_can_be_no_store_is_named_with_the_way_out() {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join("store");
        let link = |target: &str| fs_err::os::unix::fs::symlink(target, &root).unwrap();
        let refused = |shown: &str| {
            let error = Store::open(&root).unwrap_err();
            let reason = std::error::Error::source(&error).unwrap().to_string();
            assert!(reason.contains("/store"), "{shown}: {reason}");
            assert!(error.hint().unwrap().contains("POLYARCH_HOME"), "{shown}");
            assert_eq!(error.exit(), Exit::Io, "{shown}");
        };
        fs_err::write(&root, "").unwrap();
        refused("a file");
        fs_err::remove_file(&root).unwrap();
        link("nowhere");
        refused("a link that leads nowhere");
        fs_err::remove_file(&root).unwrap();
        link("store");
        refused("a link to itself");
        fs_err::remove_file(&root).unwrap();
        fs_err::create_dir_all(root.join("v1/format")).unwrap();
        refused("a folder as format");
        fs_err::remove_dir(root.join("v1/format")).unwrap();
        fs_err::write(root.join("v1/trees"), "").unwrap();
        refused("a file as trees");
    }

    #[test]
    fn a_full_disk_is_told_with_the_file_the_size_and_the_way_out() {
        let error = Error::writing(
            Path::new("/s/v1/tmp/x"),
            Some(12),
            io::Error::from(io::ErrorKind::StorageFull),
        );
        assert_eq!(
            error.to_string(),
            "no space left for `/s/v1/tmp/x`, which needs 12 bytes"
        );
        assert_eq!(error.hint().as_deref(), Some("`polyarch toolchain prune`"));
        assert_eq!(error.exit(), Exit::Io);
    }

    #[test]
    fn a_lazy_store_touches_nothing_until_it_is_needed() {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join("deep/store");
        let lazy = Lazy::new(root.clone());
        assert!(!root.exists());
        assert!(lazy.get().is_ok());
        assert!(root.join("v1/blobs/sha256").is_dir());
    }
}
