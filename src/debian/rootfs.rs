//! What a root made of packages lacks because no maintainer script ran, as far as programs need it
//! to run.
//!
//! Comes in: an unpacked tree and its list. Goes out: further entries, each with its reason; the tree
//! is only read. Nothing is added that is there already, and nothing that no package gives a reason
//! for, but for users and the directories that every root has. `/etc/hosts` and `/etc/resolv.conf`
//! are for the engine to mount; time zones default to UTC; `ld.so.cache` is not needed for the
//! directories that the loader knows; alternatives such as `awk` are left unmade, see
//! [`Control::scripts`](super::deb::Control).

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::deb::Control;
use super::status;
use super::unpack::{Content, Unpacked};
use crate::fault::{Exit, Fault};

/// The user that programs run as where nothing else is said; distroless images have the same.
const NONROOT: u32 = 65532;
const PASSWD: &str = "root:x:0:0:root:/root:/sbin/nologin\n\
    nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n";
const GROUP: &str = "root:x:0:\nnogroup:x:65534:\n";
const NONROOT_PASSWD: &str = "nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n";
const NONROOT_GROUP: &str = "nonroot:x:65532:\n";

/// Where `ca-certificates` has what it puts together.
const CERTIFICATES: &str = "usr/share/ca-certificates/";
const BUNDLE: &str = "etc/ssl/certs/ca-certificates.crt";
/// The most bytes of any file that is read here.
const LARGEST: u64 = 16 << 20;

/// An entry that no package has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addition {
    /// Relative to the root. Directories above it that are in no list are plain ones.
    pub path: String,
    /// What it is.
    pub content: Added,
    /// Permission bits.
    pub mode: u32,
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// Why it is there.
    pub reason: &'static str,
}

/// What an added entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Added {
    /// A directory.
    Directory,
    /// A file.
    File(Vec<u8>),
    /// A symbolic link and its target.
    Symlink(String),
}

/// Why a root could not be completed.
#[derive(Debug, Error)]
pub enum Error {
    /// A file of the tree can't be read.
    #[error("can't read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file of the tree is larger than such files are.
    #[error("`{}` is larger than {LARGEST} bytes", path.display())]
    Large {
        /// The file.
        path: PathBuf,
    },
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::Read { .. } => Exit::Io,
            Self::Large { .. } => Exit::Integrity,
        }
    }
}

/// What is missing in a tree unpacked as [`Rootfs`](super::unpack::Kind::Rootfs), sorted by path.
pub fn complete(tree: &Path, unpacked: &Unpacked) -> Result<Vec<Addition>, Error> {
    let mut root = Root {
        tree,
        unpacked,
        present: unpacked
            .entries
            .iter()
            .map(|entry| entry.path.as_str())
            .collect(),
        additions: Vec::new(),
    };
    root.users()?;
    root.certificates()?;
    root.name_service()?;
    root.directories();
    root.packages()?;
    root.additions
        .sort_by(|left, right| left.path.cmp(&right.path));
    Ok(root.additions)
}

struct Root<'a> {
    tree: &'a Path,
    unpacked: &'a Unpacked,
    present: BTreeSet<&'a str>,
    additions: Vec<Addition>,
}

impl Root<'_> {
    /// base-passwd's script copies its masters; without users, `getpwuid` finds nobody.
    fn users(&mut self) -> Result<(), Error> {
        for (path, master, plain, nonroot) in [
            (
                "etc/passwd",
                "usr/share/base-passwd/passwd.master",
                PASSWD,
                NONROOT_PASSWD,
            ),
            (
                "etc/group",
                "usr/share/base-passwd/group.master",
                GROUP,
                NONROOT_GROUP,
            ),
        ] {
            let mut text = match self.is_file(master) {
                true => self.read(master)?,
                false => plain.as_bytes().to_vec(),
            };
            end_line(&mut text);
            text.extend_from_slice(nonroot.as_bytes());
            self.file(path, text, "programs look up who they run as");
        }
        Ok(())
    }

    /// update-ca-certificates puts all certificates into one file; OpenSSL looks for it by names that
    /// are in the package `openssl`, not in that of its library.
    fn certificates(&mut self) -> Result<(), Error> {
        let entries = &self.unpacked.entries;
        let files = entries.iter().filter(|entry| {
            entry.path.starts_with(CERTIFICATES)
                && Path::new(&entry.path)
                    .extension()
                    .is_some_and(|extension| extension == "crt")
                && matches!(entry.content, Content::File | Content::Hardlink(_))
        });
        let mut bundle = Vec::new();
        for entry in files {
            bundle.extend(self.read(&entry.path)?);
            end_line(&mut bundle);
        }
        if bundle.is_empty() {
            return Ok(());
        }
        self.file(
            BUNDLE,
            bundle,
            "ca-certificates puts its certificates together when it is installed",
        );
        let has_openssl = entries.iter().any(|entry| {
            let name = entry.path.rsplit('/').next().unwrap_or_default();
            entry.path.starts_with("usr/lib/") && name.starts_with("libssl.so.")
        });
        if has_openssl {
            let reason =
                "libssl looks for certificates there; the links are in the package openssl";
            self.link(
                "usr/lib/ssl/cert.pem",
                "/etc/ssl/certs/ca-certificates.crt",
                reason,
            );
            self.link("usr/lib/ssl/certs", "/etc/ssl/certs", reason);
        }
        Ok(())
    }

    /// libc-bin's or base-files' script copies it where it is missing.
    fn name_service(&mut self) -> Result<(), Error> {
        for master in [
            "usr/share/libc-bin/nsswitch.conf",
            "usr/share/base-files/nsswitch.conf",
        ] {
            if self.is_file(master) {
                let text = self.read(master)?;
                self.file(
                    "etc/nsswitch.conf",
                    text,
                    "its package copies it there when it is installed",
                );
                break;
            }
        }
        Ok(())
    }

    fn directories(&mut self) {
        self.directory("tmp", 0o1777, 0, "every root has it");
        self.directory("root", 0o700, 0, "the home of root");
        self.directory("home/nonroot", 0o700, NONROOT, "the home of nonroot");
    }

    /// What dpkg would have noted, in the form of distroless images.
    fn packages(&mut self) -> Result<(), Error> {
        let reason = "scanners look there for what is installed";
        for (index, control) in self.unpacked.controls.iter().enumerate() {
            let mut conffiles = Vec::new();
            for path in &control.conffiles {
                if self.is_file(path) {
                    conffiles.push((path.clone(), status::md5(&self.read(path)?)));
                }
            }
            let md5sums = match &control.md5sums {
                Some(md5sums) => md5sums.clone(),
                None => self.sums(index, control)?,
            };
            let path = format!("{}/{}", status::DIRECTORY, control.package);
            let entry = status::entry(control, &conffiles);
            self.file(&path, entry.into_bytes(), reason);
            self.file(&format!("{path}.md5sums"), md5sums, reason);
        }
        Ok(())
    }

    /// dpkg makes the list of checksums where a package has none.
    fn sums(&self, index: usize, control: &Control) -> Result<Vec<u8>, Error> {
        let mut list = Vec::new();
        for entry in &self.unpacked.entries {
            let is_file = matches!(entry.content, Content::File | Content::Hardlink(_));
            if entry.package == Some(index) && is_file && !control.conffiles.contains(&entry.path) {
                let file = self.open(&entry.path)?;
                let sum =
                    status::md5_of(file).map_err(|source| self.unreadable(&entry.path, source))?;
                list.extend_from_slice(format!("{sum}  {}\n", entry.path).as_bytes());
            }
        }
        Ok(list)
    }

    fn file(&mut self, path: &str, bytes: Vec<u8>, reason: &'static str) {
        self.add(path, Added::File(bytes), 0o644, 0, reason);
    }

    fn link(&mut self, path: &str, target: &str, reason: &'static str) {
        self.add(path, Added::Symlink(target.to_owned()), 0o777, 0, reason);
    }

    fn directory(&mut self, path: &str, mode: u32, owner: u32, reason: &'static str) {
        self.add(path, Added::Directory, mode, owner, reason);
    }

    fn add(&mut self, path: &str, content: Added, mode: u32, owner: u32, reason: &'static str) {
        // Also where a package has a link or a file above it, which says how it wants it.
        let blocked = |at: usize| {
            let above = &path[..at];
            let place = self
                .unpacked
                .entries
                .binary_search_by(|entry| entry.path.as_str().cmp(above));
            place.is_ok_and(|at| self.unpacked.entries[at].content != Content::Directory)
        };
        if self.present.contains(path) || path.match_indices('/').any(|(at, _)| blocked(at)) {
            return;
        }
        self.additions.push(Addition {
            path: path.to_owned(),
            content,
            mode,
            uid: owner,
            gid: owner,
            reason,
        });
    }

    fn is_file(&self, path: &str) -> bool {
        let entries = &self.unpacked.entries;
        let place = entries.binary_search_by(|entry| entry.path.as_str().cmp(path));
        place.is_ok_and(|at| matches!(entries[at].content, Content::File | Content::Hardlink(_)))
    }

    /// A file of the list; what lies above it are directories.
    fn read(&self, path: &str) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        self.open(path)?
            .take(LARGEST + 1)
            .read_to_end(&mut bytes)
            .map_err(|source| self.unreadable(path, source))?;
        if bytes.len() as u64 > LARGEST {
            return Err(Error::Large {
                path: self.tree.join(path),
            });
        }
        Ok(bytes)
    }

    fn open(&self, path: &str) -> Result<fs_err::File, Error> {
        let place = self.tree.join(path);
        fs_err::File::open(&place).map_err(|source| self.unreadable(path, source))
    }

    fn unreadable(&self, path: &str, source: io::Error) -> Error {
        Error::Read {
            path: self.tree.join(path),
            source,
        }
    }
}

fn end_line(text: &mut Vec<u8>) {
    if text.last().is_some_and(|last| *last != b'\n') {
        text.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::debian::unpack::Entry;

    fn complete_with(files: &[(&str, &str)], controls: Vec<Control>) -> Vec<Addition> {
        let tree = tempfile::tempdir().unwrap();
        let mut entries: Vec<Entry> = Vec::new();
        for (path, text) in files {
            let place = tree.path().join(path);
            fs_err::create_dir_all(place.parent().unwrap()).unwrap();
            fs_err::write(&place, text).unwrap();
            entries.push(Entry {
                path: (*path).to_owned(),
                content: Content::File,
                mode: 0o644,
                uid: 0,
                gid: 0,
                package: Some(0),
            });
        }
        entries.sort_by(|left, right| left.path.cmp(&right.path));
        let unpacked = Unpacked {
            entries,
            controls,
            dangling: Vec::new(),
        };
        complete(tree.path(), &unpacked).unwrap()
    }

    fn text(additions: &[Addition], path: &str) -> Option<String> {
        let found = additions.iter().find(|addition| addition.path == path)?;
        match &found.content {
            Added::File(bytes) => Some(String::from_utf8(bytes.clone()).unwrap()),
            Added::Symlink(target) => Some(target.clone()),
            Added::Directory => Some(format!("{:o} {}", found.mode, found.uid)),
        }
    }

    #[test]
    fn an_empty_root_gets_users_and_their_homes_and_nothing_else() {
        let additions = complete_with(&[], Vec::new());
        let paths: Vec<&str> = additions.iter().map(|a| a.path.as_str()).collect();
        assert_eq!(
            paths,
            ["etc/group", "etc/passwd", "home/nonroot", "root", "tmp"]
        );
        assert_eq!(text(&additions, "tmp").unwrap(), "1777 0");
        assert_eq!(text(&additions, "home/nonroot").unwrap(), "700 65532");
        assert!(
            text(&additions, "etc/passwd")
                .unwrap()
                .contains("nobody:x:65534:")
        );
    }

    #[test]
    fn what_packages_have_is_not_replaced() {
        let files = [("etc/passwd", "mine\n"), ("tmp/x", ""), ("root", "a file")];
        let additions = complete_with(&files, Vec::new());
        assert_eq!(text(&additions, "etc/passwd"), None);
        assert_eq!(text(&additions, "root"), None);
        assert!(text(&additions, "etc/group").is_some());
    }

    #[test]
    fn the_masters_of_base_passwd_and_libc_are_used() {
        let additions = complete_with(
            &[
                (
                    "usr/share/base-passwd/passwd.master",
                    "root:*:0:0::/root:/bin/bash",
                ),
                ("usr/share/libc-bin/nsswitch.conf", "hosts: files dns\n"),
            ],
            Vec::new(),
        );
        assert_eq!(
            text(&additions, "etc/passwd").unwrap(),
            format!("root:*:0:0::/root:/bin/bash\n{NONROOT_PASSWD}")
        );
        assert_eq!(
            text(&additions, "etc/nsswitch.conf").unwrap(),
            "hosts: files dns\n"
        );
    }

    #[test]
    fn certificates_are_put_together_sorted_and_linked_for_libssl() {
        let certificates = [
            ("usr/share/ca-certificates/mozilla/b.crt", "B"),
            ("usr/share/ca-certificates/mozilla/a.crt", "A\n"),
            ("usr/share/ca-certificates/mozilla/README", "x"),
        ];
        let additions = complete_with(&certificates, Vec::new());
        assert_eq!(text(&additions, BUNDLE).unwrap(), "A\nB\n");
        assert_eq!(text(&additions, "usr/lib/ssl/cert.pem"), None);
        let ssl = ("usr/lib/aarch64-linux-gnu/libssl.so.3", "");
        let all = [&certificates[..], &[ssl]].concat();
        let additions = complete_with(&all, Vec::new());
        assert_eq!(
            text(&additions, "usr/lib/ssl/cert.pem").unwrap(),
            "/etc/ssl/certs/ca-certificates.crt"
        );
        let openssl = ("usr/lib/ssl/cert.pem", "");
        let additions = complete_with(&[&all[..], &[openssl]].concat(), Vec::new());
        assert_eq!(text(&additions, "usr/lib/ssl/cert.pem"), None);
        assert!(text(&additions, "usr/lib/ssl/certs").is_some());
    }

    #[test]
    fn every_package_is_noted_with_its_checksums() {
        let control = |name: &str| {
            let text = format!("Package: {name}\nVersion: 1\nArchitecture: all\n");
            Control::parse(text.as_bytes()).unwrap()
        };
        let (mut with, without) = (control("with"), control("without"));
        with.md5sums = Some(b"0  usr/a\n".to_vec());
        with.conffiles = vec!["etc/a.conf".to_owned(), "etc/gone".to_owned()];
        let files = [("etc/a.conf", ""), ("usr/a", "")];
        let additions = complete_with(&files, vec![with.clone(), without]);
        let directory = "var/lib/dpkg/status.d";
        let entry = text(&additions, &format!("{directory}/with")).unwrap();
        assert!(
            entry.contains("\nStatus: install ok installed\n"),
            "{entry}"
        );
        assert!(
            entry.contains("\nConffiles:\n /etc/a.conf d41d8cd98f00b204e9800998ecf8427e\n"),
            "{entry}"
        );
        let sums = |name: &str| text(&additions, &format!("{directory}/{name}.md5sums")).unwrap();
        assert_eq!(
            (sums("with").as_str(), sums("without").as_str()),
            ("0  usr/a\n", "")
        );
        with.md5sums = None;
        let additions = complete_with(&files, vec![with]);
        assert_eq!(
            text(&additions, &format!("{directory}/with.md5sums")).unwrap(),
            "d41d8cd98f00b204e9800998ecf8427e  usr/a\n"
        );
    }
}
