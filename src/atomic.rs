//! Files that appear whole or not at all: written beside their place under a temporary name, then
//! renamed.
//!
//! The temporary file is locked by who writes it. One that nobody holds was left by a process that
//! was killed, and is removed by the next to write into the same folder.
//!
//! [`write()`] does without fsync: it is for results that the next run makes again, and what a power
//! cut could leave is caught by digests. What nobody can make again goes through [`write_durably`].

use std::fs::TryLockError;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use fs_err::File;
use tempfile::NamedTempFile;

use crate::digest::BLOCK;
use crate::interrupt;

/// What temporary names begin with, so that leftovers of a killed process can be told.
pub const PREFIX: &str = ".polyarch-";

/// Writes a file through `body`. When that fails, what was at the path stays as it was.
///
/// A link is followed; a device or pipe, such as `/dev/stdout`, is written to as it is.
pub fn write<T, E: From<io::Error>>(
    path: &Path,
    body: impl FnOnce(&mut dyn Write) -> Result<T, E>,
) -> Result<T, E> {
    place(path, false, body)
}

/// The same, flushed to the disk: after a power cut the file is the old one or the new one.
pub fn write_durably<T, E: From<io::Error>>(
    path: &Path,
    body: impl FnOnce(&mut dyn Write) -> Result<T, E>,
) -> Result<T, E> {
    place(path, true, body)
}

fn place<T, E: From<io::Error>>(
    path: &Path,
    durably: bool,
    body: impl FnOnce(&mut dyn Write) -> Result<T, E>,
) -> Result<T, E> {
    let path = &match fs_err::metadata(path) {
        Ok(metadata) if metadata.is_file() => fs_err::canonicalize(path)?,
        Ok(_) => return straight(path, body),
        Err(_) => path.to_owned(),
    };
    let temporary = beside(path)?;
    let registered = interrupt::temporary(temporary.path());
    let mut writer = BufWriter::with_capacity(BLOCK, named(&temporary)?);
    let result = body(&mut writer)?;
    writer.flush()?;
    if durably {
        writer.get_ref().sync_all()?;
    }
    temporary
        .persist(path)
        .map_err(|error| naming(path, error.error))?;
    if durably {
        // The renaming itself. Some file systems can't, and then there is nothing to be done.
        let _ = File::open(parent(path)).and_then(|folder| folder.sync_all());
    }
    drop(registered);
    Ok(result)
}

/// Removes a file, a link or a folder with all that is in it, if there is one.
pub fn remove(path: &Path) -> io::Result<()> {
    let result = match fs_err::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs_err::remove_dir_all(path),
        Ok(_) => fs_err::remove_file(path),
        Err(error) => Err(error),
    };
    match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The folder a file lies in.
pub fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn straight<T, E: From<io::Error>>(
    path: &Path,
    body: impl FnOnce(&mut dyn Write) -> Result<T, E>,
) -> Result<T, E> {
    let mut file = fs_err::OpenOptions::new().write(true).open(path)?;
    let result = body(&mut file)?;
    file.flush()?;
    Ok(result)
}

fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let folder = parent(path);
    clear_leftovers(folder);
    loop {
        interrupt::check()?;
        let temporary = tempfile::Builder::new()
            .prefix(PREFIX)
            // What `open` gives by default: the umask takes away from it.
            .permissions(PermissionsExt::from_mode(0o666))
            .tempfile_in(folder)
            .map_err(|error| naming(folder, error))?;
        let locked = match temporary.as_file().try_lock() {
            // Where there are no locks, nothing can be taken for a leftover either.
            Ok(()) | Err(TryLockError::Error(_)) => true,
            Err(TryLockError::WouldBlock) => false,
        };
        // Somebody who cleared up may have been quicker.
        if locked && temporary.as_file().metadata()?.nlink() > 0 {
            return Ok(temporary);
        }
    }
}

/// Removes what killed processes left in a folder. That it can't be done is no reason to stop.
pub fn clear_leftovers(folder: &Path) {
    for entry in fs_err::read_dir(folder).into_iter().flatten().flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        if !ours || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        if let Ok(file) = File::open(entry.path())
            && file.try_lock().is_ok()
        {
            let _ = fs_err::remove_file(entry.path());
        }
    }
}

fn named(temporary: &NamedTempFile) -> io::Result<File> {
    let file = temporary.as_file().try_clone()?;
    Ok(File::from_parts(file, temporary.path()))
}

fn naming(path: &Path, error: io::Error) -> io::Error {
    let path: PathBuf = path.to_owned();
    io::Error::new(
        error.kind(),
        format!("can't write `{}`: {error}", path.display()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_in_the_middle_keeps_what_was_there() {
        let folder = tempfile::tempdir().expect("tempdir");
        let path = folder.path().join("file");
        write::<_, io::Error>(&path, |out| out.write_all(b"old")).expect("writes");
        let error = write(&path, |out| {
            out.write_all(b"new")?;
            Err::<(), _>(io::Error::other("full"))
        })
        .expect_err("fails");
        assert_eq!(error.to_string(), "full");
        assert_eq!(fs_err::read(&path).expect("reads"), b"old");
        assert_eq!(fs_err::read_dir(folder.path()).expect("lists").count(), 1);
    }

    #[test]
    fn leftovers_are_removed_and_what_is_being_written_is_not() {
        let folder = tempfile::tempdir().expect("tempdir");
        let dead = folder.path().join(".polyarch-dead");
        fs_err::write(&dead, b"half").expect("writes");
        write::<_, io::Error>(&folder.path().join("one"), |out| {
            write::<_, io::Error>(&folder.path().join("two"), |out| out.write_all(b"2"))?;
            out.write_all(b"1")
        })
        .expect("both are written");
        assert!(!dead.exists());
        assert_eq!(fs_err::read_dir(folder.path()).expect("lists").count(), 2);
    }

    #[test]
    fn devices_are_written_to_and_links_are_followed() {
        write::<_, io::Error>(Path::new("/dev/null"), |out| out.write_all(b"x")).expect("writes");
        assert!(!fs_err::metadata("/dev/null").expect("there").is_file());
        let folder = tempfile::tempdir().expect("tempdir");
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs_err::write(&file, b"old").expect("writes");
        fs_err::os::unix::fs::symlink("file", &link).expect("links");
        write::<_, io::Error>(&link, |out| out.write_all(b"new")).expect("writes");
        assert_eq!(fs_err::read(&file).expect("reads"), b"new");
        assert!(fs_err::symlink_metadata(&link).expect("there").is_symlink());
    }

    #[test]
    fn a_durable_file_is_written_like_any_other() {
        let folder = tempfile::tempdir().expect("tempdir");
        let path = folder.path().join("file");
        for text in ["old", "new"] {
            write_durably::<_, io::Error>(&path, |out| out.write_all(text.as_bytes()))
                .expect("writes");
            assert_eq!(fs_err::read_to_string(&path).expect("reads"), text);
        }
        assert_eq!(fs_err::read_dir(folder.path()).expect("lists").count(), 1);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = write::<_, io::Error>(Path::new("/nonexistent/x"), |_| Ok(())).expect_err("no");
        assert!(error.to_string().contains("/nonexistent"), "{error}");
    }
}
