//! Names of ELF machines, as a user reads them.
//!
//! Numbers: System V ABI, "ELF Header", `e_machine`, with the later registrations of `elf.h`.

use std::fmt;

use crate::target::{Elf, Platform};

/// Machines a user may meet, by number.
const NAMES: [(u16, &str); 34] = [
    (2, "SPARC"),
    (3, "x86"),
    (4, "Motorola 68000"),
    (8, "MIPS"),
    (15, "PA-RISC"),
    (18, "SPARC V8+"),
    (20, "PowerPC"),
    (21, "PowerPC64"),
    (22, "IBM Z"),
    (40, "ARM"),
    (42, "SuperH"),
    (43, "SPARC V9"),
    (50, "Itanium"),
    (62, "x86-64"),
    (83, "AVR"),
    (92, "OpenRISC"),
    (93, "ARCompact"),
    (94, "Xtensa"),
    (105, "MSP430"),
    (113, "Nios II"),
    (164, "Hexagon"),
    (183, "AArch64"),
    (187, "TILEPro"),
    (189, "MicroBlaze"),
    (190, "CUDA"),
    (191, "TILE-Gx"),
    (195, "ARCv2"),
    (224, "AMD GPU"),
    (243, "RISC-V"),
    (247, "BPF"),
    (252, "C-SKY"),
    (253, "ARCv3 (64-bit)"),
    (258, "LoongArch"),
    (0x9026, "Alpha"),
];

/// The name of a machine; `None` where it is not in the list.
pub fn name(machine: u16) -> Option<&'static str> {
    NAMES
        .iter()
        .find(|(number, _)| *number == machine)
        .map(|(_, name)| *name)
}

/// Writes `AArch64 (64-bit little-endian)`.
pub struct Words(pub Elf);

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match name(self.0.machine) {
            Some(name) => f.write_str(name)?,
            None => write!(f, "machine {}", self.0.machine)?,
        }
        let order = if self.0.little_endian {
            "little"
        } else {
            "big"
        };
        write!(f, " ({}-bit {order}-endian)", self.0.bits)
    }
}

/// The first platform of the table whose programs have this header.
pub fn platform(header: Elf) -> Option<Platform> {
    Platform::all()
        .into_iter()
        .find(|platform| platform.architecture().elf == header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_platform_has_a_machine_with_a_name() {
        for known in Platform::all() {
            let header = known.architecture().elf;
            assert!(name(header.machine).is_some(), "{known}");
            assert_eq!(
                platform(header).map(Platform::architecture).map(|a| a.name),
                Some(known.architecture().name)
            );
        }
    }

    #[test]
    fn a_machine_is_described_in_words() {
        let elf = |text: &str| text.parse::<Platform>().unwrap().architecture().elf;
        assert_eq!(
            Words(elf("linux/arm64")).to_string(),
            "AArch64 (64-bit little-endian)"
        );
        assert_eq!(
            Words(elf("linux/s390x")).to_string(),
            "IBM Z (64-bit big-endian)"
        );
        let unknown = Elf {
            machine: 4711,
            bits: 32,
            little_endian: true,
        };
        assert_eq!(
            Words(unknown).to_string(),
            "machine 4711 (32-bit little-endian)"
        );
    }

    #[test]
    fn the_list_is_sorted_and_without_repeats() {
        assert!(NAMES.is_sorted_by(|a, b| a.0 < b.0));
    }
}
