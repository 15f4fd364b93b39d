//! What every command works with: the folder, the environment, the store, the report.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use thiserror::Error;

use super::args::Global;
use super::failure::Failure;
use super::report::Report;
use crate::fault::{Exit, Fault, refused};
use crate::settings::config::UserConfig;
use crate::settings::{self, Flags, Settings};
use crate::store::{self, Store};
use crate::toolchain::Definitions;

/// What every command works with.
pub(super) struct Context<'a> {
    pub(super) report: &'a Report,
    pub(super) global: &'a Global,
    /// The folder to work in, absolute.
    pub(super) directory: PathBuf,
    pub(super) jobs: NonZero<usize>,
    /// The store, opened when it is first needed.
    pub(super) store: store::Lazy,
    definitions: OnceLock<Definitions>,
}

/// The environment is unusable.
#[derive(Debug, Error)]
pub(super) enum Error {
    #[error("can't listen for signals")]
    Signals(#[source] std::io::Error),
    #[error("can't work in `{}`", path.display())]
    Directory {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("no folder for the store: none of POLYARCH_HOME, XDG_CACHE_HOME and HOME is set")]
    NoHome,
    #[error("can't write to standard output")]
    Output(#[source] std::io::Error),
    #[error("can't write `{}`", path.display())]
    Write {
        path: PathBuf,
        source: std::io::Error,
    },
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::Directory { .. } | Self::NoHome => Exit::Usage,
            Self::Signals(_) | Self::Write { .. } | Self::Output(_) => Exit::Io,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoHome => Some("`export POLYARCH_HOME=/var/cache/polyarch`".to_owned()),
            Self::Signals(source) | Self::Write { source, .. } | Self::Output(source) => {
                refused(source)
            }
            Self::Directory { .. } => None,
        }
    }
}

impl<'a> Context<'a> {
    pub(super) fn new(global: &'a Global, report: &'a Report) -> Result<Self, Failure> {
        let directory = match &global.directory {
            // Of no use for it is a folder to start from, which may have been removed.
            Some(directory) if directory.is_absolute() => absolute(directory)?,
            Some(directory) => absolute(&absolute(Path::new("."))?.join(directory))?,
            None => absolute(Path::new("."))?,
        };
        let processors = std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
        Ok(Self {
            report,
            global,
            store: store::Lazy::new(home(&directory)?),
            definitions: OnceLock::new(),
            directory,
            jobs: global.jobs.unwrap_or(processors),
        })
    }

    /// Flags, project configuration and user configuration for a project.
    pub(super) fn settings(&self, path: Option<&Path>, flags: Flags) -> Result<Settings, Failure> {
        let directory = match path {
            Some(path) => absolute(&self.directory.join(path))?,
            None => self.directory.clone(),
        };
        let root = crate::project::detect::root_of(&directory);
        let (config, user) = settings::read_files(&root, user_file().as_deref())?;
        let settings = Settings {
            mirrors: settings::mirrors(&config.mirrors, &user.mirrors),
            directory,
            root,
            flags,
            config,
            epoch: epoch()?,
        };
        settings.validate()?;
        Ok(settings)
    }

    /// The toolchain definitions that come with this version, and those of the project.
    pub(super) fn definitions(&self, settings: &Settings) -> Result<&Definitions, Failure> {
        if let Some(definitions) = self.definitions.get() {
            return Ok(definitions);
        }
        let folders = settings.config.toolchain.definitions.iter();
        let folders: Vec<PathBuf> = folders.map(|folder| settings.root.join(folder)).collect();
        let definitions = Definitions::load(&folders)?;
        Ok(self.definitions.get_or_init(|| definitions))
    }

    /// The store, unless there is none yet: to look is no reason to make one.
    pub(super) fn existing_store(&self) -> Result<Option<&Store>, Failure> {
        if !self.store.root().join("v1").is_dir() {
            return Ok(None);
        }
        Ok(Some(self.store.get()?))
    }
}

/// The store's folder.
fn home(directory: &Path) -> Result<PathBuf, Failure> {
    if let Some(home) = variable("POLYARCH_HOME") {
        return Ok(directory.join(home));
    }
    let user: UserConfig = match user_file() {
        Some(file) => settings::parse::read(&file)?.unwrap_or_default(),
        None => UserConfig::default(),
    };
    let cache = || match variable("XDG_CACHE_HOME") {
        Some(cache) => Some(PathBuf::from(cache)),
        None => Some(Path::new(&variable("HOME")?).join(".cache")),
    };
    let home = user.store.path.or_else(|| Some(cache()?.join("polyarch")));
    Ok(home.ok_or(Error::NoHome)?)
}

/// An existing folder as an absolute path, as the user named it: symbolic links are kept.
fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    let found = fs_err::read_dir(path).and_then(|_| std::path::absolute(path));
    let found = found.map_err(|source| Error::Directory {
        path: path.to_owned(),
        source,
    })?;
    // `.` and `..` are resolved by the system where a link might stand before them.
    let plain = found
        .components()
        .all(|part| part != std::path::Component::ParentDir);
    Ok(if plain {
        found
    } else {
        fs_err::canonicalize(&found).unwrap_or(found)
    })
}

fn user_file() -> Option<PathBuf> {
    let folder = match variable("XDG_CONFIG_HOME") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(&variable("HOME")?).join(".config"),
    };
    Some(folder.join("polyarch/config.toml"))
}

fn epoch() -> Result<Option<u64>, settings::Error> {
    let Some(text) = variable("SOURCE_DATE_EPOCH") else {
        return Ok(None);
    };
    let text = text.to_string_lossy();
    text.trim()
        .parse()
        .map(Some)
        .map_err(|_| settings::Error::Epoch(text.into_owned()))
}

fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
