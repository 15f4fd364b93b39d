//! ARM's architectures and extensions, of 32 and of 64 bits.

use std::fmt::Write;

/// `armv8.2-a+crypto+nofp` becomes `generic+v8_2a+crypto-fp_armv8`.
pub(super) fn architecture64(name: &str) -> String {
    let (architecture, extensions) = split(name);
    let mut cpu = "generic".to_owned();
    match architecture.strip_prefix("armv").unwrap_or(architecture) {
        "8-a" => {}
        version => {
            let _ = write!(cpu, "+v{}", level(version));
        }
    }
    add(&mut cpu, extensions, feature64);
    cpu
}

/// `cortex-a53+crypto` becomes `cortex_a53+crypto`.
pub(super) fn cpu64(name: &str) -> String {
    let (cpu, extensions) = split(name);
    let mut cpu = super::respell(cpu);
    add(&mut cpu, extensions, feature64);
    cpu
}

/// `armv7-a+simd` becomes `generic+v7a+neon`. An ABI that passes floating-point arguments in
/// registers has registers for them, also where no unit was named.
pub(super) fn architecture32(name: &str, hard_float: bool) -> String {
    let (architecture, extensions) = split(name);
    let version = architecture.strip_prefix("armv").unwrap_or(architecture);
    let mut cpu = match version {
        "7" => "generic+v7a".to_owned(),
        "6z" | "6zk" => "generic+v6kz".to_owned(),
        version => format!("generic+v{}", level(version)),
    };
    let is_v8 = version.starts_with('8') || version.starts_with('9');
    let default = match version.as_bytes().first() {
        Some(b'7') => "vfp3d16",
        Some(b'8' | b'9') => "fp_armv8+neon",
        _ => "vfp2",
    };
    let units = ["fp", "simd", "vfp", "neon", "nofp", "crypto"];
    let has_unit = extensions
        .split('+')
        .any(|one| units.iter().any(|unit| one.starts_with(unit)));
    if hard_float && !has_unit {
        let _ = write!(cpu, "+{default}");
    }
    add(&mut cpu, extensions, |name| feature32(name, is_v8, default));
    cpu
}

/// `cortex-a7+nofp` becomes `cortex_a7`: a processor has the unit that it has.
pub(super) fn cpu32(name: &str) -> String {
    super::respell(split(name).0)
}

fn split(name: &str) -> (&str, &str) {
    name.split_once('+').unwrap_or((name, ""))
}

/// `8.2-a` becomes `8_2a`.
fn level(version: &str) -> String {
    version.replace('.', "_").replace('-', "")
}

/// Adds `+crypto+nofp` as `+crypto-fp_armv8`.
fn add(cpu: &mut String, extensions: &str, feature: impl Fn(&str) -> String) {
    for extension in extensions.split('+').filter(|one| !one.is_empty()) {
        let (sign, name) = match extension.strip_prefix("no") {
            Some(name) => ('-', name),
            None => ('+', extension),
        };
        let _ = write!(cpu, "{sign}{}", feature(name));
    }
}

/// LLVM's name of an extension that gcc and clang call otherwise on the command line.
fn feature64(name: &str) -> String {
    match name {
        "fp" => "fp_armv8",
        "simd" => "neon",
        "fp16" => "fullfp16",
        "rdma" => "rdm",
        "memtag" => "mte",
        "rng" => "rand",
        "profile" => "spe",
        "predres2" => "specres2",
        "sve2-bitperm" => "sve2_bitperm",
        other => return super::respell(other),
    }
    .to_owned()
}

fn feature32(name: &str, is_v8: bool, default: &str) -> String {
    match name {
        "fp" if is_v8 => "fp_armv8",
        "fp" => default,
        "simd" if is_v8 => "neon+fp_armv8",
        "simd" | "neon" | "neon-vfpv3" => "neon",
        "neon-vfpv4" => "neon+vfp4",
        "neon-fp16" => "neon+fp16",
        "vfpv2" => "vfp2",
        "vfpv3" => "vfp3",
        "vfpv3-d16" => "vfp3d16",
        "vfpv3-fp16" => "vfp3+fp16",
        "vfpv3-d16-fp16" => "vfp3d16+fp16",
        "vfpv4" => "vfp4",
        "vfpv4-d16" => "vfp4d16",
        "idiv" => "hwdiv+hwdiv_arm",
        "sec" => "trustzone",
        "fp16" => "fullfp16",
        other => return super::respell(other),
    }
    .to_owned()
}
