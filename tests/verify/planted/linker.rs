//! Dynamic linkers and libraries that are not there, or that are not found.

use serde_json::json;

use super::{Case, case};
use crate::verify::elf::Elf;
use crate::verify::image::roots::{fixed, glibc, glibc_app, libraries, musl, musl_app};
use crate::verify::image::{Entry, Image, file, link, opaque, program, whiteout};

/// The library `libx.so.1` for a platform, of glibc.
pub(crate) fn library(platform: &str) -> Elf {
    Elf::library(platform, "libx.so.1")
        .of_glibc()
        .exports(&["x"])
}

/// Starts a program that needs that library.
pub(crate) fn needs_library(image: &mut Image, change: fn(Elf) -> Elf) {
    let app = Elf::program(image.platform())
        .needs("libx.so.1", &[])
        .of_glibc();
    let app = change(app.imports(&["x"]));
    image.put(program("usr/bin/app", app.bytes()));
}

/// Puts the library there.
pub(crate) fn put_library(image: &mut Image, path: &str) {
    let bytes = library(image.platform()).bytes();
    image.put(file(path, bytes));
}

fn own(image: &Image, name: &str) -> String {
    format!("{}/{name}", libraries(image.platform()))
}

pub(super) fn cases() -> Vec<Case> {
    let mut all = linkers();
    all.extend(missing());
    all.extend(not_found());
    all.extend(taken_away());
    all
}

fn linkers() -> Vec<Case> {
    vec![
        case(
            "interpreter-missing",
            "a program for musl is in a Debian",
            glibc,
            "linux/amd64",
            |image| {
                let app = Elf::musl_program(image.platform()).of_musl();
                image.put(program("usr/bin/app", app.bytes()));
            },
        )
        .error("/usr/bin/app")
        .expected("/lib/ld-musl-{musl}.so.1")
        .hint("")
        .and_on(&["linux/arm64", "linux/s390x"]),
        case(
            "interpreter-missing",
            "a program for glibc is in an Alpine",
            musl,
            "linux/arm64",
            |image| {
                let app = Elf::program(image.platform()).of_glibc();
                image.put(program("usr/bin/app", app.bytes()));
            },
        )
        .error("/usr/bin/app")
        .expected("{glibc}")
        .hint("")
        .and_on(&["linux/ppc64le", "linux/386"]),
        case(
            "interpreter-missing",
            "a dynamic program is in an image without a C library",
            fixed,
            "linux/riscv64",
            |image| {
                let app = Elf::program(image.platform()).of_glibc();
                image.put(program("app", app.bytes()));
            },
        )
        .error("/app")
        .expected("{glibc}")
        .hint("")
        .and_on(&["linux/arm/v7", "linux/mips64le", "linux/loong64"]),
        case(
            "interpreter-missing",
            "the link to the linker leads nowhere",
            fixed,
            "linux/amd64",
            |image| {
                let app = Elf::program(image.platform()).of_glibc();
                image.put(program("app", app.bytes()));
                image.put(link(
                    "lib64/ld-linux-x86-64.so.2",
                    "/lib/x86_64-linux-gnu/ld-2.31.so",
                ));
            },
        )
        .error("/app"),
        case(
            "interpreter-missing",
            "a tool asks for the linker of Nix",
            glibc,
            "linux/amd64",
            |image| {
                let tool = Elf::program(image.platform())
                    .of_glibc()
                    .interpreter("/nix/store/abc-glibc-2.38/lib/ld-linux-x86-64.so.2");
                image.put(program("usr/local/bin/tool", tool.bytes()));
            },
        )
        .error("/usr/local/bin/tool")
        .expected("/nix/store/abc-glibc-2.38/lib/ld-linux-x86-64.so.2"),
        case(
            "interpreter-missing",
            "a program that nothing starts is for glibc",
            musl,
            "linux/amd64",
            |image| {
                let tool = Elf::program(image.platform()).of_glibc();
                image.put(program("opt/tool/tool", tool.bytes()));
            },
        )
        .warning("/opt/tool/tool"),
        case(
            "interpreter-machine",
            "the linker is that of amd64",
            fixed,
            "linux/arm64",
            |image| {
                let app = Elf::program(image.platform()).of_glibc();
                image.put(program("app", app.bytes()));
                let loader = Elf::glibc_loader("linux/amd64", &["/lib/"]);
                image.put(program("lib/ld-linux-aarch64.so.1", loader.bytes()));
            },
        )
        .error("/app")
        .found("x86-64")
        .hint("")
        .perhaps("machine", "/lib/ld-linux-aarch64.so.1"),
        case(
            "interpreter-machine",
            "the linker is of the other byte order",
            fixed,
            "linux/mips64le",
            |image| {
                let app = Elf::program(image.platform()).of_glibc();
                image.put(program("app", app.bytes()));
                let loader = Elf::glibc_loader("linux/mips64", &["/lib/"]);
                image.put(program("lib64/ld.so.1", loader.bytes()));
            },
        )
        .error("/app")
        .found("big")
        .perhaps("machine", "/lib64/ld.so.1"),
    ]
}

fn missing() -> Vec<Case> {
    vec![
        // The fourth example of the issue.
        case(
            "library-missing",
            "libssl is not in the image",
            glibc,
            "linux/amd64",
            |image| {
                let path = own(image, "libssl.so.3");
                image.remove(&path);
            },
        )
        .error("/usr/bin/app")
        .expected("libssl.so.3")
        .hint("libssl.so.3")
        .and_on(&[
            "linux/arm64",
            "linux/arm/v7",
            "linux/s390x",
            "linux/ppc64le",
            "linux/mips64",
        ]),
        case(
            "library-missing",
            "libssl is not in the Alpine",
            musl,
            "linux/arm64",
            |image| {
                image.remove("usr/lib/libssl.so.3");
            },
        )
        .error("/usr/bin/app")
        .expected("libssl.so.3")
        .hint("libssl.so.3")
        .and_on(&["linux/386", "linux/arm/v6"]),
        case(
            "library-missing",
            "what libssl needs is not in the image",
            glibc,
            "linux/riscv64",
            |image| {
                let path = own(image, "libcrypto.so.3");
                image.remove(&path);
            },
        )
        .error("/usr/lib/{triple}/libssl.so.3")
        .expected("libcrypto.so.3")
        .hint("libcrypto.so.3"),
        case(
            "library-missing",
            "a tool on PATH lacks a library",
            glibc,
            "linux/loong64",
            |image| {
                let tool = Elf::program(image.platform())
                    .needs("libcurl.so.4", &[])
                    .of_glibc();
                image.put(program("usr/local/bin/fetch", tool.bytes()));
            },
        )
        .error("/usr/local/bin/fetch")
        .expected("libcurl.so.4"),
        case(
            "library-missing",
            "a program without section headers lacks a library",
            glibc,
            "linux/amd64",
            |image| {
                let app = glibc_app(image.platform())
                    .needs("libcurl.so.4", &[])
                    .without_sections();
                image.put(program("usr/bin/app", app.bytes()));
            },
        )
        .error("/usr/bin/app")
        .expected("libcurl.so.4"),
        case(
            "library-missing",
            "a program that nothing starts lacks a library",
            glibc,
            "linux/amd64",
            |image| {
                let tool = Elf::program(image.platform())
                    .needs("libcurl.so.4", &[])
                    .of_glibc();
                image.put(program("opt/fetch", tool.bytes()));
            },
        )
        .warning("/opt/fetch"),
        case(
            "library-missing",
            "a plug-in lacks a library",
            glibc,
            "linux/amd64",
            |image| {
                let plug_in = Elf::plug_in(image.platform())
                    .needs("libpq.so.5", &[])
                    .of_glibc();
                image.put(file("usr/lib/app/plugins/sql.so", plug_in.bytes()));
            },
        )
        .note("/usr/lib/app/plugins/sql.so")
        .expected("libpq.so.5"),
        case(
            "library-missing",
            "a library is asked for by a path",
            glibc,
            "linux/arm64",
            |image| {
                let app = glibc_app(image.platform()).needs("/opt/lib/libx.so.1", &[]);
                image.put(program("usr/bin/app", app.bytes()));
            },
        )
        .error("/usr/bin/app")
        .expected("/opt/lib"),
    ]
}

fn not_found() -> Vec<Case> {
    let lies = |name, platform, spoil: fn(&mut Image)| {
        case("library-missing", name, glibc, platform, spoil)
            .error("/usr/bin/app")
            .expected("libx.so.1")
            .hint("")
    };
    vec![
        lies(
            "the library lies where nobody looks",
            "linux/amd64",
            |image| {
                put_library(image, "opt/x/lib/libx.so.1");
                needs_library(image, |app| app);
            },
        )
        .found("/opt/x/lib/libx.so.1")
        .hint("/opt/x/lib"),
        lies(
            "the RUNPATH is of the machine that it was built on",
            "linux/arm64",
            |image| {
                put_library(image, "opt/x/lib/libx.so.1");
                needs_library(image, |app| app.runpath("/home/runner/work/x/lib"));
            },
        )
        .expected("/home/runner/work/x/lib"),
        lies(
            "$ORIGIN is that of another folder",
            "linux/amd64",
            |image| {
                put_library(image, "usr/bin/lib/libx.so.1");
                needs_library(image, |app| app.runpath("$ORIGIN/../lib"));
            },
        ),
        lies(
            "the library lies in lib64, where Debian's linker does not look",
            "linux/ppc64le",
            |image| {
                put_library(image, "usr/lib64/libx.so.1");
                needs_library(image, |app| app);
            },
        ),
        lies(
            "the program does not want default folders",
            "linux/amd64",
            |image| {
                let path = own(image, "libx.so.1");
                put_library(image, &path);
                needs_library(image, Elf::no_default_folders);
            },
        )
        .perhaps("library-missing", "/usr/bin/app"),
        lies(
            "ld.so.conf names the folder, and ldconfig was not run",
            "linux/amd64",
            |image| {
                put_library(image, "opt/x/lib/libx.so.1");
                image.put(file("etc/ld.so.conf.d/x.conf", "/opt/x/lib\n"));
                needs_library(image, |app| app);
            },
        )
        .hint("ldconfig"),
        lies("LD_LIBRARY_PATH leads elsewhere", "linux/s390x", |image| {
            put_library(image, "opt/x/lib/libx.so.1");
            image.set(
                "Env",
                json!(["PATH=/usr/bin:/bin", "LD_LIBRARY_PATH=/opt/x/lib64"]),
            );
            needs_library(image, |app| app);
        }),
        case(
            "library-missing",
            "a RUNPATH does not hold for what a library needs",
            glibc,
            "linux/arm64",
            |image| {
                put_library(image, "opt/x/lib/libx.so.1");
                let middle = Elf::library(image.platform(), "liby.so.1")
                    .needs("libx.so.1", &[])
                    .of_glibc();
                image.put(file("opt/x/lib/liby.so.1", middle.bytes()));
                let app = glibc_app(image.platform()).needs("liby.so.1", &[]);
                image.put(program("usr/bin/app", app.runpath("/opt/x/lib").bytes()));
            },
        )
        .error("/opt/x/lib/liby.so.1")
        .expected("libx.so.1"),
        case(
            "library-missing",
            "musl's path file does not name the folder",
            musl,
            "linux/amd64",
            |image| {
                let x = Elf::library(image.platform(), "libx.so.1")
                    .of_musl()
                    .exports(&["x"]);
                image.put(file("opt/x/libx.so.1", x.bytes()));
                image.put(file(
                    "etc/ld-musl-x86_64.path",
                    "/lib\n/usr/lib\n/opt/x/lib\n",
                ));
                let app = musl_app(image.platform()).needs("libx.so.1", &[]);
                image.put(program("usr/bin/app", app.bytes()));
            },
        )
        .error("/usr/bin/app")
        .expected("/opt/x/lib"),
    ]
}

fn taken_away() -> Vec<Case> {
    fn above(image: &mut Image, entries: Vec<Entry>) {
        image.one().layer(entries);
    }
    vec![
        case(
            "library-missing",
            "a later layer takes the library away",
            glibc,
            "linux/amd64",
            |image| {
                let path = own(image, "libssl.so.3");
                above(image, vec![whiteout(&path)]);
            },
        )
        .error("/usr/bin/app")
        .expected("libssl.so.3"),
        case(
            "library-missing",
            "a later layer empties the folder of libraries",
            musl,
            "linux/arm64",
            |image| {
                above(
                    image,
                    vec![opaque("usr/lib"), file("usr/lib/os-release", "ID=alpine\n")],
                );
            },
        )
        .error("/usr/bin/app")
        .expected("libssl.so.3"),
        case(
            "library-missing",
            "the link to the library leads nowhere",
            glibc,
            "linux/arm/v7",
            |image| {
                let (path, target) = (own(image, "libssl.so.3"), "libssl.so.3.0.9");
                image.put(link(&path, target));
            },
        )
        .error("/usr/bin/app")
        .expected("libssl.so.3"),
        case(
            "library-missing",
            "two links lead to each other",
            glibc,
            "linux/mips64le",
            |image| {
                let [one, other] = ["libssl.so.3", "libssl.so"].map(|name| own(image, name));
                image.put(link(&one, "libssl.so"));
                image.put(link(&other, "libssl.so.3"));
            },
        )
        .error("/usr/bin/app")
        .expected("libssl.so.3"),
        case(
            "library-missing",
            "a folder lies where the library was",
            glibc,
            "linux/amd64",
            |image| {
                let path = own(image, "libssl.so.3");
                above(image, vec![file(&format!("{path}/README"), "moved\n")]);
            },
        )
        .error("/usr/bin/app")
        .expected("libssl.so.3"),
    ]
}
