//! Addresses of archives, as apt's sources spell them (sources.list(5), "The URI specification").

use std::fmt;
use std::path::Path;

use super::{Error, Origin, read_inside};

/// The largest list of mirrors that is read.
const LARGEST_LIST: u64 = 64 * 1024;

/// The address of an archive's root. Printed without user and password.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArchiveAddress(String);

impl ArchiveAddress {
    /// An address as a source spells it, without the slashes at its end.
    pub fn new(address: &str) -> Self {
        Self(address.trim_end_matches('/').to_owned())
    }

    /// The whole address, credentials included: for whoever asks it, never to be shown.
    pub fn whole(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ArchiveAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = match self.0.split_once("://") {
            Some((scheme, rest)) => (format!("{scheme}://"), rest),
            None => (String::new(), self.0.as_str()),
        };
        // A password may itself have an `@` or a `/` in it.
        let shown = match rest.rsplit_once('@') {
            Some((_, host)) => format!("***@{host}"),
            None => rest.to_owned(),
        };
        let shown = shown
            .split_once('?')
            .map_or(shown.as_str(), |(path, _)| path);
        write!(f, "`{scheme}{shown}`")
    }
}

impl fmt::Debug for ArchiveAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The archive that a written address means, or why it is passed over.
pub(super) fn resolve(
    written: &str,
    root: &Path,
    origin: &Origin,
) -> Result<Result<ArchiveAddress, &'static str>, Error> {
    let Some((scheme, rest)) = written.split_once(':') else {
        return Err(Error::Malformed {
            origin: origin.clone(),
            reason: format!("{} is not an address", ArchiveAddress::new(written)),
        });
    };
    Ok(match scheme {
        "http" | "https" if rest.trim_start_matches('/').is_empty() => {
            return Err(Error::Malformed {
                origin: origin.clone(),
                reason: format!("{} has no host", ArchiveAddress::new(written)),
            });
        }
        "http" | "https" => Ok(ArchiveAddress::new(written)),
        "file" | "copy" if root != Path::new("/") => Err("it lies in the image's own files"),
        "file" | "copy" => Ok(ArchiveAddress(format!(
            "file:///{}",
            rest.trim_matches('/')
        ))),
        "mirror+file" => match first_mirror(rest, root)? {
            Some(address) => Ok(address),
            None => Err("its list of mirrors has no address that can be asked"),
        },
        "cdrom" => Err("a disc is no archive that can be asked at any time"),
        _ if scheme.starts_with("mirror") => {
            Err("lists of mirrors are read from files only, not from a server")
        }
        _ => Err("only `http`, `https`, `file`, `copy` and `mirror+file` are asked"),
    })
}

/// The address with the lowest priority number in a list of mirrors, the first of several
/// (apt-transport-mirror(1)).
fn first_mirror(path: &str, root: &Path) -> Result<Option<ArchiveAddress>, Error> {
    let bytes = read_inside(root, Path::new(path), LARGEST_LIST)?.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let mut best: Option<(u32, &str)> = None;
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let Some(address) = words.next().filter(|word| !word.starts_with('#')) else {
            continue;
        };
        let is_local = address.starts_with("file:") && root == Path::new("/");
        let is_remote = ["http://", "https://"]
            .iter()
            .any(|it| address.starts_with(it));
        if !is_local && !is_remote {
            continue;
        }
        let priority = words.find_map(|word| word.strip_prefix("priority:")?.parse().ok());
        let priority = priority.unwrap_or(u32::MAX);
        if best.is_none_or(|(lowest, _)| priority < lowest) {
            best = Some((priority, address));
        }
    }
    Ok(best.map(|(_, address)| ArchiveAddress::new(address)))
}
