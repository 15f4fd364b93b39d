//! `BUILD_PATH_PREFIX_MAP`: which folders of the build machine are to be called otherwise in what is
//! compiled, so that the same sources give the same bytes in any folder.
//!
//! Comes in: the variable. Goes out: options of the compiler, in front of the user's own, which win.
//! The variable is that of reproducible-builds.org, "`BUILD_PATH_PREFIX_MAP` specification": pairs
//! `target=source` with `:` between them, of which a later one wins; `%#`, `%+` and `%.` stand for
//! `%`, `=` and `:`.
//!
//! It is a variable because a makefile that sets `CFLAGS` itself would not hear of an option. Compiler
//! caches do not see it, as they see no more than the command line and the preprocessed text. What
//! `__FILE__` becomes is part of that text. So of two objects that a cache takes for one, made with
//! different maps, only the paths in debug information and of `__builtin_FILE` differ, and builds of
//! ours give their sources the same names everywhere.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

/// The variable's name.
pub const VARIABLE: &str = "BUILD_PATH_PREFIX_MAP";

const ESCAPES: [(u8, u8); 3] = [(b'%', b'#'), (b'=', b'+'), (b':', b'.')];

/// The value of the variable that has the folders called `target`. What it was `before` wins.
pub fn value(folders: &[&Path], target: &str, before: Option<OsString>) -> OsString {
    let mut items: Vec<Vec<u8>> = Vec::new();
    for folder in folders {
        let mut item = encoded(target.as_bytes());
        item.push(b'=');
        item.extend(encoded(folder.as_os_str().as_bytes()));
        if !items.contains(&item) {
            items.push(item);
        }
    }
    items.extend(before.map(OsStringExt::into_vec));
    OsString::from_vec(items.join(&b':'))
}

/// The options that do what the variable says; `None` where it makes no sense.
pub(super) fn options(value: &OsStr) -> Option<Vec<OsString>> {
    let mut options = Vec::new();
    for item in value.as_bytes().split(|byte| *byte == b':') {
        if item.is_empty() {
            continue;
        }
        let mut sides = item.split(|byte| *byte == b'=');
        let (target, source) = (decoded(sides.next()?)?, decoded(sides.next()?)?);
        if sides.next().is_some() {
            return None;
        }
        options.extend(option(&source, &target));
    }
    Some(options)
}

/// The option that calls a folder otherwise. clang reads the first `=` as the end of the folder, so
/// for one that has such there is none.
pub fn option(source: &[u8], target: &[u8]) -> Option<OsString> {
    if source.is_empty() || source.contains(&b'=') {
        return None;
    }
    let option = [b"-ffile-prefix-map=", source, b"=", target].concat();
    Some(OsString::from_vec(option))
}

fn encoded(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for byte in bytes {
        match ESCAPES.iter().find(|(plain, _)| plain == byte) {
            Some((_, letter)) => out.extend([b'%', *letter]),
            None => out.push(*byte),
        }
    }
    out
}

fn decoded(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter();
    while let Some(byte) = rest.next() {
        out.push(match byte {
            b'%' => {
                let letter = rest.next()?;
                let escape = ESCAPES.iter().find(|(_, escape)| escape == letter);
                escape?.0
            }
            byte => *byte,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Option<Vec<String>> {
        let options = options(OsStr::new(value))?.into_iter();
        Some(
            options
                .map(|option| option.into_string().expect("text"))
                .collect(),
        )
    }

    #[test]
    fn pairs_become_options_in_their_order_and_nonsense_is_none() {
        let option = |text: &str| format!("-ffile-prefix-map={text}");
        for (value, expected) in [
            ("", Some(vec![])),
            (".=/a", Some(vec![option("/a=.")])),
            ("::.=/a b:", Some(vec![option("/a b=.")])),
            (".=/a:x=/a/b", Some(vec![option("/a=."), option("/a/b=x")])),
            ("a%+b%.%#c=/s%.t%#", Some(vec![option("/s:t%=a=b:%c")])),
            ("=/a", Some(vec![option("/a=")])),
            // Nothing that clang could be told.
            (".=/a%+b", Some(vec![])),
            (".=", Some(vec![])),
            ("/a", None),
            ("a=b=c", None),
            ("a=b%", None),
            ("a=b%x", None),
        ] {
            assert_eq!(read(value), expected, "{value}");
        }
    }

    #[test]
    fn what_is_written_is_read_and_what_was_there_before_wins() {
        let folders = [Path::new("/a:b%"), Path::new("/c"), Path::new("/c")];
        let written = value(&folders, ".", Some("x=/c".into()));
        assert_eq!(written, ".=/a%.b%#:.=/c:x=/c");
        let options = read(written.to_str().expect("text")).expect("well-formed");
        assert_eq!(
            options,
            [
                "-ffile-prefix-map=/a:b%=.",
                "-ffile-prefix-map=/c=.",
                "-ffile-prefix-map=/c=x"
            ]
        );
    }
}
