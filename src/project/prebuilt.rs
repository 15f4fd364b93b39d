//! Files that exist already, found by patterns.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use thiserror::Error;

use crate::fault::{Exit, Fault};
use crate::target::Platform;
use crate::template::{self, UnknownPlaceholder, Values};

/// Where prebuilt files are looked for when nothing is configured: what `compile` leaves.
pub const DEFAULT_PATTERN: &str = "out/{arch}{variant}/*";

/// Why no files were found.
#[derive(Debug, Error)]
pub enum Error {
    /// A pattern has a placeholder that does not exist.
    #[error(transparent)]
    Template(#[from] UnknownPlaceholder),
    /// A platform that was asked for has no file.
    #[error("no file for {platform}: nothing matches `{pattern}` in {}", root.display())]
    Missing {
        /// The platform.
        platform: Platform,
        /// The pattern, expanded.
        pattern: String,
        /// The project's folder.
        root: PathBuf,
    },
    /// No platform was asked for and none has a file.
    #[error("no prebuilt file for any platform: nothing matches {} in {}", patterns.join(", "), root.display())]
    Nothing {
        /// The patterns as configured.
        patterns: Vec<String>,
        /// The project's folder.
        root: PathBuf,
    },
    /// A folder could not be read.
    #[error("can't look for prebuilt files")]
    Io(#[from] std::io::Error),
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::Template(error) => error.exit(),
            Self::Missing { .. } | Self::Nothing { .. } => Exit::Project,
            Self::Io(_) => Exit::Io,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Template(error) => error.hint(),
            Self::Missing { platform, .. } => Some(format!(
                "build the file for {platform} first, or leave the platform out of `--platform`"
            )),
            Self::Nothing { .. } => Some(
                "say where the files are: `[build] artifacts = [\"dist/{os}_{arch}/app\"]` in polyarch.toml"
                    .to_owned(),
            ),
            Self::Io(_) => None,
        }
    }
}

/// The placeholders of a path that differs by platform.
pub fn values(platform: Platform) -> Values {
    Values::default()
        .with("os", platform.os())
        .with("arch", platform.architecture().name)
        .with("variant", platform.variant().unwrap_or(""))
        .with("platform", platform.to_string().replace('/', "-"))
}

/// The files of each platform asked for; each must have at least one for every pattern.
pub fn find(
    root: &Path,
    patterns: &BTreeMap<Platform, Vec<String>>,
) -> Result<BTreeMap<Platform, Vec<PathBuf>>, Error> {
    let mut found = BTreeMap::new();
    for (&platform, patterns) in patterns {
        let mut files = BTreeSet::new();
        for pattern in patterns {
            let pattern = values(platform).expand(pattern)?;
            let matched = matching(root, &pattern)?;
            if matched.is_empty() {
                return Err(Error::Missing {
                    platform,
                    pattern,
                    root: root.to_owned(),
                });
            }
            files.extend(matched);
        }
        found.insert(platform, files.into_iter().collect());
    }
    Ok(found)
}

/// The platforms that have a file for every pattern. Where the patterns do not tell variants
/// apart, the architecture's usual one is meant.
pub fn platforms(root: &Path, patterns: &[String]) -> Result<Vec<Platform>, Error> {
    let tells_variants = patterns.iter().any(|pattern| {
        template::mentions(pattern, "variant") || template::mentions(pattern, "platform")
    });
    let usual = |platform: &Platform| {
        let name = format!("linux/{}", platform.architecture().name);
        tells_variants || name.parse() == Ok(*platform)
    };
    let mut found = Vec::new();
    for platform in Platform::all().into_iter().filter(usual) {
        let mut complete = true;
        for pattern in patterns {
            complete &= !matching(root, &values(platform).expand(pattern)?)?.is_empty();
        }
        if complete && !patterns.is_empty() {
            found.push(platform);
        }
    }
    if found.is_empty() && !patterns.is_empty() {
        return Err(Error::Nothing {
            patterns: patterns.to_vec(),
            root: root.to_owned(),
        });
    }
    Ok(found)
}

/// Regular files that match, sorted. `*` stands for any characters within one path element, a
/// leading dot excepted.
fn matching(root: &Path, pattern: &str) -> Result<Vec<PathBuf>, Error> {
    let mut paths = vec![root.to_owned()];
    for component in Path::new(pattern).components() {
        let name = match component {
            Component::CurDir => continue,
            Component::Normal(name) => name.to_string_lossy(),
            other => {
                paths = paths.iter().map(|path| path.join(other)).collect();
                continue;
            }
        };
        if !name.contains('*') {
            paths = paths.iter().map(|path| path.join(&*name)).collect();
            continue;
        }
        let mut next = Vec::new();
        for path in paths.iter().filter(|path| path.is_dir()) {
            for entry in fs_err::read_dir(path)? {
                let entry = entry?;
                let file = entry.file_name();
                let file = file.to_string_lossy();
                if !file.starts_with('.') && wildcard(&name, &file) {
                    next.push(entry.path());
                }
            }
        }
        paths = next;
    }
    paths.retain(|path| path.is_file());
    paths.sort();
    Ok(paths)
}

fn wildcard(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, tail)) => name.strip_prefix(head).is_some_and(|rest| {
            rest.char_indices()
                .map(|(at, _)| at)
                .chain([rest.len()])
                .any(|at| wildcard(tail, &rest[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("temporary folder");
        for file in files {
            let path = folder.path().join(file);
            fs_err::create_dir_all(path.parent().expect("parent")).expect("created");
            fs_err::write(path, "x").expect("written");
        }
        folder
    }

    #[test]
    fn platforms_are_those_that_have_files() {
        let tree = tree(&[
            "out/armv7/app",
            "out/armv6/app",
            "out/amd64/app",
            "out/.lock",
        ]);
        let patterns = [DEFAULT_PATTERN.to_owned()];
        let found = platforms(tree.path(), &patterns).expect("found");
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, ["linux/amd64", "linux/arm/v6", "linux/arm/v7"]);
    }

    #[test]
    fn a_pattern_without_variant_means_the_usual_one() {
        let tree = tree(&["dist/linux_arm/app", "dist/linux_amd64/app"]);
        let found = platforms(tree.path(), &["dist/{os}_{arch}/app".to_owned()]).expect("found");
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, ["linux/amd64", "linux/arm/v7"]);
    }

    #[test]
    fn a_platform_without_a_file_is_an_error_that_names_the_pattern() {
        let tree = tree(&["dist/arm64/app"]);
        let platform: Platform = "linux/s390x".parse().expect("known");
        let asked = BTreeMap::from([(platform, vec!["dist/{arch}/app".to_owned()])]);
        let error = find(tree.path(), &asked).expect_err("missing");
        assert!(
            error
                .to_string()
                .starts_with("no file for linux/s390x: nothing matches `dist/s390x/app`")
        );
    }

    #[test]
    fn a_star_stays_within_one_name() {
        assert!(wildcard("a*c", "abc") && wildcard("*", "") && wildcard("*.t*", "a.tar"));
        assert!(!wildcard("a*c", "abd") && !wildcard("a", "ab"));
        let tree = tree(&["d/a/x", "d/b/x", "d/.h/x"]);
        assert_eq!(matching(tree.path(), "d/*/x").expect("read").len(), 2);
    }
}
