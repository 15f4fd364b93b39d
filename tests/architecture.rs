//! Holds the crate to its architecture: which module may know which, and what every file looks like.
//!
//! Reads `src/` as text. An edge is any path that begins at the crate's root (`crate::x`,
//! `crate::{x, y}`, `super::super::x`, `polyarch::x` in `main.rs`), in tests too; comments and
//! strings are passed over.
#![expect(
    clippy::unwrap_used,
    reason = "a test that can't read its sources has failed"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Parts that everything may use. What they use of each other stands in [`edges`].
const SMALL: [&str; 12] = [
    "atomic",
    "digest",
    "extract",
    "fault",
    "interrupt",
    "limits",
    "parallel",
    "process",
    "progress",
    "target",
    "template",
    "version",
];

/// Libraries that know no stage.
const LIBRARIES: [&str; 9] = [
    "store", "debian", "fetch", "packages", "oci", "elf", "lock", "settings", "wrapper",
];

/// The pipeline, in its order: each may use those before it.
const STAGES: [&str; 8] = [
    "project",
    "base",
    "plan",
    "toolchain",
    "compile",
    "image",
    "output",
    "verify",
];

/// Longest source file, in lines.
const LINES: usize = 500;

/// Macros that print.
const PRINTING: [&str; 5] = ["print", "println", "eprint", "eprintln", "dbg"];

/// Every module of the crate's root and what it may use besides itself.
fn edges() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let mut edges: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut allow = |module, parts: &[&[&'static str]]| {
        edges.insert(module, parts.concat().into_iter().collect());
    };
    allow("lib", &[]);
    allow("main", &[&["cli", "wrapper"], &SMALL]);
    allow("extract", &[]);
    allow("fault", &[&["limits"]]);
    allow("interrupt", &[]);
    allow("limits", &[]);
    allow("parallel", &[]);
    allow("progress", &[]);
    allow("target", &[]);
    allow("digest", &[&["interrupt"]]);
    allow("atomic", &[&["digest", "interrupt"]]);
    allow("template", &[&["fault"]]);
    allow("version", &[]);
    allow("process", &[&["fault", "interrupt", "limits", "parallel"]]);
    allow("lock", &[&["atomic", "digest", "fault"]]);
    allow(
        "store",
        &[&["digest", "fault", "interrupt", "limits", "progress"]],
    );
    allow("debian", &[&SMALL]);
    allow("fetch", &[&SMALL, &["store", "debian"]]);
    allow("packages", &[&SMALL, &["store", "debian", "fetch", "lock"]]);
    allow("oci", &[&SMALL, &["store"]]);
    allow("elf", &[&SMALL, &["oci", "store"]]);
    allow("wrapper", &[&SMALL]);
    allow("settings", &[&SMALL, &["oci"]]);
    for (index, stage) in STAGES.into_iter().enumerate() {
        allow(stage, &[&SMALL, &LIBRARIES, &STAGES[..index]]);
    }
    allow("cli", &[&SMALL, &LIBRARIES, &STAGES]);
    edges
}

#[test]
fn modules_know_only_what_they_may() {
    let edges = edges();
    let mut faults = Vec::new();
    for file in sources() {
        let module = file.module();
        let Some(allowed) = edges.get(module) else {
            faults.push(format!("{}: module `{module}` is in no list", file.name()));
            continue;
        };
        for edge in crate_paths(&file.text, &file.path, module == "main") {
            let to = edge.to.as_str();
            if to != module && !allowed.contains(to) {
                faults.push(format!(
                    "{}:{}: `{module}` may not use `{to}`",
                    file.name(),
                    edge.line
                ));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn every_source_file_is_short_and_says_what_it_is_for() {
    let mut faults = Vec::new();
    for file in sources() {
        let lines = file.text.lines().count();
        if lines > LINES {
            faults.push(format!("{}: {lines} lines, at most {LINES}", file.name()));
        }
        if !file.text.starts_with("//! ") {
            faults.push(format!("{}:1: does not begin with `//!`", file.name()));
        }
        if file.path.ends_with("utils.rs") {
            faults.push(format!("{}: named after nothing", file.name()));
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn only_the_command_line_prints() {
    let mut faults = Vec::new();
    for file in sources() {
        if matches!(file.module(), "main" | "cli") {
            continue;
        }
        let tokens = tokens(&file.text);
        for pair in tokens.windows(2) {
            if PRINTING.contains(&pair[0].text) && pair[1].text == "!" {
                faults.push(format!(
                    "{}:{}: `{}!`",
                    file.name(),
                    pair[0].line,
                    pair[0].text
                ));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// One file under `src/`.
struct Source {
    /// Its path below `src/`.
    path: PathBuf,
    text: String,
}

impl Source {
    fn name(&self) -> String {
        format!("src/{}", self.path.display())
    }

    /// The module of the crate's root that it belongs to.
    fn module(&self) -> &str {
        let first = self.path.iter().next().and_then(|part| part.to_str());
        first.map_or("", |part| part.trim_end_matches(".rs"))
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut directories = vec![root.clone()];
    while let Some(directory) = directories.pop() {
        for entry in fs_err::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(Source {
                    text: fs_err::read_to_string(&path).unwrap(),
                    path: path.strip_prefix(&root).unwrap().to_owned(),
                });
            }
        }
    }
    assert!(found.len() > 5, "no sources under {}", root.display());
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// A path that begins at the crate's root.
#[derive(Debug, PartialEq, Eq)]
struct Edge {
    to: String,
    line: usize,
}

/// Every such path in a file. `path` is the file's place below `src/`, which tells how many
/// `super::` lead to the root.
fn crate_paths(text: &str, path: &Path, is_main: bool) -> Vec<Edge> {
    let mut depth_of_file = path.iter().count();
    if path.file_name().is_some_and(|name| name == "mod.rs")
        || matches!(path.to_str(), Some("lib.rs" | "main.rs"))
    {
        depth_of_file -= 1;
    }
    let tokens = tokens(text);
    let text = |index: usize| tokens.get(index).map_or("", |token: &Token<'_>| token.text);
    let mut edges = Vec::new();
    let mut braces = 0;
    // The brace depths at which `mod name {` of this file are open.
    let mut inline = Vec::new();
    let mut index = 0;
    while index < tokens.len() {
        let starts_path = index == 0 || text(index - 1) != "::";
        match text(index) {
            "{" => {
                if index >= 2 && text(index - 2) == "mod" {
                    inline.push(braces);
                }
                braces += 1;
            }
            "}" => {
                braces -= 1;
                inline.retain(|open| *open < braces);
            }
            "crate" if starts_path => edges.extend(heads(&tokens, index + 1)),
            "polyarch" if starts_path && is_main => edges.extend(heads(&tokens, index + 1)),
            "super" if starts_path => {
                let mut up = 1;
                while text(index + 1) == "::" && text(index + 2) == "super" {
                    up += 1;
                    index += 2;
                }
                if up == depth_of_file + inline.len() {
                    edges.extend(heads(&tokens, index + 1));
                }
            }
            _ => {}
        }
        index += 1;
    }
    edges
}

/// The first names behind the `::` at `index`: one, or those of a group.
fn heads(tokens: &[Token<'_>], index: usize) -> Vec<Edge> {
    let mut rest = tokens.iter().skip(index);
    if rest.next().is_none_or(|token| token.text != "::") {
        return Vec::new();
    }
    let edge = |token: &Token<'_>| Edge {
        to: token.text.to_owned(),
        line: token.line,
    };
    let Some(first) = rest.next() else {
        return Vec::new();
    };
    if first.text != "{" {
        return vec![edge(first)];
    }
    let mut edges = Vec::new();
    let (mut depth, mut expected) = (1, true);
    for token in rest {
        match token.text {
            "{" => depth += 1,
            "}" => depth -= 1,
            "," if depth == 1 => expected = true,
            _ if expected && depth == 1 => {
                edges.push(edge(token));
                expected = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    edges
}

/// A name, `::`, or one character of punctuation.
#[derive(Debug, Clone, Copy)]
struct Token<'a> {
    text: &'a str,
    line: usize,
}

/// Splits Rust into tokens, without comments and with literals left out.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 1);
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let skipped = comment(rest).or_else(|| literal(rest));
        let length = skipped.unwrap_or_else(|| match first {
            ':' if rest.starts_with("::") => 2,
            _ if is_name(first) => rest.find(|char| !is_name(char)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        });
        if skipped.is_none() && !first.is_whitespace() {
            tokens.push(Token {
                text: &rest[..length],
                line,
            });
        }
        line += rest[..length].matches('\n').count();
        at += length;
    }
    tokens
}

fn is_name(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

/// The length of the comment that begins here.
fn comment(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if !rest.starts_with("/*") {
        return None;
    }
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        let here = &rest.as_bytes()[at..];
        if here.starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if here.starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += 1;
        }
    }
    Some(rest.len())
}

/// The length of the string, byte string, raw string, character or lifetime that begins here.
fn literal(rest: &str) -> Option<usize> {
    let prefix = rest.find(|char| !matches!(char, 'b' | 'c' | 'r'))?;
    let (prefix, body) = rest.split_at(prefix);
    if prefix.ends_with('r') {
        let hashes = body.find(|char| char != '#')?;
        if body[hashes..].starts_with('"') {
            let end = format!("\"{}", &body[..hashes]);
            let close = body[hashes + 1..].find(&end).unwrap_or(body.len());
            return Some((prefix.len() + hashes + 1 + close + end.len()).min(rest.len()));
        }
    }
    if prefix.len() <= 1 && body.starts_with('"') {
        return Some(prefix.len() + quoted(body, '"'));
    }
    if prefix.len() <= 1 && body.starts_with('\'') {
        let mut chars = body.chars().skip(1);
        let (first, second) = (chars.next()?, chars.next());
        if first == '\\' || second == Some('\'') {
            return Some(prefix.len() + quoted(body, '\''));
        }
        // A lifetime; its name is none that matters.
        let name = body[1..]
            .find(|char| !is_name(char))
            .unwrap_or(body.len() - 1);
        return Some(prefix.len() + 1 + name);
    }
    None
}

/// The length of what stands between two quotes, with them.
fn quoted(body: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, char) in body.char_indices().skip(1) {
        match char {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if char == quote => return at + 1,
            _ => {}
        }
    }
    body.len()
}

#[test]
fn paths_from_the_root_are_found_in_every_form() {
    let found = |text: &str, path: &str| -> Vec<(String, usize)> {
        crate_paths(text, Path::new(path), path == "main.rs")
            .into_iter()
            .map(|edge| (edge.to, edge.line))
            .collect()
    };
    let edge = |to: &str, line| (to.to_owned(), line);
    let text = r##"//! crate::comment::x
use crate::digest::Digest; /* crate::inner /* crate::nested */ crate::x */
use crate::{
    fault::{Exit, Fault},
    oci,
};
pub(crate) fn f<'a>(c: char) -> &'a str {
    let _ = ('"', b'\'', "crate::no \" crate::no", r#"crate::no"#, '\'');
    crate::target::go()
}
use super::sibling; use super::super::plan;
mod tests { use super::super::not_the_root; use super::super::super::image; }
use super::super::output::x;
"##;
    assert_eq!(
        found(text, "elf/parse.rs"),
        [
            edge("digest", 2),
            edge("fault", 4),
            edge("oci", 5),
            edge("target", 9),
            edge("plan", 11),
            edge("image", 12),
            edge("output", 13),
        ]
    );
    assert_eq!(
        found("use super::store;", "fetch/mod.rs"),
        [edge("store", 1)]
    );
    assert_eq!(found("use super::store;", "fetch/http.rs"), []);
    assert_eq!(found("use polyarch::cli;", "main.rs"), [edge("cli", 1)]);
    assert_eq!(found("use polyarch::cli;", "digest.rs"), []);
}

#[test]
fn no_list_allows_a_later_stage_or_the_command_line() {
    let edges = edges();
    for (index, stage) in STAGES.iter().enumerate() {
        for later in &STAGES[index..] {
            assert!(!edges[stage].contains(later), "{stage} uses {later}");
        }
    }
    for (module, allowed) in &edges {
        assert!(*module == "main" || !allowed.contains("cli"), "{module}");
        let is_library = SMALL.contains(module) || LIBRARIES.contains(module);
        let knows_stage = STAGES.iter().any(|stage| allowed.contains(stage));
        assert!(!(is_library && knows_stage), "{module}");
    }
}
