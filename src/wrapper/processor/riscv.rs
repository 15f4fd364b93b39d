//! RISC-V's strings of extensions.

use std::fmt::Write;

/// `rv64gc_zba` becomes `generic_rv64+i+m+a+f+d+zicsr+zifencei+c+zba`. Profiles (`rva22u64`) are
/// LLVM features.
pub(super) fn architecture(name: &str) -> String {
    let mut parts = name.split('_');
    let first = parts.next().unwrap_or_default();
    let mut cpu = "generic_rv64".to_owned();
    match first.strip_prefix("rv64") {
        Some(letters) => add_letters(&mut cpu, letters),
        None => {
            let _ = write!(cpu, "+{first}");
        }
    }
    for part in parts.filter(|part| !part.is_empty()) {
        let _ = write!(cpu, "+{}", without_version(part));
    }
    cpu
}

fn add_letters(cpu: &mut String, letters: &str) {
    let mut rest = letters;
    while let Some(letter) = rest.chars().next() {
        // An extension of several letters needs no `_` before it where it ends the string.
        if matches!(letter, 'z' | 's' | 'x') {
            let _ = write!(cpu, "+{}", without_version(rest));
            return;
        }
        match letter {
            'g' => cpu.push_str("+i+m+a+f+d+zicsr+zifencei"),
            letter => {
                let _ = write!(cpu, "+{letter}");
            }
        }
        rest = after_version(&rest[letter.len_utf8()..]);
    }
}

/// What is behind a version such as `2p1`.
fn after_version(text: &str) -> &str {
    let digits =
        |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let major = digits(text);
    let rest = &text[major..];
    match rest.strip_prefix('p') {
        Some(minor) if major > 0 && digits(minor) > 0 => &minor[digits(minor)..],
        _ => rest,
    }
}

/// `zba1p0` without its version; the digits of `zvl128b` are part of its name.
fn without_version(name: &str) -> &str {
    let digit = |c: char| c.is_ascii_digit();
    let minor = name.trim_end_matches(digit);
    let Some(major) = minor.strip_suffix('p').filter(|_| minor.len() < name.len()) else {
        return name;
    };
    match major.trim_end_matches(digit) {
        bare if bare.len() < major.len() => bare,
        _ => name,
    }
}
