//! Names of directories that belong to a platform.
//!
//! Sources: Debian's multiarch tuples (<https://wiki.debian.org/Multiarch/Tuples>); the glibc
//! manual, "Hardware Capability Subdirectories" (ld.so(8)).

use super::{Glibc, Libc, Platform, Target};

impl Platform {
    /// Debian's name of the directory that holds its libraries: `aarch64-linux-gnu`. That of
    /// 32-bit x86 keeps the name of the first processor.
    pub fn multiarch(self) -> String {
        let libc = Libc::Gnu(Glibc::new(2, 36));
        let triple = Target {
            platform: self,
            libc,
        }
        .triple();
        match triple.strip_prefix("i686-") {
            Some(rest) => format!("i386-{rest}"),
            None => triple,
        }
    }

    /// The directories under `glibc-hwcaps` whose libraries every processor of the platform can use,
    /// best first.
    pub fn hwcaps(self) -> &'static [&'static str] {
        match (self.architecture().name, self.variant()) {
            ("amd64", Some("v2")) => &["x86-64-v2"],
            ("amd64", Some("v3")) => &["x86-64-v3", "x86-64-v2"],
            ("amd64", Some("v4")) => &["x86-64-v4", "x86-64-v3", "x86-64-v2"],
            ("ppc64le", Some("power9")) => &["power9"],
            ("ppc64le", Some("power10")) => &["power10", "power9"],
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::target::Platform;

    #[test]
    fn directories_are_those_of_debian_and_glibc() {
        for (platform, multiarch, hwcaps) in [
            ("linux/386", "i386-linux-gnu", &[][..]),
            ("linux/amd64", "x86_64-linux-gnu", &[]),
            (
                "linux/amd64/v3",
                "x86_64-linux-gnu",
                &["x86-64-v3", "x86-64-v2"],
            ),
            ("linux/arm/v7", "arm-linux-gnueabihf", &[]),
            ("linux/arm/v5", "arm-linux-gnueabi", &[]),
            ("linux/mips64le", "mips64el-linux-gnuabi64", &[]),
            ("linux/ppc64le", "powerpc64le-linux-gnu", &[]),
        ] {
            let platform: Platform = platform.parse().expect("known");
            assert_eq!(platform.multiarch(), multiarch);
            assert_eq!(platform.hwcaps(), hwcaps);
        }
    }
}
