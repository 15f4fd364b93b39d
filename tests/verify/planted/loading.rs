//! Libraries that are found and do not do.

use super::linker::needs_library;
use super::{Case, case};
use crate::verify::elf::{Elf, Hash};
use crate::verify::image::roots::{fixed, glibc, glibc_app, libraries, musl, musl_app};
use crate::verify::image::{Image, file, program};

fn put(image: &mut Image, name: &str, elf: &Elf) {
    let path = format!("{}/{name}", libraries(image.platform()));
    image.put(file(&path, elf.bytes()));
}

pub(super) fn cases() -> Vec<Case> {
    let mut all = libraries_of_others();
    all.extend(versions());
    all.extend(symbols());
    all.extend(rest());
    all
}

fn libraries_of_others() -> Vec<Case> {
    const SSL: &str = "/usr/lib/{triple}/libssl.so.3";
    fn ssl(platform: &str) -> Elf {
        Elf::library(platform, "libssl.so.3")
            .defines(&["OPENSSL_3.0.0"])
            .exports(&["SSL_new@OPENSSL_3.0.0"])
    }
    vec![
        case(
            "library-machine",
            "libssl is that of amd64",
            glibc,
            "linux/arm64",
            |image| {
                put(image, "libssl.so.3", &ssl("linux/amd64"));
            },
        )
        .error("/usr/bin/app")
        .expected("AArch64")
        .found("x86-64")
        .hint("")
        .and_on(&["linux/arm64"])
        .perhaps("machine", SSL),
        case(
            "library-machine",
            "libssl is that of arm64",
            glibc,
            "linux/riscv64",
            |image| {
                put(image, "libssl.so.3", &ssl("linux/arm64"));
            },
        )
        .error("/usr/bin/app")
        .found("AArch64")
        .and_on(&["linux/s390x", "linux/ppc64le", "linux/arm/v6"])
        .perhaps("machine", SSL),
        case(
            "library-machine",
            "musl's libssl is that of arm64",
            musl,
            "linux/amd64",
            |image| {
                image.put(file("usr/lib/libssl.so.3", ssl("linux/arm64").bytes()));
            },
        )
        .error("/usr/bin/app")
        .found("AArch64")
        .perhaps("machine", "/usr/lib/libssl.so.3"),
        case(
            "library-machine",
            "a library in a RUNPATH is that of 386",
            glibc,
            "linux/amd64",
            |image| {
                let library = Elf::library("linux/386", "libx.so.1").exports(&["x"]);
                image.put(file("opt/x/libx.so.1", library.bytes()));
                needs_library(image, |app| app.runpath("/opt/x"));
            },
        )
        .error("/usr/bin/app")
        .found("x86")
        .perhaps("machine", "/opt/x/libx.so.1"),
        case(
            "library-damaged",
            "a linker script lies where a library should",
            glibc,
            "linux/amd64",
            |image| {
                let path = format!("{}/libssl.so.3", libraries(image.platform()));
                image.put(file(&path, "/* GNU ld script */\nINPUT(libssl.so.3.0.9)\n"));
            },
        )
        .error("/usr/bin/app")
        .expected("libssl.so.3")
        .found("libssl.so.3")
        .hint(""),
        case(
            "library-damaged",
            "a library is empty",
            glibc,
            "linux/arm64",
            |image| {
                let path = format!("{}/libssl.so.3", libraries(image.platform()));
                image.put(file(&path, ""));
            },
        )
        .error("/usr/bin/app")
        .expected("libssl.so.3"),
        case(
            "library-damaged",
            "a pointer of Git LFS lies where a library should",
            musl,
            "linux/arm64",
            |image| {
                let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";
                image.put(file("usr/lib/libssl.so.3", pointer));
            },
        )
        .error("/usr/bin/app"),
        case(
            "library-damaged",
            "a library was cut off",
            glibc,
            "linux/mips64",
            |image| {
                let bytes = ssl(image.platform()).bytes();
                let path = format!("{}/libssl.so.3", libraries(image.platform()));
                image.put(file(&path, &bytes[..bytes.len() / 2]));
            },
        )
        .error("/usr/bin/app")
        .perhaps("elf-damaged", SSL),
    ]
}

fn versions() -> Vec<Case> {
    fn new_glibc(image: &mut Image) {
        let app = glibc_app(image.platform())
            .needs("libm.so.6", &["GLIBC_2.38"])
            .imports(&["fmod@GLIBC_2.38"]);
        image.put(program("usr/bin/app", app.bytes()));
    }
    vec![
        // The second example of the issue: Debian 12 has 2.36.
        case(
            "version-missing",
            "a program wants glibc 2.38 of Debian 12",
            glibc,
            "linux/amd64",
            |image| {
                let app = Elf::program(image.platform())
                    .needs("libc.so.6", &["GLIBC_2.38", "GLIBC_2.34"])
                    .imports(&["__isoc23_strtol@GLIBC_2.38", "__libc_start_main@GLIBC_2.34"]);
                image.put(program("usr/bin/app", app.bytes()));
            },
        )
        .error("/usr/bin/app")
        .expected("GLIBC_2.38")
        .found("GLIBC_2.36")
        .hint("")
        .and_on(&["linux/arm64", "linux/arm/v7", "linux/s390x"]),
        case(
            "version-missing",
            "a program wants a libm of 2.38",
            glibc,
            "linux/ppc64le",
            new_glibc,
        )
        .error("/usr/bin/app")
        .expected("GLIBC_2.38")
        .and_on(&["linux/mips64le", "linux/386", "linux/loong64"]),
        case(
            "version-missing",
            "a program wants a later OpenSSL",
            glibc,
            "linux/riscv64",
            |image| {
                let app = Elf::program(image.platform())
                    .needs("libssl.so.3", &["OPENSSL_3.2.0"])
                    .of_glibc()
                    .imports(&["SSL_poll@OPENSSL_3.2.0"]);
                image.put(program("usr/bin/app", app.bytes()));
            },
        )
        .error("/usr/bin/app")
        .expected("OPENSSL_3.2.0")
        .found("OPENSSL_3.0.0"),
        case(
            "version-missing",
            "a library wants a later glibc",
            glibc,
            "linux/arm64",
            |image| {
                let library = Elf::library(image.platform(), "libx.so.1")
                    .needs("libc.so.6", &["GLIBC_2.39"])
                    .imports(&["pidfd_spawn@GLIBC_2.39"])
                    .exports(&["x"]);
                put(image, "libx.so.1", &library);
                needs_library(image, |app| app);
            },
        )
        .error("/usr/lib/{triple}/libx.so.1")
        .expected("GLIBC_2.39")
        .found("GLIBC_2.36"),
        case(
            "version-missing",
            "a library of the wrong flavour has no such version",
            glibc,
            "linux/amd64",
            |image| {
                let app = glibc_app(image.platform())
                    .needs("libm.so.6", &["XCRYPT_2.0"])
                    .imports(&["crypt@XCRYPT_2.0"]);
                image.put(program("usr/bin/app", app.bytes()));
            },
        )
        .error("/usr/bin/app")
        .expected("XCRYPT_2.0"),
        case(
            "version-missing",
            "a program that nothing starts wants glibc 2.38",
            glibc,
            "linux/amd64",
            |image| {
                let tool = Elf::program(image.platform())
                    .needs("libc.so.6", &["GLIBC_2.38"])
                    .imports(&["strlcpy@GLIBC_2.38"]);
                image.put(program("opt/tool", tool.bytes()));
            },
        )
        .warning("/opt/tool")
        .expected("GLIBC_2.38"),
    ]
}

fn symbols() -> Vec<Case> {
    vec![
        case(
            "symbol-missing",
            "musl's libraries lack a function",
            musl,
            "linux/amd64",
            |image| {
                let app = musl_app(image.platform()).imports(&["SSL_brand_new"]);
                image.put(program("usr/bin/app", app.bytes()));
            },
        )
        .error("/usr/bin/app")
        .expected("SSL_brand_new")
        .hint("")
        .and_on(&[
            "linux/arm64",
            "linux/riscv64",
            "linux/mips64",
            "linux/arm/v7",
        ]),
        case(
            "symbol-missing",
            "glibc's libraries lack a function that is called later",
            glibc,
            "linux/amd64",
            |image| {
                let app = glibc_app(image.platform()).imports(&["SSL_brand_new"]);
                image.put(program("usr/bin/app", app.bytes()));
            },
        )
        .warning("/usr/bin/app")
        .expected("SSL_brand_new")
        .and_on(&["linux/arm64", "linux/mips64le"]),
        case(
            "symbol-missing",
            "a function is looked for at once",
            glibc,
            "linux/amd64",
            |image| {
                let app = glibc_app(image.platform())
                    .imports(&["SSL_brand_new"])
                    .bind_now();
                image.put(program("usr/bin/app", app.bytes()));
            },
        )
        .error("/usr/bin/app")
        .expected("SSL_brand_new")
        .and_on(&["linux/386", "linux/loong64"]),
        case(
            "symbol-missing",
            "a program with the old table of hashes lacks a function",
            glibc,
            "linux/s390x",
            |image| {
                let app = glibc_app(image.platform())
                    .imports(&["SSL_brand_new"])
                    .bind_now();
                image.put(program("usr/bin/app", app.hash(Hash::System).bytes()));
            },
        )
        .error("/usr/bin/app")
        .and_on(&["linux/ppc64le", "linux/arm/v5"]),
        case(
            "symbol-missing",
            "a stripped program lacks a function",
            musl,
            "linux/amd64",
            |image| {
                let app = musl_app(image.platform())
                    .imports(&["SSL_brand_new"])
                    .without_sections();
                image.put(program("usr/bin/app", app.bytes()));
            },
        )
        .error("/usr/bin/app")
        .expected("SSL_brand_new"),
        case(
            "symbol-missing",
            "a library lacks a function",
            musl,
            "linux/ppc64le",
            |image| {
                let library = Elf::library(image.platform(), "libcrypto.so.3")
                    .of_musl()
                    .imports(&["deflateReset"])
                    .exports(&["EVP_new"]);
                image.put(program("usr/lib/libcrypto.so.3", library.bytes()));
            },
        )
        .error("/usr/lib/libcrypto.so.3")
        .expected("deflateReset"),
    ]
}

fn rest() -> Vec<Case> {
    vec![
        case("two-libcs", "a program of glibc needs a library of musl", glibc, "linux/amd64", |image| {
            let musl = Elf::musl(image.platform());
            put(image, "libc.musl-x86_64.so.1", &musl);
            let library = Elf::library(image.platform(), "libx.so.1").of_musl().exports(&["x"]);
            put(image, "libx.so.1", &library);
            needs_library(image, |app| app);
        })
        .error(
            "/usr/bin/app | /usr/lib/{triple}/libx.so.1 | /usr/lib/{triple}/libc.musl-{musl}.so.1",
        )
        .hint(""),
        case("two-libcs", "a program of musl needs a library of glibc", musl, "linux/arm64", |image| {
            let loader = Elf::glibc_loader(image.platform(), &["/lib/"]);
            image.put(program("lib/ld-linux-aarch64.so.1", loader.bytes()));
            let library = Elf::library(image.platform(), "libx.so.1")
                .needs("ld-linux-aarch64.so.1", &[])
                .imports(&["__tls_get_addr"])
                .exports(&["x"]);
            image.put(file("usr/lib/libx.so.1", library.bytes()));
            let app = musl_app(image.platform()).needs("libx.so.1", &[]);
            image.put(program("usr/bin/app", app.bytes()));
        })
        .error("/usr/bin/app | /usr/lib/libx.so.1 | /lib/ld-linux-aarch64.so.1"),
        case("dlopen-missing", "a program may load zstd, which is not there", glibc, "linux/amd64", |image| {
            let note = r#"[{"feature":"zstd","description":"compression","priority":"recommended","soname":["libzstd.so.1"]}]"#;
            let app = glibc_app(image.platform()).dlopen(note);
            image.put(program("usr/bin/app", app.bytes()));
        })
        .note("/usr/bin/app")
        .expected("libzstd.so.1")
        .expected("recommended")
        .and_on(&["linux/s390x", "linux/arm/v7"]),
        case("certificates-missing", "an image has no certificates", fixed, "linux/arm64", |image| {
            image.remove("etc/ssl/certs/ca-certificates.crt");
        })
        .note("/app")
        .hint("")
        .and_on(&["linux/amd64"]),
        case("certificates-missing", "a Debian has no certificates", glibc, "linux/amd64", |image| {
            image.one().layer(vec![crate::verify::image::whiteout(
                "etc/ssl/certs/ca-certificates.crt",
            )]);
        })
        .note("/usr/bin/app")
        .hint("ca-certificates"),
        case("time-zones-missing", "an image has no time zones", fixed, "linux/amd64", |image| {
            image.one().layer(vec![crate::verify::image::whiteout("usr/share/zoneinfo")]);
        })
        .note("/app")
        .hint("")
        .and_on(&["linux/riscv64"]),
    ]
}
