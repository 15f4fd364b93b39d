//! Tests of the checks: programs of every platform, and what is wrong with them.

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
    assert!(message(&v3, "linux/amd64").ends_with("expected GOAMD64=v1 or less, found GOAMD64=v3"));
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
    assert!(message(&android, "linux/amd64").ends_with("expected GOOS=linux, found GOOS=android"));
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
