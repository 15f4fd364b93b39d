//! The merged file tree of an image's layers, held as an index in memory: whiteouts and opaque
//! folders honoured, links resolved inside the root (OCI image specification, layer.md,
//! "Whiteouts"; link resolution as container engines do it when they unpack).

use std::collections::BTreeMap;

use super::Error;
use super::layer::Below;
use super::listing::{Item, Listing};
use super::untar::Kind;

const WHITEOUT: &str = ".wh.";
const OPAQUE: &str = ".wh..wh..opq";
/// As many links as Linux follows before it says ELOOP.
const LINKS: usize = 40;

/// One file of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// Permission bits.
    pub mode: u32,
    /// The owner.
    pub uid: u64,
    /// The group.
    pub gid: u64,
    /// The size of a file.
    pub size: u64,
    /// The number of the layer that put it there, lowest first.
    pub layer: usize,
    member: Option<String>,
}

impl Node {
    /// The name of its member in that layer, given its path: another one where it is a hard link,
    /// or where the layer put it behind a link.
    pub fn member<'a>(&'a self, path: &'a str) -> &'a str {
        self.member.as_deref().unwrap_or(path)
    }
}

/// What a file of an image is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// A file with content.
    File,
    /// A directory.
    Directory,
    /// A symbolic link and its target.
    Symlink(String),
    /// A device, a pipe, a socket.
    Special,
}

/// The files of an image. Paths have no slash in front; the root itself has no entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rootfs {
    nodes: BTreeMap<String, Node>,
    layers: usize,
}

impl Rootfs {
    /// The tree of these layers, lowest first.
    pub fn of(layers: impl IntoIterator<Item = Listing>) -> Result<Self, Error> {
        let mut rootfs = Self::default();
        for layer in layers {
            let what = format!("layer with diff ID {}", layer.diff_id);
            rootfs.apply(layer, &what)?;
        }
        Ok(rootfs)
    }

    /// Lays one more layer on top; `what` names it in errors.
    pub fn apply(&mut self, layer: Listing, what: &str) -> Result<(), Error> {
        // Whiteouts hide what lies in lower layers, wherever in the stream they stand.
        for item in &layer.members {
            self.white_out(&item.path)?;
        }
        let mut folder = Folder::default();
        for item in layer.members {
            if !name(&item.path).starts_with(WHITEOUT) && !item.path.is_empty() {
                self.add(item, &mut folder, what)?;
            }
        }
        self.layers += 1;
        Ok(())
    }

    /// What lies at a path; links on the way are followed, one at its end is not.
    pub fn get(&self, path: &str) -> Option<&Node> {
        self.nodes.get(&self.resolve_parent(path).ok()?)
    }

    /// What lies at a path when all links are followed, with its real path.
    pub fn follow(&self, path: &str) -> Option<(String, &Node)> {
        let real = self.resolve(path, true).ok()?;
        let (real, node) = self.nodes.get_key_value(&real)?;
        Some((real.clone(), node))
    }

    /// Every file with its path, sorted.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.nodes.iter().map(|(path, node)| (path.as_str(), node))
    }

    /// What lies at exactly this path.
    pub fn below(&self, path: &str) -> Below {
        if self.is_folder(path) {
            Below::Folder
        } else if self.nodes.contains_key(path) {
            Below::Other
        } else {
            Below::Nothing
        }
    }

    /// Whether a folder lies at exactly this path (not a link to one).
    pub fn is_folder(&self, path: &str) -> bool {
        path.is_empty()
            || matches!(self.nodes.get(path), Some(node) if node.kind == NodeKind::Directory)
    }

    /// Where a file put at this path will lie: links among its parents are followed inside the
    /// root, its last part is kept. Parents that do not exist are kept as written.
    pub fn resolve_parent(&self, path: &str) -> Result<String, Error> {
        self.resolve(path, false)
    }

    /// Where a folder of this path lies: links are followed in its last part, too.
    pub fn resolve_folder(&self, path: &str) -> Result<String, Error> {
        self.resolve(path, true)
    }

    fn resolve(&self, path: &str, last: bool) -> Result<String, Error> {
        let mut todo: Vec<String> = parts(path).rev().map(str::to_owned).collect();
        let mut done: Vec<String> = Vec::new();
        let mut links = 0;
        while let Some(part) = todo.pop() {
            if part == ".." {
                done.pop();
                continue;
            }
            done.push(part);
            if todo.is_empty() && !last {
                break;
            }
            let Some(NodeKind::Symlink(target)) =
                self.nodes.get(&done.join("/")).map(|node| &node.kind)
            else {
                continue;
            };
            links += 1;
            if links > LINKS {
                return Err(Error::LinkLoop {
                    path: path.to_owned(),
                });
            }
            done.pop();
            if target.starts_with('/') {
                done.clear();
            }
            todo.extend(parts(target).rev().map(str::to_owned));
        }
        Ok(done.join("/"))
    }

    fn white_out(&mut self, path: &str) -> Result<(), Error> {
        let Some(hidden) = name(path).strip_prefix(WHITEOUT) else {
            return Ok(());
        };
        if name(path) == OPAQUE {
            let folder = self.resolve(parent(path), true)?;
            self.remove_below(&folder);
        } else if !hidden.starts_with(WHITEOUT) {
            // Names with two marks are AUFS's own bookkeeping.
            let path = join(parent(path), hidden);
            let path = self.resolve_parent(&path)?;
            self.remove(&path);
        }
        Ok(())
    }

    fn add(&mut self, mut item: Item, folder: &mut Folder, what: &str) -> Result<(), Error> {
        if folder.written.as_deref() != Some(parent(&item.path)) {
            let written = parent(&item.path).to_owned();
            folder.real = self.resolve(&written, true)?;
            self.add_folders(&folder.real);
            folder.written = Some(written);
        }
        let moved = folder.written.as_deref() != Some(&folder.real);
        let node = if item.kind == Kind::Hardlink {
            Some(self.linked(&item, what)?)
        } else {
            None
        };
        let path = if moved {
            join(&folder.real, name(&item.path))
        } else {
            std::mem::take(&mut item.path)
        };
        let node = node.unwrap_or_else(|| Node {
            kind: match item.kind {
                Kind::File | Kind::Hardlink => NodeKind::File,
                Kind::Directory => NodeKind::Directory,
                Kind::Symlink => NodeKind::Symlink(item.link),
                Kind::Special => NodeKind::Special,
            },
            mode: item.mode,
            uid: item.uid,
            gid: item.gid,
            size: item.size,
            layer: self.layers,
            member: moved.then_some(item.path),
        });
        let stays = node.kind == NodeKind::Directory && self.is_folder(&path);
        let replaced = !stays && self.remove(&path);
        if replaced || matches!(node.kind, NodeKind::Symlink(_)) {
            folder.written = None;
        }
        self.nodes.insert(path, node);
        Ok(())
    }

    /// The file that a hard link names, with its real path as its member. It must be there
    /// already, and no folder: nobody could unpack the layer.
    fn linked(&self, item: &Item, what: &str) -> Result<Node, Error> {
        let path = self.resolve_parent(&item.link)?;
        let refused = |reason: &str| Error::Member {
            what: what.to_owned(),
            member: item.path.clone(),
            reason: format!("is a hard link to `{}`, which {reason}", item.link),
        };
        let mut node = match self.nodes.get(&path) {
            Some(node) if node.kind == NodeKind::Directory => return Err(refused("is a folder")),
            Some(node) => node.clone(),
            None if path.is_empty() => return Err(refused("is a folder")),
            None => return Err(refused("does not exist")),
        };
        node.member.get_or_insert(path);
        Ok(node)
    }

    /// Layers may leave out folders; engines then make them.
    fn add_folders(&mut self, path: &str) {
        let ends = path
            .match_indices('/')
            .map(|(at, _)| at)
            .chain([path.len()]);
        for folder in ends
            .map(|end| &path[..end])
            .filter(|folder| !folder.is_empty())
        {
            if !self.nodes.contains_key(folder) {
                let node = Node {
                    kind: NodeKind::Directory,
                    mode: 0o755,
                    uid: 0,
                    gid: 0,
                    size: 0,
                    layer: self.layers,
                    member: None,
                };
                self.nodes.insert(folder.to_owned(), node);
            }
        }
    }

    /// Whether there was anything to remove.
    fn remove(&mut self, path: &str) -> bool {
        let old = self.nodes.remove(path);
        if matches!(&old, Some(old) if old.kind == NodeKind::Directory) {
            self.remove_below(path);
        }
        old.is_some()
    }

    fn remove_below(&mut self, folder: &str) {
        if folder.is_empty() {
            self.nodes.clear();
            return;
        }
        let prefix = format!("{folder}/");
        let below: Vec<String> = self
            .nodes
            .range(prefix.clone()..)
            .take_while(|(path, _)| path.starts_with(&prefix))
            .map(|(path, _)| path.clone())
            .collect();
        for path in below {
            self.nodes.remove(&path);
        }
    }
}

/// The folder of the member before, which is mostly that of the next one, too: as the layer writes
/// it (nothing where it must be looked up again) and where its links lead.
#[derive(Default)]
struct Folder {
    written: Option<String>,
    real: String,
}

fn parts(path: &str) -> impl DoubleEndedIterator<Item = &str> {
    path.split('/').filter(|part| !matches!(*part, "" | "."))
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() {
        name.to_owned()
    } else {
        format!("{parent}/{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::{DiffId, Digest};
    use crate::fault::{Exit, Fault};
    use proptest::prelude::*;

    fn layer(items: &[(&str, Kind, &str)]) -> Listing {
        let members = items.iter().map(|(path, kind, link)| Item {
            path: (*path).to_owned(),
            kind: *kind,
            mode: 0o755,
            uid: 0,
            gid: 0,
            size: 0,
            link: (*link).to_owned(),
        });
        Listing {
            diff_id: DiffId::new(Digest::of(b"")),
            members: members.collect(),
        }
    }

    fn paths(rootfs: &Rootfs) -> Vec<&str> {
        rootfs.iter().map(|(path, _)| path).collect()
    }

    use Kind::{Directory as D, File as F, Hardlink as H, Symlink as L};

    #[test]
    fn a_file_under_a_linked_folder_lands_where_the_link_points() {
        let merged = layer(&[
            ("usr/bin", D, ""),
            ("bin", L, "usr/bin"),
            ("lib", L, "/usr/lib"),
        ]);
        let rootfs = Rootfs::of([merged]).expect("merges");
        assert_eq!(rootfs.resolve_parent("bin/app").expect("ok"), "usr/bin/app");
        assert_eq!(
            rootfs.resolve_parent("/lib/x/y").expect("ok"),
            "usr/lib/x/y"
        );
        assert_eq!(rootfs.resolve_parent("bin").expect("ok"), "bin");
        assert_eq!(rootfs.resolve_parent("opt/app").expect("ok"), "opt/app");
    }

    #[test]
    fn links_never_lead_out_of_the_root_and_loops_end() {
        let rootfs = Rootfs::of([layer(&[
            ("up", L, "../../../etc"),
            ("a", L, "b"),
            ("b", L, "a"),
        ])])
        .expect("merges");
        assert_eq!(
            rootfs.resolve_parent("up/passwd").expect("ok"),
            "etc/passwd"
        );
        assert!(matches!(
            rootfs.resolve_parent("a/x"),
            Err(Error::LinkLoop { .. })
        ));
        assert_eq!(rootfs.follow("a"), None);
    }

    #[test]
    fn whiteouts_hide_lower_layers_only() {
        let lower = layer(&[
            ("d", D, ""),
            ("d/a", F, ""),
            ("d/b", F, ""),
            ("e/f/g", F, ""),
        ]);
        let upper = layer(&[("d/c", F, ""), ("d/.wh.a", F, ""), (".wh.e", F, "")]);
        let rootfs = Rootfs::of([lower.clone(), upper]).expect("merges");
        assert_eq!(paths(&rootfs), ["d", "d/b", "d/c"]);
        let opaque = layer(&[("d/new", F, ""), ("d/.wh..wh..opq", F, "")]);
        let rootfs = Rootfs::of([lower.clone(), opaque]).expect("merges");
        assert_eq!(paths(&rootfs), ["d", "d/new", "e", "e/f", "e/f/g"]);
        let bookkeeping = layer(&[(".wh..wh.plnk", D, "")]);
        let rootfs = Rootfs::of([lower.clone(), bookkeeping]).expect("merges");
        assert_eq!(paths(&rootfs).len(), 6);
    }

    #[test]
    fn a_file_replaces_a_folder_and_a_folder_replaces_a_link() {
        let lower = layer(&[("d/a", F, ""), ("l", L, "d")]);
        let upper = layer(&[("d", F, ""), ("l", D, "")]);
        let rootfs = Rootfs::of([lower.clone(), upper]).expect("merges");
        assert_eq!(paths(&rootfs), ["d", "l"]);
        assert!(rootfs.is_folder("l"));
        assert!(!rootfs.is_folder("d"));
    }

    #[test]
    fn a_hard_link_is_the_file_it_names() {
        let rootfs = Rootfs::of([layer(&[
            ("bin/busybox", F, ""),
            ("bin/ls", H, "/bin/busybox"),
        ])])
        .expect("merges");
        let node = rootfs.get("bin/ls").expect("there");
        assert_eq!(
            (node.kind.clone(), node.member("bin/ls")),
            (NodeKind::File, "bin/busybox")
        );
    }

    #[test]
    fn a_hard_link_to_nothing_or_to_a_folder_is_refused_with_layer_member_and_target() {
        for (target, reason) in [
            ("bin/none", "does not exist"),
            ("/bin/none", "does not exist"),
            ("bin/later", "does not exist"),
            ("bin", "is a folder"),
            ("/", "is a folder"),
        ] {
            let error = Rootfs::default()
                .apply(
                    layer(&[("bin/ls", H, target), ("bin/later", F, "")]),
                    "layer sha256:12",
                )
                .expect_err(target);
            let expected = format!("`bin/ls` is a hard link to `{target}`, which {reason}");
            let text = error.to_string();
            assert!(text.starts_with("layer sha256:12: member "), "{text}");
            assert!(text.ends_with(&expected), "{text}");
            assert_eq!(error.exit(), Exit::Integrity);
        }
        let (lower, upper) = (layer(&[("a", F, "")]), layer(&[("b", H, "/a")]));
        let rootfs = Rootfs::of([lower, upper]).expect("a lower layer's file can be named");
        assert_eq!(paths(&rootfs), ["a", "b"]);
    }

    #[test]
    fn following_gives_the_real_path() {
        let rootfs = Rootfs::of([layer(&[
            ("lib64", L, "usr/lib64"),
            ("usr/lib64/ld.so", L, "../lib/ld-2.36.so"),
            ("usr/lib/ld-2.36.so", F, ""),
        ])])
        .expect("merges");
        let (real, node) = rootfs.follow("/lib64/ld.so").expect("there");
        assert_eq!(
            (real.as_str(), &node.kind),
            ("usr/lib/ld-2.36.so", &NodeKind::File)
        );
    }

    /// A few names, so that links, files and folders meet at the same paths.
    fn member() -> impl Strategy<Value = (String, Kind, String)> {
        let path = "[ab](/[ab]){0,3}";
        let kind = prop_oneof![Just(D), Just(F), Just(L), Just(H)];
        (path, kind, "(/|../)?[ab](/[ab]){0,2}")
    }

    proptest! {
        #[test]
        fn one_layer_of_many_files_is_many_layers_of_one(
            members in proptest::collection::vec(member(), 0..12),
        ) {
            let list = |members: &[(String, Kind, String)]| {
                let items = members.iter().map(|(path, kind, link)| (path.as_str(), *kind, link.as_str()));
                layer(&items.collect::<Vec<_>>())
            };
            let tree = |rootfs: Rootfs| -> Vec<(String, NodeKind, String)> {
                let nodes = rootfs.iter();
                nodes.map(|(path, node)| (path.to_owned(), node.kind.clone(), node.member(path).to_owned())).collect()
            };
            let one = Rootfs::of([list(&members)]).map(tree).ok();
            let many = Rootfs::of(members.chunks(1).map(list)).map(tree).ok();
            prop_assert_eq!(one, many);
        }
    }
}
