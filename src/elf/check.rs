//! Holds the facts of a file against the platform it is meant for.
//!
//! [`check`] answers [`Fit`] with what the caller still has to see to (a dynamic linker, shared
//! libraries), or [`Unfit`] with everything that is wrong. It asks for the platform's machine, a
//! program that Linux starts, the calling conventions of the platform's userland where the file is
//! linked against it, and no more instructions than the platform's variant has.

use std::fmt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::conventions::conventions;
use super::facts::{self, Facts, Kind};
pub use super::level::Evidence;
use super::level::{compare, go_command, operating_system};
use super::machine::{self, Words};
use crate::fault::{Exit, Fault};
use crate::target::Platform;

/// Whether the base image may be asked for a dynamic linker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loader {
    /// It has none (`scratch`, `static`): a dynamic program could not start.
    None,
    /// It may have one; whether it is the right one is for the caller to see.
    Any,
}

/// A file that fits its platform, and what it needs besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fit {
    /// The dynamic linker it asks for; `None` for a static program.
    pub interpreter: Option<String>,
    /// The shared libraries it asks for.
    pub needed: Vec<String>,
    /// What proves the processor variant.
    pub evidence: Evidence,
}

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aspect {
    /// Machine, class or byte order.
    Machine,
    /// The operating system.
    System,
    /// How arguments are passed.
    Convention,
    /// What is asked of the processor.
    Level,
    /// What kind of ELF file it is, or whether it can be started over this base.
    Kind,
}

/// One thing about a file that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is about.
    pub aspect: Aspect,
    /// What the platform asks for.
    pub expected: String,
    /// What the file has.
    pub found: String,
    /// How to get the expected, where that is known.
    pub hint: Option<String>,
}

/// A file that does not fit its platform.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{}` does not fit `{platform}`: {}", file.display(), list(findings))]
pub struct Unfit {
    /// The file.
    pub file: PathBuf,
    /// The platform it was meant for.
    pub platform: Platform,
    /// Everything that is wrong, at least one thing.
    pub findings: Vec<Finding>,
}

/// Why a file can't be used for its platform.
#[derive(Debug, Error)]
pub enum Error {
    /// It gave no facts.
    #[error(transparent)]
    Facts(#[from] facts::Error),
    /// Its facts are not the platform's.
    #[error(transparent)]
    Unfit(#[from] Unfit),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, found {}", self.expected, self.found)
    }
}

impl Fault for Unfit {
    fn exit(&self) -> Exit {
        Exit::Mismatch
    }

    fn hint(&self) -> Option<String> {
        self.findings
            .iter()
            .find_map(|finding| finding.hint.clone())
    }
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::Facts(error) => error.exit(),
            Self::Unfit(error) => error.exit(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Facts(error) => error.hint(),
            Self::Unfit(error) => error.hint(),
        }
    }
}

/// Reads a file and checks it.
pub fn check_file(file: &Path, platform: Platform, loader: Loader) -> Result<Fit, Error> {
    let facts = Facts::read(file)?;
    Ok(check(file, &facts, platform, loader)?)
}

/// Reads a shared library and checks it.
pub fn check_library(file: &Path, platform: Platform) -> Result<Fit, Error> {
    let facts = Facts::read(file)?;
    let wrong = (facts.kind != Kind::Library).then(|| Finding {
        aspect: Aspect::Kind,
        expected: "a shared library".to_owned(),
        found: format!("{:?}", facts.kind).to_lowercase(),
        hint: None,
    });
    Ok(hold(file, &facts, platform, wrong)?)
}

/// Checks facts that were read already; `file` names them in the error.
pub fn check(file: &Path, facts: &Facts, platform: Platform, loader: Loader) -> Result<Fit, Unfit> {
    let wrong = kind(facts).or_else(|| dynamic_linker(facts, loader));
    hold(file, facts, platform, wrong)
}

/// Checks everything but what kind of file it is; `wrong` is what is wrong with that.
fn hold(
    file: &Path,
    facts: &Facts,
    platform: Platform,
    wrong: Option<Finding>,
) -> Result<Fit, Unfit> {
    let unfit = |findings| Unfit {
        file: file.to_owned(),
        platform,
        findings,
    };
    let (mut findings, evidence) = findings(facts, platform);
    if !findings
        .iter()
        .any(|finding| finding.aspect == Aspect::Machine)
    {
        findings.extend(wrong);
    }
    if findings.is_empty() {
        Ok(Fit {
            interpreter: facts.interpreter.clone(),
            needed: facts.needed.clone(),
            evidence,
        })
    } else {
        Err(unfit(findings))
    }
}

/// What of the facts is not the platform's, and what proves the processor variant. Whether the file
/// is a program, and what it needs to be started, is not asked.
pub fn findings(facts: &Facts, platform: Platform) -> (Vec<Finding>, Evidence) {
    // The flags and notes of another machine would be read as what they are not.
    if let Some(finding) = identity(facts, platform) {
        return (vec![finding], Evidence::None);
    }
    let (levels, evidence) = compare(facts, platform);
    let findings = [
        os_abi(facts),
        operating_system(facts.go.as_ref(), platform),
        conventions(facts, platform),
    ];
    (
        findings.into_iter().flatten().chain(levels).collect(),
        evidence,
    )
}

fn list(findings: &[Finding]) -> String {
    let all: Vec<String> = findings.iter().map(Finding::to_string).collect();
    all.join("; ")
}

fn identity(facts: &Facts, platform: Platform) -> Option<Finding> {
    let expected = platform.architecture().elf;
    (facts.header != expected).then(|| Finding {
        aspect: Aspect::Machine,
        expected: Words(expected).to_string(),
        found: Words(facts.header).to_string(),
        hint: match (&facts.go, machine::platform(facts.header)) {
            (Some(_), _) => Some(go_command(platform)),
            (None, Some(other)) => Some(format!(
                "the file is one for `{}/{}`",
                other.os(),
                other.architecture().name
            )),
            (None, None) => None,
        },
    })
}

/// A file that says it is for another operating system than Linux.
pub fn os_abi(facts: &Facts) -> Option<Finding> {
    const LINUX: [u8; 2] = [0, 3];
    (!LINUX.contains(&facts.os_abi)).then(|| Finding {
        aspect: Aspect::System,
        expected: "a program for Linux".to_owned(),
        found: match facts.os_abi {
            1 => "one for HP-UX".to_owned(),
            2 => "one for NetBSD".to_owned(),
            6 => "one for Solaris".to_owned(),
            7 => "one for AIX".to_owned(),
            9 => "one for FreeBSD".to_owned(),
            12 => "one for OpenBSD".to_owned(),
            17 => "one for CloudABI".to_owned(),
            65 => "one for ARM without an MMU (FDPIC)".to_owned(),
            255 => "one that runs without an operating system".to_owned(),
            other => format!("OS ABI {other}"),
        },
        hint: None,
    })
}

fn kind(facts: &Facts) -> Option<Finding> {
    let found = match facts.kind {
        Kind::Executable | Kind::PositionIndependent => return None,
        Kind::Library => "a shared library".to_owned(),
        Kind::Object => "an object file that is not linked yet".to_owned(),
        Kind::Core => "a core dump".to_owned(),
        Kind::Other(kind) => format!("an ELF file of type {kind}"),
    };
    Some(Finding {
        aspect: Aspect::Kind,
        expected: "a program".to_owned(),
        found,
        hint: None,
    })
}

fn dynamic_linker(facts: &Facts, loader: Loader) -> Option<Finding> {
    let interpreter = facts.interpreter.as_ref()?;
    let how = match &facts.go {
        Some(_) => "build it with `CGO_ENABLED=0`",
        None => "link it statically (`-static`)",
    };
    (loader == Loader::None).then(|| Finding {
        aspect: Aspect::Kind,
        expected: "a static program, as the base image has no dynamic linker".to_owned(),
        found: format!("one that needs `{interpreter}`"),
        hint: Some(format!(
            "{how}, or set `base` under `[image]` to an image that has `{interpreter}`"
        )),
    })
}

#[cfg(test)]
mod tests;
