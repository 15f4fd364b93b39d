//! What cargo and build scripts find in their environment for a target: C compilers under the names
//! that the crates `cc`, `cmake`, `bindgen` and `pkg-config` look for, and what makes a plain
//! `cargo build` one for the target.
//!
//! Comes in: compilers. Goes out: variables, all but one named after the target, so that build scripts
//! and procedural macros, which are the machine's, are not touched.

use std::collections::BTreeMap;
use std::ffi::OsString;

use crate::target::Target;
use crate::toolchain::Compilers;

/// A triple as it stands in the names of variables.
pub fn underscored(triple: &str) -> String {
    triple.replace(['-', '.'], "_")
}

/// The variables that build scripts read for a target.
pub fn build_scripts(triple: &str, compilers: &Compilers) -> BTreeMap<String, OsString> {
    let name = underscored(triple);
    let place = compilers.bin.parent().unwrap_or(&compilers.bin);
    let tools = [
        ("CC", "cc"),
        ("CXX", "c++"),
        ("AR", "ar"),
        ("RANLIB", "ranlib"),
    ];
    let tools = tools.map(|(variable, tool)| (variable, compilers.tool(tool)));
    let files = [
        ("CMAKE_TOOLCHAIN_FILE", compilers.cmake.clone()),
        // What is the machine's must not be found for the target.
        ("PKG_CONFIG_LIBDIR", place.join("pkgconfig")),
    ];
    tools
        .into_iter()
        .chain(files)
        .map(|(variable, path)| (format!("{variable}_{name}"), path.into_os_string()))
        .collect()
}

/// The variables for cargo as the user calls it: the target, what links for it, and what build
/// scripts read. Flags are not among them: any would take the place of the user's. Nothing here needs
/// Rust to be there.
pub fn cargo(compilers: &Compilers) -> BTreeMap<String, OsString> {
    let target = Target {
        platform: compilers.platform,
        libc: compilers.libc,
    };
    let triple = target.rust_triple();
    let linker = format!(
        "CARGO_TARGET_{}_LINKER",
        underscored(&triple).to_uppercase()
    );
    let mut variables = build_scripts(&triple, compilers);
    variables.insert(linker, compilers.tool("cc").into_os_string());
    variables.insert("CARGO_BUILD_TARGET".to_owned(), triple.into());
    // C that runs during the build: without these the crate `cc` takes `CC`, which is the target's.
    for (name, machine) in [("HOST_CC", "CC_FOR_BUILD"), ("HOST_CXX", "CXX_FOR_BUILD")] {
        if let Some(path) = compilers.environment.get(machine) {
            variables.insert(name.to_owned(), path.into());
        }
    }
    variables
}
