//! The machine's Rust: cargo, and the standard library of each target.
//!
//! Comes in: a folder, whose toolchain file and overrides rustup follows, and targets. Goes out: paths,
//! after `rustup target add` where a standard library was missing and fetching it is allowed. The
//! layout of a sysroot is rustc's (`rustc --print sysroot`, `lib/rustlib/<target>/lib`).

use std::path::{Path, PathBuf};

use serde::Serialize;
use thiserror::Error;

use super::Toolchain;
use crate::fault::{Exit, Fault};
use crate::process::{self, CommandSpec, Runner};
use crate::progress::Observer;
use crate::target::Platform;

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
}

/// What a compiler says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiler {
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

/// Why there is no Rust for a project.
#[derive(Debug, Error)]
pub enum Error {
    /// `cargo` or `rustc` is not there.
    #[error("no `{program}` on PATH, which the Rust project in {} needs", directory.display())]
    NoProgram {
        /// The program.
        program: &'static str,
        /// The project's folder.
        directory: PathBuf,
    },
    /// The compiler does not start; its own words, or rustup's, stand here.
    #[error("`rustc` does not run in {} ({status})\n{message}", directory.display())]
    Refused {
        /// The project's folder.
        directory: PathBuf,
        /// How it ended.
        status: String,
        /// What it wrote.
        message: String,
        /// Whether rustup is there.
        rustup: bool,
    },
    /// The compiler can't say what it is.
    #[error("`rustc -vV` and `rustc --print sysroot` did not say what they should")]
    Answer,
    /// It could not be started.
    #[error(transparent)]
    Process(#[from] process::Error),
    /// A standard library is missing, and there is nothing to fetch it with.
    #[error("no standard library for `{triple}` ({platform}) in {}, and no `rustup` on PATH", sysroot.display())]
    NoRustup {
        /// The target.
        triple: String,
        /// Its platform.
        platform: Platform,
        /// Where it was looked for.
        sysroot: PathBuf,
    },
    /// A standard library is missing and may not be fetched.
    #[error("no standard library for `{triple}` ({platform}), and {flag} forbids to add it")]
    Forbidden {
        /// The target.
        triple: String,
        /// Its platform.
        platform: Platform,
        /// What forbids it.
        flag: &'static str,
        /// The folder, whose toolchain it is for.
        directory: PathBuf,
    },
    /// rustup could not fetch a standard library; its own words stand here.
    #[error("`rustup target add {triple}` failed for {platform} ({status})\n{message}")]
    Rustup {
        /// The target.
        triple: String,
        /// Its platform.
        platform: Platform,
        /// How it ended.
        status: String,
        /// What it wrote.
        message: String,
    },
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::Process(error) => error.exit(),
            Self::Forbidden { .. } => Exit::Locked,
            Self::NoProgram { .. }
            | Self::Refused { .. }
            | Self::Answer
            | Self::NoRustup { .. }
            | Self::Rustup { .. } => Exit::Toolchain,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoProgram { .. } => Some(
                "install Rust as https://www.rust-lang.org/tools/install says, or put it on PATH"
                    .to_owned(),
            ),
            Self::Refused { rustup: true, .. } => {
                Some("`rustup toolchain install` installs what the folder asks for".to_owned())
            }
            Self::NoRustup { .. } => Some(
                "use a Rust that rustup has installed: it fetches standard libraries".to_owned(),
            ),
            Self::Forbidden {
                triple, directory, ..
            } => Some(format!(
                "`cd '{}' && rustup target add {triple}`",
                directory.display()
            )),
            _ => None,
        }
    }
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
        let answer = |arguments: &[&str]| {
            let spec = CommandSpec::new(&rustc, directory).args(arguments.iter().copied());
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
        let said = answer(&["-vV"])?;
        let sysroot = PathBuf::from(answer(&["--print=sysroot"])?.trim_end());
        let value = |key: &str| said.lines().find_map(|line| line.strip_prefix(key));
        let host = value("host: ").ok_or(Error::Answer)?.to_owned();
        if !sysroot.is_absolute() {
            return Err(Error::Answer);
        }
        // A compiler that was built outside of a checkout says `unknown`.
        let commit = value("commit-hash: ").filter(|commit| *commit != "unknown");
        Ok(Self {
            host,
            commit: commit.unwrap_or_default().to_owned(),
            sysroot,
        })
    }
}

impl Rust {
    /// Rust as the compiler says it is; `toolchain` is what was found for it.
    pub fn new(toolchain: Toolchain, compiler: Compiler) -> Self {
        let Compiler {
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

    /// Makes sure that there is a standard library for a target.
    pub fn require(
        &self,
        triple: &str,
        platform: Platform,
        directory: &Path,
        allowed: Allowed,
        observer: &dyn Observer,
    ) -> Result<(), Error> {
        if self.has_std(triple) {
            return Ok(());
        }
        let triple = triple.to_owned();
        let Some(rustup) = process::find("rustup") else {
            return Err(Error::NoRustup {
                triple,
                platform,
                sysroot: self.sysroot.clone(),
            });
        };
        let flag = match allowed {
            Allowed { offline: true, .. } => Some("`--offline`"),
            Allowed { locked: true, .. } => Some("`--locked`"),
            _ => None,
        };
        if let Some(flag) = flag {
            return Err(Error::Forbidden {
                triple,
                platform,
                flag,
                directory: directory.to_owned(),
            });
        }
        observer.note(&format!(
            "no standard library for {platform} yet: `rustup target add {triple}`"
        ));
        let meter = observer.begin(&format!("adding {triple}"), None);
        let spec = CommandSpec::new(rustup, directory)
            .arg("target")
            .arg("add")
            .arg(&triple);
        let output = Runner.output(&spec)?;
        drop(meter);
        if output.status.success() && self.has_std(&triple) {
            return Ok(());
        }
        Err(Error::Rustup {
            triple,
            platform,
            status: process::describe(output.status),
            message: words(&output.stderr),
        })
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
