//! Entries of dpkg's database for packages that dpkg did not install, so that scanners find them
//! (dpkg-query(1); the fields and their order are those in which dpkg itself writes its `status`).
//!
//! Comes in: a package's control information and the checksums of its configuration files. Goes
//! out: text.
//!
//! A root that we make gets `/var/lib/dpkg/status.d/NAME` and `NAME.md5sums`, as distroless images
//! have them, and no `/var/lib/dpkg/status`: trivy, syft, grype and clair read both forms, and files
//! of their own for each package can lie in several layers, where one `status` would hide the other.

use std::fmt::Write as _;
use std::io::{self, Read};

use md5::{Digest as _, Md5};

use super::deb::Control;
use crate::digest::BLOCK;
use crate::interrupt;

/// The directory with one file for each package.
pub const DIRECTORY: &str = "var/lib/dpkg/status.d";

/// The fields that dpkg knows, in its order. All others follow as they come.
const ORDER: [&str; 25] = [
    "Package",
    "Essential",
    "Protected",
    "Status",
    "Priority",
    "Section",
    "Installed-Size",
    "Origin",
    "Maintainer",
    "Bugs",
    "Architecture",
    "Multi-Arch",
    "Source",
    "Version",
    "Config-Version",
    "Replaces",
    "Provides",
    "Depends",
    "Pre-Depends",
    "Recommends",
    "Suggests",
    "Breaks",
    "Conflicts",
    "Enhances",
    "Description",
];

/// The entry of an installed package. `conffiles` are paths without a slash in front, each with the
/// MD5 sum of what lies there.
pub fn entry(control: &Control, conffiles: &[(String, String)]) -> String {
    let mut fields: Vec<(&str, String)> = control
        .fields()
        // What describes a state of dpkg is not for a package to say.
        .filter(|(name, _)| !is(name, "Status") && !is(name, "Conffiles"))
        .map(|(name, value)| (canonical(name), format!("{}: {value}\n", canonical(name))))
        .collect();
    fields.push(("Status", "Status: install ok installed\n".to_owned()));
    if !conffiles.is_empty() {
        let mut text = "Conffiles:\n".to_owned();
        for (path, md5) in conffiles {
            let _ = writeln!(text, " /{path} {md5}");
        }
        // dpkg's own place for it.
        fields.push(("Conffiles", text));
    }
    let place = |name: &str| match name {
        // Behind `Enhances`, before `Description`.
        "Conffiles" => 2 * ORDER.len() - 3,
        name => match ORDER.iter().position(|known| *known == name) {
            Some(place) => 2 * place,
            None => 2 * ORDER.len(),
        },
    };
    fields.sort_by_key(|(name, _)| place(name));
    fields.into_iter().map(|(_, text)| text).collect()
}

/// A checksum as dpkg's database has it.
pub fn md5(bytes: &[u8]) -> String {
    hex(&Md5::digest(bytes))
}

/// The same of all that a reader yields.
pub(super) fn md5_of(mut reader: impl Read) -> io::Result<String> {
    let (mut hash, mut buffer) = (Md5::new(), vec![0; BLOCK]);
    loop {
        interrupt::check()?;
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(hex(&hash.finalize())),
            Ok(read) => hash.update(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn hex(digest: &[u8]) -> String {
    let mut text = String::with_capacity(2 * digest.len());
    for byte in digest {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// dpkg's spelling, where it knows the field.
fn canonical(name: &str) -> &str {
    let known = ORDER.iter().find(|known| is(known, name));
    known.copied().unwrap_or(name)
}

fn is(name: &str, other: &str) -> bool {
    name.eq_ignore_ascii_case(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_in_dpkgs_order_and_text_is_kept() {
        let control = Control::parse(
            b"Package: demo\nVersion: 1:2-3\nhomepage: x\nArchitecture: arm64\n\
              Description: short\n Long\n .\n   indented\nmaintainer: A <a@example>\n\
              Depends: libc6 (>= 2.36),\n zlib1g\n",
        )
        .unwrap();
        let conffiles = [("etc/demo".to_owned(), md5(b""))];
        assert_eq!(
            entry(&control, &conffiles),
            "Package: demo\nStatus: install ok installed\nMaintainer: A <a@example>\n\
             Architecture: arm64\nVersion: 1:2-3\nDepends: libc6 (>= 2.36),\n zlib1g\n\
             Conffiles:\n /etc/demo d41d8cd98f00b204e9800998ecf8427e\n\
             Description: short\n Long\n .\n   indented\nhomepage: x\n"
        );
    }

    #[test]
    fn an_entry_is_read_back_as_the_same_package() {
        let control = Control::parse(b"Package: a\nVersion: 1\nArchitecture: all\n").unwrap();
        let again = Control::parse(entry(&control, &[]).as_bytes()).unwrap();
        assert_eq!(again.package, control.package);
        assert_eq!(again.version, control.version);
        assert_eq!(again.field("Status"), Some("install ok installed"));
    }
}
