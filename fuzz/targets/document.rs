//! Documents of images: an index or a manifest is refused, or comes back from its canonical form.
#![no_main]

use libfuzzer_sys::fuzz_target;
use polyarch::oci::document::{canonical, parse};
use polyarch::oci::{Index, Manifest};

fuzz_target!(|data: &[u8]| {
    if let Ok(index) = parse::<Index>(data, String::new) {
        let bytes = canonical(&index).expect("JSON");
        assert_eq!(parse::<Index>(&bytes, String::new).expect("its own form"), index);
    }
    if let Ok(manifest) = parse::<Manifest>(data, String::new) {
        let bytes = canonical(&manifest).expect("JSON");
        assert_eq!(parse::<Manifest>(&bytes, String::new).expect("its own form"), manifest);
    }
});
