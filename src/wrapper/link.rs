//! What a command line says about linking: libraries, folders, options for the linker.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use super::Refusal;
use super::inputs::Input;
use super::linker::Effect;
use super::translate::{Command, Exists, Item, Rest, joined_or_next};

impl<'a> Command<'a> {
    /// What is linked and how.
    pub(super) fn link_option(
        &mut self,
        text: &'a str,
        rest: Rest<'_, 'a>,
        exists: Exists<'_>,
    ) -> Result<bool, Refusal> {
        if let Some(words) = text.strip_prefix("-Wl,") {
            for word in words.split(',') {
                self.linker_word(OsStr::new(word), exists)?;
            }
            return Ok(true);
        }
        // Options that gcc's driver hands on to the linker.
        let single = matches!(text, "-s" | "-r" | "-N" | "-n" | "-t");
        let valued = ["-T", "-e", "-u", "-z", "-h", "-R", "-rpath", "-soname"].contains(&text)
            || text.starts_with("-T")
            || (text.starts_with("-z") && text.len() > 2);
        if text == "-Xlinker" {
            if let Some(word) = rest.next() {
                self.linker_word(word, exists)?;
            }
        } else if single {
            self.linker_word(OsStr::new(text), exists)?;
        } else if let Some(symbol) = text.strip_prefix("--entry=") {
            self.linker_word(OsStr::new("-e"), exists)?;
            self.linker_word(OsStr::new(symbol), exists)?;
        } else if valued {
            self.linker_word(OsStr::new(text), exists)?;
            let separate = text.len() == 2 || matches!(text, "-rpath" | "-soname");
            if separate && let Some(value) = rest.next() {
                self.linker_word(value, exists)?;
            }
        } else if let Some(name) = text.strip_prefix("-L") {
            let path = joined_or_next(text, "-L", rest).unwrap_or_else(|| name.into());
            self.folder(&path, exists);
        } else if text.starts_with("-l") {
            if let Some(name) = joined_or_next(text, "-l", rest) {
                self.library(name);
            }
        } else {
            match text {
                "-static" => self.fixed = true,
                "-static-pie" => {
                    // zig takes the option and links at a fixed place; the two together work.
                    self.fixed = true;
                    let words = ["-static", "-pie"].map(|word| Item::Linked(word.into()));
                    self.items.extend(words);
                    return Ok(true);
                }
                "-nostdlib" | "-nodefaultlibs" | "-nolibc" => self.freestanding = true,
                _ => {}
            }
            return Ok(false);
        }
        Ok(true)
    }

    fn linker_word(&mut self, word: &OsStr, exists: Exists<'_>) -> Result<(), Refusal> {
        match self.linker.word(word)? {
            Effect::None => {}
            Effect::Argument(argument) => {
                self.items.push(Item::Linked(argument));
            }
            Effect::Arguments(arguments) => {
                self.items.extend(arguments.into_iter().map(Item::Linked));
            }
            Effect::Input(path) => self.add(Input::linked(path)),
            Effect::Library(name) => self.library(name),
            Effect::Folder(path) => self.folder(&path, exists),
        }
        Ok(())
    }

    /// zig prints a warning for a folder that there is not, gcc says nothing. The build machine's
    /// own folders have libraries for another target, which lld refuses where GNU ld looks on.
    fn folder(&mut self, path: &OsStr, exists: Exists<'_>) {
        let own = ["/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/local/lib"];
        let text = path.to_str().unwrap_or_default();
        if path.is_empty() || own.contains(&text.trim_end_matches('/')) {
            return;
        }
        let path = PathBuf::from(self.below_sysroot(path));
        if exists(&path) {
            let mut option = OsString::from("-L");
            option.push(&path);
            self.items.push(Item::Linked(option));
            self.folders.push(path);
        }
    }

    fn library(&mut self, name: OsString) {
        let text = name.to_str().unwrap_or_default();
        if text.starts_with(':') {
            self.items.push(Item::Exact(name, self.linker.place()));
            return;
        }
        // Parts of libraries that are whole here: libc's stack protector, libc++'s file system.
        if matches!(
            text,
            "ssp_nonshared" | "stdc++fs" | "supc++" | "c++fs" | "stdc++exp"
        ) {
            return;
        }
        let mut option = OsString::from("-l");
        option.push(&name);
        self.items.push(Item::Linked(option));
    }
}
