//! What the dependencies of a Rust project ask of a build, from the graph that `cargo metadata`
//! resolved for the targets.
//!
//! Comes in: the metadata and the packages that are built. Goes out: which packages in their
//! programs compile C or look for a C library, and where sources lie.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, Node, Package, PackageId, TargetKind};

/// Crates that a build script uses to run a C compiler, or to find what one has made.
const C_TOOLS: [&str; 14] = [
    "autotools",
    "bindgen",
    "cc",
    "cmake",
    "cmake-rs",
    "cpp_build",
    "cxx-build",
    "gcc",
    "make-cmd",
    "meson",
    "nasm-rs",
    "pkg-config",
    "system-deps",
    "vcpkg",
];

/// The graph, ready to be asked.
pub(super) struct Graph<'a> {
    packages: BTreeMap<&'a PackageId, &'a Package>,
    nodes: BTreeMap<&'a PackageId, &'a Node>,
}

impl<'a> Graph<'a> {
    pub(super) fn new(metadata: &'a Metadata) -> Self {
        let packages = metadata.packages.iter();
        let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
        Self {
            packages: packages.map(|package| (&package.id, package)).collect(),
            nodes: nodes.map(|node| (&node.id, node)).collect(),
        }
    }

    /// The features that are on for a package.
    pub(super) fn features(&self, package: &PackageId) -> BTreeSet<&'a str> {
        let node = self.nodes.get(package);
        let features = node.into_iter().flat_map(|node| &node.features);
        features.map(|feature| feature.as_str()).collect()
    }

    /// Whether any package has something that runs during the build.
    pub(super) fn runs_programs(&self) -> bool {
        let mut resolved = self.nodes.keys().filter_map(|id| self.packages.get(id));
        resolved.any(|package| has_build_script(package) || is_macro(package))
    }

    /// The packages that are compiled for the target and whose build scripts have to do with C.
    /// What only build scripts and procedural macros use is the host's, whatever it is.
    pub(super) fn native(&self, roots: &[&PackageId]) -> Vec<String> {
        let mut names = BTreeSet::new();
        for package in self.reached(roots, DependencyKind::Normal) {
            if has_build_script(package) && (links(package) || self.builds_c(package)) {
                names.insert(package.name.to_string());
            }
        }
        names.into_iter().collect()
    }

    /// Whether a package's build script uses one of the crates that run C compilers.
    fn builds_c(&self, package: &Package) -> bool {
        let direct = self.dependencies(&package.id, DependencyKind::Build);
        let direct: Vec<&PackageId> = direct.collect();
        let used = self.reached(&direct, DependencyKind::Normal);
        used.iter()
            .any(|used| C_TOOLS.contains(&used.name.as_str()))
    }

    /// Everything that is linked into these packages, they themselves among it.
    fn reached(&self, roots: &[&PackageId], kind: DependencyKind) -> Vec<&'a Package> {
        let mut seen = BTreeSet::new();
        let mut open: Vec<&PackageId> = roots.to_vec();
        let mut reached = Vec::new();
        while let Some(id) = open.pop() {
            let Some((&id, &package)) = self.packages.get_key_value(id) else {
                continue;
            };
            // The roots of a build script may be procedural macros; below them all is the host's.
            if !seen.insert(id) || (is_macro(package) && !roots.contains(&id)) {
                continue;
            }
            reached.push(package);
            open.extend(self.dependencies(id, kind));
        }
        reached
    }

    fn dependencies(
        &self,
        id: &PackageId,
        kind: DependencyKind,
    ) -> impl Iterator<Item = &'a PackageId> {
        let node = self.nodes.get(id).copied();
        let dependencies = node.into_iter().flat_map(|node| &node.deps);
        dependencies
            .filter(move |dependency| dependency.dep_kinds.iter().any(|one| one.kind == kind))
            .map(|dependency| &dependency.pkg)
    }
}

/// The folders that the sources of other packages lie in, with what stands for each in a program:
/// names that are the same on every machine.
pub(super) fn folders(metadata: &Metadata) -> BTreeMap<PathBuf, String> {
    let mut folders = BTreeMap::new();
    let workspace = metadata.workspace_root.as_std_path();
    for package in &metadata.packages {
        let Some(folder) = package.manifest_path.parent() else {
            continue;
        };
        let folder = folder.as_std_path();
        let source = package.source.as_ref().map(|source| source.repr.as_str());
        match source {
            Some(source) if source.starts_with("git+") => {
                let is_top = |folder: &&Path| folder.ends_with("git/checkouts");
                let top = folder.ancestors().find(is_top).unwrap_or(folder);
                folders.insert(top.to_owned(), "/cargo/git".to_owned());
            }
            Some(_) => {
                let parent = folder.parent().unwrap_or(folder);
                folders.insert(parent.to_owned(), "/cargo/registry".to_owned());
            }
            None if !folder.starts_with(workspace) => {
                folders.insert(folder.to_owned(), format!("/cargo/path/{}", package.name));
            }
            None => {}
        }
    }
    folders
}

fn has_build_script(package: &Package) -> bool {
    let targets = &package.targets;
    targets
        .iter()
        .any(|target| target.is_kind(TargetKind::CustomBuild))
}

fn is_macro(package: &Package) -> bool {
    let targets = &package.targets;
    targets
        .iter()
        .any(|target| target.is_kind(TargetKind::ProcMacro))
}

/// Whether a package says that it links with a C library. One that names itself only wants to be in
/// a program once.
fn links(package: &Package) -> bool {
    let plain = |name: &str| name.replace('-', "_");
    package.links.as_ref().is_some_and(|links| {
        let (links, name) = (plain(links), plain(&package.name));
        !links.starts_with(&name) && !name.starts_with(&links)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A package: its name, the kinds of its targets, `links`, dependencies with their kinds.
    type Sample<'a> = (
        &'a str,
        &'a [&'a str],
        Option<&'a str>,
        &'a [(&'a str, &'a str)],
    );

    /// A graph as `cargo metadata` prints it.
    fn metadata(packages: &[Sample<'_>]) -> Metadata {
        let mut listed = Vec::new();
        let mut nodes = Vec::new();
        for (name, kinds, links, dependencies) in packages {
            let target = |kind: &&str| {
                serde_json::json!({
                    "name": name, "kind": [kind], "crate_types": ["lib"], "src_path": "/x.rs"
                })
            };
            listed.push(serde_json::json!({
                "name": name, "version": "1.0.0", "id": name, "links": links,
                "manifest_path": format!("/home/registry/src/index/{name}/Cargo.toml"),
                "source": "registry+https://index.example", "dependencies": [], "features": {},
                "targets": kinds.iter().map(target).collect::<Vec<_>>(),
            }));
            let dependency = |(name, kind): &(&str, &str)| {
                let kind = (*kind != "normal").then_some(kind);
                serde_json::json!({
                    "name": name, "pkg": name, "dep_kinds": [{ "kind": kind, "target": null }]
                })
            };
            nodes.push(serde_json::json!({
                "id": name, "dependencies": [], "features": [],
                "deps": dependencies.iter().map(dependency).collect::<Vec<_>>(),
            }));
        }
        serde_json::from_value(serde_json::json!({
            "packages": listed, "workspace_members": [], "workspace_root": "/home/me",
            "target_directory": "/home/me/target", "version": 1,
            "resolve": { "nodes": nodes, "root": null },
        }))
        .expect("as cargo prints it")
    }

    fn native(metadata: &Metadata) -> Vec<String> {
        let root = metadata.packages[0].id.clone();
        Graph::new(metadata).native(&[&root])
    }

    #[test]
    fn a_build_script_with_a_c_compiler_is_native_and_one_without_is_not() {
        let lib: &[&str] = &["lib", "custom-build"];
        let found = metadata(&[
            (
                "app",
                &["bin"],
                None,
                &[
                    ("zstd-sys", "normal"),
                    ("plain", "normal"),
                    ("macro", "normal"),
                ],
            ),
            (
                "zstd-sys",
                lib,
                Some("zstd"),
                &[("cc", "build"), ("plain", "normal")],
            ),
            (
                "plain",
                lib,
                Some("plain"),
                &[("autocfg", "build"), ("cc", "dev")],
            ),
            ("macro", &["proc-macro"], None, &[("hosted", "normal")]),
            ("hosted", lib, Some("z"), &[("cc", "build")]),
            ("autocfg", &["lib"], None, &[]),
            ("cc", &["lib"], None, &[]),
        ]);
        assert_eq!(native(&found), ["zstd-sys"]);
    }

    #[test]
    fn what_only_a_build_script_uses_is_the_hosts() {
        let lib: &[&str] = &["lib", "custom-build"];
        let found = metadata(&[
            ("app", &["bin", "custom-build"], None, &[("gen", "build")]),
            ("gen", &["lib"], None, &[("ssl", "normal")]),
            ("ssl", lib, Some("ssl"), &[("pkg-config", "build")]),
            ("pkg-config", &["lib"], None, &[]),
        ]);
        assert!(native(&found).is_empty(), "{:?}", native(&found));
    }

    #[test]
    fn sources_of_a_registry_have_one_name_wherever_its_folder_is() {
        let found = metadata(&[("serde", &["lib"], None, &[])]);
        let expected = BTreeMap::from([(
            PathBuf::from("/home/registry/src/index"),
            "/cargo/registry".to_owned(),
        )]);
        assert_eq!(folders(&found), expected);
    }
}
