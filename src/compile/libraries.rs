//! Libraries that a linker did not find: which they are, and how Debian's are used.
//!
//! Comes in: what a linker has said, in zig's words or in lld's. Goes out: the way out, for the
//! `[sysroot]` table. What the linker has said is shown as it is.

use std::collections::BTreeSet;

use super::Failure;

/// What stands before and behind a library's name.
const WORDS: [(&str, &str); 2] = [
    ("unable to find dynamic system library '", "'"),
    ("unable to find library -l", ""),
];

/// What mends these failures, where it is a library that is missing.
pub(super) fn hint(failures: &[Failure]) -> Option<String> {
    let messages = failures.iter().map(|failure| failure.message.as_str());
    let missing: BTreeSet<&str> = messages.flat_map(missing).collect();
    let files: Vec<String> = missing
        .iter()
        .map(|name| format!("`lib{name}.so`"))
        .collect();
    (!files.is_empty()).then(|| {
        format!(
            "if Debian has {}, name its package: `packages = [\"NAME-dev\"]` under `[sysroot]`, for a \
             base with glibc{}",
            files.join(", "),
            sysroot(failures, "linker")
        )
    })
}

/// How compilers and linkers are told of the sysroot, where the platform is known.
pub(super) fn sysroot(failures: &[Failure], tool: &str) -> String {
    let platform = failures
        .iter()
        .find_map(|failure| failure.platforms.first());
    platform.map_or_else(String::new, |platform| {
        format!(
            ", and `--sysroot=$(polyarch sysroot path --platform {platform})` among the {tool}'s flags"
        )
    })
}

fn missing(message: &str) -> Vec<&str> {
    let lines = message.lines();
    lines
        .filter_map(|line| {
            let (rest, end) = WORDS.iter().find_map(|(before, behind)| {
                let (_, rest) = line.split_once(before)?;
                Some((rest, *behind))
            })?;
            let name = match end {
                "" => rest,
                end => rest.split_once(end)?.0,
            };
            Some(name.trim_end()).filter(|name| !name.is_empty())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_library_is_named_with_what_to_do() {
        for said in [
            "error: unable to find dynamic system library 'sqlite3' using strategy 'no_fallback'. \
             searched paths:\n  /a/libsqlite3.so\n",
            "rust-lld: error: unable to find library -lsqlite3\n",
        ] {
            let failure = Failure {
                platforms: vec!["linux/arm64".parse().expect("a platform")],
                status: "exit status 1".to_owned(),
                message: format!("{said}{said}"),
            };
            assert_eq!(
                hint(&[failure]).as_deref(),
                Some(
                    "if Debian has `libsqlite3.so`, name its package: `packages = [\"NAME-dev\"]` under \
                     `[sysroot]`, for a base with glibc, and `--sysroot=$(polyarch sysroot path --platform \
                     linux/arm64)` among the linker's flags"
                ),
                "{said}"
            );
        }
        assert!(missing("error: undefined symbol: sqlite3_open\n").is_empty());
    }
}
