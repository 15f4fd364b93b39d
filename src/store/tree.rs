//! Trees: directories named by the recipe they were made from.
//!
//! A tree is built under `tmp`, sealed (modes fixed, every file's digest written into a manifest)
//! and renamed into place whole. It does not change any more; directories stay writable only so
//! that `rm -rf` works.
//!
//! Trees are not flushed to the disk file by file, which would take longer than unpacking: after a
//! power cut `polyarch toolchain check` finds and removes what is wrong, and it is made again.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::lock::{self, Hold, Mode};
use super::{Error, Store};
use crate::digest::{self, Digest};
use crate::interrupt;
use crate::progress::Observer;

/// The kind of record that holds the manifests.
pub(super) const MANIFEST: &str = "tree";

/// A tree in the store. While this lives it is not pruned.
#[derive(Clone, Debug)]
pub struct Tree {
    /// The directory.
    pub path: PathBuf,
    #[expect(dead_code, reason = "kept for its lock")]
    hold: Arc<Hold>,
}

/// One line of a tree's manifest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Relative to the tree, `/` between the parts.
    pub(super) path: String,
    /// What is there.
    pub(super) what: What,
}

/// What a path of a tree holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum What {
    Directory,
    File {
        digest: Digest,
        size: u64,
        executable: bool,
    },
    Link {
        target: String,
    },
}

impl Store {
    /// The tree, made by `build` in the directory given to it if it is not here. Of several
    /// processes that want the same, one builds; the others wait, say so after a moment, and find
    /// it.
    pub fn tree<E: From<Error>>(
        &self,
        recipe: &Digest,
        label: &str,
        observer: &dyn Observer,
        mut build: impl FnMut(&Path) -> Result<(), E>,
    ) -> Result<Tree, E> {
        let path = self.tree_path(recipe);
        let lock_path = self.lock_path("tree", recipe);
        let mut waiting = || {
            observer.note(&format!(
                "waiting for another polyarch that unpacks {label}"
            ));
        };
        // Once more only if a prune came between the building and the use.
        loop {
            let hold = lock::acquire(&lock_path, Mode::Shared, &mut waiting)?;
            if path.exists() {
                self.guard(recipe, &path)?;
                hold.touch();
                let hold = Arc::new(hold);
                return Ok(Tree { path, hold });
            }
            drop(hold);
            let exclusive = lock::acquire(&lock_path, Mode::Exclusive, &mut waiting)?;
            if !path.exists() {
                let scratch = self.scratch()?;
                build(scratch.path())?;
                self.install(recipe, scratch.path(), &path)?;
            }
            drop(exclusive);
        }
    }

    /// Whether the tree is here, without taking hold of it.
    pub fn has_tree(&self, recipe: &Digest) -> bool {
        self.tree_here(recipe).is_some()
    }

    /// Where the tree is, if it is here, without taking hold of it.
    pub fn tree_here(&self, recipe: &Digest) -> Option<PathBuf> {
        Some(self.tree_path(recipe)).filter(|path| path.exists())
    }

    /// Where a tree lies or will lie, for files that have to name their place.
    pub fn tree_path(&self, recipe: &Digest) -> PathBuf {
        self.base.join("trees").join(recipe.hex())
    }

    fn install(&self, recipe: &Digest, built: &Path, path: &Path) -> Result<(), Error> {
        let manifest = seal(built)?;
        let bytes = serde_json::to_vec(&manifest).map_err(|error| Error::Io(error.into()))?;
        // The manifest comes first: a manifest without a tree is harmless.
        self.put_record(MANIFEST, recipe, &bytes)?;
        fs_err::rename(built, path).map_err(|error| Error::writing(path, None, error))
    }

    /// The manifest that was written when the tree was made.
    pub(super) fn manifest(&self, recipe: &Digest) -> Option<Vec<Entry>> {
        serde_json::from_slice(&self.record(MANIFEST, recipe)?).ok()
    }
}

/// Fixes the modes of everything under `root` and lists it.
fn seal(root: &Path) -> Result<Vec<Entry>, Error> {
    let chmod = |path: &Path, mode| {
        fs_err::set_permissions(path, std::fs::Permissions::from_mode(mode))
            .map_err(|error| Error::writing(path, None, error))
    };
    let entries = list(root)?;
    chmod(root, 0o755)?;
    for entry in &entries {
        let path = root.join(&entry.path);
        match entry.what {
            What::Directory => chmod(&path, 0o755)?,
            What::File { executable, .. } => chmod(&path, if executable { 0o555 } else { 0o444 })?,
            What::Link { .. } => {}
        }
    }
    Ok(entries)
}

/// Everything under `root`, sorted, with the digest of every file.
pub(super) fn list(root: &Path) -> Result<Vec<Entry>, Error> {
    let mut entries = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(&folder).map_err(Error::Io)? {
            interrupt::check().map_err(Error::Io)?;
            let path = entry.map_err(Error::Io)?.path();
            let what = examine(&path)?;
            if what == What::Directory {
                folders.push(path.clone());
            }
            let relative = path.strip_prefix(root).unwrap_or(&path);
            let name = relative.to_str().ok_or_else(|| Error::Unfit {
                path: path.clone(),
                reason: "its name is not UTF-8",
            })?;
            entries.push(Entry {
                path: name.to_owned(),
                what,
            });
        }
    }
    entries.sort();
    Ok(entries)
}

fn examine(path: &Path) -> Result<What, Error> {
    let unfit = |reason| Error::Unfit {
        path: path.to_owned(),
        reason,
    };
    let metadata = fs_err::symlink_metadata(path).map_err(Error::Io)?;
    if metadata.is_dir() {
        return Ok(What::Directory);
    }
    if metadata.is_symlink() {
        let target = fs_err::read_link(path).map_err(Error::Io)?;
        let target = target
            .to_str()
            .ok_or_else(|| unfit("the target of the link is not UTF-8"))?;
        return Ok(What::Link {
            target: target.to_owned(),
        });
    }
    if !metadata.is_file() {
        return Err(unfit("it is neither file, directory nor link"));
    }
    let mut file = fs_err::File::open(path).map_err(Error::Io)?;
    let (digest, size) = digest::hash(&mut file).map_err(Error::Io)?;
    Ok(What::File {
        digest,
        size,
        executable: metadata.permissions().mode() & 0o100 != 0,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;
    use crate::progress::Silent;

    fn mode(path: &Path) -> u32 {
        fs_err::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    fn build(root: &Path) -> Result<(), Error> {
        fs_err::create_dir(root.join("bin")).map_err(Error::Io)?;
        fs_err::write(root.join("bin/go"), "#!").map_err(Error::Io)?;
        let executable = std::fs::Permissions::from_mode(0o4777);
        fs_err::set_permissions(root.join("bin/go"), executable).map_err(Error::Io)?;
        fs_err::write(root.join("VERSION"), "1").map_err(Error::Io)?;
        fs_err::os::unix::fs::symlink("bin/go", root.join("go")).map_err(Error::Io)
    }

    #[test]
    fn a_tree_is_made_once_sealed_and_found_again() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path()).unwrap();
        let recipe = Digest::of(b"recipe");
        let made = AtomicUsize::new(0);
        for _ in 0..2 {
            let tree = store
                .tree::<Error>(&recipe, "go", &Silent, |root| {
                    made.fetch_add(1, Ordering::SeqCst);
                    build(root)
                })
                .unwrap();
            assert_eq!(mode(&tree.path.join("bin/go")), 0o555);
            assert_eq!(mode(&tree.path.join("VERSION")), 0o444);
            assert_eq!(mode(&tree.path.join("bin")), 0o755);
            assert_eq!(mode(&tree.path), 0o755);
        }
        assert_eq!(made.load(Ordering::SeqCst), 1);
        assert_eq!(store.manifest(&recipe).unwrap().len(), 4);
    }

    #[test]
    fn a_build_that_fails_leaves_no_tree_and_can_be_tried_again() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path()).unwrap();
        let recipe = Digest::of(b"recipe");
        let failing = store.tree::<Error>(&recipe, "go", &Silent, |root| {
            fs_err::write(root.join("half"), "x").map_err(Error::Io)?;
            Err(Error::Io(std::io::Error::other("stopped")))
        });
        assert!(failing.is_err());
        assert!(!store.has_tree(&recipe));
        let tree = store.tree::<Error>(&recipe, "go", &Silent, build).unwrap();
        assert!(!tree.path.join("half").exists());
    }

    #[test]
    fn of_many_that_want_the_same_tree_one_builds_it() {
        let home = tempfile::tempdir().unwrap();
        let made = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    let store = Store::open(home.path()).unwrap();
                    store
                        .tree::<Error>(&Digest::of(b"recipe"), "go", &Silent, |root| {
                            made.fetch_add(1, Ordering::SeqCst);
                            std::thread::sleep(Duration::from_millis(50));
                            build(root)
                        })
                        .unwrap();
                });
            }
        });
        assert_eq!(made.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_socket_does_not_fit_into_a_tree() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path()).unwrap();
        let error = store
            .tree::<Error>(&Digest::of(b"recipe"), "go", &Silent, |root| {
                std::os::unix::net::UnixListener::bind(root.join("s"))
                    .map(|_| ())
                    .map_err(Error::Io)
            })
            .unwrap_err();
        assert!(matches!(error, Error::Unfit { .. }), "{error}");
    }
}
