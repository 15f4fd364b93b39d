//! How an image names its platform, and whether anybody can ask for that.
//!
//! Sources: OCI image specification 1.1, image-index.md, "Platform Variants"; config.md,
//! "architecture"; `go tool dist list` for the names; containerd's `platforms` package for what
//! clients normalise.

use super::finding::{Finding, Kind};
use super::graph::{field, severity};
use crate::oci::{Descriptor, Platform};
use crate::target;

/// Go's names of operating systems (`go tool dist list`, and those of gccgo).
const SYSTEMS: [&str; 17] = [
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "hurd",
    "illumos",
    "ios",
    "js",
    "linux",
    "nacl",
    "netbsd",
    "openbsd",
    "plan9",
    "solaris",
    "wasip1",
    "windows",
];
/// Go's names of architectures (`internal/syslist` has those that were and may be).
const ARCHITECTURES: [&str; 24] = [
    "386",
    "amd64",
    "amd64p32",
    "arm",
    "arm64",
    "arm64be",
    "armbe",
    "loong64",
    "mips",
    "mips64",
    "mips64le",
    "mips64p32",
    "mips64p32le",
    "mipsle",
    "ppc",
    "ppc64",
    "ppc64le",
    "riscv",
    "riscv64",
    "s390",
    "s390x",
    "sparc",
    "sparc64",
    "wasm",
];

/// Holds the platform of a manifest's descriptor, if it has one, against that of its config.
pub(super) fn check(entry: &Descriptor, config: &Platform) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut add = |kind, part: &str, expected: &str, found: &str| {
        findings.push(field(kind, severity(kind), part, expected, found));
    };
    let (part, platform) = match &entry.platform {
        Some(platform) => ("index: platform", platform),
        None => ("config: architecture", config),
    };
    if let Some((expected, found)) = unmatchable(platform) {
        add(Kind::PlatformUnmatchable, part, &expected, &found);
    } else if let Some(expected) = variant(platform) {
        let found = match &platform.variant {
            Some(variant) => format!("`{variant}`"),
            None => "none".to_owned(),
        };
        add(Kind::PlatformVariant, part, &expected, &found);
    }
    if entry.platform.is_some() {
        let same = (&platform.os, &platform.architecture) == (&config.os, &config.architecture);
        if !same || !variants_agree(platform, config) {
            let expected = format!("`{platform}`, as the index says");
            let found = format!("`{config}`");
            add(
                Kind::PlatformMismatch,
                "config: architecture",
                &expected,
                &found,
            );
        }
    }
    findings
}

/// What the platform's names should be, and which one is not.
fn unmatchable(platform: &Platform) -> Option<(String, String)> {
    if !SYSTEMS.contains(&platform.os.as_str()) {
        let expected = "an operating system as Go calls it, such as `linux`".to_owned();
        return Some((expected, format!("`{}`", platform.os)));
    }
    if !ARCHITECTURES.contains(&platform.architecture.as_str()) {
        let meant = target::Platform::from_oci("linux", &platform.architecture, None);
        let expected = match meant {
            Some(meant) => format!("`{}`", meant.architecture().name),
            None => "an architecture as Go calls it, such as `amd64`".to_owned(),
        };
        return Some((expected, format!("`{}`", platform.architecture)));
    }
    None
}

/// Which variants there are, where the platform has none of them.
fn variant(platform: &Platform) -> Option<String> {
    if platform.os != "linux" {
        return None;
    }
    let given = platform.variant.as_deref();
    match (platform.architecture.as_str(), given) {
        ("arm", None) => {
            Some("a variant, such as `v7`: without one clients take it for v7".to_owned())
        }
        // 32-bit programs for processors of v8.
        ("arm", Some("v8")) | (_, None) => None,
        (architecture, given) => {
            let known = target::Platform::from_oci("linux", architecture, None)?;
            let valid = target::Platform::from_oci("linux", architecture, given).is_some();
            (!valid).then(|| known.architecture().expected_variants())
        }
    }
}

/// Where one says nothing, it is what the other says; `v8` of arm64 is what all of them are.
fn variants_agree(one: &Platform, other: &Platform) -> bool {
    match (&one.variant, &other.variant) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}
