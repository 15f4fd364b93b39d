//! Whether a file's calling conventions are those of its platform.
//!
//! A static program chooses its own as long as the processor has what it needs; a dynamic one has
//! to share that of the platform's libraries.
//!
//! Sources: those of [`super::abi`] and [`super::attributes`].

use super::abi::{Abi, Float, MipsConvention};
use super::attributes::VfpArgs;
use super::check::Finding;
use super::facts::Facts;
use super::level::{arm_flags, arm_variant};
use crate::target::Platform;

/// The first thing about the file's calling conventions that does not fit.
pub(super) fn conventions(facts: &Facts, platform: Platform) -> Option<Finding> {
    let (expected, found, hint) = match facts.abi {
        Abi::Arm { eabi, .. } if eabi < 5 => (
            "version 5 of the ARM EABI".to_owned(),
            format!("version {eabi}"),
            None,
        ),
        Abi::Arm { float, .. } => return arm_calls(facts, platform, float),
        Abi::Mips { convention, .. } if convention != MipsConvention::N64 => (
            "the n64 calling convention".to_owned(),
            convention.to_string(),
            Some("compile it with `-mabi=64`".to_owned()),
        ),
        Abi::Mips { revision, .. } if !revision.before_release_6() => (
            "MIPS64 release 2 at most".to_owned(),
            revision.to_string(),
            Some("compile it with `-march=mips64r2`".to_owned()),
        ),
        Abi::RiscV { embedded: true, .. } => (
            "the base instruction set with 32 registers".to_owned(),
            "the one with 16 (E)".to_owned(),
            Some("compile it with `-march=rv64gc -mabi=lp64d`".to_owned()),
        ),
        Abi::RiscV { float, .. }
            if float == Float::Quad || (facts.is_dynamic() && float != Float::Double) =>
        {
            (
                "double-float calls (lp64d)".to_owned(),
                float.to_string(),
                Some("compile it with `-march=rv64gc -mabi=lp64d`".to_owned()),
            )
        }
        Abi::Ppc64(1) => (
            "version 2 of the 64-bit PowerPC ABI".to_owned(),
            "version 1".to_owned(),
            Some("compile it with `-mabi=elfv2`".to_owned()),
        ),
        Abi::LoongArch { float: Some(float) } if facts.is_dynamic() && float != Float::Double => (
            "double-float calls (lp64d)".to_owned(),
            float.to_string(),
            Some("compile it with `-mabi=lp64d`".to_owned()),
        ),
        Abi::Mips { .. }
        | Abi::RiscV { .. }
        | Abi::Ppc64(_)
        | Abi::LoongArch { .. }
        | Abi::Other(_) => return None,
    };
    Some(Finding {
        expected,
        found,
        hint,
    })
}

/// The header says how arguments are passed since binutils 2.23; `.ARM.attributes` always does.
fn arm_calls(facts: &Facts, platform: Platform, header: Option<Float>) -> Option<Finding> {
    let variant = arm_variant(platform)?;
    let attribute = facts.attributes.map(|attributes| attributes.vfp_args);
    let hard = match (header, attribute) {
        (Some(float), _) => float != Float::Soft,
        (None, Some(VfpArgs::Vfp)) => true,
        (None, Some(VfpArgs::Base)) => false,
        (None, Some(VfpArgs::Either | VfpArgs::Toolchain) | None) => return None,
    };
    let [soft_calls, hard_calls] = ["soft-float calls", "hard-float calls"].map(str::to_owned);
    let (expected, found) = match (variant, hard) {
        (5, true) => (soft_calls, hard_calls),
        (6.., false) if facts.is_dynamic() => (hard_calls, soft_calls),
        _ => return None,
    };
    Some(Finding {
        expected,
        found,
        hint: Some(arm_flags(variant)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elf::sample::Sample;
    use std::path::Path;

    /// What is found wrong with a static and with a dynamic program that has these flags.
    fn found(on: &str, flags: u32) -> [Option<String>; 2] {
        let platform: Platform = on.parse().unwrap();
        [None, Some("/lib/ld.so.1")].map(|interpreter| {
            let sample = Sample {
                flags,
                interpreter,
                ..Sample::new(platform.architecture().elf)
            };
            let reader = std::io::Cursor::new(sample.bytes());
            let facts = Facts::from_reader(reader, Path::new("app")).unwrap();
            conventions(&facts, platform).map(|finding| finding.found)
        })
    }

    fn both(text: &str) -> [Option<String>; 2] {
        [Some(text.to_owned()), Some(text.to_owned())]
    }

    fn dynamic(text: &str) -> [Option<String>; 2] {
        [None, Some(text.to_owned())]
    }

    #[test]
    fn the_usual_flags_of_each_platform_fit() {
        for platform in Platform::all() {
            let flags = match platform.to_string().as_str() {
                "linux/arm/v5" => 0x0500_0200,
                _ => Sample::usual(platform.architecture().elf).flags,
            };
            assert_eq!(
                found(&platform.to_string(), flags),
                [None, None],
                "{platform}"
            );
        }
    }

    #[test]
    fn float_arguments_on_arm_follow_the_variant() {
        assert_eq!(found("linux/arm/v5", 0x0500_0400), both("hard-float calls"));
        assert_eq!(
            found("linux/arm/v7", 0x0500_0200),
            dynamic("soft-float calls")
        );
        assert_eq!(found("linux/arm/v7", 0x0500_0002), [None, None]);
        assert_eq!(found("linux/arm/v7", 0x0200_0000), both("version 2"));
    }

    #[test]
    fn conventions_of_another_kind_of_system_are_found() {
        assert_eq!(
            found("linux/mips64le", 0xa000_0004),
            both("MIPS64 release 6")
        );
        assert_eq!(found("linux/mips64le", 0x8000_0024), both("n32"));
        assert_eq!(found("linux/riscv64", 0), dynamic("soft-float"));
        assert_eq!(found("linux/riscv64", 6), both("quad-float"));
        assert_eq!(found("linux/riscv64", 8 | 4), both("the one with 16 (E)"));
        assert_eq!(found("linux/ppc64le", 1), both("version 1"));
        assert_eq!(found("linux/ppc64le", 0), [None, None]);
        assert_eq!(found("linux/loong64", 0x41), dynamic("soft-float"));
    }
}
