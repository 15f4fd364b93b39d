//! The `goproxy` source: a module's zip through the Go module proxies that go is configured with.
//!
//! `GOPROXY` is read from the environment, else asked of `go env`. Its grammar and the fallback
//! rules are those of <https://go.dev/ref/mod#environment-variables>: after `,` the next proxy is
//! asked only if this one does not have the module (404, 410), after `|` upon any error. `direct`
//! means a version control system, which has no toolchains.

use std::path::Path;

use super::{Address, Error, Fetcher, Wanted, url};
use crate::process;

/// The configured proxies, in the order in which they are asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Proxies {
    list: Vec<Proxy>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Proxy {
    entry: String,
    /// Whether the next one is asked upon any error.
    lenient: bool,
}

impl Fetcher<'_> {
    pub(super) fn fetch_goproxy(
        &self,
        module: &str,
        version: &str,
        wanted: &Wanted<'_>,
    ) -> Result<(), Error> {
        let proxies = self.proxies.get_or_init(|| {
            let mirror = self.options.mirrors.get("goproxy").cloned();
            parse(&mirror.or_else(discover).unwrap_or_default())
        });
        let file = format!("{}/@v/{}.zip", escape(module), escape(version));
        let mut last = None;
        for proxy in &proxies.list {
            let error = match proxy.entry.as_str() {
                "off" => return Err(last.unwrap_or_else(|| proxies.off("`off` forbids all"))),
                "direct" => {
                    last.get_or_insert_with(|| proxies.off("`direct` has no toolchains"));
                    continue;
                }
                base => match self.ask_proxy(base, &file, wanted) {
                    Ok(()) => return Ok(()),
                    Err(error) => error,
                },
            };
            let missing = matches!(
                error,
                Error::Status {
                    code: 404 | 410,
                    ..
                }
            );
            let go_on = missing || (proxy.lenient && error.is_elsewhere());
            if !go_on {
                return Err(error);
            }
            last = Some(error);
        }
        Err(last.unwrap_or(Error::NoProxy))
    }

    fn ask_proxy(&self, base: &str, file: &str, wanted: &Wanted<'_>) -> Result<(), Error> {
        let address = format!("{}/{file}", base.trim_end_matches('/'));
        self.bring(&url::parse(&address)?, wanted)
    }
}

impl Proxies {
    fn off(&self, reason: &'static str) -> Error {
        let shown = self.list.iter().map(|proxy| match proxy.entry.as_str() {
            word @ ("off" | "direct") => word.to_owned(),
            address => Address::new(address).to_string(),
        });
        Error::ProxyOff {
            configured: shown.collect::<Vec<_>>().join(","),
            reason,
        }
    }
}

fn discover() -> Option<String> {
    let set = std::env::var("GOPROXY").ok();
    set.filter(|value| !value.is_empty()).or_else(|| {
        let go = process::find("go")?;
        process::query(&go, &["env", "GOPROXY"], Path::new("/"))
    })
}

fn parse(configured: &str) -> Proxies {
    let mut list = Vec::new();
    let mut rest = configured;
    while !rest.is_empty() {
        let end = rest.find([',', '|']).unwrap_or(rest.len());
        let entry = rest[..end].trim();
        if !entry.is_empty() {
            list.push(Proxy {
                entry: entry.to_owned(),
                lenient: rest[end..].starts_with('|'),
            });
        }
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    Proxies { list }
}

/// Upper-case letters become `!` and the lower-case letter
/// (<https://go.dev/ref/mod#goproxy-protocol>).
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        if letter.is_ascii_uppercase() {
            escaped.push('!');
        }
        escaped.push(letter.to_ascii_lowercase());
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_separators_are_understood() {
        let proxies = parse("https://a.example,https://b.example|direct");
        let parts: Vec<(&str, bool)> = proxies
            .list
            .iter()
            .map(|proxy| (proxy.entry.as_str(), proxy.lenient))
            .collect();
        assert_eq!(
            parts,
            [
                ("https://a.example", false),
                ("https://b.example", true),
                ("direct", false)
            ]
        );
        assert_eq!(parse("").list, []);
        assert_eq!(parse(",,off").list.len(), 1);
    }

    #[test]
    fn upper_case_is_escaped() {
        assert_eq!(escape("github.com/Azure/SDK"), "github.com/!azure/!s!d!k");
    }
}
