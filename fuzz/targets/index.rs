//! Compiled indexes, as a damaged store may hold them: refused, or walked to the end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use polyarch::debian::index::{Field, Index};

fuzz_target!(|data: &[u8]| {
    let Ok(index) = Index::open(data.to_vec()) else {
        return;
    };
    for name in index.names() {
        for place in index.versions(name) {
            let entry = index.entry(place);
            let _ = (entry.path(), entry.version(), entry.sha256());
            let _ = entry.relations(Field::Depends);
        }
        let _ = index.providers(name).count();
    }
});
