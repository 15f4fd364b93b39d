//! Embeds every definition under `toolchains/` into the program (a new toolchain is a new file), and
//! the version of the rules of audits: what was found by other rules is found anew.

use std::error::Error;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

/// Where the rules of audits are written.
const RULES: [&str; 4] = ["src/elf", "src/oci", "src/target", "src/verify"];

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
    rules(&variable("CARGO_MANIFEST_DIR")?)
}

/// A digest of the sources as `POLYARCH_RULES`.
fn rules(root: &Path) -> Result<(), Box<dyn Error>> {
    let mut files = Vec::new();
    let mut folders: Vec<PathBuf> = RULES.iter().map(|folder| root.join(folder)).collect();
    while let Some(folder) = folders.pop() {
        println!("cargo::rerun-if-changed={}", folder.display());
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            match entry.file_type()?.is_dir() {
                true => folders.push(entry.path()),
                false => files.push(entry.path()),
            }
        }
    }
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        #[expect(clippy::disallowed_methods, reason = "fs_err is no build dependency")]
        let content = std::fs::read(&file)?;
        (file.strip_prefix(root)?, content).hash(&mut hasher);
    }
    println!("cargo::rustc-env=POLYARCH_RULES={:016x}", hasher.finish());
    Ok(())
}
