//! The dynamic linker of a program: whose it is, and where it looks without being told.

use super::{Content, Files};
use crate::elf::object::Object;

/// Where musl looks when no file says otherwise.
const MUSL_PATH: [&str; 3] = ["lib", "usr/local/lib", "usr/lib"];

/// Whose linker it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// The GNU C library's.
    Glibc,
    /// musl's, which is the C library as well.
    Musl,
}

/// A dynamic linker of an image.
#[derive(Clone, Debug)]
pub struct Loader<'a> {
    /// Whose it is.
    pub flavour: Flavour,
    /// Where it lies, links followed.
    pub real: String,
    /// Its facts.
    pub object: &'a Object,
    /// The path by which programs ask for it, without a slash in front.
    pub path: String,
    /// The directories that it looks into last, without slashes at the ends.
    pub directories: Vec<String>,
    /// glibc: the libraries that its cache names, in its order.
    pub cache: &'a [(String, String)],
}

impl<'a> Loader<'a> {
    /// The linker at this path of an image. `cache` is what `/etc/ld.so.cache` lists, `musl_path`
    /// the content of musl's `/etc/ld-musl-ARCH.path`, asked by the file's real path.
    pub fn new(
        path: &str,
        real: &str,
        object: &'a Object,
        cache: &'a [(String, String)],
        files: &Files<'a>,
        text: &dyn Fn(&str) -> Option<&'a [u8]>,
    ) -> Self {
        let path = path.trim_start_matches('/');
        let flavour = match is_musl(path) || is_musl(real) {
            true => Flavour::Musl,
            false => Flavour::Glibc,
        };
        let directories = match flavour {
            Flavour::Musl => musl_directories(path, files, text),
            Flavour::Glibc => glibc_directories(object, files),
        };
        Self {
            flavour,
            real: real.to_owned(),
            object,
            path: path.to_owned(),
            directories,
            cache: match flavour {
                Flavour::Glibc => cache,
                Flavour::Musl => &[],
            },
        }
    }

    /// Whether a library's name means the linker itself, which is there already.
    pub(super) fn is(&self, name: &str) -> bool {
        match self.flavour {
            Flavour::Glibc => {
                self.object.facts.soname.as_deref() == Some(name)
                    || name.trim_start_matches('/') == self.path
            }
            Flavour::Musl => {
                is_reserved(name) || name == self.path.rsplit('/').next().unwrap_or("")
            }
        }
    }

    /// The C library that is there already, where this library would be a second one.
    pub(super) fn other_libc(&self, name: &str, object: &Object) -> Option<String> {
        let soname = object.facts.soname.as_deref().unwrap_or(name);
        match self.flavour {
            Flavour::Glibc => {
                (soname.starts_with("libc.musl-") || is_musl(soname) || soname == "libc.so")
                    .then(|| "libc.so.6".to_owned())
            }
            Flavour::Musl => {
                let glibc = soname.starts_with("ld-linux") || soname == "libc.so.6";
                glibc.then(|| format!("/{}", self.path))
            }
        }
    }

    /// The directory that `$LIB` stands for: Debian's has the architecture in it.
    pub(super) fn lib(&self) -> &str {
        let named = self
            .directories
            .iter()
            .find(|one| one.starts_with("lib/") || one.as_str() == "lib64");
        named.map_or("lib", String::as_str)
    }
}

fn is_musl(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.starts_with("ld-musl-")
}

/// What musl takes for a part of itself, whatever version follows.
fn is_reserved(name: &str) -> bool {
    const PARTS: [&str; 7] = ["c", "pthread", "rt", "m", "dl", "util", "xnet"];
    name.strip_prefix("lib")
        .and_then(|rest| rest.split_once('.'))
        .is_some_and(|(part, _)| PARTS.contains(&part))
}

/// `/etc/ld-musl-ARCH.path`, in the directory above the linker's: one directory a line, or with
/// colons between them.
fn musl_directories<'a>(
    path: &str,
    files: &Files<'a>,
    text: &dyn Fn(&str) -> Option<&'a [u8]>,
) -> Vec<String> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let prefix = folder.rsplit_once('/').map_or("", |(prefix, _)| prefix);
    let name = name.split_once(".so").map_or(name, |(name, _)| name);
    let file = format!("{prefix}/etc/{name}.path");
    let content = files.rootfs.follow(&file).and_then(|(real, _)| text(&real));
    match content {
        Some(bytes) => String::from_utf8_lossy(bytes)
            .split([':', '\n'])
            .filter(|one| one.starts_with('/'))
            .map(|one| one.trim_matches('/').to_owned())
            .collect(),
        None => MUSL_PATH.map(str::to_owned).to_vec(),
    }
}

/// Those that were compiled into the linker; where they can't be told, those that there are.
fn glibc_directories(object: &Object, files: &Files<'_>) -> Vec<String> {
    let compiled: Vec<String> = object
        .system_dirs
        .iter()
        .map(|one| one.trim_matches('/').to_owned())
        .collect();
    if !compiled.is_empty() {
        return compiled;
    }
    let multiarch = files.platform.multiarch();
    let mut directories = Vec::new();
    for folder in [format!("lib/{multiarch}"), format!("usr/lib/{multiarch}")] {
        if files.rootfs.follow(&folder).is_some() {
            directories.push(folder);
        }
    }
    // Debian's linkers do not look into lib64, those of others look there first.
    let wide = files.platform.architecture().elf.bits == 64 && directories.is_empty();
    directories.extend(
        wide.then_some(["lib64", "usr/lib64"])
            .into_iter()
            .flatten()
            .map(str::to_owned),
    );
    directories.extend(["lib", "usr/lib"].map(str::to_owned));
    directories
}

/// What a file of the image is to a linker: a helper for callers that have only paths.
pub(super) fn content<'a>(files: &Files<'a>, path: &str) -> Option<(String, Content<'a>)> {
    let (real, _) = files.rootfs.follow(path)?;
    let content = (files.content)(&real);
    Some((real, content))
}
