//! Names of processors: from gcc's and clang's spelling to zig's.
//!
//! `-march=armv8.2-a+crypto` comes in and `generic+v8_2a+crypto` goes out. zig has one option,
//! `-mcpu=`, whose value is an LLVM processor and LLVM features, both with `_` for `-`; gcc's
//! `-march=` names an architecture instead on most machines. Where a name is not known here it is
//! only respelled, and zig says that it does not know it.
//!
//! Sources: GCC's manual, "Machine-Dependent Options"; LLVM's tables of processors and features, as
//! `zig cc -mcpu=help` lists them; the RISC-V ISA manual, "ISA Extension Naming Conventions".

mod arm;
mod riscv;

use super::spec::Spec;

/// What the user asked for; of options given twice, the last.
#[derive(Debug, Default)]
pub(super) struct Wanted<'a> {
    /// `-march=`.
    pub(super) march: Option<&'a str>,
    /// `-mcpu=`.
    pub(super) mcpu: Option<&'a str>,
}

/// The value of zig's `-mcpu=`, and whether `native` was asked for: a cross compiler's own machine
/// says nothing about the target, so the platform's level stays.
pub(super) fn processor(spec: &Spec, wanted: &Wanted<'_>) -> (Option<String>, bool) {
    let native = wanted.march == Some("native") || wanted.mcpu == Some("native");
    let known = |name: Option<&'_ str>| name.filter(|name| *name != "native").map(str::to_owned);
    let march = known(wanted.march);
    let mcpu = known(wanted.mcpu);
    let asked = match spec.platform.architecture().name {
        // gcc's -mcpu= is -mtune= here.
        "amd64" | "386" => march.as_deref().map(x86),
        "arm64" => pick(
            march.as_deref(),
            mcpu.as_deref(),
            arm::architecture64,
            arm::cpu64,
        ),
        "arm" => {
            let hard = spec.triple.ends_with("hf");
            let architecture = |name: &str| arm::architecture32(name, hard);
            pick(march.as_deref(), mcpu.as_deref(), architecture, arm::cpu32)
        }
        "riscv64" => pick(
            march.as_deref(),
            mcpu.as_deref(),
            riscv::architecture,
            respell,
        ),
        "ppc64le" => mcpu.as_deref().or(march.as_deref()).map(power),
        "loong64" => march.as_deref().or(mcpu.as_deref()).map(loongarch),
        // s390x and MIPS: LLVM's names are gcc's.
        _ => march.or(mcpu),
    };
    let platform = Some(spec.cpu.clone()).filter(|cpu| !cpu.is_empty());
    (asked.or(platform), native)
}

/// An architecture, where both are given, decides what code may use; the processor is then only
/// what it is tuned for.
fn pick(
    march: Option<&str>,
    mcpu: Option<&str>,
    architecture: impl Fn(&str) -> String,
    cpu: impl Fn(&str) -> String,
) -> Option<String> {
    march.map(architecture).or_else(|| mcpu.map(cpu))
}

/// A name in zig's spelling.
fn respell(name: &str) -> String {
    name.replace(['-', '.'], "_")
}

fn x86(name: &str) -> String {
    match name {
        "core-avx2" => "haswell".to_owned(),
        "core-avx-i" => "ivybridge".to_owned(),
        "corei7-avx" => "sandybridge".to_owned(),
        _ => respell(name),
    }
}

/// gcc says `power9`, LLVM `pwr9`.
fn power(name: &str) -> String {
    match name.strip_prefix("power") {
        Some("pc64le") => "ppc64le".to_owned(),
        Some(version) if version.starts_with(|first: char| first.is_ascii_digit()) => {
            format!("pwr{version}")
        }
        _ => respell(name),
    }
}

fn loongarch(name: &str) -> String {
    match name {
        "la64v1.0" => "loongarch64+lsx+ual".to_owned(),
        "la64v1.1" => "loongarch64+lsx+ual+frecipe+lam_bh+lamcas+ld_seq_sa+div32+scq".to_owned(),
        _ => respell(name),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::spec;
    use super::*;

    #[test]
    fn names_of_gcc_and_clang_become_those_of_zig() {
        for (platform, march, mcpu, expected) in [
            ("linux/amd64", "x86-64-v3", "", "x86_64_v3"),
            ("linux/amd64", "x86-64", "", "x86_64"),
            ("linux/amd64", "haswell", "", "haswell"),
            ("linux/amd64", "core-avx2", "", "haswell"),
            ("linux/amd64", "skylake-avx512", "", "skylake_avx512"),
            ("linux/amd64", "", "haswell", ""),
            ("linux/amd64/v3", "", "", "x86_64_v3"),
            ("linux/amd64/v3", "x86-64", "", "x86_64"),
            ("linux/arm64", "", "", ""),
            ("linux/arm64", "armv8-a", "", "generic"),
            (
                "linux/arm64",
                "armv8.2-a+crypto",
                "",
                "generic+v8_2a+crypto",
            ),
            (
                "linux/arm64",
                "armv8-a+nosimd+fp",
                "",
                "generic-neon+fp_armv8",
            ),
            (
                "linux/arm64",
                "armv9-a+sve2-aes",
                "",
                "generic+v9a+sve2_aes",
            ),
            ("linux/arm64", "armv9.1-a", "", "generic+v9_1a"),
            ("linux/arm64", "", "cortex-a53", "cortex_a53"),
            (
                "linux/arm64",
                "",
                "cortex-a76+crypto+nofp16",
                "cortex_a76+crypto-fullfp16",
            ),
            ("linux/arm64", "", "neoverse-n1", "neoverse_n1"),
            ("linux/arm64", "armv8-a+crc", "cortex-a53", "generic+crc"),
            ("linux/arm64/v8.2", "", "", "generic+v8_2a"),
            ("linux/arm64", "native", "", ""),
            ("linux/arm64/v8.2", "", "native", "generic+v8_2a"),
            ("linux/arm/v7", "", "", "generic+v7a+vfp3d16"),
            ("linux/arm/v7", "armv7-a", "", "generic+v7a+vfp3d16"),
            ("linux/arm/v7", "armv7-a+simd", "", "generic+v7a+neon"),
            (
                "linux/arm/v7",
                "armv7-a+neon-vfpv4",
                "",
                "generic+v7a+neon+vfp4",
            ),
            ("linux/arm/v7", "armv7ve+fp", "", "generic+v7ve+vfp3d16"),
            ("linux/arm/v7", "armv8-a", "", "generic+v8a+fp_armv8+neon"),
            ("linux/arm/v7", "", "cortex-a7", "cortex_a7"),
            ("linux/arm/v6", "armv6zk", "", "generic+v6kz+vfp2"),
            ("linux/arm/v6", "", "arm1176jzf-s", "arm1176jzf_s"),
            ("linux/arm/v5", "armv5te", "", "generic+v5te"),
            ("linux/arm/v5", "", "arm926ej-s", "arm926ej_s"),
            (
                "linux/riscv64",
                "rv64gc",
                "",
                "generic_rv64+i+m+a+f+d+zicsr+zifencei+c",
            ),
            (
                "linux/riscv64",
                "rv64imafdc_zba1p0_zbb",
                "",
                "generic_rv64+i+m+a+f+d+c+zba+zbb",
            ),
            ("linux/riscv64", "rv64i2p1_m2p0", "", "generic_rv64+i+m"),
            ("linux/riscv64", "rva22u64_v", "", "generic_rv64+rva22u64+v"),
            ("linux/riscv64", "", "sifive-u74", "sifive_u74"),
            ("linux/ppc64le", "", "power9", "pwr9"),
            ("linux/ppc64le", "", "powerpc64le", "ppc64le"),
            ("linux/s390x", "z13", "", "z13"),
            ("linux/s390x", "zEC12", "", "zEC12"),
            ("linux/mips64le", "mips64r2", "", "mips64r2"),
            ("linux/mips64le", "octeon+", "", "octeon+"),
            ("linux/loong64", "la464", "", "la464"),
            ("linux/loong64", "loongarch64", "", "loongarch64"),
            ("linux/loong64", "la64v1.0", "", "loongarch64+lsx+ual"),
        ] {
            let given = |text: &'static str| Some(text).filter(|text| !text.is_empty());
            let wanted = Wanted {
                march: given(march),
                mcpu: given(mcpu),
            };
            let (found, native) = processor(&spec(platform, "musl"), &wanted);
            let expected = Some(expected.to_owned()).filter(|text| !text.is_empty());
            assert_eq!(found, expected, "{platform} {march} {mcpu}");
            assert_eq!(native, march == "native" || mcpu == "native");
        }
    }
}
