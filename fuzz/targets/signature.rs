//! Keyrings and `InRelease` files, judged by this program: a keyring up to the mark of a signed
//! message, and the message.
#![no_main]

use libfuzzer_sys::fuzz_target;
use polyarch::debian::release::Date;
use polyarch::debian::signature::{Keyring, Verifier, unverified, verify};

const MARK: &[u8] = b"-----BEGIN PGP SIGNED MESSAGE-----";

fuzz_target!(|data: &[u8]| {
    let mark = data.windows(MARK.len()).position(|window| window == MARK);
    let (keys, message) = data.split_at(mark.unwrap_or(data.len()));
    let _ = unverified(message);
    if let Ok(keyring) = Keyring::from_bytes(keys, "keyring") {
        let _ = verify(message, &keyring, Verifier::Own, Date(1_790_000_000));
    }
});
