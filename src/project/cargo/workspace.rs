//! Which folder a Rust project begins at, by its manifests alone.
//!
//! Comes in: a folder. Goes out: the folder of the workspace that it belongs to, as cargo's manual
//! has it ("Workspaces", "The `[workspace]` section"): the nearest `Cargo.toml`, and above it the
//! nearest one with a `[workspace]` that does not exclude it.

use std::path::{Path, PathBuf};

/// The manifest's name.
pub const MANIFEST: &str = "Cargo.toml";

/// Whether a folder has a manifest.
pub fn has_manifest(folder: &Path) -> bool {
    folder.join(MANIFEST).is_file()
}

/// The folder of the workspace, or of the package where it is in none.
pub fn root_of(folder: &Path) -> Option<PathBuf> {
    let own = folder.ancestors().find(|folder| has_manifest(folder))?;
    let manifest = read(own);
    if manifest.contains_key("workspace") {
        return Some(own.to_owned());
    }
    let named = manifest
        .get("package")
        .and_then(|package| package.get("workspace")?.as_str());
    if let Some(named) = named {
        let root = own.join(named);
        return Some(fs_err::canonicalize(&root).unwrap_or(root));
    }
    let above = own.ancestors().skip(1).filter(|above| has_manifest(above));
    for above in above {
        let manifest = read(above);
        let Some(workspace) = manifest.get("workspace") else {
            continue;
        };
        let listed = |key: &str| -> Vec<PathBuf> {
            let list = workspace.get(key).and_then(toml::Value::as_array);
            let texts = list.into_iter().flatten().filter_map(toml::Value::as_str);
            texts.map(|text| above.join(text)).collect()
        };
        let below = |paths: &[PathBuf]| paths.iter().any(|path| own.starts_with(path));
        if below(&listed("exclude")) && !below(&listed("members")) {
            break;
        }
        return Some(above.to_owned());
    }
    Some(own.to_owned())
}

/// What a manifest says; nothing where it is malformed, which cargo itself will say.
fn read(folder: &Path) -> toml::Table {
    let text = fs_err::read_to_string(folder.join(MANIFEST)).unwrap_or_default();
    text.parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_belongs_to_the_workspace_above_and_what_that_excludes_does_not() {
        let folder = tempfile::tempdir().expect("tempdir");
        let top = folder.path();
        let write = |name: &str, text: &str| {
            let path = top.join(name).join(MANIFEST);
            fs_err::create_dir_all(path.parent().expect("parent")).expect("created");
            fs_err::write(path, text).expect("written");
        };
        write(
            "",
            "[workspace]\nmembers = ['crates/*']\nexclude = ['fuzz']\n",
        );
        write("crates/a", "[package]\nname = 'a'\n");
        write("fuzz", "[package]\nname = 'fuzz'\n");
        write("own", "[package]\nname = 'own'\n[workspace]\n");
        fs_err::create_dir(top.join("crates/a/src")).expect("created");
        let root = |name: &str| root_of(&top.join(name));
        assert_eq!(root("crates/a/src"), Some(top.to_owned()));
        assert_eq!(root("crates"), Some(top.to_owned()));
        assert_eq!(root("fuzz"), Some(top.join("fuzz")));
        assert_eq!(root("own"), Some(top.join("own")));
    }
}
