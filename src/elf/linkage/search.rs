//! Where the linkers look for a library, and what they make of the file that they find.

use super::loader::{Flavour, Loader, content};
use super::{Content, Files, Loaded};
use crate::elf::object::Object;
use crate::oci::rootfs::NodeKind;

/// What became of the search.
#[derive(Clone, Debug)]
pub enum Place<'a> {
    /// A library.
    Found {
        /// The path by which it was found.
        path: String,
        /// Where it lies, links followed.
        real: String,
        /// Its facts.
        object: &'a Object,
    },
    /// Only one for another machine.
    Machine {
        /// Where.
        path: String,
    },
    /// Something that is no library, at which the linker gives up.
    Damaged {
        /// Where.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing.
    Missing {
        /// The directories that were looked into.
        searched: Vec<String>,
    },
}

/// Looks for a library that the object with this number needs.
pub(super) fn library<'a>(
    name: &str,
    by: usize,
    objects: &[Loaded<'a>],
    loader: &Loader<'a>,
    files: &Files<'a>,
) -> Place<'a> {
    let mut search = Search {
        name,
        loader,
        files,
        searched: Vec::new(),
        other: None,
    };
    if name.contains('/') {
        let path = name.trim_start_matches('/');
        return search.look_at(path).unwrap_or(Place::Missing {
            searched: vec![format!(
                "/{}",
                path.rsplit_once('/').map_or("", |(folder, _)| folder)
            )],
        });
    }
    let found = match loader.flavour {
        Flavour::Glibc => search.glibc(by, objects),
        Flavour::Musl => search.musl(by, objects),
    };
    match (found, search.other) {
        (Some(place), _) => place,
        (None, Some(path)) => Place::Machine { path },
        (None, None) => Place::Missing {
            searched: search.searched,
        },
    }
}

struct Search<'s, 'a> {
    name: &'s str,
    loader: &'s Loader<'a>,
    files: &'s Files<'a>,
    searched: Vec<String>,
    /// A file of this name that is for another machine, which glibc passes over.
    other: Option<String>,
}

impl<'a> Search<'_, 'a> {
    fn glibc(&mut self, by: usize, objects: &[Loaded<'a>]) -> Option<Place<'a>> {
        let dynamic = |number: usize| objects[number].object.dynamic.as_ref();
        let runpath = dynamic(by).and_then(|dynamic| dynamic.runpath.as_deref());
        // An object's RPATH holds for what it loads, unless it has a RUNPATH itself.
        if runpath.is_none() {
            let mut at = Some(by);
            while let Some(number) = at {
                if let Some(dynamic) = dynamic(number)
                    && dynamic.runpath.is_none()
                    && let Some(rpath) = &dynamic.rpath
                    && let Some(place) = self.list(rpath, &objects[number])
                {
                    return Some(place);
                }
                at = objects[number].needed_by;
            }
        }
        for folder in &self.files.library_path {
            if let Some(place) = self.directory(folder) {
                return Some(place);
            }
        }
        if let Some(runpath) = runpath
            && let Some(place) = self.list(runpath, &objects[by])
        {
            return Some(place);
        }
        let no_default = dynamic(by).is_some_and(|dynamic| dynamic.no_default_dirs);
        if let Some(place) = self.cache(no_default) {
            return Some(place);
        }
        if no_default {
            return None;
        }
        let directories = &self.loader.directories;
        directories.iter().find_map(|folder| self.directory(folder))
    }

    fn musl(&mut self, by: usize, objects: &[Loaded<'a>]) -> Option<Place<'a>> {
        for folder in &self.files.library_path {
            if let Some(place) = self.directory(folder) {
                return Some(place);
            }
        }
        let mut at = Some(by);
        while let Some(number) = at {
            let dynamic = objects[number].object.dynamic.as_ref();
            let path =
                dynamic.and_then(|dynamic| dynamic.runpath.as_ref().or(dynamic.rpath.as_ref()));
            if let Some(path) = path
                && let Some(place) = self.list(path, &objects[number])
            {
                return Some(place);
            }
            at = objects[number].needed_by;
        }
        let directories = &self.loader.directories;
        directories.iter().find_map(|folder| self.directory(folder))
    }

    /// A search path of an object, directories with colons between them.
    fn list(&mut self, path: &str, object: &Loaded<'_>) -> Option<Place<'a>> {
        let origin = object
            .path
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder);
        // The program's own is where it lies: the kernel has followed the links.
        let origin = match object.needed_by {
            None => object
                .real
                .rsplit_once('/')
                .map_or("", |(folder, _)| folder),
            Some(_) => origin,
        };
        // musl takes no list at all that has something else to be put in.
        if self.loader.flavour == Flavour::Musl
            && path
                .replace("${ORIGIN}", "")
                .replace("$ORIGIN", "")
                .contains('$')
        {
            return None;
        }
        for part in path.split(':') {
            if let Some(folder) = self.expand(part, origin)
                && let Some(place) = self.directory(&folder)
            {
                return Some(place);
            }
        }
        None
    }

    /// A directory with `$ORIGIN` and its kin put in. One that is not absolute depends on where the
    /// program is started, so it is no place that could be relied on.
    fn expand(&self, part: &str, origin: &str) -> Option<String> {
        let machine = self.files.platform.machine();
        let mut all = part.to_owned();
        let origin = format!("/{origin}");
        let replaced: &[(&str, &str)] = match self.loader.flavour {
            Flavour::Glibc => &[
                ("ORIGIN", &origin),
                ("LIB", self.loader.lib()),
                ("PLATFORM", machine),
            ],
            Flavour::Musl => &[("ORIGIN", &origin)],
        };
        for (name, value) in replaced {
            all = all.replace(&format!("${{{name}}}"), value);
            all = all.replace(&format!("${name}"), value);
        }
        all.starts_with('/')
            .then(|| all.trim_matches('/').to_owned())
    }

    /// One directory; with glibc first what it has for better processors than the plainest.
    fn directory(&mut self, folder: &str) -> Option<Place<'a>> {
        let folder = folder.trim_matches('/');
        if self.loader.flavour == Flavour::Glibc {
            for level in self.files.platform.hwcaps() {
                let path = format!("{folder}/glibc-hwcaps/{level}/{}", self.name);
                if let Some(place) = self.look_at(&path) {
                    return Some(place);
                }
            }
        }
        let shown = format!("/{folder}");
        if !self.searched.contains(&shown) {
            self.searched.push(shown);
        }
        let path = match folder {
            "" => self.name.to_owned(),
            folder => format!("{folder}/{}", self.name),
        };
        self.look_at(&path)
    }

    fn cache(&mut self, no_default: bool) -> Option<Place<'a>> {
        let entries = self.loader.cache;
        for (name, path) in entries {
            if name != self.name {
                continue;
            }
            let path = path.trim_start_matches('/');
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            if no_default && self.loader.directories.iter().any(|one| one == folder) {
                continue;
            }
            // The cache says for which machine each is, so that others are not even opened.
            if let Some((real, Content::Elf(object))) = content(self.files, path)
                && object.facts.header == self.loader.object.facts.header
            {
                return Some(Place::Found {
                    path: path.to_owned(),
                    real,
                    object,
                });
            }
        }
        None
    }

    /// What a linker makes of a path; `None` where it looks on.
    fn look_at(&mut self, path: &str) -> Option<Place<'a>> {
        let (_, node) = self.files.rootfs.follow(path)?;
        if node.kind != NodeKind::File {
            return None;
        }
        let (real, content) = content(self.files, path)?;
        match content {
            Content::Elf(object) if object.facts.header == self.loader.object.facts.header => {
                Some(Place::Found {
                    path: path.to_owned(),
                    real,
                    object,
                })
            }
            // glibc goes on past another class or machine; musl takes the first file there is.
            Content::Elf(_) => {
                self.other.get_or_insert_with(|| format!("/{path}"));
                (self.loader.flavour == Flavour::Musl).then(|| Place::Machine {
                    path: format!("/{path}"),
                })
            }
            Content::Damaged(reason) => Some(Place::Damaged {
                path: format!("/{path}"),
                reason: reason.to_owned(),
            }),
            Content::Other => Some(Place::Damaged {
                path: format!("/{path}"),
                reason: "it is no ELF file".to_owned(),
            }),
        }
    }
}
