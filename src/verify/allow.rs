//! What the user has looked at and found right: patterns of findings that are left out.

use std::str::FromStr;

use glob::{MatchOptions, Pattern};

use super::Error;
use super::finding::{Finding, Kind, Subject};

/// A pattern of findings: `KIND`, `KIND:GLOB` or `/GLOB`. A `*` stands for any characters, a slash
/// among them, as in `.gitignore`'s `**`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allow {
    kind: Option<Kind>,
    subject: Option<Pattern>,
}

impl Allow {
    /// Whether a finding is covered.
    pub fn covers(&self, finding: &Finding) -> bool {
        let options = MatchOptions {
            case_sensitive: true,
            require_literal_separator: false,
            require_literal_leading_dot: false,
        };
        let subject = || match &finding.subject {
            Subject::File(path) => format!("/{path}"),
            other => other.to_string(),
        };
        self.kind.is_none_or(|kind| kind == finding.kind)
            && self
                .subject
                .as_ref()
                .is_none_or(|pattern| pattern.matches_with(&subject(), options))
    }
}

impl FromStr for Allow {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (kind, subject) = match text.split_once(':') {
            _ if text.starts_with('/') => (None, Some(text)),
            Some((kind, subject)) => (Some(kind), Some(subject)),
            None => (Some(text), None),
        };
        let refused = |reason: String, nearest| Error::Allow {
            pattern: text.to_owned(),
            reason,
            nearest,
        };
        let kind = match kind {
            None => None,
            Some(code) => Some(
                Kind::ALL
                    .iter()
                    .copied()
                    .find(|kind| kind.code() == code)
                    .ok_or_else(|| refused(format!("no kind is called `{code}`"), nearest(code)))?,
            ),
        };
        let subject = match subject {
            None => None,
            Some(glob) => Some(Pattern::new(glob).map_err(|e| refused(e.to_string(), None))?),
        };
        Ok(Self { kind, subject })
    }
}

fn nearest(code: &str) -> Option<&'static str> {
    let distance = |kind: &Kind| strsim::damerau_levenshtein(kind.code(), code);
    let kind = Kind::ALL.iter().min_by_key(|kind| distance(kind))?;
    (distance(kind) <= 3).then(|| kind.code())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::finding::Severity;

    #[test]
    fn patterns_cover_kinds_files_or_both() {
        let finding = Finding {
            kind: Kind::Machine,
            severity: Severity::Error,
            platform: None,
            subject: Subject::File("opt/firmware/deep/boot.elf".to_owned()),
            layer: None,
            expected: String::new(),
            found: String::new(),
            hint: None,
        };
        for (pattern, covers) in [
            ("machine", true),
            ("os-abi", false),
            ("machine:/opt/firmware/*", true),
            ("machine:/usr/*", false),
            ("os-abi:/opt/*", false),
            ("/opt/*.elf", true),
            ("/opt", false),
        ] {
            let allow: Allow = pattern.parse().expect("a pattern");
            assert_eq!(allow.covers(&finding), covers, "{pattern}");
        }
        let error = "machin".parse::<Allow>().expect_err("no kind");
        assert!(error.to_string().contains("no kind is called `machin`"));
        assert!("machine:[".parse::<Allow>().is_err());
    }
}
