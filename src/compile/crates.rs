//! Crates whose build scripts did not find a library of the system, and standard libraries that
//! rustc did not find: the way out.
//!
//! Comes in: what cargo has said: its own line about a build script that failed, and below it what the
//! script wrote, which is the crate `pkg-config`'s wording where that looked for the library. Goes out:
//! a feature of the crate that compiles the library, and the Debian package that has it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use super::Failure;

/// Which package and which feature a crate has; the file itself says how it is read.
const CRATES: &str = include_str!("crates.txt");

/// Where it is written how a package of Debian's is used: no line of a configuration does it alone.
const GUIDE: &str = "\"Libraries of the system\" in docs/getting-started-rust.md";

/// How cargo tells of a build script that failed; the crate and its version come behind it.
const SCRIPT: &str = "failed to run custom build command for `";

/// A crate whose build script failed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Script<'a> {
    name: &'a str,
    version: &'a str,
    /// What it wrote.
    said: String,
}

/// A way out for a crate.
struct Known {
    package: &'static str,
    feature: Option<&'static str>,
}

/// What mends these failures, where it is a library of the system or of Rust itself that is missing.
pub(super) fn hint(failures: &[Failure]) -> Option<String> {
    let messages = || failures.iter().map(|failure| failure.message.as_str());
    let scripts: Vec<Script<'_>> = messages().flat_map(scripts).collect();
    let mut searching = scripts.iter().filter(|script| script.looked());
    if let Some(hint) = searching.find_map(Script::hint) {
        return Some(hint);
    }
    let targets: BTreeSet<&str> = messages().flat_map(without_std).collect();
    if targets.is_empty() {
        return None;
    }
    // One at a time: rustup takes all back when one fails.
    let adding = targets.iter();
    let adding: Vec<String> = adding
        .map(|target| format!("rustup target add {target}"))
        .collect();
    Some(format!(
        "the compiler that cargo called has no standard library for the target: `{}`, in the \
         project's folder",
        adding.join("; ")
    ))
}

impl Script<'_> {
    /// Whether it looked for a library with pkg-config, whichever crate it used for that.
    fn looked(&self) -> bool {
        ["pkg-config", "pkg_config", "The system library `"]
            .iter()
            .any(|words| self.said.contains(words))
    }

    fn hint(&self) -> Option<String> {
        let name = self.name;
        let Some(known) = known(name) else {
            let library = between(&self.said, "The system library `", "` required by crate")?;
            return Some(format!(
                "`{name}` looks for a library of the system; if Debian has `{library}.pc`, {GUIDE} says how \
                 its package is used"
            ));
        };
        let package = known.package;
        Some(match known.feature {
            Some(feature) => format!(
                "`cargo add {name}@{} --features {feature}` compiles the library with the program; or use \
                 Debian's `{package}`, as {GUIDE} says",
                self.version
            ),
            None => format!(
                "`{name}` looks for a library of the system, which Debian has in `{package}`: {GUIDE} says \
                 how it is used"
            ),
        })
    }
}

/// The build scripts that failed, each with what stands below it.
fn scripts(message: &str) -> Vec<Script<'_>> {
    let mut found: Vec<Script<'_>> = Vec::new();
    let mut inside = false;
    for line in message.lines() {
        if let Some((_, behind)) = line.split_once(SCRIPT)
            && let Some((named, _)) = behind.split_once('`')
            && let Some((name, version)) = named.split_once(" v")
        {
            // A place can stand behind the version, and what the library is called in it.
            let version = version.split([' ', '+']).next().unwrap_or(version);
            found.push(Script {
                name,
                version,
                said: String::new(),
            });
            inside = true;
        } else if line.starts_with("error") {
            inside = false;
        } else if let (true, Some(script)) = (inside, found.last_mut()) {
            script.said.push_str(line);
            script.said.push('\n');
        }
    }
    found
}

/// The targets whose standard library rustc did not find: its error E0463, and the note below.
fn without_std(message: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut inside = false;
    for line in message.lines() {
        if line.starts_with("error") {
            inside = line.starts_with("error[E0463]")
                && ["`std`", "`core`"].iter().any(|name| line.ends_with(name));
        } else if inside && line.trim_start().starts_with("= note: the `") {
            found.extend(between(line, "the `", "` target may not be installed"));
        }
    }
    found
}

fn between<'a>(text: &'a str, before: &str, behind: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    let (found, _) = rest.split_once(behind)?;
    Some(found)
}

fn known(name: &str) -> Option<&'static Known> {
    static KNOWN: LazyLock<BTreeMap<&'static str, Known>> = LazyLock::new(|| {
        let lines = CRATES.lines().filter(|line| !line.starts_with('#'));
        let known = lines.filter_map(|line| {
            let mut words = line.split(' ');
            let (name, package, feature) = (words.next()?, words.next()?, words.next()?);
            let feature = Some(feature).filter(|feature| *feature != "-");
            Some((name, Known { package, feature }))
        });
        known.collect()
    });
    KNOWN.get(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hinted(message: &str) -> Option<String> {
        hint(&[Failure {
            platforms: Vec::new(),
            status: "exit status 101".to_owned(),
            message: message.to_owned(),
        }])
    }

    fn refused(krate: &str, said: &str) -> String {
        format!(
            "warning: {krate}: something\nerror: failed to run custom build command for `{krate}`\n\n\
             Caused by:\n  process didn't exit successfully: `/t/build-script-build` (exit status: 101)\n  \
             --- stderr\n  {said}\nwarning: build failed, waiting for other jobs to finish...\n"
        )
    }

    const CROSS: &str = "pkg-config has not been configured to support cross-compilation.";

    #[test]
    fn a_crate_that_can_compile_its_library_is_told_how_and_which_package_has_it() {
        let hint = hinted(&refused("openssl-sys v0.9.104", CROSS)).expect("a hint");
        assert_eq!(
            hint,
            "`cargo add openssl-sys@0.9.104 --features vendored` compiles the library with the program; \
             or use Debian's `libssl-dev`, as \"Libraries of the system\" in \
             docs/getting-started-rust.md says"
        );
        let hint = hinted(&refused("libz-sys v1.1.20+zlib.1.3 (/a/b)", CROSS)).expect("a hint");
        assert!(hint.starts_with("`cargo add libz-sys@1.1.20 "), "{hint}");
    }

    #[test]
    fn a_crate_that_has_no_copy_of_its_library_is_told_the_package() {
        let hint = hinted(&refused("alsa-sys v0.3.1", CROSS)).expect("a hint");
        assert!(hint.contains("`libasound2-dev`"), "{hint}");
        let said = "The system library `odd-2` required by crate `odd-sys` was not found.";
        let hint = hinted(&refused("odd-sys v0.3.1", said)).expect("a hint");
        assert!(hint.contains("`odd-2.pc`"), "{hint}");
    }

    #[test]
    fn a_build_script_that_failed_otherwise_is_not_explained() {
        for message in [
            refused("openssl-sys v0.9.104", "perl is missing"),
            refused("odd-sys v0.1.0", CROSS),
            format!("{}error: pkg-config\n", refused("alsa-sys v0.3.1", "no")),
            "error[E0463]: can't find crate for `serde`\n".to_owned(),
            String::new(),
        ] {
            assert_eq!(hinted(&message), None, "{message}");
        }
    }

    #[test]
    fn a_missing_standard_library_is_told_with_the_command() {
        let said = "error[E0463]: can't find crate for `std`\n  |\n  = note: the \
                    `aarch64-unknown-linux-musl` target may not be installed\n  = help: consider\n";
        let hint = hinted(said).expect("a hint");
        let command = "`rustup target add aarch64-unknown-linux-musl`";
        assert!(hint.contains(command), "{hint}");
    }

    #[test]
    fn every_line_of_the_list_has_three_words_in_order() {
        let lines = CRATES.lines().filter(|line| !line.starts_with('#'));
        let lines: Vec<Vec<&str>> = lines.map(|line| line.split(' ').collect()).collect();
        for line in &lines {
            let sound = |word: &&str| !word.is_empty() && word.is_ascii();
            assert!(line.len() == 3 && line.iter().all(sound), "{line:?}");
        }
        assert!(lines.is_sorted_by(|one, next| one[0] < next[0]));
    }
}
