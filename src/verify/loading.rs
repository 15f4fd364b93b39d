//! What the dynamic linkers of an image will do with its programs.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::{Finding, Kind, Severity};
use super::machine::words;
use super::reach::{Reach, Reached, is_secondary};
use super::view::View;
use crate::elf::dynamic::Dynamic;
use crate::elf::facts::Kind as ElfKind;
use crate::elf::layer::Program;
use crate::elf::ldcache;
use crate::elf::linkage::{self, Closure, Files, Loader, Problem};
use crate::target::Glibc;

/// The dynamic linkers of an image, by the paths that programs ask for.
struct Loaders<'v> {
    view: &'v View<'v>,
    cache: &'v [(String, String)],
    found: BTreeMap<String, Option<Loader<'v>>>,
}

/// Loads every program of the image. What is loaded is reached.
pub(super) fn check(
    view: &View<'_>,
    files: &[(String, Reach)],
    reached: &mut Reached,
) -> Vec<Finding> {
    let cache = cache(view);
    let content = |real: &str| view.content(real);
    let linked = view.files(&content);
    let mut loaders = Loaders {
        view,
        cache: &cache,
        found: BTreeMap::new(),
    };
    let mut findings = Findings {
        view,
        told: BTreeSet::new(),
        asked: BTreeMap::new(),
        all: Vec::new(),
    };
    let mut loaded = BTreeSet::new();
    // What the image starts comes first: of a library that several lack, it is named.
    let mut programs: Vec<&(String, Reach)> = files.iter().collect();
    programs.sort_by_key(|(_, reach)| std::cmp::Reverse(*reach));
    for (real, reach) in &programs {
        let Some(program) = view.program(real) else {
            continue;
        };
        let facts = &program.object.facts;
        let native = facts.header == view.platform.architecture().elf;
        if !native && !is_secondary(view.platform, facts.header) {
            continue;
        }
        let (Some(interpreter), ElfKind::Executable | ElfKind::PositionIndependent) =
            (&facts.interpreter, facts.kind)
        else {
            continue;
        };
        let severity = match reach {
            Reach::Started | Reach::Path => Severity::Error,
            Reach::Marked => Severity::Warning,
            Reach::Data => Severity::Note,
        };
        let loader = match loaders.get(interpreter, program, &linked) {
            Ok(loader) => loader,
            Err((kind, found)) => {
                findings.interpreter(real, interpreter, kind, &found, severity);
                continue;
            }
        };
        loaded.insert(loader.real.clone());
        reached.add(&loader.real, (*reach).max(Reach::Marked));
        let closure = linkage::closure(real, &program.object, &loader, &linked);
        for one in &closure.objects {
            reached.add(&one.real, *reach);
            loaded.insert(one.real.clone());
        }
        findings.closure(&closure, &loader, severity);
        findings.dlopen(real, program);
    }
    findings.plug_ins(files, &loaded);
    findings.all
}

/// What `/etc/ld.so.cache` lists; nothing where it can't be read, as the linker has it.
fn cache(view: &View<'_>) -> Vec<(String, String)> {
    let bytes = view.text("etc/ld.so.cache").unwrap_or_default();
    let entries = ldcache::parse(bytes).unwrap_or_default();
    entries
        .into_iter()
        .map(|entry| (entry.name, entry.path))
        .collect()
}

impl<'v> Loaders<'v> {
    /// The linker that a program asks for, or why it can't be had.
    fn get(
        &mut self,
        path: &str,
        program: &Program,
        files: &Files<'v>,
    ) -> Result<Loader<'v>, (Kind, String)> {
        let view = self.view;
        let header = program.object.facts.header;
        if let Some(known) = self.found.get(path) {
            return match known {
                Some(loader) if loader.object.facts.header == header => Ok(loader.clone()),
                Some(loader) => Err((
                    Kind::InterpreterMachine,
                    format!("one for {}", words(loader.object.facts.header)),
                )),
                None => Err((Kind::InterpreterMissing, missing(view, path))),
            };
        }
        let found = view.rootfs.follow(path).and_then(|(real, _)| {
            let program = view.program(&real)?;
            Some((real, program))
        });
        let Some((real, linker)) = found else {
            self.found.insert(path.to_owned(), None);
            return Err((Kind::InterpreterMissing, missing(view, path)));
        };
        let text = |file: &str| view.text(file);
        let loader = Loader::new(path, &real, &linker.object, self.cache, files, &text);
        self.found.insert(path.to_owned(), Some(loader));
        self.get(path, program, files)
    }
}

/// What lies at the path of a linker that is not there.
fn missing(view: &View<'_>, path: &str) -> String {
    match view.rootfs.follow(path) {
        Some(_) => "something that is no dynamic linker".to_owned(),
        None => match view.rootfs.get(path) {
            Some(_) => "a link that leads nowhere".to_owned(),
            None => "nothing there".to_owned(),
        },
    }
}

struct Findings<'v> {
    view: &'v View<'v>,
    /// What was told already of an object: that many programs load it is no more findings.
    told: BTreeSet<(String, String)>,
    /// Linkers that are not as they should be, with the finding and how many more programs ask for them.
    asked: BTreeMap<(Kind, String), (usize, usize)>,
    all: Vec<Finding>,
}

impl Findings<'_> {
    fn interpreter(&mut self, real: &str, path: &str, kind: Kind, found: &str, severity: Severity) {
        // Hundreds of programs may ask for the one that is not there.
        if let Some((at, others)) = self.asked.get_mut(&(kind, path.to_owned())) {
            *others += 1;
            self.all[*at].found = format!("{found}; {others} more ask for it");
            return;
        }
        self.asked
            .insert((kind, path.to_owned()), (self.all.len(), 0));
        let musl = path.contains("ld-musl");
        let has_other = match musl {
            true => self.has("libc.so.6"),
            false => self
                .view
                .rootfs
                .iter()
                .any(|(path, _)| path.contains("ld-musl-")),
        };
        let hint = match (kind, has_other, musl) {
            (Kind::InterpreterMachine, ..) => {
                format!("put the `{path}` of {} there", self.view.image.platform)
            }
            (_, true, true) => {
                "the image has glibc: build the program for it, which `polyarch build` over this base does"
                    .to_owned()
            }
            (_, true, false) => {
                "the image has musl: build the program for it, which `polyarch build` over this base does"
                    .to_owned()
            }
            (_, false, _) => format!(
                "link it statically, or take a base that has `{path}`: `base` under `[image]`"
            ),
        };
        let expected = format!(
            "the dynamic linker `{path}` for {}",
            words(self.view.platform.architecture().elf)
        );
        let mut finding = self.view.finding(kind, severity, real, expected, found);
        finding.hint = Some(hint);
        self.all.push(finding);
    }

    fn has(&self, name: &str) -> bool {
        self.view
            .rootfs
            .iter()
            .any(|(path, _)| path.rsplit('/').next() == Some(name))
    }

    fn closure(&mut self, closure: &Closure<'_>, loader: &Loader<'_>, severity: Severity) {
        let of = |number: usize| closure.objects[number].real.clone();
        for problem in &closure.problems {
            let (kind, by, key, expected, found, hint, severity) = match problem {
                Problem::Missing { name, by, searched } => (
                    Kind::LibraryMissing,
                    of(*by),
                    name.clone(),
                    format!("`{name}` in {}", searched.join(", ")),
                    self.elsewhere(name, loader),
                    Some(self.get_library(name, loader)),
                    severity,
                ),
                Problem::Machine { name, path, by } => {
                    let header = self.view.rootfs.follow(path).and_then(|(real, _)| {
                        Some(self.view.program(&real)?.object.facts.header)
                    });
                    (
                        Kind::LibraryMachine,
                        of(*by),
                        name.clone(),
                        format!("`{name}` for {}", words(loader.object.facts.header)),
                        format!("`{path}` for {}", header.map_or("another machine".to_owned(), words)),
                        Some(format!("put the `{name}` of {} there", self.view.image.platform)),
                        severity,
                    )
                }
                Problem::Damaged { name, path, reason, by } => (
                    Kind::LibraryDamaged,
                    of(*by),
                    name.clone(),
                    format!("the library `{name}`"),
                    format!("`{path}`: {reason}"),
                    Some(format!("put the library itself at `{path}`, not a linker script or a placeholder")),
                    severity,
                ),
                Problem::Version { version, library, by } => {
                    let has = newest(closure.objects[*library].object.dynamic.as_ref(), version);
                    (
                        Kind::VersionMissing,
                        of(*by),
                        version.clone(),
                        format!("`{version}` in `/{}`", of(*library)),
                        match &has {
                            Some(has) => format!("`{has}` at most"),
                            None => "no such version".to_owned(),
                        },
                        Some(older(version, has.as_deref())),
                        severity,
                    )
                }
                Problem::Symbol { symbol, lazy, by } => (
                    Kind::SymbolMissing,
                    of(*by),
                    symbol.clone(),
                    format!("a library that defines `{symbol}`"),
                    format!("none of the {} that are loaded", closure.objects.len()),
                    Some("link the object with the library that defines it, or take the library's version that it was built with".to_owned()),
                    if *lazy { severity.min(Severity::Warning) } else { severity },
                ),
                Problem::TwoLibcs { first, second } => (
                    Kind::TwoLibcs,
                    of(*second),
                    first.clone(),
                    format!("one C library, that of `/{}`", loader.path),
                    format!("`/{}` as well", of(*second)),
                    Some("build all of it for one C library, that of the base: `polyarch build` does".to_owned()),
                    severity,
                ),
            };
            if !self
                .told
                .insert((by.clone(), format!("{} {key}", kind.code())))
            {
                continue;
            }
            let mut finding = self.view.finding(kind, severity, &by, expected, found);
            finding.hint = hint;
            self.all.push(finding);
        }
    }

    /// Where else a library lies that is not found.
    fn elsewhere(&self, name: &str, loader: &Loader<'_>) -> String {
        match self.lying(name, loader) {
            Some(path) => format!("it only in `/{path}`"),
            None => "nothing".to_owned(),
        }
    }

    fn lying(&self, name: &str, loader: &Loader<'_>) -> Option<String> {
        let mut files = self
            .view
            .rootfs
            .iter()
            .filter(|(path, _)| path.rsplit('/').next() == Some(name));
        files.find_map(|(path, _)| {
            let (real, _) = self.view.rootfs.follow(path)?;
            let program = self.view.program(&real)?;
            (program.object.facts.header == loader.object.facts.header).then(|| path.to_owned())
        })
    }

    fn get_library(&self, name: &str, loader: &Loader<'_>) -> String {
        if let Some(path) = self.lying(name, loader) {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            return match self.configured(folder) {
                true => format!(
                    "`/etc/ld.so.conf` names `/{folder}`, but `/etc/ld.so.cache` was not made since: `ldconfig`, or `env = {{ LD_LIBRARY_PATH = \"/{folder}\" }}` under `[image]`"
                ),
                false => format!(
                    "`env = {{ LD_LIBRARY_PATH = \"/{folder}\" }}` under `[image]`, or link the program with `-Wl,-rpath,/{folder}`"
                ),
            };
        }
        if self.view.text("etc/ld.so.cache").is_some() || self.has("dpkg") {
            return format!(
                "put `{name}` into the image: on Debian its package is named in `base = {{ suite = \"…\", packages = [\"…\"] }}` under `[image]`; or link it statically"
            );
        }
        format!("put `{name}` into the image, or link it statically")
    }

    /// Whether ldconfig is told to look into a folder.
    fn configured(&self, folder: &str) -> bool {
        let files = self
            .view
            .rootfs
            .iter()
            .map(|(path, _)| path)
            .filter(|path| *path == "etc/ld.so.conf" || path.starts_with("etc/ld.so.conf.d/"));
        let mut texts = files.filter_map(|path| self.view.text(path));
        texts.any(|text| {
            let text = String::from_utf8_lossy(text);
            text.lines()
                .any(|line| line.trim().trim_matches('/') == folder)
        })
    }

    fn dlopen(&mut self, real: &str, program: &Program) {
        for note in &program.object.dlopen {
            if note.sonames.iter().any(|name| self.has(name)) || note.sonames.is_empty() {
                continue;
            }
            let expected = format!(
                "`{}`, for its feature `{}` ({})",
                note.sonames.join("` or `"),
                note.feature,
                note.priority
            );
            let finding = self.view.finding(
                Kind::DlopenMissing,
                Severity::Note,
                real,
                expected,
                "nothing",
            );
            self.all.push(finding);
        }
    }

    /// Libraries that no program asks for are loaded by their programs while these run, which then
    /// have more loaded than can be known. What is nowhere in the image they can't have.
    fn plug_ins(&mut self, files: &[(String, Reach)], loaded: &BTreeSet<String>) {
        let names: BTreeSet<&str> = self
            .view
            .rootfs
            .iter()
            .filter_map(|(path, _)| path.rsplit('/').next())
            .collect();
        let native = self.view.platform.architecture().elf;
        let mut found = Vec::new();
        for (real, _) in files.iter().filter(|(real, _)| !loaded.contains(real)) {
            let Some(program) = self.view.program(real) else {
                continue;
            };
            let facts = &program.object.facts;
            if facts.kind != ElfKind::Library || facts.header != native {
                continue;
            }
            let musl = |name: &str| name.starts_with("libc.musl-") || name == "libc.so";
            for name in &facts.needed {
                let last = name.rsplit('/').next().unwrap_or(name);
                if !names.contains(last) && !musl(last) {
                    let expected = format!("`{name}`, for whoever loads this library");
                    found.push(self.view.finding(
                        Kind::LibraryMissing,
                        Severity::Note,
                        real,
                        expected,
                        "nothing",
                    ));
                }
            }
        }
        self.all.extend(found);
    }
}

/// The newest version that a library defines of the kind that is asked for.
fn newest(dynamic: Option<&Dynamic>, version: &str) -> Option<String> {
    let (family, _) = split(version)?;
    let defined = dynamic?.versions_defined.iter();
    let same = defined.filter_map(|one| {
        let (other, number) = split(one)?;
        (other == family).then_some((number, one.clone()))
    });
    same.max().map(|(_, one)| one)
}

/// `GLIBC` and the numbers of `GLIBC_2.36`.
fn split(version: &str) -> Option<(&str, Vec<u32>)> {
    let (family, number) = version.rsplit_once('_')?;
    let numbers: Option<Vec<u32>> = number.split('.').map(|part| part.parse().ok()).collect();
    Some((family, numbers?))
}

fn older(version: &str, has: Option<&str>) -> String {
    let glibc = |version: &str| -> Option<Glibc> {
        version
            .strip_prefix("GLIBC_")?
            .split('.')
            .take(2)
            .collect::<Vec<_>>()
            .join(".")
            .parse()
            .ok()
    };
    match (glibc(version), has.and_then(glibc)) {
        (Some(_), Some(has)) => format!(
            "build it for the base's C library: `polyarch build`, or `polyarch compile --libc gnu.{has}`; or take a newer base"
        ),
        _ => {
            "take a base with a newer version of the library, or build the program against this one"
                .to_owned()
        }
    }
}
