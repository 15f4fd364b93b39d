//! What `-o` means: `type=oci,dest=app.tar`, in the comma-separated form of `docker buildx build`,
//! quotes included (RFC 4180). A bare path is `type=local`, as there.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use thiserror::Error;

use crate::fault::{Exit, Fault};

const KEYS: [&str; 3] = ["type", "dest", "tar"];
const TYPES: [(&str, Kind); 6] = [
    ("oci-layout", Kind::Layout),
    ("oci", Kind::OciArchive),
    ("oci-archive", Kind::OciArchive),
    ("docker", Kind::DockerArchive),
    ("docker-archive", Kind::DockerArchive),
    ("local", Kind::Local),
];
const DEFAULT_LAYOUT: &str = "out/image";
const DEFAULT_LOCAL: &str = "out";

/// One `-o`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputSpec {
    kind: Kind,
    dest: PathBuf,
    folder: PathBuf,
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An OCI layout as a folder.
    Layout,
    /// An OCI layout as a tar archive.
    OciArchive,
    /// An archive for `docker load`, one for each platform.
    DockerArchive,
    /// The compiled files alone.
    Local,
}

/// Why an `-o` makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ParseSpecError {
    /// Quotes that do not end, or text behind them.
    #[error("output `{0}`: a quote is not closed, or text follows it")]
    Quote(String),
    /// A part without `=`.
    #[error("output `{spec}`: `{part}` is not `key=value`")]
    Form {
        /// The whole.
        spec: String,
        /// The part.
        part: String,
    },
    /// A key that does not exist.
    #[error("output `{spec}`: unknown key `{key}`, expected {expected}")]
    Key {
        /// The whole.
        spec: String,
        /// The key.
        key: String,
        /// Those there are.
        expected: String,
        /// The nearest, if one is near.
        nearest: Option<&'static str>,
    },
    /// A type that does not exist.
    #[error("output `{spec}`: unknown type `{found}`, expected {expected}")]
    Type {
        /// The whole.
        spec: String,
        /// The type.
        found: String,
        /// Those there are.
        expected: String,
        /// The nearest, if one is near.
        nearest: Option<&'static str>,
    },
    /// A key given twice.
    #[error("output `{spec}`: `{key}` is given twice")]
    Twice {
        /// The whole.
        spec: String,
        /// The key.
        key: String,
    },
    /// No type.
    #[error("output `{0}` has no `type`")]
    NoType(String),
    /// `dest=` and nothing behind it, which is mostly a variable that is not set.
    #[error("output `{0}`: `dest` is empty")]
    EmptyDest(String),
    /// An archive without a file to write it to.
    #[error("output `{spec}` has no `dest`")]
    NoDest {
        /// The whole.
        spec: String,
    },
    /// `-` for standard output.
    #[error("output `{0}`: `-` is not a file")]
    Stdout(String),
    /// `tar=` with something else than a truth value, or where it means nothing.
    #[error("output `{spec}`: `tar={found}` is only `true` or `false`, and only for `type=oci`")]
    Tar {
        /// The whole.
        spec: String,
        /// The value.
        found: String,
    },
}

impl Fault for ParseSpecError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Key {
                nearest: Some(near),
                ..
            } => Some(format!("did you mean `{near}=`?")),
            Self::Type {
                nearest: Some(near),
                ..
            } => Some(format!("did you mean `type={near}`?")),
            Self::NoDest { spec } => Some(format!("`-o {spec},dest=image.tar`")),
            Self::Stdout(_) => Some("`-o type=oci,dest=/dev/stdout`".to_owned()),
            Self::NoType(spec) => Some(format!("`-o type=oci-layout,{spec}`")),
            _ => Some("`-o type=oci-layout,dest=out/image`".to_owned()),
        }
    }
}

impl OutputSpec {
    /// What to write where; `dest` may hold placeholders.
    pub fn new(kind: Kind, dest: impl Into<PathBuf>) -> Self {
        Self {
            kind,
            dest: dest.into(),
            folder: PathBuf::new(),
        }
    }

    /// What is written.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Where to, with placeholders.
    pub fn dest(&self) -> &Path {
        &self.dest
    }

    /// The same with a destination that was given relative to `folder`.
    #[must_use]
    pub fn relative_to(self, folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            ..self
        }
    }

    /// The folder that `dest` is relative to. It is no template: braces in it are its own.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Default for OutputSpec {
    fn default() -> Self {
        Self::new(Kind::Layout, DEFAULT_LAYOUT)
    }
}

impl fmt::Display for OutputSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = TYPES
            .iter()
            .find(|(_, kind)| *kind == self.kind)
            .map_or("", |(name, _)| name);
        let dest = format!("dest={}", self.dest.display());
        if dest.contains([',', '"']) {
            write!(f, "type={name},\"{}\"", dest.replace('"', "\"\""))
        } else {
            write!(f, "type={name},{dest}")
        }
    }
}

impl FromStr for OutputSpec {
    type Err = ParseSpecError;

    fn from_str(spec: &str) -> Result<Self, Self::Err> {
        let parts = split(spec).ok_or_else(|| ParseSpecError::Quote(spec.to_owned()))?;
        if let [path] = &parts[..]
            && !path.is_empty()
            && !path.contains('=')
        {
            if path == "-" {
                return Err(ParseSpecError::Stdout(spec.to_owned()));
            }
            return Ok(Self::new(Kind::Local, path));
        }
        let mut values: [Option<String>; KEYS.len()] = Default::default();
        for part in parts {
            let (key, value) = part.split_once('=').ok_or_else(|| ParseSpecError::Form {
                spec: spec.to_owned(),
                part: part.clone(),
            })?;
            let key = key.trim().to_lowercase();
            let at = KEYS.iter().position(|known| *known == key);
            let at = at.ok_or_else(|| unknown_key(spec, &key))?;
            if values[at].replace(value.to_owned()).is_some() {
                return Err(ParseSpecError::Twice {
                    spec: spec.to_owned(),
                    key,
                });
            }
        }
        let [kind, dest, tar] = values;
        let kind = parse_kind(spec, kind, tar)?;
        match (dest, kind) {
            (Some(dest), _) if dest.is_empty() => Err(ParseSpecError::EmptyDest(spec.to_owned())),
            (Some(dest), _) if dest == "-" => Err(ParseSpecError::Stdout(spec.to_owned())),
            (Some(dest), kind) => Ok(Self::new(kind, dest)),
            (None, Kind::Layout) => Ok(Self::new(kind, DEFAULT_LAYOUT)),
            (None, Kind::Local) => Ok(Self::new(kind, DEFAULT_LOCAL)),
            (None, Kind::OciArchive | Kind::DockerArchive) => Err(ParseSpecError::NoDest {
                spec: spec.to_owned(),
            }),
        }
    }
}

fn parse_kind(
    spec: &str,
    name: Option<String>,
    tar: Option<String>,
) -> Result<Kind, ParseSpecError> {
    let name = name.ok_or_else(|| ParseSpecError::NoType(spec.to_owned()))?;
    let known = TYPES.iter().find(|(known, _)| *known == name);
    let kind = known
        .map(|(_, kind)| *kind)
        .ok_or_else(|| unknown_type(spec, &name))?;
    match (tar.as_deref(), kind) {
        (None, _) | (Some("true" | "1"), Kind::OciArchive) => Ok(kind),
        (Some("false" | "0"), Kind::OciArchive) => Ok(Kind::Layout),
        (Some(found), _) => Err(ParseSpecError::Tar {
            spec: spec.to_owned(),
            found: found.to_owned(),
        }),
    }
}

/// The fields of one line of comma-separated values.
fn split(line: &str) -> Option<Vec<String>> {
    let mut fields = vec![String::new()];
    let mut chars = line.chars().peekable();
    let mut quoted = false;
    while let Some(c) = chars.next() {
        let field = fields.last_mut()?;
        match c {
            '"' if quoted && chars.next_if_eq(&'"').is_some() => field.push('"'),
            '"' if quoted => {
                quoted = false;
                if !matches!(chars.peek(), None | Some(',')) {
                    return None;
                }
            }
            '"' if field.is_empty() => quoted = true,
            ',' if !quoted => fields.push(String::new()),
            c => field.push(c),
        }
    }
    (!quoted).then_some(fields)
}

fn unknown_key(spec: &str, key: &str) -> ParseSpecError {
    ParseSpecError::Key {
        spec: spec.to_owned(),
        key: key.to_owned(),
        expected: KEYS.map(|known| format!("`{known}`")).join(", "),
        nearest: nearest(key, KEYS),
    }
}

fn unknown_type(spec: &str, found: &str) -> ParseSpecError {
    let names = TYPES.map(|(name, _)| name);
    ParseSpecError::Type {
        spec: spec.to_owned(),
        found: found.to_owned(),
        expected: names.map(|name| format!("`{name}`")).join(", "),
        nearest: nearest(found, names),
    }
}

fn nearest<const N: usize>(given: &str, known: [&'static str; N]) -> Option<&'static str> {
    let ranked = known.map(|name| (strsim::damerau_levenshtein(given, name), name));
    ranked
        .into_iter()
        .min()
        .filter(|(distance, name)| *distance <= 2.max(name.len() / 3))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_spelt_as_buildx_spells_them() {
        for (given, kind, dest) in [
            ("type=oci-layout,dest=d", Kind::Layout, "d"),
            ("type=oci-layout", Kind::Layout, "out/image"),
            ("dest=a.tar,type=oci", Kind::OciArchive, "a.tar"),
            ("type=oci,dest=d,tar=false", Kind::Layout, "d"),
            (
                "type=oci-archive,dest=a.tar,tar=true",
                Kind::OciArchive,
                "a.tar",
            ),
            ("type=docker,dest=a b.tar", Kind::DockerArchive, "a b.tar"),
            (
                "type=oci,\"dest=a,\"\"b\"\".tar\"",
                Kind::OciArchive,
                "a,\"b\".tar",
            ),
            ("type=local", Kind::Local, "out"),
            ("some/dir", Kind::Local, "some/dir"),
        ] {
            let spec: OutputSpec = given.parse().expect(given);
            assert_eq!(
                (spec.kind(), spec.dest()),
                (kind, Path::new(dest)),
                "{given}"
            );
            assert_eq!(spec.to_string().parse(), Ok(spec));
        }
    }

    #[test]
    fn mistakes_are_named_with_the_nearest() {
        use ParseSpecError as E;
        let parse = |text: &str| text.parse::<OutputSpec>().expect_err(text);
        let near = |error: E| error.hint().expect("hint");
        assert_eq!(near(parse("type=oci,dset=x")), "did you mean `dest=`?");
        assert_eq!(
            near(parse("type=oci-layuot,dest=x")),
            "did you mean `type=oci-layout`?"
        );
        assert!(matches!(
            parse("type=registry"),
            E::Type { nearest: None, .. }
        ));
        assert!(matches!(parse("type=oci"), E::NoDest { .. }));
        for empty in [
            "type=oci-layout,dest=",
            "type=local,dest=",
            "type=oci,dest=",
        ] {
            assert_eq!(parse(empty), E::EmptyDest(empty.to_owned()));
        }
        assert!(matches!(parse("dest=x"), E::NoType(_)));
        assert!(matches!(parse("type=oci,x"), E::Form { .. }));
        assert!(matches!(parse("type=oci,dest=-"), E::Stdout(_)));
        assert!(matches!(parse("-"), E::Stdout(_)));
        assert!(matches!(parse("type=oci,type=oci"), E::Twice { .. }));
        assert!(matches!(
            parse("type=docker,dest=x,tar=false"),
            E::Tar { .. }
        ));
        assert!(matches!(parse("type=oci,\"dest=x"), E::Quote(_)));
        assert!(matches!(parse(""), E::Form { .. }));
    }
}
