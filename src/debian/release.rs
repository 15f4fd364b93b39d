//! The `Release` file: what a suite is, how long it counts, and the digests of its indexes.
//!
//! Comes in: text that a signature covers. Goes out: a [`Release`] that is the one asked for and
//! has not expired. Format: <https://wiki.debian.org/DebianRepository/Format>, "Release files";
//! the syntax is deb822(5).

mod date;

use std::collections::BTreeMap;

use deb822_fast::Paragraph;
use thiserror::Error;

use crate::digest::Digest;
use crate::fault::{Exit, Fault};

use super::sources::ArchiveAddress;
pub use date::Date;

/// How far ahead of ours another machine's clock may be.
const SKEW: i64 = 300;

/// A parsed `Release`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Who publishes it.
    pub origin: String,
    /// Its name by role, such as `stable`.
    pub suite: Option<String>,
    /// Its own name, such as `trixie`.
    pub codename: Option<String>,
    /// When it was made.
    pub date: Option<Date>,
    /// Until when it counts; most suites name no end.
    pub valid_until: Option<Date>,
    /// Its architectures.
    pub architectures: Vec<String>,
    /// Its components.
    pub components: Vec<String>,
    /// Whether files can be had under their digest.
    pub by_hash: bool,
    /// Whether its packages are taken only where they are asked for.
    pub not_automatic: bool,
    /// Whether its packages are upgraded once they were asked for.
    pub but_automatic_upgrades: bool,
    /// Whether the index of an architecture has the packages of architecture `all` in it.
    pub merges_all: bool,
    /// Digest and size of each file below the suite's directory.
    pub files: BTreeMap<String, Listed>,
}

/// What a release promises of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its digest.
    pub sha256: Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// What a release has to be.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The archive it came from, for messages.
    pub archive: &'a ArchiveAddress,
    /// The suite as it was asked for.
    pub suite: &'a str,
    /// The present.
    pub now: Date,
    /// Whether its end is looked at.
    pub check_valid_until: bool,
}

/// Why a release can't be used.
#[derive(Debug, Error)]
pub enum Error {
    /// A field is missing or can't be read.
    #[error("release of suite `{suite}` of {archive} is malformed: {reason}")]
    Malformed {
        /// The archive.
        archive: ArchiveAddress,
        /// The suite.
        suite: String,
        /// What is wrong.
        reason: String,
    },
    /// Its end has come.
    #[error("release of suite `{suite}` of {archive} expired on {until}; now it is {now}")]
    Expired {
        /// The archive.
        archive: ArchiveAddress,
        /// The suite.
        suite: String,
        /// The last moment.
        until: Date,
        /// The present.
        now: Date,
    },
    /// It is of a later time.
    #[error("release of suite `{suite}` of {archive} is of {date}; now it is {now}")]
    Future {
        /// The archive.
        archive: ArchiveAddress,
        /// The suite.
        suite: String,
        /// Its date.
        date: Date,
        /// The present.
        now: Date,
    },
    /// Another suite lies there.
    #[error("{archive} answers with another suite: expected `{suite}`, found {found}")]
    Other {
        /// The archive.
        archive: ArchiveAddress,
        /// The suite that was asked for.
        suite: String,
        /// What it says it is.
        found: String,
    },
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        Exit::Integrity
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Expired { .. } => Some(
                "where `date -u` is wrong, set this machine's clock; else name a mirror that is up to \
                 date under `[mirrors]`, or, for an archive that is no longer updated, write its \
                 source there with `[check-valid-until=no]`"
                    .to_owned(),
            ),
            Self::Future { .. } => Some("set this machine's clock: `date -u`".to_owned()),
            Self::Malformed { .. } | Self::Other { .. } => None,
        }
    }
}

impl Release {
    /// Reads a release and checks that it is what is expected.
    pub fn read(text: &[u8], expected: &Expected<'_>) -> Result<Self, Error> {
        let release = Self::parse(text).map_err(|reason| Error::Malformed {
            archive: expected.archive.clone(),
            suite: expected.suite.to_owned(),
            reason,
        })?;
        release.check(expected)?;
        Ok(release)
    }

    /// The priority that apt gives its packages (`apt_preferences(5)`).
    pub fn priority(&self) -> i32 {
        match (self.not_automatic, self.but_automatic_upgrades) {
            (false, _) => 500,
            (true, true) => 100,
            (true, false) => 1,
        }
    }

    fn parse(text: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(text).map_err(|_| "it is not UTF-8 text".to_owned())?;
        let paragraph: Paragraph = text.trim().parse().map_err(
            // Its words would repeat a whole line of the file.
            |_: deb822_fast::Error| "it is not a list of fields".to_owned(),
        )?;
        let field = |name: &str| {
            let value = paragraph.get(name).map(|value| value.trim().to_owned());
            value.filter(|value| !value.is_empty())
        };
        let words = |name: &str| -> Vec<String> {
            let value = field(name).unwrap_or_default();
            value.split_whitespace().map(str::to_owned).collect()
        };
        let flag = |name: &str| field(name).is_some_and(|value| value.eq_ignore_ascii_case("yes"));
        let date = |name: &str| match field(name) {
            None => Ok(None),
            Some(value) => match Date::parse(&value) {
                Some(date) => Ok(Some(date)),
                None => Err(format!("`{name}` is `{value}`, which is no date")),
            },
        };
        let listed = field("SHA256").ok_or("it has no `SHA256`")?;
        Ok(Self {
            origin: field("Origin").unwrap_or_default(),
            suite: field("Suite"),
            codename: field("Codename"),
            date: date("Date")?,
            valid_until: date("Valid-Until")?,
            architectures: words("Architectures"),
            components: words("Components"),
            by_hash: flag("Acquire-By-Hash"),
            not_automatic: flag("NotAutomatic"),
            but_automatic_upgrades: flag("ButAutomaticUpgrades"),
            merges_all: words("No-Support-for-Architecture-all")
                .iter()
                .any(|word| word == "Packages"),
            files: files(&listed)?,
        })
    }

    fn check(&self, expected: &Expected<'_>) -> Result<(), Error> {
        let (archive, suite) = (|| expected.archive.clone(), || expected.suite.to_owned());
        // A flat archive has no suites.
        let is_flat = expected.suite.ends_with('/');
        if !is_flat && !self.is_named(expected.suite) {
            let names: Vec<String> = [&self.suite, &self.codename]
                .into_iter()
                .flatten()
                .map(|name| format!("`{name}`"))
                .collect();
            return Err(Error::Other {
                archive: archive(),
                suite: suite(),
                found: if names.is_empty() {
                    "no name".to_owned()
                } else {
                    names.join(" or ")
                },
            });
        }
        let now = expected.now;
        if let Some(date) = self.date.filter(|date| date.0 > now.0 + SKEW) {
            return Err(Error::Future {
                archive: archive(),
                suite: suite(),
                date,
                now,
            });
        }
        match self.valid_until.filter(|until| until.0 < now.0) {
            Some(until) if expected.check_valid_until => Err(Error::Expired {
                archive: archive(),
                suite: suite(),
                until,
                now,
            }),
            _ => Ok(()),
        }
    }

    /// Whether it has that name. Of a suite with a path, such as `buster/updates` or
    /// `stable/amd64`, the name may be the first part alone.
    fn is_named(&self, asked: &str) -> bool {
        let first = asked.split('/').next().unwrap_or(asked);
        [&self.suite, &self.codename]
            .into_iter()
            .flatten()
            .any(|name| name == asked || name == first)
    }
}

/// Lines of digest, size and path.
fn files(listed: &str) -> Result<BTreeMap<String, Listed>, String> {
    let mut files = BTreeMap::new();
    for line in listed.lines().filter(|line| !line.trim().is_empty()) {
        let mut words = line.split_whitespace();
        let (Some(digest), Some(size), Some(path), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(format!("`{line}` is not a digest, a size and a path"));
        };
        let sha256 = Digest::from_hex(digest).map_err(|_| format!("`{digest}` is no digest"))?;
        let size = size.parse().map_err(|_| format!("`{size}` is no size"))?;
        if !is_safe(path) {
            return Err(format!("`{path}` leads out of the suite"));
        }
        files.insert(path.to_owned(), Listed { sha256, size });
    }
    Ok(files)
}

/// Whether a path stays below where it begins, and reads the same in an address.
fn is_safe(path: &str) -> bool {
    let odd = |char: char| char.is_control() || matches!(char, '\\' | '?' | '#');
    !path.starts_with('/') && !path.contains(odd) && path.split('/').all(|part| part != "..")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "\
Origin: Example
Suite: stable
Codename: trixie
Date: Sat, 15 Nov 2025 10:00:00 UTC
Valid-Until: Sat, 22 Nov 2025 10:00:00 UTC
Acquire-By-Hash: yes
No-Support-for-Architecture-all: Packages
Architectures: all amd64 riscv64
Components: main contrib
SHA256:
 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855        0 main/binary-amd64/Packages
";

    fn read(text: &str, suite: &str, now: &str, check: bool) -> Result<Release, Error> {
        Release::read(
            text.as_bytes(),
            &Expected {
                archive: &ArchiveAddress::new("https://me:pw@archive.example/debian"),
                suite,
                now: Date::parse(now).unwrap(),
                check_valid_until: check,
            },
        )
    }

    const NOW: &str = "Sun, 16 Nov 2025 10:00:00 +0000";

    #[test]
    fn every_field_is_read() {
        let release = read(TEXT, "trixie", NOW, true).unwrap();
        assert_eq!(release.architectures, ["all", "amd64", "riscv64"]);
        assert_eq!(release.components, ["main", "contrib"]);
        assert!(release.by_hash && release.merges_all);
        assert_eq!(release.priority(), 500);
        let file = release.files["main/binary-amd64/Packages"];
        assert_eq!((file.sha256, file.size), (Digest::of(b""), 0));
        assert!(read(TEXT, "stable", NOW, true).is_ok());
    }

    #[test]
    fn priorities_are_those_of_apt() {
        let backports = format!("{TEXT}NotAutomatic: yes\nButAutomaticUpgrades: yes\n");
        assert_eq!(
            read(&backports, "trixie", NOW, true).unwrap().priority(),
            100
        );
        let experimental = format!("{TEXT}NotAutomatic: yes\n");
        assert_eq!(
            read(&experimental, "trixie", NOW, true).unwrap().priority(),
            1
        );
    }

    #[test]
    fn another_suite_is_refused() {
        let error = read(TEXT, "bookworm", NOW, true).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`https://***@archive.example/debian` answers with another suite: expected \
             `bookworm`, found `stable` or `trixie`"
        );
        assert!(read(TEXT, "trixie/amd64", NOW, true).is_ok());
        assert!(read(TEXT, "./", NOW, true).is_ok());
        let nameless = TEXT.replace("Suite: stable\nCodename: trixie\n", "");
        assert!(matches!(
            read(&nameless, "trixie", NOW, true),
            Err(Error::Other { .. })
        ));
    }

    #[test]
    fn an_expired_release_counts_only_when_told() {
        let late = "Sat, 22 Nov 2025 10:00:01 UTC";
        let error = read(TEXT, "trixie", late, true).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("expired on 2025-11-22T10:00:00Z; now it is 2025-11-22T10:00:01Z"),
            "{error}"
        );
        assert!(error.hint().unwrap().contains("[check-valid-until=no]"));
        assert!(read(TEXT, "trixie", late, false).is_ok());
    }

    #[test]
    fn a_release_from_the_future_is_refused() {
        let early = "Sat, 15 Nov 2025 09:00:00 UTC";
        assert!(matches!(
            read(TEXT, "trixie", early, false),
            Err(Error::Future { .. })
        ));
        assert!(read(TEXT, "trixie", "Sat, 15 Nov 2025 09:58:00 UTC", true).is_ok());
    }

    #[test]
    fn paths_that_lead_out_and_odd_lines_are_refused() {
        let digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        for line in [
            format!("{digest} 1 ../x"),
            format!("{digest} 1 /etc/passwd"),
            format!("{digest} 1 a?b"),
            format!("{digest} -1 a"),
            format!("{digest} 1"),
            "abc 1 a".to_owned(),
        ] {
            let text = format!("{TEXT} {line}\n");
            let result = read(&text, "trixie", NOW, true);
            assert!(matches!(result, Err(Error::Malformed { .. })), "{line}");
        }
        let without = TEXT.split("SHA256").next().unwrap();
        let error = read(without, "trixie", NOW, true).unwrap_err();
        assert!(error.to_string().contains("no `SHA256`"), "{error}");
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "(SHA256:|Date:|Suite: |[ \n:.a-f0-9/]|\\PC){0,60}") {
            let _ = read(&text, "trixie", NOW, true);
        }
    }
}
