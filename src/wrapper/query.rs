//! Questions that build systems ask a compiler, answered as gcc answers them.
//!
//! clang does not know most of them, or answers with folders of the machine it runs on.
//!
//! Source: GCC's manual, "Developer Options".

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::plan::{multiarch, without_version};
use super::spec::Spec;
use super::translate::Exists;

/// The version of gcc whose options and extensions are taken; clang says 4.2.1 for itself, on which
/// scripts conclude that it can do nothing.
const VERSION: &str = "12.2.0";

/// What a command line asks.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Query {
    /// The answer.
    Answer(String),
    /// The compiler's own text about itself, for the target.
    Compiler(Vec<OsString>),
}

/// Answers the first question of a command line that has one. `wrapper` is the path that the
/// compiler was called by; `objects` gives the folder of an installed C library.
pub(super) fn query(
    spec: &Spec,
    wrapper: &Path,
    arguments: &[OsString],
    objects: &dyn Fn() -> Option<PathBuf>,
    exists: Exists<'_>,
) -> Option<Query> {
    let answer = |text: String| Some(Query::Answer(text));
    let folders = || folders(spec, arguments, objects());
    for argument in arguments {
        let Some(text) = argument.to_str() else {
            continue;
        };
        let short = text.strip_prefix('-').unwrap_or(text);
        let option = short.strip_prefix('-').unwrap_or(short);
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        if !text.starts_with("-d") && !text.starts_with("-p") && !text.starts_with("--") {
            continue;
        }
        match (name, value) {
            ("dumpmachine", "") => return answer(spec.triple.clone()),
            ("dumpversion", "") => return answer(major(VERSION).to_owned()),
            ("dumpfullversion", "") => return answer(VERSION.to_owned()),
            ("print-multiarch", "") => return answer(multiarch(spec)),
            ("print-multi-directory", "") => return answer(".".to_owned()),
            ("print-multi-lib", "") => return answer(".;".to_owned()),
            ("print-multi-os-directory", "") => return answer("../lib".to_owned()),
            ("print-sysroot", "") => return answer(sysroot(arguments).unwrap_or_default()),
            ("print-sysroot-headers-suffix", "") => return answer(String::new()),
            ("print-libgcc-file-name" | "print-rtlib-file-name", "") => {
                return answer(find("libgcc.a", &folders(), exists));
            }
            ("print-file-name", file) => return answer(find(file, &folders(), exists)),
            ("print-prog-name", program) => return answer(program_of(wrapper, program, exists)),
            ("print-search-dirs", "") => {
                let own = wrapper.parent().unwrap_or(Path::new(""));
                let libraries: Vec<String> = folders()
                    .iter()
                    .map(|folder| format!("{}/", folder.display()))
                    .collect();
                return answer(format!(
                    "install: {own}/\nprograms: ={own}/\nlibraries: ={libraries}",
                    own = own.display(),
                    libraries = libraries.join(":"),
                ));
            }
            ("print-target-triple" | "print-effective-triple", "") => {
                return answer(without_version(spec).to_owned());
            }
            ("version", "") if text == "--version" => {
                let target = without_version(spec);
                let words = ["cc", "-target", target, "--version"];
                return Some(Query::Compiler(words.map(OsString::from).to_vec()));
            }
            _ => {}
        }
    }
    None
}

fn major(version: &str) -> &str {
    version.split('.').next().unwrap_or(version)
}

/// Where libraries are looked for: the user's folders, the toolchain's, the C library's.
fn folders(spec: &Spec, arguments: &[OsString], objects: Option<PathBuf>) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    let given = arguments.iter().filter_map(|argument| argument.to_str());
    let own = spec.arguments.iter().map(String::as_str);
    let mut words = given.chain(own);
    while let Some(word) = words.next() {
        match word.strip_prefix("-L") {
            Some("") => folders.extend(words.next().map(PathBuf::from)),
            Some(folder) => folders.push(PathBuf::from(folder)),
            None => {}
        }
    }
    if let Some(sysroot) = sysroot(arguments) {
        let tuple = multiarch(spec);
        for folder in ["usr/lib", "lib"] {
            let folder = Path::new(&sysroot).join(folder);
            folders.extend([folder.join(&tuple), folder]);
        }
    }
    folders.extend(objects);
    folders
}

fn sysroot(arguments: &[OsString]) -> Option<String> {
    let mut given = arguments.iter().filter_map(|argument| argument.to_str());
    given
        .find_map(|argument| argument.strip_prefix("--sysroot="))
        .map(str::to_owned)
}

/// A file's path, or its name where there is none; that is what gcc says, too.
fn find(file: &str, folders: &[PathBuf], exists: Exists<'_>) -> String {
    let paths = folders.iter().map(|folder| folder.join(file));
    let found = paths.into_iter().find(|path| exists(path));
    found.map_or_else(|| file.to_owned(), |path| path.display().to_string())
}

/// The wrapper beside this one.
fn program_of(wrapper: &Path, program: &str, exists: Exists<'_>) -> String {
    let file = wrapper.file_name().and_then(|name| name.to_str());
    let prefix = file.and_then(|name| name.rfind('-').map(|dash| &name[..=dash]));
    let sibling = wrapper.with_file_name(format!("{}{program}", prefix.unwrap_or_default()));
    if exists(&sibling) {
        return sibling.display().to_string();
    }
    program.to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::tests::spec;
    use super::*;

    #[test]
    fn questions_are_answered_as_gcc_answers_them() {
        let exists = |path: &Path| {
            let known = ["/w/aarch64-linux-gnu-ld", "/musl/crt1.o", "lib/libx.a"];
            known.iter().any(|known| path == Path::new(known))
        };
        let spec = spec("linux/arm64", "gnu.2.36");
        let wrapper = Path::new("/w/aarch64-linux-gnu-gcc");
        for (arguments, expected) in [
            (&["-dumpmachine"][..], "aarch64-linux-gnu"),
            (&["-dumpversion"], "12"),
            (&["-dumpfullversion"], "12.2.0"),
            (&["-print-multiarch"], "aarch64-linux-gnu"),
            (&["--print-multiarch"], "aarch64-linux-gnu"),
            (&["-print-sysroot"], ""),
            (&["--sysroot=/s", "-print-sysroot"], "/s"),
            (&["-print-file-name=crt1.o"], "/musl/crt1.o"),
            (&["-print-file-name=crt2.o"], "crt2.o"),
            (&["-Llib", "-print-file-name=libx.a"], "lib/libx.a"),
            (&["-L", "lib", "-print-file-name=libx.a"], "lib/libx.a"),
            (&["-print-prog-name=ld"], "/w/aarch64-linux-gnu-ld"),
            (&["-print-prog-name=cc1"], "cc1"),
            (&["-print-libgcc-file-name"], "libgcc.a"),
            (&["-print-multi-lib"], ".;"),
            (
                &["-O2", "-print-search-dirs"],
                "install: /w/\nprograms: =/w/\nlibraries: =/musl/",
            ),
        ] {
            let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
            let found = query(
                &spec,
                wrapper,
                &arguments,
                &|| Some("/musl".into()),
                &exists,
            );
            assert_eq!(
                found,
                Some(Query::Answer(expected.to_owned())),
                "{arguments:?}"
            );
        }
    }

    #[test]
    fn what_is_no_question_is_compiled() {
        let spec = spec("linux/arm64", "musl");
        for argument in [
            "-dM",
            "-pipe",
            "-v",
            "dumpmachine",
            "--param",
            "-DX=-dumpmachine",
        ] {
            let arguments = [OsString::from(argument)];
            let found = query(&spec, Path::new("cc"), &arguments, &|| None, &|_| false);
            assert_eq!(found, None, "{argument}");
        }
    }
}
