//! Lists a source tree: what of it goes into a copy.
//!
//! Left out are version control's own files, the project's `out`, build trees that say that they are
//! some, and what a build in the sources themselves has left: with that, `make` would find its work
//! done, for the wrong machine.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use super::manifest::{Entry, Manifest, Stamp};
use crate::process::{self, CommandSpec, Runner};
use crate::project::top::METADATA;
use crate::{interrupt, parallel};

/// How far apart, in seconds, a file's time of modification and its time of change are where it was
/// made in its place. What was unpacked or copied with its times has an older time of modification.
const MADE_HERE: i64 = 5;

/// Lists the tree below `top`, without `out`; `before` is what was there last time.
pub(super) fn tree(
    top: &Path,
    out: &Path,
    before: &Manifest,
    threads: usize,
) -> io::Result<Manifest> {
    let mut found = Manifest::new();
    let mut level = vec![PathBuf::new()];
    while !level.is_empty() {
        let listed = parallel::map(&level, threads, |folder| list(top, folder, out))?;
        level = Vec::new();
        for (path, entry) in listed.into_iter().flatten() {
            if entry == Entry::Folder {
                level.push(path.clone());
            }
            found.insert(path, entry);
        }
    }
    leave_out_products(top, &mut found, before)?;
    Ok(found)
}

/// The entries of one folder; none where it is a build tree.
fn list(top: &Path, folder: &Path, out: &Path) -> io::Result<Vec<(PathBuf, Entry)>> {
    interrupt::check()?;
    let mut entries = Vec::new();
    let own = folder.as_os_str().is_empty();
    for entry in fs_err::read_dir(top.join(folder))? {
        let entry = entry?;
        let name = entry.file_name();
        if !own && says_build_tree(folder, &name) {
            return Ok(Vec::new());
        }
        let path = folder.join(&name);
        if METADATA.iter().any(|metadata| name == **metadata) || top.join(&path) == out {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_dir() {
            entries.push((path, Entry::Folder));
        } else if kind.is_symlink() {
            let target = fs_err::read_link(entry.path())?;
            let target = link(top, folder, target);
            entries.push((path, Entry::Link(target)));
        } else if kind.is_file() {
            let stamp = Stamp::of(&entry.metadata()?);
            entries.push((path, Entry::File(stamp)));
        }
    }
    Ok(entries)
}

/// Whether a file is one that only a build tree has: CMake's, any that bears the mark of caches
/// (bford.info/cachedir), another project's `out`.
fn says_build_tree(folder: &Path, name: &OsStr) -> bool {
    name == "CMakeCache.txt"
        || name == "CACHEDIR.TAG"
        || (name == ".lock" && folder.file_name() == Some(OsStr::new("out")))
}

/// What the copy's link says: the same, unless that leads out of the tree, or into the original
/// where nothing may be written.
fn link(top: &Path, folder: &Path, target: PathBuf) -> PathBuf {
    if target.is_absolute() {
        return match target.strip_prefix(top) {
            Err(_) => target,
            Ok(inside) => {
                let up: PathBuf = folder.components().map(|_| Component::ParentDir).collect();
                up.join(inside)
            }
        };
    }
    let mut depth = folder.components().count();
    for part in target.components() {
        match part {
            Component::ParentDir if depth == 0 => return top.join(folder).join(target),
            Component::ParentDir => depth -= 1,
            Component::Normal(_) => depth += 1,
            _ => {}
        }
    }
    target
}

/// Marks object files, archives, libraries and programs that were built in the source tree: in a
/// checkout those that git does not track, elsewhere those that were made where they are.
fn leave_out_products(top: &Path, found: &mut Manifest, before: &Manifest) -> io::Result<()> {
    let mut asked: Option<Option<BTreeSet<PathBuf>>> = None;
    let mut products = Vec::new();
    for (path, entry) in found.iter() {
        let Entry::File(stamp) = entry else { continue };
        match before.get(path) {
            Some(Entry::File(old)) if old == stamp => continue,
            Some(Entry::Product(old)) if old == stamp => {}
            _ if !may_be_binary(path, stamp.mode) || !is_binary(&top.join(path))? => continue,
            _ => {
                let tracked = asked.get_or_insert_with(|| tracked(top));
                let kept = match tracked {
                    Some(tracked) => tracked.contains(path),
                    None => stamp.changed.0 - stamp.modified.0 > MADE_HERE,
                };
                if kept {
                    continue;
                }
            }
        }
        products.push((path.clone(), Entry::Product(*stamp)));
    }
    found.extend(products);
    Ok(())
}

/// Whether a file may be what compilers and linkers write, by its name and mode.
pub(super) fn may_be_binary(path: &Path, mode: u32) -> bool {
    const ENDINGS: [&[u8]; 8] = [b"o", b"lo", b"os", b"obj", b"a", b"so", b"elf", b"exe"];
    let Some(extension) = path.extension() else {
        return true;
    };
    let name = path.file_name().unwrap_or_default().as_bytes();
    mode & 0o111 != 0
        || ENDINGS.contains(&extension.as_bytes())
        || name.windows(4).any(|part| part == b".so.")
}

/// Whether a file begins as ELF files and archives of them do.
fn is_binary(path: &Path) -> io::Result<bool> {
    let mut head = Vec::with_capacity(8);
    fs_err::File::open(path)?.take(8).read_to_end(&mut head)?;
    Ok(head.starts_with(b"\x7fELF") || head == b"!<arch>\n")
}

/// What git tracks; `None` where that can't be said.
fn tracked(top: &Path) -> Option<BTreeSet<PathBuf>> {
    if !top.join(".git").exists() {
        return None;
    }
    let spec = CommandSpec::new(process::find("git")?, top).args(["ls-files", "-z"]);
    let output = Runner.output(&spec).ok()?;
    let paths = output.stdout.split(|byte| *byte == 0);
    output.status.success().then(|| {
        paths
            .map(|path| PathBuf::from(OsStr::from_bytes(path)))
            .collect()
    })
}

/// The paths of a listing that `make` reads rules from.
pub(super) fn makefiles(manifest: &Manifest) -> BTreeMap<&Path, &Entry> {
    let is_makefile = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        matches!(&*name, "GNUmakefile" | "makefile" | "Makefile") || name.ends_with(".mk")
    };
    let files = manifest.iter().map(|(path, entry)| (path.as_path(), entry));
    files.filter(|(path, _)| is_makefile(path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_stay_as_they_are_unless_they_would_lead_elsewhere_from_the_copy() {
        let top = Path::new("/src/top");
        let read = |folder: &str, target: &str| {
            link(top, Path::new(folder), target.into())
                .display()
                .to_string()
        };
        assert_eq!(read("a", "../b/x"), "../b/x");
        assert_eq!(read("a", "dangling"), "dangling");
        assert_eq!(read("a", "../../x"), "/src/top/a/../../x");
        assert_eq!(read("a/b", "/src/top/include"), "../../include");
        assert_eq!(read("", "/usr/include/x.h"), "/usr/include/x.h");
    }

    #[test]
    fn names_tell_what_may_be_a_product() {
        let may = |name: &str, mode| may_be_binary(Path::new(name), mode);
        assert!(may("a.o", 0o644) && may("app", 0o644) && may("lib.so.1.2", 0o644));
        assert!(may("run.bin", 0o755));
        assert!(!may("a.c", 0o644) && !may("b.sol", 0o644));
    }
}
