//! What a build has left: programs and shared libraries of the target, and tools of the host.
//!
//! Comes in: files that may be any of it. Goes out: those that are wanted, each with the name it
//! gets, or an error that says what was there instead. Object files and archives count for nothing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::sync::same;
use super::{Error, Result};
use crate::elf::Facts;
use crate::elf::facts::Kind;
use crate::target::{Libc, Platform};

/// A file that a build has left.
#[derive(Clone, Debug)]
pub(in crate::compile) struct File {
    /// Where it is.
    pub(super) path: PathBuf,
    /// Its path as a user names it: relative to the project's folder.
    pub(super) shown: PathBuf,
    facts: Facts,
}

/// Everything that a build has left, by what it is.
#[derive(Clone, Debug, Default)]
pub(in crate::compile) struct Found {
    /// Programs of the target.
    pub(super) programs: Vec<File>,
    /// Shared libraries of the target.
    pub(super) libraries: Vec<File>,
    /// Programs and libraries for another machine: the host's, or nobody's here.
    pub(super) foreign: Vec<File>,
}

/// One file that is to be put in its place.
#[derive(Clone, Debug)]
pub(super) struct Picked {
    pub(super) file: File,
    /// What it is called there.
    pub(super) name: String,
    pub(super) library: bool,
}

impl File {
    /// The file's facts; `None` where it is no linked ELF file.
    fn read(path: PathBuf, shown: PathBuf) -> Option<Self> {
        let facts = Facts::read(&path).ok()?;
        let linked = matches!(
            facts.kind,
            Kind::Executable | Kind::PositionIndependent | Kind::Library
        );
        linked.then_some(Self { path, shown, facts })
    }

    fn file_name(&self) -> String {
        let name = self.path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// What it is called where programs look for it: a library by its own name.
    fn name(&self) -> String {
        match &self.facts.soname {
            Some(name) if self.facts.kind == Kind::Library && !name.contains('/') => name.clone(),
            _ => self.file_name(),
        }
    }

    /// What it is for, in words.
    pub(super) fn machine(&self) -> String {
        crate::elf::machine::Words(self.facts.header).to_string()
    }

    /// Where it looks for libraries besides the usual places.
    pub(super) fn runpath(&self) -> &str {
        self.facts.runpath.as_deref().unwrap_or_default()
    }

    /// The libraries that it needs.
    pub(super) fn needed(&self) -> &[String] {
        &self.facts.needed
    }
}

impl Found {
    /// Sorts files; each comes with the path that users know it by.
    pub(super) fn new(
        files: impl IntoIterator<Item = (PathBuf, PathBuf)>,
        platform: Platform,
        libc: Libc,
    ) -> Self {
        let mut found = Self::default();
        for (path, shown) in files {
            let Some(file) = File::read(path, shown) else {
                continue;
            };
            let own = file.facts.header == platform.architecture().elf
                && !is_of_another_libc(&file.facts, libc);
            match (own, file.facts.kind) {
                (false, _) => found.foreign.push(file),
                (true, Kind::Library) => found.libraries.push(file),
                (true, _) => found.programs.push(file),
            }
        }
        // Of two files with one content the one that lies higher is meant.
        let depth = |file: &File| (file.shown.components().count(), file.shown.clone());
        for list in [
            &mut found.programs,
            &mut found.libraries,
            &mut found.foreign,
        ] {
            list.sort_by_cached_key(depth);
        }
        found
    }

    /// Whether there is nothing for the target.
    pub(super) fn is_empty(&self) -> bool {
        self.programs.is_empty() && self.libraries.is_empty()
    }

    /// Takes what other platforms' builds made for the host out of the programs.
    pub(super) fn without(&mut self, tools: &BTreeSet<PathBuf>) {
        let (foreign, own) = std::mem::take(&mut self.programs)
            .into_iter()
            .partition(|file| tools.contains(&file.shown));
        self.programs = own;
        self.foreign.extend::<Vec<File>>(foreign);
    }

    /// The files that `bins` names, or all programs where it is empty, with the libraries that these
    /// need; where there are only libraries, those.
    pub(super) fn pick(&self, bins: &[String], platform: Platform) -> Result<Vec<Picked>> {
        let mut picked: Vec<Picked> = Vec::new();
        if bins.is_empty() {
            let all = match self.programs.is_empty() {
                true => &self.libraries,
                false => &self.programs,
            };
            for file in all {
                add(&mut picked, file, platform)?;
            }
        }
        for name in bins {
            let all = self.programs.iter().chain(&self.libraries);
            let mut named = all.filter(|file| is_named(file, name)).peekable();
            if named.peek().is_none() {
                return Err(Error::NoSuchProgram {
                    name: name.clone(),
                    platform,
                    known: self.names(),
                });
            }
            for file in named {
                add(&mut picked, file, platform)?;
            }
        }
        self.add_needed(&mut picked, platform)?;
        Ok(picked)
    }

    fn names(&self) -> Vec<String> {
        self.programs.iter().map(File::file_name).collect()
    }

    /// Adds the libraries of the build that are needed, and those that they need.
    fn add_needed(&self, picked: &mut Vec<Picked>, platform: Platform) -> Result<()> {
        let mut at = 0;
        while at < picked.len() {
            let needed = picked[at].file.needed().to_vec();
            at += 1;
            for file in &self.libraries {
                let is_needed = needed.iter().any(|name| {
                    let own = name.rsplit('/').next().unwrap_or(name);
                    own == file.name() || own == file.file_name()
                });
                if is_needed {
                    add(picked, file, platform)?;
                }
            }
        }
        Ok(())
    }
}

/// A program for this machine's own C library, where the target has another: a tool of the host.
fn is_of_another_libc(facts: &Facts, libc: Libc) -> bool {
    let loader = facts.interpreter.as_deref().unwrap_or_default();
    match libc {
        Libc::Musl => loader.contains("/ld-linux") || loader.contains("/ld64.so"),
        Libc::Gnu(_) => loader.contains("/ld-musl"),
    }
}

/// A name without a slash is that of the file, one with a slash is its path.
fn is_named(file: &File, name: &str) -> bool {
    match name.contains('/') {
        true => file.shown == Path::new(name.trim_start_matches("./")),
        false => file.file_name() == name || file.name() == name,
    }
}

/// Adds a file, unless it is there already; two files of one name must have one content.
fn add(picked: &mut Vec<Picked>, file: &File, platform: Platform) -> Result<()> {
    let name = file.name();
    if let Some(other) = picked.iter().find(|picked| picked.name == name) {
        let is_same = other.file.path == file.path || same(&other.file.path, &file.path)?;
        if is_same {
            return Ok(());
        }
        return Err(Error::SameName {
            name,
            platform,
            paths: [&other.file.shown, &file.shown].map(Clone::clone),
        });
    }
    picked.push(Picked {
        library: file.facts.kind == Kind::Library,
        file: file.clone(),
        name,
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elf::sample::Sample;

    struct Fixture {
        folder: tempfile::TempDir,
        files: Vec<(PathBuf, PathBuf)>,
    }

    impl Fixture {
        fn new() -> Self {
            Self {
                folder: tempfile::tempdir().expect("tempdir"),
                files: Vec::new(),
            }
        }

        fn add(&mut self, name: &str, sample: &Sample) {
            let path = self.folder.path().join(name);
            fs_err::create_dir_all(path.parent().expect("a parent")).expect("created");
            fs_err::write(&path, sample.bytes()).expect("written");
            self.files.push((path, name.into()));
        }

        fn found(&self, libc: Libc) -> Found {
            Found::new(self.files.clone(), arm64(), libc)
        }
    }

    fn arm64() -> Platform {
        "linux/arm64".parse().expect("known")
    }

    fn program(platform: &str) -> Sample {
        let platform: Platform = platform.parse().expect("known");
        Sample::usual(platform.architecture().elf)
    }

    fn names(picked: &[Picked]) -> Vec<&str> {
        picked.iter().map(|one| one.name.as_str()).collect()
    }

    #[test]
    fn tools_of_the_host_are_told_by_their_machine_and_by_their_loader() {
        let mut build = Fixture::new();
        build.add("app", &program("arm64"));
        build.add("gen", &program("amd64"));
        let mut native = program("arm64");
        native.interpreter = Some("/lib/ld-linux-aarch64.so.1");
        build.add("tool", &native);
        let found = build.found(Libc::Musl);
        assert_eq!((found.programs.len(), found.foreign.len()), (1, 2));
        let gnu = Libc::Gnu("2.36".parse().expect("a version"));
        let mut found = build.found(gnu);
        assert_eq!((found.programs.len(), found.foreign.len()), (2, 1));
        found.without(&BTreeSet::from([PathBuf::from("tool")]));
        assert_eq!((found.programs.len(), found.foreign.len()), (1, 2));
    }

    #[test]
    fn one_name_in_two_folders_needs_one_content_or_a_path() {
        let mut build = Fixture::new();
        build.add("bin/app", &program("arm64"));
        build.add("obj/deep/app", &program("arm64"));
        let found = build.found(Libc::Musl);
        let picked = found.pick(&[], arm64()).expect("one content");
        assert_eq!(
            (names(&picked), picked[0].file.shown.as_path()),
            (vec!["app"], Path::new("bin/app"))
        );
        let mut other = program("arm64");
        other.flags_1 = 1;
        build.add("obj/deep/app", &other);
        let found = build.found(Libc::Musl);
        let error = found.pick(&[], arm64()).expect_err("two contents");
        assert!(matches!(error, Error::SameName { .. }), "{error}");
        let picked = found
            .pick(&["./obj/deep/app".to_owned()], arm64())
            .expect("named");
        assert_eq!(picked[0].file.shown, Path::new("obj/deep/app"));
        let error = found
            .pick(&["ap".to_owned()], arm64())
            .expect_err("no such");
        assert!(matches!(error, Error::NoSuchProgram { .. }), "{error}");
    }
}
