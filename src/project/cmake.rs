//! What a `CMakeLists.txt` and the presets beside it say without CMake being run.
//!
//! Comes in: a folder. Goes out: the project's name and its configure presets. Of CMake's language
//! only comments and the one call of `project()` are understood (cmake-language(7)); presets are
//! JSON (cmake-presets(7)).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use super::top;
use crate::fault::{Exit, Fault};
use crate::version::Version;

const LISTS: &str = "CMakeLists.txt";

/// A project with a `CMakeLists.txt`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CmakeProject {
    /// The top of the tree that the project is part of.
    pub top: PathBuf,
    /// What `project()` calls it, where that is a plain word.
    pub name: Option<String>,
    /// The oldest CMake that it asks for.
    pub minimum: Option<Version>,
    /// The configure presets that can be used, by name.
    pub presets: BTreeMap<String, Preset>,
}

/// A configure preset, with what it inherits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preset {
    /// Whether it says `CMAKE_BUILD_TYPE`.
    pub sets_build_type: bool,
}

/// Why a project gave no facts.
#[derive(Debug, Error)]
pub enum Error {
    /// A file can't be read.
    #[error("can't read the project")]
    Io(#[from] std::io::Error),
    /// A file of presets is no JSON, or not of the form that presets have.
    #[error("`{}` is malformed", file.display())]
    Presets {
        /// The file.
        file: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::Io(_) => Exit::Io,
            Self::Presets { .. } => Exit::Project,
        }
    }
}

/// Whether a folder has a `CMakeLists.txt`.
pub fn has_lists(folder: &Path) -> bool {
    folder.join(LISTS).is_file()
}

/// The folder of the project that a folder with a `CMakeLists.txt` belongs to: the nearest one
/// whose own calls `project()`; above it, folders have none of it.
pub fn root_of(folder: &Path) -> Option<PathBuf> {
    let mut lists = folder.ancestors().take_while(|folder| has_lists(folder));
    let calls = |folder: &&Path| {
        let bytes = fs_err::read(folder.join(LISTS)).unwrap_or_default();
        call(&String::from_utf8_lossy(&bytes), "project").is_some()
    };
    lists
        .find(calls)
        .or_else(|| has_lists(folder).then_some(folder))
        .map(Path::to_owned)
}

/// Reads a project.
pub fn read(root: &Path) -> Result<CmakeProject, Error> {
    let bytes = fs_err::read(root.join(LISTS))?;
    let text = String::from_utf8_lossy(&bytes);
    let plain = |c: char| c.is_alphanumeric() || "._-+".contains(c);
    let name = call(&text, "project")
        .and_then(|words| words.into_iter().next())
        .filter(|name| !name.is_empty() && name.chars().all(plain));
    Ok(CmakeProject {
        top: top::level(root),
        name,
        minimum: call(&text, "cmake_minimum_required").and_then(minimum),
        presets: presets(root)?,
    })
}

/// The words in the first call of a command, if there is one.
fn call(text: &str, command: &str) -> Option<Vec<String>> {
    let code = without_comments(text);
    let mut rest = code.as_str();
    while let Some(at) = find_word(rest, command) {
        rest = rest[at + command.len()..].trim_start();
        if let Some(arguments) = rest.strip_prefix('(') {
            let end = arguments.find(')').unwrap_or(arguments.len());
            let words = arguments[..end].split_whitespace();
            return Some(
                words
                    .map(|word| word.trim_matches('"').to_owned())
                    .collect(),
            );
        }
    }
    None
}

/// The version behind `VERSION`, without the newest one that may follow (`3.5...4.0`).
fn minimum(words: Vec<String>) -> Option<Version> {
    let mut behind = words.iter().skip_while(|word| *word != "VERSION");
    behind.nth(1)?.split("...").next()?.parse().ok()
}

/// Where a command's name stands by itself, in whatever case.
fn find_word(text: &str, word: &str) -> Option<usize> {
    let lower = text.to_ascii_lowercase();
    let mut from = 0;
    while let Some(found) = lower[from..].find(word) {
        let at = from + found;
        let name = |c: char| c.is_alphanumeric() || c == '_';
        let before = lower[..at].chars().next_back().is_some_and(name);
        let after = lower[at + word.len()..].chars().next().is_some_and(name);
        if !before && !after {
            return Some(at);
        }
        from = at + word.len();
    }
    None
}

/// Line comments and bracket comments become nothing. A `#` in a quoted argument is taken for a
/// comment too, which only matters before the call of `project()`.
fn without_comments(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('#') {
        code.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let level = rest.strip_prefix('[').and_then(|inner| {
            let equals = inner.len() - inner.trim_start_matches('=').len();
            inner[equals..].starts_with('[').then_some(equals)
        });
        let end = match level {
            Some(equals) => {
                let close = format!("]{}]", "=".repeat(equals));
                rest.find(&close).map(|at| at + close.len())
            }
            None => rest.find('\n'),
        };
        rest = &rest[end.unwrap_or(rest.len())..];
    }
    code.push_str(rest);
    code
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PresetFile {
    #[serde(default)]
    include: Vec<String>,
    #[serde(default)]
    configure_presets: Vec<PresetEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PresetEntry {
    name: String,
    #[serde(default)]
    hidden: bool,
    inherits: Option<Value>,
    #[serde(default)]
    cache_variables: BTreeMap<String, Value>,
}

fn presets(root: &Path) -> Result<BTreeMap<String, Preset>, Error> {
    let mut entries = BTreeMap::new();
    let mut open = vec![
        root.join("CMakePresets.json"),
        root.join("CMakeUserPresets.json"),
    ];
    let mut seen = BTreeSet::new();
    while let Some(file) = open.pop() {
        if !seen.insert(file.clone()) || !file.is_file() {
            continue;
        }
        let bytes = fs_err::read(&file)?;
        let folder = file.parent().unwrap_or(root).to_owned();
        let read: PresetFile =
            serde_json::from_slice(&bytes).map_err(|source| Error::Presets { file, source })?;
        // What needs expanding is left to CMake.
        let plain = read.include.iter().filter(|path| !path.contains('$'));
        open.extend(plain.map(|path| folder.join(path)));
        for entry in read.configure_presets {
            entries.insert(entry.name.clone(), entry);
        }
    }
    let usable = entries.values().filter(|entry| !entry.hidden);
    Ok(usable
        .map(|entry| {
            let sets_build_type = sets(&entries, &entry.name, &mut BTreeSet::new());
            (entry.name.clone(), Preset { sets_build_type })
        })
        .collect())
}

/// Whether a preset, or one that it inherits, says `CMAKE_BUILD_TYPE`.
fn sets(entries: &BTreeMap<String, PresetEntry>, name: &str, seen: &mut BTreeSet<String>) -> bool {
    let Some(entry) = entries.get(name).filter(|_| seen.insert(name.to_owned())) else {
        return false;
    };
    let inherits: Vec<&str> = match &entry.inherits {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    entry.cache_variables.contains_key("CMAKE_BUILD_TYPE")
        || inherits.into_iter().any(|name| sets(entries, name, seen))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_the_first_word_of_the_first_call() {
        for (text, expected) in [
            ("project(hello)", Some("hello")),
            (
                "cmake_minimum_required(VERSION 3.5)\nPROJECT (\n  hello\n  LANGUAGES C)",
                Some("hello"),
            ),
            (
                "# project(no)\n#[[ project(no) ]] project(\"yes\" C)",
                Some("yes"),
            ),
            ("#[==[ ]] project(no) ]==]\nproject(yes)", Some("yes")),
            ("my_project(no)\nproject_x(no)\n", None),
            ("project(${NAME} C)", Some("${NAME}")),
            ("project()", Some("")),
        ] {
            let words = call(text, "project");
            let first = words.map(|words| words.first().cloned().unwrap_or_default());
            assert_eq!(first.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn the_version_that_is_asked_for_is_the_oldest() {
        let asked = |text: &str| call(text, "cmake_minimum_required").and_then(minimum);
        for text in [
            "cmake_minimum_required(VERSION 3.16)",
            "CMAKE_MINIMUM_REQUIRED( VERSION 3.16...4.0 FATAL_ERROR )",
        ] {
            assert_eq!(asked(text), "3.16".parse().ok(), "{text}");
        }
        assert_eq!(asked("cmake_minimum_required(VERSION ${X})"), None);
    }

    #[test]
    fn a_folder_below_belongs_to_the_one_that_calls_project() {
        let home = tempfile::tempdir().expect("tempdir");
        let inner = home.path().join("src/lib");
        fs_err::create_dir_all(&inner).expect("created");
        let lists = |folder: &Path, text: &str| {
            fs_err::write(folder.join(LISTS), text).expect("written");
        };
        lists(home.path(), "project(x)\nadd_subdirectory(src)\n");
        lists(&inner, "add_library(y y.c)\n");
        // `src` between them has none: `lib` stands alone.
        assert_eq!(root_of(&inner), Some(inner.clone()));
        lists(&home.path().join("src"), "add_subdirectory(lib)\n");
        assert_eq!(root_of(&inner).as_deref(), Some(home.path()));
        lists(&inner, "project(y)\n");
        assert_eq!(root_of(&inner), Some(inner));
    }

    #[test]
    fn presets_are_those_that_can_be_used_with_what_they_inherit() {
        let home = tempfile::tempdir().expect("tempdir");
        let write = |name: &str, text: &str| {
            fs_err::write(home.path().join(name), text).expect("written");
        };
        write(LISTS, "project(x)");
        write(
            "CMakePresets.json",
            r#"{"version": 4, "include": ["more.json"], "configurePresets": [
                {"name": "base", "hidden": true, "cacheVariables": {"CMAKE_BUILD_TYPE": "Debug"}},
                {"name": "loop", "inherits": "loop"},
                {"name": "small", "inherits": ["other", "base"]}]}"#,
        );
        write(
            "more.json",
            r#"{"version": 4, "configurePresets": [{"name": "other"}]}"#,
        );
        let found = read(home.path()).expect("read").presets;
        let sets: Vec<(&str, bool)> = found
            .iter()
            .map(|(name, preset)| (name.as_str(), preset.sets_build_type))
            .collect();
        assert_eq!(sets, [("loop", false), ("other", false), ("small", true)]);
        write("CMakePresets.json", "{");
        let error = read(home.path()).expect_err("malformed");
        assert_eq!(error.exit(), Exit::Project);
        assert!(error.to_string().contains("CMakePresets.json"), "{error}");
    }
}
