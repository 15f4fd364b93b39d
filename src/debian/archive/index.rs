//! `Packages` files: the smallest form that the release names, by digest and then by path,
//! decompressed while it is read, checked before and after.

use std::io::{self, BufRead, BufReader, Read};

use super::{Error, Options, directory};
use crate::debian::release::{Listed, Release};
use crate::debian::sources::{ByHash, Source};
use crate::debian::{Fetch, FetchError};
use crate::digest::{BLOCK, Digest, HashReader, Recipe};
use crate::fault::{Exit, Fault, Foreign};
use crate::interrupt;
use crate::parallel;

/// A decompressed index is no larger than this where its release does not tell the size. Debian's
/// main has 55 MB.
const LARGEST: u64 = 1024 * 1024 * 1024;

/// What the decoder of xz may take: `xz -9` needs 65 MiB.
const MEMORY: u64 = 256 * 1024 * 1024;

/// The compiled index of one component.
#[derive(Debug)]
pub struct PackagesIndex {
    /// The component; empty in a flat archive.
    pub component: String,
    /// The architecture that the index is of; `all` where the archive keeps those apart.
    pub architecture: String,
    /// The digest of the file that it was made from.
    pub digest: Digest,
    /// What the compiler made.
    pub index: Vec<u8>,
}

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Xz,
    Zstd,
    Gzip,
    Plain,
}

/// The forms that are read, the smallest first.
const FORMS: [(Form, &str); 4] = [
    (Form::Xz, ".xz"),
    (Form::Zstd, ".zst"),
    (Form::Gzip, ".gz"),
    (Form::Plain, ""),
];

/// One index to be read.
struct Wanted<'w> {
    source: &'w Source,
    release: &'w Release,
    component: &'w str,
    architecture: &'w str,
    /// Its path below the suite's directory, without an ending.
    path: String,
}

/// Every index of a suite, several at a time.
pub(super) fn read_all(
    source: &Source,
    release: &Release,
    fetch: &dyn Fetch,
    options: &Options<'_>,
) -> Result<Vec<PackagesIndex>, Error> {
    let wanted = wanted(source, release, options.architecture)?;
    parallel::map(&wanted, wanted.len(), |wanted| wanted.read(fetch, options))
}

fn wanted<'w>(
    source: &'w Source,
    release: &'w Release,
    architecture: &'w str,
) -> Result<Vec<Wanted<'w>>, Error> {
    let index = |component, architecture, path| Wanted {
        source,
        release,
        component,
        architecture,
        path,
    };
    if source.suite.ends_with('/') {
        return Ok(vec![index("", architecture, "Packages".to_owned())]);
    }
    let has = |name: &str| release.architectures.iter().any(|other| other == name);
    if !has(architecture) {
        return Err(Error::NoArchitecture {
            archive: source.archive.clone(),
            suite: source.suite.clone(),
            architecture: architecture.to_owned(),
            have: release.architectures.clone(),
        });
    }
    let mut found = Vec::new();
    for component in &source.components {
        // A security archive says `updates/main` for what lies under `main`.
        let is_there = release.components.iter().any(|name| {
            name == component
                || name
                    .strip_suffix(component.as_str())
                    .is_some_and(|rest| rest.ends_with('/'))
        });
        if !is_there {
            return Err(Error::NoComponent {
                archive: source.archive.clone(),
                suite: source.suite.clone(),
                component: component.clone(),
                have: release.components.clone(),
            });
        }
        let path = |name: &str| format!("{component}/binary-{name}/Packages");
        found.push(index(component, architecture, path(architecture)));
        let of_all = index(component, "all", path("all"));
        let apart = has("all") && !release.merges_all && architecture != "all";
        if apart && !of_all.forms().is_empty() {
            found.push(of_all);
        }
    }
    Ok(found)
}

impl Wanted<'_> {
    /// The forms that the release names.
    fn forms(&self) -> Vec<(Form, String, Listed)> {
        FORMS
            .iter()
            .filter_map(|(form, ending)| {
                let path = format!("{}{ending}", self.path);
                // A flat archive may say `./Packages`.
                let dotted = format!("./{path}");
                let files = &self.release.files;
                let listed = files.get(&path).or_else(|| files.get(&dotted))?;
                Some((*form, path, *listed))
            })
            .collect()
    }

    fn read(&self, fetch: &dyn Fetch, options: &Options<'_>) -> Result<PackagesIndex, Error> {
        let forms = self.forms();
        let plain = forms.iter().find(|(form, ..)| *form == Form::Plain);
        let plain = plain.map(|(_, _, listed)| *listed);
        let Some((_, _, first)) = forms.first() else {
            return Err(Error::NoIndex {
                archive: self.source.archive.clone(),
                suite: self.source.suite.clone(),
                path: self.path.clone(),
            });
        };
        // The plain file's digest does not change when it is compressed anew.
        let digest = plain.unwrap_or(*first).sha256;
        let key = Recipe::new("debian-index")
            .with(digest.hex())
            .with(&self.source.suite)
            .with(options.format.to_le_bytes())
            .finish();
        let index = if let Some(index) = fetch.kept(&key) {
            index
        } else {
            let index = self.compile(&forms, plain, fetch, options)?;
            fetch.keep(&key, &index);
            index
        };
        Ok(PackagesIndex {
            component: self.component.to_owned(),
            architecture: self.architecture.to_owned(),
            digest,
            index,
        })
    }

    fn compile(
        &self,
        forms: &[(Form, String, Listed)],
        plain: Option<Listed>,
        fetch: &dyn Fetch,
        options: &Options<'_>,
    ) -> Result<Vec<u8>, Error> {
        for (form, path, listed) in forms {
            let file = match self.fetch(path, listed, fetch, options) {
                Ok(file) => file,
                // Archives name forms that they do not keep, above all the plain one.
                Err(Failed::Missing) => continue,
                Err(Failed::Different) => return Err(self.changed(path, false)),
                Err(Failed::Other(error)) => return Err(Error::Fetch(error)),
            };
            return self.decompress(*form, path, file, plain, options);
        }
        Err(self.changed(&self.path, true))
    }

    fn fetch(
        &self,
        path: &str,
        listed: &Listed,
        fetch: &dyn Fetch,
        options: &Options<'_>,
    ) -> Result<Box<dyn Read + Send>, Failed> {
        let archive = self.source.archive.whole();
        let directory = directory(self.source, options.architecture);
        let by_hash = match self.source.by_hash {
            ByHash::Release => self.release.by_hash,
            ByHash::No => false,
            ByHash::Force => true,
        };
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let separator = if folder.is_empty() { "" } else { "/" };
        let hashed = format!(
            "{directory}{folder}{separator}by-hash/SHA256/{}",
            listed.sha256.hex()
        );
        let plain = format!("{directory}{path}");
        let mut last = Failed::Missing;
        for path in by_hash.then_some(hashed).into_iter().chain([plain]) {
            last = match fetch.file(archive, &path, &listed.sha256, listed.size) {
                Ok(file) => return Ok(file),
                Err(FetchError::Missing { .. }) => last,
                // Something else lies there.
                Err(FetchError::Other(error)) if error.exit() == Exit::Integrity => {
                    Failed::Different
                }
                Err(FetchError::Other(error)) => return Err(Failed::Other(error)),
            };
        }
        Err(last)
    }

    fn decompress(
        &self,
        form: Form,
        path: &str,
        file: Box<dyn Read + Send>,
        plain: Option<Listed>,
        options: &Options<'_>,
    ) -> Result<Vec<u8>, Error> {
        let unreadable = |error: &io::Error| Error::Index {
            archive: self.source.archive.clone(),
            suite: self.source.suite.clone(),
            path: path.to_owned(),
            reason: error.to_string(),
        };
        let decoder = decoder(form, file).map_err(|error| unreadable(&error))?;
        let limit = plain.map_or(LARGEST, |listed| listed.size);
        let bounded = Bounded {
            inner: decoder,
            left: limit,
            failed: None,
        };
        let mut reader = BufReader::with_capacity(BLOCK, HashReader::new(bounded));
        let compiled = (options.compile)(&mut reader, &self.source.suite);
        // What the compiler has not read is part of what was promised.
        let drained = drain(&mut reader);
        let (digest, size, failed) = finish(reader.into_inner());
        if let Some(reason) = failed {
            return Err(unreadable(&io::Error::other(reason)));
        }
        drained.map_err(|error| unreadable(&error))?;
        if let Some(listed) = plain
            && (listed.sha256, listed.size) != (digest, size)
        {
            let reason = format!(
                "decompressed it has {size} bytes and digest {digest}, expected {} and {}",
                listed.size, listed.sha256
            );
            return Err(unreadable(&io::Error::other(reason)));
        }
        compiled.map_err(|error| Error::Compile {
            archive: self.source.archive.clone(),
            suite: self.source.suite.clone(),
            path: path.to_owned(),
            source: Foreign(error),
        })
    }

    fn changed(&self, path: &str, missing: bool) -> Error {
        Error::Changed {
            archive: self.source.archive.clone(),
            suite: self.source.suite.clone(),
            path: path.to_owned(),
            missing,
        }
    }
}

/// Why a file did not come.
enum Failed {
    Missing,
    Different,
    Other(Foreign),
}

fn decoder(form: Form, file: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
    let file = BufReader::with_capacity(BLOCK, file);
    Ok(match form {
        Form::Xz => {
            let stream =
                liblzma::stream::Stream::new_stream_decoder(MEMORY, liblzma::stream::CONCATENATED)?;
            Box::new(liblzma::bufread::XzDecoder::new_stream(file, stream))
        }
        Form::Zstd => Box::new(zstd::Decoder::with_buffer(file)?),
        Form::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(file)),
        Form::Plain => Box::new(file),
    })
}

/// Reads no more than was promised, and remembers why it failed: who reads may turn an error into
/// one of their own.
struct Bounded<R> {
    inner: R,
    left: u64,
    failed: Option<String>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        interrupt::check()?;
        let result =
            self.inner
                .read(buffer)
                .and_then(|read| match self.left.checked_sub(read as u64) {
                    Some(left) => {
                        self.left = left;
                        Ok(read)
                    }
                    None => Err(io::Error::other("it is larger than its release says")),
                });
        if let Err(error) = &result
            && error.kind() != io::ErrorKind::Interrupted
        {
            self.failed.get_or_insert_with(|| error.to_string());
        }
        result
    }
}

fn drain(reader: &mut impl BufRead) -> io::Result<()> {
    loop {
        let length = match reader.fill_buf() {
            Ok(bytes) => bytes.len(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if length == 0 {
            return Ok(());
        }
        reader.consume(length);
    }
}

fn finish<R: Read>(reader: HashReader<Bounded<R>>) -> (Digest, u64, Option<String>) {
    let (inner, digest, size) = reader.into_parts();
    (digest, size, inner.failed)
}
