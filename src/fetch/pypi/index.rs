//! Where pip looks: its environment, its configuration, uv's environment, and where nothing is
//! configured the default that pip's own help prints.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use reqwest::Url;

use crate::process;

/// Where pip looks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::fetch) struct Indexes {
    /// Indexes, in the order in which they are asked.
    pub(super) urls: Vec<String>,
    /// Directories with files (`--find-links`).
    pub(super) folders: Vec<PathBuf>,
}

impl Indexes {
    pub(super) fn find(&self, file: &str) -> Option<PathBuf> {
        self.folders
            .iter()
            .map(|folder| folder.join(file))
            .find(|path| path.is_file())
    }
}

/// Works out where pip looks. `variable` reads the environment, `ask` runs pip with arguments.
pub(super) fn discover(
    variable: &dyn Fn(&str) -> Option<String>,
    ask: &dyn Fn(&[&str]) -> Option<String>,
) -> Indexes {
    let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
    let listed = match set("PIP_INDEX_URL") {
        Some(_) => BTreeMap::new(),
        None => parse_config(&ask(&["config", "list"]).unwrap_or_default()),
    };
    let value = |key: &str| {
        let name = format!("PIP_{}", key.replace('-', "_").to_uppercase());
        set(&name).or_else(|| listed.get(key).cloned())
    };
    let mut indexes = Indexes::default();
    for place in value("find-links").unwrap_or_default().split_whitespace() {
        indexes.folders.extend(folder(place));
    }
    let off = value("no-index")
        .is_some_and(|value| matches!(value.to_lowercase().as_str(), "1" | "true" | "yes" | "on"));
    if off {
        return indexes;
    }
    let main = value("index-url")
        .or_else(|| set("UV_DEFAULT_INDEX"))
        .or_else(|| set("UV_INDEX_URL"))
        .or_else(|| parse_default(&ask(&["download", "--help"])?));
    indexes.urls.extend(main);
    let extra = value("extra-index-url").unwrap_or_default();
    indexes
        .urls
        .extend(extra.split_whitespace().map(str::to_owned));
    indexes
}

fn folder(place: &str) -> Option<PathBuf> {
    let path = match Url::parse(place) {
        Ok(url) if url.scheme() == "file" => url.to_file_path().ok()?,
        Ok(_) => return None,
        Err(_) => PathBuf::from(place),
    };
    path.is_dir().then_some(path)
}

/// Lines `section.key='value'` of `pip config list`. The environment wins over the section of a
/// command, and that over `global`.
fn parse_config(text: &str) -> BTreeMap<String, String> {
    let rank = |section: &str| match section {
        ":env:" => 3,
        "download" => 2,
        "install" => 1,
        "global" => 0,
        _ => -1,
    };
    let mut best: BTreeMap<String, (i32, String)> = BTreeMap::new();
    for line in text.lines() {
        let Some((name, value)) = line.split_once('=') else {
            continue;
        };
        let Some((section, key)) = name.rsplit_once('.') else {
            continue;
        };
        let rank = rank(section);
        let value = value.trim().trim_matches(['\'', '"']).replace("\\n", " ");
        let better = best.get(key).is_none_or(|(other, _)| rank > *other);
        if rank >= 0 && better {
            best.insert(key.to_owned(), (rank, value.trim().to_owned()));
        }
    }
    best.into_iter()
        .map(|(key, (_, value))| (key, value))
        .collect()
}

/// The address after `default` in the description of `--index-url`. The help is wrapped, so words
/// may be on different lines.
fn parse_default(help: &str) -> Option<String> {
    let option = &help[help.find("--index-url")?..];
    let words: Vec<&str> = option.split_whitespace().take(60).collect();
    let at = words.iter().position(|word| *word == "(default")?;
    let address = words.get(at + 1)?.trim_end_matches([')', '.', ',']);
    address.contains("://").then(|| address.to_owned())
}

pub(super) fn ask_pip(arguments: &[&str]) -> Option<String> {
    let directory = Path::new("/");
    for name in ["pip", "pip3"] {
        let answer = process::find(name).and_then(|pip| process::query(&pip, arguments, directory));
        if answer.is_some() {
            return answer;
        }
    }
    let arguments: Vec<&str> = ["-m", "pip"].iter().chain(arguments).copied().collect();
    process::query(&process::find("python3")?, &arguments, directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELP: &str = "Package Index Options:\n  -i, --index-url <url>       Base URL of the index \
        (default\n                              https://index.example/simple). This should point\n";

    fn discovered(environment: &[(&str, &str)], config: &str, help: &str) -> Indexes {
        let environment: BTreeMap<&str, &str> = environment.iter().copied().collect();
        discover(
            &|name| environment.get(name).map(|value| (*value).to_owned()),
            &|arguments| {
                Some(
                    if arguments[0] == "config" {
                        config
                    } else {
                        help
                    }
                    .to_owned(),
                )
            },
        )
    }

    #[test]
    fn the_index_is_the_one_pip_is_configured_with() {
        let config = "global.index-url='https://global.example/simple'\n\
             install.index-url='https://install.example/simple'\n\
             wheel.index-url='https://never.example'\nglobal.timeout='60'\n";
        let urls =
            |environment: &[(&str, &str)], config| discovered(environment, config, HELP).urls;
        assert_eq!(urls(&[], ""), ["https://index.example/simple"]);
        assert_eq!(urls(&[], config), ["https://install.example/simple"]);
        assert_eq!(
            urls(&[("PIP_INDEX_URL", "https://env.example")], config),
            ["https://env.example"]
        );
        assert_eq!(
            urls(&[("UV_INDEX_URL", "https://uv.example")], ""),
            ["https://uv.example"]
        );
        assert_eq!(
            urls(
                &[("PIP_EXTRA_INDEX_URL", "https://x.example https://y.example")],
                ""
            ),
            [
                "https://index.example/simple",
                "https://x.example",
                "https://y.example"
            ]
        );
    }

    #[test]
    fn without_pip_and_configuration_there_is_no_index() {
        assert_eq!(discover(&|_| None, &|_| None), Indexes::default());
    }

    #[test]
    fn find_links_folders_are_used_and_no_index_is_obeyed() {
        let home = tempfile::tempdir().unwrap();
        fs_err::write(home.path().join("a.whl"), "x").unwrap();
        let links = format!("https://x.example/ {}", home.path().display());
        let found = discovered(
            &[("PIP_FIND_LINKS", &links), ("PIP_NO_INDEX", "1")],
            "",
            HELP,
        );
        assert_eq!(found.urls, Vec::<String>::new());
        assert_eq!(found.find("a.whl"), Some(home.path().join("a.whl")));
        assert_eq!(found.find("b.whl"), None);
    }
}
