//! What CMake says of a project's targets: its file API, version 1 (cmake-file-api(7)).
//!
//! Comes in: a build tree, with a query before CMake runs. Goes out: the programs and shared
//! libraries of the project with their paths. Which belong to `all` is seen by which were built.

use std::io;
use std::path::{Path, PathBuf};

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
}

#[derive(Deserialize)]
struct TargetFile {
    path: PathBuf,
}

/// Asks; CMake answers when it next writes its files.
pub(super) fn ask(tree: &Path) -> io::Result<()> {
    let folder = tree.join(".cmake/api/v1/query").join(CLIENT);
    fs_err::create_dir_all(&folder)?;
    fs_err::write(folder.join(QUERY), "")
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

/// The programs and shared libraries that were built, by their paths.
pub(super) fn built(tree: &Path) -> Result<Vec<PathBuf>> {
    const KINDS: [&str; 3] = ["EXECUTABLE", "SHARED_LIBRARY", "MODULE_LIBRARY"];
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
    let mut files = Vec::new();
    for target in model.configurations.iter().flat_map(|one| &one.targets) {
        let target: Target = read(&folder.join(&target.file))?;
        if KINDS.contains(&target.kind.as_str()) {
            let paths = target
                .artifacts
                .into_iter()
                .map(|file| tree.join(file.path));
            files.extend(paths.filter(|path| path.is_file()));
        }
    }
    files.sort();
    files.dedup();
    Ok(files)
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
    fn programs_and_libraries_that_were_built_are_found_in_the_newest_answer() {
        let home = tempfile::tempdir().expect("tempdir");
        let tree = home.path();
        let reply = tree.join(".cmake/api/v1/reply");
        fs_err::create_dir_all(&reply).expect("created");
        let write =
            |name: &str, text: &str| fs_err::write(reply.join(name), text).expect("written");
        assert!(matches!(built(tree), Err(Error::NoFileApi(_))));
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
            r#"{"type": "EXECUTABLE", "artifacts": [{"path": "c"}]}"#,
        );
        fs_err::create_dir(tree.join("bin")).expect("created");
        for name in ["bin/a", "libb.a"] {
            fs_err::write(tree.join(name), "").expect("written");
        }
        assert_eq!(built(tree).expect("read"), [tree.join("bin/a")]);
        write("a.json", "[]");
        assert!(matches!(built(tree), Err(Error::FileApi { .. })));
    }
}
