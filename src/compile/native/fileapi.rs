//! What CMake says of a project's targets: its file API, version 1 (cmake-file-api(7)).
//!
//! Comes in: a build tree, with a query before CMake runs. Goes out: what the project's targets leave,
//! with its paths. Which belong to `all` is seen by which were built.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Error, Result};

const CLIENT: &str = "client-polyarch";
const QUERY: &str = "codemodel-v2";

#[derive(Deserialize)]
struct Index {
    reply: std::collections::BTreeMap<String, serde_json::Value>,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "jsonFile")]
    file: String,
}

#[derive(Deserialize)]
struct Codemodel {
    configurations: Vec<Configuration>,
}

#[derive(Deserialize)]
struct Configuration {
    targets: Vec<Answer>,
}

#[derive(Deserialize)]
struct Target {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    artifacts: Vec<TargetFile>,
    #[serde(default)]
    sources: Vec<SourceFile>,
    #[serde(default, rename = "fileSets")]
    file_sets: Vec<FileSet>,
}

#[derive(Deserialize)]
struct TargetFile {
    path: PathBuf,
}

#[derive(Deserialize)]
struct SourceFile {
    path: PathBuf,
    #[serde(rename = "fileSetIndex")]
    file_set: Option<usize>,
}

#[derive(Deserialize)]
struct FileSet {
    #[serde(rename = "type")]
    kind: String,
}

/// What a target leaves.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Product {
    /// Where it is, or will be.
    pub(super) path: PathBuf,
    /// Whether it is a program or a shared library.
    pub(super) linked: bool,
}

/// Asks; CMake answers when it next writes its files. Gives the time, by the file system's clock.
pub(super) fn ask(tree: &Path) -> io::Result<SystemTime> {
    let folder = tree.join(".cmake/api/v1/query").join(CLIENT);
    fs_err::create_dir_all(&folder)?;
    let query = folder.join(QUERY);
    fs_err::write(&query, "")?;
    fs_err::metadata(&query)?.modified()
}

/// The file with the newest answer.
pub(super) fn index(tree: &Path) -> Result<PathBuf> {
    let folder = tree.join(".cmake/api/v1/reply");
    let entries = fs_err::read_dir(&folder).into_iter().flatten().flatten();
    let indexes = entries.map(|entry| entry.path()).filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("index-") && name.ends_with(".json")
    });
    // Their names are in the order of their times.
    indexes.max().ok_or(Error::NoFileApi(folder))
}

/// What the targets leave, built or not, by its paths.
pub(super) fn products(tree: &Path) -> Result<Vec<Product>> {
    const LINKED: [&str; 3] = ["EXECUTABLE", "SHARED_LIBRARY", "MODULE_LIBRARY"];
    let mut products = Vec::new();
    for target in targets(tree)? {
        let linked = LINKED.contains(&target.kind.as_str());
        products.extend(target.artifacts.into_iter().map(|file| Product {
            path: tree.join(file.path),
            linked,
        }));
    }
    products.sort_by(|one, other| one.path.cmp(&other.path));
    products.dedup_by(|one, other| one.path == other.path);
    Ok(products)
}

/// The interfaces of C++20 modules that targets have, as the project names them.
pub(super) fn modules(tree: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for target in targets(tree)? {
        let sets = target.file_sets;
        let is_interface = |source: &SourceFile| {
            let set = source.file_set.and_then(|index| sets.get(index));
            set.is_some_and(|set| set.kind == "CXX_MODULES")
        };
        let sources = target.sources.into_iter();
        files.extend(sources.filter(is_interface).map(|source| source.path));
    }
    files.sort();
    Ok(files)
}

/// Everything that CMake says of each target.
fn targets(tree: &Path) -> Result<Vec<Target>> {
    let index_file = index(tree)?;
    let folder = index_file.parent().unwrap_or(tree);
    let index: Index = read(&index_file)?;
    let answer = index.reply.get(CLIENT).and_then(|own| own.get(QUERY));
    let answer = answer
        .cloned()
        .ok_or_else(|| Error::NoFileApi(folder.to_owned()))?;
    let answer: Answer = serde_json::from_value(answer).map_err(|source| Error::FileApi {
        file: index_file.clone(),
        source,
    })?;
    let model: Codemodel = read(&folder.join(answer.file))?;
    let named = model.configurations.iter().flat_map(|one| &one.targets);
    named
        .map(|target| read(&folder.join(&target.file)))
        .collect()
}

fn read<T: DeserializeOwned>(file: &Path) -> Result<T> {
    serde_json::from_slice(&fs_err::read(file)?).map_err(|source| Error::FileApi {
        file: file.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_targets_leave_is_found_in_the_newest_answer() {
        let home = tempfile::tempdir().expect("tempdir");
        let tree = home.path();
        let reply = tree.join(".cmake/api/v1/reply");
        fs_err::create_dir_all(&reply).expect("created");
        let write =
            |name: &str, text: &str| fs_err::write(reply.join(name), text).expect("written");
        assert!(matches!(products(tree), Err(Error::NoFileApi(_))));
        write("index-2026-01-01.json", "{");
        write(
            "index-2026-01-02.json",
            r#"{"reply": {"client-polyarch": {"codemodel-v2": {"jsonFile": "model.json", "kind": "codemodel"}}}}"#,
        );
        write(
            "model.json",
            r#"{"configurations": [{"targets": [{"jsonFile": "a.json"}, {"jsonFile": "b.json"},
                {"jsonFile": "c.json"}]}]}"#,
        );
        write(
            "a.json",
            r#"{"type": "EXECUTABLE", "artifacts": [{"path": "bin/a"}]}"#,
        );
        write(
            "b.json",
            r#"{"type": "STATIC_LIBRARY", "artifacts": [{"path": "libb.a"}]}"#,
        );
        write(
            "c.json",
            r#"{"type": "SHARED_LIBRARY", "artifacts": [{"path": "/elsewhere/c.so"}],
                "fileSets": [{"type": "HEADERS"}, {"type": "CXX_MODULES"}], "sources": [
                {"path": "c.cc"}, {"path": "c.h", "fileSetIndex": 0},
                {"path": "m.cppm", "fileSetIndex": 1}]}"#,
        );
        let product = |path: &str, linked| Product {
            path: tree.join(path),
            linked,
        };
        let mut found = [
            product("bin/a", true),
            product("libb.a", false),
            product("/elsewhere/c.so", true),
        ];
        found.sort_by(|one, other| one.path.cmp(&other.path));
        assert_eq!(products(tree).expect("read"), found);
        assert_eq!(modules(tree).expect("read"), [Path::new("m.cppm")]);
        write("a.json", "[]");
        assert!(matches!(products(tree), Err(Error::FileApi { .. })));
    }
}
