//! Whole packages, unpacked both ways. The seeds are packages; see `tarball` for the archive inside.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "package.rs"]
mod package;

fuzz_target!(|data: &[u8]| package::unpack(data));
