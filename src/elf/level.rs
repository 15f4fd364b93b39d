//! Whether a file asks for more of the processor than its platform's variant has.
//!
//! `.ARM.attributes` is believed where it is there, else what Go's linker wrote. A file with
//! neither proves nothing: [`Evidence::None`] lets the caller say so.

use super::attributes::Attributes;
use super::check::{Aspect, Finding};
use super::facts::Facts;
use super::gobuildinfo::BuildInfo;
use crate::target::Platform;

/// What in the file proves the processor variant it was compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// `.ARM.attributes`.
    Attributes,
    /// Go's build information.
    Go,
    /// Nothing, or the architecture has no variants.
    None,
}

/// What the file asks for beyond the platform, and what that was read from.
pub(super) fn compare(facts: &Facts, platform: Platform) -> (Vec<Finding>, Evidence) {
    if let (Some(attributes), Some(variant)) = (facts.attributes, arm_variant(platform)) {
        return (arm(attributes, variant), Evidence::Attributes);
    }
    let Some(go) = &facts.go else {
        return (Vec::new(), Evidence::None);
    };
    let Some((variable, has)) = go_variable(platform) else {
        return (Vec::new(), Evidence::None);
    };
    let Some(needs) = go.setting(variable) else {
        return (Vec::new(), Evidence::None);
    };
    if go_fits(variable, needs, has) {
        return (Vec::new(), Evidence::Go);
    }
    let finding = Finding {
        aspect: Aspect::Level,
        expected: format!("{variable}={has} or less"),
        found: format!("{variable}={needs}"),
        hint: Some(go_command(platform)),
    };
    (vec![finding], Evidence::Go)
}

/// A Go program that says it was compiled for another operating system.
pub(super) fn operating_system(go: Option<&BuildInfo>, platform: Platform) -> Option<Finding> {
    let found = go?.setting("GOOS")?;
    (found != platform.os()).then(|| Finding {
        aspect: Aspect::System,
        expected: format!("GOOS={}", platform.os()),
        found: format!("GOOS={found}"),
        hint: Some(go_command(platform)),
    })
}

/// The command that compiles a Go program for the platform.
pub(super) fn go_command(platform: Platform) -> String {
    let variables: Vec<String> = platform
        .go_environment()
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    format!("build it with `{} go build`", variables.join(" "))
}

/// 5, 6 or 7 on 32-bit ARM.
pub(super) fn arm_variant(platform: Platform) -> Option<u8> {
    match go_variable(platform)? {
        ("GOARM", variant) => variant.parse().ok(),
        _ => None,
    }
}

/// The flags with which a C compiler stays within a variant of 32-bit ARM.
pub(super) fn arm_flags(variant: u8) -> String {
    let flags = match variant {
        5 => "-march=armv5te -mfloat-abi=soft",
        6 => "-march=armv6+fp -mfloat-abi=hard -marm",
        _ => "-march=armv7-a+fp -mfloat-abi=hard",
    };
    format!("compile it, and what is linked into it, with `{flags}`")
}

fn arm(attributes: Attributes, variant: u8) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut add = |expected: String, found: String| {
        findings.push(Finding {
            aspect: Aspect::Level,
            expected,
            found,
            hint: Some(arm_flags(variant)),
        });
    };
    let beyond = |needs: Option<u8>| needs.is_none_or(|needs| needs > variant);
    if beyond(attributes.cpu.needs()) {
        add(
            format!("instructions of ARMv{variant} at most"),
            attributes.cpu.to_string(),
        );
    }
    if beyond(attributes.fp.needs()) {
        let most = match variant {
            5 => "no floating-point instructions",
            6 => "VFPv2 at most",
            _ => "VFPv4 at most",
        };
        add(most.to_owned(), attributes.fp.to_string());
    }
    findings
}

/// The Go variable of the platform's architecture and the value of its variant.
fn go_variable(platform: Platform) -> Option<(&'static str, &'static str)> {
    platform
        .go_environment()
        .into_iter()
        .find(|(name, _)| *name != "GOOS" && *name != "GOARCH")
}

/// Whether what was compiled for `needs` runs where there is `has`. A value that is not known is
/// one of a later Go, so it asks for more.
fn go_fits(variable: &str, needs: &str, has: &str) -> bool {
    let (level, options) = needs.split_once(',').unwrap_or((needs, ""));
    let option = |name: &str| options.split(',').any(|option| option == name);
    match variable {
        "GOARM" => {
            // 5 means soft float unless the option says otherwise; 6 and 7 hard float.
            let vfp = option("hardfloat");
            at_most(level, has) && !(has == "5" && vfp)
        }
        "GOARM64" => {
            let lse = option("lse") && has == "v8.0";
            !lse && arm64_fits(level, has)
        }
        "GO386" | "GOMIPS64" => level == "softfloat" || (level == has),
        _ => at_most(level, has),
    }
}

/// Compares `v3`, `power9`, `rva22u64`, `7` by their number, where what surrounds it is the same.
fn at_most(needs: &str, has: &str) -> bool {
    match (numbered(needs), numbered(has)) {
        (Some((before, needs, after)), Some((same, has, tail))) => {
            before == same && after == tail && needs <= has
        }
        _ => false,
    }
}

fn numbered(value: &str) -> Option<(&str, u32, &str)> {
    let start = value.find(|char: char| char.is_ascii_digit())?;
    let digits = value[start..]
        .find(|char: char| !char.is_ascii_digit())
        .map_or(value.len(), |length| start + length);
    Some((
        &value[..start],
        value[start..digits].parse().ok()?,
        &value[digits..],
    ))
}

/// Every v9.N has what v8.(N+5) has (Arm Architecture Reference Manual, "Armv9-A").
fn arm64_fits(needs: &str, has: &str) -> bool {
    let version = |text: &str| -> Option<(u32, u32)> {
        let (major, minor) = text.strip_prefix('v')?.split_once('.')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    };
    match (version(needs), version(has)) {
        (Some((8, needs)), Some((9, has))) => needs <= has + 5,
        (Some((major, needs)), Some((same, has))) => major == same && needs <= has,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_go_program_fits_where_it_asks_for_no_more_than_there_is() {
        for (variable, needs, has, fits) in [
            ("GOARM", "5", "7", true),
            ("GOARM", "7", "7", true),
            ("GOARM", "7", "6", false),
            ("GOARM", "6,softfloat", "6", true),
            ("GOARM", "7,softfloat", "6", false),
            ("GOARM", "5,hardfloat", "5", false),
            ("GOARM", "5,hardfloat", "6", true),
            ("GOAMD64", "v1", "v1", true),
            ("GOAMD64", "v3", "v1", false),
            ("GOAMD64", "v2", "v4", true),
            ("GOAMD64", "v5", "v4", false),
            ("GOAMD64", "strange", "v4", false),
            ("GOARM64", "v8.0", "v8.0", true),
            ("GOARM64", "v8.0,crypto", "v8.0", true),
            ("GOARM64", "v8.0,lse", "v8.0", false),
            ("GOARM64", "v8.0,lse", "v8.1", true),
            ("GOARM64", "v8.2", "v8.1", false),
            ("GOARM64", "v8.5", "v9.0", true),
            ("GOARM64", "v8.6", "v9.0", false),
            ("GOARM64", "v9.0", "v8.9", false),
            ("GOARM64", "v9.1", "v9.2", true),
            ("GO386", "softfloat", "sse2", true),
            ("GO386", "sse2", "softfloat", false),
            ("GOMIPS64", "softfloat", "hardfloat", true),
            ("GOMIPS64", "hardfloat", "softfloat", false),
            ("GOPPC64", "power8", "power9", true),
            ("GOPPC64", "power10", "power9", false),
            ("GORISCV64", "rva20u64", "rva20u64", true),
            ("GORISCV64", "rva22u64", "rva20u64", false),
            ("GORISCV64", "rvb22u64", "rva22u64", false),
        ] {
            assert_eq!(
                go_fits(variable, needs, has),
                fits,
                "{variable}: {needs} on {has}"
            );
        }
    }

    #[test]
    fn every_variant_of_the_table_fits_itself() {
        for platform in Platform::all() {
            if let Some((variable, value)) = go_variable(platform) {
                assert!(go_fits(variable, value, value), "{platform}");
            }
        }
    }
}
