//! What cargo and build scripts find in their environment for a target: C compilers under the names
//! that the crates `cc`, `cmake`, `bindgen` and `pkg-config` look for, and what makes a plain
//! `cargo build` one for the target.
//!
//! Comes in: compilers. Goes out: variables, all but one named after the target, so that build scripts
//! and procedural macros, which are the machine's, are not touched.

use std::collections::BTreeMap;
use std::ffi::OsString;

use std::path::Path;

use super::Error;
use crate::digest::Recipe;
use crate::process::{self, CommandSpec, Runner};
use crate::progress::Observer;
use crate::store::{self, Store};
use crate::target::{Libc, Target};
use crate::toolchain::Compilers;

/// Goes into the name of what is kept about a compiler's headers: a change of how makes it anew.
const RULES: &str = "3";

/// The file that it is kept in.
const KEPT: &str = "arguments";

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
pub fn cargo(
    compilers: &Compilers,
    store: &Store,
    observer: &dyn Observer,
) -> Result<BTreeMap<String, OsString>, Error> {
    let triple = target(compilers).rust_triple();
    let linker = format!(
        "CARGO_TARGET_{}_LINKER",
        underscored(&triple).to_uppercase()
    );
    let mut variables = build_scripts(&triple, compilers);
    variables.extend([bindgen(&triple, compilers, store, observer)?]);
    variables.insert(linker, compilers.tool("cc").into_os_string());
    variables.insert("CARGO_BUILD_TARGET".to_owned(), triple.into());
    // C that runs during the build: without these the crate `cc` takes `CC`, which is the target's.
    for (name, machine) in [("HOST_CC", "CC_FOR_BUILD"), ("HOST_CXX", "CXX_FOR_BUILD")] {
        if let Some(path) = compilers.environment.get(machine) {
            variables.insert(name.to_owned(), path.into());
        }
    }
    Ok(variables)
}

/// What the crate `bindgen` is told for a target: its libclang is the machine's, and would take the
/// machine's headers. The compiler is asked once; what it says is kept in the store.
pub fn bindgen(
    triple: &str,
    compilers: &Compilers,
    store: &Store,
    observer: &dyn Observer,
) -> Result<(String, OsString), Error> {
    let recipe = Recipe::new("clang-arguments")
        .with(RULES)
        .with(compilers.digest.to_string())
        .finish();
    let label = format!("the headers for {}", compilers.target);
    let tree = store.tree(&recipe, &label, observer, |into| {
        let target = target(compilers);
        let text = arguments(target, &said(compilers)?, &|path| path.is_file());
        fs_err::write(into.join(KEPT), text).map_err(store_error)
    })?;
    let text = fs_err::read_to_string(tree.path.join(KEPT)).map_err(store_error)?;
    let name = format!("BINDGEN_EXTRA_CLANG_ARGS_{}", underscored(triple));
    Ok((name, text.into()))
}

fn target(compilers: &Compilers) -> Target {
    Target {
        platform: compilers.platform,
        libc: compilers.libc,
    }
}

fn store_error(error: std::io::Error) -> Error {
    Error::Store(store::Error::Io(error))
}

/// What the compiler says when it is asked for the folders of its headers.
fn said(compilers: &Compilers) -> Result<String, Error> {
    let program = compilers.tool("cc");
    let spec = CommandSpec::new(&program, &compilers.bin)
        .args(["-E", "-v", "-x", "c", "/dev/null"])
        .env("LC_ALL", "C");
    let output = Runner.output(&spec)?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() || !said.contains(START) {
        return Err(Error::Headers {
            program,
            status: process::describe(output.status),
            message: said.trim_end().to_owned(),
        });
    }
    Ok(said.into_owned())
}

/// The line before the folders, and the one behind them.
const START: &str = "#include <...> search starts here:";
const END: &str = "End of search list.";

/// Arguments for clang, in a shell's quoting, which bindgen undoes.
fn arguments(target: Target, said: &str, exists: &dyn Fn(&Path) -> bool) -> String {
    // `-nostdlibinc`: glibc's `limits.h` includes the next one, which would be the machine's.
    let mut arguments = vec![
        format!("--target={}", target.clang_triple()),
        "-nostdlibinc".to_owned(),
    ];
    // zig's headers are those of all versions in one.
    if let Libc::Gnu(version) = target.libc {
        arguments.push(format!("-D__GLIBC_MINOR__={}", version.minor()));
    }
    let lines = said.lines().skip_while(|line| *line != START).skip(1);
    for line in lines.take_while(|line| *line != END) {
        let folder = line.trim();
        // The compiler's own headers fit no other version: they come behind libclang's own, and hold
        // only where it has none.
        let own = exists(&Path::new(folder).join("__stddef_max_align_t.h"));
        let option = if own { "-idirafter" } else { "-isystem" };
        arguments.push(format!("{option}{folder}"));
    }
    let quoted = arguments.iter().map(|one| quoted(one));
    quoted.collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,@%".contains(c);
    match word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clang_is_told_the_target_and_the_folders_those_of_another_clang_behind_its_own() {
        let said = format!(
            "clang version 1\n#include \"...\" search starts here:\n{START}\n /zig/lib/include\n \
             /zig/gnu\n /a store's/linux\n{END}\n# 1 \"/dev/null\"\n"
        );
        let own = Path::new("/zig/lib/include/__stddef_max_align_t.h");
        let told = |platform: &str, libc: &str| {
            let target = Target {
                platform: platform.parse().expect("a platform"),
                libc: libc.parse().expect("a C library"),
            };
            arguments(target, &said, &|path| path == own)
        };
        let folders = r"-idirafter/zig/lib/include -isystem/zig/gnu '-isystem/a store'\''s/linux'";
        assert_eq!(
            told("arm64", "gnu.2.36"),
            format!("--target=aarch64-linux-gnu -nostdlibinc -D__GLIBC_MINOR__=36 {folders}")
        );
        assert_eq!(
            told("arm/v7", "musl"),
            format!("--target=arm-linux-musleabihf -nostdlibinc {folders}")
        );
    }
}
