//! Why there is no Rust for a project.

use std::path::PathBuf;

use thiserror::Error;

use crate::fault::{Exit, Fault};
use crate::target::Platform;
use crate::{process, store};

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
    #[error(
        "no standard library for `{triple}` ({platform}) in {}, and no `rustup` on PATH",
        sysroot.display()
    )]
    NoRustup {
        /// The target.
        triple: String,
        /// Its platform.
        platform: Platform,
        /// Where it was looked for.
        sysroot: PathBuf,
    },
    /// Standard libraries are missing and may not be fetched.
    #[error(
        "no standard library for {}, and {flag} forbids to add it",
        targets(missing)
    )]
    Forbidden {
        /// The targets with their platforms.
        missing: Vec<(String, Platform)>,
        /// What forbids it.
        flag: &'static str,
        /// The folder, whose toolchain they are for.
        directory: PathBuf,
    },
    /// A standard library can neither be fetched nor built; rustup's own words stand here.
    #[error(
        "no standard library for `{triple}` ({platform}): `rustup {command}` failed ({status})\n{message}"
    )]
    Rustup {
        /// The target.
        triple: String,
        /// Its platform.
        platform: Platform,
        /// What rustup was asked for in the end.
        command: String,
        /// How it ended.
        status: String,
        /// What it wrote.
        message: String,
    },
    /// A C compiler does not say where its headers are; its own words stand here.
    #[error("`{}` does not say where its headers are ({status})\n{message}", program.display())]
    Headers {
        /// The compiler.
        program: PathBuf,
        /// How it ended.
        status: String,
        /// What it wrote.
        message: String,
    },
    /// The store can't be used.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::Process(error) => error.exit(),
            Self::Store(error) => error.exit(),
            Self::Forbidden { .. } => Exit::Locked,
            Self::NoProgram { .. }
            | Self::Refused { .. }
            | Self::Answer
            | Self::Headers { .. }
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
            Self::Refused {
                rustup: true,
                directory,
                ..
            } => Some(format!(
                "`cd '{}' && rustup toolchain install` installs what the folder asks for",
                directory.display()
            )),
            Self::NoRustup { .. } => Some(
                "use a Rust that rustup has installed: it fetches standard libraries".to_owned(),
            ),
            Self::Forbidden {
                missing, directory, ..
            } => {
                // One at a time: rustup takes all back when one fails.
                let adding = missing.iter();
                let adding = adding.map(|(triple, _)| format!("rustup target add {triple}"));
                let adding: Vec<String> = adding.collect();
                let folder = directory.display();
                Some(format!("`cd '{folder}' && {}`", adding.join("; ")))
            }
            Self::Store(error) => error.hint(),
            _ => None,
        }
    }
}

fn targets(missing: &[(String, Platform)]) -> String {
    let names = missing.iter();
    let names: Vec<String> = names
        .map(|(triple, platform)| format!("`{triple}` ({platform})"))
        .collect();
    names.join(", ")
}
