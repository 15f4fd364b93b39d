//! A C library that is there already, for a compiler that would otherwise build its own.
//!
//! zig compiles musl from source for each target, which takes it most of a minute. `ZIG_LIBC` names
//! a file with the folders of an installed one instead. zig then leaves out its own kernel headers,
//! libc++ among others needs them, so the file names a folder that has both.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Compiler, Musl};
use crate::digest::Recipe;
use crate::packages::Want;
use crate::store::{self, Store, Tree};
use crate::target::{Glibc, Libc, Target};
use crate::toolchain::{Error, Resolver, Toolchain};

/// Goes into the name of every tree that is made here.
const VERSION: &str = "1";

/// Where zig has the kernel's headers.
const HEADERS: &str = "lib/libc/include";

/// An installed C library.
pub(super) struct Installed {
    /// What `ZIG_LIBC` names.
    pub(super) file: PathBuf,
    /// Arguments behind everything else where something is linked.
    pub(super) link: Vec<String>,
    /// What it consists of.
    pub(super) holds: Vec<Tree>,
}

impl Resolver<'_> {
    /// The C library of a target, where packages have it.
    pub(super) fn libc(
        &self,
        target: Target,
        compiler: &Compiler,
        toolchain: &Toolchain,
    ) -> Result<Option<Installed>, Error> {
        if target.libc != Libc::Musl {
            return Ok(None);
        }
        let Some((musl, want)) = want(target, &compiler.musl) else {
            return Ok(None);
        };
        let named = |source| Error::Packages {
            name: want.name.clone(),
            source: Box::new(source),
        };
        let closure = match self.packages.closure(&want) {
            // Without an archive it works, too, only later.
            Err(error) if error.is_elsewhere() => {
                self.observer.note(&format!(
                    "{} builds musl for {} itself, once: {error}",
                    toolchain.name, target.platform
                ));
                return Ok(None);
            }
            result => result.map_err(named)?,
        };
        let tree = self.packages.sysroot(&closure).map_err(named)?;
        let store = self.fetcher.store().get()?;
        let found = folders(&tree.path)?.ok_or_else(|| Error::NoLibc {
            target: target.to_string(),
            path: tree.path.clone(),
        })?;
        let root = tree.path.display().to_string();
        let link = musl.link.iter();
        let link = link
            .map(|argument| argument.replace("{root}", &root))
            .collect();
        let headers = self.headers(store, target, toolchain, &found)?;
        Ok(Some(Installed {
            file: headers.path.join("libc.txt"),
            link,
            holds: vec![tree, headers],
        }))
    }

    /// The file for `ZIG_LIBC`, beside links to the kernel's headers.
    fn headers(
        &self,
        store: &Store,
        target: Target,
        toolchain: &Toolchain,
        found: &Folders,
    ) -> Result<Tree, Error> {
        let processor = kernel(target);
        let from = toolchain.root.join(HEADERS);
        let recipe = Recipe::new("zig-libc")
            .with(VERSION)
            .with(toolchain.root.as_os_str().as_encoded_bytes())
            .with(processor)
            .with(found.include.as_os_str().as_encoded_bytes())
            .finish();
        let place = store.tree_path(&recipe);
        store.tree(&recipe, "musl", self.observer, |into| {
            let include = into.join("include");
            make(&include)?;
            let parts = ["any".to_owned(), processor.to_owned()];
            link_all(
                &parts.map(|part| from.join(format!("{part}-linux-any"))),
                &include,
            )?;
            let text = format!(
                "include_dir={}\nsys_include_dir={}\ncrt_dir={}\nmsvc_lib_dir=\nkernel32_lib_dir=\n\
                 gcc_dir=\n",
                found.include.display(),
                place.join("include").display(),
                found.objects.display(),
            );
            let file = into.join("libc.txt");
            fs_err::write(&file, text).map_err(|error| writing(&file, error))
        })
    }
}

/// Where an installed C library has its headers and its objects.
struct Folders {
    include: PathBuf,
    objects: PathBuf,
}

/// Debian names the folder after a triple of its own making, so it is looked for.
fn folders(root: &Path) -> Result<Option<Folders>, Error> {
    for entry in fs_err::read_dir(root.join("usr/lib"))? {
        let entry = entry?;
        let name = entry.file_name();
        let include = root.join("usr/include").join(&name);
        let objects = entry.path();
        if objects.join("crt1.o").is_file() && include.join("stdio.h").is_file() {
            return Ok(Some(Folders { include, objects }));
        }
    }
    Ok(None)
}

/// The packages with the C library of a target. They are for a processor, and for one way to pass
/// floating-point arguments.
fn want(target: Target, known: &[Musl]) -> Option<(&Musl, Want)> {
    let platform = target.platform.to_string();
    let fits = |listed: &String| {
        let rest = platform.strip_prefix(listed.as_str());
        rest.is_some_and(|variant| variant.is_empty() || variant.starts_with('/'))
    };
    let musl = known.iter().find(|one| one.platforms.iter().any(fits))?;
    // Debian's package names have no underscores.
    let gnu = Target {
        libc: Libc::Gnu(Glibc::new(2, 0)),
        ..target
    };
    let triple = gnu.triple().replace('_', "-");
    let named = |name: &String| name.replace("{triple}", &triple);
    let want = Want {
        name: "musl".to_owned(),
        platform,
        architecture: target.platform.debian().to_owned(),
        suite: musl.suite.clone(),
        backports: false,
        packages: musl.packages.clone(),
        without: musl.without.iter().map(named).collect(),
        base: None,
        tool: true,
    };
    Some((musl, want))
}

/// The kernel's name of a processor, as the folders of its headers have it.
fn kernel(target: Target) -> &'static str {
    match target.platform.architecture().name {
        "amd64" | "386" => "x86",
        "arm64" => "aarch64",
        "ppc64le" => "powerpc",
        "mips64" | "mips64le" => "mips",
        "riscv64" => "riscv",
        "loong64" => "loongarch",
        other => other,
    }
}

/// Links everything of several folders into one; a folder that more than one of them has is made,
/// and what it holds is linked.
fn link_all(from: &[PathBuf], into: &Path) -> Result<(), Error> {
    let mut entries: BTreeMap<std::ffi::OsString, Vec<PathBuf>> = BTreeMap::new();
    for folder in from {
        for entry in fs_err::read_dir(folder)? {
            let entry = entry?;
            entries
                .entry(entry.file_name())
                .or_default()
                .push(entry.path());
        }
    }
    for (name, paths) in entries {
        let place = into.join(name);
        match &paths[..] {
            [_, _, ..] if paths.iter().all(|path| path.is_dir()) => {
                make(&place)?;
                link_all(&paths, &place)?;
            }
            // The processor's own file comes last and wins.
            [.., last] => fs_err::os::unix::fs::symlink(last, &place)
                .map_err(|error| writing(&place, error))?,
            [] => {}
        }
    }
    Ok(())
}

fn make(folder: &Path) -> Result<(), Error> {
    fs_err::create_dir(folder).map_err(|error| writing(folder, error))
}

fn writing(path: &Path, error: std::io::Error) -> Error {
    store::Error::writing(path, None, error).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_that_both_have_are_joined_and_the_last_file_wins() {
        let home = tempfile::tempdir().unwrap();
        let write = |path: &str| {
            let path = home.path().join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(&path, path.display().to_string()).unwrap();
        };
        for path in [
            "any/linux/a.h",
            "any/both/one.h",
            "own/both/two.h",
            "own/asm/b.h",
        ] {
            write(path);
        }
        write("any/both/same.h");
        write("own/both/same.h");
        let into = home.path().join("into");
        fs_err::create_dir(&into).unwrap();
        link_all(&[home.path().join("any"), home.path().join("own")], &into).unwrap();
        for path in ["linux/a.h", "both/one.h", "both/two.h", "asm/b.h"] {
            assert!(into.join(path).is_file(), "{path}");
        }
        let same = fs_err::read_to_string(into.join("both/same.h")).unwrap();
        assert!(same.ends_with("own/both/same.h"));
        assert!(into.join("linux").is_symlink() && !into.join("both").is_symlink());
    }
}
