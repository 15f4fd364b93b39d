//! OCI image layouts: a directory with `oci-layout`, `index.json` and `blobs/sha256/…` (OCI image
//! specification, image-layout.md).
//!
//! Reading trusts nothing: the version is checked on opening, blobs by whoever reads them.
//! Writing leaves the layout usable at every moment: a new layout is made beside its place and
//! renamed; in an existing one blobs come first, each under a temporary name until it is complete,
//! and `index.json` is replaced last.

use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use fs_err::File;
use serde::Deserialize;
use serde_json::json;

use super::document::{self, Index, LIMIT, canonical};
use super::{Blobs, Descriptor, Error, blobs, graph};
use crate::atomic;
use crate::digest::{self, Digest, HashReader};
use crate::interrupt::{self, Temporary};

/// The annotation that names an entry of `index.json`.
pub const REF_NAME: &str = oci_spec::image::ANNOTATION_REF_NAME;

const MARKER: &str = "oci-layout";
const INDEX: &str = "index.json";

/// A layout that was opened for reading.
#[derive(Debug)]
pub struct Layout {
    root: PathBuf,
    index: Index,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Marker {
    image_layout_version: String,
}

impl Layout {
    /// Opens a layout and reads its `index.json`.
    pub fn open(root: &Path) -> Result<Self, Error> {
        check_marker(root)?;
        let path = root.join(INDEX);
        if !path.exists() {
            return Err(Error::NotALayout {
                path: root.to_owned(),
                reason: format!("`{INDEX}` is missing"),
            });
        }
        let index = document::parse(&read_limited(&path)?, || format!("`{}`", path.display()))?;
        Ok(Self {
            root: root.to_owned(),
            index,
        })
    }

    /// What the layout offers.
    pub fn index(&self) -> &Index {
        &self.index
    }
}

impl Blobs for Layout {
    fn open(&self, digest: Digest) -> Result<Option<(Box<dyn Read + '_>, u64)>, Error> {
        let path = blob_path(&self.root, digest);
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let size = file.metadata()?.len();
        Ok(Some((Box::new(file), size)))
    }

    fn place(&self) -> String {
        format!("layout `{}`", self.root.display())
    }
}

/// What to write into a layout.
pub struct Content<'a> {
    /// New entries of `index.json`. They take the place of those of the same name.
    pub entries: Vec<Descriptor>,
    /// Every blob that the entries need, each once, lowest first.
    pub blobs: Vec<Descriptor>,
    /// Where the blobs come from.
    pub source: &'a dyn Blobs,
}

/// Gives a file's digest and size; it may know them from before.
pub type Hash<'a> = dyn Fn(&Path) -> io::Result<(Digest, u64)> + 'a;

/// Writes a layout, or adds to one. Blobs that are there are checked with `hash`; with `prune`,
/// entries of other names and blobs that no entry needs are removed.
pub fn write(root: &Path, content: &Content, hash: &Hash, prune: bool) -> Result<(), Error> {
    if is_vacant(root)? && make(root, content, hash)? {
        return Ok(());
    }
    update(root, content, hash, prune)
}

/// The path of a blob in a layout.
pub fn blob_path(root: &Path, digest: Digest) -> PathBuf {
    root.join("blobs/sha256").join(digest.hex())
}

/// The bytes of the `oci-layout` file.
pub(super) fn marker() -> Vec<u8> {
    json!({"imageLayoutVersion": "1.0.0"}).to_string().into()
}

fn check_marker(root: &Path) -> Result<(), Error> {
    let path = root.join(MARKER);
    if !path.exists() {
        let reason = if root.exists() {
            format!("`{MARKER}` is missing")
        } else {
            "there is no such folder".to_owned()
        };
        return Err(Error::NotALayout {
            path: root.to_owned(),
            reason,
        });
    }
    let marker: Marker =
        document::parse(&read_limited(&path)?, || format!("`{}`", path.display()))?;
    check_version(&path, marker.image_layout_version)
}

fn check_version(path: &Path, found: String) -> Result<(), Error> {
    if found.starts_with("1.") {
        return Ok(());
    }
    Err(Error::LayoutVersion {
        path: path.to_owned(),
        found,
    })
}

/// The version that an `oci-layout` file in an archive names.
pub(super) fn check_marker_bytes(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let marker: Marker = document::parse(bytes, || format!("`{}`: `{MARKER}`", path.display()))?;
    check_version(path, marker.image_layout_version)
}

fn read_limited(path: &Path) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    if size > LIMIT {
        return Err(Error::TooLarge {
            what: format!("`{}`", path.display()),
            size,
            limit: LIMIT,
        });
    }
    (&mut file).take(LIMIT).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether a layout can be made here: nothing there, or an empty folder. What holds other things
/// than a layout is an error.
fn is_vacant(root: &Path) -> Result<bool, Error> {
    if !root.exists() {
        return Ok(true);
    }
    if root.is_dir() && fs_err::read_dir(root)?.next().is_none() {
        return Ok(true);
    }
    if root.join(MARKER).is_file() {
        check_marker(root)?;
        return Ok(false);
    }
    Err(Error::Occupied {
        path: root.to_owned(),
    })
}

/// Makes a new layout; `false` where somebody else made one meanwhile.
fn make(root: &Path, content: &Content, hash: &Hash) -> Result<bool, Error> {
    let parent = atomic::parent(root);
    fs_err::create_dir_all(parent)?;
    let name = root.file_name().unwrap_or_default().to_string_lossy();
    let prefix = format!("{}{name}-", atomic::PREFIX);
    // Whoever clears must not see a folder that its maker has not locked yet.
    let turn = lock(parent)?;
    clear_leftovers(parent, &prefix)?;
    let folder = tempfile::Builder::new()
        .prefix(&prefix)
        .permissions(PermissionsExt::from_mode(0o777))
        .tempdir_in(parent)?;
    let registered = interrupt::temporary(folder.path());
    let lock = lock(folder.path())?;
    drop(turn);
    fill(folder.path(), content, hash, &mut Vec::new())?;
    let index = Index::new(content.entries.clone(), std::collections::BTreeMap::new());
    write_index(folder.path(), &index)?;
    match fs_err::rename(folder.path(), root) {
        Ok(()) => {
            // It lies elsewhere now; there is nothing to remove.
            let _ = folder.keep();
        }
        Err(error) if is_occupied(&error) => return Ok(false),
        Err(error) => return Err(error.into()),
    }
    drop((registered, lock));
    Ok(true)
}

fn is_occupied(error: &io::Error) -> bool {
    use io::ErrorKind as E;
    matches!(error.kind(), E::DirectoryNotEmpty | E::AlreadyExists)
}

fn update(root: &Path, content: &Content, hash: &Hash, prune: bool) -> Result<(), Error> {
    let lock = lock(root)?;
    let mut index = match Layout::open(root) {
        Ok(layout) => layout.index,
        // A process that was killed before it could write the index.
        Err(Error::NotALayout { .. }) => Index::new(Vec::new(), std::collections::BTreeMap::new()),
        Err(error) => return Err(error),
    };
    let names: Vec<Option<&str>> = content
        .entries
        .iter()
        .map(|e| e.annotation(REF_NAME))
        .collect();
    index.manifests.retain(|old| {
        let name = old.annotation(REF_NAME);
        let same = content.entries.iter().any(|new| new.digest == old.digest);
        !prune && !names.contains(&name) && (name.is_some() || !same)
    });
    index.manifests.extend(content.entries.iter().cloned());
    let mut added = Vec::new();
    let filled = fill(root, content, hash, &mut added);
    // From here on a signal must not take away what the index will name.
    let added: Vec<PathBuf> = added.into_iter().map(|(path, _)| path).collect();
    if let Err(error) = filled.and_then(|()| write_index(root, &index)) {
        for path in added {
            // The first error is the one to tell.
            let _ = fs_err::remove_file(path);
        }
        return Err(error);
    }
    if prune {
        remove_unreferenced(root, &index)?;
    }
    drop(lock);
    Ok(())
}

/// Writers of one layout take turns.
fn lock(root: &Path) -> Result<File, Error> {
    let file = File::open(root)?;
    file.file().lock().map_err(|source| Error::Read {
        what: format!("`{}`", root.display()),
        source,
    })?;
    Ok(file)
}

/// Removes folders that a killed process left; a living one holds a lock.
fn clear_leftovers(parent: &Path, prefix: &str) -> Result<(), Error> {
    for entry in fs_err::read_dir(parent)? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with(prefix) {
            continue;
        }
        let dead = File::open(entry.path()).is_ok_and(|file| file.file().try_lock().is_ok());
        if dead {
            // Not ours to insist on: it is in nobody's way.
            let _ = fs_err::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

fn fill(
    root: &Path,
    content: &Content,
    hash: &Hash,
    added: &mut Vec<(PathBuf, Temporary)>,
) -> Result<(), Error> {
    fs_err::create_dir_all(root.join("blobs/sha256"))?;
    for blob in &content.blobs {
        let path = blob_path(root, blob.digest);
        match holds(&path, blob, hash)? {
            Some(true) => continue,
            // A wrong blob is replaced, and stays replaced whatever happens next.
            Some(false) => {}
            None => added.push((path.clone(), interrupt::temporary(&path))),
        }
        atomic::write(&path, |out| copy_blob(content.source, blob, out))?;
    }
    let marker_path = root.join(MARKER);
    if !marker_path.exists() {
        let write = |out: &mut dyn Write| out.write_all(&marker());
        atomic::write::<_, io::Error>(&marker_path, write)?;
    }
    Ok(())
}

/// Whether the file is the blob; `None` where there is none.
fn holds(path: &Path, blob: &Descriptor, hash: &Hash) -> Result<Option<bool>, Error> {
    let Ok(metadata) = fs_err::metadata(path) else {
        return Ok(None);
    };
    if metadata.len() != blob.size || !metadata.is_file() {
        return Ok(Some(false));
    }
    let (found, _) = hash(path)?;
    Ok(Some(found == blob.digest))
}

/// Copies a blob, checked against its descriptor.
pub(super) fn copy_blob(
    source: &dyn Blobs,
    blob: &Descriptor,
    mut out: &mut dyn Write,
) -> Result<(), Error> {
    let mut reader = HashReader::new(blobs::open(source, blob)?.take(blob.size));
    digest::copy(&mut reader, &mut out)?;
    reader
        .verify(blob.digest, blob.size)
        .map_err(|mismatch| Error::Blob {
            place: source.place(),
            digest: blob.digest,
            source: mismatch,
        })
}

fn write_index(root: &Path, index: &Index) -> Result<(), Error> {
    let path = root.join(INDEX);
    let bytes = canonical(index).map_err(|source| Error::Json {
        what: format!("`{}`", path.display()),
        source,
    })?;
    if fs_err::read(&path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    Ok(atomic::write::<_, io::Error>(&path, |out| {
        out.write_all(&bytes)
    })?)
}

fn remove_unreferenced(root: &Path, index: &Index) -> Result<(), Error> {
    let layout = Layout {
        root: root.to_owned(),
        index: index.clone(),
    };
    let needed = graph::reachable(&layout, &index.manifests)?;
    for entry in fs_err::read_dir(root.join("blobs/sha256"))? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let unneeded = Digest::from_hex(&name).is_ok_and(|digest| !needed.contains(&digest));
        // Whoever writes holds the lock that we hold: temporary files here are dead.
        if unneeded || name.starts_with(atomic::PREFIX) {
            fs_err::remove_file(entry.path())?;
        }
    }
    Ok(())
}
