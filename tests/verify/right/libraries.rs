//! Libraries in all the places where dynamic linkers look.

use serde_json::json;

use super::{Right, right};
use crate::verify::elf::{Elf, MACHINES, machine};
use crate::verify::image::roots::{debian_loader, glibc, glibc_app, libraries, musl, musl_app};
use crate::verify::image::{file, link, program};
use crate::verify::planted::linker::{library, needs_library, put_library};

const TWO: [&str; 2] = ["linux/amd64", "linux/arm64"];

fn everywhere() -> Vec<&'static str> {
    MACHINES.iter().map(|machine| machine.platform).collect()
}

pub(super) fn images() -> Vec<Right> {
    let mut all = paths();
    all.extend(caches());
    all.extend(contents());
    all
}

fn paths() -> Vec<Right> {
    vec![
        right("a RUNPATH from $ORIGIN", glibc, &everywhere(), |image| {
            put_library(image, "usr/local/lib/libx.so.1");
            needs_library(image, |app| app.runpath("$ORIGIN/../local/lib"));
        }),
        right(
            "a RUNPATH from ${ORIGIN} of a program behind a link",
            glibc,
            &TWO,
            |image| {
                put_library(image, "opt/app/lib/libx.so.1");
                needs_library(image, |app| app.runpath("/nowhere::${ORIGIN}/../lib"));
                let variant = image.one();
                let mut app = variant.layers[1].entries.pop().expect("the program");
                "opt/app/bin/app".clone_into(&mut app.path);
                variant.put(app);
                variant.put(link("usr/bin/app", "/opt/app/bin/app"));
            },
        ),
        right(
            "a RUNPATH with $LIB and $PLATFORM",
            glibc,
            &["linux/amd64"],
            |image| {
                put_library(image, "opt/x/lib/x86_64-linux-gnu/x86_64/libx.so.1");
                needs_library(image, |app| app.runpath("/opt/x/$LIB/$PLATFORM"));
            },
        ),
        right(
            "an RPATH of the program holds for its libraries",
            glibc,
            &TWO,
            |image| {
                put_library(image, "opt/x/libx.so.1");
                let middle = Elf::library(image.platform(), "liby.so.1")
                    .needs("libx.so.1", &[])
                    .of_glibc();
                image.put(file("opt/x/liby.so.1", middle.bytes()));
                let app = glibc_app(image.platform())
                    .needs("liby.so.1", &[])
                    .rpath("/opt/x");
                image.put(program("usr/bin/app", app.bytes()));
            },
        ),
        right(
            "a RUNPATH of the program holds for its libraries with musl",
            musl,
            &TWO,
            |image| {
                let x = Elf::library(image.platform(), "libx.so.1").of_musl();
                image.put(file("opt/x/libx.so.1", x.bytes()));
                let y = Elf::library(image.platform(), "liby.so.1")
                    .needs("libx.so.1", &[])
                    .of_musl();
                image.put(file("opt/x/liby.so.1", y.bytes()));
                let app = musl_app(image.platform())
                    .needs("liby.so.1", &[])
                    .runpath("/opt/x");
                image.put(program("usr/bin/app", app.bytes()));
            },
        ),
        right("LD_LIBRARY_PATH in the image", glibc, &TWO, |image| {
            put_library(image, "opt/x/lib/libx.so.1");
            let path = "LD_LIBRARY_PATH=/nowhere:/opt/x/lib";
            image.set("Env", json!(["PATH=/usr/bin:/bin", path]));
            needs_library(image, |app| app);
        }),
        right(
            "a library that was loaded for another one",
            glibc,
            &TWO,
            |image| {
                // Nobody would find it again, but it is there already.
                put_library(image, "opt/x/libx.so.1");
                let plain = Elf::library(image.platform(), "liby.so.1")
                    .needs("libx.so.1", &[])
                    .of_glibc();
                let path = format!("{}/liby.so.1", libraries(image.platform()));
                image.put(file(&path, plain.bytes()));
                needs_library(image, |app| app.needs("liby.so.1", &[]).runpath("/opt/x"));
            },
        ),
        right(
            "a library that is asked for by its path",
            glibc,
            &TWO,
            |image| {
                put_library(image, "opt/x/libx.so.1");
                let app = Elf::program(image.platform())
                    .needs("/opt/x/libx.so.1", &[])
                    .of_glibc()
                    .imports(&["x"]);
                image.put(program("usr/bin/app", app.bytes()));
            },
        ),
        right(
            "a library of another machine comes first on the path",
            glibc,
            &TWO,
            |image| {
                let other = Elf::library("linux/386", "libx.so.1").exports(&["x"]);
                image.put(file("opt/old/libx.so.1", other.bytes()));
                put_library(image, "opt/x/libx.so.1");
                needs_library(image, |app| app.runpath("/opt/old:/opt/x"));
            },
        ),
        right(
            "the libraries of Fedora, in lib64",
            glibc,
            &["linux/amd64", "linux/s390x"],
            |image| {
                let platform = image.platform();
                let own = libraries(platform);
                let variant = image.one();
                for layer in &mut variant.layers {
                    for entry in &mut layer.entries {
                        entry.path = entry.path.replace(&own, "usr/lib64");
                    }
                }
                let loader = machine::of(platform).glibc;
                let name = loader.rsplit('/').next().expect("a name");
                let bytes = Elf::glibc_loader(platform, &["/lib64/", "/usr/lib64/"]).bytes();
                image.put(program(&format!("usr/lib64/{name}"), bytes));
                if loader.starts_with("/lib/") {
                    image.put(link(
                        &format!("usr/lib/{name}"),
                        &format!("../lib64/{name}"),
                    ));
                }
            },
        ),
    ]
}

fn caches() -> Vec<Right> {
    vec![
        right(
            "a folder that only ld.so.cache knows",
            glibc,
            &["linux/amd64", "linux/arm64"],
            |image| {
                put_library(image, "opt/x/lib/libx.so.1");
                image.put(file("etc/ld.so.conf.d/x.conf", "/opt/x/lib\n"));
                let cache = cache(image.platform(), &[("libx.so.1", "/opt/x/lib/libx.so.1")]);
                image.put(file("etc/ld.so.cache", cache));
                needs_library(image, |app| app);
            },
        ),
        right(
            "a big-endian ld.so.cache",
            glibc,
            &["linux/s390x"],
            |image| {
                put_library(image, "opt/x/lib/libx.so.1");
                image.put(file("etc/ld.so.conf.d/x.conf", "# x\n/opt/x/lib\n"));
                let cache = cache(image.platform(), &[("libx.so.1", "/opt/x/lib/libx.so.1")]);
                image.put(file("etc/ld.so.cache", cache));
                needs_library(image, |app| app);
            },
        ),
        right(
            "an ld.so.cache with what is no longer there",
            glibc,
            &["linux/amd64"],
            |image| {
                let path = format!("{}/libx.so.1", libraries(image.platform()));
                put_library(image, &path);
                let cache = cache(
                    image.platform(),
                    &[
                        ("libx.so.1", "/opt/gone/libx.so.1"),
                        ("libold.so.1", "/lib/libold.so.1"),
                    ],
                );
                image.put(file("etc/ld.so.cache", cache));
                needs_library(image, |app| app);
            },
        ),
        right(
            "an ld.so.cache that is damaged",
            glibc,
            &["linux/arm64"],
            |image| {
                image.put(file(
                    "etc/ld.so.cache",
                    "glibc-ld.so.cache1.1\x7f\x7f\x7f\x7f",
                ));
            },
        ),
        right(
            "musl's path file, one folder a line",
            musl,
            &["linux/amd64"],
            |image| {
                let x = Elf::library(image.platform(), "libx.so.1")
                    .of_musl()
                    .exports(&["x"]);
                image.put(file("opt/x/libx.so.1", x.bytes()));
                image.put(file("etc/ld-musl-x86_64.path", "/lib\n/usr/lib\n/opt/x\n"));
                let app = musl_app(image.platform()).needs("libx.so.1", &[]);
                image.put(program("usr/bin/app", app.bytes()));
            },
        ),
        right(
            "musl's path file with colons",
            musl,
            &["linux/arm64"],
            |image| {
                let x = Elf::library(image.platform(), "libx.so.1")
                    .of_musl()
                    .exports(&["x"]);
                image.put(file("opt/x/libx.so.1", x.bytes()));
                image.put(file("etc/ld-musl-aarch64.path", "/opt/x:/lib:/usr/lib"));
                let app = musl_app(image.platform()).needs("libx.so.1", &[]);
                image.put(program("usr/bin/app", app.bytes()));
            },
        ),
    ]
}

fn contents() -> Vec<Right> {
    vec![
        right(
            "a plug-in with symbols of its program",
            glibc,
            &TWO,
            |image| {
                let plug_in = Elf::plug_in(image.platform())
                    .of_glibc()
                    .imports(&["PyModule_Create2", "PyErr_SetString"]);
                image.put(file("usr/lib/python3/lib-dynload/_x.so", plug_in.bytes()));
            },
        ),
        right(
            "a library with symbols of its program",
            musl,
            &everywhere(),
            |image| {
                let x = Elf::library(image.platform(), "libx.so.1")
                    .of_musl()
                    .imports(&["callback"]);
                image.put(file("usr/lib/libx.so.1", x.bytes()));
                let app = musl_app(image.platform())
                    .needs("libx.so.1", &[])
                    .exports(&["callback"]);
                image.put(program("usr/bin/app", app.bytes()));
            },
        ),
        right(
            "a plug-in that needs what its program loads from elsewhere",
            glibc,
            &TWO,
            |image| {
                put_library(image, "opt/x/libx.so.1");
                let plug_in = Elf::plug_in(image.platform())
                    .needs("libx.so.1", &[])
                    .of_glibc();
                image.put(file("opt/x/plugins/p.so", plug_in.bytes()));
            },
        ),
        right("a version that may be missing", glibc, &TWO, |image| {
            let app = glibc_app(image.platform()).weak_version("libc.so.6", "GLIBC_ABI_DT_RELR");
            image.put(program("usr/bin/app", app.bytes()));
        }),
        right("symbols that may be missing", musl, &TWO, |image| {
            let app =
                musl_app(image.platform()).weak_imports(&["__progname_full", "tracing_start"]);
            image.put(program("usr/bin/app", app.bytes()));
        }),
        right(
            "a library without versions in place of one with",
            glibc,
            &TWO,
            |image| {
                // glibc warns of it and goes on.
                let path = format!("{}/libx.so.1", libraries(image.platform()));
                put_library(image, &path);
                let app = Elf::program(image.platform())
                    .needs("libx.so.1", &["X_1.0"])
                    .of_glibc()
                    .imports(&["x@X_1.0"]);
                image.put(program("usr/bin/app", app.bytes()));
            },
        ),
        right(
            "a library by a name that is not its own",
            glibc,
            &TWO,
            |image| {
                let bytes = library(image.platform()).soname("libx-3.so.1").bytes();
                let path = format!("{}/libx.so.1", libraries(image.platform()));
                image.put(file(&path, bytes));
                needs_library(image, |app| app);
            },
        ),
        right(
            "a program that needs its linker",
            glibc,
            &everywhere(),
            |image| {
                let loader = machine::of(image.platform()).glibc;
                let loader = loader.rsplit('/').next().expect("a name");
                let app = glibc_app(image.platform()).needs(loader, &["GLIBC_PRIVATE"]);
                let app = app.imports(&["_dl_audit_preinit@GLIBC_PRIVATE", "__tls_get_addr"]);
                image.put(program("usr/bin/app", app.bytes()));
            },
        ),
        right(
            "a program of musl that needs glibc's names",
            musl,
            &TWO,
            |image| {
                let app = musl_app(image.platform())
                    .needs("libpthread.so.0", &[])
                    .needs("libm.so.6", &[]);
                image.put(program("usr/bin/app", app.bytes()));
            },
        ),
        right(
            "what a program may load is there under one of its names",
            glibc,
            &TWO,
            |image| {
                let note = r#"[{"feature":"crypt","priority":"required","soname":["libnew.so.2","libz.so.1"]}]"#;
                let app = glibc_app(image.platform()).dlopen(note);
                image.put(program("usr/bin/app", app.bytes()));
            },
        ),
        right(
            "musl beside glibc, each with its programs",
            glibc,
            &TWO,
            |image| {
                let machine = machine::of(image.platform());
                let musl = Elf::musl(image.platform()).bytes();
                let loader = format!("usr{}", machine.musl_loader());
                image.put(program(&loader, musl));
                let tool = Elf::musl_program(image.platform()).of_musl();
                image.put(link(
                    &format!("usr/lib/{}", machine.musl_libc()),
                    &format!("ld-musl-{}.so.1", machine.musl),
                ));
                image.put(program("usr/local/bin/tool", tool.bytes()));
            },
        ),
        right(
            "a loader twice, by a link of the old place",
            glibc,
            &["linux/arm/v7"],
            |image| {
                for entry in debian_loader(image.platform()) {
                    image.put(entry);
                }
                image.put(link("usr/lib/ld-linux.so.3", "ld-linux-armhf.so.3"));
            },
        ),
        right("a program that is a library too", glibc, &TWO, |image| {
            let libc =
                Elf::glibc(image.platform()).interpreter(machine::of(image.platform()).glibc);
            let path = format!("{}/libc.so.6", libraries(image.platform()));
            image.put(program(&path, libc.bytes()));
        }),
    ]
}

/// An `ld.so.cache` in the format of glibc since 2.2 without the one before it: a header, entries,
/// strings. The entries are sorted as `ldconfig` sorts them, backwards.
fn cache(platform: &str, entries: &[(&str, &str)]) -> Vec<u8> {
    let machine = machine::of(platform);
    let little = machine.little;
    let n = |value: u64, size: usize| match little {
        true => value.to_le_bytes()[..size].to_vec(),
        false => value.to_be_bytes()[8 - size..].to_vec(),
    };
    // FLAG_ELF_LIBC6 with the machine's own flag.
    let flags = match machine.platform {
        "linux/amd64" => 0x0303,
        "linux/arm64" => 0x0a03,
        "linux/s390x" => 0x0403,
        _ => 0x0003,
    };
    let mut sorted = entries.to_vec();
    sorted.sort_by(|one, other| other.0.cmp(one.0));
    let start = 48 + 24 * sorted.len() as u64;
    let (mut table, mut strings) = (Vec::new(), Vec::new());
    for (name, path) in sorted {
        let mut add = |text: &str| {
            let at = start + strings.len() as u64;
            strings.extend(text.bytes());
            strings.push(0);
            at
        };
        let (name, path) = (add(name), add(path));
        table.extend([n(flags, 4), n(name, 4), n(path, 4), n(0, 4), n(0, 8)].concat());
    }
    let order = if little { 2 } else { 3 };
    [
        b"glibc-ld.so.cache1.1".to_vec(),
        n(entries.len() as u64, 4),
        n(strings.len() as u64, 4),
        vec![order, 0, 0, 0],
        vec![0; 16],
        table,
        strings,
    ]
    .concat()
}
