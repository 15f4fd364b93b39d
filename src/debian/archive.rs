//! Opening archives: from sources to the compiled indexes of their suites.
//!
//! Comes in: [`Source`]s, bytes through a [`Fetch`], and what compiles an index. Goes out: an
//! [`OpenedSuite`] for each source. `InRelease` is verified first, `Packages` is believed because
//! the release names its digest, and both are kept, so that what has not changed is neither fetched
//! nor read again. Layout: <https://wiki.debian.org/DebianRepository/Format>.

mod error;
mod index;

use std::collections::BTreeSet;
use std::io::BufRead;
use std::path::Path;
use std::sync::Mutex;

pub use error::Error;
pub use index::PackagesIndex;

use super::release::{self, Date, Release};
use super::signature::{self, Keyring, Verifier};
use super::sources::{ArchiveAddress, Source};
use super::{Fetch, FetchError};
use crate::fault::Fault;
use crate::parallel;
use crate::progress::Observer;

/// Makes a compiled index of a `Packages` file; the second argument is the suite's name.
pub type Compile<'c> =
    dyn Fn(&mut dyn BufRead, &str) -> Result<Vec<u8>, Box<dyn Fault>> + Sync + 'c;

/// How to go about it.
pub struct Options<'o> {
    /// The Debian architecture whose packages are wanted.
    pub architecture: &'o str,
    /// Where the sources and keyrings are from: `/`, or the merged root of a base.
    pub root: &'o Path,
    /// Who judges signatures.
    pub verifier: Verifier,
    /// The present.
    pub now: Date,
    /// Suites to leave out, as `[mirrors] without-suites` names them.
    pub without_suites: &'o [String],
    /// What compiles an index.
    pub compile: &'o Compile<'o>,
    /// The version of its format; another one is compiled again.
    pub format: u32,
    /// Told what is out of the ordinary.
    pub observer: &'o dyn Observer,
}

/// A suite of an archive, verified and read.
#[derive(Debug)]
pub struct OpenedSuite {
    /// Its name, as it was asked for.
    pub name: String,
    /// The archive's root.
    pub archive: ArchiveAddress,
    /// apt's priority of its packages.
    pub priority: i32,
    /// Who publishes it.
    pub origin: String,
    /// When it was made.
    pub date: Option<Date>,
    /// Its compiled indexes.
    pub packages: Vec<PackagesIndex>,
}

/// Opens every source, several at a time.
pub fn open(
    sources: &[Source],
    fetch: &dyn Fetch,
    options: &Options<'_>,
) -> Result<Vec<OpenedSuite>, Error> {
    let wanted: Vec<&Source> = sources
        .iter()
        .filter(|source| !options.without_suites.contains(&source.suite))
        .filter(|source| serves(source, options.architecture))
        .collect();
    for left_out in options
        .without_suites
        .iter()
        .filter(|name| sources.iter().any(|source| source.suite == **name))
    {
        options.observer.note(&format!(
            "suite `{left_out}` is left out, as `without-suites` says"
        ));
    }
    if wanted.is_empty() {
        return Err(Error::Nothing {
            architecture: options.architecture.to_owned(),
            suites: sources.iter().map(|source| source.suite.clone()).collect(),
        });
    }
    let results = parallel::all(&wanted, wanted.len(), |source| {
        open_suite(source, fetch, options)
    });
    without_companions(results, &wanted, options)
}

/// Passes over suites that are not made for the architecture, as long as another one is: a
/// release's security suite may have fewer of them. Of other errors the first counts, in the order
/// of the sources.
fn without_companions(
    results: Vec<Result<OpenedSuite, Error>>,
    sources: &[&Source],
    options: &Options<'_>,
) -> Result<Vec<OpenedSuite>, Error> {
    let any = results.iter().any(Result::is_ok);
    let mut opened = Vec::new();
    for result in results {
        match result {
            Err(error @ Error::NoArchitecture { .. }) if any => {
                options.observer.note(&format!("{error}: done without it"));
            }
            Err(Error::NoSuite { address, suite, .. }) => {
                let belongs_to = |source: &&Source| {
                    let rest = suite.strip_prefix(source.suite.as_str());
                    rest.is_some_and(|rest| rest.starts_with(['-', '/']))
                };
                return Err(Error::NoSuite {
                    companion: sources.iter().any(belongs_to),
                    address,
                    suite,
                });
            }
            result => opened.push(result?),
        }
    }
    Ok(opened)
}

fn serves(source: &Source, architecture: &str) -> bool {
    source.architectures.is_empty() || source.architectures.iter().any(|name| name == architecture)
}

/// The release as it was read, to tell whether a second look found another.
struct Read {
    release: Release,
    bytes: Vec<u8>,
}

fn open_suite(
    source: &Source,
    fetch: &dyn Fetch,
    options: &Options<'_>,
) -> Result<OpenedSuite, Error> {
    let keyring = keyring(source, options)?;
    let first = read_release(source, keyring.as_ref(), fetch, options)?;
    match index::read_all(source, &first.release, fetch, options) {
        Ok(packages) => Ok(opened(source, first.release, packages)),
        // The archive may have been updated between the two: then its release is another now.
        Err(error @ Error::Changed { .. }) => {
            let second = read_release(source, keyring.as_ref(), fetch, options)?;
            if second.bytes == first.bytes {
                return Err(error);
            }
            let packages = index::read_all(source, &second.release, fetch, options)?;
            Ok(opened(source, second.release, packages))
        }
        Err(error) => Err(error),
    }
}

fn opened(source: &Source, release: Release, packages: Vec<PackagesIndex>) -> OpenedSuite {
    OpenedSuite {
        name: source.suite.clone(),
        archive: source.archive.clone(),
        priority: release.priority(),
        origin: release.origin,
        date: release.date,
        packages,
    }
}

/// The keys that count for a source; `None` where the user trusts it without any.
fn keyring(source: &Source, options: &Options<'_>) -> Result<Option<Keyring>, Error> {
    if source.trusted {
        if !source.chosen {
            return Err(Error::NotChosen {
                archive: source.archive.clone(),
                suite: source.suite.clone(),
                origin: source.origin.clone(),
            });
        }
        note_once(
            options.observer,
            &format!("{} is trusted without a signature", source.archive),
        );
        return Ok(None);
    }
    Keyring::of(source, options.root)
        .map(Some)
        .map_err(|error| not_believed(source, error))
}

fn read_release(
    source: &Source,
    keyring: Option<&Keyring>,
    fetch: &dyn Fetch,
    options: &Options<'_>,
) -> Result<Read, Error> {
    let document = |name: &str| {
        let path = format!("{}{name}", directory(source, options.architecture));
        fetch.document(source.archive.whole(), &path, signature::LARGEST)
    };
    let (text, bytes) = match document("InRelease") {
        Ok(file) => (inline(source, keyring, &file, fetch, options)?, file),
        Err(FetchError::Missing { address }) => {
            // Archives of old tools have the two parts beside each other.
            let missing = |_: FetchError| Error::NoSuite {
                address: address.clone(),
                suite: source.suite.clone(),
                companion: false,
            };
            let file = document("Release").map_err(|error| match error {
                error @ FetchError::Missing { .. } => missing(error),
                FetchError::Other(error) => Error::Fetch(error),
            })?;
            (
                beside(source, keyring, &file, &document, fetch, options)?,
                file,
            )
        }
        Err(FetchError::Other(error)) => return Err(Error::Fetch(error)),
    };
    let release = Release::read(
        &text,
        &release::Expected {
            archive: &source.archive,
            suite: &source.suite,
            now: options.now,
            check_valid_until: source.check_valid_until,
        },
    )?;
    Ok(Read { release, bytes })
}

fn inline(
    source: &Source,
    keyring: Option<&Keyring>,
    file: &[u8],
    fetch: &dyn Fetch,
    options: &Options<'_>,
) -> Result<Vec<u8>, Error> {
    let Some(keyring) = keyring else {
        return signature::unverified(file).map_err(|error| not_believed(source, error));
    };
    kept(&[file], keyring, fetch, options, || {
        signature::verify(file, keyring, options.verifier, options.now)
    })
    .map_err(|error| not_believed(source, error))
}

fn beside(
    source: &Source,
    keyring: Option<&Keyring>,
    file: &[u8],
    document: &dyn Fn(&str) -> Result<Vec<u8>, FetchError>,
    fetch: &dyn Fetch,
    options: &Options<'_>,
) -> Result<Vec<u8>, Error> {
    let Some(keyring) = keyring else {
        return Ok(file.to_vec());
    };
    let signature = match document("Release.gpg") {
        Ok(signature) => signature,
        Err(FetchError::Missing { .. }) => {
            return Err(not_believed(source, signature::Error::Unsigned));
        }
        Err(FetchError::Other(error)) => return Err(Error::Fetch(error)),
    };
    kept(&[file, &signature], keyring, fetch, options, || {
        signature::verify_detached(file, &signature, keyring, options.verifier, options.now)
    })
    .map_err(|error| not_believed(source, error))
}

/// The verified text, from an earlier time if the same bytes were verified by the same keys.
fn kept(
    parts: &[&[u8]],
    keyring: &Keyring,
    fetch: &dyn Fetch,
    options: &Options<'_>,
    verify: impl FnOnce() -> Result<signature::Verified, signature::Error>,
) -> Result<Vec<u8>, signature::Error> {
    let key = signature::key(parts, keyring, options.verifier);
    if let Some(text) = fetch.kept(&key) {
        return Ok(text);
    }
    let text = verify()?.text;
    fetch.keep(&key, &text);
    Ok(text)
}

fn not_believed(source: &Source, error: signature::Error) -> Error {
    Error::Signature {
        archive: source.archive.clone(),
        suite: source.suite.clone(),
        source: error,
    }
}

/// Where a suite's files lie, below the archive's root.
fn directory(source: &Source, architecture: &str) -> String {
    // apt's variable, for archives that are split by architecture.
    let suite = source.suite.replace("$(ARCH)", architecture);
    match suite.strip_suffix('/') {
        None => format!("dists/{suite}/"),
        Some(path) => {
            let mut directory = String::new();
            for part in path.split('/').filter(|part| !matches!(*part, "" | ".")) {
                directory.push_str(part);
                directory.push('/');
            }
            directory
        }
    }
}

fn note_once(observer: &dyn Observer, line: &str) {
    static NOTED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut noted = NOTED
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    if noted.insert(line.to_owned()) {
        observer.warn(line);
    }
}
