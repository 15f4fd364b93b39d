//! What the dynamic linker will find when it starts a program of an image.
//!
//! Comes in: a program, the merged files of the image and the facts of its ELF files. Goes out: the
//! objects that are loaded, in the order in which they are, and everything that fails on the way.
//! Nothing is run; the search is the one of the linker that the program itself asks for.
//!
//! Sources: ld.so(8); glibc's manual, "Dynamic Linker"; System V ABI, "Dynamic Linking"; for musl
//! its manual, "Dynamic linker", and what it documents as differences from glibc. The tests hold it
//! against the linkers themselves.

mod loader;
mod search;

use std::collections::BTreeSet;

use super::object::Object;
use crate::oci::rootfs::Rootfs;
use crate::target::Platform;

pub use loader::{Flavour, Loader};
pub use search::Place;

/// More objects than any program loads.
const OBJECTS: usize = 4096;

/// The files of an image, as a linker sees them.
pub struct Files<'a> {
    /// The merged tree.
    pub rootfs: &'a Rootfs,
    /// What is known of a file, by its real path.
    pub content: &'a dyn Fn(&str) -> Content<'a>,
    /// The platform that the image is for.
    pub platform: Platform,
    /// The directories of `LD_LIBRARY_PATH`.
    pub library_path: Vec<String>,
}

/// What lies at a path.
#[derive(Clone, Copy, Debug)]
pub enum Content<'a> {
    /// An ELF file.
    Elf(&'a Object),
    /// One that gave no facts, and why.
    Damaged(&'a str),
    /// Something else.
    Other,
}

/// An object that is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded<'a> {
    /// The path by which it was found, without a slash in front.
    pub path: String,
    /// Where it lies, links followed.
    pub real: String,
    /// What it is called by those that need it.
    name: Option<String>,
    /// Its facts.
    pub object: &'a Object,
    /// Which one needed it first; `None` for the program.
    pub needed_by: Option<usize>,
}

impl Loaded<'_> {
    /// What it is called by those that need it; nothing for the program.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

/// Something that the linker does not get past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// A library is nowhere that is looked into.
    Missing {
        /// Its name.
        name: String,
        /// The object that needs it: its place in [`Closure::objects`].
        by: usize,
        /// The directories that were looked into.
        searched: Vec<String>,
    },
    /// What is found is for another machine.
    Machine {
        /// The library's name.
        name: String,
        /// The file that was found.
        path: String,
        /// The object that needs it.
        by: usize,
    },
    /// What is found is no library.
    Damaged {
        /// The library's name.
        name: String,
        /// The file that was found.
        path: String,
        /// What is wrong with it.
        reason: String,
        /// The object that needs it.
        by: usize,
    },
    /// A library lacks a version.
    Version {
        /// The version that is asked for, such as `GLIBC_2.38`.
        version: String,
        /// The library: its place in [`Closure::objects`].
        library: usize,
        /// The object that needs it.
        by: usize,
    },
    /// Nobody defines a symbol.
    Symbol {
        /// The symbol.
        symbol: String,
        /// Whether it is only looked for when it is first called.
        lazy: bool,
        /// The object that needs it.
        by: usize,
    },
    /// A second C library would be loaded.
    TwoLibcs {
        /// The one that the linker belongs to.
        first: String,
        /// The other one.
        second: usize,
    },
}

/// What a program loads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closure<'a> {
    /// The program, then everything in the order of loading.
    pub objects: Vec<Loaded<'a>>,
    /// What fails.
    pub problems: Vec<Problem>,
}

/// Loads a dynamic program, by its real path, with the linker that it asks for.
pub fn closure<'a>(
    program: &str,
    object: &'a Object,
    loader: &Loader<'a>,
    files: &Files<'a>,
) -> Closure<'a> {
    let mut closure = Closure {
        objects: vec![Loaded {
            path: program.to_owned(),
            real: program.to_owned(),
            name: None,
            object,
            needed_by: None,
        }],
        problems: Vec::new(),
    };
    let mut at = 0;
    while at < closure.objects.len() && at < OBJECTS {
        for name in &closure.objects[at].object.facts.needed {
            closure.load(name, at, loader, files);
        }
        at += 1;
    }
    if loader.flavour == Flavour::Glibc {
        closure.check_versions();
    }
    // With a library that is not there, most symbols would be missing.
    if closure.problems.is_empty() {
        closure.check_symbols(loader);
    }
    closure
}

impl<'a> Closure<'a> {
    fn load(&mut self, name: &str, by: usize, loader: &Loader<'a>, files: &Files<'a>) {
        if loader.is(name) || self.find(name).is_some() {
            return;
        }
        match search::library(name, by, &self.objects, loader, files) {
            Place::Found { path, real, object } => {
                if real == loader.real || self.objects.iter().any(|one| one.real == real) {
                    return;
                }
                if let Some(first) = loader.other_libc(name, object) {
                    let second = self.objects.len();
                    self.problems.push(Problem::TwoLibcs { first, second });
                }
                self.objects.push(Loaded {
                    path,
                    real,
                    name: Some(name.to_owned()),
                    object,
                    needed_by: Some(by),
                });
            }
            Place::Machine { path } => self.problems.push(Problem::Machine {
                name: name.to_owned(),
                path,
                by,
            }),
            Place::Damaged { path, reason } => self.problems.push(Problem::Damaged {
                name: name.to_owned(),
                path,
                reason,
                by,
            }),
            Place::Missing { searched } => {
                let known = |one: &Problem| matches!(one, Problem::Missing { name: other, .. } if other == name);
                if !self.problems.iter().any(known) {
                    self.problems.push(Problem::Missing {
                        name: name.to_owned(),
                        by,
                        searched,
                    });
                }
            }
        }
    }

    /// The object that a name means without looking for it: one that was asked for by that name, or
    /// that calls itself so.
    fn find(&self, name: &str) -> Option<usize> {
        self.objects.iter().position(|one| {
            one.name.as_deref() == Some(name) || one.object.facts.soname.as_deref() == Some(name)
        })
    }

    fn check_versions(&mut self) {
        let mut problems = Vec::new();
        for (by, one) in self.objects.iter().enumerate() {
            let Some(dynamic) = &one.object.dynamic else {
                continue;
            };
            for needed in &dynamic.versions_needed {
                let Some(library) = self.find(&needed.file) else {
                    continue;
                };
                // One without versions at all is taken, with a complaint.
                let Some(defined) = &self.objects[library].object.dynamic else {
                    continue;
                };
                if !defined.has_versions {
                    continue;
                }
                for version in needed.versions.iter().filter(|version| !version.weak) {
                    if !defined.versions_defined.contains(&version.name) {
                        problems.push(Problem::Version {
                            version: version.name.clone(),
                            library,
                            by,
                        });
                    }
                }
            }
        }
        self.problems.extend(problems);
    }

    fn check_symbols(&mut self, loader: &Loader<'a>) {
        let mut problems = Vec::new();
        let mut known = BTreeSet::new();
        for (by, one) in self.objects.iter().enumerate() {
            let Some(dynamic) = &one.object.dynamic else {
                continue;
            };
            for symbol in dynamic.imports.iter() {
                if self.defines(symbol, loader) || !known.insert(symbol) {
                    continue;
                }
                problems.push(Problem::Symbol {
                    symbol: symbol.to_owned(),
                    lazy: loader.flavour == Flavour::Glibc && !dynamic.bind_now,
                    by,
                });
            }
        }
        self.problems.extend(problems);
    }

    fn defines(&self, symbol: &str, loader: &Loader<'a>) -> bool {
        let objects = self.objects.iter().map(|one| one.object);
        objects.chain([loader.object]).any(|object| {
            let dynamic = object.dynamic.as_ref();
            dynamic.is_some_and(|dynamic| dynamic.exports.contains(symbol))
        })
    }
}
