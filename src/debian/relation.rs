//! Relations between packages: `Depends`, `Pre-Depends`, `Conflicts`, `Breaks` and `Provides`
//! (Debian Policy Manual, sections 7.1 and 7.5).
//!
//! Comes in: the value of such a field. Goes out: its [`Relation`]s, borrowed from it, in the order
//! in which they stand. Alternatives stay neighbours; [`groups`] tells where one requirement ends.
//! Architecture and profile restrictions belong to source packages and are refused.

use std::cmp::Ordering;
use std::fmt;

use thiserror::Error;

use super::version;

/// One name with what is asked of it, such as `libc6 (>= 2.36)` or `python3:any`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relation<'a> {
    /// The package, or the virtual package.
    pub name: &'a str,
    /// Which architecture's package it is.
    pub qualifier: Qualifier<'a>,
    /// Which of its versions will do; any, if there is none.
    pub version: Option<(Operator, &'a str)>,
    /// The next one is an alternative to this one (`|`).
    pub or: bool,
}

/// How a version has to compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `<<`
    Earlier,
    /// `<=`, and the old `<`
    EarlierOrEqual,
    /// `=`
    Equal,
    /// `>=`, and the old `>`
    LaterOrEqual,
    /// `>>`
    Later,
}

/// The architecture that a name is qualified with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qualifier<'a> {
    /// None.
    None,
    /// `:any`: of any architecture, if the package allows that (`Multi-Arch: allowed`).
    Any,
    /// `:native`: of the architecture that packages are installed for.
    Native,
    /// `:arm64`
    Architecture(&'a str),
}

/// Why a field's value is malformed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{text}` is not a relation: {reason}")]
pub struct ParseRelationError {
    /// The relation that was given.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// The relations of a field, one after the other.
pub fn parse(field: &str) -> impl Iterator<Item = Result<Relation<'_>, ParseRelationError>> {
    let mut rest = Some(field).filter(|field| !blank(field));
    std::iter::from_fn(move || {
        let text = rest.take()?;
        let end = text.find([',', '|']).unwrap_or(text.len());
        let or = text[end..].starts_with('|');
        rest = text.get(end + 1..);
        // A comma at the end is seen in the wild; dpkg and apt accept it.
        if !or && rest.is_some_and(blank) {
            rest = None;
        }
        Some(one(text[..end].trim_matches(space), or))
    })
}

fn blank(text: &str) -> bool {
    text.chars().all(space)
}

/// The requirements of a field: each slice is one, its elements are alternatives.
pub fn groups<'s, 'a>(relations: &'s [Relation<'a>]) -> impl Iterator<Item = &'s [Relation<'a>]> {
    relations.split_inclusive(|relation| !relation.or)
}

/// A requirement as it is written, with its alternatives.
pub fn display(group: &[Relation<'_>]) -> String {
    let alternatives: Vec<String> = group.iter().map(ToString::to_string).collect();
    alternatives.join(" | ")
}

/// Whether a string can be a package's name.
pub fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes
        .next()
        .is_some_and(|byte| byte.is_ascii_alphanumeric())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"+-._".contains(&byte))
}

/// Whether a string can be an architecture's name.
pub fn is_architecture(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

impl Relation<'_> {
    /// Whether a version is one of those asked for.
    pub fn admits(&self, found: &str) -> bool {
        self.version
            .is_none_or(|(operator, wanted)| operator.holds(version::compare(found, wanted)))
    }
}

impl fmt::Display for Relation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        match self.qualifier {
            Qualifier::None => {}
            Qualifier::Any => f.write_str(":any")?,
            Qualifier::Native => f.write_str(":native")?,
            Qualifier::Architecture(architecture) => write!(f, ":{architecture}")?,
        }
        match self.version {
            None => Ok(()),
            Some((operator, version)) => write!(f, " ({} {version})", operator.as_str()),
        }
    }
}

impl Operator {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Earlier => "<<",
            Self::EarlierOrEqual => "<=",
            Self::Equal => "=",
            Self::LaterOrEqual => ">=",
            Self::Later => ">>",
        }
    }

    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Earlier => order.is_lt(),
            Self::EarlierOrEqual => order.is_le(),
            Self::Equal => order.is_eq(),
            Self::LaterOrEqual => order.is_ge(),
            Self::Later => order.is_gt(),
        }
    }
}

fn space(char: char) -> bool {
    char.is_ascii_whitespace()
}

fn one(text: &str, or: bool) -> Result<Relation<'_>, ParseRelationError> {
    let refuse = |reason| {
        Err(ParseRelationError {
            text: text.to_owned(),
            reason,
        })
    };
    let end = text.find(|char| space(char) || "([<".contains(char));
    let (qualified, rest) = text.split_at(end.unwrap_or(text.len()));
    let (name, qualifier) = match qualified.split_once(':') {
        None => (qualified, Qualifier::None),
        Some((name, "any")) => (name, Qualifier::Any),
        Some((name, "native")) => (name, Qualifier::Native),
        Some((name, architecture)) if is_architecture(architecture) => {
            (name, Qualifier::Architecture(architecture))
        }
        Some(_) => return refuse("what stands behind the colon is not an architecture"),
    };
    if name.is_empty() {
        return refuse("there is no name");
    }
    if !is_name(name) {
        return refuse("its name has a character that names do not have");
    }
    let rest = rest.trim_start_matches(space);
    let version = if rest.is_empty() {
        None
    } else if let Some(inner) = rest.strip_prefix('(') {
        let Some(inner) = inner.strip_suffix(')') else {
            return refuse("its parenthesis is not closed at the end");
        };
        match constraint(inner.trim_matches(space)) {
            Ok(constraint) => Some(constraint),
            Err(reason) => return refuse(reason),
        }
    } else if rest.starts_with(['[', '<']) {
        return refuse("restrictions belong to source packages");
    } else {
        return refuse("expected `(` behind the name");
    };
    Ok(Relation {
        name,
        qualifier,
        version,
        or,
    })
}

fn constraint(text: &str) -> Result<(Operator, &str), &'static str> {
    const OPERATORS: [(&str, Operator); 7] = [
        ("<<", Operator::Earlier),
        ("<=", Operator::EarlierOrEqual),
        (">=", Operator::LaterOrEqual),
        (">>", Operator::Later),
        ("=", Operator::Equal),
        // What dpkg and apt have always taken these for.
        ("<", Operator::EarlierOrEqual),
        (">", Operator::LaterOrEqual),
    ];
    let (operator, version) = OPERATORS
        .into_iter()
        .find_map(|(written, operator)| Some((operator, text.strip_prefix(written)?)))
        .ok_or("expected `<<`, `<=`, `=`, `>=` or `>>` in the parenthesis")?;
    let version = version.trim_start_matches(space);
    match version::check(version) {
        Ok(()) => Ok((operator, version)),
        Err(error) => Err(error.reason),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(field: &str) -> Vec<Relation<'_>> {
        parse(field).collect::<Result<_, _>>().expect(field)
    }

    fn plain(name: &str) -> Relation<'_> {
        Relation {
            name,
            qualifier: Qualifier::None,
            version: None,
            or: false,
        }
    }

    #[test]
    fn a_field_is_read_with_alternatives_qualifiers_and_versions() {
        assert_eq!(
            parsed("libc6 (>= 2.36), python3:any|perl:native (<<6),\n zlib1g:arm64( = 1:1.3 )"),
            [
                Relation {
                    version: Some((Operator::LaterOrEqual, "2.36")),
                    ..plain("libc6")
                },
                Relation {
                    qualifier: Qualifier::Any,
                    or: true,
                    ..plain("python3")
                },
                Relation {
                    qualifier: Qualifier::Native,
                    version: Some((Operator::Earlier, "6")),
                    ..plain("perl")
                },
                Relation {
                    qualifier: Qualifier::Architecture("arm64"),
                    version: Some((Operator::Equal, "1:1.3")),
                    ..plain("zlib1g")
                },
            ]
        );
    }

    #[test]
    fn requirements_end_at_commas() {
        let relations = parsed("a | b | c, d, e | f");
        let lengths: Vec<usize> = groups(&relations).map(<[_]>::len).collect();
        assert_eq!(lengths, [3, 1, 2]);
        assert_eq!(
            groups(&relations).map(display).next(),
            Some("a | b | c".into())
        );
    }

    #[test]
    fn old_operators_mean_what_dpkg_takes_them_for() {
        let operators: Vec<Operator> = parsed("a (< 1), a (> 1), a (<< 1), a (>> 1)")
            .iter()
            .filter_map(|relation| Some(relation.version?.0))
            .collect();
        assert_eq!(
            operators,
            [
                Operator::EarlierOrEqual,
                Operator::LaterOrEqual,
                Operator::Earlier,
                Operator::Later
            ]
        );
    }

    #[test]
    fn operators_admit_the_versions_they_name() {
        for (operator, earlier, same, later) in [
            ("<<", true, false, false),
            ("<=", true, true, false),
            ("=", false, true, false),
            (">=", false, true, true),
            (">>", false, false, true),
        ] {
            let field = format!("a ({operator} 1.0-1)");
            let relation = parsed(&field)[0];
            assert_eq!(relation.admits("1.0-1~bpo1"), earlier, "{field}");
            assert_eq!(relation.admits("0:1.0-1"), same, "{field}");
            assert_eq!(relation.admits("1.0-2"), later, "{field}");
        }
        assert!(plain("a").admits("0"));
    }

    #[test]
    fn an_empty_field_has_no_relations_and_a_last_comma_adds_none() {
        assert_eq!(parsed(""), []);
        assert_eq!(parsed(" \n "), []);
        assert_eq!(parsed("a,"), [plain("a")]);
    }

    #[test]
    fn malformed_relations_are_refused_with_the_reason() {
        for (field, reason) in [
            ("a,,b", "no name"),
            ("a|", "no name"),
            (",", "no name"),
            ("| a", "no name"),
            (":any", "no name"),
            ("(>= 1)", "no name"),
            ("a b", "expected `(`"),
            ("a (>= 1", "not closed"),
            ("a (>= 1) b", "not closed"),
            ("a (>= )", "it is empty"),
            ("a (1)", "expected `<<`"),
            ("a (~ 1)", "expected `<<`"),
            ("a (>= ${binary:Version})", "epoch"),
            ("a [arm64]", "source packages"),
            ("a <!nocheck>", "source packages"),
            ("a:", "architecture"),
            ("a:b:c", "architecture"),
            ("ä", "character"),
            ("-a", "character"),
            ("a/b", "character"),
        ] {
            let error = parse(field).find_map(Result::err).expect(field);
            assert!(error.reason.contains(reason), "{field}: {error}");
        }
    }

    proptest! {
        #[test]
        fn a_relation_prints_as_it_is_read(
            field in "[a-z0-9][a-z0-9+.-]{0,5}(:(any|native|arm64))?( \\((<<|<=|=|>=|>>) [0-9][0-9a-z.+~]{0,5}\\))?"
        ) {
            prop_assert_eq!(parsed(&field)[0].to_string(), field);
        }

        #[test]
        fn no_text_at_all_makes_the_parser_fail(field in "[a-c :,|()<>=\\[\\]0-9\\n~ü]{0,30}") {
            let read = parse(&field).count();
            prop_assert!(read <= field.len() + 1);
        }
    }
}
