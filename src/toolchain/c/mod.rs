//! C and C++ compilers for a target: the wrappers, files and variables through which build systems
//! see a toolchain.
//!
//! Comes in: a target, and toolchains that are on this machine. Goes out: [`Compilers`], a folder
//! of the store with one wrapper a tool, files for CMake and Meson, and an environment.

mod files;
mod libc;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

pub use files::callable;

use super::{Definition, Error, Resolver, Toolchain};
use crate::digest::Digest;
use crate::process::CommandSpec;
use crate::store::{Cache, Part, Tree};
use crate::target::{Glibc, Libc, Platform, Target};
use crate::wrapper::prefixes;
use crate::wrapper::spec::{Family, Spec};

/// What the store is called in debug information.
const STORE: &str = "/polyarch";

/// Compilers for one target, on this machine. While this lives, its files are not pruned.
#[derive(Clone, Debug, Serialize)]
pub struct Compilers {
    /// The platform.
    pub platform: Platform,
    /// The target, such as `aarch64-linux-gnu.2.36`.
    pub target: String,
    /// The triple that the tools' names begin with.
    pub triple: String,
    /// The C library.
    #[serde(skip)]
    pub libc: Libc,
    /// The folder of `<triple>-cc` and its kin, for `PATH`.
    pub bin: PathBuf,
    /// Further folders for `PATH`: of tools that variables name without one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub folders: Vec<PathBuf>,
    /// The CMake toolchain file.
    pub cmake: PathBuf,
    /// The Meson cross file.
    pub meson: PathBuf,
    /// What the environment of a build has besides, `PATH` apart.
    pub environment: BTreeMap<String, String>,
    /// Another one exactly where compiled code could differ.
    #[serde(skip)]
    pub digest: Digest,
    #[serde(skip)]
    #[expect(dead_code, reason = "kept for their locks")]
    holds: Vec<Tree>,
    #[serde(skip)]
    cache: Cache,
}

/// What a definition says of a compiler.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compiler {
    /// How it is spoken to.
    pub family: Family,
    /// The versions of the GNU C library that it can link with.
    pub glibc: Option<GlibcRange>,
    /// Packages with musl.
    #[serde(default)]
    pub musl: Vec<Musl>,
}

/// The versions of the GNU C library that a compiler can link with.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GlibcRange {
    /// The newest it knows.
    pub newest: Glibc,
    /// The oldest, for architectures that have one later than the others.
    #[serde(default)]
    pub oldest: BTreeMap<String, Glibc>,
}

/// Packages with musl for some platforms.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Musl {
    /// The platforms, open strings as hosts are; without a variant, with all of its variants.
    pub platforms: Vec<String>,
    /// The suite.
    pub suite: String,
    /// The packages.
    pub packages: Vec<String>,
    /// Packages they depend on that are left out; `{triple}` is the GNU triple of the platform, as
    /// Debian's package names have it.
    #[serde(default)]
    pub without: Vec<String>,
    /// Arguments behind everything else where something is linked; `{root}` is where the packages
    /// are.
    #[serde(default)]
    pub link: Vec<String>,
}

impl Compilers {
    /// Where a tool is, by its name behind the triple: `cc`, `strip`.
    pub fn tool(&self, name: &str) -> PathBuf {
        self.bin.join(format!("{}-{name}", self.triple))
    }

    /// Where the compiler keeps what it builds for itself; held while this lives.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Every variable that a command of a build finds set, `PATH` apart.
    pub fn variables(&self) -> BTreeMap<String, String> {
        let mut variables = self.environment.clone();
        variables.insert("POLYARCH_PLATFORM".to_owned(), self.platform.to_string());
        variables.insert("POLYARCH_ARCH".to_owned(), self.platform.directory());
        variables
    }

    /// The command with these compilers set up: their variables, and they first on `PATH`.
    pub fn set_up(&self, spec: CommandSpec) -> CommandSpec {
        let mut path = self.bin.clone().into_os_string();
        let old = spec.variable("PATH").filter(|old| !old.is_empty());
        let folders = self.folders.iter().map(|folder| folder.clone().into());
        for further in folders.chain(old) {
            path.push(":");
            path.push(further);
        }
        let variables = self.variables().into_iter();
        variables
            .fold(spec, |spec, (name, value)| spec.env(name, value))
            .env("PATH", path)
    }
}

/// The command with the compilers told to call these folders `.` in what they compile: see
/// [`prefixes`]. What its environment says about paths wins.
pub fn without_paths(spec: CommandSpec, folders: &[&Path]) -> CommandSpec {
    let value = prefixes::value(folders, ".", spec.variable(prefixes::VARIABLE));
    spec.env(prefixes::VARIABLE, value)
}

impl Compiler {
    /// The target for a platform whose base has this C library; glibc newer than the compiler
    /// knows is as good as the newest it knows, because programs run with later ones.
    pub fn target(&self, platform: Platform, libc: Libc) -> Target {
        let libc = match (libc, &self.glibc) {
            (Libc::Gnu(version), Some(range)) => Libc::Gnu(version.min(range.newest)),
            (libc, _) => libc,
        };
        Target { platform, libc }
    }

    /// The oldest glibc of an architecture, where the one wanted is older.
    fn too_old(&self, target: Target) -> Option<Glibc> {
        let Libc::Gnu(version) = target.libc else {
            return None;
        };
        let oldest = &self.glibc.as_ref()?.oldest;
        let oldest = oldest.get(target.platform.architecture().name)?;
        (version < *oldest).then_some(*oldest)
    }
}

impl Resolver<'_> {
    /// The compilers for a target, made of a compiler and of the programs it does not have itself.
    /// `program` is the one to copy into the store as the interpreter of the wrappers.
    pub fn compilers(
        &self,
        target: Target,
        compiler: &Toolchain,
        binutils: Option<&Toolchain>,
        program: &Path,
    ) -> Result<Compilers, Error> {
        let definition = self.definitions.get(&compiler.name)?;
        let used = described(definition, compiler)?;
        if let Some(oldest) = used.too_old(target) {
            return Err(Error::Glibc {
                name: compiler.name.clone(),
                target: target.to_string(),
                oldest: oldest.to_string(),
            });
        }
        let store = self.fetcher.store().get()?;
        let mut environment = BTreeMap::new();
        let mut holds = Vec::new();
        let name = format!("{}-{}", compiler.name, compiler.version);
        let cache = store.cache(&name, built(used.family), &mut |damage| {
            let files: Vec<String> = damage
                .iter()
                .map(|one| format!("`{}` {}", one.file.display(), one.reason))
                .collect();
            let (first, others) = (files.first().cloned(), files.len().saturating_sub(1));
            self.observer.warn(&format!(
                "what {name} has built for itself is damaged and is built anew: {}{}",
                first.unwrap_or_default(),
                if others > 0 {
                    format!(", and {others} more")
                } else {
                    String::new()
                },
            ));
        })?;
        let own = |part: &str| cache.path.join(part).display().to_string();
        match used.family {
            Family::Zig => {
                environment.insert("ZIG_GLOBAL_CACHE_DIR".to_owned(), own("global"));
            }
        }
        let mut link = Vec::new();
        if let Some(libc) = self.libc(target, used, compiler)? {
            environment.insert("ZIG_LIBC".to_owned(), libc.file.display().to_string());
            link = libc.link;
            holds.extend(libc.holds);
        }
        let defaults = BTreeMap::from([("ZIG_LOCAL_CACHE_DIR".to_owned(), own("local"))]);
        let spec = Spec {
            toolchain: format!("{} {}", compiler.name, compiler.version),
            platform: target.platform,
            triple: target.triple(),
            family: used.family,
            program: compiler.program.clone().unwrap_or_default(),
            target: spelled(target),
            cpu: target.platform.cpu().to_owned(),
            arguments: store_is_elsewhere(store.base()),
            pie: matches!(target.libc, Libc::Gnu(_)),
            link,
            environment,
            defaults,
            tools: binutils.map_or_else(BTreeMap::new, files::binutils),
        };
        let made = files::make(store, self.observer, &spec, target, program)?;
        holds.push(made.tree);
        Ok(Compilers {
            platform: target.platform,
            target: target.to_string(),
            triple: spec.triple,
            libc: target.libc,
            environment: files::environment(&made.bin, target),
            bin: made.bin,
            folders: Vec::new(),
            cmake: made.cmake,
            meson: made.meson,
            digest: made.digest,
            holds,
            cache,
        })
    }
}

/// The store by a name that is the same on every machine: debug information has the paths of the C
/// library's headers.
fn store_is_elsewhere(base: &Path) -> Vec<String> {
    let option = prefixes::option(base.as_os_str().as_encoded_bytes(), STORE.as_bytes());
    let text = option.and_then(|option| option.into_string().ok());
    text.into_iter().collect()
}

/// The definition's part about compiling.
fn described<'a>(definition: &'a Definition, compiler: &Toolchain) -> Result<&'a Compiler, Error> {
    definition
        .compiler
        .as_ref()
        .ok_or_else(|| Error::NoCompiler {
            name: compiler.name.clone(),
        })
}

/// Where a compiler keeps the libraries that it has built for itself, below its cache: files that
/// programs are linked with and that it never looks into again. The objects that its archives were
/// made from are needed no more.
fn built(family: Family) -> Part {
    match family {
        Family::Zig => Part {
            folder: "global/o",
            holds: |name| {
                let start = ["crt1.o", "crti.o", "crtn.o"];
                let is_archive = Path::new(name).extension().is_some_and(|end| end == "a");
                is_archive || name.contains(".so") || start.iter().any(|end| name.ends_with(end))
            },
        },
    }
}

/// The target as clang and zig have it.
fn spelled(target: Target) -> String {
    let triple = target.clang_triple();
    match target.libc {
        Libc::Musl => triple,
        Libc::Gnu(version) => format!("{triple}.{version}"),
    }
}
