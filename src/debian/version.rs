//! Versions of packages and their order (Debian Policy Manual, section 5.6.12).
//!
//! What is a version follows dpkg's strict rules, with one exception that dpkg makes too: an
//! upstream version that does not begin with a digit is unusual, but accepted.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A version, `[epoch:]upstream[-revision]`. Ordered as dpkg orders; versions that are written
/// differently can be equal (`1.0` and `0:1.0-0`).
#[derive(Clone, Debug)]
pub struct Version {
    text: String,
}

/// Why a string is no version.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{text}` is not a version: {reason}")]
pub struct ParseVersionError {
    /// What was given.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl FromStr for Version {
    type Err = ParseVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        check(text)?;
        Ok(Self {
            text: text.to_owned(),
        })
    }
}

impl Version {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(&self.text, &other.text)
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version {}

/// Says whether a string is a version, without keeping it.
pub fn check(text: &str) -> Result<(), ParseVersionError> {
    match fault(text) {
        None => Ok(()),
        Some(reason) => Err(ParseVersionError {
            text: text.to_owned(),
            reason,
        }),
    }
}

fn fault(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        return Some("it is empty");
    }
    let (epoch, rest) = match text.split_once(':') {
        Some((epoch, rest)) => (Some(epoch), rest),
        None => (None, text),
    };
    match epoch {
        Some("") => return Some("its epoch is empty"),
        Some(epoch) if !epoch.bytes().all(|byte| byte.is_ascii_digit()) => {
            return Some("its epoch is not a number");
        }
        Some(epoch) if epoch.parse::<i32>().is_err() => return Some("its epoch is too large"),
        _ => {}
    }
    let (upstream, revision) = match rest.rsplit_once('-') {
        Some((upstream, revision)) => (upstream, Some(revision)),
        None => (rest, None),
    };
    if upstream.is_empty() {
        return Some("it has no upstream version");
    }
    if revision.is_some_and(str::is_empty) {
        return Some("its revision is empty");
    }
    let known = |text: &str, more: &[u8]| {
        text.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || more.contains(&byte))
    };
    if !known(upstream, b".+-~:") {
        return Some("its upstream version has a character that versions do not have");
    }
    if !revision.is_none_or(|revision| known(revision, b".+~")) {
        return Some("its revision has a character that revisions do not have");
    }
    None
}

/// The order of two strings that are versions.
pub fn compare(left: &str, right: &str) -> Ordering {
    if left == right {
        return Ordering::Equal;
    }
    let (epoch, upstream, revision) = parts(left);
    let (other_epoch, other_upstream, other_revision) = parts(right);
    compare_part(epoch, other_epoch)
        .then_with(|| compare_part(upstream, other_upstream))
        .then_with(|| compare_part(revision, other_revision))
}

/// Epoch, upstream version and revision. One that is absent is the same as `0`.
fn parts(text: &str) -> (&[u8], &[u8], &[u8]) {
    let (epoch, rest) = text.split_once(':').unwrap_or(("", text));
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
    (epoch.as_bytes(), upstream.as_bytes(), revision.as_bytes())
}

/// Compares piece by piece: what is no digit, then the number behind it. Numbers are compared as
/// text without their zeros in front, so that none is too long.
fn compare_part(mut left: &[u8], mut right: &[u8]) -> Ordering {
    while !left.is_empty() || !right.is_empty() {
        loop {
            let (a, b) = (weight(left), weight(right));
            match a.cmp(&b) {
                Ordering::Equal if a == END => break,
                Ordering::Equal => (left, right) = (&left[1..], &right[1..]),
                order => return order,
            }
        }
        let (number, other_number);
        (number, left) = number_of(left);
        (other_number, right) = number_of(right);
        let order = (number.len().cmp(&other_number.len())).then_with(|| number.cmp(other_number));
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}

/// What ends a piece without digits: a digit, or the end of the text.
const END: u16 = 1;

/// Where the first byte stands: `~` before the end, the end before letters, letters before all else.
fn weight(text: &[u8]) -> u16 {
    match text.first() {
        Some(b'~') => 0,
        None => END,
        Some(byte) if byte.is_ascii_digit() => END,
        Some(byte) if byte.is_ascii_alphabetic() => u16::from(*byte),
        Some(byte) => u16::from(*byte) + 0x100,
    }
}

/// The number at the beginning, without zeros in front, and the rest.
fn number_of(text: &[u8]) -> (&[u8], &[u8]) {
    let zeros = text.iter().position(|byte| *byte != b'0');
    let text = &text[zeros.unwrap_or(text.len())..];
    let end = text.iter().position(|byte| !byte.is_ascii_digit());
    text.split_at(end.unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Each row in ascending order; what stands in one element is equal.
    const ORDERED: &[&[&[&str]]] = &[
        // Policy 5.6.12.1: the sequence the manual itself gives, before the end of a part.
        &[&["1~~"], &["1~~a"], &["1~"], &["1"], &["1a"]],
        // Epoch, then upstream, then revision.
        &[&["9.9-9"], &["1:0.1-1"], &["1:0.1-2"], &["2:0"], &["10:0"]],
        &[&["2147483646:1"], &["2147483647:1"]],
        // No epoch is epoch 0, no revision is revision 0, and zeros in front say nothing.
        &[&[
            "1.0", "0:1.0", "00:1.0", "1.0-0", "0:1.0-0", "1.00", "1.0-00",
        ]],
        &[&["0", "0-0", "0:0-0", "00"]],
        &[&["1.2.3", "1.2.03", "1.02.3"], &["1.2.30"]],
        // A tilde comes before everything, in each of the parts.
        &[
            &["1.0~~"],
            &["1.0~beta1~svn1245"],
            &["1.0~beta1"],
            &["1.0~rc1"],
            &["1.0"],
        ],
        &[
            &["1.0-1~bpo12+1"],
            &["1.0-1"],
            &["1.0-1+b1"],
            &["1.0-1+deb13u1"],
        ],
        &[&["1.0~-1"], &["1.0-1"]],
        &[&["0~"], &["0"], &["0a"]],
        // Numbers are numbers.
        &[&["1.2"], &["1.9"], &["1.10"], &["1.100"]],
        &[
            &["1"],
            &["10"],
            &["11"],
            &["99999999999999999999"],
            &["100000000000000000000"],
        ],
        &[&["1.0-2"], &["1.0-10"]],
        // The end before letters, capitals before small letters, letters before the rest.
        &[
            &["1.0"],
            &["1.0A"],
            &["1.0Z"],
            &["1.0a"],
            &["1.0z"],
            &["1.0+"],
            &["1.0."],
        ],
        &[&["1.0+a"], &["1.0+b"], &["1.0.1"]],
        &[&["1a"], &["1a1"], &["1aa"], &["1b"]],
        &[&["1+", "1+0"], &["1+1"]],
        // The last hyphen begins the revision, the first colon ends the epoch.
        &[&["1-1"], &["1-2"], &["1-1-1"], &["1-2-1"], &["1.0-1"]],
        &[&["1:2:3"], &["1:2:4"], &["1:3"]],
        // Hyphens and dots inside: by their byte.
        &[&["1+1-1"], &["1-a-1"], &["1.1-1"]],
        // Seen in the archive.
        &[
            &["2.36-9+deb12u10"],
            &["2.36-9+deb12u13"],
            &["2.41-12"],
            &["2.41-12+deb13u1"],
        ],
        &[
            &["7.0~pre1+dfsg-1"],
            &["7.0+dfsg-1"],
            &["7.0+dfsg1-1"],
            &["7.0.1-1"],
        ],
        &[&["1:1.3.dfsg-3.1"], &["1:1.3.dfsg+really1.3.1-1+b1"]],
        &[&["20230311"], &["20230311+deb12u1"], &["20240203"]],
    ];

    #[test]
    fn the_order_is_that_of_the_policy_manual() {
        for row in ORDERED {
            for (at, same) in row.iter().enumerate() {
                for left in *same {
                    for right in *same {
                        assert_eq!(order(left, right), Ordering::Equal, "{left} {right}");
                    }
                    for right in row[at + 1..].iter().copied().flatten() {
                        assert_eq!(order(left, right), Ordering::Less, "{left} < {right}");
                        assert_eq!(order(right, left), Ordering::Greater, "{right} > {left}");
                    }
                }
            }
        }
    }

    fn order(left: &str, right: &str) -> Ordering {
        let parse = |text: &str| text.parse::<Version>().expect(text);
        parse(left).cmp(&parse(right))
    }

    #[test]
    fn what_is_no_version_is_refused_with_the_reason() {
        for (text, reason) in [
            ("", "it is empty"),
            (":1", "its epoch is empty"),
            ("a:1", "its epoch is not a number"),
            ("-1:1", "its epoch is not a number"),
            ("+1:1", "its epoch is not a number"),
            ("2147483648:1", "its epoch is too large"),
            ("99999999999999999999:1", "its epoch is too large"),
            ("1:", "it has no upstream version"),
            ("-1", "it has no upstream version"),
            ("0:-1", "it has no upstream version"),
            ("1-", "its revision is empty"),
            ("1.0-1-", "its revision is empty"),
        ] {
            let error = text.parse::<Version>().expect_err(text);
            assert_eq!((error.text.as_str(), error.reason), (text, reason));
        }
        for text in ["1 0", " 1", "1\n", "1_0", "1/0", "1!", "1ü-1", "$1"] {
            let error = text.parse::<Version>().expect_err(text);
            assert!(error.reason.contains("upstream"), "{error}");
        }
        for text in ["1-1_0", "0:1-1:0", "1-ü", "1- 1"] {
            let error = text.parse::<Version>().expect_err(text);
            assert!(error.reason.contains("revision"), "{error}");
        }
    }

    #[test]
    fn unusual_versions_are_versions() {
        for text in ["a1", "~1", "1:1:1-1", "1--1", "+", "2147483647:0", "1.0-~"] {
            let version: Version = text.parse().expect(text);
            assert_eq!(version.as_str(), text);
        }
    }

    prop_compose! {
        fn any_version()(
            epoch in prop::option::of(0..3_i32),
            upstream in "[0-9][0-9a-cA-C.+~]{0,6}(-[0-9a.~]{1,3})?",
            revision in prop::option::of("[0-9a-c+.~]{1,4}"),
        ) -> String {
            let epoch = epoch.map_or(String::new(), |epoch| format!("{epoch}:"));
            let revision = revision.map_or(String::new(), |revision| format!("-{revision}"));
            format!("{epoch}{upstream}{revision}")
        }
    }

    proptest! {
        #[test]
        fn one_of_two_versions_is_never_both_before_and_after(a in any_version(), b in any_version()) {
            prop_assert_eq!(order(&a, &b), order(&b, &a).reverse());
            prop_assert_eq!(order(&a, &a), Ordering::Equal);
        }

        #[test]
        fn the_order_is_transitive(a in any_version(), b in any_version(), c in any_version()) {
            let mut sorted = [a, b, c];
            sorted.sort_by(|left, right| order(left, right));
            let [a, b, c] = sorted;
            prop_assert_ne!(order(&a, &c), Ordering::Greater);
            if order(&a, &b) == Ordering::Equal && order(&b, &c) == Ordering::Equal {
                prop_assert_eq!(order(&a, &c), Ordering::Equal);
            }
        }

        #[test]
        fn a_tilde_comes_before_the_end_and_all_else_after_it(
            version in "[0-9][0-9a-c.+]{0,6}(-[0-9a.]{1,3})?",
            more in "[0-9a-c+.~]{0,3}",
        ) {
            prop_assert_eq!(order(&format!("{version}~{more}"), &version), Ordering::Less);
            prop_assert_eq!(order(&format!("{version}+{more}"), &version), Ordering::Greater);
        }

        #[test]
        fn a_higher_epoch_decides(a in any_version(), b in any_version()) {
            let bare = |text: &str| text.split_once(':').map_or(text, |(_, rest)| rest).to_owned();
            let (low, high) = (format!("4:{}", bare(&a)), format!("5:{}", bare(&b)));
            prop_assert_eq!(order(&low, &high), Ordering::Less);
        }

        #[test]
        fn no_text_at_all_makes_the_comparison_fail(a in ".{0,20}", b in ".{0,20}") {
            prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
        }
    }
}
