//! Options for the linker: `-Wl,` and `-Xlinker`.
//!
//! zig reads them itself, puts its own command line for lld together and refuses most of what lld
//! knows. What zig has to know goes through it (libraries and in which way they are searched for,
//! the kind of output); what GNU ld has and lld has not, and that changes nothing in the output, is
//! left out; everything else is *carried*: it goes to lld in a response file, past zig (see
//! [`super::run`]). So lld, not zig, says which options there are.
//!
//! Sources: GNU ld's manual, "Command-line Options"; `ld.lld --help` of LLVM 20.

use std::ffi::{OsStr, OsString};

use super::Refusal;
use super::inputs::Carried;
use crate::target::Platform;

mod table;
#[cfg(test)]
mod tests;

use table::{KEYWORDS, KEYWORDS_OF, KEYWORDS_WITH_VALUES, Kind, State, kind, takes_value};

/// What becomes of one word for the linker.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing, for now.
    None,
    /// An argument for zig.
    Argument(OsString),
    /// Arguments for zig.
    Arguments(Vec<OsString>),
    /// An input file.
    Input(OsString),
    /// `-l`.
    Library(OsString),
    /// `-L`.
    Folder(OsString),
}

/// The linker's options of one command line.
#[derive(Debug)]
pub(super) struct Linker {
    platform: Platform,
    /// What goes to lld past zig.
    pub(super) carried: Vec<OsString>,
    /// `--version`: nothing is linked.
    pub(super) version: bool,
    /// Whether the first instruction was named.
    entry: bool,
    pending: Option<(OsString, Kind)>,
    state: State,
    saved: Vec<State>,
    /// Whether inputs are data, as `--format=binary` says.
    pub(super) binary: bool,
}

impl Linker {
    pub(super) fn new(platform: Platform) -> Self {
        Self {
            platform,
            carried: Vec::new(),
            version: false,
            entry: false,
            pending: None,
            state: State::default(),
            saved: Vec::new(),
            binary: false,
        }
    }

    /// Takes the next word. An option and its value may come in different arguments of the driver.
    pub(super) fn word(&mut self, word: &OsStr) -> Result<Effect, Refusal> {
        if let Some((option, kind)) = self.pending.take() {
            if matches!(kind, Kind::CarriedValue) {
                self.carried.extend([option, word.to_owned()]);
                return Ok(Effect::None);
            }
            return self.option(kind, None, Some(word));
        }
        let text = word.to_str().unwrap_or_default();
        if !text.starts_with('-') || text == "-" {
            return Ok(Effect::Input(word.to_owned()));
        }
        match kind(text) {
            // zig parses this one itself, with and without a value.
            _ if text.starts_with("--build-id") || text.starts_with("-build-id") => {
                let value = text.trim_start_matches('-');
                Ok(Effect::Argument(format!("-Wl,--{value}").into()))
            }
            Some((kind, value)) => {
                if value.is_none() && takes_value(kind) {
                    self.pending = Some((word.to_owned(), kind));
                    return Ok(Effect::None);
                }
                self.option(kind, Some(text), value.map(OsStr::new))
            }
            None => {
                self.carried.push(word.to_owned());
                Ok(Effect::None)
            }
        }
    }

    /// The place of an input that goes to lld with the carried options.
    pub(super) fn place(&self) -> Carried {
        Carried {
            at: self.carried.len(),
            whole: self.state.whole,
        }
    }

    /// Whether a script may say what the first instruction is. Inputs of unknown kind may be one.
    pub(super) fn leaves_entry(&self, has_unknown: bool) -> bool {
        !self.entry && (has_unknown || self.has_script())
    }

    /// Whether a linker script says where sections go.
    pub(super) fn has_script(&self) -> bool {
        let is_script = |word: &OsString| {
            let text = word.to_str().unwrap_or_default();
            let long = text.trim_start_matches('-');
            let place = ["-Ttext", "-Tdata", "-Tbss", "-Trodata", "-Tldata"];
            let short = text.starts_with("-T") && !place.iter().any(|one| text.starts_with(one));
            short || long.starts_with("script") || long.starts_with("default-script")
        };
        self.carried.iter().any(is_script)
    }

    /// At the end of the command line: an option that still lacks its value is lld's to refuse.
    pub(super) fn finish(&mut self) {
        if let Some((word, _)) = self.pending.take() {
            self.carried.push(word);
        }
    }

    fn option(
        &mut self,
        kind: Kind,
        word: Option<&str>,
        value: Option<&OsStr>,
    ) -> Result<Effect, Refusal> {
        let text = value.unwrap_or_default();
        Ok(match kind {
            Kind::Native(name) => Effect::Argument(format!("-Wl,{name}").into()),
            Kind::NativeValue(name) => {
                self.entry |= name == "-e";
                Effect::Arguments(native(name, text))
            }
            Kind::Driver(option) => Effect::Argument(option.into()),
            Kind::Library => Effect::Library(text.to_owned()),
            Kind::Folder => Effect::Folder(text.to_owned()),
            Kind::Keyword => self.keyword(text),
            Kind::Emulation => {
                let text = text.to_string_lossy();
                if !emulations(self.platform).contains(&text.as_ref()) {
                    return Err(Refusal::disagrees(&format!("-Wl,-m,{text}"), self.platform));
                }
                Effect::None
            }
            Kind::VersionScript => {
                // GNU ld takes a script that names symbols there are not; lld does only when told.
                let mut arguments = vec![OsString::from("-Wl,--undefined-version")];
                arguments.extend(native("--version-script", text));
                Effect::Arguments(arguments)
            }
            Kind::Format => {
                self.binary = text == "binary";
                let mut option = OsString::from("--format=");
                option.push(text);
                self.carried.push(option);
                Effect::None
            }
            Kind::State(change) => {
                let mut next = self.state;
                change(&mut next);
                self.change(next)
            }
            Kind::Push => {
                self.saved.push(self.state);
                Effect::None
            }
            Kind::Pop => match self.saved.pop() {
                Some(state) => self.change(state),
                None => return Err(Refusal::option("-Wl,--pop-state")),
            },
            Kind::Version => {
                self.version = true;
                Effect::None
            }
            Kind::Ignored | Kind::IgnoredValue => Effect::None,
            Kind::Refused => {
                return Err(Refusal::option(&format!(
                    "-Wl,{}",
                    word.unwrap_or_default()
                )));
            }
            Kind::CarriedValue => {
                self.carried.extend(word.map(OsString::from));
                Effect::None
            }
        })
    }

    /// zig knows the single changes; saving and restoring all of them is ours.
    fn change(&mut self, next: State) -> Effect {
        let before = std::mem::replace(&mut self.state, next);
        let mut arguments = Vec::new();
        let mut flag = |changed: bool, on: bool, names: [&str; 2]| {
            if changed {
                arguments.push(OsString::from(format!("-Wl,{}", names[usize::from(on)])));
            }
        };
        flag(
            before.needed != next.needed,
            next.needed,
            ["--as-needed", "--no-as-needed"],
        );
        flag(
            before.whole != next.whole,
            next.whole,
            ["--no-whole-archive", "--whole-archive"],
        );
        flag(
            before.fixed != next.fixed,
            next.fixed,
            ["-Bdynamic", "-Bstatic"],
        );
        Effect::Arguments(arguments)
    }

    fn keyword(&mut self, keyword: &OsStr) -> Effect {
        let text = keyword.to_string_lossy();
        let name = text.split_once('=').map_or(&*text, |(name, _)| name);
        let here = self.platform.architecture().name;
        let is_others = |(architectures, names): &(&[&str], &[&str])| {
            names.contains(&name) && !architectures.contains(&here)
        };
        if KEYWORDS_OF.iter().any(is_others) {
            return Effect::None;
        }
        let known = KEYWORDS.contains(&text.as_ref())
            || KEYWORDS_WITH_VALUES
                .iter()
                .any(|name| text.starts_with(name));
        if known {
            return Effect::Argument(format!("-Wl,-z,{text}").into());
        }
        self.carried.push("-z".into());
        self.carried.push(keyword.to_owned());
        Effect::None
    }
}

/// An option with a value for zig, which takes what is behind `-Wl,` apart at every comma.
fn native(name: &str, value: &OsStr) -> Vec<OsString> {
    if value.as_encoded_bytes().contains(&b',') {
        let words = ["-Xlinker".into(), name.into(), "-Xlinker".into()];
        return words.into_iter().chain([value.to_owned()]).collect();
    }
    let mut argument = OsString::from(format!("-Wl,{name},"));
    argument.push(value);
    vec![argument]
}

/// The names of a platform's emulation, the one that lld has first.
fn emulations(platform: Platform) -> &'static [&'static str] {
    match platform.architecture().name {
        "amd64" => &["elf_x86_64"],
        "386" => &["elf_i386"],
        "arm64" => &["aarch64linux", "aarch64elf"],
        "arm" => &["armelf_linux_eabi", "armelf"],
        "riscv64" => &["elf64lriscv"],
        "ppc64le" => &["elf64lppc"],
        "s390x" => &["elf64_s390"],
        "mips64le" => &["elf64ltsmip", "elf64ltsmip_fbsd"],
        "mips64" => &["elf64btsmip", "elf64btsmip_fbsd"],
        "loong64" => &["elf64loongarch"],
        _ => &[],
    }
}

/// The arguments of lld called as the linker, which takes most of what GNU ld takes itself.
pub(super) fn direct(platform: Platform, arguments: Vec<OsString>) -> Vec<OsString> {
    let mut translated = vec!["ld.lld".into()];
    // Without an object among its inputs lld does not know what it links for.
    if let Some(emulation) = emulations(platform).first() {
        translated.extend(["-m".into(), OsString::from(emulation)]);
    }
    translated.push("--undefined-version".into());
    let mut rest = arguments.into_iter();
    while let Some(argument) = rest.next() {
        let known = argument.to_str().and_then(kind);
        match known {
            Some((Kind::Ignored, _)) if !is_group(&argument) => {}
            Some((Kind::IgnoredValue, None)) => drop(rest.next()),
            Some((Kind::IgnoredValue, Some(_))) => {}
            _ => translated.push(argument),
        }
    }
    translated
}

/// lld counts groups, although they mean nothing to it.
fn is_group(argument: &OsStr) -> bool {
    let text = argument.to_str().unwrap_or_default();
    matches!(
        text.trim_start_matches('-'),
        "(" | ")" | "start-group" | "end-group"
    )
}
