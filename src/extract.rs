//! What any archive may not do to the directory that it is unpacked into: rules on names and on the
//! targets of links, as pure functions.
//!
//! Comes in: names as an archive has them. Goes out: the parts of a path that can only lead down, or
//! the reason why it is refused. Every extractor uses these rules; what lies at a path already is
//! its own to know.

/// More entries than any package or toolchain has.
pub const MOST_ENTRIES: usize = 2_000_000;
/// As long as a path may be on Linux (`PATH_MAX`).
pub const LONGEST_PATH: usize = 4096;

/// The parts of an entry's name, without empty ones and `.`; or what is wrong with it.
pub fn parts(name: &[u8]) -> Result<Vec<&str>, &'static str> {
    let name = std::str::from_utf8(name).map_err(|_| "has a name that is not UTF-8")?;
    if name.starts_with('/') {
        return Err("has an absolute path");
    }
    if name.len() > LONGEST_PATH || name.contains('\0') {
        return Err("has a path that can't be");
    }
    let mut parts = Vec::new();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => return Err("has a path with `..`"),
            part => parts.push(part),
        }
    }
    Ok(parts)
}

/// The target of a symbolic link as text; or what is wrong with it. Where it leads is not looked
/// at.
pub fn target(target: &[u8]) -> Result<&str, &'static str> {
    let target = std::str::from_utf8(target).map_err(|_| "links to a name that is not UTF-8")?;
    if target.is_empty() || target.len() > LONGEST_PATH || target.contains('\0') {
        return Err("links to a path that can't be");
    }
    Ok(target)
}

/// The parts of a link's target, without empty ones and `.`.
pub fn target_parts(target: &str) -> impl Iterator<Item = &str> {
    target.split('/').filter(|part| !matches!(*part, "" | "."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_down_or_are_refused() {
        assert_eq!(parts(b"./usr//lib/./x/"), Ok(vec!["usr", "lib", "x"]));
        assert_eq!(parts(b"./"), Ok(vec![]));
        for name in [&b"/x"[..], b"../x", b"a/../../x", b"a/..", b"\xff", b"a\0b"] {
            assert!(parts(name).is_err(), "{name:?}");
        }
        assert!(parts(&[b'a'; LONGEST_PATH + 1]).is_err());
    }

    #[test]
    fn targets_are_text_that_can_be_a_path() {
        assert_eq!(target(b"/lib/../x"), Ok("/lib/../x"));
        for text in [&b""[..], b"\xff", b"a\0b", &[b'a'; LONGEST_PATH + 1]] {
            assert!(target(text).is_err(), "{text:?}");
        }
        let parts: Vec<&str> = target_parts("/a//./../b/").collect();
        assert_eq!(parts, ["a", "..", "b"]);
    }
}
