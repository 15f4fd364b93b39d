//! Patterns for files inside a tree: `bin/` is everything below, `*` stands for any part of one
//! name.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

/// A pattern for paths with `/` between the parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the path is meant.
    pub fn matches(&self, path: &str) -> bool {
        let (pattern, below) = match self.0.strip_suffix('/') {
            Some(folder) => (folder, true),
            None => (self.0.as_str(), false),
        };
        let mut parts = path.split('/');
        for expected in pattern.split('/') {
            match parts.next() {
                Some(part) if segment(expected.as_bytes(), part.as_bytes()) => {}
                _ => return false,
            }
        }
        parts.next().is_some() == below
    }
}

/// Matches one name; `*` is taken as short as possible first and longer on the way back.
fn segment(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(letter) if *letter == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match &mut star {
                Some((at, from)) => {
                    *from += 1;
                    (p, t) = (*at + 1, *from);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|letter| *letter == b'*')
}

impl FromStr for Pattern {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_names_and_stars_match() {
        for (pattern, path, expected) in [
            ("bin/", "bin/go", true),
            ("bin/", "bin/sub/go", true),
            ("bin/", "bin", false),
            ("bin/", "sbin/go", false),
            ("bin/go", "bin/go", true),
            ("bin/go", "bin/gofmt", false),
            ("bin/go*", "bin/gofmt", true),
            ("pkg/tool/*/", "pkg/tool/linux_amd64/link", true),
            ("pkg/*/link", "pkg/tool/linux_amd64/link", false),
            ("*.sh", "a.sh", true),
            ("*.sh", "d/a.sh", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
        ] {
            let pattern: Pattern = pattern.parse().unwrap();
            assert_eq!(pattern.matches(path), expected, "{pattern} {path}");
        }
    }
}
