//! Keyrings: the certificates whose signatures count for a source.
//!
//! Files may be armored or not, and several; a source may name fingerprints of the keys that apt
//! trusts for every source. What a keyring holds is one run of certificates in binary form
//! (RFC 9580 section 10.1), which every verifier reads.

use std::path::{Path, PathBuf};

use super::super::sources::{SignedBy, Source, names_inside, read_inside, resolve_inside};
use super::packets::{self, PUBLIC_KEY};
use super::{Error, armor};
use crate::digest::Digest;

/// Debian's own keyring has 60 KB; nobody's has megabytes.
const LARGEST: u64 = 8 * 1024 * 1024;

/// What GnuPG's newer keyrings begin with; apt does not read them either.
const KEYBOX: &[u8] = b"KBXf";

/// The keyrings that apt trusts for every source (apt-key(8), "FILES").
const TRUSTED: &str = "etc/apt/trusted.gpg";
const TRUSTED_PARTS: &str = "etc/apt/trusted.gpg.d";

/// Where distributions put their own, for a host that has the keyrings and no apt.
const SHARED: &str = "usr/share/keyrings";

/// The keys that count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyring {
    certificates: Vec<u8>,
    /// Of their keys, those that count; empty: all.
    only: Vec<String>,
    name: String,
}

impl Keyring {
    /// The keyring that a source names, its files looked up under a root directory.
    pub fn of(source: &Source, root: &Path) -> Result<Self, Error> {
        match &source.signed_by {
            SignedBy::Files(paths) => {
                let mut keyring = Self::empty(quoted(paths));
                for path in paths {
                    keyring.add_path(root, path)?;
                }
                keyring.filled()
            }
            SignedBy::Inline(text) => {
                let mut keyring = Self::empty(format!("in {}", source.origin));
                let name = keyring.name.clone();
                keyring.add(text.as_bytes(), &name)?;
                keyring.filled()
            }
            SignedBy::Fingerprints(fingerprints) => {
                let mut keyring = Self::trusted(root)?;
                keyring.only = fingerprints
                    .iter()
                    .map(|text| text.to_ascii_uppercase())
                    .collect();
                Ok(keyring)
            }
            SignedBy::Default => Self::trusted(root),
        }
    }

    /// A keyring of bytes, armored or not.
    pub fn from_bytes(bytes: &[u8], name: &str) -> Result<Self, Error> {
        let mut keyring = Self::empty(name.to_owned());
        keyring.add(bytes, name)?;
        keyring.filled()
    }

    /// Names what counts.
    pub fn digest(&self) -> Digest {
        let only = self.only.join(" ");
        Digest::of(&[self.certificates.as_slice(), b"\0", only.as_bytes()].concat())
    }

    /// The certificates, in binary form.
    pub(super) fn certificates(&self) -> &[u8] {
        &self.certificates
    }

    /// Where it is from.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether not all of its keys count.
    pub(super) fn is_restricted(&self) -> bool {
        !self.only.is_empty()
    }

    /// Whether a key counts: itself, or by the certificate it belongs to.
    pub(super) fn counts(&self, key: &str, primary: &str) -> bool {
        self.only.is_empty()
            || self.only.iter().any(|text| match text.strip_suffix('!') {
                Some(exact) => exact == key,
                None => text == key || text == primary,
            })
    }

    fn empty(name: String) -> Self {
        Self {
            certificates: Vec::new(),
            only: Vec::new(),
            name,
        }
    }

    fn filled(self) -> Result<Self, Error> {
        if self.certificates.is_empty() {
            return Err(no_keys(&self.name, ""));
        }
        Ok(self)
    }

    /// What apt trusts for every source, else what distributions install.
    fn trusted(root: &Path) -> Result<Self, Error> {
        let mut keyring = Self::empty(format!("`/{TRUSTED_PARTS}`"));
        let trusted = Path::new(TRUSTED);
        if let Some(bytes) = read(root, trusted)?
            // apt passes over one that it can't read, and so does everybody who has both.
            && !is_keybox(&bytes)
        {
            keyring.add(&bytes, &shown(trusted))?;
        }
        keyring.add_folder(root, Path::new(TRUSTED_PARTS), |name| {
            ends_with(name, &[".gpg", ".asc"])
        })?;
        if keyring.certificates.is_empty() {
            keyring.name = format!("`/{TRUSTED_PARTS}` or `/{SHARED}`");
            keyring.add_folder(root, Path::new(SHARED), |name| {
                ends_with(name, &["-archive-keyring.gpg", "-archive-keyring.pgp"])
            })?;
        }
        keyring.filled()
    }

    fn add_path(&mut self, root: &Path, path: &Path) -> Result<(), Error> {
        let relative = path.strip_prefix("/").unwrap_or(path);
        let real = resolve_inside(root, relative).map_err(|source| Error::Keyring {
            keyring: shown(path),
            source,
        })?;
        if real.is_some_and(|real| real.is_dir()) {
            return self.add_folder(root, relative, |name| {
                ends_with(name, &[".gpg", ".pgp", ".asc"])
            });
        }
        let bytes = read(root, relative)?.ok_or_else(|| Error::NoKeyring {
            keyring: shown(path),
        })?;
        self.add(&bytes, &shown(path))
    }

    fn add_folder(
        &mut self,
        root: &Path,
        folder: &Path,
        wanted: fn(&str) -> bool,
    ) -> Result<(), Error> {
        let names = names_inside(root, folder).map_err(|source| Error::Keyring {
            keyring: shown(folder),
            source,
        })?;
        for name in names {
            if !name.to_str().is_some_and(wanted) {
                continue;
            }
            let path = folder.join(name);
            if let Some(bytes) = read(root, &path)? {
                self.add(&bytes, &shown(&path))?;
            }
        }
        Ok(())
    }

    fn add(&mut self, bytes: &[u8], name: &str) -> Result<(), Error> {
        if is_keybox(bytes) {
            return Err(no_keys(
                name,
                "it is a GnuPG keybox; `gpg --export` makes a keyring of it",
            ));
        }
        let blocks = if armor::is_armored(bytes) {
            armor::all(bytes, armor::PUBLIC_KEY)
                .ok_or_else(|| no_keys(name, "its armor is broken"))?
        } else {
            vec![bytes.to_vec()]
        };
        for block in blocks {
            let found = packets::split(&block)
                .ok_or_else(|| no_keys(name, "it is not a run of OpenPGP packets"))?;
            if found.first().is_some_and(|(kind, _)| *kind != PUBLIC_KEY) {
                return Err(no_keys(name, "it does not begin with a public key"));
            }
            self.certificates.extend_from_slice(&block);
        }
        Ok(())
    }
}

fn no_keys(name: &str, reason: &'static str) -> Error {
    Error::NoKeys {
        keyring: name.to_owned(),
        reason,
    }
}

/// A path as a root directory has it.
fn shown(path: &Path) -> String {
    let relative = path.strip_prefix("/").unwrap_or(path);
    format!("`/{}`", relative.display())
}

fn ends_with(name: &str, endings: &[&str]) -> bool {
    endings.iter().any(|ending| name.ends_with(ending))
}

fn is_keybox(bytes: &[u8]) -> bool {
    bytes.get(8..12) == Some(KEYBOX)
}

fn read(root: &Path, path: &Path) -> Result<Option<Vec<u8>>, Error> {
    read_inside(root, path, LARGEST).map_err(|source| Error::Keyring {
        keyring: shown(path),
        source,
    })
}

fn quoted(paths: &[PathBuf]) -> String {
    let quoted: Vec<String> = paths
        .iter()
        .map(|path| format!("`{}`", path.display()))
        .collect();
    quoted.join(", ")
}
