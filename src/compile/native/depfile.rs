//! Reads what a compiler writes about a source's headers (`-MD`): one rule of a Makefile.
//!
//! Form: the GCC manual, "Preprocessor Options", `-M`; names are escaped as GNU make reads them.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// The files behind the first colon.
pub(super) fn read(bytes: &[u8]) -> Vec<PathBuf> {
    let mut words: Vec<Vec<u8>> = Vec::new();
    let mut word = Vec::new();
    let mut rest = bytes.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        match (byte, rest.peek().copied()) {
            (b'\\', Some(next @ (b' ' | b'#' | b'\\'))) => {
                word.push(next);
                rest.next();
            }
            // A continued line is like a space.
            (b'\\', Some(b'\n')) => {
                rest.next();
                words.extend(take(&mut word));
            }
            (b'\\', Some(b'\r')) => {}
            (b'$', Some(b'$')) => {
                word.push(b'$');
                rest.next();
            }
            (b' ' | b'\t' | b'\r', _) => words.extend(take(&mut word)),
            // Further rules are for headers without sources (`-MP`).
            (b'\n', _) => break,
            _ => word.push(byte),
        }
    }
    words.extend(take(&mut word));
    let files = words
        .into_iter()
        .skip_while(|word| !word.ends_with(b":"))
        .skip(1);
    files
        .map(|word| PathBuf::from(OsString::from_vec(word)))
        .collect()
}

fn take(word: &mut Vec<u8>) -> Option<Vec<u8>> {
    (!word.is_empty()).then(|| std::mem::take(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unescaped_and_lines_joined() {
        let text = b"a\\ b.o: src/a\\ b.c \\\n  /usr/x\\#y.h $$z.h \\\n c:/d.h\n\n/usr/x.h:\n";
        let names: Vec<String> = read(text)
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        assert_eq!(names, ["src/a b.c", "/usr/x#y.h", "$z.h", "c:/d.h"]);
        assert!(read(b"").is_empty());
    }
}
