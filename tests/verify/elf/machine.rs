//! The platforms as ELF files and C libraries name them.
//!
//! A table of its own, so that what the tests make does not depend on the table under test.
//!
//! Sources: the processor supplements of the System V ABI; Debian's multiarch tuples; glibc's
//! `shlib-versions` for linkers and first versions.

/// One platform.
#[derive(Debug)]
pub(crate) struct Machine {
    /// As OCI has it.
    pub(crate) platform: &'static str,
    /// `e_machine`.
    pub(crate) number: u16,
    /// 32 or 64.
    pub(crate) bits: u8,
    pub(crate) little: bool,
    /// `e_flags` of the usual ABI.
    pub(crate) flags: u32,
    /// The dynamic linker of glibc.
    pub(crate) glibc: &'static str,
    /// The architecture as musl has it.
    pub(crate) musl: &'static str,
    /// The folder of Debian's libraries.
    pub(crate) triple: &'static str,
    /// The first version of glibc's symbols.
    pub(crate) first: &'static str,
}

const fn machine(
    platform: &'static str,
    (number, bits, little, flags): (u16, u8, bool, u32),
    glibc: &'static str,
    musl: &'static str,
    triple: &'static str,
    first: &'static str,
) -> Machine {
    Machine {
        platform,
        number,
        bits,
        little,
        flags,
        glibc,
        musl,
        triple,
        first,
    }
}

/// Every platform.
pub(crate) static MACHINES: [Machine; 12] = [
    machine(
        "linux/amd64",
        (62, 64, true, 0),
        "/lib64/ld-linux-x86-64.so.2",
        "x86_64",
        "x86_64-linux-gnu",
        "GLIBC_2.2.5",
    ),
    machine(
        "linux/arm64",
        (183, 64, true, 0),
        "/lib/ld-linux-aarch64.so.1",
        "aarch64",
        "aarch64-linux-gnu",
        "GLIBC_2.17",
    ),
    machine(
        "linux/arm/v7",
        (40, 32, true, 0x0500_0400),
        "/lib/ld-linux-armhf.so.3",
        "armhf",
        "arm-linux-gnueabihf",
        "GLIBC_2.4",
    ),
    machine(
        "linux/arm/v6",
        (40, 32, true, 0x0500_0400),
        "/lib/ld-linux-armhf.so.3",
        "armhf",
        "arm-linux-gnueabihf",
        "GLIBC_2.4",
    ),
    machine(
        "linux/arm/v5",
        (40, 32, true, 0x0500_0200),
        "/lib/ld-linux.so.3",
        "arm",
        "arm-linux-gnueabi",
        "GLIBC_2.4",
    ),
    machine(
        "linux/386",
        (3, 32, true, 0),
        "/lib/ld-linux.so.2",
        "i386",
        "i386-linux-gnu",
        "GLIBC_2.0",
    ),
    machine(
        "linux/riscv64",
        (243, 64, true, 5),
        "/lib/ld-linux-riscv64-lp64d.so.1",
        "riscv64",
        "riscv64-linux-gnu",
        "GLIBC_2.27",
    ),
    machine(
        "linux/ppc64le",
        (21, 64, true, 2),
        "/lib64/ld64.so.2",
        "powerpc64le",
        "powerpc64le-linux-gnu",
        "GLIBC_2.17",
    ),
    machine(
        "linux/s390x",
        (22, 64, false, 0),
        "/lib/ld64.so.1",
        "s390x",
        "s390x-linux-gnu",
        "GLIBC_2.2",
    ),
    machine(
        "linux/mips64le",
        (8, 64, true, 0x8000_0006),
        "/lib64/ld.so.1",
        "mips64el",
        "mips64el-linux-gnuabi64",
        "GLIBC_2.2",
    ),
    machine(
        "linux/mips64",
        (8, 64, false, 0x8000_0006),
        "/lib64/ld.so.1",
        "mips64",
        "mips64-linux-gnuabi64",
        "GLIBC_2.2",
    ),
    machine(
        "linux/loong64",
        (258, 64, true, 0x43),
        "/lib64/ld-linux-loongarch-lp64d.so.1",
        "loongarch64",
        "loongarch64-linux-gnu",
        "GLIBC_2.36",
    ),
];

/// The one of this name; a variant that is not in the table is that of its architecture.
pub(crate) fn of(platform: &str) -> &'static Machine {
    let architecture = |name: &str| name.split('/').nth(1).map(str::to_owned);
    let exact = MACHINES.iter().find(|one| one.platform == platform);
    exact
        .or_else(|| {
            let mut same = MACHINES.iter();
            same.find(|one| architecture(one.platform) == architecture(platform))
        })
        .unwrap_or_else(|| panic!("{platform} is not in the table of the tests"))
}

impl Machine {
    /// The dynamic linker of musl.
    pub(crate) fn musl_loader(&self) -> String {
        format!("/lib/ld-musl-{}.so.1", self.musl)
    }

    /// What Alpine's programs need.
    pub(crate) fn musl_libc(&self) -> String {
        format!("libc.musl-{}.so.1", self.musl)
    }

    /// The versions that the libc of Debian 12 defines, as far as the tests need them.
    pub(crate) fn versions(&self) -> Vec<&'static str> {
        const LATER: [&str; 4] = ["GLIBC_2.17", "GLIBC_2.28", "GLIBC_2.34", "GLIBC_2.36"];
        let number = |version: &str| {
            let minor = version.split('.').nth(1);
            minor.and_then(|minor| minor.parse::<u32>().ok())
        };
        let later = LATER
            .into_iter()
            .filter(|version| number(version) > number(self.first));
        [self.first].into_iter().chain(later).collect()
    }

    /// The version that `__libc_start_main` has.
    pub(crate) fn start_version(&self) -> &'static str {
        let versions = self.versions();
        let start = versions.iter().find(|version| **version == "GLIBC_2.34");
        start.copied().unwrap_or(self.first)
    }

    /// `.ARM.attributes` of what gcc makes for the variant; empty for other processors.
    pub(crate) fn attributes(&self) -> Vec<(u8, u8)> {
        match self.platform {
            // Tag_CPU_arch, Tag_CPU_arch_profile, Tag_FP_arch, Tag_ABI_VFP_args.
            "linux/arm/v7" => vec![(6, 10), (7, 65), (10, 4), (28, 1)],
            "linux/arm/v6" => vec![(6, 6), (10, 2), (28, 1)],
            "linux/arm/v5" => vec![(6, 4)],
            _ => Vec::new(),
        }
    }
}
