//! Scripts that are started, by their first lines.

use serde_json::json;

use super::{Case, case};
use crate::verify::image::roots::{fixed, glibc, musl};
use crate::verify::image::{Image, link, program};

/// The program of the image is a script that begins so.
fn script(image: &mut Image, text: &str) {
    image.put(program("usr/bin/app", text));
}

fn interpreter(
    name: &'static str,
    root: fn(&'static str) -> Image,
    platform: &'static str,
    spoil: fn(&mut Image),
) -> Case {
    case("script-interpreter", name, root, platform, spoil)
        .error("/usr/bin/app")
        .hint("")
}

fn line(name: &'static str, platform: &'static str, spoil: fn(&mut Image)) -> Case {
    case("script-line", name, glibc, platform, spoil).error("/usr/bin/app")
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        // The fifth example of the issue.
        interpreter(
            "a script's bash is not in the image",
            musl,
            "linux/amd64",
            |image| {
                script(image, "#!/bin/bash\nexec /usr/bin/env\n");
            },
        )
        .expected("/bin/bash")
        .and_on(&["linux/arm64", "linux/s390x"]),
        interpreter(
            "a script is in an image without a shell",
            fixed,
            "linux/arm64",
            |image| {
                script(image, "#!/bin/sh\nexec /app\n");
                image.set("Entrypoint", json!(["/usr/bin/app"]));
            },
        )
        .expected("/bin/sh"),
        interpreter(
            "a script's python is elsewhere",
            glibc,
            "linux/amd64",
            |image| {
                script(image, "#!/usr/bin/python3\n");
                let python = crate::verify::elf::Elf::program(image.platform()).of_glibc();
                image.put(program("usr/local/bin/python3", python.bytes()));
            },
        )
        .expected("/usr/bin/python3")
        .hint("/usr/local/bin/python3"),
        interpreter("env does not find python", glibc, "linux/arm/v7", |image| {
            script(image, "#!/usr/bin/env python3\n");
        })
        .expected("python3"),
        interpreter(
            "env -S does not find node",
            glibc,
            "linux/riscv64",
            |image| {
                script(
                    image,
                    "#!/usr/bin/env -S NODE_ENV=production node --enable-source-maps\n",
                );
            },
        )
        .expected("node"),
        interpreter("there is no env", fixed, "linux/amd64", |image| {
            script(image, "#!/usr/bin/env sh\n");
            image.set("Entrypoint", json!(["/usr/bin/app"]));
        })
        .expected("/usr/bin/env"),
        interpreter(
            "the link to the shell leads nowhere",
            glibc,
            "linux/ppc64le",
            |image| {
                image.put(link("usr/bin/sh", "bash"));
                script(image, "#!/bin/sh\n");
            },
        )
        .expected("/bin/sh"),
        case(
            "script-interpreter",
            "a script's interpreter is a script without its own",
            glibc,
            "linux/amd64",
            |image| {
                script(image, "#!/usr/bin/wrapper\n");
                image.put(program("usr/bin/wrapper", "#!/usr/bin/ruby\n"));
            },
        )
        .error("/usr/bin/wrapper")
        .expected("/usr/bin/ruby"),
        case(
            "script-interpreter",
            "the shell starts a script without an interpreter",
            musl,
            "linux/386",
            |image| {
                script(image, "#!/usr/bin/perl\n");
                image.set("Entrypoint", json!(["/bin/sh", "-c", "exec /usr/bin/app"]));
            },
        )
        .error("/usr/bin/app")
        .expected("/usr/bin/perl"),
        line(
            "the first line ends as on Windows",
            "linux/amd64",
            |image| {
                script(image, "#!/bin/sh\r\nexec env\r\n");
            },
        )
        .hint("sed")
        .and_on(&["linux/arm64", "linux/mips64le"]),
        line("env gets two words", "linux/arm64", |image| {
            script(image, "#!/usr/bin/env sh -e\n");
        })
        .found("sh -e")
        .hint("-S"),
        line(
            "the first line has nothing behind its mark",
            "linux/s390x",
            |image| {
                script(image, "#!\necho\n");
            },
        ),
        line(
            "the first line is longer than the kernel reads",
            "linux/amd64",
            |image| {
                script(image, &format!("#!/{}bin/sh\n", "usr/../".repeat(60)));
            },
        ),
        line(
            "scripts are each other's interpreters",
            "linux/loong64",
            |image| {
                script(image, "#!/usr/bin/other\n");
                image.put(program("usr/bin/other", "#!/usr/bin/app\n"));
            },
        )
        .error("/usr/bin/app | /usr/bin/other"),
    ]
}
