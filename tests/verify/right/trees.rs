//! Files that layers lay over each other.

use serde_json::json;

use super::{Right, right};
use crate::verify::elf::Elf;
use crate::verify::image::roots::{fixed, glibc, glibc_app, libraries, musl};
use crate::verify::image::{
    Entry, Image, device, file, folder, hard_link, link, opaque, program, whiteout,
};

const TWO: [&str; 2] = ["linux/amd64", "linux/arm64"];

fn above(image: &mut Image, entries: Vec<Entry>) {
    image.one().layer(entries);
}

pub(super) fn images() -> Vec<Right> {
    let mut all = links();
    all.extend(layers());
    all
}

fn links() -> Vec<Right> {
    vec![
        right("/bin is an absolute link", glibc, &TWO, |image| {
            image.remove("bin");
            image.one().layers[0].put(link("bin", "/usr/bin"));
            image.set("Entrypoint", json!(["/bin/app"]));
        }),
        right(
            "/bin is a relative link with a slash behind",
            glibc,
            &TWO,
            |image| {
                image.remove("bin");
                image.one().layers[0].put(link("bin", "./usr/bin/"));
                image.set("Entrypoint", json!(["/bin/app"]));
            },
        ),
        right("a link that leads above the root", glibc, &TWO, |image| {
            image.remove("bin");
            image.one().layers[0].put(link("bin", "../../../usr/bin"));
            image.put(program("usr/bin/app", "#!/bin/sh\n"));
        }),
        right("dangling links that nothing needs", glibc, &TWO, |image| {
            image.put(link("etc/mtab", "/proc/mounts"));
            image.put(link(
                "etc/resolv.conf",
                "../run/systemd/resolve/stub-resolv.conf",
            ));
            image.put(link("usr/bin/editor", "/etc/alternatives/editor"));
            image.put(link("usr/lib/libgone.so", "libgone.so.4"));
            image.put(link("var/loop", "loop"));
        }),
        right("alternatives, link after link", glibc, &TWO, |image| {
            let java = Elf::program(image.platform()).of_glibc().bytes();
            image.put(program("usr/lib/jvm/17/bin/java", java));
            image.put(link("etc/alternatives/java", "/usr/lib/jvm/17/bin/java"));
            image.put(link("usr/bin/java", "/etc/alternatives/java"));
            image.set("Entrypoint", json!(["java", "-jar", "/app.jar"]));
        }),
        right("devices and pipes", fixed, &TWO, |image| {
            image.put(device("dev/null"));
            image.put(device("dev/console").mode(0o600));
        }),
        right(
            "the static image's program has two names",
            fixed,
            &TWO,
            |image| {
                image.put(hard_link("usr/bin/app", "app"));
            },
        ),
    ]
}

fn layers() -> Vec<Right> {
    vec![
        right("hard links to files of lower layers", musl, &TWO, |image| {
            above(
                image,
                vec![
                    hard_link("bin/ash", "bin/busybox"),
                    hard_link("usr/bin/second", "usr/bin/app"),
                ],
            );
            image.set("Entrypoint", json!(["/usr/bin/second"]));
        }),
        right(
            "a hard link whose first name is gone",
            fixed,
            &TWO,
            |image| {
                above(image, vec![hard_link("usr/bin/app", "app")]);
                above(image, vec![whiteout("app")]);
                image.set("Entrypoint", json!(["/usr/bin/app"]));
            },
        ),
        right("a folder in place of a file", fixed, &TWO, |image| {
            let app = Elf::static_pie(image.platform()).bytes();
            above(image, vec![program("app/bin/app", app)]);
            image.set("Entrypoint", json!(["/app/bin/app"]));
        }),
        right("a file in place of a folder", fixed, &TWO, |image| {
            image.one().layers[0].put(file("srv/app/old.so", "old"));
            let app = Elf::static_pie(image.platform()).bytes();
            above(image, vec![program("srv/app", app)]);
            image.set("Entrypoint", json!(["/srv/app"]));
        }),
        right(
            "a link in place of a folder, with the same files",
            glibc,
            &TWO,
            |image| {
                image.one().layers[0].put(file("opt/conf/a", "a"));
                above(image, vec![link("opt/conf", "/etc")]);
            },
        ),
        right(
            "a wrong program that a later layer replaces",
            fixed,
            &TWO,
            |image| {
                let wrong = Elf::static_pie("linux/s390x").bytes();
                image.one().layers[0].put(program("app", wrong));
            },
        ),
        right(
            "a wrong program that a later layer takes away",
            fixed,
            &TWO,
            |image| {
                let wrong = Elf::static_pie("linux/s390x").bytes();
                image.one().layers[0].put(program("usr/bin/tool", wrong));
                above(image, vec![whiteout("usr/bin/tool")]);
            },
        ),
        right(
            "a library that is taken away and put elsewhere",
            glibc,
            &TWO,
            |image| {
                let own = libraries(image.platform());
                let ssl = Elf::library(image.platform(), "libssl.so.3")
                    .of_glibc()
                    .defines(&["OPENSSL_3.0.0"])
                    .exports(&["SSL_new@OPENSSL_3.0.0"]);
                above(
                    image,
                    vec![
                        whiteout(&format!("{own}/libssl.so.3")),
                        file("usr/local/ssl/lib/libssl.so.3", ssl.bytes()),
                    ],
                );
                let app = glibc_app(image.platform()).runpath("/usr/local/ssl/lib");
                image.put(program("usr/bin/app", app.bytes()));
            },
        ),
        right(
            "a library that is taken away and comes back",
            glibc,
            &TWO,
            |image| {
                let path = format!("{}/libz.so.1.2.13", libraries(image.platform()));
                above(image, vec![whiteout(&path)]);
                let zlib = Elf::library(image.platform(), "libz.so.1")
                    .of_glibc()
                    .exports(&["inflate"]);
                above(image, vec![file(&path, zlib.bytes())]);
                let app = Elf::program(image.platform())
                    .needs("libz.so.1", &[])
                    .of_glibc();
                image.put(program("usr/bin/app", app.imports(&["inflate"]).bytes()));
            },
        ),
        right(
            "an emptied folder that has the same file again",
            fixed,
            &TWO,
            |image| {
                let app = Elf::static_pie(image.platform()).bytes();
                image.one().layers[0].put(program("opt/bin/app", "#!/bin/sh\n"));
                above(image, vec![opaque("opt/bin"), program("opt/bin/app", app)]);
                image.set("Entrypoint", json!(["/opt/bin/app"]));
            },
        ),
        right(
            "a file through a link to a folder of a lower layer",
            glibc,
            &TWO,
            |image| {
                let app = glibc_app(image.platform()).bytes();
                above(image, vec![program("bin/app2", app)]);
                image.set("Entrypoint", json!(["/usr/bin/app2"]));
            },
        ),
        right("a mode that a later layer sets", fixed, &TWO, |image| {
            let app = Elf::static_pie(image.platform()).bytes();
            image.one().layers[0].put(file("srv/app", &app));
            above(image, vec![folder("srv"), program("srv/app", app)]);
            image.set("Entrypoint", json!(["/srv/app"]));
        }),
        right("a whiteout of what was never there", fixed, &TWO, |image| {
            above(
                image,
                vec![whiteout("var/cache/apt"), whiteout("usr/share/doc/app")],
            );
        }),
    ]
}
