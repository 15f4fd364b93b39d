//! The machine's Rust: cargo, and the standard library of each target.
//!
//! Comes in: a folder, whose toolchain file and overrides rustup follows, and targets. Goes out: paths,
//! after `rustup target add` where a standard library was missing and fetching it is allowed. The
//! layout of a sysroot is rustc's (`rustc --print sysroot`, `lib/rustlib/<target>/lib`).

pub mod environment;
mod error;
pub mod libclang;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::Toolchain;
use crate::digest::{Digest, Recipe};
use crate::process::{self, CommandSpec, Runner};
use crate::progress::Observer;
use crate::store::Store;
use crate::target::Platform;

pub use error::Error;

/// Goes into the name of every standard library that is built: a change of how makes new ones.
const RULES: &str = "2";

/// Rust on this machine.
#[derive(Clone, Debug, Serialize)]
pub struct Rust {
    /// cargo.
    pub toolchain: Toolchain,
    /// The triple of the machine.
    pub host: String,
    /// The commit that the compiler was built from; empty where it does not say.
    pub commit: String,
    /// The folder of its libraries.
    pub sysroot: PathBuf,
    /// Whether it brings a linker of its own.
    has_linker: bool,
    /// Targets whose standard library is built from source.
    sources: BTreeSet<String>,
}

/// A standard library that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The target.
    pub triple: String,
    /// Its platform.
    pub platform: Platform,
    /// Flags of rustc for the platform's variant.
    pub flags: Vec<String>,
}

/// What a compiler says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiler {
    /// Its words, the version first.
    pub said: String,
    host: String,
    commit: String,
    sysroot: PathBuf,
}

/// What may be fetched.
#[derive(Clone, Copy, Debug)]
pub struct Allowed {
    /// Whether the network is forbidden.
    pub offline: bool,
    /// Whether nothing may be added to what there is.
    pub locked: bool,
}

impl Compiler {
    /// Asks the compiler that is used in a folder.
    pub fn ask(directory: &Path) -> Result<Self, Error> {
        let find = |program| {
            process::find(program).ok_or_else(|| Error::NoProgram {
                program,
                directory: directory.to_owned(),
            })
        };
        find("cargo")?;
        let rustc = find("rustc")?;
        let answer = |program: &Path, argument: &str| {
            // rustup would put its own stack below what it says.
            let spec = CommandSpec::new(program, directory)
                .arg(argument)
                .without_env("RUST_BACKTRACE");
            let output = Runner.output(&spec)?;
            if !output.status.success() {
                return Err(Error::Refused {
                    directory: directory.to_owned(),
                    status: process::describe(output.status),
                    message: words(&output.stderr),
                    rustup: process::find("rustup").is_some(),
                });
            }
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        };
        let sysroot = PathBuf::from(answer(&rustc, "--print=sysroot")?.trim_end());
        // What is on PATH may choose by the folder each time, and takes as long as the compiler itself.
        let own = Some(sysroot.join("bin/rustc")).filter(|path| path.is_file());
        let said = answer(&own.unwrap_or(rustc), "-vV")?;
        let value = |key: &str| said.lines().find_map(|line| line.strip_prefix(key));
        let host = value("host: ").ok_or(Error::Answer)?.to_owned();
        if !sysroot.is_absolute() {
            return Err(Error::Answer);
        }
        // A compiler that was built outside of a checkout says `unknown`.
        let commit = value("commit-hash: ").filter(|commit| *commit != "unknown");
        let commit = commit.unwrap_or_default().to_owned();
        Ok(Self {
            said,
            host,
            commit,
            sysroot,
        })
    }
}

impl Rust {
    /// Rust as the compiler says it is; `toolchain` is what was found for it.
    pub fn new(toolchain: Toolchain, compiler: Compiler) -> Self {
        let Compiler {
            said: _,
            host,
            commit,
            sysroot,
        } = compiler;
        let tools = sysroot.join("lib/rustlib").join(&host).join("bin");
        Self {
            toolchain: Toolchain {
                program: process::find("cargo").or(toolchain.program.clone()),
                ..toolchain
            },
            has_linker: tools.join("rust-lld").is_file(),
            host,
            commit,
            sysroot,
            sources: BTreeSet::new(),
        }
    }

    /// Whether a program for the target can be linked with nothing but what Rust brings: its own
    /// linker, start files and C library.
    pub fn links_alone(&self, triple: &str) -> bool {
        let own = self.libraries(triple).join("self-contained");
        self.has_linker
            && ["crt1.o", "libc.a"]
                .iter()
                .all(|name| own.join(name).is_file())
    }

    /// Makes sure that there is a standard library for each of these, or what one is built from.
    pub fn require(
        &mut self,
        wanted: &[Wanted],
        directory: &Path,
        allowed: Allowed,
        store: &Store,
        observer: &dyn Observer,
    ) -> Result<(), Error> {
        let mut missing = Vec::new();
        for one in wanted {
            if self.has_std(&one.triple) {
                continue;
            }
            // What was built once is as good as what is fetched.
            if store.has_tree(&self.recipe(one)) {
                self.sources.insert(one.triple.clone());
            } else {
                missing.push(one);
            }
        }
        let flag = match allowed {
            Allowed { offline: true, .. } => Some("`--offline`"),
            Allowed { locked: true, .. } => Some("`--locked`"),
            _ => None,
        };
        if let (Some(flag), false) = (flag, missing.is_empty()) {
            let missing = missing.iter();
            return Err(Error::Forbidden {
                missing: missing
                    .map(|one| (one.triple.clone(), one.platform))
                    .collect(),
                flag,
                directory: directory.to_owned(),
            });
        }
        for one in missing {
            self.add(one, directory, observer)?;
        }
        Ok(())
    }

    /// The triples whose standard library is built from source.
    pub fn is_from_source(&self, triple: &str) -> bool {
        self.sources.contains(triple)
    }

    /// The name of a standard library that is built here.
    pub fn recipe(&self, wanted: &Wanted) -> Digest {
        Recipe::new("rust-std")
            .with(RULES)
            .with(self.toolchain.version.as_str())
            .with(&self.commit)
            .with(&wanted.triple)
            .with(wanted.flags.join(" "))
            .finish()
    }

    /// The flag that gives the standard library's sources the name that they have in the one that
    /// comes compiled: with the component `rust-src` the compiler names them where they lie.
    pub fn remap_sources(&self) -> Option<String> {
        let sources = self.library_sources();
        let named = !self.commit.is_empty();
        named.then(|| {
            format!(
                "--remap-path-prefix={}=/rustc/{}",
                sources.display(),
                self.commit
            )
        })
    }

    fn library_sources(&self) -> PathBuf {
        self.sysroot.join("lib/rustlib/src/rust")
    }

    /// Brings a standard library here, else its sources.
    fn add(
        &mut self,
        wanted: &Wanted,
        directory: &Path,
        observer: &dyn Observer,
    ) -> Result<(), Error> {
        let Wanted {
            triple, platform, ..
        } = wanted;
        let Some(rustup) = process::find("rustup") else {
            return Err(Error::NoRustup {
                triple: triple.clone(),
                platform: *platform,
                sysroot: self.sysroot.clone(),
            });
        };
        let run = |arguments: [&str; 3]| {
            let meter = observer.begin(&format!("rustup {}", arguments.join(" ")), None);
            let spec = CommandSpec::new(&rustup, directory).args(arguments);
            let output = Runner.output(&spec);
            drop(meter);
            output
        };
        observer.note(&format!(
            "no standard library for {platform} yet: `rustup target add {triple}`"
        ));
        let output = run(["target", "add", triple])?;
        if output.status.success() && self.has_std(triple) {
            return Ok(());
        }
        let failed = |command: String, output: &process::Output| Error::Rustup {
            triple: triple.clone(),
            platform: *platform,
            command,
            status: process::describe(output.status),
            message: words(&output.stderr),
        };
        let has_sources = |rust: &Self| rust.library_sources().join("library/Cargo.lock").is_file();
        if !has_sources(self) {
            observer.note("rustup has none: `rustup component add rust-src`, to build it");
            let output = run(["component", "add", "rust-src"])?;
            if !output.status.success() || !has_sources(self) {
                return Err(failed("component add rust-src".to_owned(), &output));
            }
        }
        self.sources.insert(triple.clone());
        Ok(())
    }

    fn has_std(&self, triple: &str) -> bool {
        let entries = fs_err::read_dir(self.libraries(triple));
        entries.into_iter().flatten().flatten().any(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with("libstd-") && name.ends_with(".rlib")
        })
    }

    fn libraries(&self, triple: &str) -> PathBuf {
        self.sysroot.join("lib/rustlib").join(triple).join("lib")
    }
}

fn words(output: &[u8]) -> String {
    String::from_utf8_lossy(output).trim_end().to_owned()
}
