//! Members of an ar archive: any bytes are walked to an end or to an error, and no more content comes
//! out than went in.
#![no_main]

use std::io::Read;

use libfuzzer_sys::fuzz_target;
use polyarch::debian::ar::Reader;

fuzz_target!(|data: &[u8]| {
    let Ok(mut reader) = Reader::new(data) else {
        return;
    };
    let mut total = 0;
    while let Ok(Some(member)) = reader.advance() {
        assert!(!member.name.is_empty() && member.name.len() <= 16);
        let mut content = Vec::new();
        let Ok(read) = reader.read_to_end(&mut content) else {
            return;
        };
        assert_eq!(read as u64, member.size);
        total += read;
    }
    assert!(total < data.len());
});
