//! C++20 modules, which zig's compiler can't be told to build: said in so many words where a build has
//! failed that has some.
//!
//! A module's interface is compiled to a file that others import, and a scanner says in which order.
//! zig has no scanner, and takes no source for an interface. Comes in: a build that has failed. Goes
//! out: the same failure, or the error that names the module.

use std::path::PathBuf;

use super::{Error, Job, cmake, fileapi};
use crate::compile::{Failure, StepError};
use crate::plan::native::PlainStep;
use crate::project::plain::{Language, language};

/// How much of a source is searched for a module's name: it stands before all else but comments and
/// the preprocessor's lines.
const LINES: usize = 2000;

/// Explains a failure of CMake's build, by what CMake says of its targets.
pub(super) fn of_cmake(job: &Job<'_>, error: StepError) -> StepError {
    let interfaces = fileapi::modules(&cmake::tree(job)).unwrap_or_default();
    explain(job, interfaces.into_iter().next(), error)
}

/// Explains a failure of sources that are compiled by themselves, by what stands in them.
pub(super) fn of_sources(job: &Job<'_>, plain: &PlainStep, error: StepError) -> StepError {
    let root = &job.native.root;
    let mut sources = plain
        .files
        .iter()
        .filter(|file| language(file) == Some(Language::Cpp));
    let found = sources.find(|file| {
        let text = fs_err::read(root.join(file)).unwrap_or_default();
        uses_modules(&String::from_utf8_lossy(&text))
    });
    explain(job, found.cloned(), error)
}

fn explain(job: &Job<'_>, file: Option<PathBuf>, error: StepError) -> StepError {
    match (file, error) {
        (Some(file), StepError::Refused { status, message }) => Error::Modules {
            platform: job.step.platform,
            file,
            failure: Failure {
                platforms: vec![job.step.platform],
                status,
                message,
            },
        }
        .into(),
        (_, error) => error,
    }
}

/// Whether a source declares or imports a module: `module;`, `export module NAME;`, `import NAME;`
/// at the begin of a line, as the standard has such lines ([cpp.import], [cpp.module]).
fn uses_modules(text: &str) -> bool {
    text.lines().take(LINES).any(|line| {
        let line = line.trim_start();
        let line = line.strip_prefix("export ").map_or(line, str::trim_start);
        let named = |keyword: &str| {
            let rest = line.strip_prefix(keyword)?;
            let apart = rest.starts_with([' ', '\t', ';', ':', '<', '"']);
            let rest = rest.trim_start();
            let name = rest.split(';').next()?.trim_end();
            let ends = rest.len() > name.len();
            let plain = |c: char| c.is_alphanumeric() || "_.:<>\"/ []".contains(c);
            Some(apart && ends && name.chars().all(plain))
        };
        named("module").or_else(|| named("import")) == Some(true)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_modules_are_told_from_others() {
        for text in [
            "module;\n#include <x>\n",
            "// a comment\nexport module greet;\n",
            "export module a.b:part;",
            "#include <x>\nimport greet;\n",
            "import <vector>;",
            "export import :part;",
            "  import std;",
        ] {
            assert!(uses_modules(text), "{text}");
        }
        for text in [
            "import_all();\n",
            "// import greet;\n",
            "int module = 1;\n",
            "module = 2;\n",
            "module->run();\n",
            "import(x);\n",
            "export class X;\n",
            "importer x;",
            "",
        ] {
            assert!(!uses_modules(text), "{text}");
        }
    }
}
