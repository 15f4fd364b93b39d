//! `{name}` in configuration strings.
//!
//! Only a brace around lower-case letters and underscores is a placeholder, so that JSON and Go
//! templates pass through untouched.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::fault::{Exit, Fault};

/// A placeholder that means nothing here.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("unknown placeholder `{{{name}}}` in `{text}`")]
pub struct UnknownPlaceholder {
    /// The name between the braces.
    pub name: String,
    /// The whole string.
    pub text: String,
    /// The names that exist.
    pub known: Vec<String>,
}

impl Fault for UnknownPlaceholder {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hint(&self) -> Option<String> {
        let known: Vec<String> = self
            .known
            .iter()
            .map(|name| format!("{{{name}}}"))
            .collect();
        Some(format!("known here: {}", known.join(" ")))
    }
}

/// The values of the placeholders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values(BTreeMap<&'static str, String>);

impl Values {
    /// Adds or replaces a value.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.0.insert(name, value.into());
        self
    }

    /// Adds the values of another set, which win.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.0.extend(other.0.clone());
        self
    }

    /// Replaces every placeholder.
    pub fn expand(&self, text: &str) -> Result<String, UnknownPlaceholder> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            out.push_str(&rest[..open]);
            let name = placeholder(&rest[open + 1..]);
            match name {
                None => {
                    out.push('{');
                    rest = &rest[open + 1..];
                }
                Some(name) => {
                    out.push_str(self.0.get(name).ok_or_else(|| UnknownPlaceholder {
                        name: name.to_owned(),
                        text: text.to_owned(),
                        known: self.0.keys().map(|&key| key.to_owned()).collect(),
                    })?);
                    rest = &rest[open + name.len() + 2..];
                }
            }
        }
        out.push_str(rest);
        Ok(out)
    }
}

/// Whether a string has the placeholder.
pub fn mentions(text: &str, name: &str) -> bool {
    text.contains(&format!("{{{name}}}"))
}

fn placeholder(after_brace: &str) -> Option<&str> {
    let name = &after_brace[..after_brace.find('}')?];
    let valid = !name.is_empty() && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'_'));
    valid.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_expanded_and_other_braces_left_alone() {
        let values = Values::default().with("arch", "arm").with("variant", "v7");
        assert_eq!(
            values.expand("dist/{arch}{variant}/x").as_deref(),
            Ok("dist/armv7/x")
        );
        for text in ["{{.Version}}", "{\"a\": 1}", "{}", "{", "a{Arch}b"] {
            assert_eq!(values.expand(text).as_deref(), Ok(text));
        }
        assert_eq!(values.expand("{nope}").expect_err("unknown").name, "nope");
    }
}
