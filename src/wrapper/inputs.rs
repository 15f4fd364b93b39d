//! Input files of a compiler driver, and the language of each.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::tool::Language;
use super::translate::Exists;

/// One input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Input {
    /// As it was given; `-` for standard input.
    pub(super) path: OsString,
    /// What `-x` must say for zig to take it for what gcc does.
    pub(super) language: Option<String>,
    /// Whether it is compiled; else it is for the linker.
    pub(super) is_source: bool,
    /// Where it stands among what goes to lld past zig; for what the linker only could tell.
    pub(super) carried: Option<Carried>,
}

/// The place of an input that goes to lld past zig.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Carried {
    /// How many of the linker's other words are in front of it.
    pub(super) at: usize,
    /// Whether all members of an archive are linked.
    pub(super) whole: bool,
}

/// What gcc compiles, by the ends of names.
const SOURCES: [&str; 27] = [
    "c", "i", "ii", "cc", "cp", "cxx", "cpp", "CPP", "c++", "C", "m", "mi", "mm", "M", "mii", "s",
    "S", "sx", "h", "hh", "H", "hp", "hpp", "hxx", "HPP", "ll", "bc",
];

/// Ends of names that zig knows as something to link. Others it refuses, where a linker looks into
/// the file: `libz.so.1.3-rc1`, and `a.os` as some build systems name objects of shared libraries.
const LINKED: [&str; 6] = ["o", "obj", "lo", "a", "lib", "so"];

const HEADERS: [&str; 7] = ["h", "hh", "H", "hp", "hpp", "hxx", "HPP"];

impl Input {
    /// An input of the driver. `explicit` is what `-x` says.
    pub(super) fn new(path: OsString, explicit: Option<&str>, driver: Language) -> Self {
        let end = Path::new(&path).extension().and_then(OsStr::to_str);
        let end = end.unwrap_or_default();
        let implied = match driver {
            Language::Assembler => Some("assembler"),
            _ if path == "-" => Some(if driver == Language::Cxx { "c++" } else { "c" }),
            Language::Preprocessor if !SOURCES.contains(&end) => Some("c"),
            // gcc's C++ driver takes C for C++; zig's goes by the name.
            Language::Cxx if matches!(end, "c" | "i") => Some("c++"),
            Language::Cxx if end == "h" => Some("c++-header"),
            // Names that zig does not know, and takes for objects.
            _ => match end {
                "i" => Some("c"),
                "ii" | "cp" | "c++" | "CPP" => Some("c++"),
                "sx" => Some("assembler-with-cpp"),
                "h" => Some("c-header"),
                "hh" | "H" | "hp" | "hpp" | "hxx" | "HPP" => Some("c++-header"),
                _ => None,
            },
        };
        let language = explicit.or(implied).map(str::to_owned);
        Self {
            is_source: language.is_some() || SOURCES.contains(&end),
            carried: None,
            language,
            path,
        }
    }

    /// An input that was named to the linker.
    pub(super) fn linked(path: OsString) -> Self {
        Self {
            path,
            language: None,
            is_source: false,
            carried: None,
        }
    }

    /// Whether only the linker can tell what it is.
    pub(super) fn is_unknown(&self) -> bool {
        if self.is_source || self.path == "-" {
            return false;
        }
        let name = Path::new(&self.path).file_name().and_then(OsStr::to_str);
        let name = name.unwrap_or_default();
        let end = name.rsplit_once('.').map_or("", |(_, end)| end);
        !LINKED.contains(&end) && !is_versioned(name)
    }

    /// Whether its name is a shared library's that has a version behind it.
    pub(super) fn is_shared(&self) -> bool {
        let name = Path::new(&self.path).file_name().and_then(OsStr::to_str);
        name.is_some_and(|name| name.contains(".so."))
    }

    /// Whether it is a header, which is compiled by itself into a precompiled one.
    pub(super) fn is_header(&self) -> bool {
        let end = Path::new(&self.path).extension().and_then(OsStr::to_str);
        match &self.language {
            Some(language) => language.ends_with("-header"),
            None => end.is_some_and(|end| HEADERS.contains(&end)),
        }
    }

    /// Its name without folder and end, with another end: what an output is called by default.
    pub(super) fn named(&self, end: &str) -> OsString {
        let mut name = Path::new(&self.path)
            .file_stem()
            .unwrap_or_default()
            .to_owned();
        name.push(".");
        name.push(end);
        name
    }
}

/// Whether a name is a shared library's with a version of numbers alone behind it.
fn is_versioned(name: &str) -> bool {
    name.rsplit_once(".so.").is_some_and(|(_, version)| {
        version
            .split('.')
            .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

/// Whether it is a start file of the musl that rustc brings along: rustc names them itself, in a folder
/// that it calls so, unless it is told `-C link-self-contained=no`.
pub(super) fn is_brought_start_file(path: &OsStr) -> bool {
    let path = Path::new(path);
    let folder = path.parent().and_then(Path::file_name);
    let start = ["crt1", "rcrt1", "Scrt1", "crti", "crtn"];
    let own = ["crtbegin", "crtbeginS", "crtbeginT", "crtend", "crtendS"];
    let stem = path.file_stem().and_then(OsStr::to_str).unwrap_or_default();
    folder.is_some_and(|name| name == "self-contained")
        && path.extension().is_some_and(|end| end == "o")
        && start.iter().chain(&own).any(|name| *name == stem)
}

/// What `-x` says, in words that zig has; `none` for what the names say.
pub(super) fn language(given: &str) -> Option<String> {
    let language = match given {
        "none" => return None,
        // What is preprocessed already is not changed by it.
        "cpp-output" => "c",
        "c++-cpp-output" => "c++",
        other => other,
    };
    Some(language.to_owned())
}

/// The folder of `--sysroot=`, where there is one.
pub(super) fn sysroot(path: &OsStr, exists: Exists<'_>) -> Option<PathBuf> {
    let path = PathBuf::from(path);
    let real = !path.as_os_str().is_empty() && path != Path::new("/");
    (real && exists(&path)).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_name_says_what_it_is() {
        for (path, explicit, driver, language, is_source) in [
            ("a.c", None, Language::C, None, true),
            ("a.c", None, Language::Cxx, Some("c++"), true),
            ("a.cc", None, Language::Cxx, None, true),
            ("a.o", None, Language::C, None, false),
            ("a.o", Some("c"), Language::C, Some("c"), true),
            ("libx.so.1", None, Language::C, None, false),
            ("a.i", None, Language::C, Some("c"), true),
            ("a.ii", None, Language::C, Some("c++"), true),
            ("-", None, Language::C, Some("c"), true),
            ("-", None, Language::Cxx, Some("c++"), true),
            ("-", Some("assembler"), Language::C, Some("assembler"), true),
            ("config.txt", None, Language::Preprocessor, Some("c"), true),
            ("a.S", None, Language::Preprocessor, None, true),
            ("a.asm", None, Language::Assembler, Some("assembler"), true),
            ("a.h", None, Language::C, Some("c-header"), true),
        ] {
            let input = Input::new(path.into(), explicit, driver);
            assert_eq!(input.language.as_deref(), language, "{path}");
            assert_eq!(input.is_source, is_source, "{path}");
        }
    }
    #[test]
    fn what_zig_knows_no_name_for_is_the_linkers() {
        for (path, unknown) in [
            ("a.o", false),
            ("a.lo", false),
            ("libx.a", false),
            ("libx.so", false),
            ("libx.so.1.2.13", false),
            ("a.c", false),
            ("-", false),
            ("libx.so.1.3-rc1", true),
            ("libx.so.", true),
            ("a.os", true),
            ("script.ld", true),
            ("object", true),
            ("dir.o/object", true),
        ] {
            let input = Input::new(path.into(), None, Language::C);
            assert_eq!(input.is_unknown(), unknown, "{path}");
        }
    }
}
