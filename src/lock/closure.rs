//! What a lock says of packages: closures, each with what was asked for and what came of it, and
//! the packages that they are made of.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

use super::{Lock, quoted};
use crate::digest::Digest;

/// Packages that were resolved together, for one platform.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Closure {
    /// What it is for: `sysroot`, `base`, `base NAME`, `toolchain NAME`.
    pub name: String,
    /// The platform, such as `linux/arm64`; of a toolchain, the host.
    pub platform: String,
    /// The suite.
    pub suite: String,
    /// Whether the suite's backports were allowed.
    pub backports: bool,
    /// What was asked for, sorted.
    pub requested: Vec<String>,
    /// What was left out of what that needs, sorted.
    pub without: Vec<String>,
    /// What came of it, sorted.
    pub packages: Vec<PackageId>,
}

/// Tells a package from all others of the lock.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PackageId {
    /// Its name.
    pub name: String,
    /// A Debian architecture, or `all`.
    pub architecture: String,
    /// Its version.
    pub version: String,
}

/// One `.deb`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Package {
    /// Which it is.
    pub id: PackageId,
    /// The suite whose index had it.
    pub suite: String,
    /// Where it lies below the archive's root.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its digest.
    pub sha256: Digest,
}

impl Lock {
    /// All closures, sorted.
    pub fn closures(&self) -> &[Closure] {
        &self.closures
    }

    /// All packages, sorted.
    pub fn packages(&self) -> &[Package] {
        &self.packages
    }

    /// The closure of that name for a platform.
    pub fn closure(&self, name: &str, platform: &str) -> Option<&Closure> {
        self.closures
            .iter()
            .find(|closure| closure.name == name && closure.platform == platform)
    }

    /// The packages of a closure; `None` where the lock lacks one of them.
    pub fn packages_of(&self, closure: &Closure) -> Option<Vec<&Package>> {
        let find = |id: &PackageId| self.packages.iter().find(|package| package.id == *id);
        closure.packages.iter().map(find).collect()
    }

    /// Puts a closure in the place of the one of its name and platform.
    pub fn set_closure(&mut self, closure: Closure, packages: Vec<Package>) {
        self.closures
            .retain(|other| (&other.name, &other.platform) != (&closure.name, &closure.platform));
        self.closures.push(closure);
        self.packages
            .retain(|old| packages.iter().all(|new| new.id != old.id));
        self.packages.extend(packages);
        self.tidy();
    }

    /// Keeps only closures that `wanted` accepts, and the packages they need.
    pub fn keep_closures(&mut self, wanted: impl Fn(&Closure) -> bool) {
        self.closures.retain(wanted);
        self.tidy();
    }

    /// Forgets a package of that name, or the packages of closures of that name, so that they are
    /// chosen anew. Answers whether there was any.
    pub(super) fn upgrade_package(&mut self, name: &str) -> bool {
        let named = |closure: &&Closure| closure.name == name;
        let ids: BTreeSet<PackageId> = self
            .closures
            .iter()
            .filter(named)
            .flat_map(|closure| closure.packages.clone())
            .collect();
        let before = self.packages.len();
        self.packages
            .retain(|package| package.id.name != name && !ids.contains(&package.id));
        self.packages.len() < before
    }

    /// Sorts, and drops packages that no closure has.
    fn tidy(&mut self) {
        self.closures.sort();
        let needed: BTreeSet<&PackageId> = self
            .closures
            .iter()
            .flat_map(|closure| &closure.packages)
            .collect();
        self.packages.retain(|package| needed.contains(&package.id));
        self.packages.sort();
    }
}

impl Closure {
    pub(super) fn write(&self, text: &mut String) -> fmt::Result {
        writeln!(text, "\n[[closure]]")?;
        writeln!(text, "name = {}", quoted(&self.name))?;
        writeln!(text, "platform = {}", quoted(&self.platform))?;
        writeln!(text, "suite = {}", quoted(&self.suite))?;
        if self.backports {
            writeln!(text, "backports = true")?;
        }
        list(text, "requested", &self.requested)?;
        if !self.without.is_empty() {
            list(text, "without", &self.without)?;
        }
        let packages: Vec<String> = self.packages.iter().map(PackageId::to_string).collect();
        list(text, "packages", &packages)
    }
}

impl Package {
    pub(super) fn write(&self, text: &mut String) -> fmt::Result {
        writeln!(text, "\n[[package]]")?;
        writeln!(text, "name = {}", quoted(&self.id.name))?;
        writeln!(text, "version = {}", quoted(&self.id.version))?;
        writeln!(text, "architecture = {}", quoted(&self.id.architecture))?;
        writeln!(text, "suite = {}", quoted(&self.suite))?;
        writeln!(text, "file = {}", quoted(&self.path))?;
        writeln!(text, "size = {}", self.size)?;
        writeln!(text, "sha256 = \"{}\"", self.sha256.hex())
    }
}

/// `NAME:ARCHITECTURE VERSION`.
impl fmt::Display for PackageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} {}", self.name, self.architecture, self.version)
    }
}

impl PackageId {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let parts = text
            .split_once(' ')
            .and_then(|(name, version)| Some((name.split_once(':')?, version)));
        match parts {
            Some(((name, architecture), version))
                if !name.is_empty() && !architecture.is_empty() && !version.is_empty() =>
            {
                Ok(Self {
                    name: name.to_owned(),
                    architecture: architecture.to_owned(),
                    version: version.to_owned(),
                })
            }
            _ => Err(format!(
                "`{text}` is not a package: expected `NAME:ARCHITECTURE VERSION`"
            )),
        }
    }
}

/// One item a line, so that a change of one is a small diff.
fn list(text: &mut String, key: &str, items: &[String]) -> fmt::Result {
    writeln!(text, "{key} = [")?;
    for item in items {
        writeln!(text, "    {},", quoted(item))?;
    }
    writeln!(text, "]")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn package(name: &str, version: &str) -> Package {
        Package {
            id: PackageId {
                name: name.to_owned(),
                architecture: "arm64".to_owned(),
                version: version.to_owned(),
            },
            suite: "bookworm".to_owned(),
            path: format!("pool/main/{name}_{version}_arm64.deb"),
            size: 3,
            sha256: Digest::of(version.as_bytes()),
        }
    }

    fn closure(name: &str, packages: &[&Package]) -> Closure {
        Closure {
            name: name.to_owned(),
            platform: "linux/arm64".to_owned(),
            suite: "bookworm".to_owned(),
            backports: name == "base",
            requested: vec![packages[0].id.name.clone()],
            without: match name {
                "base" => vec!["perl-base".to_owned()],
                _ => Vec::new(),
            },
            packages: packages.iter().map(|package| package.id.clone()).collect(),
        }
    }

    fn locked() -> Lock {
        let (ssl, zlib) = (package("libssl-dev", "3.0"), package("zlib1g-dev", "1:1.2"));
        let mut lock = Lock::default();
        lock.set_closure(
            closure("sysroot", &[&ssl, &zlib]),
            vec![zlib.clone(), ssl.clone()],
        );
        lock.set_closure(closure("base", &[&zlib]), vec![zlib]);
        lock
    }

    #[test]
    fn closures_and_packages_are_written_and_read_back() {
        let lock = locked();
        let text = lock.to_string();
        assert!(
            text.contains("packages = [\n    \"libssl-dev:arm64 3.0\",\n"),
            "{text}"
        );
        assert_eq!(text.matches("[[package]]").count(), 2);
        assert_eq!(
            text.matches("without = [\n    \"perl-base\",\n]\n").count(),
            1
        );
        assert_eq!(
            Lock::parse(&text, Path::new("polyarch.lock")).unwrap(),
            lock
        );
    }

    #[test]
    fn an_upgrade_of_a_package_leaves_the_others_pinned() {
        let mut lock = locked();
        lock.upgrade(&["libssl-dev".to_owned()]).unwrap();
        let sysroot = lock.closure("sysroot", "linux/arm64").unwrap();
        assert_eq!(lock.packages_of(sysroot), None);
        let base = lock.closure("base", "linux/arm64").unwrap();
        assert_eq!(
            lock.packages_of(base).map(|packages| packages.len()),
            Some(1)
        );
        assert!(lock.upgrade(&["libssl3".to_owned()]).is_err());
    }

    #[test]
    fn packages_that_no_closure_has_are_dropped() {
        let mut lock = locked();
        lock.keep_closures(|closure| closure.name == "base");
        assert_eq!(lock.packages().len(), 1);
    }
}
