//! Versions: three of them, one on each line, are in one order whichever way they are compared.
#![no_main]

use std::cmp::Ordering;

use libfuzzer_sys::fuzz_target;
use polyarch::debian::Version;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let versions: Vec<Version> = text.lines().filter_map(|line| line.parse().ok()).collect();
    for version in &versions {
        assert_eq!(version.cmp(version), Ordering::Equal);
        assert_eq!(version.to_string().parse::<Version>().as_ref(), Ok(version));
    }
    let [a, b, c, ..] = &versions[..] else {
        return;
    };
    assert_eq!(a.cmp(b), b.cmp(a).reverse());
    if a <= b && b <= c {
        assert!(a <= c);
    }
    if a == b {
        assert_eq!(a.cmp(c), b.cmp(c));
    }
});
