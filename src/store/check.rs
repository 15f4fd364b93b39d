//! Whether everything in the store still is what its name or manifest says.
//!
//! All faults are collected. What is wrong can be removed, so that the next use fetches or makes
//! it again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::lock::{self, Mode};
use super::tree::{self, Entry, What};
use super::{Error, Store, cache};
use crate::digest::{self, Digest};
use crate::progress::{MeterReader, Observer};

/// What a check found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Checked {
    /// How many blobs were read.
    pub blobs: usize,
    /// How many trees were compared with their manifests.
    pub trees: usize,
    /// How many caches were compared with what was noted of them.
    pub caches: usize,
    /// Everything that is wrong.
    pub wrong: Vec<Wrong>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Wrong {
    /// The blob, or the directory of the tree or of the cache.
    pub path: PathBuf,
    /// What is wrong with it, one entry a file.
    pub reasons: Vec<String>,
    /// Whether it was removed.
    pub removed: bool,
}

impl Store {
    /// Reads every blob and tree, and what is known of caches. With `repair`, what is wrong is removed unless it is in use.
    pub fn check(&self, repair: bool, observer: &dyn Observer) -> Result<Checked, Error> {
        let mut checked = Checked::default();
        for (digest, path) in self.named("blobs/sha256")? {
            checked.blobs += 1;
            let reasons = match digest {
                Some(digest) => blob_faults(&digest, &path, observer)?,
                None => vec!["its name is not a digest".to_owned()],
            };
            self.settle(&mut checked, "blob", digest, path, reasons, repair)?;
        }
        for (recipe, path) in self.named("trees")? {
            checked.trees += 1;
            let reasons = match recipe {
                Some(recipe) => self.tree_faults(&recipe, &path)?,
                None => vec!["its name is not a digest".to_owned()],
            };
            self.settle(&mut checked, "tree", recipe, path, reasons, repair)?;
        }
        for (digest, path) in self.caches()? {
            checked.caches += 1;
            let reasons = self.cache_faults(&digest, &path)?;
            self.settle(
                &mut checked,
                cache::KIND,
                Some(digest),
                path,
                reasons,
                repair,
            )?;
        }
        Ok(checked)
    }

    /// The files of one folder of the store with the digests that their names are.
    pub(super) fn named(&self, folder: &str) -> Result<Vec<(Option<Digest>, PathBuf)>, Error> {
        let mut found = Vec::new();
        for entry in fs_err::read_dir(self.base.join(folder)).map_err(Error::Io)? {
            let path = entry.map_err(Error::Io)?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            let digest = name.and_then(|name| Digest::from_hex(name).ok());
            found.push((digest, path));
        }
        found.sort();
        Ok(found)
    }

    /// Takes something out of the store, whole: it is renamed away before it is removed. Answers
    /// whether it was; what is in use stays.
    pub(super) fn remove(&self, kind: &str, digest: &Digest, path: &Path) -> Result<bool, Error> {
        let lock_path = self.lock_path(kind, digest);
        let Some(_exclusive) = lock::attempt(&lock_path, Mode::Exclusive)? else {
            return Ok(false);
        };
        self.discard(path)?;
        let about = match kind {
            "tree" => Some(tree::MANIFEST),
            cache::KIND => Some(kind),
            _ => None,
        };
        if let Some(about) = about {
            let _ = fs_err::remove_file(self.record_path(about, digest));
        }
        let _ = fs_err::remove_file(lock_path);
        Ok(true)
    }

    fn discard(&self, path: &Path) -> Result<(), Error> {
        let away = self.workspace.file()?;
        fs_err::rename(path, &away).map_err(|error| Error::writing(path, None, error))?;
        let removed = if away.is_dir() && !away.is_symlink() {
            fs_err::remove_dir_all(&away)
        } else {
            fs_err::remove_file(&away)
        };
        removed.map_err(|error| Error::writing(path, None, error))
    }

    fn settle(
        &self,
        checked: &mut Checked,
        kind: &str,
        digest: Option<Digest>,
        path: PathBuf,
        reasons: Vec<String>,
        repair: bool,
    ) -> Result<(), Error> {
        if reasons.is_empty() {
            return Ok(());
        }
        let removed = match digest {
            _ if !repair => false,
            Some(digest) => self.remove(kind, &digest, &path)?,
            None => {
                self.discard(&path)?;
                true
            }
        };
        checked.wrong.push(Wrong {
            path,
            reasons,
            removed,
        });
        Ok(())
    }

    fn tree_faults(&self, recipe: &Digest, path: &Path) -> Result<Vec<String>, Error> {
        let Some(manifest) = self.manifest(recipe) else {
            return Ok(vec!["it has no manifest".to_owned()]);
        };
        let present = match tree::list(path) {
            Ok(present) => present,
            Err(error @ Error::Unfit { .. }) => return Ok(vec![error.to_string()]),
            // Pruned while it was read.
            Err(Error::Io(_)) if !path.exists() => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        Ok(differences(&manifest, &present))
    }
}

fn blob_faults(
    digest: &Digest,
    path: &Path,
    observer: &dyn Observer,
) -> Result<Vec<String>, Error> {
    let file = match fs_err::File::open(path) {
        Ok(file) => file,
        // Pruned meanwhile.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Ok(vec![error.to_string()]),
    };
    let size = file.metadata().map_err(Error::Io)?.len();
    let meter = observer.begin(&format!("checking {}", short(digest)), Some(size));
    let mut reader = MeterReader::new(file, meter.as_ref());
    let (computed, _) = match digest::hash(&mut reader) {
        Ok(result) => result,
        Err(error) if crate::interrupt::signal().is_some() => return Err(Error::Io(error)),
        Err(error) => return Ok(vec![error.to_string()]),
    };
    if computed == *digest {
        return Ok(Vec::new());
    }
    Ok(vec![format!("expected {digest}, computed {computed}")])
}

fn short(digest: &Digest) -> String {
    digest.hex().chars().take(12).collect()
}

fn differences(manifest: &[Entry], present: &[Entry]) -> Vec<String> {
    let index = |entries: &[Entry]| -> BTreeMap<String, What> {
        entries
            .iter()
            .map(|entry| (entry.path.clone(), entry.what.clone()))
            .collect()
    };
    let (promised, found) = (index(manifest), index(present));
    let mut reasons = Vec::new();
    for (path, what) in &promised {
        match found.get(path) {
            None => reasons.push(format!("`{path}` is missing")),
            Some(other) if other != what => reasons.push(format!(
                "`{path}` differs: expected {}, found {}",
                describe(what),
                describe(other)
            )),
            Some(_) => {}
        }
    }
    for path in found.keys().filter(|path| !promised.contains_key(*path)) {
        reasons.push(format!("`{path}` does not belong there"));
    }
    reasons
}

fn describe(what: &What) -> String {
    match what {
        What::Directory => "a directory".to_owned(),
        What::Link { target } => format!("a link to `{target}`"),
        What::File {
            digest,
            size,
            executable,
        } => {
            let kind = if *executable {
                "an executable"
            } else {
                "a file"
            };
            format!("{kind} of {size} bytes with {digest}")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::progress::Silent;

    fn writable(path: &Path) {
        fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o644)).unwrap();
    }

    fn filled(home: &Path) -> (Store, Digest) {
        let store = Store::open(home).unwrap();
        store.insert_blob(&mut &b"abc"[..], None).unwrap();
        let recipe = Digest::of(b"recipe");
        store
            .tree::<Error>(&recipe, "t", &Silent, |root| {
                fs_err::create_dir(root.join("d")).map_err(Error::Io)?;
                fs_err::write(root.join("d/one"), "1").map_err(Error::Io)?;
                fs_err::write(root.join("two"), "2").map_err(Error::Io)
            })
            .unwrap();
        (store, recipe)
    }

    #[test]
    fn a_sound_store_has_nothing_wrong() {
        let home = tempfile::tempdir().unwrap();
        let (store, _) = filled(home.path());
        let checked = store.check(false, &Silent).unwrap();
        assert_eq!((checked.blobs, checked.trees), (1, 1));
        assert_eq!(checked.wrong, []);
    }

    #[test]
    fn every_kind_of_damage_is_found_and_repair_makes_room_for_a_new_one() {
        let home = tempfile::tempdir().unwrap();
        let (store, recipe) = filled(home.path());
        let blob = store.blob_path(&Digest::of(b"abc"));
        writable(&blob);
        fs_err::write(&blob, "abd").unwrap();
        let tree = store.tree_path(&recipe);
        fs_err::remove_file(tree.join("two")).unwrap();
        fs_err::write(tree.join("three"), "3").unwrap();
        writable(&tree.join("d/one"));
        fs_err::write(tree.join("d/one"), "9").unwrap();

        let wrong = store.check(false, &Silent).unwrap().wrong;
        assert_eq!(wrong.len(), 2);
        assert!(wrong[0].reasons[0].contains("computed"));
        let reasons = wrong[1].reasons.join("\n");
        for part in [
            "`two` is missing",
            "`d/one` differs",
            "`three` does not belong",
        ] {
            assert!(reasons.contains(part), "{reasons}");
        }

        let repaired = store.check(true, &Silent).unwrap().wrong;
        assert!(repaired.iter().all(|wrong| wrong.removed));
        assert_eq!(store.check(false, &Silent).unwrap().wrong, []);
        assert!(store.blob(&Digest::of(b"abc")).is_none());
        assert!(!store.has_tree(&recipe));
    }

    #[test]
    fn a_changed_mode_is_found() {
        let home = tempfile::tempdir().unwrap();
        let (store, recipe) = filled(home.path());
        let file = store.tree_path(&recipe).join("two");
        fs_err::set_permissions(&file, std::fs::Permissions::from_mode(0o555)).unwrap();
        let wrong = store.check(false, &Silent).unwrap().wrong;
        assert!(wrong[0].reasons[0].contains("found an executable"));
    }

    #[test]
    fn what_is_in_use_is_reported_but_not_removed() {
        let home = tempfile::tempdir().unwrap();
        let (store, _) = filled(home.path());
        let held = store.blob(&Digest::of(b"abc")).unwrap();
        writable(&held.path);
        fs_err::write(&held.path, "abd").unwrap();
        let wrong = store.check(true, &Silent).unwrap().wrong;
        assert!(!wrong[0].removed);
        assert!(held.path.exists());
    }
}
