//! `polyarch.lock`: which exact files a project was built with.
//!
//! Universal over hosts and platforms, so the same file serves every machine; identity only (name,
//! version, file, size, sha256), never an address, so it holds behind any mirror. One table an
//! entry, sorted, its keys always in the same order on lines of their own: a change of one entry is
//! a small diff.
//!
//! Written by `polyarch lock`; a build writes it only where it exists already and must change.

mod closure;
mod table;

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::atomic;
use crate::digest::Digest;
use crate::fault::{Exit, Fault, refused};

pub use closure::{Closure, Package, PackageId};

/// The file's name, beside the project's configuration.
pub const FILE: &str = "polyarch.lock";

/// The format that this program reads and writes.
const VERSION: u64 = 1;

const HEADER: &str =
    "# Written by `polyarch lock`; commit it. It says what is used, not where it comes from.\n";

/// The entries of a lock file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lock {
    toolchains: Vec<Toolchain>,
    closures: Vec<Closure>,
    packages: Vec<Package>,
}

/// One file of a toolchain, or the note that the machine's own is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toolchain {
    /// The toolchain's name.
    pub name: String,
    /// Its exact version.
    pub version: String,
    /// What is used.
    pub pin: Pin,
}

/// What is used of a toolchain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pin {
    /// The one on the machine, of exactly this version.
    System,
    /// A file.
    File {
        /// The machines it runs on, such as `linux/amd64`, or `any`.
        host: String,
        /// The kind of source, such as `pypi`.
        source: String,
        /// The file's name.
        file: String,
        /// Its size in bytes, where it is known.
        size: Option<u64>,
        /// Its digest.
        sha256: Digest,
    },
}

/// Why a lock file can't be used.
#[derive(Debug, Error)]
pub enum Error {
    /// It can't be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is not what it should be.
    #[error("`{}` is malformed: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What and where.
        reason: String,
    },
    /// Written by a program of tomorrow.
    #[error(
        "`{}` has version {found}, this polyarch knows versions up to {VERSION}",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version found.
        found: u64,
    },
    /// What should be upgraded is not there.
    #[error("the lock has no entry `{name}`{}", describe_known(known))]
    Unknown {
        /// The name asked for.
        name: String,
        /// The names it has.
        known: Vec<String>,
    },
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::Io(_) => Exit::Io,
            Self::Malformed { .. } | Self::Newer { .. } | Self::Unknown { .. } => Exit::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Malformed { path, .. } => Some(format!(
                "restore it from version control, or remove `{}` and run `polyarch lock`",
                path.display()
            )),
            Self::Newer { .. } => Some("upgrade polyarch".to_owned()),
            Self::Unknown { .. } => Some("`polyarch lock`".to_owned()),
            Self::Io(error) => refused(error),
        }
    }
}

impl Lock {
    /// Reads a lock file; `None` if there is none.
    pub fn load(path: &Path) -> Result<Option<Self>, Error> {
        let text = match fs_err::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        Self::parse(&text, path).map(Some)
    }

    /// Reads the text of a lock file; `path` is for messages.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        let malformed = |reason: String| Error::Malformed {
            path: path.to_owned(),
            reason,
        };
        // The version first: what a newer program wrote would only seem malformed.
        let found = table::version(text).map_err(malformed)?;
        if found > VERSION {
            return Err(Error::Newer {
                path: path.to_owned(),
                found,
            });
        }
        let mut lock = table::lock(text).map_err(malformed)?;
        lock.sort();
        Ok(lock)
    }

    /// Writes the file whole or not at all; one that would not change is left alone. Answers
    /// whether it was written.
    pub fn save(&self, path: &Path) -> Result<bool, Error> {
        let text = self.to_string();
        if fs_err::read_to_string(path).is_ok_and(|present| present == text) {
            return Ok(false);
        }
        atomic::write_durably::<_, io::Error>(path, |out| out.write_all(text.as_bytes()))?;
        Ok(true)
    }

    /// All entries, sorted.
    pub fn toolchains(&self) -> &[Toolchain] {
        &self.toolchains
    }

    /// The entries of one toolchain.
    pub fn toolchain(&self, name: &str) -> impl Iterator<Item = &Toolchain> {
        self.toolchains
            .iter()
            .filter(move |entry| entry.name == name)
    }

    /// Puts these in the place of what there is for that name. Answers whether that changed
    /// anything.
    pub fn set(&mut self, name: &str, entries: Vec<Toolchain>) -> bool {
        let before = self.clone();
        self.toolchains.retain(|entry| entry.name != name);
        self.toolchains.extend(entries);
        self.sort();
        self.toolchains.dedup();
        *self != before
    }

    /// Forgets the named entries, or with no names all, so that they are chosen anew; the others
    /// stay as they are.
    pub fn upgrade(&mut self, names: &[String]) -> Result<(), Error> {
        for name in names {
            let package = self.upgrade_package(name);
            if !package && self.toolchain(name).next().is_none() {
                let mut known: Vec<String> = self
                    .toolchains
                    .iter()
                    .map(|entry| entry.name.clone())
                    .chain(self.packages.iter().map(|package| package.id.name.clone()))
                    .collect();
                known.sort();
                known.dedup();
                return Err(Error::Unknown {
                    name: name.clone(),
                    known,
                });
            }
        }
        if names.is_empty() {
            self.packages.clear();
        }
        self.toolchains
            .retain(|entry| !names.is_empty() && !names.contains(&entry.name));
        Ok(())
    }
}

impl Lock {
    /// By name, host and source before version: an upgrade does not move entries.
    fn sort(&mut self) {
        self.toolchains.sort_by(|a, b| a.place().cmp(&b.place()));
        self.closures.sort();
        self.packages.sort();
    }
}

impl std::fmt::Display for Lock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = format!("{HEADER}version = {VERSION}\n");
        for entry in &self.toolchains {
            entry.write(&mut text)?;
        }
        for closure in &self.closures {
            closure.write(&mut text)?;
        }
        for package in &self.packages {
            package.write(&mut text)?;
        }
        f.write_str(&text)
    }
}

impl Toolchain {
    fn place(&self) -> (&str, &str, &str, &str, &str) {
        let (host, source, file) = match &self.pin {
            Pin::System => ("", "", ""),
            Pin::File {
                host, source, file, ..
            } => (host.as_str(), source.as_str(), file.as_str()),
        };
        (&self.name, host, source, file, &self.version)
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "\n[[toolchain]]")?;
        writeln!(text, "name = {}", quoted(&self.name))?;
        writeln!(text, "version = {}", quoted(&self.version))?;
        match &self.pin {
            Pin::System => writeln!(text, "source = \"system\""),
            Pin::File {
                host,
                source,
                file,
                size,
                sha256,
            } => {
                writeln!(text, "source = {}", quoted(source))?;
                writeln!(text, "host = {}", quoted(host))?;
                writeln!(text, "file = {}", quoted(file))?;
                if let Some(size) = size {
                    writeln!(text, "size = {size}")?;
                }
                writeln!(text, "sha256 = \"{}\"", sha256.hex())
            }
        }
    }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn describe_known(known: &[String]) -> String {
    if known.is_empty() {
        return "; it is empty".to_owned();
    }
    format!("; it has `{}`", known.join("`, `"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(name: &str, version: &str, host: &str) -> Toolchain {
        Toolchain {
            name: name.to_owned(),
            version: version.to_owned(),
            pin: Pin::File {
                host: host.to_owned(),
                source: "pypi".to_owned(),
                file: format!("{name}-{version}.whl"),
                size: Some(3),
                sha256: Digest::of(version.as_bytes()),
            },
        }
    }

    fn system(name: &str, version: &str) -> Toolchain {
        Toolchain {
            name: name.to_owned(),
            version: version.to_owned(),
            pin: Pin::System,
        }
    }

    fn parse(text: &str) -> Result<Lock, Error> {
        Lock::parse(text, Path::new("polyarch.lock"))
    }

    #[test]
    fn the_text_is_stable_and_sorted() {
        let mut lock = Lock::default();
        lock.set("tzdata", vec![file("tzdata", "1", "any")]);
        lock.set("go", vec![system("go", "1.26.8")]);
        let expected = format!(
            "{HEADER}version = 1\n\n[[toolchain]]\nname = \"go\"\nversion = \"1.26.8\"\n\
             source = \"system\"\n\n[[toolchain]]\nname = \"tzdata\"\nversion = \"1\"\n\
             source = \"pypi\"\nhost = \"any\"\nfile = \"tzdata-1.whl\"\nsize = 3\n\
             sha256 = \"{}\"\n",
            Digest::of(b"1").hex()
        );
        assert_eq!(lock.to_string(), expected);
        assert_eq!(parse(&expected).unwrap(), lock);
    }

    #[test]
    fn an_upgrade_touches_only_what_was_asked() {
        let mut lock = Lock::default();
        lock.set(
            "go",
            vec![
                file("go", "1", "linux/amd64"),
                file("go", "1", "linux/arm64"),
            ],
        );
        lock.set("tzdata", vec![file("tzdata", "1", "any")]);
        let before = lock.to_string();

        lock.upgrade(&["go".to_owned()]).unwrap();
        assert_eq!(lock.toolchain("go").count(), 0);
        assert_eq!(lock.toolchain("tzdata").count(), 1);
        assert!(lock.set(
            "go",
            vec![
                file("go", "2", "linux/amd64"),
                file("go", "1", "linux/arm64")
            ]
        ));
        let after = lock.to_string();
        let changed = before.lines().zip(after.lines()).filter(|(a, b)| a != b);
        assert_eq!(
            changed.count(),
            3,
            "version, file and sha256 of one entry:\n{after}"
        );

        assert!(!lock.set("tzdata", vec![file("tzdata", "1", "any")]));
        lock.upgrade(&[]).unwrap();
        assert_eq!(lock, Lock::default());
        let error = lock.upgrade(&["go".to_owned()]).unwrap_err();
        assert!(matches!(error, Error::Unknown { .. }));
    }

    #[test]
    fn a_file_is_written_whole_and_only_when_it_changes() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(FILE);
        assert_eq!(Lock::load(&path).unwrap(), None);
        let mut lock = Lock::default();
        lock.set("go", vec![system("go", "1.26.8")]);
        assert!(lock.save(&path).unwrap());
        assert!(!lock.save(&path).unwrap());
        assert_eq!(Lock::load(&path).unwrap(), Some(lock.clone()));
        // What a run that was killed left goes with the next one.
        fs_err::write(home.path().join(".polyarch-dead"), "half").unwrap();
        lock.set("go", Vec::new());
        assert!(lock.save(&path).unwrap());
        assert_eq!(fs_err::read_dir(home.path()).unwrap().count(), 1);
    }

    #[test]
    fn malformed_locks_are_refused_with_the_reason() {
        for (text, reason) in [
            ("", "missing field `version`"),
            ("version = 1\nverison = 1", "unknown field `verison`"),
            ("version = 1\n[[toolchain]]\nname = \"go\"", "missing field"),
            (
                "version = 1\n[[toolchain]]\nname = \"go\"\nversion = \"1\"\nsource = \"url\"",
                "lacks one of",
            ),
            (
                "version = 1\n[[toolchain]]\nname = \"go\"\nversion = \"1\"\nsource = \"url\"\n\
                 host = \"any\"\nfile = \"a\"\nsha256 = \"12\"",
                "is not a sha256",
            ),
            (
                "version = 1\n[[toolchain]]\nname = \"go\"\nversion = \"1\"\nsource = \"url\"\n\
                 host = \"any\"\nfile = \"../a\"\nsha256 = \
                 \"675c26c449cbb18fc24b74650de1eabbae6e16f64326fd85a283fb3b58280685\"",
                "not the name of a file",
            ),
            (
                "version = 1\n[[toolchain]]\nname = \"go\"\nversion = \"1\"\nsource = \"system\"\n\
                 host = \"any\"",
                "besides",
            ),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
        let conflict = parse("version = 1\n\n<<<<<<< HEAD\n").unwrap_err();
        let text = conflict.to_string();
        assert!(
            text.starts_with("`polyarch.lock` is malformed: line 3, column "),
            "{text}"
        );
        assert_eq!(text.lines().count(), 1);
        let error = parse("version = 2\n[[anything]]").unwrap_err();
        assert!(matches!(error, Error::Newer { found: 2, .. }));
        assert_eq!(error.hint().as_deref(), Some("upgrade polyarch"));
    }

    fn entry() -> impl Strategy<Value = Toolchain> {
        (
            "[a-z]{1,4}",
            "[0-9.]{1,4}",
            any::<bool>(),
            "[^/\u{0}]{1,6}",
            any::<Option<u32>>(),
        )
            .prop_map(|(name, version, is_system, odd, size)| {
                let pin = if is_system {
                    Pin::System
                } else {
                    Pin::File {
                        host: odd.clone(),
                        source: "url".to_owned(),
                        sha256: Digest::of(odd.as_bytes()),
                        file: odd,
                        size: size.map(u64::from),
                    }
                };
                Toolchain { name, version, pin }
            })
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_back(entries in proptest::collection::vec(entry(), 0..6)) {
            let mut lock = Lock::default();
            for entry in entries {
                let mut same: Vec<_> = lock.toolchain(&entry.name).cloned().collect();
                same.push(entry.clone());
                lock.set(&entry.name, same);
            }
            prop_assert_eq!(parse(&lock.to_string()).unwrap(), lock);
        }
    }
}
