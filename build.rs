//! Embeds every definition under `toolchains/` into the program: a new toolchain is a new file.

use std::error::Error;
use std::fmt::Write as _;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    let variable = |name| std::env::var_os(name).ok_or(name).map(PathBuf::from);
    let folder = variable("CARGO_MANIFEST_DIR")?.join("toolchains");
    println!("cargo::rerun-if-changed={}", folder.display());

    let mut files = Vec::new();
    for entry in std::fs::read_dir(&folder)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            println!("cargo::rerun-if-changed={}", path.display());
            files.push(path);
        }
    }
    files.sort();

    let mut code = String::from("[\n");
    for path in files {
        let name = path.file_name().ok_or("a file without a name")?;
        let (name, path) = (name.to_string_lossy(), path.to_string_lossy());
        writeln!(code, "    ({name:?}, include_str!({path:?})),")?;
    }
    code.push_str("]\n");
    let target = variable("OUT_DIR")?.join("definitions.rs");
    #[expect(clippy::disallowed_methods, reason = "fs_err is no build dependency")]
    std::fs::write(target, code)?;
    Ok(())
}
