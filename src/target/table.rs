//! The table of names: every architecture with its variants, in every scheme.

use serde::{Deserialize, Serialize};

/// One architecture in every scheme of names.
#[derive(Debug)]
pub struct Architecture {
    /// OCI's and Go's name (GOARCH).
    pub name: &'static str,
    /// Other spellings that are accepted, each with the variant it implies (empty: the default).
    pub(super) aliases: &'static [(&'static str, &'static str)],
    /// The Go variable that the variant sets, if Go has one.
    pub(super) go_variable: Option<&'static str>,
    /// The variants, weakest first, with the value of the Go variable.
    pub(super) variants: &'static [Variant],
    /// The variant meant when none is given.
    pub(super) default: usize,
    /// Whether the default variant is left out when the platform is written.
    pub(super) elide_default: bool,
    /// `e_machine`, `EI_CLASS` (32 or 64) and whether `EI_DATA` is little-endian.
    pub elf: Elf,
    /// The suffix of QEMU's user-mode emulator.
    pub qemu: &'static str,
    /// Debian's name, where the variant does not have one of its own.
    pub(super) debian: &'static str,
    /// The processor in GNU triples.
    pub(super) gnu: &'static str,
    /// The processor in zig's and clang's triples.
    pub(super) clang: &'static str,
    /// What a triple's C library is followed by: `hf` of `gnueabihf` is the variant's to say.
    pub(super) abi: &'static str,
    /// Meson's family of processors.
    pub meson: &'static str,
}

/// One variant of an architecture.
#[derive(Debug)]
pub(super) struct Variant {
    /// As OCI spells it.
    pub(super) name: &'static str,
    /// As the Go variable has it.
    pub(super) go: &'static str,
    /// The processor as clang's names have it, with `_` for `-`; empty for the triple's own.
    pub(super) cpu: &'static str,
}

/// What the ELF header of every program for an architecture says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elf {
    /// `e_machine`.
    pub machine: u16,
    /// 32 or 64.
    pub bits: u8,
    /// Byte order.
    pub little_endian: bool,
}

const fn v(name: &'static str, go: &'static str, cpu: &'static str) -> Variant {
    Variant { name, go, cpu }
}

const fn elf(machine: u16, bits: u8, little_endian: bool) -> Elf {
    Elf {
        machine,
        bits,
        little_endian,
    }
}

/// Every architecture, in the order in which lists of platforms are written.
pub static TABLE: [&Architecture; 10] = [
    &Architecture {
        name: "amd64",
        aliases: &[("x86_64", ""), ("x86-64", ""), ("x64", "")],
        go_variable: Some("GOAMD64"),
        variants: &[
            v("v1", "v1", ""),
            v("v2", "v2", "x86_64_v2"),
            v("v3", "v3", "x86_64_v3"),
            v("v4", "v4", "x86_64_v4"),
        ],
        default: 0,
        elide_default: true,
        elf: elf(62, 64, true),
        qemu: "x86_64",
        debian: "amd64",
        gnu: "x86_64",
        clang: "x86_64",
        abi: "",
        meson: "x86_64",
    },
    &Architecture {
        name: "arm64",
        aliases: &[("aarch64", ""), ("arm64v8", "")],
        go_variable: Some("GOARM64"),
        variants: &[
            v("v8", "v8.0", ""),
            v("v8.1", "v8.1", "generic+v8_1a"),
            v("v8.2", "v8.2", "generic+v8_2a"),
            v("v8.3", "v8.3", "generic+v8_3a"),
            v("v8.4", "v8.4", "generic+v8_4a"),
            v("v8.5", "v8.5", "generic+v8_5a"),
            v("v8.6", "v8.6", "generic+v8_6a"),
            v("v8.7", "v8.7", "generic+v8_7a"),
            v("v8.8", "v8.8", "generic+v8_8a"),
            v("v8.9", "v8.9", "generic+v8_9a"),
            v("v9", "v9.0", "generic+v9a"),
            v("v9.1", "v9.1", "generic+v9_1a"),
            v("v9.2", "v9.2", "generic+v9_2a"),
            v("v9.3", "v9.3", "generic+v9_3a"),
            v("v9.4", "v9.4", "generic+v9_4a"),
            v("v9.5", "v9.5", "generic+v9_5a"),
        ],
        default: 0,
        elide_default: true,
        elf: elf(183, 64, true),
        qemu: "aarch64",
        debian: "arm64",
        gnu: "aarch64",
        clang: "aarch64",
        abi: "",
        meson: "aarch64",
    },
    &Architecture {
        name: "arm",
        aliases: &[
            ("armhf", "v7"),
            ("armel", "v6"),
            ("armv7", "v7"),
            ("armv7l", "v7"),
            ("armv6", "v6"),
            ("armv6l", "v6"),
            ("armv5", "v5"),
            ("arm32v7", "v7"),
            ("arm32v6", "v6"),
            ("arm32v5", "v5"),
        ],
        go_variable: Some("GOARM"),
        variants: &[
            v("v5", "5", "arm926ej_s"),
            v("v6", "6", "arm1176jzf_s"),
            v("v7", "7", "generic+v7a+vfp3d16"),
        ],
        default: 2,
        elide_default: false,
        elf: elf(40, 32, true),
        qemu: "arm",
        debian: "armhf",
        gnu: "arm",
        clang: "arm",
        abi: "eabi",
        meson: "arm",
    },
    &Architecture {
        name: "386",
        aliases: &[("i386", ""), ("i686", ""), ("x86", "")],
        go_variable: Some("GO386"),
        variants: &[v("sse2", "sse2", ""), v("softfloat", "softfloat", "")],
        default: 0,
        elide_default: true,
        elf: elf(3, 32, true),
        qemu: "i386",
        debian: "i386",
        gnu: "i686",
        clang: "x86",
        abi: "",
        meson: "x86",
    },
    &Architecture {
        name: "riscv64",
        aliases: &[("riscv64gc", "")],
        go_variable: Some("GORISCV64"),
        variants: &[
            v("rva20u64", "rva20u64", ""),
            v("rva22u64", "rva22u64", "baseline_rv64+rva22u64"),
            v("rva23u64", "rva23u64", "baseline_rv64+rva23u64"),
        ],
        default: 0,
        elide_default: true,
        elf: elf(243, 64, true),
        qemu: "riscv64",
        debian: "riscv64",
        gnu: "riscv64",
        clang: "riscv64",
        abi: "",
        meson: "riscv64",
    },
    &Architecture {
        name: "ppc64le",
        aliases: &[("ppc64el", ""), ("powerpc64le", "")],
        go_variable: Some("GOPPC64"),
        variants: &[
            v("power8", "power8", ""),
            v("power9", "power9", "pwr9"),
            v("power10", "power10", "pwr10"),
        ],
        default: 0,
        elide_default: true,
        elf: elf(21, 64, true),
        qemu: "ppc64le",
        debian: "ppc64el",
        gnu: "powerpc64le",
        clang: "powerpc64le",
        abi: "",
        meson: "ppc64",
    },
    &Architecture {
        name: "s390x",
        aliases: &[],
        go_variable: None,
        variants: &[],
        default: 0,
        elide_default: true,
        elf: elf(22, 64, false),
        qemu: "s390x",
        debian: "s390x",
        gnu: "s390x",
        clang: "s390x",
        abi: "",
        meson: "s390x",
    },
    &Architecture {
        name: "mips64le",
        aliases: &[("mips64el", "")],
        go_variable: Some("GOMIPS64"),
        variants: &[
            v("hardfloat", "hardfloat", ""),
            v("softfloat", "softfloat", ""),
        ],
        default: 0,
        elide_default: true,
        elf: elf(8, 64, true),
        qemu: "mips64el",
        debian: "mips64el",
        gnu: "mips64el",
        clang: "mips64el",
        abi: "abi64",
        meson: "mips64",
    },
    &Architecture {
        name: "mips64",
        aliases: &[],
        go_variable: Some("GOMIPS64"),
        variants: &[
            v("hardfloat", "hardfloat", ""),
            v("softfloat", "softfloat", ""),
        ],
        default: 0,
        elide_default: true,
        elf: elf(8, 64, false),
        qemu: "mips64",
        debian: "mips64",
        gnu: "mips64",
        clang: "mips64",
        abi: "abi64",
        meson: "mips64",
    },
    &Architecture {
        name: "loong64",
        aliases: &[("loongarch64", "")],
        go_variable: None,
        variants: &[],
        default: 0,
        elide_default: true,
        elf: elf(258, 64, true),
        qemu: "loongarch64",
        debian: "loong64",
        gnu: "loongarch64",
        clang: "loongarch64",
        abi: "",
        meson: "loongarch64",
    },
];
