//! From files on this machine to entries of a layer: folders are walked, modes normalised, and
//! destinations resolved through the links of the base, so that `/bin/app` lands in `/usr/bin` where
//! `/bin` is a link to it.

use std::fs::{FileType, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::Error;
use crate::interrupt;
use crate::oci::layer::{Content, Entry, Source};
use crate::oci::rootfs::Rootfs;
use crate::plan::image::FilePlan;

/// The entries of some files, over a base.
pub(super) fn entries<'a>(
    files: impl Iterator<Item = &'a FilePlan>,
    base: &Rootfs,
) -> Result<Vec<Entry>, Error> {
    let mut entries = Vec::new();
    for plan in files {
        let path = relative(&plan.destination)?;
        // Links given by name are followed, as `cp` and `COPY` do; those in folders are kept.
        let metadata = metadata(plan)?;
        let walk = Walk { plan, base };
        if metadata.is_dir() {
            walk.folder(
                &plan.source,
                &base.resolve_folder(path)?,
                &metadata,
                &mut entries,
            )?;
        } else {
            let path = walk.file_destination(path)?;
            walk.add(&plan.source, &path, &metadata, &mut entries)?;
        }
    }
    Ok(entries)
}

/// A path in the image without its slash in front.
pub(super) fn relative(path: &str) -> Result<&str, Error> {
    path.strip_prefix('/').ok_or_else(|| Error::Relative {
        path: path.to_owned(),
    })
}

struct Walk<'a> {
    plan: &'a FilePlan,
    base: &'a Rootfs,
}

impl Walk<'_> {
    /// Where a single file goes: into a folder where a slash says so.
    fn file_destination(&self, path: &str) -> Result<String, Error> {
        if !path.is_empty() && !path.ends_with('/') {
            let resolved = self.base.resolve_parent(path)?;
            let folder = self.base.resolve_folder(path)?;
            if self.base.is_folder(&folder) {
                return Err(Error::OverFolder {
                    source_path: self.plan.source.clone(),
                    destination: self.plan.destination.clone(),
                });
            }
            return Ok(resolved);
        }
        let name = self.plan.source.file_name().unwrap_or_default();
        let name = name.to_str().ok_or_else(|| not_utf8(&self.plan.source))?;
        let folder = self.base.resolve_folder(path)?;
        Ok(join(&folder, name))
    }

    fn folder(
        &self,
        source: &Path,
        path: &str,
        metadata: &Metadata,
        entries: &mut Vec<Entry>,
    ) -> Result<(), Error> {
        interrupt::check()?;
        // A folder of the base keeps its mode and owner: `/tmp` must stay writable for all.
        if !self.base.is_folder(path) {
            let mut entry = self.entry(path.to_owned(), metadata, Content::Directory);
            if source != self.plan.source {
                // Special bits are for what was named: on the folders below they mean other things.
                entry.mode &= 0o777;
            }
            entries.push(entry);
        }
        let mut children: Vec<PathBuf> = Vec::new();
        for child in fs_err::read_dir(source)? {
            children.push(child?.path());
        }
        children.sort();
        for child in children {
            let name = child.file_name().unwrap_or_default();
            let name = name.to_str().ok_or_else(|| not_utf8(&child))?;
            let path = join(path, name);
            let metadata = fs_err::symlink_metadata(&child)?;
            if metadata.is_dir() {
                self.folder(
                    &child,
                    &self.base.resolve_folder(&path)?,
                    &metadata,
                    entries,
                )?;
            } else {
                self.add(&child, &path, &metadata, entries)?;
            }
        }
        Ok(())
    }

    fn add(
        &self,
        source: &Path,
        path: &str,
        metadata: &Metadata,
        entries: &mut Vec<Entry>,
    ) -> Result<(), Error> {
        let content = if metadata.is_file() {
            Content::File(Source::Path(source.to_owned()))
        } else if metadata.is_symlink() {
            Content::Symlink(link_target(source)?)
        } else {
            return Err(Error::Special {
                path: source.to_owned(),
                what: describe(metadata.file_type()),
            });
        };
        entries.push(self.entry(path.to_owned(), metadata, content));
        Ok(())
    }

    fn entry(&self, path: String, metadata: &Metadata, content: Content) -> Entry {
        let executable = metadata.permissions().mode() & 0o111 != 0;
        let mode = match (&content, self.plan.mode) {
            (Content::Symlink(_), _) => 0o777,
            // Who may read a folder may enter it, too.
            (Content::Directory, Some(mode)) => mode | (mode & 0o444) >> 2,
            (Content::Directory, None) => 0o755,
            (Content::File(_), Some(mode)) => mode,
            (Content::File(_), None) if executable => 0o755,
            (Content::File(_), None) => 0o644,
        };
        Entry {
            path,
            mode,
            uid: self.plan.uid,
            gid: self.plan.gid,
            content,
        }
    }
}

fn metadata(plan: &FilePlan) -> Result<Metadata, Error> {
    let path = &plan.source;
    fs_err::metadata(path).map_err(|error| {
        if is_loop(path) {
            Error::LinkLoop { path: path.clone() }
        } else if error.kind() == ErrorKind::NotFound && !plan.artifact {
            Error::Missing { path: path.clone() }
        } else {
            error.into()
        }
    })
}

/// The target of a link in a folder. It may lead nowhere here and somewhere in the image, but one
/// that leads to itself leads nowhere anywhere.
fn link_target(path: &Path) -> Result<String, Error> {
    if is_loop(path) {
        return Err(Error::LinkLoop {
            path: path.to_owned(),
        });
    }
    let target = fs_err::read_link(path)?;
    let target = target.into_os_string().into_string();
    target.map_err(|_| not_utf8(path))
}

fn is_loop(path: &Path) -> bool {
    rustix::fs::stat(path).is_err_and(|errno| errno == Errno::LOOP)
}

fn not_utf8(path: &Path) -> Error {
    Error::NotUtf8 {
        path: path.to_owned(),
    }
}

fn describe(kind: FileType) -> &'static str {
    if kind.is_socket() {
        "a socket"
    } else if kind.is_fifo() {
        "a pipe"
    } else {
        "a device"
    }
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}
