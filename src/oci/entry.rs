//! What should lie in a layer: paths with their owner, mode and content.

use std::path::PathBuf;

use super::Error;

/// What should lie in a layer.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The path from the root, without a slash in front.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// The owner.
    pub uid: u64,
    /// The group.
    pub gid: u64,
    /// What it is.
    pub content: Content,
}

/// What an entry is.
#[derive(Clone, Debug)]
pub enum Content {
    /// A folder.
    Directory,
    /// A file.
    File(Source),
    /// A symbolic link and its target.
    Symlink(String),
}

/// Where a file's bytes come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A file on disk.
    Path(PathBuf),
    /// Bytes in memory, for what is made up and small.
    Bytes(Vec<u8>),
}

impl Entry {
    /// A folder that belongs to root.
    pub fn folder(path: impl Into<String>, mode: u32) -> Self {
        Self {
            path: path.into(),
            mode,
            uid: 0,
            gid: 0,
            content: Content::Directory,
        }
    }

    /// A file that belongs to root.
    pub fn file(path: impl Into<String>, mode: u32, source: Source) -> Self {
        Self {
            content: Content::File(source),
            ..Self::folder(path, mode)
        }
    }

    /// A symbolic link.
    pub fn symlink(path: impl Into<String>, target: impl Into<String>) -> Self {
        Self {
            content: Content::Symlink(target.into()),
            ..Self::folder(path, 0o777)
        }
    }

    /// Gives it to another owner.
    #[must_use]
    pub fn owned(self, uid: u64, gid: u64) -> Self {
        Self { uid, gid, ..self }
    }

    /// Whether both are one folder, asked for twice.
    pub(super) fn same_folder(&self, other: &Self) -> bool {
        let folder = |entry: &Self| matches!(entry.content, Content::Directory);
        let attributes = |entry: &Self| (entry.mode, entry.uid, entry.gid);
        folder(self) && folder(other) && attributes(self) == attributes(other)
    }

    /// What it is, for an error.
    pub(super) fn describe(&self) -> String {
        match &self.content {
            Content::Directory => format!("a folder of mode {:o}", self.mode),
            Content::File(Source::Path(path)) => format!("`{}`", path.display()),
            Content::File(Source::Bytes(_)) => "a generated file".to_owned(),
            Content::Symlink(target) => format!("a link to `{target}`"),
        }
    }

    /// Refuses a path that no layer can hold.
    pub(super) fn check_path(&self) -> Result<(), Error> {
        let path = &self.path;
        let reason = if path.is_empty() {
            "it is empty"
        } else if path.contains('\0') {
            "it contains a NUL byte"
        } else if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
            "it has an empty, `.` or `..` part"
        } else if path.split('/').any(|part| part.starts_with(".wh.")) {
            "names that begin with `.wh.` mark deleted files in layers"
        } else {
            return Ok(());
        };
        Err(Error::EntryPath {
            path: path.clone(),
            reason,
        })
    }
}
