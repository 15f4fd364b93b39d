//! What `.ARM.attributes` says about a 32-bit ARM file.
//!
//! The section's bytes come in, the few tags that decide whether a processor can run the file go
//! out. Linkers merge the tags of all objects to the most that any of them needs, so a program
//! that chooses its fastest code at run time is described by that code.
//!
//! Source: "Addenda to, and Errata in, the ABI for the Arm Architecture" (AADDENDA32), sections
//! "The syntactic structure of an attributes section" and "Public (aeabi) attribute tags".

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest section accepted; real ones have under a hundred bytes.
pub(super) const LIMIT: usize = 64 * 1024;

/// The tags of the file scope that are understood. Absent tags have the value zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attributes {
    /// `Tag_CPU_arch`.
    pub cpu: CpuArch,
    /// `Tag_FP_arch`.
    pub fp: FpArch,
    /// `Tag_Advanced_SIMD_arch`, 0 for none.
    pub simd: u8,
    /// `Tag_ABI_VFP_args`.
    pub vfp_args: VfpArgs,
}

/// `Tag_CPU_arch`: the architecture the code was made for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuArch(pub u8);

/// `Tag_FP_arch`: the floating-point instructions the code may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FpArch(pub u8);

/// `Tag_ABI_VFP_args`: how floating-point arguments are passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum VfpArgs {
    /// In core registers (soft float).
    #[default]
    Base,
    /// In VFP registers (hard float).
    Vfp,
    /// As one toolchain defines it.
    Toolchain,
    /// No function passes any.
    Either,
}

impl CpuArch {
    const NAMES: [&str; 23] = [
        "pre-v4",
        "v4",
        "v4T",
        "v5T",
        "v5TE",
        "v5TEJ",
        "v6",
        "v6KZ",
        "v6T2",
        "v6K",
        "v7",
        "v6-M",
        "v6S-M",
        "v7E-M",
        "v8-A",
        "v8-R",
        "v8-M.base",
        "v8-M.main",
        "v8.1-A",
        "v8.2-A",
        "v8.3-A",
        "v8.1-M.main",
        "v9-A",
    ];

    /// The least variant of `linux/arm` (5, 6, 7) whose processors have all of this architecture's
    /// instructions; 8 and 9 for those that no variant has; `None` for microcontrollers and values
    /// of tomorrow.
    pub fn needs(self) -> Option<u8> {
        match self.0 {
            0..=5 => Some(5),
            6 | 7 | 9 => Some(6),
            // v6T2 has Thumb-2, which the other v6 cores lack.
            8 | 10 => Some(7),
            14 | 18..=20 => Some(8),
            22 => Some(9),
            _ => None,
        }
    }
}

impl fmt::Display for CpuArch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Self::NAMES.get(usize::from(self.0)) {
            Some(name) => write!(f, "ARM{name}"),
            None => write!(f, "unknown ARM architecture {}", self.0),
        }
    }
}

impl FpArch {
    const NAMES: [&str; 9] = [
        "no VFP",
        "VFPv1",
        "VFPv2",
        "VFPv3",
        "VFPv3-D16",
        "VFPv4",
        "VFPv4-D16",
        "ARMv8 floating point",
        "ARMv8 floating point D16",
    ];

    /// As [`CpuArch::needs`].
    pub fn needs(self) -> Option<u8> {
        match self.0 {
            0 => Some(5),
            1 | 2 => Some(6),
            3..=6 => Some(7),
            7 | 8 => Some(8),
            _ => None,
        }
    }
}

impl fmt::Display for FpArch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Self::NAMES.get(usize::from(self.0)) {
            Some(name) => f.write_str(name),
            None => write!(f, "unknown floating-point architecture {}", self.0),
        }
    }
}

/// Reads the section. The error says what is wrong with it.
pub(super) fn parse(section: &[u8], little_endian: bool) -> Result<Attributes, String> {
    let mut attributes = Attributes::default();
    let mut rest = Cursor {
        bytes: section,
        little_endian,
    };
    match rest.byte()? {
        b'A' => {}
        version => return Err(format!("its format version is {version:#x}, expected 0x41")),
    }
    while !rest.is_empty() {
        let mut vendor = rest.block(0)?;
        if vendor.string()? == b"aeabi" {
            while !vendor.is_empty() {
                subsection(&mut vendor, &mut attributes)?;
            }
        }
    }
    Ok(attributes)
}

/// One sub-subsection: its scope, its size counted from the scope's tag, its attributes.
fn subsection(vendor: &mut Cursor<'_>, attributes: &mut Attributes) -> Result<(), String> {
    const FILE: u64 = 1;
    let before = vendor.bytes.len();
    let scope = vendor.uleb()?;
    let mut block = vendor.block(before - vendor.bytes.len())?;
    // Sections and symbols may ask for more than the file as a whole only if it asks too.
    if scope != FILE {
        return Ok(());
    }
    while !block.is_empty() {
        let tag = block.uleb()?;
        match tag {
            // CPU_raw_name and CPU_name are strings; from 32 on, odd tags are.
            4 | 5 => drop(block.string()?),
            32 => {
                block.uleb()?;
                block.string()?;
            }
            33.. if tag % 2 == 1 => drop(block.string()?),
            _ => attributes.set(tag, block.uleb()?),
        }
    }
    Ok(())
}

impl Attributes {
    fn set(&mut self, tag: u64, value: u64) {
        // A value too large for the field is one this version doesn't know, as 255 is.
        let value = u8::try_from(value).unwrap_or(u8::MAX);
        match tag {
            6 => self.cpu = CpuArch(value),
            10 => self.fp = FpArch(value),
            12 => self.simd = value,
            28 => {
                self.vfp_args = match value {
                    0 => VfpArgs::Base,
                    1 => VfpArgs::Vfp,
                    3 => VfpArgs::Either,
                    _ => VfpArgs::Toolchain,
                }
            }
            _ => {}
        }
    }
}

/// What is left of a block.
struct Cursor<'a> {
    bytes: &'a [u8],
    little_endian: bool,
}

impl<'a> Cursor<'a> {
    fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    fn byte(&mut self) -> Result<u8, String> {
        let (byte, rest) = self.bytes.split_first().ok_or("it ends too early")?;
        self.bytes = rest;
        Ok(*byte)
    }

    /// ULEB128 of at most 64 bits; padding with zero bits is allowed, bits beyond are not.
    fn uleb(&mut self) -> Result<u64, String> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if (bits << shift) >> shift != bits {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("it has a number of more than 64 bits".to_owned())
    }

    fn string(&mut self) -> Result<&'a [u8], String> {
        let end = self
            .bytes
            .iter()
            .position(|byte| *byte == 0)
            .ok_or("it has a string without an end")?;
        let string = &self.bytes[..end];
        self.bytes = &self.bytes[end + 1..];
        Ok(string)
    }

    /// A block behind its 32-bit length, which counts itself and the `before` bytes in front of it.
    fn block(&mut self, before: usize) -> Result<Cursor<'a>, String> {
        let (field, rest) = self
            .bytes
            .split_first_chunk::<4>()
            .ok_or("it ends too early")?;
        let length = if self.little_endian {
            u32::from_le_bytes(*field)
        } else {
            u32::from_be_bytes(*field)
        };
        let body = usize::try_from(length)
            .ok()
            .and_then(|length| length.checked_sub(before + field.len()))
            .filter(|body| *body <= rest.len())
            .ok_or_else(|| format!("it has a block of {length} bytes that does not fit"))?;
        let (bytes, rest) = rest.split_at(body);
        self.bytes = rest;
        Ok(Cursor {
            bytes,
            little_endian: self.little_endian,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elf::sample;
    use proptest::prelude::*;

    #[test]
    fn the_tags_of_a_v7_hard_float_program_are_read() {
        // `readelf -A` of a Debian armhf program: CPU name "7-A", v7, VFPv3-D16, NEONv1, VFP args.
        let section = sample::attributes(
            &[
                (6, 10),
                (7, 65),
                (8, 1),
                (9, 2),
                (10, 4),
                (12, 1),
                (28, 1),
                (34, 1),
            ],
            true,
        );
        assert_eq!(
            parse(&section, true),
            Ok(Attributes {
                cpu: CpuArch(10),
                fp: FpArch(4),
                simd: 1,
                vfp_args: VfpArgs::Vfp,
            })
        );
    }

    #[test]
    fn another_vendors_subsection_is_passed_over() {
        let mut section = sample::attributes(&[(6, 4)], true);
        section.extend(14u32.to_le_bytes());
        section.extend(b"gnu\0");
        section.extend([1, 7, 0, 0, 0, 0x80]);
        assert_eq!(parse(&section, true).unwrap().cpu, CpuArch(4));
    }

    #[test]
    fn the_byte_order_is_that_of_the_file() {
        let section = sample::attributes(&[(6, 10)], false);
        assert_eq!(parse(&section, false).unwrap().cpu, CpuArch(10));
        assert!(parse(&section, true).is_err());
    }

    #[test]
    fn numbers_and_blocks_that_do_not_fit_are_refused() {
        let whole = sample::attributes(&[(6, 10), (28, 1)], true);
        for length in 2..whole.len() {
            assert!(parse(&whole[..length], true).is_err(), "{length}");
        }
        let endless = [b'A', 0xff, 0xff, 0xff, 0xff, b'a', 0];
        assert!(parse(&endless, true).is_err());
        assert!(parse(&[b'B', 4, 0, 0, 0], true).is_err());
        assert!(parse(&[], true).is_err());
    }

    #[test]
    fn long_numbers_are_read_only_as_far_as_64_bits_go() {
        let uleb = |bytes: &[u8]| {
            Cursor {
                bytes,
                little_endian: true,
            }
            .uleb()
        };
        assert_eq!(uleb(&[0xe5, 0x8e, 0x26]), Ok(624_485));
        assert_eq!(uleb(&[0x81, 0x80, 0x80, 0x00]), Ok(1));
        assert_eq!(
            uleb(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
            Ok(u64::MAX)
        );
        assert!(uleb(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]).is_err());
        assert!(uleb(&[0x80; 11]).is_err());
        assert!(uleb(&[0x80]).is_err());
    }

    #[test]
    fn every_architecture_has_a_name_and_a_least_variant_or_none() {
        let needs: Vec<Option<u8>> = (0..=22).map(|arch| CpuArch(arch).needs()).collect();
        assert_eq!(needs[4], Some(5));
        assert_eq!(needs[7], Some(6));
        assert_eq!(needs[10], Some(7));
        assert_eq!(needs[13], None);
        assert_eq!(needs[14], Some(8));
        assert_eq!(CpuArch(7).to_string(), "ARMv6KZ");
        assert_eq!(CpuArch(200).to_string(), "unknown ARM architecture 200");
        assert_eq!(FpArch(2).to_string(), "VFPv2");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes, true);
            let mut section = vec![b'A'];
            section.extend(&bytes);
            let _ = parse(&section, false);
        }

        #[test]
        fn what_was_written_is_read(cpu in 0u8..30, fp in 0u8..12, simd in 0u8..5) {
            let section = sample::attributes(&[(6, cpu), (10, fp), (12, simd)], true);
            let read = parse(&section, true).unwrap();
            prop_assert_eq!((read.cpu.0, read.fp.0, read.simd), (cpu, fp, simd));
        }
    }
}
