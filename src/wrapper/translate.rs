//! A command line of gcc's or clang's, as zig takes it.
//!
//! [`translate`] is a pure function but for one question, whether a path exists. What it gives is
//! one or several calls of zig, in order, without anything done yet.
//!
//! Surprises of zig 0.15's that are answered here:
//! - A glibc version in `-target` is zig's alone: where zig hands the whole command line to clang
//!   (no inputs, standard input), clang refuses it.
//! - Objects are cached by zig, and a cached compile prints no warnings; configure scripts then
//!   learn something else the second time. An option for dependencies (`-MD`) turns that off, and
//!   saves running the linker over each object, which zig otherwise does.
//! - `-O1` to `-O3` all become `-O2`, `-Og` becomes `-O0`; all of them define `NDEBUG` and make
//!   `__DATE__` an error. `-Ofast` loses `-ffast-math`.
//! - There is debug information without `-g`, and `-Os` strips.
//! - Without `-O` undefined behaviour traps.
//! - Several sources with `-c` give one object of all; `-fsyntax-only` fails for want of an object.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::Refusal;
use super::inputs::{self, Carried, Input};
use super::linker::Linker;
use super::options;
use super::processor::{Wanted, processor};
use super::spec::Spec;
use super::target;
use super::tool::Language;

/// Tells whether there is a file or folder.
pub type Exists<'a> = &'a dyn Fn(&Path) -> bool;

/// What is to be run.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Calls of zig, in order.
    pub calls: Vec<Call>,
    /// Lines for the user.
    pub warnings: Vec<String>,
}

/// One call of zig.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// Its arguments, from zig's own command on.
    pub arguments: Vec<OsString>,
    /// Arguments for lld that zig would refuse.
    pub linker: Vec<OsString>,
}

/// How far a driver goes, from the shortest way to the longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Preprocess,
    Check,
    Assembly,
    Object,
    Link,
}

/// A part of the command line that keeps its place.
#[derive(Debug)]
pub(super) enum Item {
    Argument(OsString),
    /// Only where something is linked.
    Linked(OsString),
    Input(Input),
    /// `-l:name`, to be looked for when all folders are known, and its place among the carried.
    Exact(OsString, Carried),
}

/// What was read so far.
#[derive(Debug)]
pub(super) struct Command<'a> {
    pub(super) spec: &'a Spec,
    pub(super) language: Language,
    pub(super) items: Vec<Item>,
    pub(super) linker: Linker,
    pub(super) phase: Phase,
    pub(super) output: Option<OsString>,
    /// What `-x` says, which holds until the next.
    pub(super) explicit: Option<String>,
    pub(super) folders: Vec<PathBuf>,
    pub(super) sysroot: Option<PathBuf>,
    pub(super) debug: bool,
    pub(super) level: Option<String>,
    pub(super) bitcode: bool,
    pub(super) makes_dependencies: bool,
    pub(super) dependency_file: bool,
    pub(super) dependency_target: bool,
    pub(super) freestanding: bool,
    pub(super) fixed: bool,
    pub(super) wanted: Wanted<'a>,
}

/// Reads a command line and says what to run. `arguments` has no response files any more.
pub fn translate(
    spec: &Spec,
    language: Language,
    arguments: &[OsString],
    exists: Exists<'_>,
) -> Result<Plan, Refusal> {
    let phase = match language {
        Language::Preprocessor => Phase::Preprocess,
        Language::Assembler => Phase::Object,
        Language::C | Language::Cxx => Phase::Link,
    };
    let mut command = Command {
        spec,
        language,
        items: Vec::with_capacity(arguments.len()),
        linker: Linker::new(spec.platform),
        phase,
        output: None,
        explicit: None,
        folders: Vec::new(),
        sysroot: None,
        debug: false,
        level: None,
        bitcode: false,
        makes_dependencies: false,
        dependency_file: false,
        dependency_target: false,
        freestanding: false,
        fixed: false,
        wanted: Wanted::default(),
    };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        command.argument(argument, &mut rest, exists)?;
    }
    command.linker.finish();
    command.plan(exists)
}

pub(super) type Rest<'r, 'a> = &'r mut std::slice::Iter<'a, OsString>;

impl<'a> Command<'a> {
    fn argument(
        &mut self,
        argument: &'a OsString,
        rest: Rest<'_, 'a>,
        exists: Exists<'_>,
    ) -> Result<(), Refusal> {
        let bytes = argument.as_encoded_bytes();
        if bytes.first() != Some(&b'-') || bytes == b"-" {
            self.input(argument.clone());
            return Ok(());
        }
        let Some(text) = argument.to_str() else {
            // Only paths and definitions have such bytes.
            self.push(argument.clone());
            return Ok(());
        };
        if self.language == Language::Assembler && self.assembler_option(text, rest) {
            return Ok(());
        }
        if self.phase_option(text)
            || self.code_option(text, rest)?
            || self.dependency_option(text, rest)
            || self.file_option(text, rest, exists)
            || self.link_option(text, rest, exists)?
        {
            return Ok(());
        }
        if options::SEPARATE_IGNORED.contains(&text) {
            rest.next();
        } else if let Some(renamed) = options::respelled(text) {
            self.debug |= renamed == "-g";
            self.push(renamed);
        } else if !options::is_ignored(text) {
            self.push(argument.clone());
            if options::SEPARATE.contains(&text) {
                self.items.extend(rest.next().cloned().map(Item::Argument));
            }
        }
        Ok(())
    }

    pub(super) fn push(&mut self, argument: impl Into<OsString>) {
        self.items.push(Item::Argument(argument.into()));
    }

    fn input(&mut self, path: OsString) {
        // The preprocessor's second file is its output.
        let second = self.items.iter().any(|item| matches!(item, Item::Input(_)));
        if self.language == Language::Preprocessor && second && self.output.is_none() {
            self.output = Some(path);
            return;
        }
        // zig adds its own, whatever `-nostartfiles` says.
        let is_musl = self.spec.triple.contains("-musl");
        if is_musl && self.phase == Phase::Link && inputs::is_brought_start_file(&path) {
            return;
        }
        self.add(Input::new(path, self.explicit.as_deref(), self.language));
    }

    pub(super) fn add(&mut self, mut input: Input) {
        if input.is_unknown() || (self.linker.binary && !input.is_source) {
            input.carried = Some(self.linker.place());
        }
        self.items.push(Item::Input(input));
    }

    /// How far to go, and in which language.
    fn phase_option(&mut self, text: &str) -> bool {
        let phase = match text {
            "-E" | "-M" | "-MM" => Phase::Preprocess,
            "-fsyntax-only" => Phase::Check,
            "-S" => Phase::Assembly,
            "-c" => Phase::Object,
            "-emit-llvm" => {
                self.bitcode = true;
                return true;
            }
            _ => return false,
        };
        self.phase = self.phase.min(phase);
        if matches!(text, "-M" | "-MM") {
            self.makes_dependencies = true;
            self.push(text);
        }
        true
    }

    /// What code is made: for which target and processor, how well optimised, how checked.
    fn code_option(&mut self, text: &'a str, rest: Rest<'_, 'a>) -> Result<bool, Refusal> {
        let platform = self.spec.platform;
        let value = |name: &str| text.strip_prefix(name);
        if let Some(level) = value("-O")
            .filter(|level| !level.starts_with('b'))
            .or_else(|| value("--optimize="))
        {
            self.level = Some(level.to_owned());
        } else if let Some(target) = value("--target=").or_else(|| value("-target=")) {
            target::check(self.spec, text, target)?;
        } else if text == "-target" || text == "--target" {
            let target = rest.next().and_then(|target| target.to_str());
            let target = target.unwrap_or_default();
            target::check(self.spec, &format!("{text} {target}"), target)?;
        } else if let Some(name) = value("-march=") {
            self.wanted.march = Some(name);
        } else if let Some(name) = value("-mcpu=") {
            self.wanted.mcpu = Some(name);
        } else if let Some(name) = value("-m").filter(|name| target::is_mips(platform, name)) {
            self.wanted.march = Some(name);
        } else if target::agrees(self.spec, text)? {
            // It says what is the case.
        } else if let Some(kinds) = value("-fsanitize=") {
            target::check_sanitizers(platform, kinds)?;
            self.push(text);
        } else if matches!(text, "-fno-pic" | "-fno-PIC") && self.spec.triple.contains("-gnu") {
            // zig refuses it for glibc; code for any place runs in a fixed one, too.
        } else if value("-g").is_some() && !options::is_ignored(text) {
            self.debug_option(text);
        } else {
            if text == "-ffreestanding" {
                self.freestanding = true;
            }
            return Ok(false);
        }
        Ok(true)
    }

    fn debug_option(&mut self, text: &str) {
        let about = [
            "-gz",
            "-gno-",
            "-grecord",
            "-gstrict",
            "-gcolumn",
            "-gpubnames",
            "-ggnu-pub",
        ];
        if text == "-g0" {
            self.debug = false;
            return;
        }
        if !about.iter().any(|prefix| text.starts_with(prefix)) {
            self.debug = true;
        }
        let renamed = options::respelled(text);
        self.push(renamed.unwrap_or_else(|| text.to_owned()));
    }

    /// Dependencies for make.
    fn dependency_option(&mut self, text: &'a str, rest: Rest<'_, 'a>) -> bool {
        match text {
            "-MD" | "-MMD" => self.makes_dependencies = true,
            "-MF" | "-MT" | "-MQ" => {
                self.push(text);
                let Some(value) = rest.next() else {
                    return true;
                };
                self.dependency_file |= text == "-MF";
                self.dependency_target |= text != "-MF";
                self.push(value.clone());
                return true;
            }
            _ if text.starts_with("-MF") => self.dependency_file = true,
            _ if text.starts_with("-MT") || text.starts_with("-MQ") => {
                self.dependency_target = true;
            }
            _ => return false,
        }
        self.push(text);
        true
    }

    /// Options that are about files: the output, languages, folders, the preprocessor's own options.
    fn file_option(&mut self, text: &'a str, rest: Rest<'_, 'a>, exists: Exists<'_>) -> bool {
        let mut value = |name: &str| joined_or_next(text, name, rest);
        if let Some(path) = value("-o") {
            self.output = Some(path);
        } else if let Some(language) = value("-x") {
            let language = language.to_string_lossy().into_owned();
            self.explicit = inputs::language(&language);
        } else if let Some(path) = text.strip_prefix("--sysroot=") {
            self.sysroot = inputs::sysroot(OsStr::new(path), exists);
        } else if let Some(path) = value("--sysroot").or_else(|| value("-isysroot")) {
            self.sysroot = inputs::sysroot(&path, exists);
        } else if let Some(path) = value("-isystem") {
            self.include("-isystem", &path);
        } else if let Some(path) = value("-I") {
            self.include("-I", &path);
        } else if let Some(words) = text.strip_prefix("-Wp,") {
            self.preprocessor_words(words.split(','));
        } else if let Some(word) = value("-Xpreprocessor") {
            self.push(word);
        } else {
            return false;
        }
        true
    }

    /// The build machine's own headers are never the target's, and before the compiler's own they
    /// hide the right ones. gcc leaves them out, too: there they are among its folders already.
    fn include(&mut self, option: &str, path: &OsStr) {
        if path == "/usr/include" || path == "/usr/include/" {
            return;
        }
        let path = self.below_sysroot(path);
        self.push(option);
        self.push(path);
    }

    /// `=dir` is below the sysroot.
    pub(super) fn below_sysroot(&self, path: &OsStr) -> OsString {
        let text = path.to_str().and_then(|text| text.strip_prefix('='));
        match (text, &self.sysroot) {
            (Some(text), Some(sysroot)) => {
                let mut joined = sysroot.clone().into_os_string();
                joined.push(text);
                joined
            }
            (Some(text), None) => text.into(),
            (None, _) => path.to_owned(),
        }
    }

    /// What `-Wp,` hands to the preprocessor, whose `-MD` has a file behind it.
    fn preprocessor_words<'w>(&mut self, mut words: impl Iterator<Item = &'w str>) {
        while let Some(word) = words.next() {
            let file = match word {
                "-MD" | "-MMD" => {
                    self.makes_dependencies = true;
                    self.push(word);
                    words.next()
                }
                _ => None,
            };
            match file {
                Some(file) => {
                    self.dependency_file = true;
                    self.push("-MF");
                    self.push(file);
                }
                None if matches!(word, "-MD" | "-MMD") => {}
                None => {
                    self.dependency_target |= matches!(word, "-MT" | "-MQ");
                    self.push(word);
                }
            }
        }
    }

    /// `as` has options of its own; the rest is the compiler's.
    fn assembler_option(&mut self, text: &str, rest: Rest<'_, 'a>) -> bool {
        match text {
            "--64" | "--32" | "-k" | "-Qy" | "-Qn" | "-V" | "-J" | "-L" | "--noexecstack"
            | "-W" => {}
            "--fatal-warnings" => self.push(format!("-Wa,{text}")),
            "--gen-debug" | "--gdwarf-2" | "--gdwarf-3" | "--gdwarf-4" | "--gdwarf-5" | "-g" => {
                self.debug = true;
                self.push("-g");
            }
            "--defsym" => {
                let value = rest.next().cloned().unwrap_or_default();
                let mut option = OsString::from("-Wa,--defsym,");
                option.push(value);
                self.push(option);
            }
            _ => return false,
        }
        true
    }

    /// The processor, and a warning where the user asked for the build machine's.
    pub(super) fn processor(&self, warnings: &mut Vec<String>) -> Option<String> {
        let (processor, native) = processor(self.spec, &self.wanted);
        if native {
            let platform = self.spec.platform;
            warnings.push(format!(
                "`native` is this machine's processor and says nothing about {platform}; its own \
                 level is used"
            ));
        }
        processor
    }
}

/// The value of an option that may be joined to it or follow it.
pub(super) fn joined_or_next(text: &str, name: &str, rest: Rest<'_, '_>) -> Option<OsString> {
    let joined = text.strip_prefix(name)?;
    if joined.is_empty() {
        return rest.next().cloned();
    }
    // `-isystemdir` is one option, `-iframework` another; no `-o` or `-x` is part of a longer name.
    Some(joined.into())
}

#[cfg(test)]
mod tests;
