//! The user that the image is started as, and what it may execute.
//!
//! Sources: OCI image specification, config.md, `User`; passwd(5), group(5), ``path_resolution(7)``.

use std::fmt;

use crate::oci::rootfs::Node;
use crate::verify::finding::{Finding, Kind, Severity};
use crate::verify::view::View;

/// A user with its groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct User {
    uid: u64,
    gids: Vec<u64>,
}

/// Why a user may not start a file.
pub(super) struct Refusal {
    /// The mode that keeps it from that.
    pub(super) found: String,
    /// The way out.
    pub(super) hint: String,
}

impl User {
    /// The one that there is without being named.
    pub(super) const fn root() -> Self {
        Self {
            uid: 0,
            gids: Vec::new(),
        }
    }

    /// The one that the config names: `user`, `uid`, `user:group`, `uid:gid`.
    pub(super) fn of(view: &View<'_>) -> Result<Self, Box<Finding>> {
        let given = view.image.config["config"]["User"]
            .as_str()
            .unwrap_or_default();
        let (user, group) = match given.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (given, None),
        };
        if user.is_empty() && group.is_none() {
            return Ok(Self::root());
        }
        let unknown = |kind, file: &str, name: &str, hint: String| {
            let expected = format!("`{name}` in `/{file}`, or a number");
            let found = match view.text(file) {
                Some(_) => "no such name",
                None => "no such file",
            };
            let mut finding = view.field(kind, Severity::Error, "User", expected, found);
            finding.hint = Some(hint);
            Box::new(finding)
        };
        let accounts = lines(view, "etc/passwd");
        let account = accounts
            .iter()
            .find(|line| line.first().is_some_and(|name| name == user));
        let number: Option<u64> = user.parse().ok();
        let uid = account
            .and_then(|line| line.get(2)?.parse().ok())
            .or(number)
            .or_else(|| user.is_empty().then_some(0));
        let Some(uid) = uid else {
            let hint = "`user = \"65532\"` under `[image]`: a number needs no entry".to_owned();
            return Err(unknown(Kind::UserUnknown, "etc/passwd", user, hint));
        };
        let account = account.or_else(|| {
            accounts
                .iter()
                .find(|line| line.get(2).is_some_and(|id| id.parse() == Ok(uid)))
        });
        let groups = lines(view, "etc/group");
        let id = |line: &Vec<String>| line.get(2)?.parse().ok();
        let mut gids = Vec::new();
        if let Some(group) = group.filter(|group| !group.is_empty()) {
            let named = groups
                .iter()
                .find(|line| line.first().is_some_and(|name| name == group));
            let gid = named.and_then(id).or_else(|| group.parse().ok());
            let Some(gid) = gid else {
                let hint =
                    format!("`user = \"{user}:65532\"` under `[image]`: a number needs no entry");
                return Err(unknown(Kind::GroupUnknown, "etc/group", group, hint));
            };
            gids.push(gid);
        } else {
            gids.push(
                account
                    .and_then(|line| line.get(3)?.parse().ok())
                    .unwrap_or(0),
            );
            if let Some(name) = account.and_then(|line| line.first()) {
                let member = |line: &&Vec<String>| {
                    line.get(3)
                        .is_some_and(|names| names.split(',').any(|one| one == name))
                };
                gids.extend(groups.iter().filter(member).filter_map(id));
            }
        }
        Ok(Self { uid, gids })
    }

    /// Whether this user may start the file at a real path, or what keeps it from that.
    pub(super) fn may_execute(&self, view: &View<'_>, real: &str) -> Result<(), Refusal> {
        for (at, _) in real.match_indices('/') {
            let folder = &real[..at];
            if let Some(node) = view.rootfs.get(folder)
                && self.uid != 0
                && !self.has(node, 0o1)
            {
                return Err(Refusal {
                    found: format!("`/{folder}` has {}", mode(node)),
                    hint: format!(
                        "lay the program where {self} may go, such as `/usr/local/bin`, or `RUN chmod 0755 /{folder}`"
                    ),
                });
            }
        }
        match view.rootfs.get(real) {
            Some(node) if self.uid == 0 && node.mode & 0o111 != 0 => Ok(()),
            Some(node) if self.uid != 0 && self.has(node, 0o1) => Ok(()),
            Some(node) => Err(Refusal {
                found: mode(node),
                hint: format!(
                    "`COPY --chmod=0755 … /{real}`, or `mode = \"0755\"` at the file under `[[image.files]]`"
                ),
            }),
            None => Ok(()),
        }
    }

    /// Whether the mode gives this user the bit: the first class it belongs to decides.
    fn has(&self, node: &Node, bit: u32) -> bool {
        let shift = if node.uid == self.uid {
            6
        } else if self.gids.contains(&node.gid) {
            3
        } else {
            0
        };
        node.mode >> shift & bit != 0
    }
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.uid {
            0 => f.write_str("root"),
            uid => write!(f, "user {uid}"),
        }
    }
}

fn mode(node: &Node) -> String {
    format!("mode {:04o}, owner {}:{}", node.mode, node.uid, node.gid)
}

/// The fields of a database's lines.
fn lines(view: &View<'_>, file: &str) -> Vec<Vec<String>> {
    let text = String::from_utf8_lossy(view.text(file).unwrap_or_default()).into_owned();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            line.split(':')
                .map(|field| field.trim().to_owned())
                .collect()
        })
        .collect()
}
