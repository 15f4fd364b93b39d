//! What `e_flags` says about calling conventions, in the words of each processor's ABI.
//!
//! Sources: ELF for the Arm Architecture (AAELF32), "ELF header"; MIPS System V ABI supplement with
//! binutils' extensions; RISC-V ELF psABI, "File Header"; Power Architecture 64-bit ELF V2 ABI,
//! "`e_flags`"; `LoongArch` ELF psABI, "`EI_CLASS` and `e_flags`".

use std::fmt;

use object::elf as raw;
use serde::{Deserialize, Serialize};

use crate::target::Elf;

/// `e_flags`, decoded for the machines of the platform table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Abi {
    /// 32-bit ARM.
    Arm {
        /// Version of the EABI, 5 today; 0 for what came before it.
        eabi: u8,
        /// How floating-point arguments are passed, where the linker said (Go's says nothing).
        float: Option<Float>,
    },
    /// MIPS.
    Mips {
        /// How functions are called.
        convention: MipsConvention,
        /// The instruction set.
        revision: MipsRevision,
    },
    /// RISC-V.
    RiscV {
        /// The widest floating-point argument passed in a register.
        float: Float,
        /// May contain 16-bit instructions (the C extension).
        compressed: bool,
        /// Uses 16 registers only (the E base).
        embedded: bool,
    },
    /// 64-bit PowerPC: 1 with function descriptors, 2 without, 0 unspecified.
    Ppc64(u8),
    /// `LoongArch`.
    LoongArch {
        /// The widest floating-point argument passed in a register, where the number is known.
        float: Option<Float>,
    },
    /// A machine whose flags say nothing that is checked.
    Other(u32),
}

/// How floating-point arguments are passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Float {
    /// In integer registers.
    Soft,
    /// In registers of 32 bits.
    Single,
    /// In registers of 64 bits; on 32-bit ARM in VFP registers.
    Double,
    /// In registers of 128 bits.
    Quad,
}

/// How functions are called on MIPS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MipsConvention {
    /// 64-bit.
    N64,
    /// 64-bit registers, 32-bit addresses.
    N32,
    /// 32-bit.
    O32,
    /// `o32` widened to 64-bit registers.
    O64,
    /// Embedded systems of 32 bits.
    Eabi32,
    /// Embedded systems of 64 bits.
    Eabi64,
}

impl fmt::Display for MipsConvention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::N64 => "n64",
            Self::N32 => "n32",
            Self::O32 => "o32",
            Self::O64 => "o64",
            Self::Eabi32 => "eabi32",
            Self::Eabi64 => "eabi64",
        })
    }
}

/// `EF_MIPS_ARCH`, the upper four bits of the flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MipsRevision(pub u8);

impl MipsRevision {
    const NAMES: [&str; 11] = [
        "MIPS I",
        "MIPS II",
        "MIPS III",
        "MIPS IV",
        "MIPS V",
        "MIPS32",
        "MIPS64",
        "MIPS32 release 2",
        "MIPS64 release 2",
        "MIPS32 release 6",
        "MIPS64 release 6",
    ];

    /// Whether processors of MIPS64 release 2 execute it. Release 6 gave old opcodes new meanings.
    pub fn before_release_6(self) -> bool {
        self.0 <= 8
    }
}

impl fmt::Display for MipsRevision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Self::NAMES.get(usize::from(self.0)) {
            Some(name) => f.write_str(name),
            None => write!(f, "unknown MIPS architecture {}", self.0),
        }
    }
}

impl fmt::Display for Float {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Soft => "soft-float",
            Self::Single => "single-float",
            Self::Double => "double-float",
            Self::Quad => "quad-float",
        })
    }
}

impl Abi {
    /// Decodes the flags of a file with this header.
    pub fn of(header: Elf, flags: u32) -> Self {
        let has = |flag: raw::FileFlags| flags & flag.0 != 0;
        match raw::Machine(header.machine) {
            raw::EM_ARM => {
                let [_, _, _, eabi] = flags.to_le_bytes();
                // These two bits had other meanings before version 5.
                let float = match (eabi, flags & 0x600) {
                    (5.., raw::EF_ARM_ABI_FLOAT_SOFT) => Some(Float::Soft),
                    (5.., raw::EF_ARM_ABI_FLOAT_HARD) => Some(Float::Double),
                    _ => None,
                };
                Self::Arm { eabi, float }
            }
            raw::EM_MIPS => Self::Mips {
                convention: mips_convention(header.bits, flags),
                revision: MipsRevision(flags.to_be_bytes()[0] >> 4),
            },
            raw::EM_RISCV => Self::RiscV {
                float: match flags & raw::EF_RISCV_FLOAT_ABI {
                    0 => Float::Soft,
                    2 => Float::Single,
                    4 => Float::Double,
                    _ => Float::Quad,
                },
                compressed: has(raw::EF_RISCV_RVC),
                embedded: has(raw::EF_RISCV_RVE),
            },
            raw::EM_PPC64 => Self::Ppc64((flags & raw::EF_PPC64_ABI).to_le_bytes()[0]),
            raw::EM_LOONGARCH => Self::LoongArch {
                float: match flags & raw::EF_LARCH_ABI_MODIFIER_MASK {
                    1 => Some(Float::Soft),
                    2 => Some(Float::Single),
                    3 => Some(Float::Double),
                    _ => None,
                },
            },
            _ => Self::Other(flags),
        }
    }
}

fn mips_convention(bits: u8, flags: u32) -> MipsConvention {
    if flags & raw::EF_MIPS_ABI2.0 != 0 {
        return MipsConvention::N32;
    }
    match raw::FileFlags(flags & raw::EF_MIPS_ABI) {
        raw::EF_MIPS_ABI_O32 => MipsConvention::O32,
        raw::EF_MIPS_ABI_O64 => MipsConvention::O64,
        raw::EF_MIPS_ABI_EABI32 => MipsConvention::Eabi32,
        raw::EF_MIPS_ABI_EABI64 => MipsConvention::Eabi64,
        _ if bits == 64 => MipsConvention::N64,
        _ => MipsConvention::O32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Platform;

    fn abi(platform: &str, flags: u32) -> Abi {
        let platform: Platform = platform.parse().unwrap();
        Abi::of(platform.architecture().elf, flags)
    }

    #[test]
    fn the_flags_of_real_programs_are_decoded() {
        let hard = Some(Float::Double);
        let arm = |float| Abi::Arm { eabi: 5, float };
        assert_eq!(abi("linux/arm/v7", 0x0500_0400), arm(hard));
        assert_eq!(abi("linux/arm/v5", 0x0500_0200), arm(Some(Float::Soft)));
        // Go 1.26 writes neither bit.
        assert_eq!(abi("linux/arm/v6", 0x0500_0002), arm(None));
        assert_eq!(
            abi("linux/riscv64", 5),
            Abi::RiscV {
                float: Float::Double,
                compressed: true,
                embedded: false
            }
        );
        assert_eq!(
            abi("linux/mips64le", 0x2000_0004),
            Abi::Mips {
                convention: MipsConvention::N64,
                revision: MipsRevision(2)
            }
        );
        assert_eq!(abi("linux/ppc64le", 2), Abi::Ppc64(2));
        assert_eq!(
            abi("linux/loong64", 0x43),
            Abi::LoongArch {
                float: Some(Float::Double)
            }
        );
        assert_eq!(abi("linux/s390x", 1), Abi::Other(1));
    }

    #[test]
    fn release_6_of_mips_is_told_from_what_came_before() {
        assert!(MipsRevision(8).before_release_6());
        assert!(!MipsRevision(10).before_release_6());
        assert_eq!(MipsRevision(10).to_string(), "MIPS64 release 6");
        assert_eq!(MipsRevision(15).to_string(), "unknown MIPS architecture 15");
    }
}
