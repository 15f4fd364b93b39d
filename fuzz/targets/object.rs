//! ELF files: read or refused, and never for want of bytes; what is read can be kept.
#![no_main]

use std::io::Cursor;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use polyarch::elf::Object;
use polyarch::elf::facts::Error;

fuzz_target!(|data: &[u8]| {
    match Object::from_reader(Cursor::new(data), Path::new("fuzz")) {
        Ok(object) => {
            let Some(dynamic) = &object.dynamic else {
                return;
            };
            for name in dynamic.imports.iter() {
                assert!(!name.is_empty());
                let _ = dynamic.exports.contains(name);
            }
        }
        Err(Error::Io { source, .. }) => panic!("a read went beyond the file: {source}"),
        Err(_) => {}
    }
});
