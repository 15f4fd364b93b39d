//! What the container runtime would not start.

use serde_json::json;

use super::{Case, case};
use crate::verify::elf::Elf;
use crate::verify::image::roots::{fixed, glibc, musl};
use crate::verify::image::{device, file, folder, link, program};

pub(super) fn cases() -> Vec<Case> {
    let mut all = programs();
    all.extend(files());
    all.extend(rights());
    all.extend(places());
    all
}

fn programs() -> Vec<Case> {
    vec![
        case(
            "start-unset",
            "an image says no program",
            glibc,
            "linux/amd64",
            |image| {
                image.set("Entrypoint", json!(null));
            },
        )
        .warning("config: Entrypoint")
        .hint("entrypoint"),
        case(
            "start-unset",
            "an image says an empty list",
            fixed,
            "linux/arm64",
            |image| {
                image.set("Entrypoint", json!([]));
                image.set("Cmd", json!([]));
            },
        )
        .warning("config: Entrypoint"),
        case(
            "start-not-found",
            "the entrypoint is not in the image",
            fixed,
            "linux/arm64",
            |image| {
                image.set("Entrypoint", json!(["/usr/local/bin/app"]));
            },
        )
        .error("config: Entrypoint")
        .expected("/usr/local/bin/app")
        .hint("/app"),
        case(
            "start-not-found",
            "the entrypoint is not on PATH",
            fixed,
            "linux/amd64",
            |image| {
                image.set("Entrypoint", json!(["app"]));
            },
        )
        .error("config: Entrypoint")
        .expected("app")
        .hint(""),
        case(
            "start-not-found",
            "the command is not on PATH",
            musl,
            "linux/s390x",
            |image| {
                image.set("Entrypoint", json!(null));
                image.set("Cmd", json!(["node", "server.js"]));
            },
        )
        .error("config: Cmd")
        .expected("node"),
        case(
            "start-not-found",
            "the image's PATH lacks the folder",
            glibc,
            "linux/riscv64",
            |image| {
                image.set("Env", json!(["PATH=/usr/local/bin:/opt/bin"]));
                image.set("Entrypoint", json!(["app"]));
            },
        )
        .error("config: Entrypoint"),
        case(
            "start-not-found",
            "the program is not in the working directory",
            fixed,
            "linux/arm/v7",
            |image| {
                image.set("WorkingDir", json!("/tmp"));
                image.set("Entrypoint", json!(["./app"]));
            },
        )
        .error("config: Entrypoint")
        .expected("./app"),
        case(
            "start-not-found",
            "the program's name is written with its arguments",
            fixed,
            "linux/amd64",
            |image| {
                image.set("Entrypoint", json!(["/app --serve"]));
            },
        )
        .error("config: Entrypoint")
        .expected("/app --serve"),
        case(
            "start-not-found",
            "a later layer takes the program away",
            fixed,
            "linux/ppc64le",
            |image| {
                image
                    .one()
                    .layer(vec![crate::verify::image::whiteout("app")]);
            },
        )
        .error("config: Entrypoint"),
    ]
}

fn files() -> Vec<Case> {
    vec![
        case(
            "start-not-a-file",
            "a folder is started",
            fixed,
            "linux/amd64",
            |image| {
                image.remove("app");
                image.put(file("app/main.py", "print()\n"));
            },
        )
        .error("/app")
        .found("folder"),
        case(
            "start-not-a-file",
            "a device is started",
            fixed,
            "linux/arm64",
            |image| {
                image.put(device("app").mode(0o777));
            },
        )
        .error("/app"),
        case(
            "start-not-a-file",
            "a link that leads nowhere is started",
            glibc,
            "linux/amd64",
            |image| {
                image.put(link("usr/bin/app", "/etc/alternatives/app"));
            },
        )
        .error("/usr/bin/app")
        .found("/etc/alternatives/app"),
        case(
            "start-not-a-file",
            "a link to itself is started",
            fixed,
            "linux/mips64",
            |image| {
                image.put(link("app", "app"));
            },
        )
        .error("/app"),
        case(
            "start-format",
            "text without a first line is started",
            glibc,
            "linux/amd64",
            |image| {
                image.put(program("usr/bin/app", "exec java -jar /app.jar\n"));
            },
        )
        .error("/usr/bin/app")
        .found("text")
        .hint("#!"),
        case(
            "start-format",
            "an empty file is started",
            fixed,
            "linux/arm64",
            |image| {
                image.put(program("app", ""));
            },
        )
        .error("/app")
        .found("empty"),
        case(
            "start-format",
            "a jar is started",
            fixed,
            "linux/s390x",
            |image| {
                image.put(program("app", b"PK\x03\x04\x14\0\x08\x08"));
            },
        )
        .error("/app")
        .hint("java"),
        case(
            "start-format",
            "a library is started",
            glibc,
            "linux/arm64",
            |image| {
                let library = Elf::library(image.platform(), "libapp.so").of_glibc();
                image.put(program("usr/bin/app", library.bytes()));
            },
        )
        .error("/usr/bin/app")
        .found("library"),
        case(
            "start-format",
            "an object file is started",
            fixed,
            "linux/riscv64",
            |image| {
                image.put(program("app", Elf::object(image.platform()).bytes()));
            },
        )
        .error("/app")
        .found("object"),
        case(
            "start-format",
            "a module of WebAssembly is started",
            fixed,
            "linux/amd64",
            |image| {
                image.put(program("app", b"\0asm\x01\0\0\0"));
            },
        )
        .error("/app")
        .found("WebAssembly"),
    ]
}

fn rights() -> Vec<Case> {
    let refused = |name, platform, spoil| {
        case("start-not-executable", name, fixed, platform, spoil)
            .error("/app")
            .hint("")
    };
    vec![
        refused("a program has no x bit", "linux/amd64", |image| {
            image.put(file("app", Elf::static_pie(image.platform()).bytes()));
        })
        .found("0644")
        .hint("0755")
        .and_on(&["linux/arm64", "linux/arm/v5"]),
        refused(
            "a program is not even root's to start",
            "linux/amd64",
            |image| {
                image.set("User", json!("0:0"));
                image.put(file("app", Elf::static_pie(image.platform()).bytes()));
            },
        )
        .expected("root"),
        refused("a program is root's alone", "linux/arm64", |image| {
            let app = Elf::static_pie(image.platform());
            image.put(program("app", app.bytes()).mode(0o700));
        })
        .found("0700"),
        refused("a program is another group's", "linux/ppc64le", |image| {
            let app = Elf::static_pie(image.platform());
            image.put(program("app", app.bytes()).mode(0o750).owner(0, 42));
        })
        .found("42"),
        refused(
            "a program is its owner's not to start",
            "linux/amd64",
            |image| {
                let app = Elf::static_pie(image.platform());
                image.put(program("app", app.bytes()).mode(0o655).owner(65532, 65532));
            },
        ),
        case(
            "start-not-executable",
            "a folder on the way is root's alone",
            fixed,
            "linux/amd64",
            |image| {
                let app = Elf::static_pie(image.platform());
                image.put(folder("srv").mode(0o700));
                image.put(program("srv/app", app.bytes()));
                image.set("Entrypoint", json!(["/srv/app"]));
            },
        )
        .error("/srv/app")
        .found("/srv"),
        case(
            "start-not-executable",
            "the shell of a script has no x bit",
            glibc,
            "linux/loong64",
            |image| {
                let dash = Elf::program(image.platform()).of_glibc();
                image.put(file("usr/bin/dash", dash.bytes()));
                image.put(program("usr/bin/app", "#!/bin/sh\n"));
            },
        )
        .error("/usr/bin/dash"),
    ]
}

fn places() -> Vec<Case> {
    vec![
        case(
            "working-directory",
            "the working directory is a file",
            fixed,
            "linux/amd64",
            |image| {
                image.set("WorkingDir", json!("/etc/passwd"));
            },
        )
        .error("config: WorkingDir | /etc/passwd")
        .and_on(&["linux/s390x"]),
        case(
            "working-directory",
            "the working directory is below a file",
            fixed,
            "linux/arm64",
            |image| {
                image.set("WorkingDir", json!("/etc/passwd/here"));
            },
        )
        .error("config: WorkingDir | /etc/passwd"),
        case(
            "working-directory",
            "the working directory is not there",
            fixed,
            "linux/arm64",
            |image| {
                image.set("WorkingDir", json!("/srv/app"));
            },
        )
        .note("config: WorkingDir")
        .expected("/srv/app"),
        case(
            "user-unknown",
            "the user is not in /etc/passwd",
            fixed,
            "linux/amd64",
            |image| {
                image.set("User", json!("web"));
            },
        )
        .error("config: User")
        .expected("web")
        .hint("user"),
        case(
            "user-unknown",
            "there is no /etc/passwd",
            fixed,
            "linux/arm64",
            |image| {
                image.remove("etc/passwd");
                image.remove("etc/group");
            },
        )
        .error("config: User")
        .expected("nonroot")
        .found("file"),
        case(
            "user-unknown",
            "a later layer has another /etc/passwd",
            glibc,
            "linux/arm/v6",
            |image| {
                image
                    .one()
                    .layer(vec![file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")]);
            },
        )
        .error("config: User"),
        case(
            "group-unknown",
            "the group is not in /etc/group",
            fixed,
            "linux/amd64",
            |image| {
                image.set("User", json!("nonroot:web"));
            },
        )
        .error("config: User")
        .expected("web")
        .hint("user"),
        case(
            "group-unknown",
            "a number's group is not in /etc/group",
            fixed,
            "linux/riscv64",
            |image| {
                image.set("User", json!("1000:web"));
            },
        )
        .error("config: User")
        .expected("web"),
        case(
            "path-unset",
            "an image sets no PATH",
            fixed,
            "linux/amd64",
            |image| {
                image.set("Env", json!(["LANG=C.UTF-8"]));
            },
        )
        .note("config: Env")
        .expected("PATH"),
    ]
}
