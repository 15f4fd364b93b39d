//! From a source to the store: bytes whose digest is known beforehand are brought here from
//! wherever they can be had, and unpacked.
//!
//! Comes in: a [`Source`] (an address, a wheel of a Python index, a toolchain module of a Go
//! proxy, a package of a Debian archive) and what is [`Wanted`] of it (digest, size). Goes out: a blob that has exactly that
//! digest. Nothing is believed because of where it came from, so plain `http` and mirrors are as
//! good as anything else.

mod debian;
mod error;
mod goproxy;
mod http;
mod pypi;
mod transfer;
pub mod unpack;
mod url;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use crate::digest::Digest;
use crate::progress::Observer;
use crate::store::{self, Blob};

pub use error::Error;
pub use url::Address;

/// Where in a vendor folder files lie, each named by its digest.
pub const VENDOR: &str = "sha256";

/// Where a file can be had. New kinds are new variants; each says in [`Fetcher::fetch`] how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file at an address: `https`, `http` or `file`.
    Url(String),
    /// A file of a project on the Python package index that pip is configured with.
    Pypi {
        /// The project's name.
        project: String,
        /// The file's name.
        file: String,
    },
    /// A module's zip from the Go module proxy that go is configured with.
    Goproxy {
        /// The module's path.
        module: String,
        /// Its version.
        version: String,
    },
    /// A package of a Debian archive.
    Debian {
        /// The package's name.
        name: String,
        /// Its version.
        version: String,
        /// The archives that may have it, in the order in which they are asked.
        archives: Vec<String>,
        /// Its path below an archive's root.
        path: String,
    },
}

/// What is promised of a file.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// What to call it on progress lines.
    pub label: &'a str,
    /// Its digest.
    pub digest: Digest,
    /// Its size; where it is not known, [`Wanted::maximum`] bounds it.
    pub size: Option<u64>,
    /// No more than this is read when the size is not known.
    pub maximum: u64,
}

/// How to go about it.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Refuse everything that is not in the store.
    pub offline: bool,
    /// Beginnings of addresses and what to put in their place. The keys `pypi` and `goproxy` name
    /// the index and the proxy themselves.
    pub mirrors: BTreeMap<String, String>,
    /// Roots of Debian archives that still have what others have dropped; asked last.
    pub snapshot: Vec<String>,
    /// A folder with files as `sha256/<hex>`, taken before anything is asked, and offline, too.
    pub vendor: Option<PathBuf>,
    /// How long to wait and how often to try.
    pub patience: Patience,
}

/// How long to wait and how often to try.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For the next bytes.
    pub stall: Duration,
    /// Tries without progress before giving up.
    pub attempts: u32,
    /// Before the second try; each further pause is twice as long.
    pub pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            stall: Duration::from_secs(30),
            attempts: 4,
            pause: Duration::from_millis(500),
        }
    }
}

/// Brings files into the store. Shared between threads.
pub struct Fetcher<'a> {
    store: &'a store::Lazy,
    observer: &'a dyn Observer,
    options: Options,
    client: OnceLock<reqwest::blocking::Client>,
    indexes: OnceLock<pypi::Indexes>,
    proxies: OnceLock<goproxy::Proxies>,
}

impl<'a> Fetcher<'a> {
    /// A fetcher into that store. Nothing is opened, built or asked before it is needed.
    pub fn new(store: &'a store::Lazy, observer: &'a dyn Observer, options: Options) -> Self {
        Self {
            store,
            observer,
            options,
            client: OnceLock::new(),
            indexes: OnceLock::new(),
            proxies: OnceLock::new(),
        }
    }

    /// The file, from the store if it is there, else from the source.
    pub fn fetch(&self, source: &Source, wanted: &Wanted<'_>) -> Result<Blob, Error> {
        let store = self.store.get()?;
        if let Some(blob) = store.blob(&wanted.digest) {
            return Ok(blob);
        }
        let vendored = self.vendored(&wanted.digest);
        if self.options.offline && vendored.is_none() {
            return Err(Error::Offline {
                what: source.to_string(),
                digest: wanted.digest,
            });
        }
        store.get_or_insert(
            &wanted.digest,
            wanted.label,
            self.observer,
            |_| match &vendored {
                Some(file) => self.bring(file, wanted),
                None => self.ask(source, wanted),
            },
        )
    }

    /// The file in the vendor folder, if it is there.
    fn vendored(&self, digest: &Digest) -> Option<reqwest::Url> {
        let folder = self.options.vendor.as_ref()?;
        let path = std::path::absolute(folder.join(VENDOR).join(digest.hex())).ok()?;
        path.is_file()
            .then(|| reqwest::Url::from_file_path(&path).ok())
            .flatten()
    }

    fn ask(&self, source: &Source, wanted: &Wanted<'_>) -> Result<(), Error> {
        match source {
            Source::Url(address) => self.fetch_url(address, wanted),
            Source::Pypi { project, file } => self.fetch_pypi(project, file, wanted),
            Source::Goproxy { module, version } => self.fetch_goproxy(module, version, wanted),
            Source::Debian {
                name,
                version,
                archives,
                path,
            } => {
                let package = debian::Locked {
                    name,
                    version,
                    archives,
                    path,
                };
                self.fetch_debian(&package, wanted)
            }
        }
    }

    /// Whether the network is forbidden.
    pub fn offline(&self) -> bool {
        self.options.offline
    }

    /// The store that files go to.
    pub fn store(&self) -> &store::Lazy {
        self.store
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Url(address) => write!(f, "{}", Address::new(address)),
            Self::Pypi { file, .. } => write!(f, "`{file}` of the Python package index"),
            Self::Goproxy { module, version } => {
                write!(f, "`{module}@{version}` of the Go module proxy")
            }
            Self::Debian { name, version, .. } => {
                write!(f, "package `{name}` `{version}` of the Debian archive")
            }
        }
    }
}

impl Wanted<'_> {
    /// The most bytes that may come.
    fn limit(&self) -> u64 {
        self.size.unwrap_or(self.maximum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Exit, Fault};
    use crate::progress::Silent;

    fn wanted(bytes: &[u8]) -> Wanted<'static> {
        Wanted {
            label: "file",
            digest: Digest::of(bytes),
            size: Some(bytes.len() as u64),
            maximum: 0,
        }
    }

    #[test]
    fn offline_takes_what_is_in_the_store_and_names_what_is_not() {
        let home = tempfile::tempdir().unwrap();
        let lazy = store::Lazy::new(home.path().to_owned());
        let options = Options {
            offline: true,
            ..Options::default()
        };
        let fetcher = Fetcher::new(&lazy, &Silent, options);
        let source = Source::Url("https://me:secret@example.org/a.tar.gz".to_owned());

        let error = fetcher.fetch(&source, &wanted(b"abc")).unwrap_err();
        assert_eq!(error.exit(), Exit::Locked);
        assert!(
            error.to_string().contains("example.org/a.tar.gz"),
            "{error}"
        );
        assert!(!error.to_string().contains("secret"));

        let store = lazy.get().unwrap();
        store.insert_blob(&mut &b"abc"[..], None).unwrap();
        assert_eq!(fetcher.fetch(&source, &wanted(b"abc")).unwrap().size, 3);
    }

    #[test]
    fn the_vendor_folder_is_a_source_of_everything_even_offline() {
        let home = tempfile::tempdir().unwrap();
        let vendor = home.path().join("vendor");
        let file = vendor.join("sha256").join(Digest::of(b"abc").hex());
        fs_err::create_dir_all(vendor.join("sha256")).unwrap();
        let source = Source::Pypi {
            project: "x".to_owned(),
            file: "x.whl".to_owned(),
        };
        let options = Options {
            offline: true,
            vendor: Some(vendor),
            ..Options::default()
        };
        let lazy = store::Lazy::new(home.path().join("store"));
        let fetcher = Fetcher::new(&lazy, &Silent, options);
        assert!(fetcher.fetch(&source, &wanted(b"abc")).is_err());

        fs_err::write(&file, b"abd").unwrap();
        let error = fetcher.fetch(&source, &wanted(b"abc")).unwrap_err();
        assert_eq!(error.exit(), Exit::Integrity);
        assert!(error.to_string().contains("/vendor/sha256/"), "{error}");

        fs_err::write(&file, b"abc").unwrap();
        assert_eq!(fetcher.fetch(&source, &wanted(b"abc")).unwrap().size, 3);
    }
}
