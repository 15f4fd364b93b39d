//! `Packages` files: what is compiled opens again, and every package of it can be read whole.
#![no_main]

use libfuzzer_sys::fuzz_target;
use polyarch::debian::index::{Field, Index};

fuzz_target!(|data: &[u8]| {
    let Ok(bytes) = Index::compile(data, "stable") else {
        return;
    };
    let index = Index::open(bytes).expect("what was compiled opens");
    let mut count = 0;
    for name in index.names() {
        for place in index.versions(name) {
            let entry = index.entry(place);
            assert_eq!(entry.name(), name);
            let path = entry.path();
            assert!(!path.starts_with('/') && path.split('/').all(|part| part != ".."));
            let _ = (entry.version(), entry.architecture(), entry.size(), entry.sha256());
            for field in [Field::Depends, Field::PreDepends, Field::Conflicts, Field::Breaks] {
                let _ = entry.relations(field);
            }
            count += 1;
        }
        let _ = index.providers(name).count();
    }
    assert_eq!(count, index.len());
});
