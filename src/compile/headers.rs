//! Headers that a compiler did not find: which they are, and which Debian package has them.
//!
//! Comes in: what a compiler has said, in the form of clang's and gcc's fatal errors. Goes out: the
//! way out, for the `[sysroot]` table. What the compiler has said is shown as it is; it is in the
//! compiler's own format, which its manual describes, and not in ours.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use super::{Failure, libraries};

/// Which package has a header; the file itself says how it is read.
const PACKAGES: &str = include_str!("headers.txt");

/// The most names that a hint has.
const NAMED: usize = 4;

/// A header that was not found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Missing<'a> {
    name: &'a str,
    /// Whether the source means one of the system's, `<name>`.
    system: bool,
}

/// What mends these failures, where it is a header that is missing.
pub(super) fn hint(failures: &[Failure]) -> Option<String> {
    let missing: BTreeSet<Missing<'_>> = failures
        .iter()
        .flat_map(|failure| missing(&failure.message))
        .collect();
    let mut packages: BTreeMap<&str, &str> = BTreeMap::new();
    for one in &missing {
        if let Some(package) = package(one.name) {
            packages.entry(package).or_insert(one.name);
        }
    }
    let used = libraries::sysroot(failures, "compiler");
    if !packages.is_empty() {
        let has = |(package, header): (&&str, &&str)| format!("`{header}` is in `{package}`");
        let named: Vec<String> = packages.iter().take(NAMED).map(has).collect();
        let listed: Vec<String> = packages.keys().map(|name| format!("\"{name}\"")).collect();
        return Some(format!(
            "{}: `packages = [{}]` under `[sysroot]`{used}",
            named.join(", "),
            listed.join(", ")
        ));
    }
    // A header of the project's own is no package's.
    let unknown = missing.iter().find(|one| one.system)?;
    Some(format!(
        "if a library of Debian's has `{}`, name its package: `packages = [\"NAME-dev\"]` under \
         `[sysroot]`{used}",
        unknown.name
    ))
}

/// The headers that a compiler has not found. clang: `FILE:LINE:COLUMN: fatal error: 'NAME' file
/// not found`, gcc: `…: fatal error: NAME: No such file or directory`, each with the line of the
/// source below it.
fn missing(message: &str) -> Vec<Missing<'_>> {
    let mut found = Vec::new();
    let mut lines = message.lines().peekable();
    while let Some(line) = lines.next() {
        let Some((_, said)) = line.split_once(": fatal error: ") else {
            continue;
        };
        let said = said.trim_end();
        let by_clang = said
            .strip_prefix('\'')
            .and_then(|rest| rest.strip_suffix("' file not found"));
        let name = by_clang.or_else(|| said.strip_suffix(": No such file or directory"));
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            let source = lines.peek().copied().unwrap_or_default();
            let system = !source.contains(&format!("\"{name}\""));
            found.push(Missing { name, system });
        }
    }
    found
}

/// The package of a header: the longest path that fits.
fn package(header: &str) -> Option<&'static str> {
    static KNOWN: LazyLock<BTreeMap<&'static str, &'static str>> = LazyLock::new(|| {
        let lines = PACKAGES.lines().filter(|line| !line.starts_with('#'));
        lines.filter_map(|line| line.split_once(' ')).collect()
    });
    let folders = header
        .rmatch_indices('/')
        .map(|(index, _)| &header[..=index]);
    std::iter::once(header)
        .chain(folders)
        .find_map(|path| KNOWN.get(path).copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hinted(message: &str) -> Option<String> {
        hint(&[Failure {
            platforms: Vec::new(),
            status: "exit status 1".to_owned(),
            message: message.to_owned(),
        }])
    }

    #[test]
    fn the_package_of_a_header_is_named_for_the_sysroot() {
        let said = "a.c:1:10: fatal error: 'zlib.h' file not found\n    1 | #include <zlib.h>\n\
                    b.c:2:10: fatal error: 'openssl/ssl.h' file not found\n\
                    c.c:2:10: fatal error: openssl/err.h: No such file or directory\n";
        let hint = hinted(said).expect("a hint");
        assert_eq!(
            hint,
            "`openssl/err.h` is in `libssl-dev`, `zlib.h` is in `zlib1g-dev`: \
             `packages = [\"libssl-dev\", \"zlib1g-dev\"]` under `[sysroot]`"
        );
    }

    #[test]
    fn a_header_that_nobody_knows_may_be_a_package_s_and_the_projects_own_is_none() {
        let angled =
            "a.c:1:10: fatal error: 'odd/odd.h' file not found\n    1 | #include <odd/odd.h>\n";
        let hint = hinted(angled).expect("a hint");
        assert!(hint.contains("`odd/odd.h`"), "{hint}");
        assert!(hint.contains("`packages = [\"NAME-dev\"]`"), "{hint}");
        let quoted =
            "a.c:1:10: fatal error: 'config.h' file not found\n    1 | #include \"config.h\"\n";
        assert_eq!(hinted(quoted), None);
        for other in [
            "a.c:1:1: error: use of undeclared identifier 'x'",
            "a.c:1:1: fatal error: too many errors emitted",
            "make: *** no rule: fatal",
            "",
        ] {
            assert_eq!(hinted(other), None, "{other}");
        }
    }

    #[test]
    fn a_file_counts_before_its_folder_and_folders_from_the_innermost() {
        assert_eq!(package("boost/optional.hpp"), Some("libboost-dev"));
        assert_eq!(package("boost/regex.hpp"), Some("libboost-regex-dev"));
        assert_eq!(package("netlink/netlink.h"), Some("libnl-3-dev"));
        assert_eq!(package("netlink/genl/ctrl.h"), Some("libnl-genl-3-dev"));
        assert_eq!(package("own/zlib.h"), None);
        assert_eq!(package("openssl"), None);
    }

    #[test]
    fn every_line_of_the_list_is_a_path_and_a_package_in_order() {
        let lines = PACKAGES.lines().filter(|line| !line.starts_with('#'));
        let lines: Vec<Vec<&str>> = lines.map(|line| line.split(' ').collect()).collect();
        let sound = |word: &str| !word.is_empty() && word.is_ascii();
        for line in &lines {
            assert!(
                matches!(line[..], [header, package] if sound(header) && sound(package)),
                "{line:?}"
            );
        }
        assert!(lines.is_sorted_by(|one, next| one[0] < next[0]));
    }
}
