//! The `debian` source: files of a Debian archive, for the library that reads archives and for
//! locked packages.
//!
//! Releases lie at addresses whose content changes, so the last answer of each is kept and asked
//! about again by its entity tag or date (RFC 9110 section 13); with `--offline` it is the answer.
//! Indexes and packages have known digests and are blobs of the store like everything else.

use std::io::{self, Read};

use reqwest::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, ETAG, HeaderMap, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    LAST_MODIFIED,
};
use reqwest::{StatusCode, Url};
use serde::{Deserialize, Serialize};

use super::http::{header, refusal, send};
use super::url::{local, parse, redirect};
use super::{Address, Error, Fetcher, Source, Wanted};
use crate::debian::{Fetch, FetchError};
use crate::digest::{Digest, Recipe};
use crate::fault::Foreign;
use crate::store::Blob;

/// The kind of record that documents are kept as.
const DOCUMENT: &str = "document";

/// The kind of record that what was derived from an archive is kept as.
const DERIVED: &str = "debian";

/// What is larger than this is kept as a blob, and the record names it.
const INLINE: usize = 64 * 1024;

/// How an answer can be asked about again.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    etag: String,
    modified: String,
}

/// A locked package, as [`Source::Debian`] has it.
pub(super) struct Locked<'l> {
    pub(super) name: &'l str,
    pub(super) version: &'l str,
    pub(super) archives: &'l [String],
    pub(super) path: &'l str,
}

impl Fetcher<'_> {
    /// A package from the first archive that still has it, else from a snapshot.
    pub(super) fn fetch_debian(
        &self,
        package: &Locked<'_>,
        wanted: &Wanted<'_>,
    ) -> Result<(), Error> {
        let mut asked = Vec::new();
        let mut failed = None;
        for archive in package.archives.iter().chain(&self.options.snapshot) {
            let address = self.address(archive, package.path)?;
            match self.bring(&address, wanted) {
                Ok(()) => return Ok(()),
                Err(error) if is_missing(&error) => asked.push(Address::new(archive)),
                // An archive that can't be asked may have it; the others may, too.
                Err(error) if error.is_elsewhere() => failed = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(failed.unwrap_or_else(|| Error::Gone {
            name: package.name.to_owned(),
            version: package.version.to_owned(),
            path: package.path.to_owned(),
            archives: asked,
        }))
    }

    fn address(&self, archive: &str, path: &str) -> Result<Url, Error> {
        parse(&redirect(&join(archive, path), &self.options.mirrors))
    }

    /// A document whose last answer is kept.
    fn revalidated(&self, url: &Url, maximum: u64) -> Result<Vec<u8>, Error> {
        let address = Address::of(url);
        if url.scheme() == "file" {
            return read_local(url, &address, maximum);
        }
        let key = Recipe::new(DOCUMENT).with(url.as_str()).finish();
        let store = self.store.get()?;
        let kept = store.record(DOCUMENT, &key).and_then(unpack);
        if self.options.offline {
            return match kept {
                Some((_, body)) => Ok(body),
                None => Err(Error::OfflineDocument { address }),
            };
        }
        let client = self.client()?;
        let answer = self.insist(|_| {
            let headers = conditions(kept.as_ref().map(|(stamp, _)| stamp));
            let response = send(client, url, &address, headers)?;
            if response.status() == StatusCode::NOT_MODIFIED && kept.is_some() {
                return Ok(None);
            }
            if !response.status().is_success() {
                return Err(refusal(&address, &response));
            }
            let stamp = Stamp {
                etag: header(&response, ETAG.as_str()),
                modified: header(&response, LAST_MODIFIED.as_str()),
            };
            let body = self.body(response, &address, maximum)?;
            Ok(Some((stamp, body)))
        })?;
        match (answer, kept) {
            (Some((stamp, body)), _) => {
                store.put_record(DOCUMENT, &key, &pack(&stamp, &body))?;
                Ok(body)
            }
            (None, kept) => Ok(kept.map(|(_, body)| body).unwrap_or_default()),
        }
    }
}

/// What an index is called where it is shown: its name is a digest.
fn label(path: &str) -> String {
    match path.split_once("/by-hash/") {
        Some((folder, _)) => format!("{folder}/Packages"),
        None => path.to_owned(),
    }
}

impl Fetch for Fetcher<'_> {
    fn document(&self, archive: &str, path: &str, maximum: u64) -> Result<Vec<u8>, FetchError> {
        self.address(archive, path)
            .and_then(|url| self.revalidated(&url, maximum))
            .map_err(|error| sorted(error, archive, path))
    }

    fn file(
        &self,
        archive: &str,
        path: &str,
        sha256: &Digest,
        size: u64,
    ) -> Result<Box<dyn Read + Send>, FetchError> {
        let label = label(path);
        let wanted = Wanted {
            label: &label,
            digest: *sha256,
            size: Some(size),
            maximum: size,
        };
        let source = Source::Url(join(archive, path));
        self.fetch(&source, &wanted)
            .and_then(|blob| {
                let file = fs_err::File::open(&blob.path).map_err(|source| Error::File {
                    address: Address::new(&blob.path.to_string_lossy()),
                    source,
                })?;
                Ok(Box::new(Held { file, _blob: blob }) as Box<dyn Read + Send>)
            })
            .map_err(|error| sorted(error, archive, path))
    }

    fn kept(&self, key: &Digest) -> Option<Vec<u8>> {
        let store = self.store.get().ok()?;
        let mut record = store.record(DERIVED, key)?;
        match record.pop()? {
            b'i' => Some(record),
            b'b' => {
                let digest = std::str::from_utf8(&record).ok()?.parse().ok()?;
                let blob = store.blob(&digest)?;
                let bytes = fs_err::read(&blob.path).ok()?;
                (bytes.len() as u64 == blob.size).then_some(bytes)
            }
            _ => None,
        }
    }

    fn keep(&self, key: &Digest, bytes: &[u8]) {
        let Ok(store) = self.store.get() else { return };
        let record = if bytes.len() <= INLINE {
            [bytes, b"i"].concat()
        } else {
            let Ok((digest, _)) = store.insert_blob(&mut &*bytes, None) else {
                return;
            };
            format!("{digest}b").into_bytes()
        };
        // What could not be kept is found out again.
        let _ = store.put_record(DERIVED, key, &record);
    }
}

/// A blob that is being read, and so is not pruned.
struct Held {
    file: fs_err::File,
    _blob: Blob,
}

impl Read for Held {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }
}

fn conditions(stamp: Option<&Stamp>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    // A proxy in between must ask the archive, too.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=0"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let Some(stamp) = stamp else { return headers };
    for (name, value) in [
        (IF_NONE_MATCH, &stamp.etag),
        (IF_MODIFIED_SINCE, &stamp.modified),
    ] {
        if !value.is_empty()
            && let Ok(value) = HeaderValue::from_str(value)
        {
            headers.insert(name, value);
        }
    }
    headers
}

fn pack(stamp: &Stamp, body: &[u8]) -> Vec<u8> {
    let mut record = serde_json::to_vec(stamp).unwrap_or_default();
    record.push(b'\n');
    record.extend_from_slice(body);
    record
}

fn unpack(mut record: Vec<u8>) -> Option<(Stamp, Vec<u8>)> {
    let end = record.iter().position(|byte| *byte == b'\n')?;
    let stamp = serde_json::from_slice(&record[..end]).ok()?;
    record.drain(..=end);
    Some((stamp, record))
}

fn read_local(url: &Url, address: &Address, maximum: u64) -> Result<Vec<u8>, Error> {
    let failed = |source| Error::File {
        address: address.clone(),
        source,
    };
    let file = fs_err::File::open(local(url)?).map_err(failed)?;
    let mut body = Vec::new();
    file.take(maximum + 1)
        .read_to_end(&mut body)
        .map_err(failed)?;
    if body.len() as u64 > maximum {
        return Err(too_large(address, maximum));
    }
    Ok(body)
}

fn too_large(address: &Address, maximum: u64) -> Error {
    Error::TooLarge {
        address: address.clone(),
        maximum,
    }
}

/// Whether the answer was that there is no such file.
fn is_missing(error: &Error) -> bool {
    match error {
        Error::Status { code, .. } => matches!(code, 404 | 410),
        Error::File { source, .. } => matches!(
            source.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
        ),
        _ => false,
    }
}

fn sorted(error: Error, archive: &str, path: &str) -> FetchError {
    if is_missing(&error) {
        let address = format!("{}/{path}", archive.trim_end_matches('/'));
        return FetchError::Missing {
            address: Address::new(&address)
                .to_string()
                .trim_matches('`')
                .to_owned(),
        };
    }
    FetchError::Other(Foreign(Box::new(error)))
}

fn join(archive: &str, path: &str) -> String {
    format!("{}/{}", archive.trim_end_matches('/'), encode(path))
}

/// A path of an archive as part of an address: what means something there is encoded, `+` and `~`,
/// of which package names are full, are not.
fn encode(path: &str) -> String {
    use std::fmt::Write;
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => encoded.push(char::from(byte)),
            b'/' | b'.' | b'-' | b'_' | b'+' | b'~' | b':' | b'=' | b'@' | b',' => {
                encoded.push(char::from(byte));
            }
            _ => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::Options;
    use crate::progress::Silent;
    use crate::store::Lazy;

    #[test]
    fn what_is_kept_comes_back_large_or_small() {
        let home = tempfile::tempdir().unwrap();
        let lazy = Lazy::new(home.path().to_owned());
        let fetcher = Fetcher::new(&lazy, &Silent, Options::default());
        for length in [0, 1, INLINE, INLINE + 1, 300_000] {
            let bytes: Vec<u8> = (0..=250).cycle().take(length).collect();
            let key = Digest::of(&length.to_le_bytes());
            assert_eq!(fetcher.kept(&key), None);
            fetcher.keep(&key, &bytes);
            assert_eq!(fetcher.kept(&key), Some(bytes));
        }
    }

    #[test]
    fn a_kept_blob_that_was_pruned_is_as_good_as_none() {
        let home = tempfile::tempdir().unwrap();
        let lazy = Lazy::new(home.path().to_owned());
        let fetcher = Fetcher::new(&lazy, &Silent, Options::default());
        let bytes = vec![7; INLINE + 1];
        let key = Digest::of(b"key");
        fetcher.keep(&key, &bytes);
        let blob = lazy.get().unwrap().blob(&Digest::of(&bytes)).unwrap();
        fs_err::remove_file(&blob.path).unwrap();
        assert_eq!(fetcher.kept(&key), None);
    }

    #[test]
    fn paths_are_encoded_as_far_as_they_must() {
        assert_eq!(
            encode("pool/main/g/g++/g++_1%3a12~rc1+b2 x.deb"),
            "pool/main/g/g++/g++_1%253a12~rc1+b2%20x.deb"
        );
    }

    #[test]
    fn a_kept_document_survives_being_packed() {
        let stamp = Stamp {
            etag: "\"a\\b\"".to_owned(),
            modified: String::new(),
        };
        assert_eq!(
            unpack(pack(&stamp, b"one\ntwo")),
            Some((stamp, b"one\ntwo".to_vec()))
        );
        assert_eq!(unpack(b"no end".to_vec()), None);
    }
}
