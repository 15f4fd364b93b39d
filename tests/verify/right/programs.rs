//! Programs as tools leave them, and the ways in which they are started.

use serde_json::json;

use super::{Right, right};
use crate::verify::elf::{Elf, Hash, MACHINES};
use crate::verify::image::roots::{fixed, glibc, glibc_app, musl, musl_app};
use crate::verify::image::{Image, file, hard_link, link, program};

fn everywhere() -> Vec<&'static str> {
    MACHINES.iter().map(|machine| machine.platform).collect()
}

fn starts(image: &mut Image, elf: &Elf) {
    image.put(program("app", elf.bytes()));
}

fn script(image: &mut Image, text: &str) {
    image.put(program("usr/bin/app", text));
}

pub(super) fn images() -> Vec<Right> {
    let mut all = files();
    all.extend(scripts());
    all.extend(users());
    all
}

fn files() -> Vec<Right> {
    vec![
        right("a Go program", fixed, &everywhere(), |image| {
            let app = Elf::fixed(image.platform()).go(&go(image.platform()));
            starts(image, &app);
        }),
        right(
            "a Go program without section headers",
            fixed,
            &everywhere(),
            |image| {
                let app = Elf::fixed(image.platform()).go(&go(image.platform()));
                starts(image, &app.without_sections());
            },
        ),
        right("a packed program", fixed, &everywhere(), |image| {
            starts(image, &Elf::packed(image.platform()));
        }),
        right(
            "a dynamic program without section headers",
            glibc,
            &everywhere(),
            |image| {
                let app = glibc_app(image.platform()).without_sections();
                image.put(program("usr/bin/app", app.bytes()));
            },
        ),
        right(
            "a dynamic program of musl without section headers",
            musl,
            &everywhere(),
            |image| {
                let app = musl_app(image.platform()).without_sections();
                image.put(program("usr/bin/app", app.bytes()));
            },
        ),
        right("both tables of hashes", glibc, &everywhere(), |image| {
            let app = glibc_app(image.platform())
                .exports(&["environ"])
                .hash(Hash::Both);
            image.put(program("usr/bin/app", app.bytes()));
        }),
        right("the old table of hashes", glibc, &everywhere(), |image| {
            let app = glibc_app(image.platform()).hash(Hash::System).bind_now();
            image.put(program("usr/bin/app", app.bytes()));
        }),
        right(
            "a static program at its address, and one at any",
            fixed,
            &everywhere(),
            |image| {
                let other = Elf::static_pie(image.platform()).without_sections();
                image.put(program("usr/bin/other", other.bytes()));
                let app = Elf::fixed(image.platform());
                starts(image, &app);
            },
        ),
        right(
            "a program that names its system",
            fixed,
            &["linux/amd64", "linux/arm64"],
            |image| {
                let app = Elf::static_pie(image.platform()).os_abi(3);
                starts(image, &app);
            },
        ),
        right(
            "a program of v5 in a v7 image",
            fixed,
            &["linux/arm/v7", "linux/arm/v6"],
            |image| {
                let app = Elf::static_pie("linux/arm/v5");
                starts(image, &app);
            },
        ),
        right(
            "a static program of lp64",
            fixed,
            &["linux/riscv64"],
            |image| {
                let app = Elf::static_pie(image.platform()).e_flags(1);
                starts(image, &app);
            },
        ),
        right(
            "a library for better processors",
            glibc,
            &["linux/amd64"],
            |image| {
                let crypto = Elf::library(image.platform(), "libcrypto.so.3")
                    .of_glibc()
                    .defines(&["OPENSSL_3.0.0"])
                    .exports(&["EVP_new@OPENSSL_3.0.0"])
                    .isa_needed(7);
                let path = "usr/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v3/libcrypto.so.3";
                image.put(file(path, crypto.bytes()));
            },
        ),
        right(
            "setuid programs",
            glibc,
            &["linux/amd64", "linux/s390x"],
            |image| {
                let su = Elf::program(image.platform()).of_glibc().bytes();
                image.put(program("usr/bin/su", &su).mode(0o4755));
                image.put(program("usr/bin/wall", su).mode(0o2755).owner(0, 5));
            },
        ),
        right(
            "a program that its user may start, and nobody else",
            fixed,
            &["linux/arm64"],
            |image| {
                let app = Elf::static_pie(image.platform()).bytes();
                image.put(program("app", app).mode(0o500).owner(65532, 65532));
            },
        ),
        right(
            "a program that a group of its user may start",
            fixed,
            &["linux/amd64"],
            |image| {
                let app = Elf::static_pie(image.platform()).bytes();
                image.put(program("app", app).mode(0o750).owner(0, 50));
            },
        ),
        right(
            "a program that is started by a link",
            glibc,
            &["linux/amd64"],
            |image| {
                let app = glibc_app(image.platform()).bytes();
                image.put(program("opt/app-1.2/bin/app", app));
                image.put(link("opt/app", "app-1.2"));
                image.put(link("usr/bin/app", "../../opt/app/bin/app"));
            },
        ),
    ]
}

/// What Go writes into a program for a platform.
fn go(platform: &str) -> Vec<(&'static str, &'static str)> {
    match platform {
        "linux/amd64" => vec![("GOAMD64", "v1"), ("GOARCH", "amd64"), ("GOOS", "linux")],
        "linux/arm64" => vec![("GOARCH", "arm64"), ("GOARM64", "v8.0"), ("GOOS", "linux")],
        "linux/arm/v7" => vec![("GOARM", "7"), ("GOOS", "linux")],
        "linux/arm/v6" => vec![("GOARM", "6"), ("GOOS", "linux")],
        "linux/arm/v5" => vec![("GOARM", "5"), ("GOOS", "linux")],
        "linux/386" => vec![("GO386", "sse2"), ("GOOS", "linux")],
        "linux/riscv64" => vec![("GOOS", "linux"), ("GORISCV64", "rva20u64")],
        "linux/ppc64le" => vec![("GOOS", "linux"), ("GOPPC64", "power8")],
        "linux/mips64" | "linux/mips64le" => vec![("GOMIPS64", "hardfloat"), ("GOOS", "linux")],
        _ => vec![("GOOS", "linux")],
    }
}

fn scripts() -> Vec<Right> {
    const TWO: [&str; 2] = ["linux/amd64", "linux/arm/v7"];
    vec![
        right("a script with dash for a shell", glibc, &TWO, |image| {
            script(image, "#!/bin/sh\nexec env\n");
        }),
        right("a script with busybox for a shell", musl, &TWO, |image| {
            script(image, "#! /bin/sh -e\nexec env\n");
        }),
        right("busybox by symbolic links", musl, &TWO, |image| {
            for name in ["ls", "cat", "ash", "wget"] {
                image.put(link(&format!("bin/{name}"), "/bin/busybox"));
            }
            image.put(link("usr/bin/awk", "../../bin/busybox"));
        }),
        right("busybox by hard links", musl, &TWO, |image| {
            image.remove("bin/sh");
            for name in ["sh", "ls", "cat", "ash", "wget"] {
                let path = format!("bin/{name}");
                image.one().layers[0].put(hard_link(&path, "bin/busybox"));
            }
            script(image, "#!/bin/ash\n");
        }),
        right("env with options, for python", glibc, &TWO, |image| {
            let python = Elf::program(image.platform()).of_glibc().bytes();
            image.put(program("usr/local/bin/python3.12", python));
            image.put(link("usr/local/bin/python3", "python3.12"));
            script(image, "#!/usr/bin/env -S python3 -u\n");
        }),
        right("env with variables, for python", glibc, &TWO, |image| {
            let python = Elf::program(image.platform()).of_glibc().bytes();
            image.put(program("usr/local/bin/python3", python));
            script(
                image,
                "#!/usr/bin/env -S PYTHONUNBUFFERED=1 python3 -m app\n",
            );
        }),
        right("env for bash", glibc, &TWO, |image| {
            let bash = Elf::program(image.platform()).of_glibc().bytes();
            image.put(program("usr/bin/bash", bash));
            script(image, "#!/usr/bin/env bash\nset -eu\n");
        }),
        right(
            "a script whose interpreter is a script",
            glibc,
            &TWO,
            |image| {
                image.put(program("usr/bin/wrapper", "#!/bin/sh\nexec \"$@\"\n"));
                script(image, "#!/usr/bin/wrapper\n");
            },
        ),
        right(
            "a script with a space behind its mark and arguments",
            glibc,
            &TWO,
            |image| {
                script(image, "#!  /usr/bin/env   sh\n");
            },
        ),
        right(
            "a script that nothing starts, without its interpreter",
            glibc,
            &TWO,
            |image| {
                image.put(program(
                    "usr/share/app/contrib/report.pl",
                    "#!/usr/bin/perl -w\n",
                ));
                image.put(program(
                    "usr/share/app/build.ps1",
                    "#!/usr/bin/env pwsh\r\n",
                ));
            },
        ),
        right("a shell that starts the program", glibc, &TWO, |image| {
            image.set("Entrypoint", json!(null));
            image.set("Cmd", json!(["/bin/sh", "-c", "exec app --port \"$PORT\""]));
        }),
        right("a program that starts another", glibc, &TWO, |image| {
            let tini = Elf::static_pie(image.platform()).bytes();
            image.put(program("usr/bin/tini", tini));
            image.set("Entrypoint", json!(["tini", "--", "app"]));
            image.set("Cmd", json!(["--config", "/etc/app/missing.toml"]));
        }),
        right("a program in the working directory", fixed, &TWO, |image| {
            image.set("WorkingDir", json!("/"));
            image.set("Entrypoint", json!(["./app"]));
        }),
    ]
}

fn users() -> Vec<Right> {
    const ON: [&str; 2] = ["linux/amd64", "linux/arm64"];
    vec![
        right(
            "a scratch image with a program and a number for a user",
            fixed,
            &ON,
            |image| {
                image.one().layers.remove(0);
                image.set("User", json!("65532"));
                image.set("Env", json!(null));
                image.set("WorkingDir", json!(""));
            },
        ),
        right("numbers for user and group", fixed, &ON, |image| {
            image.set("User", json!("1000:1000"));
        }),
        right("a name and a number", fixed, &ON, |image| {
            image.set("User", json!("nonroot:4711"));
        }),
        right("a number and a name", fixed, &ON, |image| {
            image.set("User", json!("4711:staff"));
        }),
        right("no user", fixed, &ON, |image| {
            image.set("User", json!(""));
        }),
        right(
            "a home that is its user's alone for a working directory",
            fixed,
            &ON,
            |image| {
                image.set("WorkingDir", json!("/home/nonroot"));
            },
        ),
        right(
            "a working directory that is not there",
            fixed,
            &ON,
            |image| {
                image.set("WorkingDir", json!("/srv/app/"));
            },
        ),
        right("an image that is to be a base", glibc, &ON, |image| {
            image.remove("usr/bin/app");
            image.set("Entrypoint", json!(null));
            image.set("Cmd", json!(null));
        })
        .but("start-unset"),
        right(
            "an image that is to be a base, with a shell",
            glibc,
            &ON,
            |image| {
                image.set("Entrypoint", json!(null));
                image.set("Cmd", json!(["bash"]));
                let bash = Elf::program(image.platform()).of_glibc().bytes();
                image.put(program("usr/bin/bash", bash));
            },
        ),
    ]
}
