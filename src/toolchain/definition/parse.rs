//! A definition's text, read and checked.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use super::{Artifact, Definition, File, Kind, LARGEST, Packages, Place, Program, Source};
use crate::digest::Digest;
use crate::fetch::unpack;
use crate::toolchain::Version;
use crate::toolchain::c::Compiler;

/// The newest schema that is understood.
const SCHEMA: u32 = 1;

/// Reads a definition; the error says what is wrong and on which line.
pub(super) fn parse(text: &str) -> Result<Definition, String> {
    // The schema first: what a newer one has would only seem to be mistakes.
    let Head { schema } = toml::from_str(text).map_err(|error| error.to_string())?;
    if schema > SCHEMA {
        return Err(format!(
            "it has schema {schema}, this polyarch knows schemas up to {SCHEMA}"
        ));
    }
    let raw: Raw = toml::from_str(text).map_err(|error| error.to_string())?;
    raw.check()
}

#[derive(Deserialize)]
struct Head {
    schema: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[expect(dead_code, reason = "read before, through `Head`")]
    schema: u32,
    name: String,
    version: Version,
    description: String,
    licence: String,
    homepage: String,
    kind: Kind,
    program: Option<Program>,
    compiler: Option<Compiler>,
    artifact: Vec<RawArtifact>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawArtifact {
    host: String,
    source: Vec<RawSource>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SourceKind {
    System,
    Url,
    Pypi,
    Goproxy,
    Debian,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSource {
    kind: SourceKind,
    address: Option<String>,
    project: Option<String>,
    module: Option<String>,
    suite: Option<String>,
    #[serde(default)]
    packages: Vec<String>,
    #[serde(default)]
    without: Vec<String>,
    file: Option<String>,
    size: Option<u64>,
    maximum: Option<u64>,
    sha256: Option<String>,
    strip: Option<String>,
    #[serde(default)]
    executable: Vec<String>,
    #[serde(default)]
    rename: BTreeMap<String, String>,
    unpacked: Option<u64>,
}

impl Raw {
    fn check(self) -> Result<Definition, String> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.name.is_empty() || !self.name.chars().all(plain) {
            return Err(format!(
                "name `{}` is not made of lower-case letters, digits and `-`",
                self.name
            ));
        }
        match (self.kind, &self.program) {
            (Kind::Program, None) => return Err("a program needs a `[program]` table".to_owned()),
            (Kind::Data, Some(_)) => return Err("data has no `[program]` table".to_owned()),
            (Kind::Program, Some(_)) | (Kind::Data, None) => {}
        }
        let askable = self
            .program
            .as_ref()
            .is_some_and(|program| program.system.is_some());
        let mut artifacts = Vec::new();
        for artifact in self.artifact {
            let mut sources = Vec::new();
            for source in artifact.source {
                let kind = source.kind;
                let source = source.check().map_err(|reason| {
                    format!("source `{kind}` of host `{}`: {reason}", artifact.host)
                })?;
                if matches!(source, Source::System) && !askable {
                    return Err("a `system` source needs a `[program.system]` table".to_owned());
                }
                sources.push(source);
            }
            artifacts.push(Artifact {
                host: artifact.host,
                sources,
            });
        }
        Ok(Definition {
            name: self.name,
            version: self.version,
            description: self.description,
            licence: self.licence,
            homepage: self.homepage,
            kind: self.kind,
            program: self.program,
            compiler: self.compiler,
            artifacts,
            origin: None,
        })
    }
}

impl RawSource {
    fn check(self) -> Result<Source, String> {
        let keys = [
            ("address", self.address.is_some()),
            ("project", self.project.is_some()),
            ("module", self.module.is_some()),
            ("suite", self.suite.is_some()),
        ];
        let own = match self.kind {
            SourceKind::System => "",
            SourceKind::Url => "address",
            SourceKind::Pypi => "project",
            SourceKind::Goproxy => "module",
            SourceKind::Debian => "suite",
        };
        if let Some((stray, _)) = keys.iter().find(|(key, there)| *there && *key != own) {
            return Err(format!("key `{stray}` belongs to another kind of source"));
        }
        if let SourceKind::Debian = self.kind {
            return self.packages();
        }
        for (key, names) in [("packages", &self.packages), ("without", &self.without)] {
            if !names.is_empty() {
                return Err(format!("key `{key}` belongs to another kind of source"));
            }
        }
        let place = match (self.kind, self.address, self.project, self.module) {
            (SourceKind::System, ..) if self.file.is_none() && self.sha256.is_none() => {
                return Ok(Source::System);
            }
            (SourceKind::System, ..) => return Err("it has no file".to_owned()),
            (SourceKind::Url, Some(address), ..) => Place::Url { address },
            (SourceKind::Pypi, _, Some(project), _) => Place::Pypi { project },
            (SourceKind::Goproxy, _, _, Some(module)) => Place::Goproxy { module },
            _ => return Err(format!("key `{own}` is missing")),
        };
        let name = self.file.ok_or("key `file` is missing")?;
        if name.is_empty() || name.contains('/') {
            return Err(format!("`{name}` is not the name of a file"));
        }
        unpack::Format::of(&name).map_err(|error| error.to_string())?;
        let sha256 = self.sha256.ok_or("key `sha256` is missing")?;
        let sha256 = Digest::from_hex(&sha256)
            .map_err(|_| format!("`{sha256}` is not a sha256: expected 64 hex digits"))?;
        if self.size.is_none() && self.maximum.is_none() {
            return Err("one of the keys `size` and `maximum` is needed".to_owned());
        }
        let strip = self.strip.or_else(|| place.wrapping(&name));
        let executable = self.executable.iter().flat_map(|pattern| pattern.parse());
        Ok(Source::File(Box::new(File {
            rules: unpack::Rules {
                strip,
                executable: executable.collect(),
                rename: self.rename,
                maximum: self.unpacked.unwrap_or(unpack::MAXIMUM),
            },
            place,
            name,
            size: self.size,
            maximum: self.maximum.unwrap_or(LARGEST),
            sha256,
        })))
    }
}

impl RawSource {
    fn packages(self) -> Result<Source, String> {
        let suite = self.suite.ok_or("key `suite` is missing")?;
        if self.packages.is_empty() {
            return Err("key `packages` is missing".to_owned());
        }
        if self.file.is_some() || self.sha256.is_some() {
            return Err("its files are the archive's to name, and the lock's".to_owned());
        }
        Ok(Source::Packages(Packages {
            suite,
            names: self.packages,
            without: self.without,
        }))
    }
}

impl fmt::Display for SourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System => "system",
            Self::Url => "url",
            Self::Pypi => "pypi",
            Self::Goproxy => "goproxy",
            Self::Debian => "debian",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "schema = 1\nname = \"x\"\nversion = \"1.0\"\ndescription = \"\"\n\
         licence = \"MIT\"\nhomepage = \"\"\nkind = \"data\"\n";

    fn source(keys: &str) -> String {
        format!("{HEAD}[[artifact]]\nhost = \"any\"\n[[artifact.source]]\n{keys}\n")
    }

    #[test]
    fn a_host_of_tomorrow_is_no_mistake() {
        let text = source("").replace("\"any\"", "\"plan9/quantum\"").replace(
            "[[artifact.source]]\n",
            "[[artifact.source]]\nkind = \"url\"\naddress = \"https://a.example\"\n\
             file = \"a.zip\"\nsize = 1\nsha256 = \
             \"675c26c449cbb18fc24b74650de1eabbae6e16f64326fd85a283fb3b58280685\"",
        );
        let definition = parse(&text).unwrap();
        assert_eq!(definition.files("linux/amd64").count(), 0);
        assert_eq!(definition.hosts(), ["plan9/quantum"]);
    }

    #[test]
    fn malformed_definitions_are_refused_with_the_reason() {
        let sha = "sha256 = \"675c26c449cbb18fc24b74650de1eabbae6e16f64326fd85a283fb3b58280685\"";
        let url = "kind = \"url\"\naddress = \"https://a.example\"\n";
        for (text, reason) in [
            (HEAD.replace("schema = 1", "schema = 2"), "schema 2"),
            (
                HEAD.replace("name = \"x\"", "name = \"X/y\""),
                "missing field `artifact`",
            ),
            (
                source("").replace("\"x\"", "\"X/y\""),
                "missing field `kind`",
            ),
            (source("kind = \"ftp\""), "unknown variant `ftp`"),
            (
                source("kind = \"url\"\nfile = \"a.zip\""),
                "key `address` is missing",
            ),
            (
                source(&format!("{url}file = \"a/b.zip\"\nsize = 1\n{sha}")),
                "not the name of a file",
            ),
            (
                source(&format!("{url}file = \"a.rar\"\nsize = 1\n{sha}")),
                "known kind",
            ),
            (
                source(&format!("{url}file = \"a.zip\"\n{sha}")),
                "`size` and `maximum`",
            ),
            (
                source(&format!("{url}file = \"a.zip\"\nsize = 1")),
                "`sha256` is missing",
            ),
            (
                source(&format!("{url}project = \"p\"")),
                "belongs to another kind",
            ),
            (
                source(&format!("{url}colour = 1")),
                "unknown field `colour`",
            ),
            (source("kind = \"system\""), "[program.system]"),
            (
                source(&format!("{url}without = [\"p\"]")),
                "`without` belongs to another kind",
            ),
        ] {
            let error = parse(&text).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
        let odd =
            source(&format!("{url}file = \"a.zip\"\nsize = 1\n{sha}")).replace("\"x\"", "\"X/y\"");
        assert!(parse(&odd).unwrap_err().contains("lower-case letters"));
    }
}
