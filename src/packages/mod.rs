//! From names of Debian packages to directories in the store: sysroots, the files of a base, host
//! programs.
//!
//! Comes in: what is [`Want`]ed (names, suite, architecture), the lock, and where archives are. Goes
//! out: a [`Closure`] of exact packages, and trees unpacked from them. What the lock says goes
//! first, and then no archive is asked for anything but the packages themselves.

mod archives;
mod closure;
mod configured;
mod error;
mod trees;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::debian::resolve::Resolution;
use crate::debian::sources::Sources;
use crate::debian::universe::Universe;
use crate::fetch::Fetcher;
use crate::lock::Lock;
use crate::progress::Observer;
use crate::{debian, lock};

pub use configured::Configured;
pub use error::Error;
pub use trees::{Content, Entry, Rootfs};

/// What is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Want {
    /// What it is for, as the lock names it: `sysroot`, `base`, `base NAME`, `toolchain NAME`.
    pub name: String,
    /// The platform as the lock names it, such as `linux/arm64`.
    pub platform: String,
    /// Debian's name of its architecture.
    pub architecture: String,
    /// The suite.
    pub suite: String,
    /// Whether the suite's backports may be used.
    pub backports: bool,
    /// What is asked for, in apt's spelling (`NAME`, `NAME=VERSION`, `NAME/SUITE`).
    pub packages: Vec<String>,
    /// Names of packages that are left out, with all that only they bring.
    pub without: Vec<String>,
    /// What the base image that it is for is configured with. It serves where the user names no
    /// archives and the host has none of that distribution.
    pub base: Option<Configured>,
    /// Whether it is a tool of the build, for which what the archive had a day ago will do.
    pub tool: bool,
}

/// Exact packages for what was wanted.
#[derive(Clone, Debug)]
pub struct Closure {
    /// What was wanted.
    pub want: Want,
    /// The packages, sorted by name.
    pub packages: Vec<debian::Package>,
}

/// Archives that the user named.
#[derive(Clone, Debug)]
pub struct Named {
    /// Where: a setting or a variable.
    pub place: &'static str,
    /// Lines as in `sources.list`, or addresses.
    pub entries: Vec<String>,
}

/// What the user decided.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// The project's lock, if it has one.
    pub lock: Option<Lock>,
    /// Refuse everything that would change the lock.
    pub locked: bool,
    /// Whether the archive is asked even for what it was asked a moment ago.
    pub refresh: bool,
    /// The archives that the user named; `None` for the host's.
    pub archives: Option<Named>,
    /// Suites that are left out though they belong to the one asked for.
    pub without_suites: Vec<String>,
    /// How many things may be done at once.
    pub threads: usize,
}

/// Resolves, fetches and unpacks packages. Shared between threads.
pub struct Packages<'a> {
    fetcher: &'a Fetcher<'a>,
    observer: &'a dyn Observer,
    policy: Policy,
    sources: OnceLock<Sources>,
    bases: Mutex<Vec<Configured>>,
    universes: Mutex<BTreeMap<Opened, Arc<Universe>>>,
    used: Mutex<Vec<Closure>>,
    said: Mutex<BTreeSet<String>>,
}

/// Suite, backports, architecture, and the root directory of the sources.
type Opened = (String, bool, String, PathBuf);

impl<'a> Packages<'a> {
    /// Nothing is asked before it is needed.
    pub fn new(fetcher: &'a Fetcher<'a>, observer: &'a dyn Observer, policy: Policy) -> Self {
        Self {
            fetcher,
            observer,
            policy,
            sources: OnceLock::new(),
            bases: Mutex::default(),
            universes: Mutex::default(),
            used: Mutex::default(),
            said: Mutex::default(),
        }
    }

    /// The packages for what is wanted: the lock's, else those that the archive has now.
    pub fn closure(&self, want: &Want) -> Result<Closure, Error> {
        if let Some(base) = &want.base {
            self.remember_base(base);
        }
        let closure = closure::find(self, want)?;
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if !used.iter().any(|other| other.want == *want) {
            used.push(closure.clone());
        }
        Ok(closure)
    }

    /// Adds what a base image is configured with to where locked packages are looked for.
    pub fn remember_base(&self, base: &Configured) {
        let mut bases = self.bases.lock().unwrap_or_else(PoisonError::into_inner);
        if !bases.contains(base) {
            bases.push(base.clone());
        }
    }

    /// How many things may be done at once.
    pub fn threads(&self) -> usize {
        self.policy.threads
    }

    /// How a closure comes about: each package with what asks for it. Opens the archive's indexes.
    pub fn explain(&self, want: &Want) -> Result<Resolution, Error> {
        let packages = self.closure(want)?.packages;
        closure::resolve(self, want, &packages)
    }

    /// What was wanted so far.
    pub fn used(&self) -> Vec<Want> {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.iter().map(|closure| closure.want.clone()).collect()
    }

    /// The lock with every closure that was used.
    pub fn completed(&self, mut lock: Lock) -> Lock {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        for closure in used.iter() {
            let (closure, packages) = closure.locked();
            lock.set_closure(closure, packages);
        }
        lock
    }
}

impl Closure {
    /// As the lock has it.
    fn locked(&self) -> (lock::Closure, Vec<lock::Package>) {
        let Self { want, packages } = self;
        let packages: Vec<lock::Package> = packages.iter().map(locked).collect();
        let mut ids: Vec<lock::PackageId> =
            packages.iter().map(|package| package.id.clone()).collect();
        ids.sort();
        let closure = lock::Closure {
            name: want.name.clone(),
            platform: want.platform.clone(),
            suite: want.suite.clone(),
            backports: want.backports,
            requested: sorted(&want.packages),
            without: sorted(&want.without),
            packages: ids,
        };
        (closure, packages)
    }
}

/// Names as the lock has them.
fn sorted(names: &[String]) -> Vec<String> {
    let mut names = names.to_vec();
    names.sort();
    names.dedup();
    names
}

fn locked(package: &debian::Package) -> lock::Package {
    lock::Package {
        id: lock::PackageId {
            name: package.name.clone(),
            architecture: package.architecture.clone(),
            version: package.version.to_string(),
        },
        suite: package.suite.clone(),
        path: package.path.clone(),
        size: package.size,
        sha256: package.sha256,
    }
}
