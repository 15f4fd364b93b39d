//! Finds makefiles and the assignments in them.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::{NAMES, Named, Tool};
use crate::interrupt;

/// The largest makefile that is read; larger ones are generated.
const LARGEST: u64 = 1 << 20;

/// How many are read.
const MOST: usize = 2000;

/// One assignment of a variable.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Assignment {
    pub(super) name: String,
    pub(super) value: String,
    /// Whether it gives a value, and does not only add to one.
    pub(super) sets: bool,
}

/// The makefiles of a folder and below it, those near its top first, and what they include by a
/// plain name.
pub(super) fn makefiles(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut level = vec![root.to_owned()];
    while !level.is_empty() && found.len() < MOST {
        level.sort();
        let mut below = Vec::new();
        for folder in level {
            interrupt::check()?;
            look(&folder, &mut found, &mut below)?;
        }
        level = below;
    }
    let mut seen: BTreeSet<PathBuf> = found.iter().cloned().collect();
    let mut at = 0;
    while at < found.len() && found.len() < MOST {
        let file = found[at].clone();
        at += 1;
        let bytes = fs_err::read(&file)?;
        for name in includes(&String::from_utf8_lossy(&bytes)) {
            let folder = file.parent().unwrap_or(root);
            // Make looks where it was started.
            let candidates = [root.join(&name), folder.join(&name)];
            let path = candidates.into_iter().find(|path| is_readable(path));
            found.extend(path.filter(|path| seen.insert(path.clone())));
        }
    }
    Ok(found)
}

fn look(folder: &Path, found: &mut Vec<PathBuf>, below: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut own = Vec::new();
    let mut folders = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') {
            continue;
        }
        if entry.file_type()?.is_dir() {
            if name != "out" {
                folders.push(entry.path());
            }
            continue;
        }
        let is_makefile = NAMES.contains(&&*name) || name.ends_with(".mk");
        if is_makefile && is_readable(&entry.path()) {
            own.push(entry.path());
        }
        // Somebody's build tree has makefiles of its own.
        if name == "CMakeCache.txt" {
            return Ok(());
        }
    }
    own.sort();
    found.extend(own);
    below.extend(folders);
    Ok(())
}

fn is_readable(path: &Path) -> bool {
    fs_err::metadata(path).is_ok_and(|found| found.is_file() && found.len() <= LARGEST)
}

/// Lines without recipes, with continued ones joined and comments left out.
fn lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut open: Option<String> = None;
    for line in text.lines() {
        let continues = line.ends_with('\\');
        let part = line.strip_suffix('\\').unwrap_or(line);
        match &mut open {
            Some(whole) => {
                whole.push(' ');
                whole.push_str(part.trim());
            }
            None => open = Some(part.to_owned()),
        }
        if !continues && let Some(whole) = open.take() {
            lines.push(whole);
        }
    }
    lines.extend(open);
    lines
        .into_iter()
        .filter(|line| !line.starts_with('\t'))
        .map(|line| match line.find('#') {
            Some(at) => line[..at].to_owned(),
            None => line,
        })
        .collect()
}

/// The assignments of a makefile, those for single targets left out.
pub(super) fn assignments(text: &str) -> Vec<Assignment> {
    lines(text)
        .iter()
        .filter_map(|line| assignment(line))
        .collect()
}

fn assignment(line: &str) -> Option<Assignment> {
    let mut rest = line.trim_start();
    for modifier in ["export", "override", "private"] {
        if let Some(behind) = rest.strip_prefix(modifier)
            && behind.starts_with([' ', '\t'])
        {
            rest = behind.trim_start();
        }
    }
    let end = rest.find(|c: char| !(c.is_alphanumeric() || "_.-+".contains(c)))?;
    // `CFLAGS+=x`: the plus is the operator's, and `C++=x` is not.
    let end = match rest[..end].strip_suffix('+') {
        Some(name) if rest[end..].starts_with('=') && !name.ends_with('+') => end - 1,
        _ => end,
    };
    let (name, behind) = rest.split_at(end);
    let behind = behind.trim_start();
    let operators = [":::=", "::=", ":=", "?=", "+=", "="];
    let operator = operators
        .into_iter()
        .find(|operator| behind.starts_with(operator))?;
    (!name.is_empty()).then(|| Assignment {
        name: name.to_owned(),
        value: behind[operator.len()..].trim().to_owned(),
        sets: operator != "+=",
    })
}

/// The plain names that a makefile includes.
fn includes(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in lines(text) {
        let mut words = line.split_whitespace();
        if matches!(words.next(), Some("include" | "-include" | "sinclude")) {
            found.extend(
                words
                    .filter(|word| !word.contains(['$', '*']))
                    .map(str::to_owned),
            );
        }
    }
    found
}

/// A value whose first word names a tool, behind what starts it and what a prefix of cross tools
/// would be: `ccache gcc`, `@gcc`, `$(CROSS_COMPILE)gcc -m64`, `/usr/bin/x86_64-linux-gnu-gcc-12`,
/// `$(shell which gcc)`.
pub(super) fn named(value: &str) -> Option<Named> {
    let (launcher, rest) = match value.split_once(' ') {
        Some((first, rest)) if ["ccache", "sccache", "distcc", "icecc"].contains(&first) => {
            (format!("{first} "), rest.trim_start())
        }
        _ => (String::new(), value),
    };
    let (silent, rest) = match rest.strip_prefix('@') {
        Some(rest) => ("@", rest),
        None => ("", rest),
    };
    if let Some(command) = rest.strip_prefix("$(shell ")
        && let Some(command) = command.strip_suffix(')')
    {
        let found = tool(command.split_whitespace().last()?)?;
        return Some(Named {
            tool: found,
            before: format!("{launcher}{silent}"),
            behind: String::new(),
        });
    }
    let end = word(rest);
    let (first, behind) = rest.split_at(end);
    let found = tool(without_references(first))?;
    Some(Named {
        tool: found,
        before: format!("{launcher}{silent}"),
        behind: behind.to_owned(),
    })
}

/// Whether a value is that of one other variable and nothing else.
pub(super) fn is_reference(value: &str) -> bool {
    let inner = ["$(", "${"]
        .iter()
        .find_map(|open| value.strip_prefix(open));
    let inner = inner.and_then(|inner| inner.strip_suffix([')', '}']));
    inner.is_some_and(|name| name.chars().all(|c| c.is_alphanumeric() || c == '_'))
}

/// The length of the first word, spaces in references to variables not counted.
fn word(text: &str) -> usize {
    let mut depth = 0usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' | '{' => depth += 1,
            ')' | '}' => depth = depth.saturating_sub(1),
            ' ' | '\t' if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

/// What stands behind the last reference to a variable.
fn without_references(word: &str) -> &str {
    match word.rfind([')', '}']) {
        Some(at) => &word[at + 1..],
        None => word,
    }
}

/// The tool that a program is, by its file name without a triple before and a version behind.
fn tool(program: &str) -> Option<Tool> {
    let name = program.rsplit('/').next().unwrap_or(program);
    let version = |c: char| c.is_ascii_digit() || c == '.';
    let name = match name.rsplit_once('-') {
        Some((name, digits)) if !digits.is_empty() && digits.chars().all(version) => name,
        _ => name,
    };
    let last = name.rsplit('-').next().unwrap_or(name);
    Some(match last {
        "cc" | "gcc" | "clang" | "c99" | "c89" => Tool::Cc,
        "c++" | "g++" | "clang++" => Tool::Cxx,
        "cpp" => Tool::Cpp,
        "ld" | "ld.bfd" | "ld.gold" | "ld.lld" => Tool::Ld,
        "as" => Tool::As,
        "ar" => Tool::Ar,
        "ranlib" => Tool::Ranlib,
        "nm" => Tool::Nm,
        "strip" => Tool::Strip,
        "objcopy" => Tool::Objcopy,
        "objdump" => Tool::Objdump,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_name_a_tool_are_taken_apart() {
        for (value, expected) in [
            ("gcc", Some((Tool::Cc, "", ""))),
            ("gcc -std=gnu99", Some((Tool::Cc, "", " -std=gnu99"))),
            ("$(CROSS_COMPILE)gcc $(X)", Some((Tool::Cc, "", " $(X)"))),
            ("${A}-g++", Some((Tool::Cxx, "", ""))),
            ("/usr/bin/x86_64-linux-gnu-gcc-12", Some((Tool::Cc, "", ""))),
            ("@gcc", Some((Tool::Cc, "@", ""))),
            ("ccache  clang++", Some((Tool::Cxx, "ccache ", ""))),
            ("$(shell which gcc)", Some((Tool::Cc, "", ""))),
            ("llvm-ar-15 rcs", Some((Tool::Ar, "", " rcs"))),
            ("$(CC)", None),
            ("$(if $(X),gcc,cc)", None),
            ("nasm", None),
            ("libtool --mode=link gcc", None),
            ("", None),
        ] {
            let found = named(value);
            let found = found
                .as_ref()
                .map(|named| (named.tool, named.before.as_str(), named.behind.as_str()));
            assert_eq!(found, expected, "{value}");
        }
    }

    #[test]
    fn assignments_have_many_forms_and_recipes_none() {
        let text = "A=1\nexport B := 2 # two\n  C ?= 3 \\\n  4\nD+=5\nC++ = 6\nC++=7\n\tE = no\n\
                    target: F = no\n# G = no\nifeq ($(H),x)\n";
        let found: Vec<(String, String, bool)> = assignments(text)
            .into_iter()
            .map(|one| (one.name, one.value, one.sets))
            .collect();
        let expected = [
            ("A", "1", true),
            ("B", "2", true),
            ("C", "3  4", true),
            ("D", "5", false),
            ("C++", "6", true),
            ("C++", "7", true),
        ];
        let expected =
            expected.map(|(name, value, sets)| (name.to_owned(), value.to_owned(), sets));
        assert_eq!(found, expected);
    }

    #[test]
    fn included_files_and_those_below_are_found_and_build_trees_are_not() {
        let folder = tempfile::tempdir().expect("tempdir");
        for (file, text) in [
            ("Makefile", "include common.inc $(X).mk\n-include gone.mk\n"),
            ("common.inc", ""),
            ("sub/Makefile", "include ../common.inc\n"),
            ("rules.mk", ""),
            ("out/arm64/Makefile", ""),
            ("build/CMakeCache.txt", ""),
            ("build/Makefile", ""),
        ] {
            let path = folder.path().join(file);
            fs_err::create_dir_all(path.parent().expect("a parent")).expect("created");
            fs_err::write(path, text).expect("written");
        }
        let found = makefiles(folder.path()).expect("read");
        let names: Vec<String> = found
            .iter()
            .map(|path| {
                path.strip_prefix(folder.path())
                    .expect("inside")
                    .display()
                    .to_string()
            })
            .collect();
        assert_eq!(names[..3], ["Makefile", "rules.mk", "sub/Makefile"]);
        assert!(names.contains(&"common.inc".to_owned()), "{names:?}");
        assert!(
            !names.iter().any(|name| name.starts_with("build")),
            "{names:?}"
        );
    }
}
