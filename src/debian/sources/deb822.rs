//! The deb822 format: stanzas of `Types`, `URIs`, `Suites`, `Components` and options.
//!
//! sources.list(5), "DEB822-STYLE FORMAT"; the syntax is that of deb822(5).

use deb822_fast::Paragraph;

use super::{Entry, Error, Origin, truth};

/// The entries of a file with the line numbers of their stanzas.
pub(super) fn parse(text: &str, place: &str) -> Result<Vec<(Entry, usize)>, Error> {
    let mut entries = Vec::new();
    for stanza in stanzas(text) {
        let origin = Origin {
            place: place.to_owned(),
            line: stanza[0].0,
        };
        if let Some(entry) = entry(&stanza, &origin)? {
            entries.push((entry, origin.line));
        }
    }
    Ok(entries)
}

/// Its lines with their numbers, never none.
type Stanza<'t> = Vec<(usize, &'t str)>;

fn entry(stanza: &Stanza<'_>, origin: &Origin) -> Result<Option<Entry>, Error> {
    let malformed = |line: usize, reason: String| Error::Malformed {
        origin: Origin {
            place: origin.place.clone(),
            line,
        },
        reason,
    };
    let mut text = String::new();
    for (number, line) in stanza {
        let continued = !text.is_empty() && line.starts_with([' ', '\t']);
        if !continued && line.find(':').is_none_or(|end| end == 0) {
            return Err(malformed(
                *number,
                format!("`{}` is no `Field: value`", line.trim()),
            ));
        }
        text.push_str(line);
        text.push('\n');
    }
    let paragraph: Paragraph = text
        .parse()
        .map_err(|error: deb822_fast::Error| malformed(origin.line, error.to_string()))?;
    if let Some(enabled) = paragraph.get("Enabled")
        && truth(enabled.trim()) == Some(false)
    {
        return Ok(None);
    }
    let words = |name: &str| -> Vec<String> {
        let value = paragraph.get(name).unwrap_or_default();
        value.split_whitespace().map(str::to_owned).collect()
    };
    let required = |name: &str| {
        let words = words(name);
        if words.is_empty() {
            return Err(malformed(
                origin.line,
                format!("the stanza has no `{name}`"),
            ));
        }
        Ok(words)
    };
    let entry = Entry {
        types: required("Types")?,
        addresses: required("URIs")?,
        suites: required("Suites")?,
        components: words("Components"),
        options: paragraph
            .iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), unfold(value)))
            .collect(),
    };
    for kind in &entry.types {
        if !matches!(kind.as_str(), "deb" | "deb-src") {
            let reason = format!("type `{kind}` is not known, expected `deb` or `deb-src`");
            return Err(malformed(origin.line, reason));
        }
    }
    Ok(Some(entry))
}

/// A value of several lines, in which a lone dot stands for an empty one.
fn unfold(value: &str) -> String {
    let lines = value.lines().map(|line| match line.trim() {
        "." => "",
        line => line,
    });
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// The stanzas, without comments.
fn stanzas(text: &str) -> Vec<Stanza<'_>> {
    let mut stanzas = Vec::new();
    let mut current = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.starts_with('#') {
            continue;
        }
        if !line.trim().is_empty() {
            current.push((index + 1, line));
        } else if !current.is_empty() {
            stanzas.push(std::mem::take(&mut current));
        }
    }
    if !current.is_empty() {
        stanzas.push(current);
    }
    stanzas
}
