//! The one-line format: `deb [ option=value … ] URI suite [component …]`.
//!
//! sources.list(5), "ONE-LINE-STYLE FORMAT".

use super::{Entry, Error, Origin};

/// The entries of a file with their line numbers.
pub(super) fn parse(text: &str, place: &str) -> Result<Vec<(Entry, usize)>, Error> {
    let mut entries = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = without_comment(line).trim();
        if line.is_empty() {
            continue;
        }
        let origin = Origin {
            place: place.to_owned(),
            line: index + 1,
        };
        let (kind, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        if !matches!(kind, "deb" | "deb-src") {
            return Err(malformed(
                &origin,
                format!("type `{kind}` is not known, expected `deb` or `deb-src`"),
            ));
        }
        let mut entry = parse_rest(rest, &origin)?;
        entry.types = vec![kind.to_owned()];
        if entry.suites.is_empty() {
            return Err(malformed(&origin, "there is no suite".to_owned()));
        }
        entries.push((entry, index + 1));
    }
    Ok(entries)
}

/// An entry that the user wrote: `deb` may be missing, and so may suite and components.
pub(super) fn parse_chosen(text: &str, origin: &Origin) -> Result<Entry, Error> {
    let text = text.trim();
    let rest = match text.split_once([' ', '\t']) {
        Some(("deb", rest)) => rest,
        _ => text,
    };
    let mut entry = parse_rest(rest, origin)?;
    entry.types = vec!["deb".to_owned()];
    if entry.suites.is_empty() {
        entry.suites.push(String::new());
    }
    Ok(entry)
}

fn parse_rest(text: &str, origin: &Origin) -> Result<Entry, Error> {
    let mut entry = Entry::default();
    let mut rest = text.trim_start();
    if let Some(inside) = rest.strip_prefix('[') {
        let Some((options, after)) = inside.split_once(']') else {
            return Err(malformed(origin, "the `[` has no `]`".to_owned()));
        };
        for word in options.split_whitespace() {
            entry.options.push(option(word, origin)?);
        }
        rest = after.trim_start();
    }
    let mut words = Vec::new();
    while !rest.is_empty() {
        // The address of a disc has its label in brackets, with spaces.
        let mut depth = 0_usize;
        let end = rest.find(|char: char| {
            match char {
                '[' => depth += 1,
                ']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && char.is_whitespace()
        });
        let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    let mut words = words.into_iter();
    let Some(address) = words.next() else {
        return Err(malformed(origin, "there is no address".to_owned()));
    };
    entry.addresses.push(address);
    entry.suites.extend(words.next());
    entry.components = words.collect();
    Ok(entry)
}

/// `name=value`; of `name+=value` and `name-=value` the first adds to what is the default, which
/// for the lists that matter here is "all", and the second has no meaning for them.
fn option(word: &str, origin: &Origin) -> Result<(String, String), Error> {
    let Some((name, value)) = word.split_once('=') else {
        return Err(malformed(origin, format!("option `{word}` has no value")));
    };
    let name = name.trim_end_matches(['+', '-']).to_ascii_lowercase();
    let name = match name.as_str() {
        "arch" => "architectures".to_owned(),
        _ => name,
    };
    Ok((name, value.to_owned()))
}

/// What stands before a `#` that is not inside brackets.
fn without_comment(line: &str) -> &str {
    let mut inside = false;
    let end = line.find(|char| {
        match char {
            '[' => inside = true,
            ']' => inside = false,
            _ => {}
        }
        char == '#' && !inside
    });
    &line[..end.unwrap_or(line.len())]
}

fn malformed(origin: &Origin, reason: String) -> Error {
    Error::Malformed {
        origin: origin.clone(),
        reason,
    }
}
