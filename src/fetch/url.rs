//! Addresses: printed without credentials, redirected by mirrors, and the `url` source.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;

use reqwest::Url;

use super::{Error, Fetcher, Wanted};
use crate::digest::{BLOCK, Mismatch};
use crate::progress::MeterReader;

/// An address as it may be shown: no user, no password, no query (which may hold a token).
#[derive(Clone, PartialEq, Eq)]
pub struct Address(String);

impl Address {
    /// Takes what must not be shown out of an address.
    pub fn new(address: &str) -> Self {
        match Url::parse(address) {
            // `user:password@host` parses too, as an address without a host.
            Ok(url) if url.has_host() || url.scheme() == "file" => return Self::of(&url),
            Ok(_) | Err(_) => {}
        }
        // What can't be parsed may still hold a password.
        let text = match (address.find("://"), address.rfind('@')) {
            (Some(start), Some(at)) if at > start => {
                format!("{}***@{}", &address[..start + 3], &address[at + 1..])
            }
            (None, Some(at)) => format!("***@{}", &address[at + 1..]),
            _ => address.to_owned(),
        };
        Self(text)
    }

    /// Whether it is a file of this machine.
    pub fn is_local(&self) -> bool {
        self.0.starts_with("file:")
    }

    /// The same of a parsed one.
    pub fn of(url: &Url) -> Self {
        let mut url = url.clone();
        // These fail only for addresses that can't have any.
        let secret = !url.username().is_empty() || url.password().is_some();
        let _ = url.set_password(None);
        let _ = url.set_username(if secret { "***" } else { "" });
        let query = url.query().is_some();
        url.set_query(None);
        url.set_fragment(None);
        Self(format!("{url}{}", if query { "?…" } else { "" }))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Fetcher<'_> {
    pub(super) fn fetch_url(&self, address: &str, wanted: &Wanted<'_>) -> Result<(), Error> {
        let address = redirect(address, &self.options.mirrors);
        self.bring(&parse(&address)?, wanted)
    }

    /// Brings what lies at an address into the store, checked.
    pub(super) fn bring(&self, url: &Url, wanted: &Wanted<'_>) -> Result<(), Error> {
        if url.scheme() == "file" {
            self.copy(url, wanted)
        } else {
            self.download(url, wanted)
        }
    }

    fn copy(&self, url: &Url, wanted: &Wanted<'_>) -> Result<(), Error> {
        let address = Address::of(url);
        let failed = |source| Error::File {
            address: address.clone(),
            source,
        };
        let path = local(url)?;
        let file = fs_err::File::open(path).map_err(failed)?;
        let meter = self.observer.begin(wanted.label, wanted.size);
        let mut reader = MeterReader::new(file, meter.as_ref());
        let mut writer = self.store.get()?.writer()?.expecting(wanted.size);
        let mut buffer = vec![0; BLOCK];
        loop {
            crate::interrupt::check().map_err(|_| Error::Interrupted)?;
            let read = reader.read(&mut buffer).map_err(failed)?;
            if read == 0 {
                break;
            }
            admit(&address, wanted, writer.written() + read as u64)?;
            writer.put(&buffer[..read])?;
        }
        commit(&address, wanted, writer)
    }
}

/// Refuses more bytes than were promised.
pub(super) fn admit(address: &Address, wanted: &Wanted<'_>, found: u64) -> Result<(), Error> {
    if found <= wanted.limit() {
        return Ok(());
    }
    Err(match wanted.size {
        Some(expected) => Error::Mismatch {
            address: address.clone(),
            source: Mismatch::Size { expected, found },
        },
        None => Error::TooLarge {
            address: address.clone(),
            maximum: wanted.maximum,
        },
    })
}

/// Stores what was written if it is what was wanted; names the address otherwise.
pub(super) fn commit(
    address: &Address,
    wanted: &Wanted<'_>,
    writer: crate::store::BlobWriter<'_>,
) -> Result<(), Error> {
    match writer.commit(Some(wanted.digest)) {
        Ok(_) => Ok(()),
        Err(crate::store::Error::Mismatch { source, .. }) => Err(Error::Mismatch {
            address: address.clone(),
            source,
        }),
        Err(error) => Err(error.into()),
    }
}

/// The path of a `file` address.
pub(super) fn local(url: &Url) -> Result<std::path::PathBuf, Error> {
    url.to_file_path().map_err(|()| Error::BadAddress {
        address: Address::of(url),
        reason: "a `file` address needs an absolute path and no host".to_owned(),
    })
}

/// Parses an address of a kind that can be fetched.
pub(super) fn parse(address: &str) -> Result<Url, Error> {
    let bad = |reason: String| Error::BadAddress {
        address: Address::new(address),
        reason,
    };
    let url = Url::parse(address).map_err(|error| bad(error.to_string()))?;
    match url.scheme() {
        "https" | "http" | "file" => Ok(url),
        other => Err(bad(format!(
            "expected `https`, `http` or `file`, found `{other}`"
        ))),
    }
}

/// The address after the mirrors: the longest matching beginning is replaced. A beginning matches
/// whole path segments only.
pub(super) fn redirect(address: &str, mirrors: &BTreeMap<String, String>) -> String {
    let matches = |prefix: &str| {
        address.strip_prefix(prefix).is_some_and(|rest| {
            rest.is_empty() || prefix.ends_with('/') || rest.starts_with(['/', '?'])
        })
    };
    let best = mirrors
        .iter()
        .filter(|(prefix, _)| matches(prefix))
        .max_by_key(|(prefix, _)| prefix.len());
    match best {
        None => address.to_owned(),
        Some((prefix, target)) => {
            let rest = &address[prefix.len()..];
            format!(
                "{}/{}",
                target.trim_end_matches('/'),
                rest.trim_start_matches('/')
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_and_queries_are_not_shown() {
        for (given, shown) in [
            ("https://a.example/x", "`https://a.example/x`"),
            ("https://me:pw@a.example/x", "`https://***@a.example/x`"),
            ("https://token@a.example/x", "`https://***@a.example/x`"),
            ("https://a.example/x?sig=abc", "`https://a.example/x?…`"),
            ("ht!tp://me:pw@a.example/x", "`ht!tp://***@a.example/x`"),
            ("me:pw@a.example", "`***@a.example`"),
        ] {
            let address = Address::new(given);
            assert_eq!(address.to_string(), shown);
        }
    }

    #[test]
    fn the_longest_mirror_wins_and_only_whole_segments_match() {
        let mirrors: BTreeMap<String, String> = [
            ("https://go.dev", "https://m.example/all"),
            ("https://go.dev/dl/", "https://m.example/go"),
        ]
        .map(|(from, to)| (from.to_owned(), to.to_owned()))
        .into();
        for (given, expected) in [
            (
                "https://go.dev/dl/go1.tar.gz",
                "https://m.example/go/go1.tar.gz",
            ),
            ("https://go.dev/doc", "https://m.example/all/doc"),
            ("https://go.devil/dl/x", "https://go.devil/dl/x"),
            ("https://other.example/x", "https://other.example/x"),
        ] {
            assert_eq!(redirect(given, &mirrors), expected);
        }
    }

    #[test]
    fn only_kinds_of_address_that_can_be_fetched_are_taken() {
        assert!(parse("file:///a").is_ok());
        for bad in ["ftp://a.example/x", "a.tar.gz", "https://"] {
            assert!(matches!(parse(bad), Err(Error::BadAddress { .. })), "{bad}");
        }
        assert!(local(&parse("file://host/a").unwrap()).is_err());
    }
}
