//! Text that may have names of files in it, made fit for a terminal.
//!
//! Comes in: what is to be printed. Goes out: the same with control characters (ECMA-48, C0 and C1) and
//! those that turn the direction of writing (Unicode, bidirectional formatting) as escapes: a name
//! must neither steer the terminal nor look like another. Lines and tabs stay.

use std::borrow::Cow;

/// Our own words with names in them.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    escaped(text, false)
}

/// What a compiler has said: its colours stay.
pub(super) fn coloured(text: &str) -> Cow<'_, str> {
    escaped(text, true)
}

fn escaped(text: &str, colours: bool) -> Cow<'_, str> {
    if !text.contains(is_unfit) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = match colours {
            true => colour(rest).unwrap_or(0),
            false => 0,
        };
        if length > 0 {
            out.push_str(&rest[..length]);
            rest = &rest[length..];
            continue;
        }
        match is_unfit(c) {
            true => out.extend(c.escape_default()),
            false => out.push(c),
        }
        rest = &rest[c.len_utf8()..];
    }
    Cow::Owned(out)
}

fn is_unfit(c: char) -> bool {
    let turns =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || (c.is_control() && c != '\n' && c != '\t')
}

/// The length of a sequence that sets colours (ECMA-48, SGR), if one is here.
fn colour(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\x1b[")?;
    let end = parameters.find(|c: char| !c.is_ascii_digit() && c != ';' && c != ':')?;
    parameters[end..].starts_with('m').then_some(end + 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_shown_and_what_is_written_stays() {
        assert!(matches!(plain("né\tone\ntwo"), Cow::Borrowed(_)));
        assert_eq!(plain("a\x1b[2Jb\rc\u{7}"), "a\\u{1b}[2Jb\\rc\\u{7}");
        assert_eq!(plain("\u{9b}31m\u{7f}"), "\\u{9b}31m\\u{7f}");
        assert_eq!(plain("exe\u{202e}txt"), "exe\\u{202e}txt");
    }

    #[test]
    fn colours_are_for_compilers_alone() {
        let said = "\x1b[1;31merror\x1b[0m: \x1b]0;title\x07\x1b[2J\x1b[";
        assert_eq!(
            coloured(said),
            "\x1b[1;31merror\x1b[0m: \\u{1b}]0;title\\u{7}\\u{1b}[2J\\u{1b}["
        );
        assert!(!plain(said).contains('\x1b'));
    }
}
