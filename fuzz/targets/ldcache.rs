//! Caches of libraries: read or refused, in bounded memory.
#![no_main]

use libfuzzer_sys::fuzz_target;
use polyarch::elf::ldcache;

fuzz_target!(|data: &[u8]| {
    let Ok(entries) = ldcache::parse(data) else {
        return;
    };
    for entry in entries {
        assert!(!entry.name.contains('\0') && !entry.path.contains('\0'));
    }
});
