//! The tables of a lock file as they are written, before they are known to make sense.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use super::{Closure, Lock, Package, PackageId, Pin, Toolchain};
use crate::digest::Digest;

/// The version alone, whatever else is there.
pub(super) fn version(text: &str) -> Result<u64, String> {
    read(text).map(|head: Head| head.version)
}

/// The entries of a file whose version is known.
pub(super) fn lock(text: &str) -> Result<Lock, String> {
    let file: File = read(text)?;
    let toolchains = file.toolchain.into_iter().map(Table::check);
    let closures = file.closure.into_iter().map(ClosureTable::check);
    let packages = file.package.into_iter().map(PackageTable::check);
    Ok(Lock {
        toolchains: toolchains.collect::<Result<_, _>>()?,
        closures: closures.collect::<Result<_, _>>()?,
        packages: packages.collect::<Result<_, _>>()?,
    })
}

/// What is wrong is said in one line, its place in front.
fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let message = error.message().trim_end().replace('\n', ", ");
        let before = error.span().and_then(|span| text.get(..span.start));
        before.map_or(message.clone(), |before| {
            let line = before.matches('\n').count() + 1;
            let start = before.rfind('\n').map_or(0, |at| at + 1);
            let column = before[start..].chars().count() + 1;
            format!("line {line}, column {column}: {message}")
        })
    })
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
    #[serde(default)]
    closure: Vec<ClosureTable>,
    #[serde(default)]
    package: Vec<PackageTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClosureTable {
    name: String,
    platform: String,
    suite: String,
    #[serde(default)]
    backports: bool,
    requested: Vec<String>,
    #[serde(default)]
    without: Vec<String>,
    packages: Vec<String>,
}

impl ClosureTable {
    fn check(self) -> Result<Closure, String> {
        let packages = self.packages.iter().map(|text| PackageId::parse(text));
        Ok(Closure {
            packages: packages
                .collect::<Result<_, _>>()
                .map_err(|reason| format!("closure `{}`: {reason}", self.name))?,
            name: self.name,
            platform: self.platform,
            suite: self.suite,
            backports: self.backports,
            requested: self.requested,
            without: self.without,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PackageTable {
    name: String,
    version: String,
    architecture: String,
    suite: String,
    file: String,
    size: u64,
    #[serde(deserialize_with = "bare_digest")]
    sha256: Option<Digest>,
}

impl PackageTable {
    fn check(self) -> Result<Package, String> {
        let lost = |part: &str| matches!(part, "" | "." | "..");
        if self.file.split('/').any(lost) {
            return Err(format!(
                "package `{}`: `{}` is not a path below an archive",
                self.name, self.file
            ));
        }
        let Some(sha256) = self.sha256 else {
            return Err(format!("package `{}` lacks `sha256`", self.name));
        };
        Ok(Package {
            id: PackageId {
                name: self.name,
                architecture: self.architecture,
                version: self.version,
            },
            suite: self.suite,
            path: self.file,
            size: self.size,
            sha256,
        })
    }
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
