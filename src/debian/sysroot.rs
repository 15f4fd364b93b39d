//! What makes a directory of packages a sysroot: a tree that a compiler on another machine may use
//! without ever reading a file of that machine in its place.
//!
//! Comes in: entries on their way into the tree, and the finished tree. Goes out: which of them are
//! left out, relative links for absolute ones, and the proof that no chain of links leaves the tree.

use super::deb::tarball;
use super::unpack::tree::{Tree, What};
use crate::extract;

/// Directories of `/usr/share` that no compiler reads; together they are a third of some packages.
const LEFT_OUT: [&str; 6] = ["bug", "doc", "info", "lintian", "locale", "man"];
/// As many links as the kernel follows.
const MOST_LINKS: usize = 40;

/// A link that may not be in a sysroot.
#[derive(Debug)]
pub(super) struct Escape {
    /// The link.
    pub(super) path: String,
    /// Where it leads.
    pub(super) reason: String,
    /// Whose it is.
    pub(super) package: Option<usize>,
}

/// Whether an entry is not for compilers. Copyright files are kept, and so are links between the
/// directories that hold them.
pub(super) fn is_left_out(parts: &[&str], kind: tarball::Kind) -> bool {
    let ["usr", "share", name, rest @ ..] = parts else {
        return false;
    };
    match (*name, rest) {
        ("doc", [_]) => kind != tarball::Kind::Symlink,
        ("doc", [_, "copyright"]) => false,
        (name, _) => LEFT_OUT.contains(&name),
    }
}

/// The target of a link at `path` without a slash in front: the way up to the root, then down.
pub(super) fn relative(path: &str, target: &str) -> String {
    let Some(below) = target.strip_prefix('/') else {
        return target.to_owned();
    };
    let mut parts = vec![".."; path.matches('/').count()];
    let mut down = Vec::new();
    for part in extract::target_parts(below) {
        match part {
            // The root is its own parent.
            ".." if down.is_empty() => {}
            part => down.push(part),
        }
    }
    parts.extend(down);
    if parts.is_empty() {
        parts.push(".");
    }
    parts.join("/")
}

/// Follows every link of the tree as the kernel would. One that leads out is an error; those that
/// lead to nothing are returned, sorted.
pub(super) fn check(tree: &Tree<'_>) -> Result<Vec<(String, String)>, Escape> {
    let mut links: Vec<(&String, &String, Option<usize>)> = Vec::new();
    for (path, node) in &tree.nodes {
        if let What::Link(target) = &node.what {
            links.push((path, target, node.package));
        }
    }
    links.sort_unstable();
    let mut dangling = Vec::new();
    for (path, target, package) in links {
        match follow(tree, path, target) {
            End::Inside => {}
            End::Nothing => dangling.push((path.clone(), target.clone())),
            End::Outside => {
                return Err(Escape {
                    path: path.clone(),
                    reason: format!("links out of the tree, to `{target}`"),
                    package,
                });
            }
        }
    }
    Ok(dangling)
}

/// Where a chain of links ends.
#[derive(PartialEq, Eq)]
enum End {
    Inside,
    Nothing,
    Outside,
}

fn follow(tree: &Tree<'_>, path: &str, target: &str) -> End {
    let mut real: Vec<&str> = path.split('/').collect();
    real.pop();
    let mut rest: Vec<&str> = Vec::new();
    let down = |rest: &mut Vec<&'_ str>| rest.reverse();
    rest.extend(extract::target_parts(target));
    down(&mut rest);
    let (mut links, mut end) = (1, End::Inside);
    while let Some(part) = rest.pop() {
        if part == ".." {
            if real.pop().is_none() {
                return End::Outside;
            }
            continue;
        }
        real.push(part);
        match tree.nodes.get(&real.join("/")).map(|node| &node.what) {
            Some(What::Directory) => {}
            Some(What::File(_)) if rest.is_empty() => {}
            Some(What::Link(target)) => {
                links += 1;
                if links > MOST_LINKS {
                    return End::Nothing;
                }
                real.pop();
                let mut more: Vec<&str> = extract::target_parts(target).collect();
                more.reverse();
                rest.extend(more);
            }
            // Followed to its end by name: what is missing might be there one day.
            Some(What::File(_)) | None => end = End::Nothing,
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_targets_become_relative_to_the_link() {
        for (path, target, expected) in [
            ("usr/lib/a/l.so", "/lib/a/l.so.6", "../../../lib/a/l.so.6"),
            ("l", "/x", "x"),
            ("l", "/", "."),
            ("usr/l", "/", ".."),
            ("usr/l", "/../../etc//x/.", "../etc/x"),
            ("usr/l", "/a/../b", "../a/../b"),
            ("usr/l", "../x", "../x"),
        ] {
            assert_eq!(relative(path, target), expected, "{path} -> {target}");
        }
    }

    #[test]
    fn only_what_no_compiler_reads_is_left_out() {
        for (path, kind, expected) in [
            ("usr/share/doc/a/changelog.gz", tarball::Kind::File, true),
            ("usr/share/doc/a/copyright", tarball::Kind::File, false),
            ("usr/share/doc/a", tarball::Kind::Directory, true),
            ("usr/share/doc/a", tarball::Kind::Symlink, false),
            ("usr/share/doc", tarball::Kind::Directory, true),
            ("usr/share/man/man3/x.3", tarball::Kind::File, true),
            ("usr/share/pkgconfig/x.pc", tarball::Kind::File, false),
            ("usr/share/documents", tarball::Kind::File, false),
            ("usr/include/doc/x.h", tarball::Kind::File, false),
        ] {
            let parts: Vec<&str> = path.split('/').collect();
            assert_eq!(is_left_out(&parts, kind), expected, "{path}");
        }
    }
}
