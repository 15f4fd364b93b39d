//! Files that ask for more of the processor than their platform promises.

use super::{Case, case};
use crate::verify::elf::Elf;
use crate::verify::image::roots::{fixed, glibc, glibc_app};
use crate::verify::image::{Image, program};

/// A static program built by Go with this setting is started.
fn go(
    name: &'static str,
    platform: &'static str,
    found: &'static str,
    spoil: fn(&mut Image),
) -> Case {
    case("cpu-level", name, fixed, platform, spoil)
        .error("/app")
        .found(found)
        .hint("")
}

fn set(image: &mut Image, variable: &str, value: &str) {
    let app = Elf::static_pie(image.platform()).go(&[("GOOS", "linux"), (variable, value)]);
    image.put(program("app", app.bytes()));
}

/// The image for another variant of its architecture.
fn called(image: &mut Image, platform: &'static str) {
    image.one().platform = platform;
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        // The third example of the issue.
        case(
            "cpu-level",
            "a v7 program is in a v6 image",
            glibc,
            "linux/arm/v6",
            |image| {
                let app = glibc_app("linux/arm/v7");
                image.put(program("usr/bin/app", app.bytes()));
            },
        )
        .error("/usr/bin/app")
        .expected("v6")
        .found("v7")
        .hint(""),
        case(
            "cpu-level",
            "a v6 program is in a v5 image",
            fixed,
            "linux/arm/v5",
            |image| {
                let app = Elf::static_pie("linux/arm/v5").attributes(&[(6, 6)]);
                image.put(program("app", app.bytes()));
            },
        )
        .error("/app")
        .found("v6"),
        case(
            "cpu-level",
            "a program with VFPv3 is in a v6 image",
            fixed,
            "linux/arm/v6",
            |image| {
                let app = Elf::static_pie("linux/arm/v6").attributes(&[(6, 6), (10, 3), (28, 1)]);
                image.put(program("app", app.bytes()));
            },
        )
        .error("/app")
        .found("VFPv3"),
        case(
            "cpu-level",
            "a v8 program is in a v7 image",
            fixed,
            "linux/arm/v7",
            |image| {
                let app = Elf::static_pie("linux/arm/v7").attributes(&[(6, 14), (10, 4), (28, 1)]);
                image.put(program("app", app.bytes()));
            },
        )
        .error("/app")
        .expected("v7")
        .found("v8"),
        case(
            "cpu-level",
            "a library of v7 is in a v6 image",
            glibc,
            "linux/arm/v6",
            |image| {
                let library = Elf::library("linux/arm/v7", "libcrypto.so.3")
                    .of_glibc()
                    .defines(&["OPENSSL_3.0.0"])
                    .exports(&["EVP_new@OPENSSL_3.0.0"]);
                let path = "usr/lib/arm-linux-gnueabihf/libcrypto.so.3";
                image.put(crate::verify::image::file(path, library.bytes()));
            },
        )
        .error("/usr/lib/{triple}/libcrypto.so.3")
        .found("v7"),
        case(
            "cpu-level",
            "a v7 program that nothing starts is in a v5 image",
            fixed,
            "linux/arm/v5",
            |image| {
                let other = Elf::static_pie("linux/arm/v5").attributes(&[(6, 10)]);
                image.put(program("opt/other", other.bytes()));
            },
        )
        .warning("/opt/other")
        .found("v7"),
        go(
            "GOARM=7 is in a v6 image",
            "linux/arm/v6",
            "GOARM=7",
            |image| {
                set(image, "GOARM", "7");
            },
        )
        .expected("GOARM=6"),
        go(
            "GOAMD64=v3 is in a plain amd64 image",
            "linux/amd64",
            "GOAMD64=v3",
            |image| {
                set(image, "GOAMD64", "v3");
            },
        )
        .expected("v1"),
        go(
            "GOAMD64=v4 is in an amd64/v3 image",
            "linux/amd64",
            "GOAMD64=v4",
            |image| {
                set(image, "GOAMD64", "v4");
                called(image, "linux/amd64/v3");
            },
        )
        .expected("v3"),
        go(
            "GOPPC64=power10 is in a ppc64le image",
            "linux/ppc64le",
            "power10",
            |image| {
                set(image, "GOPPC64", "power10");
            },
        ),
        go(
            "GORISCV64=rva23u64 is in a riscv64 image",
            "linux/riscv64",
            "rva23u64",
            |image| {
                set(image, "GORISCV64", "rva23u64");
            },
        ),
        go(
            "GOARM64=v9.0 is in an arm64 image",
            "linux/arm64",
            "v9.0",
            |image| {
                set(image, "GOARM64", "v9.0");
            },
        ),
        case(
            "cpu-level",
            "a program's note asks for x86-64-v3",
            glibc,
            "linux/amd64",
            |image| {
                let app = glibc_app("linux/amd64").isa_needed(1 | 2 | 4);
                image.put(program("usr/bin/app", app.bytes()));
            },
        )
        .error("/usr/bin/app")
        .found("v3"),
        case(
            "cpu-level",
            "a program's note asks for x86-64-v4 on v3",
            glibc,
            "linux/amd64",
            |image| {
                let app = glibc_app("linux/amd64").isa_needed(1 | 2 | 4 | 8);
                image.put(program("usr/bin/app", app.bytes()));
                called(image, "linux/amd64/v3");
            },
        )
        .error("/usr/bin/app")
        .expected("v3")
        .found("v4"),
        case(
            "cpu-level",
            "a tool on PATH asks for x86-64-v3",
            glibc,
            "linux/amd64",
            |image| {
                let tool = Elf::program("linux/amd64").of_glibc().isa_needed(7);
                image.put(program("usr/local/bin/tool", tool.bytes()));
            },
        )
        .error("/usr/local/bin/tool")
        .found("v3"),
    ]
}
