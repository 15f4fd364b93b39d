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

/// One thing about a file that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
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
    // The flags and notes of another machine would be read as what they are not.
    if let Some(finding) = identity(facts, platform) {
        return Err(unfit(vec![finding]));
    }
    let (levels, evidence) = compare(facts, platform);
    let findings: Vec<Finding> = [
        os_abi(facts),
        operating_system(facts.go.as_ref(), platform),
        conventions(facts, platform),
        wrong,
    ]
    .into_iter()
    .flatten()
    .chain(levels)
    .collect();
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

fn list(findings: &[Finding]) -> String {
    let all: Vec<String> = findings.iter().map(Finding::to_string).collect();
    all.join("; ")
}

fn identity(facts: &Facts, platform: Platform) -> Option<Finding> {
    let expected = platform.architecture().elf;
    (facts.header != expected).then(|| Finding {
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

fn os_abi(facts: &Facts) -> Option<Finding> {
    const LINUX: [u8; 2] = [0, 3];
    (!LINUX.contains(&facts.os_abi)).then(|| Finding {
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
        expected: "a static program, as the base image has no dynamic linker".to_owned(),
        found: format!("one that needs `{interpreter}`"),
        hint: Some(format!(
            "{how}, or set `base` under `[image]` to an image that has `{interpreter}`"
        )),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elf::sample::{self, Sample};

    fn platform(text: &str) -> Platform {
        text.parse().unwrap()
    }

    fn sample(text: &str) -> Sample {
        Sample::usual(platform(text).architecture().elf)
    }

    fn run(sample: &Sample, on: &str, loader: Loader) -> Result<Fit, Unfit> {
        let file = Path::new("out/app");
        let facts = Facts::from_reader(std::io::Cursor::new(sample.bytes()), file).unwrap();
        check(file, &facts, platform(on), loader)
    }

    fn message(sample: &Sample, on: &str) -> String {
        run(sample, on, Loader::Any).unwrap_err().to_string()
    }

    #[test]
    fn a_program_of_each_architecture_fits_its_own_platforms_and_no_other() {
        for on in Platform::all() {
            for of in Platform::all() {
                let mut file = Sample::usual(of.architecture().elf);
                if of.architecture().name == "arm" {
                    file.flags = 0x0500_0000;
                }
                let fits = run(&file, &on.to_string(), Loader::None).is_ok();
                let same = of.architecture().name == on.architecture().name;
                assert_eq!(fits, same, "{of} on {on}");
            }
        }
    }

    #[test]
    fn a_go_program_of_each_variant_fits_its_own_platform() {
        for on in Platform::all() {
            let file = Sample::new(on.architecture().elf).with_go(&on.go_environment());
            let fit = run(
                &Sample {
                    flags: if on.architecture().name == "arm" {
                        0x0500_0002
                    } else {
                        0
                    },
                    ..file
                },
                &on.to_string(),
                Loader::None,
            );
            assert!(fit.is_ok(), "{on}: {fit:?}");
        }
    }

    #[test]
    fn another_machine_is_named_in_words() {
        assert_eq!(
            message(&sample("linux/amd64"), "linux/arm64"),
            "`out/app` does not fit `linux/arm64`: expected AArch64 (64-bit little-endian), \
             found x86-64 (64-bit little-endian)"
        );
        let error = run(&sample("linux/386"), "linux/s390x", Loader::Any).unwrap_err();
        assert_eq!(error.exit(), Exit::Mismatch);
        assert_eq!(error.hint().unwrap(), "the file is one for `linux/386`");
        // x32: the machine of amd64 in 32 bits.
        let mut x32 = sample("linux/amd64");
        x32.elf.bits = 32;
        assert!(message(&x32, "linux/amd64").ends_with("found x86-64 (32-bit little-endian)"));
        let big = sample("linux/mips64");
        assert!(message(&big, "linux/mips64le").ends_with("found MIPS (64-bit big-endian)"));
    }

    #[test]
    fn a_go_program_for_another_machine_gets_the_command_that_mends_it() {
        let file = sample("linux/amd64").with_go(&[("GOARCH", "amd64"), ("GOOS", "linux")]);
        let error = run(&file, "linux/arm/v6", Loader::Any).unwrap_err();
        assert_eq!(
            error.hint().unwrap(),
            "build it with `GOOS=linux GOARCH=arm GOARM=6 go build`"
        );
    }

    #[test]
    fn the_arm_variant_is_proven_by_attributes_or_by_go() {
        let with = |tags: &[(u8, u8)], flags| Sample {
            attributes: Some(sample::attributes(tags, true)),
            flags,
            ..sample("linux/arm/v7")
        };
        let v7 = with(&[(6, 10), (10, 4), (28, 1)], 0x0500_0400);
        let v6 = with(&[(6, 7), (10, 2), (28, 1)], 0x0500_0400);
        let v5 = with(&[(6, 4)], 0x0500_0200);
        let v8 = with(&[(6, 14), (10, 7), (28, 1)], 0x0500_0400);
        let go = |value| {
            Sample {
                flags: 0x0500_0002,
                ..sample("linux/arm/v7")
            }
            .with_go(&[("GOARM", value)])
        };
        for (file, fits) in [
            (v5, [true, true, true]),
            (v6, [false, true, true]),
            (v7.clone(), [false, false, true]),
            (v8, [false, false, false]),
            (go("5"), [true, true, true]),
            (go("6"), [false, true, true]),
            (go("7"), [false, false, true]),
        ] {
            let found = ["linux/arm/v5", "linux/arm/v6", "linux/arm/v7"]
                .map(|on| run(&file, on, Loader::None).is_ok());
            assert_eq!(found, fits, "{file:?}");
        }
        assert_eq!(
            message(&v7, "linux/arm/v6"),
            "`out/app` does not fit `linux/arm/v6`: expected instructions of ARMv6 at most, found \
             ARMv7; expected VFPv2 at most, found VFPv3-D16"
        );
        assert_eq!(
            message(&go("7"), "linux/arm/v6"),
            "`out/app` does not fit `linux/arm/v6`: expected GOARM=6 or less, found GOARM=7"
        );
        assert_eq!(
            run(&v7, "linux/arm/v7", Loader::Any).unwrap().evidence,
            Evidence::Attributes
        );
        assert_eq!(
            run(&go("6"), "linux/arm/v7", Loader::Any).unwrap().evidence,
            Evidence::Go
        );
    }

    #[test]
    fn an_amd64_level_above_the_platforms_is_a_mismatch() {
        let v3 = sample("linux/amd64").with_go(&[("GOAMD64", "v3")]);
        assert!(
            message(&v3, "linux/amd64").ends_with("expected GOAMD64=v1 or less, found GOAMD64=v3")
        );
        assert!(run(&v3, "linux/amd64/v3", Loader::None).is_ok());
        assert!(run(&v3, "linux/amd64/v4", Loader::None).is_ok());
    }

    #[test]
    fn a_dynamic_program_needs_a_base_that_may_have_a_loader() {
        let file = Sample {
            kind: 3,
            interpreter: Some("/lib64/ld-linux-x86-64.so.2"),
            needed: vec!["libc.so.6", "libm.so.6"],
            ..sample("linux/amd64")
        };
        let fit = run(&file, "linux/amd64", Loader::Any).unwrap();
        assert_eq!(
            fit.interpreter.as_deref(),
            Some("/lib64/ld-linux-x86-64.so.2")
        );
        assert_eq!(fit.needed, ["libc.so.6", "libm.so.6"]);
        let error = run(&file, "linux/amd64", Loader::None).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("found one that needs `/lib64/ld-linux-x86-64.so.2`")
        );
        assert!(error.hint().unwrap().starts_with("link it statically"));
    }

    #[test]
    fn only_programs_for_linux_fit() {
        for (kind, found) in [
            (1, "an object file that is not linked yet"),
            (4, "a core dump"),
            (0xfe00, "an ELF file of type 65024"),
        ] {
            let file = Sample {
                kind,
                ..sample("linux/amd64")
            };
            assert!(message(&file, "linux/amd64").ends_with(found));
        }
        let library = Sample {
            kind: 3,
            needed: vec!["libc.so.6"],
            ..sample("linux/amd64")
        };
        assert!(message(&library, "linux/amd64").ends_with("found a shared library"));
        let pie = Sample {
            kind: 3,
            flags_1: 0x0800_0000,
            ..sample("linux/amd64")
        };
        assert!(run(&pie, "linux/amd64", Loader::None).is_ok());
        let freebsd = Sample {
            os_abi: 9,
            ..sample("linux/amd64")
        };
        assert!(message(&freebsd, "linux/amd64").ends_with("found one for FreeBSD"));
        let gnu = Sample {
            os_abi: 3,
            ..sample("linux/amd64")
        };
        assert!(run(&gnu, "linux/amd64", Loader::None).is_ok());
        let android = sample("linux/amd64").with_go(&[("GOOS", "android")]);
        assert!(
            message(&android, "linux/amd64").ends_with("expected GOOS=linux, found GOOS=android")
        );
    }

    #[test]
    fn what_is_not_a_program_at_all_is_said_to_be_what_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("app");
        fs_err::write(
            &file,
            "#!/bin/sh
echo
",
        )
        .unwrap();
        let error = check_file(&file, platform("linux/amd64"), Loader::Any).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("app`: expected an ELF file, found a script")
        );
        assert_eq!(error.exit(), Exit::Mismatch);
        fs_err::remove_file(&file).unwrap();
        let error = check_file(&file, platform("linux/amd64"), Loader::Any).unwrap_err();
        assert_eq!(error.exit(), Exit::Io);
    }
}
