//! Which program a wrapper stands for, by the name it was called by.

use std::path::{Path, PathBuf};

use super::spec::Spec;

/// A program behind a wrapper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tool {
    /// A compiler driver.
    Compiler(Language),
    /// The linker by itself.
    Linker,
    /// `ar`, `ranlib`: what the compiler's program calls alike.
    Archiver(&'static str),
    /// A program of another toolchain.
    Program(PathBuf),
}

/// What a compiler driver takes its inputs for, where their names do not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// `cc`: by their names.
    C,
    /// `c++`: C is C++, too.
    Cxx,
    /// `cpp`: preprocessed only.
    Preprocessor,
    /// `as`: assembled only.
    Assembler,
}

impl Tool {
    /// The tool of a wrapper's name, which has the triple in front or has not; the name without it
    /// where there is no such tool.
    pub fn of<'a>(spec: &Spec, wrapper: &'a Path) -> Result<Self, &'a str> {
        let file = wrapper.file_name().and_then(|name| name.to_str());
        let file = file.unwrap_or_default();
        let name = file
            .strip_prefix(spec.triple.as_str())
            .and_then(|rest| rest.strip_prefix('-'))
            .unwrap_or(file);
        if let Some(program) = spec.tools.get(name) {
            return Ok(Self::Program(program.clone()));
        }
        match name {
            "cc" | "gcc" | "clang" | "c99" | "c89" => Ok(Self::Compiler(Language::C)),
            "c++" | "g++" | "clang++" => Ok(Self::Compiler(Language::Cxx)),
            "cpp" => Ok(Self::Compiler(Language::Preprocessor)),
            "as" => Ok(Self::Compiler(Language::Assembler)),
            "ld" | "ld.lld" | "ld.bfd" | "ld.gold" => Ok(Self::Linker),
            "ar" | "gcc-ar" | "llvm-ar" => Ok(Self::Archiver("ar")),
            "ranlib" | "gcc-ranlib" | "llvm-ranlib" => Ok(Self::Archiver("ranlib")),
            "gcc-nm" => spec.tools.get("nm").cloned().map(Self::Program).ok_or(name),
            _ => Err(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::spec;
    use super::*;

    #[test]
    fn the_name_behind_the_triple_is_the_tool() {
        let mut spec = spec("linux/arm64", "musl");
        let nm = PathBuf::from("/store/nm");
        spec.tools.insert("nm".to_owned(), nm.clone());
        for (name, tool) in [
            ("cc", Some(Tool::Compiler(Language::C))),
            (
                "/a/aarch64-linux-musl-g++",
                Some(Tool::Compiler(Language::Cxx)),
            ),
            (
                "/a/aarch64-linux-musl-cpp",
                Some(Tool::Compiler(Language::Preprocessor)),
            ),
            (
                "aarch64-linux-musl-as",
                Some(Tool::Compiler(Language::Assembler)),
            ),
            ("aarch64-linux-musl-ld", Some(Tool::Linker)),
            ("aarch64-linux-musl-ranlib", Some(Tool::Archiver("ranlib"))),
            ("aarch64-linux-musl-nm", Some(Tool::Program(nm.clone()))),
            ("aarch64-linux-musl-gcc-nm", Some(Tool::Program(nm))),
            ("aarch64-linux-musl-gfortran", None),
            ("x86_64-linux-musl-cc", None),
        ] {
            assert_eq!(Tool::of(&spec, Path::new(name)).ok(), tool, "{name}");
        }
    }
}
