//! The tree that packages are unpacked into, and everything that may not happen there.
//!
//! What was made so far is kept in memory, links too, and every path is resolved there as the kernel
//! of the target would resolve it. What is then opened, made or removed on disk has real directories
//! above it only, so no link of a package, wherever it leads, is ever followed by this machine.

use std::collections::HashMap;
use std::collections::hash_map::Entry::{Occupied, Vacant};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use fs_err::os::unix::fs::OpenOptionsExt;

use super::dispute::{Adding, Dispute, conflict};
use super::{Content, Entry, Failed, Kind, too_many};
use crate::debian::deb::Control;
use crate::debian::deb::tarball::{self, Member};
use crate::debian::sysroot;
use crate::digest::BLOCK;
use crate::extract::{self, MOST_ENTRIES};
use crate::interrupt;

/// Directories of the root that are links into `/usr`: those that are always there, and those that
/// are where something lies in them.
const ALIASES: [&str; 3] = ["bin", "lib", "sbin"];
const MORE_ALIASES: [&str; 4] = ["lib32", "lib64", "libo32", "libx32"];
/// As many links as the kernel follows.
const MOST_LINKS: usize = 40;
/// The most bytes of all paths and targets together, which are kept in memory.
const MOST_TEXT: usize = 256 << 20;

/// One path that was made.
pub(in crate::debian) struct Node {
    pub(in crate::debian) what: What,
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Whose it is; none for what no package has.
    pub(in crate::debian) package: Option<usize>,
}

/// What a path holds.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::debian) enum What {
    Directory,
    /// Names with the same number are hard links to each other.
    File(u32),
    Link(String),
}

/// The tree.
pub(in crate::debian) struct Tree<'a> {
    into: &'a Path,
    kind: Kind,
    pub(in crate::debian) nodes: HashMap<String, Node>,
    text: usize,
    files: u32,
    /// The directory of the last entry as it was named, and where that is.
    last: Option<(String, String)>,
    buffer: Vec<u8>,
}

impl<'a> Tree<'a> {
    /// An empty tree, with the links of a merged `/usr`.
    pub(super) fn new(into: &'a Path, kind: Kind) -> Result<Self, super::Error> {
        let mut tree = Self {
            into,
            kind,
            nodes: HashMap::new(),
            text: 0,
            files: 0,
            last: None,
            buffer: vec![0; BLOCK],
        };
        for alias in ALIASES {
            tree.alias(alias)
                .map_err(|(path, source)| super::Error::Write { path, source })?;
        }
        Ok(tree)
    }

    /// Adds a member of the package that the last of `controls` describes.
    pub(super) fn add(
        &mut self,
        member: &Member,
        content: &mut dyn Read,
        controls: &[Control],
    ) -> Result<(), Failed> {
        let parts = extract::parts(&member.name).map_err(|reason| member.refuse(reason))?;
        let is_directory = member.kind == tarball::Kind::Directory;
        if parts.is_empty() {
            return match is_directory {
                true => Ok(()),
                false => Err(member.refuse("takes the place of the root").into()),
            };
        }
        if self.kind == Kind::Sysroot && sysroot::is_left_out(&parts, member.kind) {
            return Ok(());
        }
        self.check_bounds(member)?;
        let package = controls.len().checked_sub(1);
        let adding = Adding {
            member,
            controls,
            package,
        };
        if self.is_alias(&adding, &parts)? {
            return Ok(());
        }
        let (name, parents) = parts.split_last().unwrap_or((&"", &[]));
        if is_directory {
            return self.directory(&adding, &parts);
        }
        let parent = self.resolve(&adding, parents)?;
        let path = join(&parent, name);
        match member.kind {
            tarball::Kind::File => self.file(&adding, path, content),
            tarball::Kind::Symlink => self.link(&adding, path),
            tarball::Kind::Hardlink => self.hard_link(&adding, path),
            tarball::Kind::Directory => Ok(()),
        }
    }

    /// Everything in it, sorted. Of the names of one file the first is the file.
    pub(super) fn finish(self) -> Vec<Entry> {
        let mut nodes: Vec<(String, Node)> = self.nodes.into_iter().collect();
        nodes.sort_by(|(left, _), (right, _)| left.cmp(right));
        let mut first: HashMap<u32, String> = HashMap::new();
        let entries = nodes.into_iter().map(|(path, node)| Entry {
            content: match node.what {
                What::Directory => Content::Directory,
                What::Link(target) => Content::Symlink(target),
                What::File(number) => match first.entry(number) {
                    Occupied(first) => Content::Hardlink(first.get().clone()),
                    Vacant(first) => {
                        first.insert(path.clone());
                        Content::File
                    }
                },
            },
            path,
            mode: node.mode,
            uid: node.uid,
            gid: node.gid,
            package: node.package,
        });
        entries.collect()
    }

    fn directory(&mut self, adding: &Adding<'_>, parts: &[&str]) -> Result<(), Failed> {
        let path = self.resolve(adding, parts)?;
        let node = adding.node(self.kind, What::Directory);
        if let Some(made) = self.nodes.get_mut(&path)
            && made.package.is_none()
        {
            // Made for what lies in it, before the entry that says what it is like.
            *made = node;
        }
        Ok(())
    }

    fn file(
        &mut self,
        adding: &Adding<'_>,
        path: String,
        content: &mut dyn Read,
    ) -> Result<(), Failed> {
        match self.settle(adding, &path)? {
            Dispute::Keep => return Ok(()),
            Dispute::Compare => return self.compare(adding, &path, content),
            Dispute::Replace => {}
        }
        self.files += 1;
        let node = adding.node(self.kind, What::File(self.files));
        let target = self.into.join(&path);
        let failed = |source| Failed::Write {
            path: target.clone(),
            source,
        };
        let mode = if node.mode & 0o111 == 0 { 0o644 } else { 0o755 };
        let mut file = fs_err::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&target)
            .map_err(failed)?;
        self.nodes.insert(path, node);
        while let Some(block) = next_block(&mut self.buffer, adding, content)? {
            file.write_all(block).map_err(failed)?;
        }
        Ok(())
    }

    /// The file of a `Multi-Arch: same` package has to be what the other architecture's has.
    fn compare(
        &mut self,
        adding: &Adding<'_>,
        path: &str,
        content: &mut dyn Read,
    ) -> Result<(), Failed> {
        let place = self.into.join(path);
        let failed = |source| Failed::Write {
            path: place.clone(),
            source,
        };
        let differs = || conflict(&self.nodes, path);
        if !matches!(self.nodes[path].what, What::File(_)) {
            return Err(differs());
        }
        let mut there = fs_err::File::open(&place).map_err(failed)?;
        let mut other = vec![0; BLOCK];
        while let Some(block) = next_block(&mut self.buffer, adding, content)? {
            match there.read_exact(&mut other[..block.len()]) {
                Ok(()) if other[..block.len()] == *block => {}
                Ok(()) => return Err(differs()),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Err(differs());
                }
                Err(error) => return Err(failed(error)),
            }
        }
        match there.read(&mut other[..1]).map_err(failed)? {
            0 => Ok(()),
            _ => Err(differs()),
        }
    }

    fn link(&mut self, adding: &Adding<'_>, path: String) -> Result<(), Failed> {
        let member = adding.member;
        let target = extract::target(&member.target).map_err(|reason| member.refuse(reason))?;
        let target = match self.kind {
            Kind::Sysroot => sysroot::relative(&path, target),
            Kind::Rootfs => target.to_owned(),
        };
        match self.settle(adding, &path)? {
            Dispute::Keep => return Ok(()),
            Dispute::Compare => {
                return match &self.nodes[&path].what {
                    What::Link(there) if *there == target => Ok(()),
                    _ => Err(conflict(&self.nodes, &path)),
                };
            }
            Dispute::Replace => {}
        }
        self.make_link(&path, &target)
            .map_err(|(path, source)| Failed::Write { path, source })?;
        let node = Node {
            mode: 0o777,
            ..adding.node(self.kind, What::Link(target))
        };
        self.nodes.insert(path, node);
        Ok(())
    }

    fn hard_link(&mut self, adding: &Adding<'_>, path: String) -> Result<(), Failed> {
        let member = adding.member;
        let refuse = |reason: &str| {
            let target = String::from_utf8_lossy(&member.target);
            member.refuse(format!("is a hard link to `{target}`, which {reason}"))
        };
        let parts = extract::parts(&member.target).map_err(refuse)?;
        let missing = || refuse("is no file unpacked before");
        let (name, parents) = parts.split_last().ok_or_else(missing)?;
        let original = join(&self.resolve(adding, parents)?, name);
        let Some(What::File(number)) = self.nodes.get(&original).map(|node| node.what.clone())
        else {
            return Err(missing().into());
        };
        if path == original {
            return Err(refuse("is itself").into());
        }
        match self.settle(adding, &path)? {
            Dispute::Keep => return Ok(()),
            Dispute::Compare if self.nodes[&path].what == What::File(number) => return Ok(()),
            Dispute::Compare => return Err(conflict(&self.nodes, &path)),
            Dispute::Replace => {}
        }
        let place = self.into.join(&path);
        fs_err::hard_link(self.into.join(&original), &place).map_err(|source| Failed::Write {
            path: place.clone(),
            source,
        })?;
        // One file has one mode and one owner, whatever its second name says.
        let node = adding.node(self.kind, What::File(number));
        let Node { mode, uid, gid, .. } = self.nodes[&original];
        let node = Node {
            mode,
            uid,
            gid,
            ..node
        };
        self.nodes.insert(path, node);
        Ok(())
    }

    /// Makes room for an entry, or says that what is there stays.
    fn settle(&mut self, adding: &Adding<'_>, path: &str) -> Result<Dispute, Failed> {
        let Some(node) = self.nodes.get(path) else {
            return Ok(Dispute::Replace);
        };
        let dispute = adding.dispute(node, path)?;
        if matches!(dispute, Dispute::Replace) {
            let place = self.into.join(path);
            // Never written into: the file may have another name.
            fs_err::remove_file(&place).map_err(|source| Failed::Write {
                path: place,
                source,
            })?;
            self.nodes.remove(path);
            self.last = None;
        }
        Ok(dispute)
    }

    /// The real directory that the parts lead to. What is missing of it is made.
    fn resolve(&mut self, adding: &Adding<'_>, parts: &[&str]) -> Result<String, Failed> {
        let named = parts.join("/");
        if let Some((last, real)) = &self.last
            && *last == named
        {
            return Ok(real.clone());
        }
        let mut real = String::new();
        let mut rest: Vec<String> = parts.iter().rev().map(|part| (*part).to_owned()).collect();
        let mut links = 0;
        while let Some(part) = rest.pop() {
            if part == ".." {
                match real.rfind('/') {
                    Some(at) => real.truncate(at),
                    None if real.is_empty() => {
                        let reason = "goes through a link that leads out of the tree";
                        return Err(adding.member.refuse(reason).into());
                    }
                    None => real.clear(),
                }
                continue;
            }
            let path = join(&real, &part);
            match self.nodes.get(&path).map(|node| &node.what) {
                Some(What::Directory) => real = path,
                Some(What::File(_)) => {
                    let reason = format!("goes through the file `{path}`");
                    return Err(adding.member.refuse(reason).into());
                }
                Some(What::Link(target)) => {
                    links += 1;
                    if links > MOST_LINKS {
                        let reason = format!("goes through the link `{path}`, which has no end");
                        return Err(adding.member.refuse(reason).into());
                    }
                    if target.starts_with('/') {
                        real.clear();
                    }
                    let parts: Vec<&str> = extract::target_parts(target).collect();
                    rest.extend(parts.into_iter().rev().map(str::to_owned));
                }
                None => {
                    if self.nodes.len() >= MOST_ENTRIES {
                        return Err(too_many(adding.member).into());
                    }
                    self.make_directory(&path)
                        .map_err(|(path, source)| Failed::Write { path, source })?;
                    real = path;
                }
            }
        }
        self.last = Some((named, real.clone()));
        Ok(real)
    }

    /// Whether an entry is one of the links of a merged `/usr`, which are there or are made now.
    fn is_alias(&mut self, adding: &Adding<'_>, parts: &[&str]) -> Result<bool, Failed> {
        let [name, rest @ ..] = parts else {
            return Ok(false);
        };
        if !ALIASES.contains(name) && !MORE_ALIASES.contains(name) {
            return Ok(false);
        }
        self.alias(name)
            .map_err(|(path, source)| Failed::Write { path, source })?;
        if !rest.is_empty() || adding.member.kind != tarball::Kind::Symlink {
            return Ok(false);
        }
        let target = String::from_utf8_lossy(&adding.member.target).into_owned();
        let same = extract::target_parts(&target).eq(["usr", name]);
        if same && let Some(node) = self.nodes.get_mut(*name) {
            node.package = node.package.or(adding.package);
        }
        Ok(same)
    }

    /// Makes the links for directories that packages have below `/usr` alone, as those of merged
    /// releases do.
    pub(super) fn complete_aliases(&mut self) -> Result<(), (PathBuf, io::Error)> {
        for name in MORE_ALIASES {
            let below = self.nodes.get(&format!("usr/{name}"));
            if below.is_some_and(|node| matches!(node.what, What::Directory)) {
                self.alias(name)?;
            }
        }
        Ok(())
    }

    fn alias(&mut self, name: &str) -> Result<(), (PathBuf, io::Error)> {
        if self.nodes.contains_key(name) {
            return Ok(());
        }
        for directory in ["usr".to_owned(), format!("usr/{name}")] {
            if !self.nodes.contains_key(&directory) {
                self.make_directory(&directory)?;
            }
        }
        let target = format!("usr/{name}");
        self.make_link(name, &target)?;
        let node = Node {
            mode: 0o777,
            ..plain(What::Link(target))
        };
        self.nodes.insert(name.to_owned(), node);
        Ok(())
    }

    fn make_directory(&mut self, path: &str) -> Result<(), (PathBuf, io::Error)> {
        let place = self.into.join(path);
        fs_err::create_dir(&place).map_err(|source| (place, source))?;
        self.nodes.insert(path.to_owned(), plain(What::Directory));
        Ok(())
    }

    fn make_link(&mut self, path: &str, target: &str) -> Result<(), (PathBuf, io::Error)> {
        let place = self.into.join(path);
        self.last = None;
        fs_err::os::unix::fs::symlink(target, &place).map_err(|source| (place, source))
    }

    fn check_bounds(&mut self, member: &Member) -> Result<(), tarball::Error> {
        self.text += member.name.len() + member.target.len();
        if self.text > MOST_TEXT {
            return Err(member.refuse(format!(
                "is one of too many: all paths together have over {MOST_TEXT} bytes"
            )));
        }
        if self.nodes.len() >= MOST_ENTRIES {
            return Err(too_many(member));
        }
        Ok(())
    }
}

/// The next bytes of a member; none at its end.
fn next_block<'b>(
    buffer: &'b mut [u8],
    adding: &Adding<'_>,
    content: &mut dyn Read,
) -> Result<Option<&'b [u8]>, Failed> {
    loop {
        interrupt::check().map_err(|_| tarball::Error::Interrupted)?;
        match content.read(buffer) {
            Ok(0) => return Ok(None),
            Ok(read) => return Ok(Some(&buffer[..read])),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(adding.member.damaged(error).into()),
        }
    }
}

fn plain(what: What) -> Node {
    Node {
        what,
        mode: 0o755,
        uid: 0,
        gid: 0,
        package: None,
    }
}

fn join(parent: &str, name: &str) -> String {
    match parent {
        "" => name.to_owned(),
        parent => format!("{parent}/{name}"),
    }
}
