//! Programs and small files with short paths, for files that begin with `#!`: Linux reads only the
//! first 127 bytes of such a line before 5.1, 255 since.
//!
//! Each is named by the first half of its digest, 64 bits: they are told apart, not vouched for.
//! Every use is noted and writes again what was removed, so nothing holds them: a prune leaves what
//! was used within a day.

use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::record::touch;
use super::{Error, Store};
use crate::digest::{self, Digest, Recipe};

/// Where they are, below the store's base.
pub(super) const FOLDERS: [&str; 2] = ["bin", "targets"];

/// The kind of record that remembers the digest of a program's file.
const KIND: &str = "program";

/// How much of a digest names a file.
const SHORT: usize = 16;

impl Store {
    /// A copy of a program's file, `bin/<prefix>-<hex>`.
    pub fn program(&self, prefix: &str, file: &Path) -> Result<PathBuf, Error> {
        let metadata = fs_err::metadata(file).map_err(Error::Io)?;
        // Reading all of a large program takes longer than an unchanged build may.
        let key = Recipe::new(KIND)
            .with(file.as_os_str().as_encoded_bytes())
            .with(metadata.len().to_string())
            .with(metadata.ino().to_string())
            .with(format!("{}.{}", metadata.ctime(), metadata.ctime_nsec()))
            .finish();
        let known = self.record(KIND, &key);
        let known = known.and_then(|bytes| Digest::from_hex(&String::from_utf8(bytes).ok()?).ok());
        if let Some(digest) = known {
            let path = self.short("bin", prefix, &digest);
            if used(&path) {
                return Ok(path);
            }
        }
        let temporary = self.workspace.file()?;
        let digest = copy(file, &temporary)
            .map_err(|error| Error::writing(&temporary, Some(metadata.len()), error))?;
        let path = self.short("bin", prefix, &digest);
        fs_err::rename(&temporary, &path).map_err(|error| Error::writing(&path, None, error))?;
        self.put_record(KIND, &key, digest.hex().as_bytes())?;
        Ok(path)
    }

    /// A small file, `targets/<hex>`.
    pub fn small_file(&self, bytes: &[u8]) -> Result<PathBuf, Error> {
        let path = self
            .base
            .join("targets")
            .join(&Digest::of(bytes).hex()[..SHORT]);
        if !used(&path) {
            self.replace(&path, bytes)?;
        }
        Ok(path)
    }

    fn short(&self, folder: &str, prefix: &str, digest: &Digest) -> PathBuf {
        let name = format!("{prefix}-{}", &digest.hex()[..SHORT]);
        self.base.join(folder).join(name)
    }

    /// Removes those that were last used longer ago than this.
    pub(super) fn prune_programs(&self, older_than: Option<Duration>) -> Result<(), Error> {
        for folder in FOLDERS {
            for entry in fs_err::read_dir(self.base.join(folder)).map_err(Error::Io)? {
                let path = entry.map_err(Error::Io)?.path();
                let idle = fs_err::metadata(&path)
                    .and_then(|metadata| metadata.modified())
                    .ok()
                    .and_then(|last| SystemTime::now().duration_since(last).ok());
                if idle.is_some_and(|idle| older_than.is_none_or(|bound| idle > bound)) {
                    match fs_err::remove_file(&path) {
                        Err(error) if error.kind() != io::ErrorKind::NotFound => {
                            return Err(Error::writing(&path, None, error));
                        }
                        _ => {}
                    }
                }
            }
        }
        Ok(())
    }
}

/// Whether the file is there, which is a use of it.
fn used(path: &Path) -> bool {
    touch(path);
    path.exists()
}

fn copy(from: &Path, to: &Path) -> io::Result<Digest> {
    let mut reader = digest::HashReader::new(fs_err::File::open(from)?);
    let mut file = fs_err::File::create(to)?;
    io::copy(&mut reader, &mut file)?;
    file.set_permissions(std::fs::Permissions::from_mode(0o555))?;
    file.sync_all()?;
    Ok(reader.finish().0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_copied_once_and_another_one_beside_it() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(&home.path().join("store")).unwrap();
        let file = home.path().join("program");
        fs_err::write(&file, "one").unwrap();
        let first = store.program("cc", &file).unwrap();
        assert_eq!(store.program("cc", &file).unwrap(), first);
        assert_eq!(fs_err::read_to_string(&first).unwrap(), "one");
        let mode = fs_err::metadata(&first).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o555);
        fs_err::write(&file, "other").unwrap();
        let second = store.program("cc", &file).unwrap();
        assert_ne!(second, first);
        fs_err::remove_file(&second).unwrap();
        assert_eq!(store.program("cc", &file).unwrap(), second);
        assert!(second.is_file());
    }

    #[test]
    fn small_files_are_named_by_what_they_say_and_pruned_by_use() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path()).unwrap();
        let (one, two) = (
            store.small_file(b"1").unwrap(),
            store.small_file(b"2").unwrap(),
        );
        assert_ne!(one, two);
        assert_eq!(store.small_file(b"1").unwrap(), one);
        store.prune_programs(Some(Duration::from_secs(60))).unwrap();
        assert!(one.is_file());
        store.prune_programs(None).unwrap();
        assert!(!one.exists() && !two.exists());
    }
}
