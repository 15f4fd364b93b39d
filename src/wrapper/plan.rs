//! From a command line that was read to calls of zig.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::Refusal;
use super::inputs::{Carried, Input};
use super::spec::Spec;
use super::tool::Language;
use super::translate::{Call, Command, Exists, Item, Phase, Plan};

impl Command<'_> {
    /// The calls that do what the command line says.
    pub(super) fn plan(mut self, exists: Exists<'_>) -> Result<Plan, Refusal> {
        if self.linker.version {
            // zig would give its own version, from which build systems conclude what it can do.
            let arguments = ["ld.lld", "--version"].map(OsString::from).to_vec();
            return Ok(Plan {
                calls: vec![call(arguments)],
                warnings: Vec::new(),
            });
        }
        let inputs = self.inputs();
        let is_gnu = self.spec.triple.contains("-gnu");
        if self.phase == Phase::Link && self.fixed && is_gnu && !self.freestanding {
            return Err(Refusal::Static {
                platform: self.spec.platform,
                target: self.spec.target.clone(),
            });
        }
        let mut warnings = Vec::new();
        let processor = self.processor(&mut warnings);
        let front = self.front(processor.as_deref(), !inputs.is_empty());
        let sources = inputs.iter().filter(|input| input.is_source).count();
        if self.phase == Phase::Link || sources < 2 {
            let call = self.call(&front, &inputs, None, exists);
            return Ok(Plan {
                calls: vec![call],
                warnings,
            });
        }
        // zig would make one object of them all.
        if self.output.is_some() && self.phase != Phase::Check {
            return Err(Refusal::Output { sources });
        }
        self.output = None;
        let each = inputs.iter().filter(|input| input.is_source);
        let calls = each.map(|input| self.call(&front, &inputs, Some(input), exists));
        Ok(Plan {
            calls: calls.collect(),
            warnings,
        })
    }

    /// The inputs. Standard input is the preprocessor's where nothing else is.
    fn inputs(&mut self) -> Vec<Input> {
        let inputs: Vec<Input> = self
            .items
            .iter()
            .filter_map(|item| match item {
                Item::Input(input) => Some(input.clone()),
                _ => None,
            })
            .collect();
        let reads = matches!(self.language, Language::Preprocessor | Language::Assembler);
        let asks = |item: &Item| {
            matches!(item, Item::Argument(text)
                if matches!(text.to_str(), Some("--version" | "--help" | "-v" | "-###")))
        };
        if !inputs.is_empty() || !reads || self.items.iter().any(asks) {
            return inputs;
        }
        let input = Input::new("-".into(), self.explicit.as_deref(), self.language);
        self.items.push(Item::Input(input.clone()));
        vec![input]
    }

    /// What goes before the user's arguments, so that theirs win.
    fn front(&self, processor: Option<&str>, has_inputs: bool) -> Vec<OsString> {
        let program = match self.language {
            Language::Cxx => "c++",
            Language::C | Language::Preprocessor | Language::Assembler => "cc",
        };
        let target = if has_inputs {
            self.spec.target.as_str()
        } else {
            without_version(self.spec)
        };
        let mut front = vec![program.into(), "-target".into(), target.into()];
        if let Some(processor) = processor {
            front.push(format!("-mcpu={processor}").into());
        }
        if !has_inputs {
            return front;
        }
        let flags = [
            "-fno-sanitize=undefined",
            // gcc says nothing of options that have nothing to do, and configure scripts that look
            // for any message take one for a refusal.
            "-Qunused-arguments",
            "-Wno-ignored-optimization-argument",
            "-Wno-date-time",
        ];
        front.extend(flags.map(OsString::from));
        if self.spec.platform.architecture().name.starts_with("mips") {
            // zig asks for fixed code where the ABI has none, and clang says so each time.
            front.push("-Wno-option-ignored".into());
        }
        if optimises(self.level.as_deref()) {
            front.push("-UNDEBUG".into());
        }
        // zig does so where it optimises, but objects are most often linked without an `-O`.
        let other = ["-shared", "-r", "-nostdlib", "-nostartfiles"];
        if self.phase == Phase::Link && !self.linker.has_script() && !self.says(&other) {
            front.push("-Wl,--gc-sections".into());
        }
        // zig compiles position-independent code for glibc anyway.
        if self.spec.pie && self.phase == Phase::Link && !self.is_placed() {
            front.push("-pie".into());
        }
        front
    }

    /// Whether the user says where what is linked lies: it is no program, or one at a fixed place.
    fn is_placed(&self) -> bool {
        self.fixed || self.says(&["-shared", "-r", "-no-pie", "-nopie", "-pie", "-static"])
    }

    /// Whether one of these is among the user's options.
    fn says(&self, words: &[&str]) -> bool {
        self.items.iter().any(|item| {
            matches!(item, Item::Argument(text) | Item::Linked(text)
                if words.iter().any(|word| text == word))
        })
    }

    /// One call: with all inputs, or with one source alone.
    fn call(
        &self,
        front: &[OsString],
        inputs: &[Input],
        alone: Option<&Input>,
        exists: Exists<'_>,
    ) -> Call {
        let mut arguments = front.to_vec();
        let links = self.phase == Phase::Link;
        let chosen = |input: &Input| match alone {
            Some(one) => input == one,
            None => links || input.is_source,
        };
        let none_is_source = !inputs.iter().any(|input| input.is_source);
        let mut carried = Vec::new();
        for item in &self.items {
            match item {
                Item::Input(Input {
                    path,
                    carried: Some(place),
                    ..
                }) if links => {
                    carried.push((*place, path.clone()));
                }
                Item::Input(input) => {
                    if chosen(input) || none_is_source {
                        self.add_input(&mut arguments, input);
                    }
                }
                Item::Linked(_) | Item::Exact(..) if !links => {}
                Item::Argument(argument) | Item::Linked(argument) => {
                    arguments.push(argument.clone());
                }
                Item::Exact(name, place) => match self.exact(name, exists) {
                    found if Input::linked(found.clone()).is_unknown() => {
                        carried.push((*place, found));
                    }
                    found => arguments.push(found),
                },
            }
        }
        if links && self.linker.leaves_entry(!carried.is_empty()) {
            // zig names `_start`, and lld takes that over the script's own `ENTRY`.
            arguments.push("-Wl,-e,".into());
        }
        if links && !carried.is_empty() {
            self.add_stand_ins(&mut arguments, inputs, &carried);
        }
        let source = alone.or_else(|| inputs.iter().find(|input| input.is_source));
        self.add_phase(&mut arguments, source);
        if let Some(source) = source {
            self.add_dependencies(&mut arguments, source);
            arguments.extend(level(self.level.as_deref()).into_iter().map(OsString::from));
        }
        if source.is_some() && self.spec.triple.contains("-musl") {
            arguments.extend(self.forgiven().map(OsString::from));
        }
        if !inputs.is_empty() {
            if !self.debug {
                // zig has debug information unless told otherwise. After the user's `-g` this would
                // win, so it is only there where there is none.
                arguments.push("-g0".into());
            }
            arguments.extend(self.spec.arguments.iter().map(OsString::from));
            self.add_sysroot(&mut arguments, exists);
            if links {
                arguments.extend(self.spec.link.iter().map(OsString::from));
            }
        }
        let linker = if links && !inputs.is_empty() {
            self.carried(carried)
        } else {
            Vec::new()
        };
        Call { arguments, linker }
    }

    /// gcc says nothing of what macros of the C library expand to, clang does. So where warnings
    /// are errors, those that musl's own macros give (`isnan`, `CMSG_NXTHDR`) stay warnings.
    fn forgiven(&self) -> impl Iterator<Item = &'static str> {
        let are_errors = self.items.iter().any(|item| {
            matches!(item, Item::Argument(text)
                if text == "-Werror" || text == "-pedantic-errors")
        });
        ["-Wno-error=long-long", "-Wno-error=sign-compare"]
            .into_iter()
            .filter(move |_| are_errors)
    }

    /// What zig has to know of inputs that it does not see.
    fn add_stand_ins(
        &self,
        arguments: &mut Vec<OsString>,
        inputs: &[Input],
        carried: &[(Carried, OsString)],
    ) {
        let is_shared = |path: &OsString| Input::linked(path.clone()).is_shared();
        if !self.fixed && carried.iter().any(|(_, path)| is_shared(path)) {
            // It would link a static program that nothing loads the library for.
            arguments.push("-dynamic".into());
        }
        if inputs.iter().all(|input| input.carried.is_some()) {
            // It links nothing without an input.
            arguments.extend(["-x", "c", "/dev/null", "-x", "none"].map(OsString::from));
        }
    }

    /// What goes to lld past zig: options that zig refuses, and inputs that it does not know.
    fn carried(&self, inputs: Vec<(Carried, OsString)>) -> Vec<OsString> {
        let mut words = Vec::new();
        let mut options = self.linker.carried.iter().cloned();
        let mut taken = 0;
        for (place, path) in inputs {
            words.extend(options.by_ref().take(place.at - taken));
            taken = place.at;
            if place.whole {
                words.push("--whole-archive".into());
            }
            words.push(path);
            if place.whole {
                words.push("--no-whole-archive".into());
            }
        }
        words.extend(options);
        words
    }

    fn add_input(&self, arguments: &mut Vec<OsString>, input: &Input) {
        // A header's language matters where it is compiled by itself; preprocessed it is a source.
        let language = match input.language.as_deref() {
            Some("c-header") if self.phase < Phase::Link => Some("c"),
            Some("c++-header") if self.phase < Phase::Link => Some("c++"),
            other => other,
        };
        if let Some(language) = language {
            arguments.extend(["-x".into(), OsString::from(language)]);
        }
        arguments.push(input.path.clone());
        // zig looks at the last language to see that it is to precompile.
        if language.is_some_and(|language| !language.ends_with("-header")) {
            arguments.extend(["-x", "none"].map(OsString::from));
        }
    }

    /// How far to go, and the output. `-S` with dependencies loses zig's output, so clang's own
    /// front end is told.
    fn add_phase(&self, arguments: &mut Vec<OsString>, source: Option<&Input>) {
        let words: &[&str] = match (self.phase, self.bitcode) {
            (Phase::Preprocess, _) if self.only_dependencies() => &[],
            (Phase::Preprocess, _) => &["-E"],
            (Phase::Check, _) => &["-c", "-Xclang", "-fsyntax-only"],
            (Phase::Assembly, false) => &["-c", "-Xclang", "-S"],
            (Phase::Assembly, true) => &["-c", "-Xclang", "-emit-llvm"],
            (Phase::Object, false) => &["-c"],
            (Phase::Object, true) => &["-c", "-Xclang", "-emit-llvm-bc"],
            (Phase::Link, _) => &[],
        };
        arguments.extend(words.iter().map(OsString::from));
        if let Some(output) = self.output_of(source) {
            arguments.push("-o".into());
            arguments.push(output);
        }
    }

    fn output_of(&self, source: Option<&Input>) -> Option<OsString> {
        if self.phase == Phase::Check {
            return Some("/dev/null".into());
        }
        if let Some(output) = &self.output {
            return Some(output.clone());
        }
        let source = source?;
        match (self.phase, self.bitcode) {
            (Phase::Assembly, bitcode) => Some(source.named(if bitcode { "ll" } else { "s" })),
            (Phase::Object, _) if self.language == Language::Assembler => Some("a.out".into()),
            (Phase::Object, bitcode) => Some(source.named(if bitcode { "bc" } else { "o" })),
            (Phase::Link, _) if source.is_header() => {
                let mut output = source.path.clone();
                output.push(".gch");
                Some(output)
            }
            _ => None,
        }
    }

    fn only_dependencies(&self) -> bool {
        let asks =
            |item: &Item| matches!(item, Item::Argument(text) if text == "-M" || text == "-MM");
        self.items.iter().any(asks)
    }

    /// Dependencies where gcc writes them; where nobody wants them, nowhere, because asking for
    /// them is what turns zig's cache off.
    fn add_dependencies(&self, arguments: &mut Vec<OsString>, source: &Input) {
        if self.phase == Phase::Preprocess || (self.phase == Phase::Link && source.is_header()) {
            return;
        }
        if !self.makes_dependencies || self.phase == Phase::Check {
            arguments.extend(["-MD", "-MF", "/dev/null"].map(OsString::from));
            return;
        }
        let links = self.phase == Phase::Link;
        if !self.dependency_file {
            let file = match &self.output {
                Some(output) => Path::new(output).with_extension("d").into_os_string(),
                None => source.named("d"),
            };
            arguments.extend(["-MF".into(), file]);
        }
        if let Some(output) = self
            .output
            .as_ref()
            .filter(|_| links && !self.dependency_target)
        {
            arguments.extend(["-MQ".into(), output.clone()]);
        }
    }

    /// `-l:name`, which zig hands to lld without its folders.
    fn exact(&self, name: &OsStr, exists: Exists<'_>) -> OsString {
        let file = name.to_str().and_then(|name| name.strip_prefix(':'));
        let own = self.spec.arguments.iter();
        let own = own
            .filter_map(|argument| argument.strip_prefix("-L"))
            .map(PathBuf::from);
        let folders = self.folders.iter().cloned().chain(own);
        let folders = folders.chain(self.sysroot_folders());
        let mut paths = folders.map(|folder| folder.join(file.unwrap_or_default()));
        if let Some(path) = paths.find(|path| exists(path)) {
            return path.into_os_string();
        }
        let mut option = OsString::from("-l");
        option.push(name);
        option
    }

    /// Where a user's sysroot has libraries.
    fn sysroot_folders(&self) -> Vec<PathBuf> {
        let Some(sysroot) = &self.sysroot else {
            return Vec::new();
        };
        let tuple = multiarch(self.spec);
        ["usr/lib", "lib"]
            .iter()
            .flat_map(|folder| [sysroot.join(folder).join(&tuple), sysroot.join(folder)])
            .collect()
    }

    /// zig's own `--sysroot` puts it before every `-L` again, and its headers before zig's. So its
    /// folders are named one by one, behind all others; the C library is still zig's.
    fn add_sysroot(&self, arguments: &mut Vec<OsString>, exists: Exists<'_>) {
        let Some(sysroot) = &self.sysroot else {
            return;
        };
        let include = sysroot.join("usr/include");
        for folder in [include.join(multiarch(self.spec)), include] {
            if exists(&folder) {
                arguments.push("-idirafter".into());
                arguments.push(folder.into_os_string());
            }
        }
        let links = self.phase == Phase::Link;
        for folder in self.sysroot_folders() {
            if links && exists(&folder) {
                let mut option = OsString::from("-L");
                option.push(folder);
                arguments.push(option);
            }
        }
    }
}

fn call(arguments: Vec<OsString>) -> Call {
    Call {
        arguments,
        linker: Vec::new(),
    }
}

/// Debian's name of the folder of a target's libraries.
pub(super) fn multiarch(spec: &Spec) -> String {
    spec.triple.replacen("i686-", "i386-", 1)
}

/// The target without the version of its C library, which only zig itself takes.
pub(super) fn without_version(spec: &Spec) -> &str {
    let target = spec.target.as_str();
    target.split_once('.').map_or(target, |(target, _)| target)
}

fn optimises(level: Option<&str>) -> bool {
    !matches!(level, None | Some("0"))
}

/// A level for zig, and for clang behind it where zig's is not the one that was asked for.
fn level(level: Option<&str>) -> Vec<&'static str> {
    match level {
        None | Some("0") => Vec::new(),
        Some("" | "1" | "g") => vec!["-O1", "-Xclang", "-O1"],
        Some("2") => vec!["-O2"],
        Some("s") => vec!["-Os"],
        Some("z") => vec!["-Os", "-Xclang", "-Oz"],
        Some("fast") => vec!["-O3", "-ffast-math", "-Xclang", "-O3"],
        Some(_) => vec!["-O3", "-Xclang", "-O3"],
    }
}
