//! From what a project asks for to a toolchain that is there, and what the lock says about it.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use thiserror::Error;

use super::context::Context;
use super::failure::Failure;
use crate::digest::Digest;
use crate::fault::{Exit, Fault};
use crate::fetch::{Fetcher, Options};
use crate::lock::{self, Lock};
use crate::packages::{self, Packages};
use crate::process;
use crate::progress::Observer;
use crate::project::{Detected, Source, go};
use crate::settings::Settings;
use crate::settings::config::Prefer;
use crate::store::Blob;
use crate::target::{Glibc, Libc, Platform, Target};
use crate::toolchain::{self, Compilers, Need, Policy, Resolver, Rust, Toolchain, rust};

/// The file name of the lock, in the project's folder.
pub(super) const LOCK: &str = "polyarch.lock";

/// What compiles C and C++.
const COMPILER: &str = "zig";

/// The oldest glibc of a machine that Rust runs on.
const OLDEST: Glibc = Glibc::new(2, 17);

/// The variable that names archives, in lines as `sources.list` has them.
const ARCHIVES: &str = "POLYARCH_DEBIAN";

/// Finds toolchains and remembers which were used.
pub(super) struct Tools<'a> {
    resolver: Resolver<'a>,
    report: &'a dyn Observer,
    file: PathBuf,
    lock: Option<Lock>,
    locked: bool,
    used: Mutex<Vec<Toolchain>>,
    /// The command that fetches as this project's lock and mirrors say.
    fetch: String,
}

/// The lock forbids, or something of this program's own is amiss.
#[derive(Debug, Error)]
pub(super) enum Error {
    #[error("can't find the file that this program was started from")]
    Program(#[source] std::io::Error),
    #[error("`--locked` needs `{}`, and there is none", file.display())]
    NoLock { file: PathBuf },
    #[error("`{}` would change: {what}", file.display())]
    Drift { file: PathBuf, what: String },
    #[error("offline, and the store lacks {}", missing.join(", "))]
    Offline {
        /// Names and versions.
        missing: Vec<String>,
        /// What fetches all of it.
        command: String,
    },
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::Program(_) => Exit::Io,
            _ => Exit::Locked,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Program(_) => return None,
            Self::NoLock { .. } | Self::Drift { .. } => "`polyarch lock`".to_owned(),
            Self::Offline { command, .. } => {
                format!("run `{command}` while there is a network")
            }
        })
    }
}

/// The Debian archives that are named: by the environment, else by the settings.
fn archives(settings: &Settings) -> Option<packages::Named> {
    let text = std::env::var(ARCHIVES).ok();
    let text = text.filter(|text| !text.trim().is_empty());
    if let Some(text) = text {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        return Some(packages::Named {
            place: ARCHIVES,
            entries: lines.map(str::to_owned).collect(),
        });
    }
    let entries = settings.mirrors.debian.clone()?;
    Some(packages::Named {
        place: "[mirrors] debian",
        entries,
    })
}

/// What fetches, as the settings say.
pub(super) fn fetcher<'a>(context: &'a Context<'_>, settings: &Settings) -> Fetcher<'a> {
    let mut mirrors = settings.mirrors.url.clone();
    let named = [
        ("pypi", &settings.mirrors.pypi),
        ("goproxy", &settings.mirrors.goproxy),
    ];
    for (name, address) in named {
        if let Some(address) = address {
            mirrors.insert(name.to_owned(), address.clone());
        }
    }
    let options = Options {
        offline: context.global.offline,
        mirrors,
        snapshot: settings.mirrors.snapshot.clone().unwrap_or_default(),
        vendor: settings
            .mirrors
            .vendor
            .as_ref()
            .map(|folder| settings.root.join(folder)),
        ..Options::default()
    };
    Fetcher::new(&context.store, context.report, options)
}

impl<'a> Tools<'a> {
    /// Tools for a project, as its lock says.
    pub(super) fn new(
        context: &'a Context<'_>,
        settings: &Settings,
        fetcher: &'a Fetcher<'a>,
    ) -> Result<Self, Failure> {
        let file = settings.root.join(LOCK);
        let lock = Lock::load(&file)?;
        if lock.is_none() && context.global.locked {
            return Err(Error::NoLock { file }.into());
        }
        Self::with_lock(context, settings, fetcher, lock, false)
    }

    /// Tools for a project, with a lock that may not be on disk yet; `refresh` asks the archives for
    /// everything that it does not say.
    pub(super) fn with_lock(
        context: &'a Context<'_>,
        settings: &Settings,
        fetcher: &'a Fetcher<'a>,
        lock: Option<Lock>,
        refresh: bool,
    ) -> Result<Self, Failure> {
        let definitions = context.definitions(settings)?;
        let packages = Packages::new(
            fetcher,
            context.report,
            packages::Policy {
                lock: lock.clone(),
                locked: context.global.locked,
                refresh,
                archives: archives(settings),
                without_suites: settings.mirrors.without_suites.clone().unwrap_or_default(),
                threads: context.jobs.get(),
            },
        );
        let policy = Policy {
            lock: lock.clone(),
            locked: context.global.locked,
            prefer_fetched: settings.config.toolchain.prefer == Some(Prefer::Fetched),
            directory: settings.root.clone(),
        };
        Ok(Self {
            resolver: Resolver::new(definitions, fetcher, packages, context.report, policy),
            report: context.report,
            file: settings.root.join(LOCK),
            lock,
            locked: context.global.locked,
            used: Mutex::new(Vec::new()),
            fetch: if context.global.directory.is_none() && settings.root == context.directory {
                "polyarch toolchain fetch".to_owned()
            } else {
                format!("polyarch -C '{}' toolchain fetch", settings.root.display())
            },
        })
    }

    /// The Go that builds a project: new enough for its modules.
    pub(super) fn go(&self, root: &Path) -> Result<Toolchain, Failure> {
        Ok(self.resolve(&go_need(root)?)?)
    }

    /// The Rust that builds a project, as the project's folder asks for it.
    pub(super) fn rust(&self, directory: &Path) -> Result<Rust, Failure> {
        // First, because it says what is wrong with it.
        let compiler = rust::Compiler::ask(directory)?;
        let need = Need {
            answer: Some(compiler.said.clone()),
            ..rust_need()
        };
        Ok(Rust::new(self.resolve(&need)?, compiler))
    }

    /// The folder of data that a base is made from.
    pub(super) fn data(&self, name: &str) -> Result<PathBuf, toolchain::Error> {
        Ok(self.resolve(&data_need(name))?.root)
    }

    /// A program that builds of this kind call.
    pub(super) fn program(
        &self,
        name: &str,
        detected: &Detected,
        source: &Source,
    ) -> Result<Toolchain, Failure> {
        let minimum = match source {
            Source::Cmake(cmake) if name == "cmake" => cmake.minimum.clone(),
            _ => None,
        };
        let need = program_need(name, detected);
        // The oldest that can install and says what it has built.
        let oldest = "3.15".parse().ok().filter(|_| name == "cmake");
        Ok(self.resolve(&Need {
            minimum: minimum.max(oldest),
            ..need
        })?)
    }

    /// The compilers for a platform and a C library, with the machine's own for what runs during
    /// the build.
    pub(super) fn compilers(&self, platform: Platform, libc: Libc) -> Result<Compilers, Failure> {
        let mut compilers = self.target_compilers(platform, libc)?;
        self.add_host_compilers(&mut compilers)?;
        Ok(compilers)
    }

    /// Compilers for the machine itself; with glibc, for the oldest that such machines have.
    pub(super) fn machine_compilers(&self, gnu: bool) -> Result<Option<Compilers>, Failure> {
        let libc = match gnu {
            true => Libc::Gnu(OLDEST),
            false => Libc::Musl,
        };
        let machine = Platform::host().map(|host| self.target_compilers(host, libc));
        machine.transpose()
    }

    /// Adds what compiles programs that run during the build: the machine's own compiler, else ours for
    /// the machine. Kbuild, Autoconf's macros and Debian's tools each have a name of their own for
    /// it.
    fn add_host_compilers(&self, compilers: &mut Compilers) -> Result<(), Failure> {
        let own = |names: &[&str]| names.iter().find_map(|name| process::find(name));
        let (c, cxx) = (
            own(&["cc", "gcc", "clang"]),
            own(&["c++", "g++", "clang++"]),
        );
        let ours = match (&c, &cxx, Platform::host()) {
            (Some(_), Some(_), _) | (_, _, None) => None,
            (_, _, Some(host)) => Some(self.target_compilers(host, Libc::Musl)?),
        };
        let tool = |name: &str| ours.as_ref().map(|ours| ours.tool(name));
        for (names, path) in [
            (
                ["CC_FOR_BUILD", "BUILD_CC", "HOSTCC"],
                c.or_else(|| tool("cc")),
            ),
            (
                ["CXX_FOR_BUILD", "BUILD_CXX", "HOSTCXX"],
                cxx.or_else(|| tool("c++")),
            ),
        ] {
            let Some(path) = path else { continue };
            for name in names {
                let value = toolchain::callable(&path);
                compilers.environment.insert(name.to_owned(), value);
            }
        }
        compilers.folders.extend(ours.map(|ours| ours.bin));
        Ok(())
    }

    fn target_compilers(&self, platform: Platform, libc: Libc) -> Result<Compilers, Failure> {
        let [compiler, binutils] = c_needs();
        let compiler = self.resolve(&compiler)?;
        let binutils = self.resolve(&binutils)?;
        let definition = self.resolver.definition(&compiler.name)?;
        let target = definition
            .compiler
            .as_ref()
            .map_or(Target { platform, libc }, |compiler| {
                compiler.target(platform, libc)
            });
        let program = std::env::current_exe().map_err(Error::Program)?;
        Ok(self
            .resolver
            .compilers(target, &compiler, Some(&binutils), &program)?)
    }

    /// Finds all of these. What only the network has is named at once where that is forbidden, so
    /// that one fetch suffices.
    pub(super) fn all(&self, needs: &[Need]) -> Result<(), Failure> {
        let mut absent = Vec::new();
        for need in needs {
            match self.resolve(need) {
                Err(error) if error.offline().is_some() => absent.push(error),
                result => drop(result?),
            }
        }
        if absent.len() < 2 {
            return absent.pop().map_or(Ok(()), |only| Err(only.into()));
        }
        let found: Vec<(&str, &str)> = absent.iter().filter_map(|error| error.offline()).collect();
        let names: Vec<&str> = found.iter().map(|(name, _)| *name).collect();
        let missing = found
            .iter()
            .map(|(name, version)| format!("`{name}` {version}"));
        Err(Error::Offline {
            missing: missing.collect(),
            command: format!("{} {}", self.fetch, names.join(" ")),
        }
        .into())
    }

    /// The project's lock, where there is one.
    pub(super) fn lock(&self) -> Option<&Lock> {
        self.lock.as_ref()
    }

    /// Brings the file that a lock entry names into the store; nothing for what the machine has.
    pub(super) fn fetch_locked(
        &self,
        entry: &lock::Toolchain,
    ) -> Result<Option<(Digest, Blob)>, Failure> {
        Ok(self.resolver.fetch_locked(entry)?)
    }

    /// What brings packages here.
    pub(super) fn packages(&self) -> &Packages<'a> {
        self.resolver.packages()
    }

    /// A pinned toolchain for a machine, from the store or fetched into it.
    pub(super) fn fetch(&self, name: &str, host: &str) -> Result<Toolchain, Failure> {
        Ok(self.resolver.fetch(name, host)?)
    }

    /// Writes what was used into the lock, where there is one and it lacks something.
    pub(super) fn keep_lock(&self) -> Result<(), Failure> {
        let Some(lock) = &self.lock else {
            return Ok(());
        };
        let changed = self.completed(lock.clone())?;
        if changed == *lock {
            return Ok(());
        }
        if self.locked {
            return Err(self.drift(lock, &changed).into());
        }
        if changed.save(&self.file)? {
            self.report.note(&format!("{LOCK} was brought up to date"));
        }
        Ok(())
    }

    /// The lock with everything that was used.
    pub(super) fn completed(&self, mut lock: Lock) -> Result<Lock, Failure> {
        let used = self
            .used
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        for toolchain in used.iter() {
            lock.set(&toolchain.name, self.resolver.entries(toolchain)?);
        }
        Ok(self.packages().completed(lock))
    }

    /// The error that names what differs between two locks.
    pub(super) fn drift(&self, before: &Lock, after: &Lock) -> Error {
        let words = |entry: &lock::Toolchain| format!("{} {}", entry.name, entry.version);
        let new = after
            .toolchains()
            .iter()
            .find(|entry| !before.toolchains().contains(entry));
        let old = before
            .toolchains()
            .iter()
            .find(|entry| !after.toolchains().contains(entry));
        let what = match (old, new) {
            (Some(old), Some(new)) => format!("it has {}, needed is {}", words(old), words(new)),
            (None, Some(new)) => format!("it lacks {}", words(new)),
            (Some(old), None) => format!("it has {}, which nothing needs", words(old)),
            (None, None) => match after
                .closures()
                .iter()
                .find(|closure| !before.closures().contains(closure))
            {
                Some(closure) => format!("the {} for {}", closure.name, closure.platform),
                None => "its form is not the current one".to_owned(),
            },
        };
        Error::Drift {
            file: self.file.clone(),
            what,
        }
    }

    fn resolve(&self, need: &Need) -> Result<Toolchain, toolchain::Error> {
        let mut used = self
            .used
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(found) = used.iter().find(|toolchain| toolchain.name == need.name) {
            return Ok(found.clone());
        }
        let found = self.resolver.resolve(need)?;
        used.push(found.clone());
        Ok(found)
    }
}

/// What a Go project needs to be compiled.
pub(super) fn go_need(root: &Path) -> Result<Need, go::Error> {
    let minimum = go::minimum(root)?;
    let version = minimum
        .as_ref()
        .and_then(|minimum| minimum.version.parse().ok());
    Ok(Need {
        name: "go".to_owned(),
        minimum: version,
        because: minimum.map_or_else(|| "a Go project".to_owned(), |minimum| minimum.because),
        answer: None,
    })
}

/// What compiles Rust.
fn rust_need() -> Need {
    Need {
        // The oldest whose metadata and messages are understood.
        minimum: "1.71".parse().ok(),
        ..need("rust", "a Rust project")
    }
}

/// A program that builds of a kind of project call.
pub(super) fn program_need(name: &str, project: &Detected) -> Need {
    let reason = project.evidence.first().map(|one| one.what.clone());
    Need {
        name: name.to_owned(),
        minimum: None,
        because: reason.unwrap_or_else(|| format!("a {} project", project.kind)),
        answer: None,
    }
}

/// What the `static` base is made from.
pub(super) fn data_need(name: &str) -> Need {
    need(name, "the `static` base")
}

/// What compiling C and C++ takes.
pub(super) fn c_needs() -> [Need; 2] {
    [COMPILER, "binutils"].map(|name| need(name, "C and C++"))
}

fn need(name: &str, because: &str) -> Need {
    Need {
        name: name.to_owned(),
        minimum: None,
        because: because.to_owned(),
        answer: None,
    }
}
