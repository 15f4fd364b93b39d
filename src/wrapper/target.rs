//! Options that say what is compiled for: right, they are left out; wrong, they are refused.
//!
//! A wrapper compiles for one platform. A build system that asks for another one has the wrong
//! compiler, and code for the wrong machine would only be found much later.

use super::Refusal;
use super::spec::Spec;
use crate::target::Platform;

/// Checks the value of `--target=` against the platform. `option` is what the user wrote.
pub(super) fn check(spec: &Spec, option: &str, target: &str) -> Result<(), Refusal> {
    let processor = target.split('-').next().unwrap_or(target);
    let fits = match spec.platform.architecture().name {
        "amd64" => matches!(processor, "x86_64" | "amd64") && !target.ends_with("x32"),
        "386" => {
            let end = processor
                .strip_prefix('i')
                .and_then(|rest| rest.strip_suffix("86"));
            processor == "x86" || end.is_some_and(|digit| digit.len() == 1)
        }
        "arm64" => matches!(processor, "aarch64" | "arm64"),
        "arm" => {
            let big = processor.starts_with("armeb") || processor.starts_with("arm64");
            (processor.starts_with("arm") || processor.starts_with("thumb")) && !big
        }
        "riscv64" => processor.starts_with("riscv64"),
        "ppc64le" => matches!(processor, "powerpc64le" | "ppc64le" | "ppc64el"),
        "mips64le" => processor.starts_with("mips") && processor.ends_with("el"),
        "mips64" => processor.starts_with("mips") && !processor.ends_with("el"),
        "loong64" => matches!(processor, "loongarch64" | "loong64"),
        other => processor == other,
    };
    let elsewhere = [
        "windows", "mingw", "darwin", "apple", "macos", "wasi", "freebsd",
    ];
    if fits && !elsewhere.iter().any(|system| target.contains(system)) {
        return Ok(());
    }
    Err(Refusal::disagrees(option, spec.platform))
}

/// Whether an option only says what the platform is; an error where it says something else.
pub(super) fn agrees(spec: &Spec, option: &str) -> Result<bool, Refusal> {
    let architecture = spec.platform.architecture();
    let holds = match option {
        "-m64" => Some(architecture.elf.bits == 64),
        "-m32" => Some(architecture.elf.bits == 32),
        "-m31" | "-mx32" => Some(false),
        "-EL" | "-mel" | "-mlittle" | "-mlittle-endian" => Some(architecture.elf.little_endian),
        "-EB" | "-meb" | "-mbig" | "-mbig-endian" => Some(!architecture.elf.little_endian),
        _ => None,
    };
    let holds = holds.or_else(|| {
        let abi = option.strip_prefix("-mabi=")?;
        let known = match architecture.name {
            "arm64" => &["lp64"][..],
            "arm" => &["aapcs", "aapcs-linux"],
            "riscv64" | "loong64" => &["lp64d"],
            "mips64" | "mips64le" => &["64"],
            "ppc64le" if abi.starts_with("elf") => &["elfv2"],
            _ => return None,
        };
        Some(known.contains(&abi))
    });
    let holds = holds.or_else(|| {
        let abi = option.strip_prefix("-mfloat-abi=")?;
        // What is between passes arguments as the soft one does.
        (architecture.name == "arm").then(|| (abi == "hard") == spec.triple.ends_with("hf"))
    });
    // The unit that the architecture has is what `auto` asks for.
    let holds = holds.or_else(|| (option == "-mfpu=auto").then_some(true));
    match holds {
        Some(true) => Ok(true),
        Some(false) => Err(Refusal::disagrees(option, spec.platform)),
        None => Ok(false),
    }
}

/// Whether `-mNAME` is the level of a MIPS platform: `-mips64r2` is `-march=mips64r2`.
pub(super) fn is_mips(platform: Platform, name: &str) -> bool {
    let is_level = name.starts_with("mips64") || matches!(name, "mips3" | "mips4");
    platform.architecture().name.starts_with("mips") && is_level
}

/// Sanitizers need a runtime library. zig has that of undefined behaviour, and can build the one for
/// threads.
pub(super) fn check_sanitizers(platform: Platform, kinds: &str) -> Result<(), Refusal> {
    for kind in kinds.split(',') {
        let missing = match kind {
            "address" | "leak" | "memory" | "hwaddress" | "dataflow" | "fuzzer" | "memtag"
            | "pointer-compare" | "pointer-subtract" | "realtime" | "type" => true,
            "thread" => !matches!(platform.architecture().name, "amd64" | "arm64"),
            _ => false,
        };
        if missing {
            return Err(Refusal::Sanitizer {
                kind: kind.to_owned(),
                platform,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::spec;
    use super::*;

    #[test]
    fn the_platforms_own_names_are_taken_and_others_refused() {
        for (platform, target, fits) in [
            ("linux/arm64", "aarch64-unknown-linux-musl", true),
            ("linux/arm64", "arm64-linux-gnu", true),
            ("linux/arm64", "aarch64-linux-gnu.2.36", true),
            ("linux/arm64", "x86_64-linux-gnu", false),
            ("linux/arm64", "aarch64-apple-darwin", false),
            ("linux/amd64", "x86_64-unknown-linux-gnu", true),
            ("linux/amd64", "x86_64-pc-windows-gnu", false),
            ("linux/amd64", "x86_64-linux-gnux32", false),
            ("linux/386", "i686-unknown-linux-musl", true),
            ("linux/386", "x86-linux-musl", true),
            ("linux/arm/v7", "armv7-unknown-linux-musleabihf", true),
            ("linux/arm/v7", "thumbv7neon-unknown-linux-gnueabihf", true),
            ("linux/arm/v7", "arm64-linux-gnu", false),
            ("linux/riscv64", "riscv64gc-unknown-linux-gnu", true),
            ("linux/ppc64le", "powerpc64le-unknown-linux-gnu", true),
            ("linux/ppc64le", "powerpc64-unknown-linux-gnu", false),
            ("linux/s390x", "s390x-unknown-linux-gnu", true),
            ("linux/mips64le", "mips64el-unknown-linux-gnuabi64", true),
            ("linux/mips64le", "mips64-unknown-linux-gnuabi64", false),
            ("linux/loong64", "loongarch64-unknown-linux-gnu", true),
        ] {
            let found = check(&spec(platform, "musl"), "--target=", target);
            assert_eq!(found.is_ok(), fits, "{platform} {target}");
        }
    }

    #[test]
    fn options_that_say_what_is_the_case_are_left_out() {
        for (platform, option, expected) in [
            ("linux/arm64", "-m64", Some(true)),
            ("linux/arm64", "-m32", None),
            ("linux/386", "-m32", Some(true)),
            ("linux/386", "-m64", None),
            ("linux/amd64", "-mx32", None),
            ("linux/arm64", "-mabi=lp64", Some(true)),
            ("linux/arm64", "-mabi=ilp32", None),
            ("linux/riscv64", "-mabi=lp64d", Some(true)),
            ("linux/riscv64", "-mabi=lp64", None),
            ("linux/amd64", "-mabi=ms", Some(false)),
            ("linux/ppc64le", "-mabi=elfv2", Some(true)),
            ("linux/ppc64le", "-mabi=ieeelongdouble", Some(false)),
            ("linux/arm/v7", "-mfloat-abi=hard", Some(true)),
            ("linux/arm/v7", "-mfloat-abi=softfp", None),
            ("linux/arm/v5", "-mfloat-abi=soft", Some(true)),
            ("linux/arm/v5", "-mfloat-abi=softfp", Some(true)),
            ("linux/mips64le", "-EL", Some(true)),
            ("linux/mips64", "-EL", None),
            ("linux/s390x", "-mbig-endian", Some(true)),
            ("linux/arm64", "-mstrict-align", Some(false)),
        ] {
            let found = agrees(&spec(platform, "musl"), option);
            assert_eq!(found.ok(), expected, "{platform} {option}");
        }
    }

    #[test]
    fn sanitizers_without_a_runtime_are_refused() {
        for (platform, kinds, fine) in [
            ("linux/arm64", "undefined", true),
            ("linux/arm64", "undefined,address", false),
            ("linux/arm64", "thread", true),
            ("linux/s390x", "thread", false),
            ("linux/amd64", "kernel-address", true),
            ("linux/amd64", "memory", false),
        ] {
            let found = check_sanitizers(platform.parse().unwrap(), kinds);
            assert_eq!(found.is_ok(), fine, "{platform} {kinds}");
        }
    }
}
