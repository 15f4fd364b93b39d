//! What compilers and Go's linker say about themselves in sections of their own.

use super::{Machine, number};

/// `.ARM.attributes` with these tags for the whole file.
pub(super) fn attributes(tags: &[(u8, u8)], machine: &Machine) -> Vec<u8> {
    let tags: Vec<u8> = tags
        .iter()
        .flat_map(|(tag, value)| [*tag, *value])
        .collect();
    let length = |length: usize| number(4, length as u64, machine);
    let file = [vec![1], length(5 + tags.len()), tags].concat();
    let vendor = [b"aeabi\0".to_vec(), file].concat();
    [b"A".to_vec(), length(4 + vendor.len()), vendor].concat()
}

/// Go's build information in the form that it has since 1.18: strings with their lengths.
pub(super) fn build_info(settings: &str) -> Vec<u8> {
    let mut out = b"\xff Go buildinf:\x08\x02".to_vec();
    out.resize(32, 0);
    let sentinel = [0xf9; 16];
    let module = "path\texample.com/app\nmod\texample.com/app\t(devel)\t\n";
    let information = [&sentinel, module.as_bytes(), settings.as_bytes(), &sentinel].concat();
    for text in [b"go1.24.0".as_slice(), &information] {
        let mut length = text.len();
        while length >= 0x80 {
            out.push(length.to_le_bytes()[0] | 0x80);
            length >>= 7;
        }
        out.push(length.to_le_bytes()[0]);
        out.extend(text);
    }
    out
}
