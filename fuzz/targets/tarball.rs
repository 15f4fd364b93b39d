//! The tar archive inside a package, unpacked both ways: whatever it holds, the folder beside the
//! tree stays as it is, and a sysroot that was accepted leads nowhere else.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "package.rs"]
mod package;

fuzz_target!(|data: &[u8]| package::unpack(&package::deb(data)));
