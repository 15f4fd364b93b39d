//! Response files: read as gcc reads them, written as zig and lld read them.
//!
//! Sources: GCC's manual, "Overall Options", `@file`; LLVM's `TokenizeGNUCommandLine`; zig's
//! `ArgIteratorGeneral`.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

/// Files that may be named inside of others, all together; gcc has the same bound.
const LIMIT: usize = 2000;

/// How long all arguments together may be before they are handed on in a file. Linux refuses more
/// than a quarter of the stack's limit, environment included, and zig starts programs with most of
/// them again.
const LONG: usize = 100_000;

/// Puts what `@file` holds in its place. What cannot be read stays as it is.
pub(super) fn expand(
    arguments: Vec<OsString>,
    read: &dyn Fn(&Path) -> Option<Vec<u8>>,
) -> Vec<OsString> {
    if !arguments.iter().any(|one| one.as_bytes().starts_with(b"@")) {
        return arguments;
    }
    let mut files = 0;
    let mut expanded = Vec::with_capacity(arguments.len());
    let mut rest = VecDeque::from(arguments);
    while let Some(argument) = rest.pop_front() {
        let named = argument.as_bytes().strip_prefix(b"@");
        let text = named
            .filter(|_| files < LIMIT)
            .and_then(|path| read(Path::new(OsStr::from_bytes(path))));
        let Some(text) = text else {
            expanded.push(argument);
            continue;
        };
        files += 1;
        for word in words(&text).into_iter().rev() {
            rest.push_front(word);
        }
    }
    expanded
}

/// White space separates; quotes of both kinds keep it; a backslash keeps the next character,
/// inside of quotes, too.
fn words(text: &[u8]) -> Vec<OsString> {
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut quote = None;
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => word.get_or_insert_default().extend(bytes.next()),
            _ if quote == Some(byte) => quote = None,
            _ if quote.is_some() => word.get_or_insert_default().push(byte),
            b'\'' | b'"' => {
                quote = Some(byte);
                word.get_or_insert_default();
            }
            _ if byte.is_ascii_whitespace() || byte == 0x0b => words.extend(word.take()),
            _ => word.get_or_insert_default().push(byte),
        }
    }
    words.extend(word);
    words.into_iter().map(OsString::from_vec).collect()
}

/// Arguments as lld reads them from a file.
pub(super) fn for_linker(arguments: &[OsString]) -> Vec<u8> {
    let mut text = Vec::new();
    for argument in arguments {
        text.push(b'"');
        for byte in argument.as_bytes() {
            if matches!(byte, b'"' | b'\\') {
                text.push(b'\\');
            }
            text.push(*byte);
        }
        text.extend(b"\"\n");
    }
    text
}

/// A stretch of a command line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// On the command line itself.
    Plain(OsString),
    /// The content of a response file for zig.
    File(Vec<u8>),
}

/// Parts a command line for zig, with response files where it is long. The first argument is zig's
/// own command. zig's reader of response files knows no way to write a `'`, so what has one stays
/// outside.
pub(super) fn for_zig(arguments: Vec<OsString>) -> Vec<Part> {
    let length: usize = arguments.iter().map(|one| one.len() + 1).sum();
    if length < LONG {
        return arguments.into_iter().map(Part::Plain).collect();
    }
    let mut parts = Vec::new();
    for (index, argument) in arguments.into_iter().enumerate() {
        if index == 0 || argument.as_bytes().contains(&b'\'') {
            parts.push(Part::Plain(argument));
            continue;
        }
        if !matches!(parts.last(), Some(Part::File(_))) {
            parts.push(Part::File(Vec::new()));
        }
        if let Some(Part::File(text)) = parts.last_mut() {
            quote_for_zig(argument.as_bytes(), text);
        }
    }
    parts
}

/// Backslashes are themselves, except before a `"`, where each takes two.
fn quote_for_zig(argument: &[u8], text: &mut Vec<u8>) {
    text.push(b'"');
    let mut backslashes = 0;
    for byte in argument {
        match byte {
            b'\\' => backslashes += 1,
            b'"' => {
                text.extend(std::iter::repeat_n(b'\\', backslashes + 1));
                backslashes = 0;
            }
            _ => backslashes = 0,
        }
        text.push(*byte);
    }
    text.extend(std::iter::repeat_n(b'\\', backslashes));
    text.extend(b"\"\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(words: &[OsString]) -> Vec<&str> {
        words.iter().map(|word| word.to_str().unwrap()).collect()
    }

    #[test]
    fn words_are_quoted_as_gcc_quotes_them() {
        let text = b" a 'b c'\t\"d\\\"e\" f\\ g\n'' x\"y z\"w 'q\\'r' \\\\\n";
        assert_eq!(
            strings(&words(text)),
            ["a", "b c", "d\"e", "f g", "", "xy zw", "q'r", "\\"]
        );
    }

    #[test]
    fn files_name_files_and_a_missing_one_is_an_argument() {
        let read = |path: &Path| match path.to_str() {
            Some("one") => Some(b"-a @two -b".to_vec()),
            Some("two") => Some(b"-c".to_vec()),
            Some("loop") => Some(b"@loop".to_vec()),
            _ => None,
        };
        let given = ["-x", "@one", "@none", "-y"].map(OsString::from);
        let expanded = expand(given.to_vec(), &read);
        assert_eq!(strings(&expanded), ["-x", "-a", "-c", "-b", "@none", "-y"]);
        let endless = expand(vec![OsString::from("@loop")], &read);
        assert_eq!(strings(&endless), ["@loop"]);
    }

    #[test]
    fn what_lld_reads_is_what_was_written() {
        let given = ["-Map=a b", "x\"y", "\\", ""].map(OsString::from);
        assert_eq!(words(&for_linker(&given)), given);
    }

    #[test]
    fn only_long_command_lines_are_put_into_files() {
        let short = vec![OsString::from("cc"), OsString::from("-c")];
        let plain = |text: &str| Part::Plain(OsString::from(text));
        assert_eq!(for_zig(short), [plain("cc"), plain("-c")]);
        let mut long = ["cc", "a b", "it's", "\\\"\\"].map(OsString::from).to_vec();
        long.push(OsString::from("x".repeat(LONG)));
        let parts = for_zig(long);
        assert_eq!(
            parts[..3],
            [
                plain("cc"),
                Part::File(b"\"a b\"\n".to_vec()),
                plain("it's")
            ]
        );
        let Part::File(text) = &parts[3] else {
            panic!("{parts:?}");
        };
        assert!(text.starts_with(b"\"\\\\\\\"\\\\\"\n\"xx"));
        assert_eq!(parts.len(), 4);
    }
}
