//! What makefiles say of compilers and flags, read as text: no `make` runs.
//!
//! Comes in: a folder with a Makefile. Goes out: which of its variables name a tool of the target
//! or a compiler of the host, with the words behind the tool's name (`AR = ar rcu`), and which
//! flags it sets itself. All branches of conditionals count. Form: GNU make's manual, "Setting
//! Variables".

mod scan;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::top;

/// The names that GNU make looks for, in its order.
const NAMES: [&str; 3] = ["GNUmakefile", "makefile", "Makefile"];

/// A project with a Makefile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MakeProject {
    /// The top level of the tree it is part of.
    pub top: PathBuf,
    /// The variables that name a tool of the target.
    pub tools: BTreeMap<String, Named>,
    /// The variables that name a compiler of the host, each with its tool.
    pub host: BTreeMap<String, Tool>,
    /// The variables that have the value of another one: `CC = $(CXX)`.
    pub references: BTreeSet<String>,
    /// The variables that are assigned and not only added to.
    pub assigned: BTreeSet<String>,
}

/// How a variable names a tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Named {
    /// The tool.
    pub tool: Tool,
    /// What stands before it: `ccache `, `@`.
    pub before: String,
    /// What stands behind it, such as ` rcu`, as make reads it.
    pub behind: String,
}

/// A tool, as wrappers are called behind the triple.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tool {
    /// The C compiler.
    Cc,
    /// The C++ compiler.
    #[serde(rename = "c++")]
    Cxx,
    /// The C preprocessor.
    Cpp,
    /// The linker.
    Ld,
    /// The assembler.
    As,
    /// The archiver.
    Ar,
    /// The indexer of archives.
    Ranlib,
    /// The lister of symbols.
    Nm,
    /// The stripper.
    Strip,
    /// The copier of object files.
    Objcopy,
    /// The disassembler.
    Objdump,
}

impl Tool {
    /// Its name behind the triple.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cc => "cc",
            Self::Cxx => "c++",
            Self::Cpp => "cpp",
            Self::Ld => "ld",
            Self::As => "as",
            Self::Ar => "ar",
            Self::Ranlib => "ranlib",
            Self::Nm => "nm",
            Self::Strip => "strip",
            Self::Objcopy => "objcopy",
            Self::Objdump => "objdump",
        }
    }
}

/// The file that `make` would read.
pub fn makefile(folder: &Path) -> Option<&'static str> {
    NAMES.into_iter().find(|name| folder.join(name).is_file())
}

/// Whether the Makefile is one that `configure` made or would make, for the machine it ran on.
pub fn is_generated(folder: &Path) -> bool {
    let has = |name: &str| folder.join(name).is_file();
    has("configure") && (has("Makefile.in") || has("Makefile.am") || has("config.status"))
}

/// Reads a project's makefiles.
pub fn read(root: &Path) -> io::Result<MakeProject> {
    let mut project = MakeProject {
        top: top::level(root),
        ..MakeProject::default()
    };
    for file in scan::makefiles(root)? {
        let bytes = fs_err::read(file)?;
        for assignment in scan::assignments(&String::from_utf8_lossy(&bytes)) {
            note(&mut project, &assignment);
        }
    }
    Ok(project)
}

fn note(project: &mut MakeProject, assignment: &scan::Assignment) {
    let name = assignment.name.as_str();
    if assignment.sets {
        project.assigned.insert(name.to_owned());
        if scan::is_reference(&assignment.value) {
            project.references.insert(name.to_owned());
        }
    }
    if let Some(tool) = host_compiler(name) {
        project.host.entry(name.to_owned()).or_insert(tool);
    } else if is_tool_name(name)
        && assignment.sets
        && let Some(named) = scan::named(&assignment.value)
    {
        project.tools.entry(name.to_owned()).or_insert(named);
    }
}

/// The compiler that a variable means by its name, where that is one for the machine that builds:
/// `HOSTCC`, `CC_FOR_BUILD`, `BUILD_CXX`, `NATIVE_CC`.
fn host_compiler(name: &str) -> Option<Tool> {
    const CC: [&str; 8] = [
        "HOSTCC",
        "HOST_CC",
        "CC_FOR_BUILD",
        "BUILD_CC",
        "BUILDCC",
        "NATIVE_CC",
        "CC_HOST",
        "CC_NATIVE",
    ];
    const CXX: [&str; 8] = [
        "HOSTCXX",
        "HOST_CXX",
        "CXX_FOR_BUILD",
        "BUILD_CXX",
        "BUILDCXX",
        "NATIVE_CXX",
        "CXX_HOST",
        "CXX_NATIVE",
    ];
    if CC.contains(&name) {
        Some(Tool::Cc)
    } else if CXX.contains(&name) {
        Some(Tool::Cxx)
    } else {
        None
    }
}

/// Whether a variable is called as those are that name tools of the target. Others may hold `gcc`
/// to be compared with.
fn is_tool_name(name: &str) -> bool {
    const ENDINGS: [&str; 16] = [
        "CC", "CXX", "CCC", "C++", "CPP", "GCC", "LD", "LINK", "LINKER", "AS", "AR", "RANLIB",
        "NM", "STRIP", "OBJCOPY", "OBJDUMP",
    ];
    let of_host = ["HOST", "BUILD", "NATIVE"]
        .iter()
        .any(|part| name.contains(part));
    let word = |ending: &str| {
        name.strip_suffix(ending)
            .is_some_and(|before| before.is_empty() || before.ends_with('_'))
    };
    !of_host && ENDINGS.into_iter().any(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(files: &[(&str, &str)]) -> MakeProject {
        let folder = tempfile::tempdir().expect("tempdir");
        for (file, text) in files {
            let path = folder.path().join(file);
            fs_err::create_dir_all(path.parent().expect("a parent")).expect("created");
            fs_err::write(path, text).expect("written");
        }
        read(folder.path()).expect("read")
    }

    fn named(tool: Tool, before: &str, behind: &str) -> Named {
        Named {
            tool,
            before: before.to_owned(),
            behind: behind.to_owned(),
        }
    }

    #[test]
    fn tools_keep_the_words_around_their_names() {
        let found = project(&[
            ("Makefile", "all:\n\tcd src && $(MAKE)\nCC ?= gcc\n"),
            (
                "src/Makefile",
                "CC= gcc -std=gnu99\nAR= ar rcu # archive\nRANLIB= $(CROSS)ranlib\nLD = $(CC)\n\
                 CXX := ccache g++-12\nHOST_CC = $(DEFAULT_CC)\nDEFAULT_CC = clang\n\
                 COMPILER = gcc\nCFLAGS += -Wall\nLDFLAGS = -s\nBUILD_AR = ar\n",
            ),
        ]);
        let tools: Vec<(&str, &Named)> = found
            .tools
            .iter()
            .map(|(name, named)| (name.as_str(), named))
            .collect();
        assert_eq!(
            tools,
            [
                ("AR", &named(Tool::Ar, "", " rcu")),
                ("CC", &named(Tool::Cc, "", "")),
                ("CXX", &named(Tool::Cxx, "ccache ", "")),
                ("DEFAULT_CC", &named(Tool::Cc, "", "")),
                ("RANLIB", &named(Tool::Ranlib, "", "")),
            ]
        );
        assert_eq!(
            found.host,
            BTreeMap::from([("HOST_CC".to_owned(), Tool::Cc)])
        );
        assert!(found.assigned.contains("LDFLAGS") && found.assigned.contains("LD"));
        assert!(!found.assigned.contains("CFLAGS"));
    }

    #[test]
    fn a_makefile_that_configure_makes_is_told_by_what_lies_beside_it() {
        let folder = tempfile::tempdir().expect("tempdir");
        let write = |name: &str| fs_err::write(folder.path().join(name), "").expect("written");
        assert_eq!(makefile(folder.path()), None);
        write("Makefile");
        write("configure");
        assert_eq!(makefile(folder.path()), Some("Makefile"));
        assert!(!is_generated(folder.path()));
        write("Makefile.in");
        assert!(is_generated(folder.path()));
        write("GNUmakefile");
        assert_eq!(makefile(folder.path()), Some("GNUmakefile"));
    }
}
