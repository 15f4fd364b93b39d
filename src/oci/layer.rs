//! Layers: from a list of entries to a compressed tar stream whose bytes depend on the entries
//! only (OCI image specification, layer.md).
//!
//! [`Contents::new`] sorts the entries, adds missing parent folders and takes the digest of every
//! file; [`Contents::recipe`] names the layer before it is made, so that a caller can look whether
//! it has it already; [`Contents::write`] makes it, with digest, size and diff ID in one pass. A
//! file that changed in between is an error. Nothing of unbounded size is held in memory.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read, Write};
use std::path::Path;

use fs_err::File;
use zstd::zstd_safe::CParameter;

pub use super::compression::Compression;
pub use super::entry::{Content, Entry, Source};
use super::{Error, gzip, tar};
use crate::digest::{self, DiffId, Digest, HashReader, HashWriter, Recipe};
use crate::parallel;

/// Changes when the same entries would give other tar bytes.
const FORMAT: &str = "1";
/// Each worker holds a job, its output and its tables in memory.
const ZSTD_WORKERS: usize = 4;
/// Bytes a worker takes at a time: part of what decides the compressed bytes, and of the memory.
const ZSTD_JOB: u32 = 2 * 1024 * 1024;

/// What lies at a path in the layers below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Below {
    /// Nothing.
    Nothing,
    /// A folder.
    Folder,
    /// A file, a link that leads nowhere, or the like.
    Other,
}

/// Complete and sorted entries of a layer, each file with its size and digest.
#[derive(Debug)]
pub struct Contents(Vec<Prepared>);

#[derive(Debug)]
struct Prepared {
    entry: Entry,
    digest: Digest,
    size: u64,
}

impl Contents {
    /// Puts entries into order. `below` tells what lies in the layers below, so that folders are
    /// not made again; `hash` gives a file's digest and size and runs on up to `threads` threads.
    pub fn new(
        entries: Vec<Entry>,
        below: &dyn Fn(&str) -> Below,
        hash: &(dyn Fn(&Path) -> io::Result<(Digest, u64)> + Sync),
        threads: usize,
    ) -> Result<Self, Error> {
        let mut tree: BTreeMap<String, Entry> = BTreeMap::new();
        for entry in entries {
            entry.check_path()?;
            let other = tree.insert(entry.path.clone(), entry);
            if let Some(other) = other {
                let kept = &tree[&other.path];
                if !kept.same_folder(&other) {
                    return Err(Error::Twice {
                        first: other.describe(),
                        second: kept.describe(),
                        path: other.path,
                    });
                }
            }
        }
        add_parents(&mut tree, below)?;
        let entries: Vec<Entry> = tree.into_values().collect();
        let digests = hash_all(&entries, hash, threads)?;
        let prepared = entries.into_iter().zip(digests);
        Ok(Self(
            prepared
                .map(|(entry, (digest, size))| Prepared {
                    entry,
                    digest,
                    size,
                })
                .collect(),
        ))
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The folders it makes.
    pub fn folders(&self) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(|item| matches!(item.entry.content, Content::Directory))
            .map(|item| item.entry.path.as_str())
    }

    /// The name of the layer that [`Self::write`] makes: entries, contents, time, compressor.
    pub fn recipe(&self, compression: Compression, epoch: u64) -> Digest {
        let mut recipe = Recipe::new("layer")
            .with(FORMAT)
            .with(compression.identity())
            .with(epoch.to_le_bytes());
        for Prepared {
            entry,
            digest,
            size,
        } in &self.0
        {
            let (kind, text) = match &entry.content {
                Content::Directory => ("d", ""),
                Content::File(_) => ("f", ""),
                Content::Symlink(target) => ("l", target.as_str()),
            };
            recipe = recipe
                .with(&entry.path)
                .with(kind)
                .with(text)
                .with(entry.mode.to_le_bytes())
                .with(entry.uid.to_le_bytes())
                .with(entry.gid.to_le_bytes())
                .with(digest.hex())
                .with(size.to_le_bytes());
        }
        recipe.finish()
    }

    /// Writes the layer; every time in it is `epoch`. The digest of the blob is for the writer to
    /// take, that of the uncompressed stream is returned.
    pub fn write(
        &self,
        output: &mut dyn Write,
        compression: Compression,
        epoch: u64,
        threads: usize,
    ) -> Result<DiffId, Error> {
        match compression {
            Compression::Uncompressed => self.write_tar(output, epoch),
            Compression::Gzip(level) => gzip::compress(output, level, threads, |writer| {
                self.write_tar(writer, epoch)
            }),
            Compression::Zstd(level) => {
                let mut encoder = zstd::Encoder::new(output, level)?;
                // Never 0: that is another code path with other bytes.
                let workers = threads.clamp(1, ZSTD_WORKERS);
                encoder.multithread(u32::try_from(workers).unwrap_or(1))?;
                encoder.set_parameter(CParameter::JobSize(ZSTD_JOB))?;
                encoder.include_checksum(true)?;
                let diff_id = self.write_tar(&mut encoder, epoch)?;
                encoder.finish()?;
                Ok(diff_id)
            }
        }
    }

    fn write_tar(&self, writer: &mut dyn Write, epoch: u64) -> Result<DiffId, Error> {
        // Headers and padding are small writes; the compressor wants large ones.
        let buffer = io::BufWriter::with_capacity(digest::BLOCK, writer);
        let mut stream = HashWriter::new(buffer);
        for item in &self.0 {
            item.write(&mut stream, epoch)?;
        }
        tar::end(&mut stream)?;
        stream.flush()?;
        let (_, digest, _) = stream.finish();
        Ok(DiffId::new(digest))
    }
}

impl Prepared {
    fn write(&self, stream: &mut impl Write, epoch: u64) -> Result<(), Error> {
        let entry = &self.entry;
        let kind = match &entry.content {
            Content::Directory => tar::Kind::Directory,
            Content::File(_) => tar::Kind::File(self.size),
            Content::Symlink(target) => tar::Kind::Symlink(target),
        };
        tar::header(
            stream,
            &tar::Member {
                path: &entry.path,
                kind,
                mode: entry.mode,
                uid: entry.uid,
                gid: entry.gid,
                mtime: epoch,
            },
        )?;
        match &entry.content {
            Content::Directory | Content::Symlink(_) => return Ok(()),
            Content::File(Source::Bytes(bytes)) => stream.write_all(bytes)?,
            Content::File(Source::Path(path)) => self.copy(path, stream)?,
        }
        Ok(tar::pad(stream, self.size)?)
    }

    fn copy(&self, path: &Path, stream: &mut impl Write) -> Result<(), Error> {
        let changed = |expected: &dyn fmt::Display, found: &dyn fmt::Display| Error::Changed {
            path: path.to_owned(),
            expected: expected.to_string(),
            found: found.to_string(),
        };
        let mut file = File::open(path)?;
        let mut reader = HashReader::new((&mut file).take(self.size));
        digest::copy(&mut reader, stream)?;
        let (digest, size) = reader.finish();
        if size != self.size || file.read(&mut [0])? != 0 {
            let now = file.metadata()?.len();
            return Err(changed(
                &format_args!("{} bytes", self.size),
                &format_args!("{now} bytes"),
            ));
        }
        if digest != self.digest {
            return Err(changed(&self.digest, &digest));
        }
        Ok(())
    }
}

/// The digest and size of a file, read whole.
pub fn hash_file(path: &Path) -> io::Result<(Digest, u64)> {
    digest::hash(&mut File::open(path)?)
}

fn add_parents(
    tree: &mut BTreeMap<String, Entry>,
    below: &dyn Fn(&str) -> Below,
) -> Result<(), Error> {
    let paths: Vec<String> = tree.keys().cloned().collect();
    for path in paths {
        let parents = path.match_indices('/').map(|(at, _)| &path[..at]);
        for parent in parents {
            let not_a_folder = || Error::NotAFolder {
                parent: parent.to_owned(),
                path: path.clone(),
            };
            match tree.get(parent).map(|entry| &entry.content) {
                Some(Content::Directory) => {}
                Some(Content::File(_) | Content::Symlink(_)) => return Err(not_a_folder()),
                None => match below(parent) {
                    Below::Folder => {}
                    Below::Other => return Err(not_a_folder()),
                    Below::Nothing => {
                        tree.insert(parent.to_owned(), Entry::folder(parent, 0o755));
                    }
                },
            }
        }
    }
    Ok(())
}

/// Digest and size of each entry's content; that of nothing where it has none.
fn hash_all(
    entries: &[Entry],
    hash: &(dyn Fn(&Path) -> io::Result<(Digest, u64)> + Sync),
    threads: usize,
) -> Result<Vec<(Digest, u64)>, Error> {
    let files = entries.iter();
    let files = files.filter(|e| matches!(e.content, Content::File(Source::Path(_))));
    let workers = threads.min(files.count());
    parallel::map(entries, workers, |entry| {
        Ok(match &entry.content {
            Content::File(Source::Path(path)) => hash(path)?,
            Content::File(Source::Bytes(bytes)) => (Digest::of(bytes), bytes.len() as u64),
            Content::Directory | Content::Symlink(_) => (Digest::of(b""), 0),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::listing::Listing;
    use crate::oci::media::Coding;

    fn contents(entries: Vec<Entry>) -> Result<Contents, Error> {
        Contents::new(entries, &|_| Below::Nothing, &hash_file, 2)
    }

    fn bytes(path: &str, content: &[u8]) -> Entry {
        Entry::file(path, 0o644, Source::Bytes(content.to_vec()))
    }

    fn write(contents: &Contents, compression: Compression, threads: usize) -> (Vec<u8>, DiffId) {
        let mut out = Vec::new();
        let diff_id = contents
            .write(&mut out, compression, 7, threads)
            .expect("memory");
        (out, diff_id)
    }

    #[test]
    fn entries_are_sorted_and_parents_made_once() {
        let contents = contents(vec![
            bytes("usr/bin/b", b"b"),
            bytes("usr/bin-x", b"x"),
            Entry::folder("usr/bin", 0o700),
            bytes("usr/bin/a", b"a"),
        ])
        .expect("sound");
        let (layer, diff_id) = write(&contents, Compression::GZIP, 1);
        let listing =
            Listing::read(&mut &layer[..], Coding::Gzip, "it", &mut |_, _| Ok(())).expect("reads");
        let found: Vec<(&str, u32)> = listing
            .members
            .iter()
            .map(|item| (item.path.as_str(), item.mode))
            .collect();
        assert_eq!(
            found,
            [
                ("usr", 0o755),
                ("usr/bin", 0o700),
                ("usr/bin-x", 0o644),
                ("usr/bin/a", 0o644),
                ("usr/bin/b", 0o644)
            ]
        );
        assert_eq!(listing.diff_id, diff_id);
    }

    #[test]
    fn every_compression_gives_the_same_diff_id_and_ignores_threads() {
        let text: Vec<u8> = (0..3_000_000u32)
            .map(|n| (n / 7 % 251).to_le_bytes()[0])
            .collect();
        let contents = contents(vec![bytes("a", &text), bytes("b", &text[..1000])]).expect("sound");
        let (_, plain) = write(&contents, Compression::Uncompressed, 1);
        for compression in [Compression::GZIP, Compression::Gzip(9), Compression::ZSTD] {
            let (one, diff_id) = write(&contents, compression, 1);
            assert_eq!(diff_id, plain);
            assert!(one == write(&contents, compression, 4).0, "{compression}");
            let listing =
                Listing::read(
                    &mut &one[..],
                    compression.coding(),
                    "it",
                    &mut |_, _| Ok(()),
                )
                .expect("reads");
            assert_eq!((listing.diff_id, listing.members.len()), (plain, 2));
        }
    }

    #[test]
    fn the_recipe_changes_with_everything_that_changes_the_bytes() {
        let recipe = |entry: Entry| {
            let contents = contents(vec![entry]).expect("sound");
            contents.recipe(Compression::GZIP, 0)
        };
        let base = bytes("a", b"x");
        let changed = [
            bytes("b", b"x"),
            bytes("a", b"y"),
            Entry {
                mode: 0o755,
                ..base.clone()
            },
            base.clone().owned(1, 0),
            base.clone().owned(0, 1),
            Entry::symlink("a", "x"),
            Entry::symlink("a", "y"),
            Entry::folder("a", 0o644),
        ];
        let mut all: Vec<Digest> = changed.into_iter().map(recipe).collect();
        all.push(recipe(base.clone()));
        let contents = contents(vec![base]).expect("sound");
        all.push(contents.recipe(Compression::GZIP, 1));
        all.push(contents.recipe(Compression::Gzip(9), 0));
        all.push(contents.recipe(Compression::ZSTD, 0));
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn a_file_that_changes_between_recipe_and_packing_is_named() {
        let folder = tempfile::tempdir().expect("tempdir");
        let path = folder.path().join("app");
        for (then, expected) in [
            (&b"shorter"[..], "bytes"),
            (b"longer than it", "bytes"),
            (b"other text", "sha256"),
        ] {
            fs_err::write(&path, b"first text").expect("writes");
            let entry = Entry::file("app", 0o755, Source::Path(path.clone()));
            let contents = contents(vec![entry]).expect("sound");
            fs_err::write(&path, then).expect("writes");
            let error = contents
                .write(&mut io::sink(), Compression::GZIP, 0, 2)
                .expect_err("changed");
            assert!(matches!(error, Error::Changed { .. }), "{error}");
            assert!(error.to_string().contains("app"), "{error}");
            assert!(error.to_string().contains(expected), "{error}");
        }
    }

    #[test]
    fn paths_that_no_layer_can_hold_are_refused() {
        for path in [
            "",
            "/a",
            "a/",
            "a//b",
            "./a",
            "a/../b",
            "a\0",
            "a/.wh.b",
            ".wh..wh..opq",
        ] {
            let error = contents(vec![bytes(path, b"")]).expect_err(path);
            assert!(matches!(error, Error::EntryPath { .. }), "{error}");
        }
        let twice = contents(vec![bytes("a", b"1"), bytes("a", b"1")]).expect_err("twice");
        assert!(matches!(twice, Error::Twice { .. }));
        let under = contents(vec![bytes("a", b"1"), bytes("a/b", b"1")]).expect_err("under a file");
        assert!(matches!(under, Error::NotAFolder { .. }));
        let below = |_: &str| Below::Other;
        let over = Contents::new(vec![bytes("a/b", b"")], &below, &hash_file, 1);
        assert!(matches!(over, Err(Error::NotAFolder { .. })));
    }
}
