//! The folder that a source tree is checked out to. A Makefile may include `../common.mk`, and a
//! source `"../../include/x.h"`: so a build in a copy needs a copy from there.
//!
//! Comes in: a project's folder. Goes out: the nearest folder, from it upwards, that a version
//! control system has as its top level; the project's own where there is none.

use std::path::{Path, PathBuf};

/// What version control systems keep at the top of a checkout: a folder, or a file that points
/// to one.
pub const METADATA: [&str; 6] = [".git", ".hg", ".svn", ".jj", ".bzr", ".fslckout"];

/// The top level of the tree that a project is part of.
pub fn level(root: &Path) -> PathBuf {
    let is_top = |folder: &&Path| METADATA.iter().any(|name| folder.join(name).exists());
    root.ancestors().find(is_top).unwrap_or(root).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_top_is_where_version_control_is_and_without_it_the_project_itself() {
        let home = tempfile::tempdir().expect("tempdir");
        let project = home.path().join("a/b");
        fs_err::create_dir_all(&project).expect("created");
        assert_eq!(level(&project), project);
        // A work tree of git has a file there.
        fs_err::write(home.path().join(".git"), "gitdir: elsewhere\n").expect("written");
        assert_eq!(level(&project), home.path());
    }
}
