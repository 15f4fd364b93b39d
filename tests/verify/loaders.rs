//! The search for libraries against the dynamic linkers themselves.
//!
//! Trees are made at random, with libraries in many places, twice, for other machines, behind links or
//! nowhere, and search paths of all kinds. The real linker lists what it finds in such a tree, started
//! in it alone under QEMU: glibc's and musl's, of several machines. What the audit follows has
//! to be the same.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::Command;

use polyarch::digest::{DiffId, Digest};
use polyarch::elf::Object;
use polyarch::elf::linkage::{self, Content, Files, Loader, Problem};
use polyarch::oci::listing::{Item, Listing};
use polyarch::oci::rootfs::Rootfs;
use polyarch::oci::untar::Kind;
use polyarch::target::Platform;

use super::elf::{Elf, machine};
use crate::support::judge::{agrees, judge};
use crate::support::program::{ran, store};

/// How many trees are made for each linker of the most common machine, and for others.
const TREES: u64 = 60;
const OTHERS: u64 = 12;

#[test]
fn glibc_finds_what_is_found_here() {
    agree("linux/amd64", false, TREES);
}

#[test]
fn musl_finds_what_is_found_here() {
    agree("linux/amd64", true, TREES);
}

#[test]
fn glibc_of_other_machines_finds_what_is_found_here() {
    for platform in ["linux/arm64", "linux/arm/v7", "linux/riscv64"] {
        agree(platform, false, OTHERS);
    }
}

#[test]
fn musl_of_another_machine_finds_what_is_found_here() {
    agree("linux/riscv64", true, OTHERS);
}

fn agree(platform: &'static str, musl: bool, trees: u64) {
    let linker = linker(platform, musl);
    let mut differences = Vec::new();
    let (mut found, mut missing) = (0_u64, 0_u64);
    for seed in 0..trees {
        let tree = Tree::new(platform, musl, seed);
        let folder = tempfile::tempdir().expect("a temporary folder");
        tree.write(folder.path(), &linker);
        let theirs = theirs(&tree, folder.path());
        let ours = ours(&tree, folder.path());
        found += theirs.found.len() as u64;
        missing += theirs.missing.len() as u64;
        if theirs != ours {
            differences.push(format!(
                "tree {seed}: the linker has {theirs:#?}, here it is {ours:#?}\n{tree:#?}"
            ));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    // Trees in which nothing or everything is found would prove little.
    assert!(found > trees && missing > trees / 6, "{found} {missing}");
}

/// What a linker makes of a program.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    /// The real paths of the libraries, without a slash in front.
    found: BTreeSet<String>,
    /// The names that it does not find.
    missing: BTreeSet<String>,
}

/// A tree of files around a program.
#[derive(Debug)]
struct Tree {
    platform: &'static str,
    musl: bool,
    merged: bool,
    library_path: Option<&'static str>,
    files: BTreeMap<String, Vec<Description>>,
    links: BTreeMap<String, String>,
}

/// An ELF file in words, for a report on a difference.
#[derive(Clone, Debug)]
struct Description {
    soname: Option<String>,
    needed: Vec<String>,
    rpath: Option<&'static str>,
    runpath: Option<&'static str>,
    no_default: bool,
    other_machine: bool,
}

/// Numbers that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        // Knuth's MMIX; the upper bits are the good ones.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % limit
    }

    fn one_in(&mut self, chance: usize) -> bool {
        self.below(chance) == 0
    }

    fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }
}

const PROGRAM: &str = "opt/app/bin/app";
const PATHS: [&str; 9] = [
    "$ORIGIN/../lib",
    "${ORIGIN}",
    "/opt/app/lib",
    "/opt/other:/usr/local/lib",
    "/nowhere:/opt/other/",
    "$ORIGIN/../../other",
    "/opt/app/lib:$ORIGIN/deep",
    "/opt/$LIB:/opt/other",
    "/link/lib",
];

impl Tree {
    fn new(platform: &'static str, musl: bool, seed: u64) -> Self {
        let mut numbers = Numbers(seed.wrapping_mul(0x9e37_79b9) + u64::from(musl));
        let triple = machine::of(platform).triple;
        let multiarch = [format!("usr/lib/{triple}"), format!("lib/{triple}")];
        let folders = [
            "usr/lib",
            "lib",
            "usr/local/lib",
            "opt/app/lib",
            "opt/other",
            "opt/app/lib/deep",
            "opt/lib",
            &multiarch[0],
            &multiarch[1],
        ];
        let mut tree = Self {
            platform,
            musl,
            merged: numbers.one_in(2),
            library_path: numbers.one_in(4).then_some("/opt/other:/opt/app/lib/deep"),
            files: BTreeMap::new(),
            links: BTreeMap::from([("link".to_owned(), "opt/app".to_owned())]),
        };
        let names: Vec<String> = ('a'..='h')
            .map(|letter| format!("lib{letter}.so.1"))
            .collect();
        let mut program = tree.describe(&mut numbers, &names, 4);
        program.soname = None;
        tree.files.insert(PROGRAM.to_owned(), vec![program]);
        for (number, name) in names.iter().enumerate() {
            // Later ones need earlier ones only rarely, so that chains end.
            let below = &names[(number + 1).min(names.len() - 1)..];
            let copies = numbers.of(&[0, 1, 2, 2, 3, 3]);
            for _ in 0..copies {
                let mut library = tree.describe(&mut numbers, below, 2);
                library.soname = (!numbers.one_in(5)).then(|| name.clone());
                library.other_machine = !musl && numbers.one_in(6);
                let path = format!("{}/{name}", numbers.of(&folders));
                let path = tree.placed(&path);
                if numbers.one_in(4) {
                    let real = format!("{path}.2.3");
                    let last = real.rsplit('/').next().expect("a name").to_owned();
                    tree.links.insert(path, last);
                    tree.files.insert(real, vec![library]);
                } else if !tree.links.contains_key(&path) {
                    tree.files.insert(path, vec![library]);
                }
            }
        }
        tree.files.retain(|path, _| !tree.links.contains_key(path));
        tree
    }

    fn describe(&self, numbers: &mut Numbers, names: &[String], most: usize) -> Description {
        let count = numbers.below(most + 1).max(usize::from(most > 2));
        let needed: BTreeSet<usize> = (0..count).map(|_| numbers.below(names.len())).collect();
        let path = |numbers: &mut Numbers| numbers.one_in(2).then(|| numbers.of(&PATHS));
        Description {
            soname: None,
            needed: needed
                .into_iter()
                .map(|index| names[index].clone())
                .collect(),
            rpath: path(numbers),
            runpath: path(numbers),
            no_default: !self.musl && numbers.one_in(8),
            other_machine: false,
        }
    }

    /// With merged folders, what is meant for `lib` lies in `usr/lib`.
    fn placed(&self, path: &str) -> String {
        match self.merged && path.starts_with("lib/") {
            true => format!("usr/{path}"),
            false => path.to_owned(),
        }
    }

    fn interpreter(&self) -> String {
        let machine = machine::of(self.platform);
        match self.musl {
            true => machine.musl_loader(),
            false => machine.glibc.to_owned(),
        }
    }

    fn elf(&self, description: &Description) -> Vec<u8> {
        let platform = match description.other_machine {
            // Another class, which every linker tells at once.
            true if self.platform == "linux/arm/v7" => "linux/amd64",
            true => "linux/386",
            false => self.platform,
        };
        let mut elf = match &description.soname {
            Some(soname) => Elf::library(platform, soname),
            None => Elf::plug_in(platform),
        };
        for name in &description.needed {
            elf = elf.needs(name, &[]);
        }
        if let Some(path) = description.rpath {
            elf = elf.rpath(path);
        }
        if let Some(path) = description.runpath {
            elf = elf.runpath(path);
        }
        if description.no_default {
            elf = elf.no_default_folders();
        }
        elf.exports(&["something"]).bytes()
    }

    fn write(&self, root: &Path, linker: &Path) {
        if self.merged {
            for name in ["lib", "lib64"] {
                fs_err::create_dir_all(root.join("usr").join(name)).expect("a folder");
                fs_err::os::unix::fs::symlink(Path::new("usr").join(name), root.join(name))
                    .expect("a link");
            }
        }
        let interpreter = root.join(self.interpreter().trim_start_matches('/'));
        put(&interpreter, &fs_err::read(linker).expect("a linker"));
        for (path, descriptions) in &self.files {
            let mut bytes = self.elf(&descriptions[0]);
            if path == PROGRAM {
                let own = &descriptions[0];
                let program = Elf::program(self.platform).interpreter(&self.interpreter());
                let program = own
                    .needed
                    .iter()
                    .fold(program, |elf, name| elf.needs(name, &[]));
                let program = own.rpath.iter().fold(program, |elf, path| elf.rpath(path));
                let program = own
                    .runpath
                    .iter()
                    .fold(program, |elf, path| elf.runpath(path));
                let program = if own.no_default {
                    program.no_default_folders()
                } else {
                    program
                };
                bytes = program.exports(&["something"]).bytes();
            }
            put(&root.join(path), &bytes);
        }
        for (path, target) in &self.links {
            let path = root.join(path);
            fs_err::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs_err::os::unix::fs::symlink(target, path).expect("a link");
        }
    }
}

fn put(path: &Path, bytes: &[u8]) {
    use std::os::unix::fs::PermissionsExt;
    fs_err::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    fs_err::write(path, bytes).expect("a file");
    fs_err::set_permissions(path, PermissionsExt::from_mode(0o755)).expect("its mode");
}

/// The linker of a platform, from what the tests have fetched.
fn linker(platform: &str, musl: bool) -> PathBuf {
    let machine = machine::of(platform);
    let path = match musl {
        true => machine.musl_loader(),
        false => machine.glibc.to_owned(),
    };
    let name = path.rsplit('/').next().expect("a name");
    let folders = [format!("usr/lib/{}", machine.triple), "usr/lib".to_owned()];
    let trees = fs_err::read_dir(store().join("v1/trees")).expect("trees");
    for tree in trees {
        let tree = tree.expect("an entry").path();
        for folder in &folders {
            let file = tree.join(folder).join(name);
            if file.is_file() {
                return file;
            }
        }
    }
    panic!("no tree has {name}: start the tests with tests/run");
}

/// What the linker lists, started with the tree as its root.
fn theirs(tree: &Tree, root: &Path) -> Found {
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-root-user", "chroot"])
        .arg(root);
    // Its options are for the linker alone, and not for what starts it.
    let platform: Platform = tree.platform.parse().expect("a platform");
    let emulator = judge(&format!("qemu-{}", platform.architecture().qemu));
    // Copied by another process: what this one has had open for writing can't be started while a
    // child of another test has it from before its own start.
    let mut copy = Command::new("cp");
    agrees(
        copy.arg("-L")
            .arg(emulator.get_program())
            .arg(root.join("emulator")),
    );
    command.arg("/emulator");
    if let Some(path) = tree.library_path {
        command.arg("-E").arg(format!("LD_LIBRARY_PATH={path}"));
    }
    match tree.musl {
        true => command.arg(tree.interpreter()).arg("--list"),
        // As ldd asks; `--list` ends with the first library that is missing.
        false => command
            .args(["-E", "LD_TRACE_LOADED_OBJECTS=1"])
            .arg(tree.interpreter()),
    };
    command.arg(format!("/{PROGRAM}"));
    let ran = ran(&mut command);
    let mut found = Found::default();
    for line in ran.stdout.lines().chain(ran.stderr.lines()) {
        let line = line.trim();
        if let Some(rest) = line.strip_prefix("Error loading shared library ") {
            let name = rest.split(':').next().expect("a name");
            found.missing.insert(name.to_owned());
        } else if let Some((name, place)) = line.split_once(" => ") {
            match place.split_once(" (") {
                _ if place == "not found" => drop(found.missing.insert(name.to_owned())),
                Some((path, _)) if path == tree.interpreter() => {}
                Some((path, _)) => drop(found.found.insert(real(root, path))),
                None => panic!("{line}"),
            }
        } else {
            let known =
                line.contains("(0x") || line.contains("statically linked") || line.is_empty();
            assert!(known, "{line}\n{}{}\n{tree:#?}", ran.stdout, ran.stderr);
        }
    }
    found
}

/// Where a path of the tree really lies.
fn real(root: &Path, path: &str) -> String {
    let rootfs = rootfs(root);
    let (real, _) = rootfs
        .follow(path)
        .unwrap_or_else(|| panic!("{path} is nowhere"));
    real
}

fn ours(tree: &Tree, root: &Path) -> Found {
    let rootfs = rootfs(root);
    let mut objects = BTreeMap::new();
    for (path, node) in rootfs.iter() {
        let file = root.join(path);
        if node.kind == polyarch::oci::rootfs::NodeKind::File
            && let Ok(object) =
                Object::from_reader(Cursor::new(fs_err::read(&file).expect("a file")), &file)
        {
            objects.insert(path.to_owned(), object);
        }
    }
    let content = |path: &str| objects.get(path).map_or(Content::Other, Content::Elf);
    let library_path = tree
        .library_path
        .unwrap_or_default()
        .split(':')
        .filter(|one| !one.is_empty());
    let files = Files {
        rootfs: &rootfs,
        content: &content,
        platform: tree.platform.parse().expect("a platform"),
        library_path: library_path.map(str::to_owned).collect(),
    };
    let (real, _) = rootfs.follow(&tree.interpreter()).expect("the linker");
    let loader = Loader::new(
        &tree.interpreter(),
        &real,
        &objects[&real],
        &[],
        &files,
        &|_| None,
    );
    let closure = linkage::closure(PROGRAM, &objects[PROGRAM], &loader, &files);
    let mut found = Found::default();
    for one in closure.objects.iter().skip(1) {
        found.found.insert(one.real.clone());
    }
    for problem in closure.problems {
        match problem {
            Problem::Missing { name, .. } | Problem::Machine { name, .. } => {
                found.missing.insert(name);
            }
            other => panic!("{other:?}"),
        }
    }
    found
}

/// The files below a folder as those of an image.
fn rootfs(root: &Path) -> Rootfs {
    let mut members = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(folder).expect("a folder") {
            let entry = entry.expect("an entry");
            let path = entry.path();
            let kind = entry.file_type().expect("its type");
            let mut item = Item {
                path: path
                    .strip_prefix(root)
                    .expect("below")
                    .to_str()
                    .expect("text")
                    .to_owned(),
                kind: Kind::File,
                mode: 0o755,
                uid: 0,
                gid: 0,
                size: 0,
                link: String::new(),
            };
            if kind.is_symlink() {
                item.kind = Kind::Symlink;
                let target = fs_err::read_link(&path).expect("a link");
                target.to_str().expect("text").clone_into(&mut item.link);
            } else if kind.is_dir() {
                item.kind = Kind::Directory;
                folders.push(path);
            }
            members.push(item);
        }
    }
    // Links to folders come before what lies in them, as in any layer.
    members.sort_by(|one, other| one.path.cmp(&other.path));
    Rootfs::of([Listing {
        diff_id: DiffId::new(Digest::of(b"")),
        members,
    }])
    .expect("a tree")
}
