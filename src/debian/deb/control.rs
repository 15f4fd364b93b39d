//! What a package says about itself: `control`, `md5sums` and `conffiles` of its `control.tar`
//! (deb-control(5), deb-md5sums(5), deb-conffiles(5)).
//!
//! The text of `control` is kept as it stands and read in place: a status entry has to carry the
//! indentation of descriptions, which the deb822 library takes away.

use std::io::Read;

use super::Error;
use super::tarball::{self, Kind};
use crate::debian::relation;
use crate::debian::{Package, Version};
use crate::extract;

/// The largest `control`. That of a package with thousands of provided names has some 200 KiB.
const MAXIMUM_FIELDS: u64 = 4 << 20;
/// The largest of the other files.
const MAXIMUM_LIST: u64 = 32 << 20;
/// The programs that dpkg would run, and we do not.
const SCRIPTS: [&str; 5] = ["preinst", "postinst", "prerm", "postrm", "config"];

/// The control information of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// Its name.
    pub package: String,
    /// Its version.
    pub version: Version,
    /// Its architecture, or `all`.
    pub architecture: String,
    /// `control` as it stands.
    text: String,
    /// `md5sums` as it stands, if there is one.
    pub md5sums: Option<Vec<u8>>,
    /// Its configuration files, relative to the root.
    pub conffiles: Vec<String>,
    /// The names of its maintainer scripts. What they would do has not happened.
    pub scripts: Vec<String>,
}

/// A field of the control file that is not what the index promised.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its `{field}` is `{found}`, the index has `{expected}`")]
pub struct Difference {
    /// The field.
    pub field: &'static str,
    /// The value in the index.
    pub expected: String,
    /// The value in the package.
    pub found: String,
}

impl Control {
    /// Reads a `control.tar`.
    pub(super) fn read(stream: impl Read) -> Result<Self, Error> {
        let (mut text, mut md5sums, mut conffiles) = (None, None, None);
        let mut scripts = Vec::new();
        let walked = tarball::walk(stream, |member, content| {
            let parts = extract::parts(&member.name).map_err(|reason| member.refuse(reason))?;
            let [name] = parts[..] else {
                return Ok(());
            };
            let mut read = |maximum| {
                if member.kind != Kind::File {
                    return Err(member.refuse("is no file"));
                }
                if member.size > maximum {
                    return Err(member.refuse(format!("is larger than {maximum} bytes")));
                }
                let mut bytes = Vec::new();
                content
                    .read_to_end(&mut bytes)
                    .map_err(|error| member.damaged(error))?;
                Ok(Some(bytes))
            };
            match name {
                "control" => text = read(MAXIMUM_FIELDS)?,
                "md5sums" => md5sums = read(MAXIMUM_LIST)?,
                "conffiles" => conffiles = read(MAXIMUM_LIST)?,
                name if SCRIPTS.contains(&name) => scripts.push(name.to_owned()),
                _ => {}
            }
            Ok(())
        });
        walked.map_err(|reason| Error::Tar {
            member: "control.tar",
            reason,
        })?;
        let text = text.ok_or_else(|| Error::Control("is missing".to_owned()))?;
        let mut control = Self::parse(&text)?;
        scripts.sort();
        control.scripts = scripts;
        control.md5sums = md5sums;
        control.conffiles = conffiles.map_or_else(Vec::new, |list| list_conffiles(&list));
        Ok(control)
    }

    /// Reads the text of a `control` file, a single stanza.
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        let refuse = |reason: String| Err(Error::Control(reason));
        // Policy asks for UTF-8; descriptions of old packages are not.
        let text = String::from_utf8_lossy(text);
        let text = text.trim_matches('\n');
        for (index, line) in text.lines().enumerate() {
            let is_field = line.split_once(':').is_some_and(|(name, _)| {
                !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic())
            });
            let continues = index > 0 && line.starts_with([' ', '\t']) && !line.trim().is_empty();
            if !is_field && !continues {
                let line: String = line.chars().take(80).collect();
                return refuse(format!("is malformed in line {}: `{line}`", index + 1));
            }
        }
        let get = |name: &str| {
            let value = fields(text).find(|(field, _)| field.eq_ignore_ascii_case(name));
            value.map(|(_, value)| value.trim())
        };
        let required = |name: &str| match get(name) {
            Some(value) if !value.is_empty() => Ok(value.to_owned()),
            _ => Err(Error::Control(format!("has no `{name}`"))),
        };
        let (package, architecture) = (required("Package")?, required("Architecture")?);
        if !relation::is_name(&package) {
            return refuse(format!("names the package `{package}`, which is no name"));
        }
        if !relation::is_name(&architecture) {
            return refuse(format!(
                "has the architecture `{architecture}`, which is none"
            ));
        }
        let version = required("Version")?.parse::<Version>();
        Ok(Self {
            package,
            version: version.map_err(|error| Error::Control(format!("is malformed: {error}")))?,
            architecture,
            text: text.to_owned(),
            md5sums: None,
            conffiles: Vec::new(),
            scripts: Vec::new(),
        })
    }

    /// A field's value, without the space around it.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields()
            .find(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }

    /// Every field's name and the text behind its colon, with further lines as they stand.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        fields(&self.text)
    }

    /// Compares with what an index says of the package.
    pub fn check(&self, promised: &Package) -> Result<(), Difference> {
        let differs = |field, expected: &str, found: &str| {
            Err(Difference {
                field,
                expected: expected.to_owned(),
                found: found.to_owned(),
            })
        };
        if self.package != promised.name {
            return differs("Package", &promised.name, &self.package);
        }
        if self.version != promised.version {
            return differs("Version", promised.version.as_str(), self.version.as_str());
        }
        if self.architecture != promised.architecture {
            return differs("Architecture", &promised.architecture, &self.architecture);
        }
        Ok(())
    }

    /// Whether its files may take the place of another package's (Debian Policy, section 7.6.1).
    pub fn replaces(&self, other: &Self) -> bool {
        relation::parse(self.field("Replaces").unwrap_or_default())
            // One that can't be read replaces nothing.
            .flatten()
            .any(|relation| {
                relation.name == other.package && relation.admits(other.version.as_str())
            })
    }

    /// Whether it can be there for several architectures, files that are the same shared.
    pub fn is_same(&self) -> bool {
        self.field("Multi-Arch") == Some("same")
    }
}

fn fields(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (name, behind) = rest.split_once(':')?;
        // The field ends where a line begins that does not continue it.
        let end = behind
            .match_indices('\n')
            .find(|(at, _)| !behind[at + 1..].starts_with([' ', '\t']))
            .map_or(behind.len(), |(at, _)| at);
        rest = behind.get(end + 1..).unwrap_or_default();
        Some((name, behind[..end].trim_start_matches([' ', '\t'])))
    })
}

/// Lines are absolute paths; flags in front mark files that the package no longer has.
fn list_conffiles(list: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(list);
    let lines = text.lines().map(str::trim_end);
    lines
        .filter_map(|line| line.strip_prefix('/'))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::debian::sample::Tar;

    fn control(fields: &str) -> Control {
        let text = format!("Package: demo\nVersion: 1.5-2\nArchitecture: all\n{fields}");
        Control::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn fields_are_found_whatever_their_case_and_keep_their_lines() {
        let control =
            control("multi-arch: same\nDescription: short\n long\n .\n   far\nTag:\n a,\n b\n");
        assert!(control.is_same());
        assert_eq!(
            control.field("DESCRIPTION"),
            Some("short\n long\n .\n   far")
        );
        assert_eq!(control.field("Tag"), Some("a,\n b"));
        assert_eq!(control.field("Depends"), None);
        assert_eq!(control.fields().count(), 6);
    }

    #[test]
    fn what_is_no_control_file_is_refused() {
        for (text, expected) in [
            ("", "has no `Package`"),
            ("Package: a\nVersion: 1\n", "has no `Architecture`"),
            ("Package: a\nArchitecture: all\n", "has no `Version`"),
            (
                "Package: ../a\nVersion: 1\nArchitecture: all\n",
                "which is no name",
            ),
            (
                "Package: a\nVersion: 1\nArchitecture: a/b\n",
                "which is none",
            ),
            ("Package: a\nnonsense\n", "malformed in line 2: `nonsense`"),
            (" x\nPackage: a\n", "malformed in line 1"),
            ("Package: a\n\nPackage: b\n", "malformed in line 2"),
        ] {
            let error = Control::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn replaces_is_about_names_and_versions_and_not_about_what_is_provided() {
        let other = control("Provides: virtual\n");
        for (field, expected) in [
            ("demo", true),
            ("a, demo (<< 1.5-3), b", true),
            ("demo (<< 1.5-2)", false),
            ("demo (<= 1.5-2)", true),
            ("demo (= 1.5-2)", true),
            ("demo (>= 1.6)", false),
            ("demo (>> 1.5-1)", true),
            ("demo:any (<<2)", true),
            ("virtual", false),
            ("demo (~ 1)", false),
            ("", false),
        ] {
            let new = control(&format!("Replaces: {field}\n"));
            assert_eq!(new.replaces(&other), expected, "{field}");
        }
    }

    #[test]
    fn lists_and_scripts_are_taken_from_the_archive() {
        let tar = Tar::default()
            .directory("./")
            .file("./control", "Package: a\nVersion: 1\nArchitecture: all\n")
            .file("./md5sums", "x  usr/a\n")
            .file(
                "./conffiles",
                "/etc/a\nremove-on-upgrade /etc/old\n/etc/b\n",
            )
            .file("./postinst", "#!/bin/sh\n")
            .file("./triggers", "")
            .end();
        let control = Control::read(&tar[..]).unwrap();
        assert_eq!(control.md5sums.as_deref(), Some(&b"x  usr/a\n"[..]));
        assert_eq!(control.conffiles, ["etc/a", "etc/b"]);
        assert_eq!(control.scripts, ["postinst"]);
        let error = Control::read(&Tar::default().end()[..]).unwrap_err();
        assert_eq!(error.to_string(), "the control file is missing");
    }
}
