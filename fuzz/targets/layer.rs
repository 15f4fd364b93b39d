//! Layers and the tree they make: two tar streams, the second over the first. Whatever they hold, they
//! are read or refused, every file of the tree can be followed, and no link leads out of it.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use polyarch::elf::layer;
use polyarch::oci::media::Coding;
use polyarch::oci::rootfs::Rootfs;
use polyarch::store::Store;

static STORE: OnceLock<(tempfile::TempDir, Store)> = OnceLock::new();

fuzz_target!(|data: &[u8]| {
    let (_, store) = STORE.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path()).expect("a store");
        (folder, store)
    });
    let (lower, upper) = data.split_at(data.len() / 2 / 512 * 512);
    let mut rootfs = Rootfs::default();
    for mut bytes in [lower, upper] {
        let pass = layer::read(&mut bytes, Coding::Plain, "fuzz", store).expect("bytes in memory");
        let Ok(layer) = pass.layer else { return };
        if rootfs.apply(layer.listing, "fuzz").is_err() {
            return;
        }
    }
    for (path, _) in rootfs.iter() {
        if let Some((real, _)) = rootfs.follow(path) {
            assert!(!real.starts_with('/') && !real.split('/').any(|part| part == ".."), "{real}");
        }
    }
});
