//! The cleartext signature framework (RFC 9580 section 7), taken strictly.
//!
//! One message, from the first byte of the file to the last; no header but `Hash`; every line that
//! begins with a dash escaped. Anything else is refused, not passed over: what stands before,
//! between or behind a signed message is where forgeries have been hidden.

use super::Error;

const BEGIN: &[u8] = b"-----BEGIN PGP SIGNED MESSAGE-----";
const BEGIN_SIGNATURE: &[u8] = b"-----BEGIN PGP SIGNATURE-----";
const END_SIGNATURE: &[u8] = b"-----END PGP SIGNATURE-----";

/// The text, and the armored signatures.
///
/// White space at the ends of lines is no part of what is signed (section 7.2), and so it is not in
/// the text either.
pub(super) fn split(file: &[u8]) -> Result<(Vec<u8>, &[u8]), Error> {
    let wrong = |reason| Err(Error::Framework { reason });
    let mut lines = Lines { rest: file };
    if lines.next() != Some(BEGIN) {
        return wrong("it does not begin with `-----BEGIN PGP SIGNED MESSAGE-----`");
    }
    loop {
        match lines.next() {
            Some(b"") => break,
            Some(line) if line.starts_with(b"Hash: ") => {}
            _ => return wrong("it has a header other than `Hash`"),
        }
    }
    let mut text = Vec::with_capacity(file.len());
    let armored = loop {
        let before = lines.rest;
        let Some(line) = lines.next() else {
            return wrong("it has no signature");
        };
        if line == BEGIN_SIGNATURE {
            break before;
        }
        let line = match line.strip_prefix(b"- ") {
            Some(escaped) => escaped,
            None if line.starts_with(b"-") => return wrong("a line with a dash is not escaped"),
            None => line,
        };
        if line.iter().any(|byte| matches!(byte, b'\r' | 0)) {
            return wrong("a line has a control character in it");
        }
        text.extend_from_slice(line);
        text.push(b'\n');
    };
    loop {
        match lines.next() {
            Some(END_SIGNATURE) => break,
            Some(line) if line.starts_with(b"-----") => {
                return wrong("its signature is not armored as it should be");
            }
            Some(_) => {}
            None => return wrong("its signature has no end"),
        }
    }
    if !lines.rest.iter().all(u8::is_ascii_whitespace) {
        return wrong("something follows its signature");
    }
    Ok((text, armored))
}

/// The bytes that signatures are made over: lines that are parted by carriage return and newline,
/// without one at the end.
pub(super) fn canonical(text: &[u8]) -> Vec<u8> {
    let mut data = Vec::with_capacity(text.len() + text.len() / 32);
    let body = text.strip_suffix(b"\n").unwrap_or(text);
    for (index, line) in body.split(|byte| *byte == b'\n').enumerate() {
        if index > 0 {
            data.extend_from_slice(b"\r\n");
        }
        data.extend_from_slice(line);
    }
    data
}

/// Lines without what ends them: newline, carriage return, blanks and tabs.
struct Lines<'a> {
    rest: &'a [u8],
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let end = self.rest.iter().position(|byte| *byte == b'\n');
        let (line, rest) = match end {
            Some(end) => (&self.rest[..end], &self.rest[end + 1..]),
            None => (self.rest, &self.rest[self.rest.len()..]),
        };
        self.rest = rest;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let end = line.iter().rposition(|byte| !matches!(byte, b' ' | b'\t'));
        Some(&line[..end.map_or(0, |end| end + 1)])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FILE: &str = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nOne: 1 \t\n- -two\n\
                        -----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n";

    #[test]
    fn text_and_signature_are_parted() {
        let (text, armored) = split(FILE.as_bytes()).unwrap();
        assert_eq!(text, b"One: 1\n-two\n");
        assert!(armored.starts_with(BEGIN_SIGNATURE));
        assert_eq!(canonical(&text), b"One: 1\r\n-two");
        let windows = FILE.replace('\n', "\r\n");
        assert_eq!(split(windows.as_bytes()).unwrap().0, text);
    }

    #[test]
    fn anything_but_one_message_is_refused() {
        for (file, reason) in [
            (String::new(), "does not begin"),
            (format!("x\n{FILE}"), "does not begin"),
            (format!("\n{FILE}"), "does not begin"),
            (format!("{FILE}x"), "something follows"),
            (format!("{FILE}{FILE}"), "something follows"),
            (FILE.replace("Hash: SHA256", "Version: 1"), "header other"),
            (
                FILE.replace("Hash: SHA256\n\n", "Hash: SHA256\n"),
                "header other",
            ),
            (FILE.replace("- -two", "-two"), "not escaped"),
            (
                FILE.replace("- -two", "-----BEGIN PGP SIGNED MESSAGE-----"),
                "not escaped",
            ),
            (FILE.replace("One", "O\rne"), "control character"),
            (FILE.replace("-----END PGP SIGNATURE-----\n", ""), "no end"),
            (
                FILE.replace("abc", "-----BEGIN PGP SIGNATURE-----"),
                "not armored",
            ),
            (
                FILE.split("-----BEGIN PGP SIGNATURE")
                    .next()
                    .unwrap()
                    .to_owned(),
                "no signature",
            ),
        ] {
            let error = split(file.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(reason), "{file:?}: {error}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(file in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = split(&file);
            let _ = split(&[BEGIN, b"\n\n", &file].concat());
        }

        #[test]
        fn every_text_comes_back(lines in prop::collection::vec("[-a-z: ]{0,12}[a-z]", 0..9)) {
            let (mut body, mut text) = (String::new(), String::new());
            for line in &lines {
                body += if line.starts_with('-') { "- " } else { "" };
                for part in [line.as_str(), "\n"] {
                    body += part;
                    text += part;
                }
            }
            let file = FILE.replace("One: 1 \t\n- -two\n", &body);
            prop_assert_eq!(split(file.as_bytes()).unwrap().0, text.into_bytes());
        }
    }
}
