//! SHA-256 digests and the readers and writers that compute and check them.
//!
//! A [`Digest`] names bytes as they are stored or moved, a [`DiffId`] names the uncompressed bytes
//! of a layer. They are different types so that they cannot be swapped:
//!
//! ```compile_fail
//! use polyarch::digest::{DiffId, Digest};
//! let blob: Digest = Digest::of(b"layer");
//! let diff: DiffId = blob;
//! ```

use std::fmt;
use std::io::{self, Read, Write};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::interrupt;

/// Bytes moved per read or write by the copying functions of this module.
pub const BLOCK: usize = 128 * 1024;

/// The SHA-256 digest of a blob, written `sha256:<64 lower-case hex digits>`
/// (OCI image specification, descriptor.md, "Digests").
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// The digest of a layer's uncompressed tar stream
/// (OCI image specification, config.md, "Layer DiffID").
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DiffId(Digest);

/// Why a string is not a digest.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ParseDigestError {
    /// There is no `algorithm:` in front.
    #[error("`{0}` is not a digest: expected `sha256:` and 64 hex digits")]
    Form(String),
    /// The algorithm is one that this program does not compute.
    #[error("digest algorithm `{0}` is not supported: expected `sha256`")]
    Algorithm(String),
}

/// Bytes that are not what their digest or size promised.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Mismatch {
    /// The digest differs.
    #[error("digest mismatch: expected {expected}, computed {computed}")]
    Digest {
        /// What was promised.
        expected: Digest,
        /// What the bytes have.
        computed: Digest,
    },
    /// The length differs.
    #[error("size mismatch: expected {expected} bytes, found {found}")]
    Size {
        /// What was promised, in bytes.
        expected: u64,
        /// What was there, in bytes; where more came than promised, the count at which reading stopped.
        found: u64,
    },
}

impl Digest {
    /// The digest of bytes in memory.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The 64 hex digits, without the algorithm.
    pub fn hex(&self) -> String {
        use fmt::Write as _;
        let mut out = String::with_capacity(64);
        for byte in self.0 {
            let _ = write!(out, "{byte:02x}");
        }
        out
    }

    /// Parses 64 hex digits without an algorithm in front, as checksum files carry them.
    pub fn from_hex(hex: &str) -> Result<Self, ParseDigestError> {
        let form = || ParseDigestError::Form(hex.to_owned());
        if hex.len() != 64 || !hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(form());
        }
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&hex[index * 2..index * 2 + 2], 16).map_err(|_| form())?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for Digest {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("sha256", hex)) => {
                Self::from_hex(hex).map_err(|_| ParseDigestError::Form(text.to_owned()))
            }
            Some((algorithm, _)) => Err(ParseDigestError::Algorithm(algorithm.to_owned())),
            None => Err(ParseDigestError::Form(text.to_owned())),
        }
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl DiffId {
    /// Marks a digest as that of an uncompressed layer.
    pub const fn new(digest: Digest) -> Self {
        Self(digest)
    }

    /// The digest of the blob that a layer is when it is stored without compression.
    pub const fn blob(self) -> Digest {
        self.0
    }
}

impl fmt::Display for DiffId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for DiffId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Computes a digest piece by piece, for recipes and keys: each part is length-prefixed, so that
/// `("ab", "c")` and `("a", "bc")` differ.
#[derive(Clone, Default)]
pub struct Recipe(Sha256);

impl Recipe {
    /// A recipe of the given kind; kinds never collide.
    pub fn new(kind: &'static str) -> Self {
        Self::default().with(kind)
    }

    /// Adds one part.
    #[must_use]
    pub fn with(mut self, part: impl AsRef<[u8]>) -> Self {
        let part = part.as_ref();
        self.0.update((part.len() as u64).to_le_bytes());
        self.0.update(part);
        self
    }

    /// The name of the recipe.
    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

/// A writer that hashes and counts what passes through.
pub struct HashWriter<W> {
    inner: W,
    hash: Sha256,
    size: u64,
}

impl<W: Write> HashWriter<W> {
    /// Wraps a writer; what it already holds does not count.
    pub fn new(inner: W) -> Self {
        Self {
            inner,
            hash: Sha256::new(),
            size: 0,
        }
    }

    /// The writer, the digest and the number of bytes.
    pub fn finish(self) -> (W, Digest, u64) {
        (self.inner, Digest(self.hash.finalize().into()), self.size)
    }
}

impl<W: Write> Write for HashWriter<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(buffer)?;
        self.hash.update(&buffer[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// A reader that hashes and counts what passes through.
pub struct HashReader<R> {
    inner: R,
    hash: Sha256,
    size: u64,
}

impl<R: Read> HashReader<R> {
    /// Wraps a reader.
    pub fn new(inner: R) -> Self {
        Self {
            inner,
            hash: Sha256::new(),
            size: 0,
        }
    }

    /// The digest and the number of bytes read so far.
    pub fn finish(self) -> (Digest, u64) {
        (Digest(self.hash.finalize().into()), self.size)
    }

    /// The reader, the digest and the number of bytes read so far.
    pub fn into_parts(self) -> (R, Digest, u64) {
        (self.inner, Digest(self.hash.finalize().into()), self.size)
    }

    /// Ends the reading and compares with what was promised.
    pub fn verify(self, digest: Digest, size: u64) -> Result<(), Mismatch> {
        let (computed, found) = self.finish();
        if found != size {
            return Err(Mismatch::Size {
                expected: size,
                found,
            });
        }
        if computed != digest {
            return Err(Mismatch::Digest {
                expected: digest,
                computed,
            });
        }
        Ok(())
    }
}

impl<R: Read> Read for HashReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hash.update(&buffer[..read]);
        self.size += read as u64;
        Ok(read)
    }
}

/// Copies to the end in blocks, stopping between blocks when the process was told to end.
/// Returns the number of bytes copied.
pub fn copy(reader: &mut impl Read, writer: &mut impl Write) -> io::Result<u64> {
    let mut buffer = vec![0; BLOCK];
    let mut total = 0;
    loop {
        interrupt::check()?;
        let read = match reader.read(&mut buffer) {
            Ok(0) => return Ok(total),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        writer.write_all(&buffer[..read])?;
        total += read as u64;
    }
}

/// The digest and size of everything a reader yields.
pub fn hash(reader: &mut impl Read) -> io::Result<(Digest, u64)> {
    let mut sink = HashWriter::new(io::sink());
    copy(reader, &mut sink)?;
    let (_, digest, size) = sink.finish();
    Ok((digest, size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_prints_as_it_was_parsed() {
        let digest = Digest::of(b"abc");
        assert_eq!(
            digest.to_string(),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(digest.to_string().parse(), Ok(digest));
    }

    #[test]
    fn malformed_digests_are_refused() {
        for text in [
            "",
            "sha256",
            "sha256:",
            "sha256:abc",
            &format!("sha256:{}", "G".repeat(64)),
            &format!("sha256:{}", "A".repeat(64)),
            &format!("sha256:{}é", "a".repeat(62)),
        ] {
            assert!(text.parse::<Digest>().is_err(), "{text}");
        }
        assert_eq!(
            "sha512:00".parse::<Digest>(),
            Err(ParseDigestError::Algorithm("sha512".to_owned()))
        );
    }

    #[test]
    fn recipe_parts_do_not_run_together() {
        assert_ne!(
            Recipe::new("t").with("ab").with("c").finish(),
            Recipe::new("t").with("a").with("bc").finish()
        );
    }

    #[test]
    fn a_reader_that_was_cut_short_is_noticed() {
        let mut reader = HashReader::new(&b"abc"[..]);
        io::copy(&mut reader, &mut io::sink()).expect("reads from memory");
        assert_eq!(
            reader.verify(Digest::of(b"abcd"), 4),
            Err(Mismatch::Size {
                expected: 4,
                found: 3
            })
        );
    }
}
