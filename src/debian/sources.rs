//! apt's sources: which archives a host or a base image is configured with.
//!
//! Comes in: a root directory (`/`, or the merged root of an image), or entries of `[mirrors]
//! debian`. Goes out: [`Sources`], of which [`Sources::for_suite`] chooses what belongs to one
//! release. The format is that of sources.list(5): `/etc/apt/sources.list` and the files of
//! `/etc/apt/sources.list.d`, one-line (`*.list`) and deb822 (`*.sources`). Nothing is asked.

mod address;
mod deb822;
mod error;
mod inside;
mod one_line;
mod suite;

use std::path::{Path, PathBuf};

pub use address::ArchiveAddress;
pub use error::Error;
pub(super) use inside::{names_inside, read_inside, resolve_inside};

/// A sources file is a few kilobytes; a longer one is none.
const LARGEST: u64 = 1024 * 1024;

/// One archive with one suite of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The archive's root.
    pub archive: ArchiveAddress,
    /// The suite; ends in `/` where the archive is flat. Empty stands for every suite.
    pub suite: String,
    /// The components, such as `main`. Empty where the archive is flat; where the suite is empty,
    /// too, it stands for `main`.
    pub components: Vec<String>,
    /// The architectures it may be asked for; empty: every one.
    pub architectures: Vec<String>,
    /// Whose signature counts.
    pub signed_by: SignedBy,
    /// Whether it counts without a signature.
    pub trusted: bool,
    /// Whether its Valid-Until is looked at.
    pub check_valid_until: bool,
    /// Whether files are asked for under their digest first.
    pub by_hash: ByHash,
    /// Whether the user of this program named it, not the host's configuration.
    pub chosen: bool,
    /// Where it is written down.
    pub origin: Origin,
}

/// Whose signature counts for a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SignedBy {
    /// Every key in the keyrings that apt trusts for all sources.
    #[default]
    Default,
    /// The keys in these files, as the root directory has them.
    Files(Vec<PathBuf>),
    /// Of the keys that apt trusts for all sources, those with these fingerprints. One that ends
    /// in `!` means exactly that key, not those of its certificate.
    Fingerprints(Vec<String>),
    /// An armored key, written into the source.
    Inline(String),
}

/// Whether files are asked for under their digest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ByHash {
    /// Where the release says so.
    #[default]
    Release,
    /// Never.
    No,
    /// Whatever the release says.
    Force,
}

/// Where a source is written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// A file, or the name of a setting.
    pub place: String,
    /// The line in it, from one; for deb822 that of its stanza.
    pub line: usize,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}:{}`", self.place, self.line)
    }
}

/// Everything that a root directory or a setting names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// The binary sources, in apt's order.
    pub list: Vec<Source>,
    /// What the root directory is of.
    pub distribution: Distribution,
    /// What was passed over, and why.
    pub passed_over: Vec<String>,
}

/// An entry of a file before it is sorted out: `deb` or `deb-src`, with its options.
#[derive(Clone, Debug, Default)]
struct Entry {
    types: Vec<String>,
    addresses: Vec<String>,
    suites: Vec<String>,
    components: Vec<String>,
    options: Vec<(String, String)>,
}

impl Sources {
    /// Reads the configuration under a root directory. Where that is not `/`, archives in the file
    /// system are passed over: they would be looked for in the host's.
    pub fn read(root: &Path) -> Result<Self, Error> {
        let mut sources = Self {
            distribution: Distribution::read(root)?,
            ..Self::default()
        };
        for path in files(root)? {
            let Some(text) = read_text(root, &path)? else {
                continue;
            };
            let place = format!("/{}", path.display());
            let is_deb822 = path.extension().is_some_and(|end| end == "sources");
            let entries = if is_deb822 {
                deb822::parse(&text, &place)?
            } else {
                one_line::parse(&text, &place)?
            };
            for (entry, line) in entries {
                let origin = Origin {
                    place: place.clone(),
                    line,
                };
                sources.add(entry, &origin, root, false)?;
            }
        }
        Ok(sources)
    }

    /// Reads entries that the user wrote: one-line sources, or addresses alone, which stand for
    /// every suite. Both may have options in brackets in front. `place` names the setting.
    pub fn chosen(entries: &[String], place: &str) -> Result<Self, Error> {
        let mut sources = Self::default();
        for (index, text) in entries.iter().enumerate() {
            let origin = Origin {
                place: place.to_owned(),
                line: index + 1,
            };
            let entry = one_line::parse_chosen(text, &origin)?;
            sources.add(entry, &origin, Path::new("/"), true)?;
        }
        Ok(sources)
    }

    fn add(
        &mut self,
        entry: Entry,
        origin: &Origin,
        root: &Path,
        chosen: bool,
    ) -> Result<(), Error> {
        if !entry.types.iter().any(|kind| kind == "deb") {
            return Ok(());
        }
        for written in &entry.addresses {
            let address = match address::resolve(written, root, origin)? {
                Ok(address) => address,
                Err(reason) => {
                    let shown = ArchiveAddress::new(written);
                    if chosen {
                        return Err(Error::Malformed {
                            origin: origin.clone(),
                            reason: format!("{shown} can't be used: {reason}"),
                        });
                    }
                    self.passed_over
                        .push(format!("{origin}: {shown} is passed over: {reason}"));
                    continue;
                }
            };
            for suite in &entry.suites {
                let source = entry.source(address.clone(), suite, origin, chosen)?;
                self.list.push(source);
            }
        }
        Ok(())
    }
}

impl Entry {
    fn source(
        &self,
        archive: ArchiveAddress,
        suite: &str,
        origin: &Origin,
        chosen: bool,
    ) -> Result<Source, Error> {
        let malformed = |reason: String| Error::Malformed {
            origin: origin.clone(),
            reason,
        };
        match (suite.ends_with('/'), self.components.is_empty()) {
            (true, false) => {
                return Err(malformed(format!(
                    "suite `{suite}` is a path, and a path has no components"
                )));
            }
            (false, true) if !suite.is_empty() => {
                return Err(malformed(format!("suite `{suite}` has no components")));
            }
            _ => {}
        }
        if suite.split('/').any(|part| part == "..") {
            return Err(malformed(format!(
                "suite `{suite}` leads out of the archive"
            )));
        }
        let mut source = Source {
            archive,
            suite: suite.to_owned(),
            components: self.components.clone(),
            architectures: Vec::new(),
            signed_by: SignedBy::Default,
            trusted: false,
            check_valid_until: true,
            by_hash: ByHash::Release,
            chosen,
            origin: origin.clone(),
        };
        for (name, value) in &self.options {
            let truth = || {
                truth(value).ok_or_else(|| {
                    malformed(format!("`{name}` is `{value}`, expected `yes` or `no`"))
                })
            };
            match name.as_str() {
                "architectures" => source.architectures = words(value),
                "signed-by" => {
                    source.signed_by = signed_by(value);
                    if chosen && !names_keys(&source.signed_by) {
                        return Err(malformed(format!(
                            "`signed-by` is `{value}`, expected absolute paths of keyrings, or \
                             fingerprints"
                        )));
                    }
                }
                "trusted" => source.trusted = truth()?,
                "check-valid-until" => source.check_valid_until = truth()?,
                "by-hash" if value == "force" => source.by_hash = ByHash::Force,
                "by-hash" if !truth()? => source.by_hash = ByHash::No,
                // What is left concerns translations, proxies and apt's own warnings.
                _ => {}
            }
        }
        Ok(source)
    }
}

/// The names that sources.list(5) allows, sorted as apt sorts them.
fn files(root: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut found = vec![PathBuf::from("etc/apt/sources.list")];
    let folder = Path::new("etc/apt/sources.list.d");
    for name in names_inside(root, folder)? {
        let Some(name) = name.to_str() else { continue };
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        let known = [".list", ".sources"].iter().any(|end| name.ends_with(end));
        if known && !name.starts_with('.') && name.bytes().all(allowed) {
            found.push(folder.join(name));
        }
    }
    Ok(found)
}

/// The text of a file under a root directory; `None` where there is none.
fn read_text(root: &Path, path: &Path) -> Result<Option<String>, Error> {
    let Some(bytes) = read_inside(root, path, LARGEST)? else {
        return Ok(None);
    };
    String::from_utf8(bytes)
        .map(Some)
        .map_err(|_| Error::NotText {
            path: path.to_owned(),
        })
}

/// What os-release(5) says of a root directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Distribution {
    /// `ID`, such as `debian`.
    pub id: Option<String>,
    /// `VERSION_CODENAME`, such as `bookworm`.
    pub codename: Option<String>,
}

impl Distribution {
    /// Reads the file under a root directory; all is unknown where there is none.
    pub fn read(root: &Path) -> Result<Self, Error> {
        for path in ["etc/os-release", "usr/lib/os-release"] {
            if let Some(text) = read_text(root, Path::new(path))? {
                return Ok(Self::parse(&text));
            }
        }
        Ok(Self::default())
    }

    fn parse(text: &str) -> Self {
        let value = |name: &str| {
            let mut lines = text.lines();
            let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
            let value = value.trim().trim_matches(['"', '\'']).to_owned();
            (!value.is_empty()).then_some(value)
        };
        Self {
            id: value("ID"),
            codename: value("VERSION_CODENAME"),
        }
    }
}

fn words(text: &str) -> Vec<String> {
    text.split([' ', '\t', '\n', ','])
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

fn truth(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "yes" | "true" | "with" | "on" | "enable" | "1" => Some(true),
        "no" | "false" | "without" | "off" | "disable" | "0" => Some(false),
        _ => None,
    }
}

fn signed_by(value: &str) -> SignedBy {
    if value.contains("-----BEGIN PGP PUBLIC KEY BLOCK-----") {
        return SignedBy::Inline(value.to_owned());
    }
    let words = words(value);
    if words.is_empty() {
        SignedBy::Default
    } else if words.iter().any(|word| word.starts_with('/')) {
        SignedBy::Files(words.into_iter().map(PathBuf::from).collect())
    } else {
        SignedBy::Fingerprints(words)
    }
}

/// Whether a `signed-by` that the user wrote can mean anything: absolute paths or fingerprints.
fn names_keys(signed_by: &SignedBy) -> bool {
    match signed_by {
        SignedBy::Files(files) => files.iter().all(|file| file.is_absolute()),
        SignedBy::Fingerprints(words) => words.iter().all(|word| {
            let digits = word.strip_suffix('!').unwrap_or(word);
            digits.len() >= 40 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        }),
        SignedBy::Default | SignedBy::Inline(_) => true,
    }
}

#[cfg(test)]
mod tests;
