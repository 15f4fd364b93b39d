//! Files that are for something else than their platform.

use super::{Case, case};
use crate::verify::elf::Elf;
use crate::verify::image::roots::{fixed, glibc, glibc_app, musl};
use crate::verify::image::{Image, file, link, program};

/// A Windows program, as far as its first bytes go.
pub(crate) fn windows() -> Vec<u8> {
    let mut bytes = b"MZ\x90\0".to_vec();
    bytes.resize(128, 0);
    bytes[60] = 128;
    bytes.extend(b"PE\0\0\x64\x86");
    bytes
}

/// A macOS program for arm64.
pub(crate) fn macos() -> Vec<u8> {
    let mut bytes = b"\xcf\xfa\xed\xfe\x0c\0\0\x01\0\0\0\0\x02\0\0\0".to_vec();
    bytes.resize(64, 0);
    bytes
}

fn starts(image: &mut Image, elf: &Elf) {
    image.put(program("app", elf.bytes()));
}

pub(super) fn cases() -> Vec<Case> {
    let mut all = machines();
    all.extend(elsewhere());
    all.extend(systems());
    all.extend(notes());
    all
}

/// What is started is for another machine.
fn machines() -> Vec<Case> {
    let started = |name, on, spoil: fn(&mut Image)| {
        case("machine", name, fixed, on, spoil)
            .error("/app")
            .hint("")
    };
    vec![
        started("an amd64 program", "linux/arm64", |image| {
            starts(image, &Elf::static_pie("linux/amd64"));
        })
        .found("x86-64")
        .and_on(&[
            "linux/arm/v7",
            "linux/riscv64",
            "linux/s390x",
            "linux/386",
            "linux/loong64",
        ]),
        started("an arm64 program", "linux/amd64", |image| {
            starts(image, &Elf::fixed("linux/arm64"));
        })
        .found("AArch64")
        .and_on(&[
            "linux/arm/v5",
            "linux/arm/v6",
            "linux/ppc64le",
            "linux/mips64",
        ]),
        started(
            "a program of the other byte order",
            "linux/mips64le",
            |image| {
                starts(image, &Elf::static_pie("linux/mips64"));
            },
        )
        .expected("little")
        .found("big"),
        started("a Go program for amd64", "linux/arm64", |image| {
            let go = [("GOARCH", "amd64"), ("GOOS", "linux"), ("GOAMD64", "v1")];
            starts(image, &Elf::fixed("linux/amd64").go(&go));
        })
        .hint("GOARCH=arm64"),
        started(
            "a program without section headers",
            "linux/riscv64",
            |image| {
                starts(image, &Elf::static_pie("linux/loong64").without_sections());
            },
        )
        .expected("RISC-V")
        .found("LoongArch"),
        started("a packed program", "linux/arm64", |image| {
            starts(image, &Elf::packed("linux/amd64"));
        }),
    ]
}

fn elsewhere() -> Vec<Case> {
    vec![
        // The first example of the issue: base images have no platform of their own.
        case(
            "machine",
            "an arm64 program lies on an amd64 base",
            fixed,
            "linux/arm64",
            |image| {
                let base = Elf::static_pie("linux/amd64").bytes();
                image.one().layers[0].put(program("bin/busybox", base));
                image.one().layers[0].put(link("bin/sh", "busybox"));
            },
        )
        .error("/bin/busybox")
        .expected("AArch64")
        .found("x86-64")
        .hint(""),
        case(
            "machine",
            "a whole amd64 Debian lies below an arm64 program",
            glibc,
            "linux/arm64",
            |image| {
                let amd64 = glibc("linux/amd64");
                image.one().layers[0] = amd64.variants[0].layers[0].clone();
                image.put(program(
                    "usr/bin/app",
                    Elf::static_pie("linux/arm64").bytes(),
                ));
            },
        )
        .error("/usr/bin/dash")
        .more("machine", "error", "/usr/bin/env")
        .perhaps("machine", "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"),
        case(
            "machine",
            "a tool on PATH is for amd64",
            glibc,
            "linux/s390x",
            |image| {
                let tool = Elf::static_pie("linux/amd64").bytes();
                image.put(program("usr/local/bin/tini", tool));
            },
        )
        .error("/usr/local/bin/tini")
        .expected("IBM Z")
        .found("x86-64"),
        case(
            "machine",
            "a link on PATH leads to a tool for arm64",
            musl,
            "linux/amd64",
            |image| {
                image.put(program(
                    "opt/tool/run",
                    Elf::static_pie("linux/arm64").bytes(),
                ));
                image.put(link("usr/local/bin/tool", "/opt/tool/run"));
            },
        )
        .error("/opt/tool/run"),
        case(
            "machine",
            "an entrypoint starts a program for amd64",
            fixed,
            "linux/arm64",
            |image| {
                image.put(program(
                    "opt/server",
                    Elf::static_pie("linux/amd64").bytes(),
                ));
                image.set(
                    "Entrypoint",
                    serde_json::json!(["/app", "--", "/opt/server"]),
                );
            },
        )
        .error("/opt/server"),
        case(
            "machine",
            "a program that nothing starts is for ppc64le",
            fixed,
            "linux/arm64",
            |image| {
                image.put(program(
                    "opt/tools/helper",
                    Elf::static_pie("linux/ppc64le").bytes(),
                ));
            },
        )
        .warning("/opt/tools/helper")
        .hint(""),
        case(
            "machine",
            "a 386 program is started on amd64",
            fixed,
            "linux/amd64",
            |image| {
                starts(image, &Elf::static_pie("linux/386"));
            },
        )
        .warning("/app")
        .found("x86"),
        case(
            "machine",
            "an arm program is started on arm64",
            fixed,
            "linux/arm64",
            |image| {
                starts(image, &Elf::static_pie("linux/arm/v7"));
            },
        )
        .warning("/app")
        .found("ARM"),
        case(
            "foreign-data",
            "firmware for another processor",
            glibc,
            "linux/amd64",
            |image| {
                let firmware = Elf::fixed("linux/arm/v7").number(94);
                image.put(file("usr/lib/firmware/wifi.elf", firmware.bytes()));
            },
        )
        .note("/usr/lib/firmware/wifi.elf"),
        case(
            "foreign-data",
            "test data of a debugger",
            glibc,
            "linux/arm64",
            |image| {
                let data = Elf::static_pie("linux/amd64").bytes();
                image.put(program("usr/share/dbg/testdata/hello", data));
            },
        )
        .note("/usr/share/dbg/testdata/hello"),
    ]
}

fn systems() -> Vec<Case> {
    vec![
        case(
            "os-abi",
            "a program for FreeBSD is started",
            fixed,
            "linux/amd64",
            |image| {
                starts(image, &Elf::static_pie(image.platform()).os_abi(9));
            },
        )
        .error("/app")
        .expected("Linux")
        .found("FreeBSD")
        .and_on(&["linux/arm64", "linux/riscv64"]),
        case(
            "os-abi",
            "a program for OpenBSD lies about",
            fixed,
            "linux/amd64",
            |image| {
                let other = Elf::static_pie("linux/amd64").os_abi(12);
                image.put(program("opt/other", other.bytes()));
            },
        )
        .warning("/opt/other")
        .found("OpenBSD"),
        case(
            "os-abi",
            "a Go program for Android is started",
            fixed,
            "linux/arm64",
            |image| {
                let go = [("GOOS", "android"), ("GOARCH", "arm64")];
                starts(image, &Elf::static_pie("linux/arm64").go(&go));
            },
        )
        .error("/app")
        .found("android"),
        case(
            "foreign-format",
            "a Windows program is started",
            fixed,
            "linux/amd64",
            |image| {
                image.put(program("app", windows()));
            },
        )
        .error("/app")
        .found("Windows")
        .hint(""),
        case(
            "foreign-format",
            "a macOS program is started",
            fixed,
            "linux/arm64",
            |image| {
                image.put(program("app", macos()));
            },
        )
        .error("/app")
        .found("macOS"),
        case(
            "foreign-format",
            "a macOS program lies on PATH",
            glibc,
            "linux/arm64",
            |image| {
                image.put(program("usr/local/bin/tool", macos()));
            },
        )
        .warning("/usr/local/bin/tool")
        .hint(""),
        case(
            "elf-damaged",
            "a program was cut off when it was copied",
            fixed,
            "linux/amd64",
            |image| {
                let bytes = Elf::static_pie("linux/amd64").bytes();
                image.put(program("app", &bytes[..bytes.len() / 2]));
            },
        )
        .error("/app")
        .and_on(&["linux/mips64", "linux/arm/v6"]),
        case(
            "elf-damaged",
            "a tool on PATH has its magic number only",
            glibc,
            "linux/amd64",
            |image| {
                image.put(program("usr/local/bin/tool", b"\x7fELF\x02\x01\x01"));
            },
        )
        .error("/usr/local/bin/tool"),
        case(
            "elf-damaged",
            "a program that nothing starts was cut off",
            fixed,
            "linux/arm64",
            |image| {
                let bytes = Elf::static_pie("linux/arm64").bytes();
                image.put(program("opt/tool", &bytes[..bytes.len() / 2]));
            },
        )
        .warning("/opt/tool"),
        case(
            "elf-damaged",
            "a program's dynamic strings lie outside",
            glibc,
            "linux/s390x",
            |image| {
                let platform = image.platform();
                let mut bytes = glibc_app(platform).bytes();
                let headers = usize::from(u16::from_be_bytes([bytes[56], bytes[57]]));
                for at in (64..64 + 56 * headers).step_by(56) {
                    // The end of whatever is loaded, beyond that of the file.
                    if bytes[at..at + 4] == 1u32.to_be_bytes() {
                        bytes[at + 32..at + 40].copy_from_slice(&(1u64 << 40).to_be_bytes());
                    }
                }
                image.put(program("usr/bin/app", bytes));
            },
        )
        .error("/usr/bin/app"),
    ]
}

fn notes() -> Vec<Case> {
    vec![
        case(
            "executable-stack",
            "a program asks for an executable stack",
            glibc,
            "linux/amd64",
            |image| {
                let app = glibc_app(image.platform());
                image.put(program("usr/bin/app", app.stack(Some(7)).bytes()));
            },
        )
        .note("/usr/bin/app")
        .and_on(&["linux/arm64", "linux/s390x"]),
        case(
            "executable-stack",
            "a library says nothing of the stack",
            glibc,
            "linux/386",
            |image| {
                let library = Elf::library(image.platform(), "libz.so.1")
                    .of_glibc()
                    .exports(&["inflate"])
                    .stack(None);
                image.put(file(
                    "usr/lib/i386-linux-gnu/libz.so.1.2.13",
                    library.bytes(),
                ));
            },
        )
        .note("/usr/lib/i386-linux-gnu/libz.so.1.2.13"),
        case(
            "text-relocations",
            "a program is changed when it is loaded",
            glibc,
            "linux/386",
            |image| {
                let app = glibc_app(image.platform());
                image.put(program("usr/bin/app", app.text_relocations().bytes()));
            },
        )
        .note("/usr/bin/app")
        .and_on(&["linux/arm/v5"]),
        case(
            "not-position-independent",
            "a program is always at one address",
            glibc,
            "linux/amd64",
            |image| {
                let app = glibc_app(image.platform()).at_one_address();
                image.put(program("usr/bin/app", app.bytes()));
            },
        )
        .note("/usr/bin/app")
        .and_on(&["linux/loong64", "linux/arm/v6"]),
        case(
            "no-relro",
            "a program's tables stay writable",
            glibc,
            "linux/arm64",
            |image| {
                let app = glibc_app(image.platform());
                image.put(program("usr/bin/app", app.no_relro().bytes()));
            },
        )
        .note("/usr/bin/app")
        .and_on(&["linux/ppc64le"]),
    ]
}
