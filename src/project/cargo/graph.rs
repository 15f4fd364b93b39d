//! What the dependencies of a Rust project ask of a build, from the graph that `cargo metadata`
//! resolved for the targets.
//!
//! Comes in: the metadata and the packages that are built. Goes out: which packages in their
//! programs compile C or look for a C library, which tools of the machine build scripts use, and where
//! sources lie.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, Node, Package, PackageId, TargetKind};

use super::LIBCLANG;

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

/// Crates with which build scripts run a program of the machine or load its libraries, and which ones.
const TOOLS: [(&str, &[&str]); 2] = [("clang-sys", &[LIBCLANG]), ("cmake", &["cmake", "make"])];

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
        for package in self.linked(roots) {
            if has_build_script(package) && (links(package) || self.builds_c(package)) {
                names.insert(package.name.to_string());
            }
        }
        names.into_iter().collect()
    }

    /// The programs and libraries of the machine that build scripts use, by the names of toolchains.
    pub(super) fn tools(&self, roots: &[&PackageId]) -> Vec<&'static str> {
        let kinds = [DependencyKind::Normal, DependencyKind::Build];
        let used = self.reached_by(roots, &kinds, &|_| true);
        let known = used.iter().filter_map(|package| {
            let name = package.name.as_str();
            TOOLS.iter().find(|(krate, _)| *krate == name)
        });
        let tools: BTreeSet<&str> = known.flat_map(|(_, tools)| tools.iter().copied()).collect();
        tools.into_iter().collect()
    }

    /// Whether a package's build script uses one of the crates that run C compilers.
    fn builds_c(&self, package: &Package) -> bool {
        let direct = self.dependencies(&package.id, &[DependencyKind::Build]);
        let direct: Vec<&PackageId> = direct.collect();
        let used = self.linked(&direct);
        used.iter()
            .any(|used| C_TOOLS.contains(&used.name.as_str()))
    }

    /// Everything that is linked into these packages, they themselves among it.
    fn linked(&self, roots: &[&PackageId]) -> Vec<&'a Package> {
        // The roots of a build script may be procedural macros; below them all is the host's.
        let follow = |package: &Package| !is_macro(package) || roots.contains(&&package.id);
        self.reached_by(roots, &[DependencyKind::Normal], &follow)
    }

    /// Everything that is reached from these packages by dependencies of these kinds.
    fn reached_by(
        &self,
        roots: &[&PackageId],
        kinds: &[DependencyKind],
        follow: &dyn Fn(&Package) -> bool,
    ) -> Vec<&'a Package> {
        let mut seen = BTreeSet::new();
        let mut open: Vec<&PackageId> = roots.to_vec();
        let mut reached = Vec::new();
        while let Some(id) = open.pop() {
            let Some((&id, &package)) = self.packages.get_key_value(id) else {
                continue;
            };
            if !seen.insert(id) || !follow(package) {
                continue;
            }
            reached.push(package);
            open.extend(self.dependencies(id, kinds));
        }
        reached
    }

    fn dependencies(
        &self,
        id: &PackageId,
        kinds: &[DependencyKind],
    ) -> impl Iterator<Item = &'a PackageId> {
        let node = self.nodes.get(id).copied();
        let dependencies = node.into_iter().flat_map(|node| &node.deps);
        dependencies
            .filter(move |dependency| {
                dependency
                    .dep_kinds
                    .iter()
                    .any(|one| kinds.contains(&one.kind))
            })
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
    fn tools_are_those_of_all_build_scripts_but_not_of_tests() {
        let lib: &[&str] = &["lib", "custom-build"];
        let found = metadata(&[
            (
                "app",
                &["bin"],
                None,
                &[("macro", "normal"), ("tested", "dev")],
            ),
            ("macro", &["proc-macro"], None, &[("headers", "normal")]),
            ("headers", lib, None, &[("bindgen", "build")]),
            ("bindgen", &["lib"], None, &[("clang-sys", "normal")]),
            ("clang-sys", lib, None, &[]),
            ("tested", lib, None, &[("cmake", "build")]),
            ("cmake", &["lib"], None, &[]),
        ]);
        let root = found.packages[0].id.clone();
        assert_eq!(Graph::new(&found).tools(&[&root]), ["libclang"]);
        let tested = found.packages[5].id.clone();
        assert_eq!(Graph::new(&found).tools(&[&tested]), ["cmake", "make"]);
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
