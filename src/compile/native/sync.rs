//! A copy of a source tree for a build that writes beside its sources.
//!
//! Comes in: the tree, the copy as the last run left it. Goes out: the copy brought up to date, with
//! the sources' own times of modification, so that `make` sees what has changed. Only what has
//! changed is copied, and only what was copied once is deleted: what builds have made stays.

use std::fs::Permissions;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use fs_err::os::unix::fs::symlink;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_OMIT, utimensat};

use super::manifest::{self, Entry, Manifest, Stamp};
use super::times::Moment;
use super::walk;
use crate::{atomic, interrupt, parallel};

/// A source tree and its copy.
pub(super) struct Trees<'a> {
    /// The top of the sources.
    pub(super) source: &'a Path,
    /// The folder that is not copied.
    pub(super) out: &'a Path,
    /// The top of the copy.
    pub(super) copy: &'a Path,
    /// The record of what was copied.
    pub(super) record: &'a Path,
    /// When the last build in the copy ended, where it did.
    pub(super) ended: Option<Moment>,
}

/// What there is after a run.
pub(super) struct Synced {
    /// All that was copied, now or before.
    pub(super) manifest: Manifest,
    /// Whether rules of `make` are others than last time.
    pub(super) rules_changed: bool,
}

/// Brings the copy up to date.
pub(super) fn sync(trees: &Trees<'_>, threads: usize) -> io::Result<Synced> {
    let before = manifest::read(trees.record);
    let now = walk::tree(trees.source, trees.out, &before, threads)?;
    if before == now {
        return Ok(Synced {
            manifest: now,
            rules_changed: false,
        });
    }
    fs_err::create_dir_all(trees.copy)?;
    remove(trees.copy, &before, &now)?;
    for (path, entry) in &now {
        if *entry == Entry::Folder && before.get(path) != Some(entry) {
            make_folder(&trees.copy.join(path))?;
        }
    }
    let changed: Vec<(&PathBuf, &Entry)> = now
        .iter()
        .filter(|(path, entry)| before.get(*path) != Some(*entry))
        .collect();
    parallel::map(&changed, threads, |(path, entry)| {
        interrupt::check()?;
        let (from, to) = (trees.source.join(path), trees.copy.join(path));
        match entry {
            Entry::File(stamp) => file(&from, &to, stamp, before.get(*path), trees.ended),
            Entry::Link(target) => make_link(target, &to),
            Entry::Folder | Entry::Product(_) => Ok(()),
        }
    })?;
    let rules_changed = walk::makefiles(&before) != walk::makefiles(&now);
    manifest::write(trees.record, &now)?;
    Ok(Synced {
        manifest: now,
        rules_changed,
    })
}

/// Removes what was copied and has vanished or become something else, inner paths first.
fn remove(copy: &Path, before: &Manifest, now: &Manifest) -> io::Result<()> {
    for (path, old) in before.iter().rev() {
        let gone = match (old, now.get(path)) {
            (Entry::Product(_), _)
            | (Entry::Folder, Some(Entry::Folder))
            | (Entry::File(_), Some(Entry::File(_))) => false,
            (Entry::Link(old), Some(Entry::Link(new))) => old != new,
            _ => true,
        };
        if !gone {
            continue;
        }
        let place = copy.join(path);
        let result = match old {
            // With what a build has made in it, it stays.
            Entry::Folder => fs_err::remove_dir(&place).or_else(|error| match error.kind() {
                io::ErrorKind::DirectoryNotEmpty => Ok(()),
                _ => Err(error),
            }),
            _ => fs_err::remove_file(&place),
        };
        match result {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn make_folder(path: &Path) -> io::Result<()> {
    match fs_err::symlink_metadata(path) {
        Ok(found) if found.is_dir() => Ok(()),
        _ => {
            atomic::remove(path)?;
            fs_err::create_dir(path)
        }
    }
}

fn make_link(target: &Path, to: &Path) -> io::Result<()> {
    atomic::remove(to)?;
    symlink(target, to)
}

/// Copies a file, unless the copy has the same content: then it keeps its time, and nothing is
/// compiled for it.
fn file(
    from: &Path,
    to: &Path,
    stamp: &Stamp,
    before: Option<&Entry>,
    ended: Option<Moment>,
) -> io::Result<()> {
    let old = match before {
        Some(Entry::File(old)) => Some(old),
        _ => None,
    };
    if let Some(old) = old
        && old.size == stamp.size
        && same(from, to).unwrap_or(false)
    {
        if old.mode != stamp.mode {
            fs_err::set_permissions(to, Permissions::from_mode(stamp.mode))?;
        }
        return Ok(());
    }
    atomic::remove(to)?;
    fs_err::copy(from, to)?;
    // Other content under a time from before the last build has ended, as when an older file was moved
    // here or one was saved meanwhile: what was made of the former content would pass for newer. The
    // copy has the present time, then.
    let is_seen = ended.is_none_or(|ended| stamp.modified <= ended);
    if old.is_some() && is_seen {
        return Ok(());
    }
    let modified = stamp.modified;
    let omit = Timespec {
        tv_sec: 0,
        tv_nsec: UTIME_OMIT,
    };
    let times = Timestamps {
        last_access: omit,
        last_modification: Timespec {
            tv_sec: modified.0,
            tv_nsec: modified.1,
        },
    };
    utimensat(CWD, to, &times, AtFlags::empty()).map_err(|error| {
        io::Error::new(
            io::Error::from(error).kind(),
            format!("can't set the time of `{}`: {error}", to.display()),
        )
    })
}

/// Whether two files have the same content.
pub(super) fn same(one: &Path, other: &Path) -> io::Result<bool> {
    let (mut one, mut other) = (fs_err::File::open(one)?, fs_err::File::open(other)?);
    let (mut left, mut right) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        let read = one.read(&mut left)?;
        if read == 0 {
            return Ok(other.read(&mut right)? == 0);
        }
        if other.read_exact(&mut right[..read]).is_err() || left[..read] != right[..read] {
            return Ok(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::MetadataExt;

    struct Fixture {
        home: tempfile::TempDir,
        source: PathBuf,
        copy: PathBuf,
    }

    impl Fixture {
        fn new(files: &[(&str, &str)]) -> Self {
            let home = tempfile::tempdir().expect("tempdir");
            let source = home.path().join("a source");
            let fixture = Self {
                copy: source.join("out/.build/tree"),
                source,
                home,
            };
            for (name, text) in files {
                fixture.write(name, text);
            }
            fs_err::create_dir_all(fixture.source.join("out/.build")).expect("created");
            fixture
        }

        fn write(&self, name: &str, text: &str) {
            let path = self.source.join(name);
            fs_err::create_dir_all(path.parent().expect("a parent")).expect("created");
            fs_err::write(path, text).expect("written");
        }

        fn sync(&self) -> Synced {
            self.sync_after(None)
        }

        fn sync_after(&self, ended: Option<Moment>) -> Synced {
            let trees = Trees {
                source: &self.source,
                out: &self.source.join("out"),
                copy: &self.copy,
                record: &self.source.join("out/.build/record"),
                ended,
            };
            sync(&trees, 2).expect("synced")
        }

        fn age(&self, name: &str, seconds: i64) {
            let time = Timespec {
                tv_sec: seconds,
                tv_nsec: 5,
            };
            let times = Timestamps {
                last_access: time,
                last_modification: time,
            };
            utimensat(CWD, self.source.join(name), &times, AtFlags::empty()).expect("set");
        }

        fn read(&self, name: &str) -> String {
            fs_err::read_to_string(self.copy.join(name)).expect("in the copy")
        }

        fn time(&self, name: &str) -> i64 {
            fs_err::metadata(self.copy.join(name))
                .expect("in the copy")
                .mtime()
        }
    }

    #[test]
    fn a_copy_has_files_links_and_times_and_not_what_is_no_source() {
        let fixture = Fixture::new(&[
            ("Makefile", "all:"),
            ("dir with space/x.c", "int x;"),
            (".git/config", ""),
            ("build/CMakeCache.txt", ""),
            ("build/x.o", ""),
            ("out/amd64/app", ""),
        ]);
        let odd = OsStr::from_bytes(b"odd \xff name");
        fs_err::write(fixture.source.join(odd), "odd").expect("written");
        symlink("nowhere", fixture.source.join("dangling")).expect("linked");
        fixture.age("dir with space/x.c", 1_000_000);
        fixture.sync();
        assert_eq!(fixture.time("dir with space/x.c"), 1_000_000);
        assert_eq!(
            fs_err::read(fixture.copy.join(odd)).expect("copied"),
            b"odd"
        );
        let target = fs_err::read_link(fixture.copy.join("dangling")).expect("a link");
        assert_eq!(target, Path::new("nowhere"));
        for absent in [".git", "build/x.o", "out"] {
            assert!(!fixture.copy.join(absent).exists(), "{absent}");
        }
    }

    #[test]
    fn products_stay_and_what_has_vanished_goes() {
        let fixture = Fixture::new(&[("Makefile", ""), ("a/x.c", "1"), ("b/y.c", "1")]);
        fixture.sync();
        fs_err::write(fixture.copy.join("a/x.o"), "product").expect("written");
        fs_err::remove_file(fixture.source.join("a/x.c")).expect("removed");
        fs_err::remove_dir(fixture.source.join("a")).expect("removed");
        fs_err::remove_dir_all(fixture.source.join("b")).expect("removed");
        let synced = fixture.sync();
        assert!(!synced.rules_changed);
        assert_eq!(fixture.read("a/x.o"), "product");
        assert!(!fixture.copy.join("a/x.c").exists() && !fixture.copy.join("b").exists());
        fixture.write("Makefile", "all:");
        assert!(fixture.sync().rules_changed);
    }

    #[test]
    fn a_folder_becomes_a_file_and_a_file_a_folder() {
        let fixture = Fixture::new(&[("one/x", "1"), ("two", "2")]);
        fixture.sync();
        fs_err::write(fixture.copy.join("one/made"), "").expect("written");
        fs_err::remove_dir_all(fixture.source.join("one")).expect("removed");
        fs_err::remove_file(fixture.source.join("two")).expect("removed");
        fixture.write("one", "file");
        fixture.write("two/x", "folder");
        fixture.sync();
        assert_eq!(
            (fixture.read("one"), fixture.read("two/x")),
            ("file".into(), "folder".into())
        );
    }

    #[test]
    fn the_same_content_keeps_its_time_and_other_content_is_never_older() {
        let fixture = Fixture::new(&[("x.c", "same"), ("y.c", "old")]);
        fixture.age("x.c", 1_000_000);
        fixture.age("y.c", 1_000_000);
        fixture.sync();
        fixture.age("x.c", 2_000_000);
        fixture.write("y.c", "new");
        fixture.age("y.c", 1_000_000);
        fixture.sync();
        assert_eq!(fixture.time("x.c"), 1_000_000);
        assert_eq!(fixture.read("y.c"), "new");
        assert!(fixture.time("y.c") > 2_000_000);
    }

    #[test]
    fn files_that_can_only_be_read_are_replaced() {
        let fixture = Fixture::new(&[("x.c", "1")]);
        let path = fixture.source.join("x.c");
        fs_err::set_permissions(&path, Permissions::from_mode(0o444)).expect("set");
        fixture.sync();
        fs_err::set_permissions(&path, Permissions::from_mode(0o644)).expect("set");
        fixture.write("x.c", "22");
        fs_err::set_permissions(&path, Permissions::from_mode(0o444)).expect("set");
        fixture.sync();
        assert_eq!(fixture.read("x.c"), "22");
    }

    #[test]
    fn what_was_built_among_the_sources_is_left_out() {
        let fixture = Fixture::new(&[
            ("x.c", "1"),
            ("x.o", "\u{7f}ELF..."),
            ("blob.o", "\u{7f}ELF..."),
        ]);
        fixture.age("blob.o", 1_000_000);
        fixture.sync();
        assert!(!fixture.copy.join("x.o").exists());
        assert!(fixture.copy.join("blob.o").exists());
        assert!(fixture.home.path().exists());
    }
}
