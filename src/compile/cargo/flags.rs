//! The flags of rustc for a target: ours first, the user's behind them, so that theirs win.
//!
//! Cargo takes flags from one of four places, the first that has any (the manual's
//! `build.rustflags`): `CARGO_ENCODED_RUSTFLAGS`, `RUSTFLAGS`, `target.<triple>.rustflags` with those
//! of matching `cfg`s, `build.rustflags`.

use crate::plan::cargo::CargoStep;
use crate::target::Libc;
use crate::toolchain::Rust;

/// Who links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Linker {
    /// rustc's own linker, with the C library that comes with it.
    Own,
    /// A C compiler of ours.
    Compiler,
    /// The one that the user's configuration names.
    Users,
}

/// All flags of a target; `users` are those that cargo would have taken.
pub(super) fn all(
    cargo: &CargoStep,
    rust: &Rust,
    linker: Linker,
    users: impl IntoIterator<Item = String>,
) -> Vec<String> {
    let mut flags = cargo.flags.clone();
    let mut codegen = |flag: &str| flags.extend(["-C".to_owned(), flag.to_owned()]);
    if cargo.libc == Libc::Musl {
        codegen("target-feature=+crt-static");
        if linker == Linker::Compiler {
            // Start files and C library are the compiler's, for the C in the program as well.
            codegen("link-self-contained=no");
        }
    }
    if !cargo.debug {
        codegen("strip=symbols");
    }
    for (folder, name) in &cargo.folders {
        flags.push(format!("--remap-path-prefix={}={name}", folder.display()));
    }
    flags.extend(rust.remap_sources());
    flags.extend(users);
    flags
}
