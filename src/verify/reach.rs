//! Which files of an image are there to be run, and which are data.
//!
//! What the image starts, what lies on its `PATH` and what such programs load is run. Everything else
//! may be anything: firmware, tests of a compiler, programs for other machines that are handed out.

use std::collections::{BTreeMap, BTreeSet};

use super::view::View;
use crate::elf::layer::Fact;
use crate::oci::rootfs::NodeKind;
use crate::target::{Elf, Platform, TABLE};

/// How sure it is that a file is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// Nothing speaks for it.
    Data,
    /// Its mode says so.
    Marked,
    /// It lies on `PATH`, or a program from there loads it.
    Path,
    /// The image starts it, or what it starts loads it.
    Started,
}

/// What is known to be run, by real paths.
#[derive(Debug, Default)]
pub(super) struct Reached(BTreeMap<String, Reach>);

impl Reached {
    /// The programs that the image starts, and those on its `PATH`.
    pub(super) fn new(view: &View<'_>, started: &[String]) -> Self {
        let mut reached = Self::default();
        for program in started {
            reached.add(program, Reach::Started);
        }
        let folders: BTreeSet<String> = view.path().into_iter().collect();
        for (path, node) in view.rootfs.iter() {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            if !folders.contains(folder) {
                continue;
            }
            let real = match node.kind {
                NodeKind::File => Some((path.to_owned(), node)),
                NodeKind::Symlink(_) => view.rootfs.follow(path),
                NodeKind::Directory | NodeKind::Special => None,
            };
            if let Some((real, node)) = real
                && node.kind == NodeKind::File
                && node.mode & 0o111 != 0
            {
                reached.add(&real, Reach::Path);
            }
        }
        reached
    }

    /// Notes that a file is run.
    pub(super) fn add(&mut self, real: &str, reach: Reach) {
        let known = self.0.entry(real.to_owned()).or_insert(reach);
        *known = (*known).max(reach);
    }

    /// How sure it is that the file at a real path is run.
    pub(super) fn of(&self, view: &View<'_>, real: &str) -> Reach {
        if let Some(reach) = self.0.get(real) {
            return *reach;
        }
        let node = view.rootfs.get(real);
        let marked = node.is_some_and(|node| node.mode & 0o111 != 0);
        match marked && !is_data(real, view.platform) {
            true => Reach::Marked,
            false => Reach::Data,
        }
    }
}

/// A machine whose programs the platform's processors run as well, where the image has their linker.
pub(super) fn is_secondary(platform: Platform, elf: Elf) -> bool {
    match platform.architecture().name {
        "amd64" => matches!(elf.machine, 3 | 62) && elf.bits == 32,
        "arm64" => elf.machine == 40,
        "s390x" => elf.machine == 22 && elf.bits == 32,
        "mips64" | "mips64le" => {
            let own = platform.architecture().elf;
            elf.machine == 8 && elf.little_endian == own.little_endian
        }
        _ => false,
    }
}

/// Whether a path says that what lies there is for another machine, or for nobody to run here.
fn is_data(real: &str, platform: Platform) -> bool {
    const DATA: [&str; 12] = [
        "testdata",
        "test-data",
        "fixtures",
        "testcases",
        "firmware",
        "prebuilds",
        "modules",
        "bpf",
        "cross",
        "sysroot",
        "sysroots",
        "examples",
    ];
    real.split('/').any(|part| {
        let part = part.to_lowercase();
        DATA.contains(&part.as_str()) || names_other(&part, platform)
    })
}

/// Whether one of the words of a name is that of another architecture, or of another system.
fn names_other(part: &str, platform: Platform) -> bool {
    const SYSTEMS: [&str; 6] = ["darwin", "macos", "osx", "windows", "win32", "freebsd"];
    let is_own = |word: &str| {
        let meant: Option<Platform> = word.parse().ok();
        meant.is_some_and(|meant| meant.architecture().name == platform.architecture().name)
    };
    let is_other = |word: &str| {
        let mut rows = TABLE
            .iter()
            .filter(|row| row.name != platform.architecture().name);
        rows.any(|row| row.is_called(word))
    };
    let words: Vec<&str> = part.split(['-', '.']).collect();
    if words.iter().any(|word| is_own(word)) {
        return false;
    }
    words
        .iter()
        .any(|word| SYSTEMS.contains(word) || is_other(word))
}

/// Every ELF file of an image with its path, each once, however many names it has; of those, the one
/// that is reached best.
pub(super) fn elf_files(view: &View<'_>, reached: &Reached) -> Vec<(String, Reach)> {
    let mut found: BTreeMap<(usize, String), (String, Reach)> = BTreeMap::new();
    for (path, node) in view.rootfs.iter() {
        if !matches!(
            view.fact_of(path, node),
            Some(Fact::Elf(_) | Fact::Damaged(_))
        ) {
            continue;
        }
        let reach = reached.of(view, path);
        let key = (node.layer, node.member(path).to_owned());
        let best = found.entry(key).or_insert_with(|| (path.to_owned(), reach));
        if best.1 < reach {
            *best = (path.to_owned(), reach);
        }
    }
    let mut files: Vec<_> = found.into_values().collect();
    files.sort();
    files
}
