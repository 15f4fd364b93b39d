//! Files for other machines that lie where they belong.

use super::{Right, right};
use crate::verify::elf::{Elf, machine};
use crate::verify::image::roots::{debian_libraries, debian_loader, fixed, glibc};
use crate::verify::image::{Entry, Image, file, folder, link, program};
use crate::verify::planted::foreign::{macos, windows};

const DEBIANS: [&str; 3] = ["linux/amd64", "linux/arm64", "linux/riscv64"];

/// Adds the C library of another architecture, as `dpkg --add-architecture` does.
fn multiarch(image: &mut Image, platform: &str) {
    let mut all: Vec<Entry> = debian_loader(platform);
    all.extend(debian_libraries(platform));
    for entry in all {
        image.one().layers[0].put(entry);
    }
}

pub(super) fn images() -> Vec<Right> {
    vec![
        right(
            "the libraries of armhf beside those of arm64",
            glibc,
            &["linux/arm64"],
            |image| {
                multiarch(image, "linux/arm/v7");
            },
        ),
        right(
            "the libraries of i386 beside those of amd64",
            glibc,
            &["linux/amd64"],
            |image| {
                multiarch(image, "linux/386");
            },
        ),
        right(
            "the libraries of arm64 beside those of amd64",
            glibc,
            &["linux/amd64"],
            |image| {
                multiarch(image, "linux/arm64");
            },
        ),
        right(
            "a cross compiler's libraries",
            glibc,
            &["linux/amd64"],
            |image| {
                let libc = Elf::glibc("linux/arm64").bytes();
                image.put(program("usr/aarch64-linux-gnu/lib/libc.so.6", libc));
                let loader = Elf::glibc_loader("linux/arm64", &["/lib/"]).bytes();
                image.put(program(
                    "usr/aarch64-linux-gnu/lib/ld-linux-aarch64.so.1",
                    loader,
                ));
            },
        ),
        right("firmware", glibc, &DEBIANS, |image| {
            let chip = Elf::fixed("linux/arm/v5").number(94).bytes();
            image.put(file("usr/lib/firmware/wifi/fw.elf", chip));
            let phone = Elf::fixed("linux/arm/v7").number(164).bytes();
            image.put(program("usr/lib/firmware/modem.mbn", phone));
        }),
        right("BPF objects", glibc, &DEBIANS, |image| {
            let bpf = Elf::object("linux/amd64").number(247).bytes();
            image.put(file("opt/probe/trace.bpf.o", &bpf));
            image.put(file("usr/lib/bpf/filter.o", &bpf));
        }),
        right(
            "kernel modules",
            glibc,
            &["linux/amd64", "linux/arm64", "linux/s390x"],
            |image| {
                let module = Elf::object(image.platform()).bytes();
                image.put(file("usr/lib/modules/6.1.0/kernel/fs/ext4.ko", module));
                let other = Elf::object("linux/ppc64le").bytes();
                image.put(file("usr/lib/modules/6.1.0-other/kernel/fs/ext4.ko", other));
            },
        ),
        right("objects of a compiler", glibc, &DEBIANS, |image| {
            let triple = machine::of(image.platform()).triple;
            let object = Elf::object(image.platform()).bytes();
            image.put(file(&format!("usr/lib/{triple}/crt1.o"), &object));
            image.put(file(&format!("usr/lib/gcc/{triple}/12/crtbegin.o"), object));
            image.put(file(&format!("usr/lib/{triple}/libc.a"), "!<arch>\n"));
            let script = "/* GNU ld script */\nGROUP ( libm.so.6 )\n";
            image.put(file(&format!("usr/lib/{triple}/libm.so"), script));
        }),
        right("test data of all machines", glibc, &DEBIANS, |image| {
            for platform in ["linux/386", "linux/mips64", "linux/s390x", "linux/ppc64le"] {
                let name = platform.replace('/', "-");
                let program_ = Elf::static_pie(platform).bytes();
                let path = format!("usr/lib/go/src/debug/elf/testdata/{name}-exec");
                image.put(program(&path, program_));
            }
            let bytes = Elf::static_pie("linux/s390x").bytes();
            image.put(file("usr/lib/go/src/debug/elf/testdata/cut", &bytes[..80]));
        }),
        right(
            "prebuilt add-ons of Node for all machines",
            glibc,
            &DEBIANS,
            |image| {
                for (name, platform) in [
                    ("linux-x64", "linux/amd64"),
                    ("linux-arm64", "linux/arm64"),
                    ("linux-arm", "linux/arm/v7"),
                    ("linux-ia32", "linux/386"),
                ] {
                    let add_on = Elf::plug_in(platform)
                        .imports(&["napi_create_object"])
                        .bytes();
                    let path = format!("app/node_modules/x/prebuilds/{name}/node.napi.node");
                    image.put(program(&path, add_on));
                }
                image.put(program(
                    "app/node_modules/x/prebuilds/darwin-arm64/x.node",
                    macos(),
                ));
                image.put(file(
                    "app/node_modules/x/prebuilds/win32-x64/x.node",
                    windows(),
                ));
            },
        ),
        right(
            "libraries for all machines in a jar's folder",
            glibc,
            &DEBIANS,
            |image| {
                for (name, platform) in [("aarch64", "linux/arm64"), ("x86_64", "linux/amd64")] {
                    let library = Elf::library(platform, "libjna.so").bytes();
                    image.put(program(&format!("opt/jna/linux-{name}/libjna.so"), library));
                }
            },
        ),
        right("pip's launchers for Windows", glibc, &DEBIANS, |image| {
            for name in ["t32.exe", "t64.exe", "t64-arm.exe", "w64.exe"] {
                let path = format!("usr/lib/python3/site-packages/pip/_vendor/distlib/{name}");
                image.put(program(&path, windows()));
            }
        }),
        right(
            "programs that an image hands out",
            fixed,
            &["linux/amd64", "linux/arm64"],
            |image| {
                image.put(folder("srv"));
                for (name, platform) in [("arm64", "linux/arm64"), ("amd64", "linux/amd64")] {
                    let tool = Elf::fixed(platform).go(&[("GOOS", "linux")]).bytes();
                    image.put(program(&format!("srv/downloads/linux/{name}/tool"), tool));
                }
                image.put(program("srv/downloads/darwin/arm64/tool", macos()));
                image.put(program("srv/downloads/windows/amd64/tool.exe", windows()));
            },
        ),
        right(
            "what an emulator has of another machine",
            glibc,
            &["linux/amd64"],
            |image| {
                let loader = Elf::glibc_loader("linux/s390x", &["/lib/"]).bytes();
                image.put(program("usr/gnemul/qemu-s390x/lib/ld64.so.1", loader));
                image.put(link("usr/gnemul/qemu-s390x/lib/ld.so", "ld64.so.1"));
            },
        ),
    ]
}
