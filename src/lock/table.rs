//! The tables of a lock file as they are written, before they are known to make sense.

use serde::{Deserialize, Deserializer};

use super::{Pin, Toolchain};
use crate::digest::Digest;

/// The version alone, whatever else is there.
pub(super) fn version(text: &str) -> Result<u64, String> {
    toml::from_str(text)
        .map(|head: Head| head.version)
        .map_err(|error| error.to_string())
}

/// The entries of a file whose version is known.
pub(super) fn toolchains(text: &str) -> Result<Vec<Toolchain>, String> {
    let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
    file.toolchain.into_iter().map(Table::check).collect()
}

#[derive(Deserialize)]
struct Head {
    version: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[expect(dead_code, reason = "read before, through `Head`")]
    version: u64,
    #[serde(default)]
    toolchain: Vec<Table>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    name: String,
    version: String,
    source: String,
    host: Option<String>,
    file: Option<String>,
    size: Option<u64>,
    #[serde(default, deserialize_with = "bare_digest")]
    sha256: Option<Digest>,
}

fn bare_digest<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Digest>, D::Error> {
    let hex = String::deserialize(deserializer)?;
    Digest::from_hex(&hex).map(Some).map_err(|_| {
        serde::de::Error::custom(format!("`{hex}` is not a sha256: expected 64 hex digits"))
    })
}

impl Table {
    fn check(self) -> Result<Toolchain, String> {
        let shown = format!("toolchain `{}` from `{}`", self.name, self.source);
        let pin = match (self.host, self.file, self.sha256) {
            (None, None, None) if self.source == "system" && self.size.is_none() => Pin::System,
            _ if self.source == "system" => {
                return Err(format!("{shown} has keys besides `name` and `version`"));
            }
            (Some(host), Some(file), Some(sha256)) => {
                if file.is_empty() || file.contains('/') {
                    return Err(format!("{shown}: `{file}` is not the name of a file"));
                }
                Pin::File {
                    host,
                    source: self.source,
                    file,
                    size: self.size,
                    sha256,
                }
            }
            _ => return Err(format!("{shown} lacks one of `host`, `file`, `sha256`")),
        };
        Ok(Toolchain {
            name: self.name,
            version: self.version,
            pin,
        })
    }
}
