//! Whose a path is that two packages have, as dpkg settles it (Debian Policy, section 7.6.1;
//! Multi-Arch: same as in the specification of multiarch).
//!
//! Comes in: an entry on its way into the tree, and what is in its place. Goes out: which of them
//! stays, or an error that names both packages.

use std::collections::HashMap;

use super::tree::{Node, What};
use super::{Failed, Kind};
use crate::debian::deb::Control;
use crate::debian::deb::tarball::Member;

/// What becomes of an entry whose place is taken.
pub(super) enum Dispute {
    /// It is written where the other was.
    Replace,
    /// The other stays.
    Keep,
    /// Both have to be the same.
    Compare,
}

/// An entry on its way into the tree.
pub(super) struct Adding<'a> {
    pub(super) member: &'a Member,
    pub(super) controls: &'a [Control],
    pub(super) package: Option<usize>,
}

impl Adding<'_> {
    pub(super) fn node(&self, kind: Kind, what: What) -> Node {
        let member = self.member;
        let (mode, uid, gid) = match (kind, &what) {
            (Kind::Rootfs, _) => (member.mode, member.uid, member.gid),
            (Kind::Sysroot, What::File(_)) if member.mode & 0o111 == 0 => (0o644, 0, 0),
            (Kind::Sysroot, _) => (0o755, 0, 0),
        };
        Node {
            what,
            mode,
            uid,
            gid,
            package: self.package,
        }
    }

    /// What becomes of the entry in a place that is taken, as dpkg has it.
    pub(super) fn dispute(&self, there: &Node, path: &str) -> Result<Dispute, Failed> {
        let (Some(with), Some(package)) = (there.package, self.package) else {
            let reason = format!("takes the place of `{path}`, which packages do not have");
            return Err(self.member.refuse(reason).into());
        };
        if with == package {
            let reason = match there.what {
                What::Directory => "takes the place of a directory",
                What::Link(_) => "takes the place of a link",
                What::File(_) => "is there twice",
            };
            return Err(self.member.refuse(reason).into());
        }
        let (ours, other) = (&self.controls[package], &self.controls[with]);
        let both = ours.is_same() && other.is_same();
        match there.what {
            What::Directory => {}
            _ if ours.replaces(other) => return Ok(Dispute::Replace),
            _ if other.replaces(ours) => return Ok(Dispute::Keep),
            _ if both && ours.package == other.package => return Ok(Dispute::Compare),
            _ => {}
        }
        Err(Failed::Conflict {
            entry: path.to_owned(),
            with,
        })
    }
}

/// A file that has to be the same and is not.
pub(super) fn conflict(nodes: &HashMap<String, Node>, path: &str) -> Failed {
    let with = nodes.get(path).and_then(|node| node.package);
    Failed::Conflict {
        entry: path.to_owned(),
        with: with.unwrap_or_default(),
    }
}
