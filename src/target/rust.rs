//! A target as Rust names it: the triple, and what a variant of a platform adds to it.
//!
//! Source: rustc's platform support (<https://doc.rust-lang.org/rustc/platform-support.html>), and
//! `rustc --print target-features` for the names of extensions.

use super::{Libc, Platform, Target};

impl Target {
    /// The target as `rustc --target` takes it: `aarch64-unknown-linux-musl`. Variants of a platform
    /// share one where Rust has no other; [`rust_flags`] tells those apart.
    pub fn rust_triple(self) -> String {
        let variant = self.platform.variant();
        let processor = match (self.platform.architecture().name, variant) {
            ("arm", Some("v5")) => "armv5te",
            ("arm", Some("v7")) => "armv7",
            // The one for processors without SSE2.
            ("386", Some("softfloat")) => "i586",
            ("riscv64", _) => "riscv64gc",
            _ => self.platform.architecture().gnu,
        };
        let libc = match self.libc {
            Libc::Musl => "musl",
            Libc::Gnu(_) => "gnu",
        };
        let abi = self.platform.architecture().abi;
        let float = if self.hard_float() { "hf" } else { "" };
        format!("{processor}-unknown-linux-{libc}{abi}{float}")
    }
}

/// The flags of `rustc` for a variant that has more instructions than its triple means.
pub fn rust_flags(platform: Platform) -> Vec<String> {
    let Some(variant) = platform.variant() else {
        return Vec::new();
    };
    let flag = match (platform.architecture().name, variant) {
        ("amd64", level) => format!("target-cpu=x86-64-{level}"),
        ("arm64", level) => format!("target-feature=+{level}a"),
        ("ppc64le", "power9") => "target-cpu=pwr9".to_owned(),
        ("ppc64le", "power10") => "target-cpu=pwr10".to_owned(),
        // The mandatory extensions that a compiler makes use of by itself.
        ("riscv64", "rva22u64") => "target-feature=+zba,+zbb,+zbs".to_owned(),
        ("riscv64", "rva23u64") => "target-feature=+zba,+zbb,+zbs,+v,+zfa,+zcb".to_owned(),
        ("mips64" | "mips64le", "softfloat") => "target-feature=+soft-float".to_owned(),
        _ => return Vec::new(),
    };
    vec!["-C".to_owned(), flag]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Glibc;

    #[test]
    fn triples_are_those_of_rustc() {
        let (musl, gnu) = (Libc::Musl, Libc::Gnu(Glibc::new(2, 36)));
        for (platform, libc, expected) in [
            ("amd64", musl, "x86_64-unknown-linux-musl"),
            ("amd64/v3", gnu, "x86_64-unknown-linux-gnu"),
            ("arm64", musl, "aarch64-unknown-linux-musl"),
            ("386", musl, "i686-unknown-linux-musl"),
            ("arm/v5", musl, "armv5te-unknown-linux-musleabi"),
            ("arm/v5", gnu, "armv5te-unknown-linux-gnueabi"),
            ("arm/v6", musl, "arm-unknown-linux-musleabihf"),
            ("arm/v6", gnu, "arm-unknown-linux-gnueabi"),
            ("arm/v7", musl, "armv7-unknown-linux-musleabihf"),
            ("arm/v7", gnu, "armv7-unknown-linux-gnueabihf"),
            ("riscv64", gnu, "riscv64gc-unknown-linux-gnu"),
            ("ppc64le", gnu, "powerpc64le-unknown-linux-gnu"),
            ("s390x", musl, "s390x-unknown-linux-musl"),
            ("mips64le", musl, "mips64el-unknown-linux-muslabi64"),
            ("loong64", gnu, "loongarch64-unknown-linux-gnu"),
        ] {
            let platform = platform.parse().unwrap();
            assert_eq!(Target { platform, libc }.rust_triple(), expected);
        }
    }

    #[test]
    fn variants_that_share_a_triple_differ_in_their_flags() {
        let flags = |platform: &str| rust_flags(platform.parse().unwrap()).join(" ");
        assert_eq!(flags("amd64"), "");
        assert_eq!(flags("amd64/v3"), "-C target-cpu=x86-64-v3");
        assert_eq!(flags("arm64"), "");
        assert_eq!(flags("arm64/v8.2"), "-C target-feature=+v8.2a");
        assert_eq!(flags("arm64/v9"), "-C target-feature=+v9a");
        for variant in ["arm/v5", "arm/v6", "arm/v7", "ppc64le"] {
            assert_eq!(flags(variant), "", "{variant}");
        }
    }
}
