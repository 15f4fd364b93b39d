//! Right images: a small Debian, an Alpine, and one that is static.

use serde_json::json;

use super::{Entry, Image, Layer, Variant, file, folder, link, program};
use crate::verify::elf::{Elf, machine};

/// What programs of C and Go look for.
pub(crate) const CERTIFICATES: &[u8] = b"/etc/ssl/certs/ca-certificates.crt\0";
pub(crate) const ZONES: &[u8] = b"/usr/share/zoneinfo/\0";

/// What any image has that more than itself is to run in.
fn common() -> Vec<Entry> {
    vec![
        file(
            "etc/passwd",
            "root:x:0:0:root:/root:/bin/sh\nnonroot:x:65532:65532::/home/nonroot:/sbin/nologin\n",
        ),
        file(
            "etc/group",
            "root:x:0:\nstaff:x:50:nonroot\nnonroot:x:65532:\n",
        ),
        file("etc/nsswitch.conf", "hosts: files dns\n"),
        file(
            "etc/ssl/certs/ca-certificates.crt",
            "-----BEGIN CERTIFICATE-----\n",
        ),
        file("usr/share/zoneinfo/UTC", "TZif2"),
        folder("tmp").mode(0o1777),
        folder("home/nonroot").mode(0o700).owner(65532, 65532),
    ]
}

/// The folder of Debian's libraries.
pub(crate) fn libraries(platform: &str) -> String {
    format!("usr/lib/{}", machine::of(platform).triple)
}

/// Debian's linker for a platform, with what it looks into, where that lies, and the link by which
/// programs ask for it.
pub(crate) fn debian_loader(platform: &str) -> Vec<Entry> {
    let machine = machine::of(platform);
    let triple = machine.triple;
    let folders = [
        format!("/lib/{triple}/"),
        format!("/usr/lib/{triple}/"),
        "/lib/".to_owned(),
        "/usr/lib/".to_owned(),
    ];
    let folders = folders.each_ref().map(String::as_str);
    let name = machine.glibc.rsplit('/').next().expect("a name");
    vec![
        program(
            &format!("usr/lib/{triple}/{name}"),
            Elf::glibc_loader(platform, &folders).bytes(),
        ),
        link(
            &format!("usr{}", machine.glibc),
            &format!("/lib/{triple}/{name}"),
        ),
    ]
}

/// glibc and the libraries of the tests, where Debian has them.
pub(crate) fn debian_libraries(platform: &str) -> Vec<Entry> {
    let at = |name: &str| format!("{}/{name}", libraries(platform));
    let ssl = Elf::library(platform, "libssl.so.3")
        .needs("libcrypto.so.3", &["OPENSSL_3.0.0"])
        .of_glibc()
        .imports(&["EVP_new@OPENSSL_3.0.0"])
        .defines(&["OPENSSL_3.0.0"])
        .exports(&["SSL_new@OPENSSL_3.0.0", "SSL_free@OPENSSL_3.0.0"]);
    let crypto = Elf::library(platform, "libcrypto.so.3")
        .of_glibc()
        .defines(&["OPENSSL_3.0.0"])
        .exports(&["EVP_new@OPENSSL_3.0.0"]);
    let zlib = Elf::library(platform, "libz.so.1")
        .of_glibc()
        .exports(&["inflate"]);
    let first = machine::of(platform).first;
    let maths = Elf::library(platform, "libm.so.6")
        .of_glibc()
        .defines(&[first])
        .exports(&[&format!("cos@{first}")]);
    vec![
        file(&at("libc.so.6"), Elf::glibc(platform).bytes()).mode(0o755),
        file(&at("libm.so.6"), maths.bytes()),
        file(&at("libssl.so.3"), ssl.bytes()),
        file(&at("libcrypto.so.3"), crypto.bytes()),
        file(&at("libz.so.1.2.13"), zlib.bytes()),
        link(&at("libz.so.1"), "libz.so.1.2.13"),
    ]
}

/// The program of the right image, with glibc.
pub(crate) fn glibc_app(platform: &str) -> Elf {
    Elf::program(platform)
        .needs("libssl.so.3", &["OPENSSL_3.0.0"])
        .of_glibc()
        .imports(&["SSL_new@OPENSSL_3.0.0"])
        .text(CERTIFICATES)
        .text(ZONES)
}

/// The program of the right image, with musl.
pub(crate) fn musl_app(platform: &str) -> Elf {
    Elf::musl_program(platform)
        .needs("libssl.so.3", &[])
        .of_musl()
        .imports(&["SSL_new"])
        .text(CERTIFICATES)
        .text(ZONES)
}

/// A small Debian whose program needs two libraries.
pub(crate) fn glibc(platform: &'static str) -> Image {
    let mut base = common();
    base.extend([
        link("bin", "usr/bin"),
        link("sbin", "usr/sbin"),
        link("lib", "usr/lib"),
        link("lib64", "usr/lib64"),
        folder("usr/lib64"),
        folder("usr/sbin"),
        file("etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\n"),
        folder("etc/ld.so.conf.d"),
        program("usr/bin/dash", Elf::program(platform).of_glibc().bytes()),
        link("usr/bin/sh", "dash"),
        program("usr/bin/env", Elf::program(platform).of_glibc().bytes()),
    ]);
    base.extend(debian_loader(platform));
    base.extend(debian_libraries(platform));
    let own = vec![program("usr/bin/app", glibc_app(platform).bytes())];
    image(platform, base, own, "/usr/bin/app")
}

/// A small Alpine whose program needs two libraries.
pub(crate) fn musl(platform: &'static str) -> Image {
    let machine = machine::of(platform);
    let ssl = Elf::library(platform, "libssl.so.3")
        .needs("libcrypto.so.3", &[])
        .of_musl()
        .imports(&["EVP_new"])
        .exports(&["SSL_new", "SSL_free"]);
    let crypto = Elf::library(platform, "libcrypto.so.3")
        .of_musl()
        .exports(&["EVP_new"]);
    let mut base = common();
    base.extend([
        program(&machine.musl_loader(), Elf::musl(platform).bytes()),
        link(
            &format!("lib/{}", machine.musl_libc()),
            &format!("ld-musl-{}.so.1", machine.musl),
        ),
        program("usr/lib/libssl.so.3", ssl.bytes()),
        program("usr/lib/libcrypto.so.3", crypto.bytes()),
        program("bin/busybox", Elf::musl_program(platform).of_musl().bytes()),
        link("bin/sh", "/bin/busybox"),
        link("usr/bin/env", "/bin/busybox"),
        folder("sbin"),
        folder("usr/sbin"),
    ]);
    let own = vec![program("usr/bin/app", musl_app(platform).bytes())];
    image(platform, base, own, "/usr/bin/app")
}

/// An image with one static program.
pub(crate) fn fixed(platform: &'static str) -> Image {
    let app = Elf::static_pie(platform).text(CERTIFICATES).text(ZONES);
    image(
        platform,
        common(),
        vec![program("app", app.bytes())],
        "/app",
    )
}

fn image(platform: &'static str, base: Vec<Entry>, own: Vec<Entry>, start: &str) -> Image {
    let variant = Variant {
        platform,
        layers: vec![
            Layer::new("ADD rootfs.tar / # buildkit", base),
            Layer::new("COPY app / # buildkit", own),
        ],
        config: json!({
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
            "Entrypoint": [start],
            "User": "nonroot",
            "WorkingDir": "/",
        }),
        spoil_config: None,
        spoil_manifest: None,
        spoil_descriptor: None,
    };
    Image {
        variants: vec![variant],
        docker: false,
        bare: false,
        nested: false,
        attestations: false,
        spoil_index: None,
        spoil: None,
    }
}
