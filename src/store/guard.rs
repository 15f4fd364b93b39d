//! A look at a small tree before it is used: somebody may have edited what lies in the store, and
//! it would go into every image from then on. In: a tree and its manifest. Out: the first thing that
//! differs.
//!
//! Names, kinds, sizes and modes are compared, nothing is read: a few milliseconds at most, on every
//! use. Times say nothing, since a store may be copied. What this can't see (a large tree, the same
//! number of other bytes) is seen by [`Store::check`].

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::tree::{Entry, MANIFEST, What};
use super::{Error, Store};
use crate::digest::Digest;

/// The longest manifest that is read for this: that of some two thousand files.
const LONGEST: u64 = 384 * 1024;

impl Store {
    /// Refuses a small tree that is not what was unpacked. One whose manifest is lost is used.
    pub(super) fn guard(&self, recipe: &Digest, path: &Path) -> Result<(), Error> {
        let length = fs_err::metadata(self.record_path(MANIFEST, recipe));
        if length.is_ok_and(|found| found.len() > LONGEST) {
            return Ok(());
        }
        match self.manifest(recipe) {
            Some(manifest) => compare(path, &manifest),
            None => Ok(()),
        }
    }
}

fn compare(root: &Path, manifest: &[Entry]) -> Result<(), Error> {
    let altered = |path: &str, reason: String| Error::Altered {
        path: root.join(path),
        reason,
    };
    let mut expected: BTreeMap<&str, &What> = manifest
        .iter()
        .map(|entry| (entry.path.as_str(), &entry.what))
        .collect();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(root.join(&folder)).map_err(Error::Io)? {
            let entry = entry.map_err(Error::Io)?;
            let name = entry.file_name();
            let path = format!("{folder}{}", name.to_string_lossy());
            let Some(what) = expected.remove(path.as_str()) else {
                return Err(altered(&path, "does not belong there".to_owned()));
            };
            let found = entry.metadata().map_err(Error::Io)?;
            let reason = match what {
                What::Directory if found.is_dir() => {
                    folders.push(format!("{path}/"));
                    None
                }
                What::Link { .. } if found.is_symlink() => None,
                What::File {
                    size, executable, ..
                } if found.is_file() => {
                    let runs = found.permissions().mode() & 0o100 != 0;
                    if found.len() != *size {
                        Some(format!("has {} bytes: expected {size}", found.len()))
                    } else if runs != *executable {
                        Some("has another mode".to_owned())
                    } else {
                        None
                    }
                }
                _ => Some("is of another kind".to_owned()),
            };
            if let Some(reason) = reason {
                return Err(altered(&path, reason));
            }
        }
    }
    match expected.first_key_value() {
        Some((path, _)) => Err(altered(path, "is missing".to_owned())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::fault::{Exit, Fault};
    use crate::progress::Silent;

    fn take(store: &Store) -> Result<(), Error> {
        let tree = store.tree::<Error>(&Digest::of(b"recipe"), "t", &Silent, |root| {
            fs_err::create_dir(root.join("d")).map_err(Error::Io)?;
            fs_err::write(root.join("d/one"), "1").map_err(Error::Io)?;
            fs_err::os::unix::fs::symlink("d/one", root.join("link")).map_err(Error::Io)?;
            fs_err::write(root.join("two"), "22").map_err(Error::Io)
        });
        tree.map(drop)
    }

    #[test]
    fn a_tree_that_was_changed_is_refused_with_the_file_and_the_way_out() {
        type Change = fn(&Path);
        let changes: [(&str, Change); 6] = [
            ("d/one` has 3 bytes: expected 1", |root| {
                fs_err::remove_file(root.join("d/one")).unwrap();
                fs_err::write(root.join("d/one"), "111").unwrap();
            }),
            ("d/three` does not belong there", |root| {
                fs_err::write(root.join("d/three"), "").unwrap();
            }),
            ("two` is missing", |root| {
                fs_err::remove_file(root.join("two")).unwrap()
            }),
            ("link` is of another kind", |root| {
                fs_err::remove_file(root.join("link")).unwrap();
                fs_err::create_dir(root.join("link")).unwrap();
            }),
            ("two` has another mode", |root| {
                let mode = std::fs::Permissions::from_mode(0o755);
                fs_err::set_permissions(root.join("two"), mode).unwrap();
            }),
            ("d/one` is missing", |root| {
                fs_err::remove_file(root.join("d/one")).unwrap()
            }),
        ];
        for (expected, change) in changes {
            let home = tempfile::tempdir().unwrap();
            let store = Store::open(home.path()).unwrap();
            take(&store).unwrap();
            take(&store).expect("unchanged");
            change(&store.tree_path(&Digest::of(b"recipe")));
            let error = take(&store).unwrap_err();
            assert!(error.to_string().ends_with(expected), "{error}");
            assert_eq!(error.exit(), Exit::Integrity);
            let hint = error.hint().unwrap();
            assert!(
                hint.contains("`polyarch toolchain check --repair`"),
                "{hint}"
            );
            store.check(true, &Silent).unwrap();
            take(&store).expect("made again");
        }
    }

    #[test]
    fn a_tree_without_a_manifest_is_used_and_one_of_many_files_costs_little() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path()).unwrap();
        let recipe = Digest::of(b"many");
        let build = |root: &Path| {
            for number in 0..1500 {
                fs_err::write(root.join(format!("{number}")), "x").map_err(Error::Io)?;
            }
            Ok::<(), Error>(())
        };
        let path = store.tree(&recipe, "many", &Silent, build).unwrap().path;
        let start = Instant::now();
        store.guard(&recipe, &path).unwrap();
        // A few milliseconds; unoptimised and on a busy machine more.
        assert!(start.elapsed().as_millis() < 500);
        fs_err::remove_file(store.record_path(MANIFEST, &recipe)).unwrap();
        fs_err::write(path.join("more"), "").unwrap();
        store.guard(&recipe, &path).unwrap();
    }
}
