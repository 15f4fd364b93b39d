//! What git knows of the source: for labels, `{version}`, `{commit}` and `{date}`.

use std::path::{Path, PathBuf};

use crate::{parallel, process};

/// Facts about the checked-out commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Git {
    /// The full commit hash.
    pub commit: String,
    /// The commit's time, in seconds since 1970.
    pub time: u64,
    /// `git describe --tags` without a leading `v`, where a tag is reachable.
    pub version: Option<String>,
    /// Whether tracked files differ from the commit.
    pub dirty: bool,
    /// Where the source is published, as an address without credentials.
    pub source: Option<String>,
}

/// Begins to ask the host's git, on a thread of its own where there is one; what comes out waits for
/// the answer.
pub fn begin(root: PathBuf) -> impl FnOnce() -> Option<Git> {
    let folder = root.clone();
    let asked = std::thread::Builder::new().spawn(move || inspect(&folder));
    move || match asked {
        Ok(other) => other.join().unwrap_or_default(),
        Err(_) => inspect(&root),
    }
}

/// Asks the host's git. `None` where there is no git, no repository or no commit.
pub fn inspect(root: &Path) -> Option<Git> {
    let git = process::find("git")?;
    let ask = |arguments: &[&str]| process::query(&git, arguments, root);
    let head = ask(&["log", "-1", "--no-show-signature", "--format=%H %ct"])?;
    let (commit, time) = head.split_once(' ')?;
    let (described, remote) = std::thread::scope(|scope| {
        let address = || ask(&["config", "--get", "remote.origin.url"]);
        let remote = parallel::start(scope, address);
        let described = ask(&["describe", "--tags", "--always", "--dirty", "--abbrev=12"]);
        let remote = remote.map_or_else(|_| address(), |other| other.join().ok().flatten());
        (described, remote)
    });
    let described = described.unwrap_or_default();
    let (version, dirty) = match described.strip_suffix("-dirty") {
        Some(clean) => (clean, true),
        None => (described.as_str(), false),
    };
    // Without a tag, `--always` gives the abbreviated commit.
    let tagged = !version.is_empty() && !commit.starts_with(version);
    Some(Git {
        commit: commit.to_owned(),
        time: time.parse().ok()?,
        version: tagged.then(|| without_v(&described).to_owned()),
        dirty,
        source: remote.as_deref().and_then(published),
    })
}

fn without_v(tag: &str) -> &str {
    match tag.strip_prefix('v') {
        Some(rest) if rest.starts_with(|first: char| first.is_ascii_digit()) => rest,
        _ => tag,
    }
}

/// A remote as an address that can be shown: `git@host:path` becomes `https://host/path`, user
/// names and passwords are dropped, and a path on this machine is nobody else's business.
fn published(remote: &str) -> Option<String> {
    let (host, path) = match remote.split_once("://") {
        Some(("https" | "http" | "ssh" | "git", rest)) => rest.split_once('/')?,
        Some(_) => return None,
        None => {
            let (host, path) = remote.split_once(':')?;
            if host.contains('/') {
                return None;
            }
            (host, path)
        }
    };
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let host = match (remote.starts_with("ssh://"), host.rsplit_once(':')) {
        (true, Some((host, _port))) => host,
        _ => host,
    };
    let path = path.split(['?', '#']).next().unwrap_or(path);
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    (!host.is_empty() && !path.is_empty()).then(|| format!("https://{host}/{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remotes_lose_credentials_and_become_addresses() {
        for (remote, expected) in [
            (
                "https://user:secret@example.com/a/b.git",
                Some("https://example.com/a/b"),
            ),
            (
                "https://token@example.com/a/b",
                Some("https://example.com/a/b"),
            ),
            (
                "https://example.com/a/b?token=x",
                Some("https://example.com/a/b"),
            ),
            ("git@example.com:a/b.git", Some("https://example.com/a/b")),
            (
                "ssh://git@example.com:2222/a/b.git",
                Some("https://example.com/a/b"),
            ),
            (
                "https://example.com:8443/a",
                Some("https://example.com:8443/a"),
            ),
            ("/srv/git/a.git", None),
            ("file:///srv/git/a.git", None),
            ("../a", None),
        ] {
            assert_eq!(published(remote).as_deref(), expected, "{remote}");
        }
    }

    #[test]
    fn only_a_version_loses_its_v() {
        assert_eq!(without_v("v1.2.3"), "1.2.3");
        assert_eq!(without_v("vendor-1"), "vendor-1");
    }
}
