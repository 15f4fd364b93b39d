//! From a need to a toolchain on this machine.
//!
//! In this order: what the lock says; else the machine's own, if it is new enough; else what the
//! definition pins, from the store if any of its files is there, else from the first source that
//! can be reached. A source that has something wrong ends it: nobody should go on past a file that
//! is not what it was pinned to be.

use std::path::PathBuf;

use super::definition::{ANY, Definition, Definitions, File, Source};
use super::{Error, Need, Origin, Toolchain, host, system};
use crate::digest::Digest;
use crate::fetch::{Fetcher, Wanted, unpack};
use crate::lock::{self, Lock, Pin};
use crate::packages::Packages;
use crate::progress::Observer;
use crate::store::Blob;
use crate::target::Platform;
use crate::version::Version;

/// What the user decided.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// The project's lock, if it has one.
    pub lock: Option<Lock>,
    /// Refuse everything that would change the lock.
    pub locked: bool,
    /// Fetch even where the machine has one.
    pub prefer_fetched: bool,
    /// The project's directory, where programs on PATH are asked.
    pub directory: PathBuf,
}

/// Finds toolchains. Shared between threads.
pub struct Resolver<'a> {
    pub(super) definitions: &'a Definitions,
    pub(super) fetcher: &'a Fetcher<'a>,
    pub(super) packages: Packages<'a>,
    pub(super) observer: &'a dyn Observer,
    pub(super) policy: Policy,
}

/// What the lock has for a toolchain.
enum Locked {
    Nothing,
    System(String),
    Files(String, Vec<lock::Toolchain>),
}

impl<'a> Resolver<'a> {
    /// A resolver over these definitions.
    pub fn new(
        definitions: &'a Definitions,
        fetcher: &'a Fetcher<'a>,
        packages: Packages<'a>,
        observer: &'a dyn Observer,
        policy: Policy,
    ) -> Self {
        Self {
            definitions,
            fetcher,
            packages,
            observer,
            policy,
        }
    }

    /// The definition of that name.
    pub fn definition(&self, name: &str) -> Result<&Definition, Error> {
        self.definitions.get(name)
    }

    /// What brings packages here.
    pub fn packages(&self) -> &Packages<'a> {
        &self.packages
    }

    /// The toolchain for a need.
    pub fn resolve(&self, need: &Need) -> Result<Toolchain, Error> {
        let definition = self.definitions.get(&need.name)?;
        match self.locked(&need.name) {
            Locked::Nothing if self.policy.locked && !self.has_closure(&need.name) => {
                Err(Error::NotLocked {
                    name: need.name.clone(),
                    because: need.because.clone(),
                })
            }
            Locked::Nothing => self.choose(definition, need),
            Locked::System(version) => self.follow_system(definition, need, &version),
            Locked::Files(version, entries) => {
                self.follow_files(definition, need, &version, &entries)
            }
        }
    }

    /// Fetches what is pinned for a machine, this one or another; what the lock says goes first.
    pub fn fetch(&self, name: &str, host: &str) -> Result<Toolchain, Error> {
        let definition = self.definitions.get(name)?;
        if let Locked::Files(version, entries) = self.locked(name)
            && let Ok(version) = version.parse()
        {
            let files = pinned(definition, &entries, host);
            if !files.is_empty() {
                return self.obtain(definition, &version, host, &files);
            }
        }
        self.obtain_defined(definition, host)
    }

    /// Brings the file that a lock entry names into the store; `None` for the machine's own. Where
    /// the file lies is the definition's to say.
    pub fn fetch_locked(&self, entry: &lock::Toolchain) -> Result<Option<(Digest, Blob)>, Error> {
        let Pin::File { host, .. } = &entry.pin else {
            return Ok(None);
        };
        let definition = self.definitions.get(&entry.name)?;
        let files = pinned(definition, std::slice::from_ref(entry), host);
        let Some(file) = files.iter().find_map(Source::file) else {
            return Err(self.no_host(definition, host));
        };
        let blob = self.bring(definition, &entry.version, file)?;
        Ok(Some((file.sha256, blob)))
    }

    /// What the lock should have for a toolchain that was resolved: for all hosts, whichever this
    /// one is.
    pub fn entries(&self, toolchain: &Toolchain) -> Result<Vec<lock::Toolchain>, Error> {
        let definition = self.definitions.get(&toolchain.name)?;
        let entry = |pin| lock::Toolchain {
            name: toolchain.name.clone(),
            version: toolchain.version.to_string(),
            pin,
        };
        if toolchain.origin == Origin::System {
            return Ok(vec![entry(Pin::System)]);
        }
        // Packages are the lock's own kind of entry.
        if let Origin::Fetched { source, .. } = &toolchain.origin
            && source == "debian"
        {
            return Ok(Vec::new());
        }
        if toolchain.version != definition.version {
            // An older polyarch wrote them; they are what was used.
            let lock = self.policy.lock.iter();
            return Ok(lock
                .flat_map(|lock| lock.toolchain(&toolchain.name))
                .cloned()
                .collect());
        }
        let mut entries = Vec::new();
        for artifact in &definition.artifacts {
            for file in artifact.sources.iter().filter_map(Source::file) {
                entries.push(entry(Pin::File {
                    host: artifact.host.clone(),
                    source: file.place.kind().to_owned(),
                    file: file.name.clone(),
                    size: file.size,
                    sha256: file.sha256,
                }));
            }
        }
        Ok(entries)
    }

    fn locked(&self, name: &str) -> Locked {
        let Some(lock) = &self.policy.lock else {
            return Locked::Nothing;
        };
        let entries: Vec<lock::Toolchain> = lock.toolchain(name).cloned().collect();
        match entries.first() {
            None => Locked::Nothing,
            Some(first) if first.pin == Pin::System => Locked::System(first.version.clone()),
            Some(first) => Locked::Files(first.version.clone(), entries),
        }
    }

    /// Without a lock: the machine's own, else what is pinned.
    fn choose(&self, definition: &Definition, need: &Need) -> Result<Toolchain, Error> {
        let host = host();
        let own = definition
            .sources(&host)
            .any(|source| matches!(source, Source::System));
        let mut older = None;
        if own && !self.policy.prefer_fetched {
            match system::find(definition, &self.policy.directory, need.answer.as_deref())? {
                Some(toolchain) if need.accepts(&toolchain.version) => return Ok(toolchain),
                Some(toolchain) => older = Some(toolchain.version),
                None => {}
            }
        }
        match &need.minimum {
            Some(minimum) if !need.accepts(&definition.version) => Err(Error::TooOld {
                name: need.name.clone(),
                because: need.because.clone(),
                minimum: minimum.to_string(),
                system: older.map_or_else(|| "missing".to_owned(), |version| version.to_string()),
                pinned: definition.version.to_string(),
            }),
            _ => self.obtain_defined(definition, &host),
        }
    }

    /// The lock says that the machine's own is used.
    fn follow_system(
        &self,
        definition: &Definition,
        need: &Need,
        version: &str,
    ) -> Result<Toolchain, Error> {
        let found = if self.policy.prefer_fetched {
            None
        } else {
            system::find(definition, &self.policy.directory, need.answer.as_deref())?
        };
        let present = match found {
            Some(toolchain) if toolchain.version.as_str() == version => {
                if need.accepts(&toolchain.version) {
                    return Ok(toolchain);
                }
                format!("{} asks for more", need.because)
            }
            Some(toolchain) => format!("the one on PATH is {}", toolchain.version),
            None if self.policy.prefer_fetched => "the settings ask for a fetched one".to_owned(),
            None => "none is on PATH".to_owned(),
        };
        self.depart(
            definition,
            need,
            format!("{version} of the machine"),
            present,
        )
    }

    /// The lock names files.
    fn follow_files(
        &self,
        definition: &Definition,
        need: &Need,
        locked: &str,
        entries: &[lock::Toolchain],
    ) -> Result<Toolchain, Error> {
        let host = host();
        let version = locked.parse::<Version>().ok();
        let present = match version.filter(|version| need.accepts(version)) {
            None => match &need.minimum {
                Some(minimum) => format!("{} asks for {minimum}", need.because),
                None => "that is not a version".to_owned(),
            },
            Some(version) => {
                let files = pinned(definition, entries, &host);
                if !files.is_empty() {
                    return self.obtain(definition, &version, &host, &files);
                }
                format!("no file of it is for `{host}`")
            }
        };
        self.depart(definition, need, locked.to_owned(), present)
    }

    /// The lock can't be followed: that is an error or, unless `--locked`, a change of the lock.
    fn depart(
        &self,
        definition: &Definition,
        need: &Need,
        locked: String,
        present: String,
    ) -> Result<Toolchain, Error> {
        let name = need.name.clone();
        if self.policy.locked {
            return Err(Error::Drift {
                name,
                locked,
                present,
            });
        }
        let toolchain = self.choose(definition, need)?;
        self.observer.note(&format!(
            "polyarch.lock has `{name}` {locked}, but {present}; the lock changes to {}",
            toolchain.version
        ));
        Ok(toolchain)
    }

    pub(super) fn obtain_defined(
        &self,
        definition: &Definition,
        host: &str,
    ) -> Result<Toolchain, Error> {
        let sources: Vec<Source> = definition
            .sources(host)
            .filter(|source| !matches!(source, Source::System))
            .cloned()
            .collect();
        if sources.is_empty() {
            return Err(self.no_host(definition, host));
        }
        self.obtain(definition, &definition.version, host, &sources)
    }

    #[expect(clippy::unused_self, reason = "reads as the other ways out do")]
    pub(super) fn no_host(&self, definition: &Definition, host: &str) -> Error {
        Error::NoHost {
            name: definition.name.clone(),
            host: host.to_owned(),
            hosts: definition.hosts().into_iter().map(str::to_owned).collect(),
        }
    }

    /// Brings one of these here: a file that is in the store, else the first that can be reached.
    fn obtain(
        &self,
        definition: &Definition,
        version: &Version,
        host: &str,
        sources: &[Source],
    ) -> Result<Toolchain, Error> {
        let store = self.fetcher.store().get()?;
        let files = || sources.iter().filter_map(Source::file);
        let unpacked = files().find(|file| store.has_tree(&file.rules.recipe(&file.sha256)));
        let stored = || files().find(|file| store.blob(&file.sha256).is_some());
        if let Some(file) = unpacked.or_else(stored) {
            return self.install(definition, version, file);
        }
        let mut reasons = Vec::new();
        for source in sources {
            let result = match source {
                Source::File(file) => self.install(definition, version, file),
                Source::Packages(packages) => self.install_packages(definition, host, packages),
                Source::System => continue,
            };
            match result {
                Err(Error::Fetch { source: reason, .. }) if reason.is_elsewhere() => {
                    reasons.push((source.kind().to_owned(), *reason));
                }
                result => return result,
            }
        }
        Err(Error::Unavailable {
            name: definition.name.clone(),
            version: version.to_string(),
            host: host.to_owned(),
            reasons,
        })
    }

    /// Says where a definition is from, when something is first brought here for one that did not
    /// come with this program: it is data from a stranger.
    pub(super) fn announce(&self, definition: &Definition) {
        if let Some(path) = &definition.origin {
            self.observer.note(&format!(
                "toolchain `{}` is defined by `{}`",
                definition.name,
                path.display()
            ));
        }
    }

    /// A file in the store.
    fn bring(&self, definition: &Definition, version: &str, file: &File) -> Result<Blob, Error> {
        let label = format!("{} {version}", definition.name);
        let known = self.fetcher.store().get()?.blob(&file.sha256).is_some();
        if !known {
            self.announce(definition);
        }
        let source = file.place.source(&file.name);
        let wanted = Wanted {
            label: &label,
            digest: file.sha256,
            size: file.size,
            maximum: file.maximum,
        };
        let blob = self
            .fetcher
            .fetch(&source, &wanted)
            .map_err(|source| Error::Fetch {
                name: definition.name.clone(),
                version: version.to_owned(),
                source: Box::new(source),
            })?;
        if !known {
            self.observer
                .note(&format!("fetched {label} from {source}"));
        }
        Ok(blob)
    }

    fn install(
        &self,
        definition: &Definition,
        version: &Version,
        file: &File,
    ) -> Result<Toolchain, Error> {
        let store = self.fetcher.store().get()?;
        let label = format!("{} {version}", definition.name);
        let recipe = file.rules.recipe(&file.sha256);
        let tree = store.tree(&recipe, &label, self.observer, |into| {
            let blob = self.bring(definition, version.as_str(), file)?;
            unpack::Format::of(&file.name)
                .and_then(|format| unpack::unpack(&blob.path, format, &file.rules, into))
                .map_err(|source| Error::Unpack {
                    name: definition.name.clone(),
                    version: version.to_string(),
                    source: Box::new(source),
                })
        })?;
        let origin = Origin::Fetched {
            source: file.place.kind().to_owned(),
            file: file.name.clone(),
            sha256: file.sha256,
        };
        let machine = Platform::host();
        Ok(definition.installed(version.clone(), origin, tree, machine))
    }
}

/// The files that the lock names for a host, in the definition's order of preference. Where
/// they lie and how they are unpacked is the definition's to say.
fn pinned(definition: &Definition, entries: &[lock::Toolchain], host: &str) -> Vec<Source> {
    let mut files = Vec::new();
    for defined in definition.files(host) {
        for entry in entries {
            if let Pin::File {
                host: on,
                source,
                file,
                size,
                sha256,
            } = &entry.pin
                && source == defined.place.kind()
                && (on == host || on == ANY)
            {
                files.push(Source::File(Box::new(
                    defined.with_pin(file, *size, *sha256),
                )));
            }
        }
    }
    files
}

impl Need {
    fn accepts(&self, version: &Version) -> bool {
        self.minimum
            .as_ref()
            .is_none_or(|minimum| version >= minimum)
    }
}
