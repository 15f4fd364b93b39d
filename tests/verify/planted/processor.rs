//! Files that ask for more of the processor than their platform promises, or call each other in another
//! way than its libraries do.

use super::{Case, case};
use crate::verify::elf::Elf;
use crate::verify::image::roots::{fixed, glibc, glibc_app};
use crate::verify::image::{Image, file, program};

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
    let mut all = levels();
    all.extend(conventions());
    all
}

fn levels() -> Vec<Case> {
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
        // Libraries may choose among their code when they are loaded; the C library is everybody's.
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
                image.put(file(path, library.bytes()));
            },
        )
        .note("/usr/lib/{triple}/libcrypto.so.3")
        .found("v7"),
        case(
            "cpu-level",
            "the C library of a v6 image is of v7",
            glibc,
            "linux/arm/v6",
            |image| {
                let libc = Elf::glibc("linux/arm/v7").bytes();
                image.put(file("usr/lib/arm-linux-gnueabihf/libc.so.6", libc));
            },
        )
        .error("/usr/lib/{triple}/libc.so.6")
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
        .warning("/usr/local/bin/tool")
        .found("v3"),
    ]
}

fn conventions() -> Vec<Case> {
    let dynamic = |name, on, flags: fn(&mut Image)| {
        case("calling-convention", name, glibc, on, flags)
            .error("/usr/bin/app")
            .expected("calls")
    };
    fn with_flags(image: &mut Image, flags: u32) {
        let app = glibc_app(image.platform());
        image.put(program("usr/bin/app", app.e_flags(flags).bytes()));
    }
    fn fixed_with_flags(image: &mut Image, flags: u32) {
        let app = Elf::static_pie(image.platform());
        image.put(program("app", app.e_flags(flags).bytes()));
    }
    let still = |name, on, flags: fn(&mut Image)| {
        case("calling-convention", name, fixed, on, flags).error("/app")
    };
    vec![
        dynamic("hard-float calls on v5", "linux/arm/v5", |image| {
            with_flags(image, 0x0500_0400)
        })
        .expected("soft-float")
        .found("hard-float"),
        dynamic("soft-float calls on v7", "linux/arm/v7", |image| {
            with_flags(image, 0x0500_0200)
        })
        .expected("hard-float")
        .found("soft-float")
        .and_on(&["linux/arm/v6"]),
        dynamic("soft-float calls on RISC-V", "linux/riscv64", |image| {
            with_flags(image, 1)
        })
        .found("soft-float"),
        dynamic("soft-float calls on LoongArch", "linux/loong64", |image| {
            with_flags(image, 0x41)
        })
        .found("soft-float"),
        still("quad-float calls on RISC-V", "linux/riscv64", |image| {
            fixed_with_flags(image, 7)
        })
        .found("quad-float"),
        still("a program of n32", "linux/mips64le", |image| {
            fixed_with_flags(image, 0x8000_0026)
        })
        .expected("n64")
        .found("n32"),
        still("a program of MIPS release 6", "linux/mips64", |image| {
            fixed_with_flags(image, 0xa000_0006);
        })
        .found("release 6"),
        still(
            "a program with function descriptors",
            "linux/ppc64le",
            |image| {
                fixed_with_flags(image, 1);
            },
        )
        .expected("2")
        .found("1"),
        still("a program of the old ARM ABI", "linux/arm/v7", |image| {
            fixed_with_flags(image, 0x0200_0000);
        })
        .found("2"),
    ]
}
