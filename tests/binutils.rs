//! The binutils that definitions fetch: each tool reads and writes files of every machine that there
//! are platforms for.

use std::path::{Path, PathBuf};
use std::process::Command;

use polyarch::elf::Facts;
use polyarch::target::Platform;

use super::support::judge::agrees;
use super::support::program::Project;

/// How the BFD library names the ELF format of an architecture, and the machine's own name there
/// where the format does not say it.
fn format(platform: Platform) -> (&'static str, Option<&'static str>) {
    match platform.architecture().name {
        "amd64" => ("elf64-x86-64", None),
        "386" => ("elf32-i386", None),
        "arm64" => ("elf64-littleaarch64", None),
        "arm" => ("elf32-littlearm", None),
        "riscv64" => ("elf64-littleriscv", None),
        "ppc64le" => ("elf64-powerpcle", None),
        "s390x" => ("elf64-s390", Some("s390:64-bit")),
        "mips64le" => ("elf64-tradlittlemips", None),
        "mips64" => ("elf64-tradbigmips", None),
        "loong64" => ("elf64-loongarch", None),
        other => panic!("name the format of {other} as BFD does"),
    }
}

/// The folder of the programs, and what their names begin with.
fn tools(project: &Project) -> impl Fn(&str) -> Command {
    let root = project.ok(&["toolchain", "path", "binutils"]).stdout;
    let folder = PathBuf::from(root.trim_end()).join("usr/bin");
    let strip = fs_err::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .find(|name| name.ends_with("-strip"))
        .expect("Debian names it after the machine");
    let prefix = strip.trim_end_matches("strip").to_owned();
    move |tool| Command::new(folder.join(format!("{prefix}{tool}")))
}

fn symbols(nm: &mut Command, file: &Path) -> String {
    agrees(nm.arg("--format=posix").arg(file)).stdout
}

#[test]
fn every_tool_knows_every_machine() {
    let project = Project::empty();
    let tool = tools(&project);
    let data = project.write("data", "some bytes");
    for platform in Platform::all() {
        let (format, machine) = format(platform);
        let object = project.root.join(format!("{}.o", platform.directory()));
        let mut copy = tool("objcopy");
        copy.current_dir(&project.root)
            .args(["-I", "binary", "-O", format]);
        if let Some(machine) = machine {
            copy.args(["-B", machine]);
        }
        agrees(copy.arg(data.file_name().unwrap()).arg(&object));
        let facts = Facts::read(&object).unwrap();
        assert_eq!(facts.header, platform.architecture().elf, "{platform}");
        let listed = symbols(&mut tool("nm"), &object);
        assert!(
            listed.contains("_binary_data_start"),
            "{platform}: {listed}"
        );
        let header = agrees(tool("readelf").arg("-h").arg(&object)).stdout;
        assert!(header.contains("REL (Relocatable file)"), "{header}");
        let dumped = agrees(tool("objdump").arg("-f").arg(&object)).stdout;
        assert!(dumped.contains(format), "{platform}: {dumped}");
        agrees(tool("strip").arg("--strip-all").arg(&object));
        let listed = symbols(&mut tool("nm"), &object);
        assert!(
            !listed.contains("_binary_data_start"),
            "{platform}: {listed}"
        );
        assert_eq!(Facts::read(&object).unwrap().header, facts.header);
    }
}
