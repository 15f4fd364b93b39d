//! Versions of toolchains: numbers with dots, perhaps a pre-release, perhaps more.
//!
//! The order is Go's (<https://go.dev/doc/toolchain#version>): `1.24` is the language and comes
//! before `1.24rc1`, which comes before `1.24.0`. With three numbers a pre-release comes before the
//! release, as everywhere.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// A version, compared by its numbers.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Version {
    text: String,
    numbers: Vec<u64>,
    pre: Option<(String, u64)>,
    /// What follows, such as `-X:nocoverageredesign`.
    rest: String,
}

/// Why a string is not a version.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a version: expected numbers with dots, such as `1.24.3`")]
pub struct ParseVersionError(String);

impl Version {
    /// The version as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Where it stands among versions with the same numbers: language, pre-release, release.
    fn stage(&self, numbers: usize) -> u8 {
        match (&self.pre, numbers > 2) {
            (None, false) => 0,
            (Some(_), _) => 1,
            (None, true) => 2,
        }
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let common = self.numbers.iter().zip(&other.numbers);
        for (mine, theirs) in common {
            match mine.cmp(theirs) {
                Ordering::Equal => {}
                decided => return decided,
            }
        }
        let length = self.numbers.len().cmp(&other.numbers.len());
        let stage = |version: &Self| version.stage(self.numbers.len());
        length
            .then_with(|| stage(self).cmp(&stage(other)))
            .then_with(|| self.pre.cmp(&other.pre))
            .then_with(|| self.rest.cmp(&other.rest))
            .then_with(|| self.text.cmp(&other.text))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl FromStr for Version {
    type Err = ParseVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || ParseVersionError(text.to_owned());
        let text = text.trim();
        let mut rest = text;
        let mut numbers = Vec::new();
        loop {
            let (number, after) = leading_number(rest).ok_or_else(bad)?;
            numbers.push(number);
            rest = after;
            match rest.strip_prefix('.') {
                Some(after) if after.starts_with(|c: char| c.is_ascii_digit()) => rest = after,
                _ => break,
            }
        }
        let letters = rest.len()
            - rest
                .trim_start_matches(|c: char| c.is_ascii_lowercase())
                .len();
        let (word, after) = rest.split_at(letters);
        let mut pre = None;
        if !word.is_empty() {
            let (number, after) = leading_number(after).unwrap_or((0, after));
            pre = Some((word.to_owned(), number));
            rest = after;
        }
        if !(rest.is_empty() || rest.starts_with(['-', '+', ' ', '_'])) {
            return Err(bad());
        }
        Ok(Self {
            text: text.to_owned(),
            numbers,
            pre,
            rest: rest.to_owned(),
        })
    }
}

fn leading_number(text: &str) -> Option<(u64, &str)> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, rest) = text.split_at(digits);
    Some((number.parse().ok()?, rest))
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn versions_are_ordered_as_go_orders_them() {
        let ordered = [
            "1.9",
            "1.20",
            "1.20.14",
            "1.21",
            "1.21rc2",
            "1.21rc3",
            "1.21.0",
            "1.21.10",
            "1.22",
            "1.26.8",
            "1.27",
            "1.27beta1",
            "1.27rc1",
            "1.27.0rc1",
            "1.27.0",
            "1.27.0-X:simd",
            "2",
            "2026.6",
            "2026.10.18",
        ];
        let versions: Vec<Version> = ordered.iter().map(|text| text.parse().unwrap()).collect();
        for pair in versions.windows(2) {
            assert!(pair[0] < pair[1], "{} < {}", pair[0], pair[1]);
        }
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for text in [
            "",
            "go1.2",
            "v1",
            "1..2",
            "1.2.x",
            "devel",
            "99999999999999999999",
        ] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_version_prints_as_it_was_parsed(text in "[0-9]{1,3}(\\.[0-9]{1,3}){0,3}(rc[0-9])?(-[a-z]{1,3})?") {
            prop_assert_eq!(text.parse::<Version>().unwrap().to_string(), text);
        }

        #[test]
        fn the_order_is_total(texts in proptest::collection::vec("[0-2](\\.[0-2]){0,2}(rc[1-2])?(-x)?", 3)) {
            let v: Vec<Version> = texts.iter().map(|text| text.parse().unwrap()).collect();
            prop_assert_eq!(v[0].cmp(&v[1]), v[1].cmp(&v[0]).reverse());
            if v[0] <= v[1] && v[1] <= v[2] {
                prop_assert!(v[0] <= v[2]);
            }
        }
    }
}
