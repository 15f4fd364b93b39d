//! What the user wants: flags and files, resolved once.
//!
//! `polyarch.toml` says what the project always wants, flags what this run wants, and keys of one
//! platform win over those of all. The getters answer for one platform or one image, so that no
//! caller merges anything itself.

pub mod config;
mod flags;
pub mod image;
pub mod parse;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use thiserror::Error;

use self::config::{
    BaseConfig, BuildConfig, Config, ImageConfig, MirrorsConfig, PlatformConfig, SysrootConfig,
    ToolchainConfig,
};
pub use self::flags::Flags;
use crate::fault::{Exit, Fault};
use crate::target::{Libc, ParseLibcError, ParsePlatformError, Platform};

/// Flags, project configuration and user configuration together.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The folder that was asked for, absolute.
    pub directory: PathBuf,
    /// The project's folder, absolute; configuration paths are relative to it.
    pub root: PathBuf,
    /// The flags.
    pub flags: Flags,
    /// The project's configuration.
    pub config: Config,
    /// The user's mirrors over the project's.
    pub mirrors: MirrorsConfig,
    /// `SOURCE_DATE_EPOCH`, in seconds since 1970.
    pub epoch: Option<u64>,
}

/// The platforms that were asked for, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Platforms {
    /// These, sorted and each once.
    Listed(Vec<Platform>),
    /// Those of the base (`all`).
    OfBase,
    /// Nothing was said.
    Unsaid,
}

/// A setting that makes no sense.
#[derive(Debug, Error)]
pub enum Error {
    /// A platform could not be parsed.
    #[error("{origin}: {error}")]
    Platform {
        /// The flag or key it stands in.
        origin: String,
        /// Why.
        error: ParsePlatformError,
    },
    /// The empty list of platforms.
    #[error("{origin}: no platform is named")]
    NoPlatform {
        /// The flag or key.
        origin: String,
    },
    /// A key that cannot differ by platform.
    #[error("`{key}` can't differ by platform: it stands in `[platform.\"{platform}\".{table}]`")]
    NotPerPlatform {
        /// The key.
        key: &'static str,
        /// The table.
        table: &'static str,
        /// The platform as written.
        platform: String,
    },
    /// A value of an image that no image can have.
    #[error("{key} in polyarch.toml: `{value}` is not {expected}")]
    Value {
        /// The key with its table.
        key: String,
        /// What it says.
        value: String,
        /// What is expected, with an article.
        expected: &'static str,
        /// A line that would do.
        example: String,
    },
    /// The C library is none.
    #[error("{key} in polyarch.toml: {error}")]
    Libc {
        /// The key with its table.
        key: String,
        /// Why.
        error: ParseLibcError,
    },
    /// `SOURCE_DATE_EPOCH` is no number.
    #[error("`SOURCE_DATE_EPOCH` is `{0}`: expected seconds since 1970, before the year 10000")]
    Epoch(String),
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Platform { error, .. } => Some(error.hint()),
            Self::NotPerPlatform { key, table, .. } => Some(format!("move `{key}` to `[{table}]`")),
            Self::NoPlatform { .. } => Some("`--platform linux/amd64,linux/arm64`".to_owned()),
            Self::Value { example, .. } => Some(format!("`{example}`")),
            Self::Libc { .. } => Some("`libc = \"gnu.2.36\"`".to_owned()),
            Self::Epoch(_) => Some("`SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)`".to_owned()),
        }
    }
}

impl Settings {
    /// Checks what can be checked without knowing the project: every platform named anywhere, and
    /// what images are to say.
    pub fn validate(&self) -> Result<(), Error> {
        self.platforms()?;
        check_libc("toolchain", &self.config.toolchain)?;
        image::check("image", &self.config.image)?;
        for (name, keys) in &self.config.images {
            image::check(&format!("images.{name}"), keys)?;
        }
        for (name, keys) in &self.config.platform {
            name.parse::<Platform>().map_err(|error| Error::Platform {
                origin: format!("[platform.\"{name}\"] in polyarch.toml"),
                error,
            })?;
            let PlatformConfig {
                build,
                toolchain,
                sysroot: _,
                image,
            } = keys;
            let refused = [
                ("platforms", "build", build.platforms.is_some()),
                ("kind", "build", build.kind.is_some()),
                ("packages", "build", build.packages.is_some()),
                ("bins", "build", build.bins.is_some()),
                ("prefer", "toolchain", toolchain.prefer.is_some()),
                (
                    "definitions",
                    "toolchain",
                    !toolchain.definitions.is_empty(),
                ),
                ("base", "image", image.base.is_some()),
                ("bins", "image", image.bins.is_some()),
            ];
            if let Some((key, table, _)) = refused.into_iter().find(|(_, _, set)| *set) {
                return Err(Error::NotPerPlatform {
                    key,
                    table,
                    platform: name.clone(),
                });
            }
            check_libc(&format!("platform.\"{name}\".toolchain"), toolchain)?;
            image::check(&format!("platform.\"{name}\".image"), image)?;
        }
        Ok(())
    }

    /// The C library that was asked for, by flag or else by the configuration for a platform; what is
    /// malformed was refused before.
    pub fn libc(&self, platform: Platform) -> Option<Libc> {
        if let Some(libc) = self.flags.libc {
            return Some(libc);
        }
        let own = self
            .platform(platform)
            .and_then(|keys| keys.toolchain.libc.as_ref());
        own.or(self.config.toolchain.libc.as_ref())?.parse().ok()
    }

    /// The platforms asked for: the flag's, else the configuration's.
    pub fn platforms(&self) -> Result<Platforms, Error> {
        let (given, origin) = match &self.config.build.platforms {
            _ if !self.flags.platforms.is_empty() => (&self.flags.platforms, "--platform"),
            Some(listed) => (listed, "build.platforms in polyarch.toml"),
            None => return Ok(Platforms::Unsaid),
        };
        let words: Vec<&str> = given
            .iter()
            .flat_map(|text| text.split(','))
            .map(str::trim)
            .collect();
        if words == ["all"] {
            return Ok(Platforms::OfBase);
        }
        if words.is_empty() {
            return Err(Error::NoPlatform {
                origin: origin.to_owned(),
            });
        }
        let mut platforms = words
            .iter()
            .map(|word| word.parse::<Platform>())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| Error::Platform {
                origin: origin.to_owned(),
                error,
            })?;
        platforms.sort_unstable();
        platforms.dedup();
        Ok(Platforms::Listed(platforms))
    }

    /// `[build]` as it is for one platform.
    pub fn build(&self, platform: Platform) -> BuildConfig {
        let mut build = self.config.build.clone();
        if let Some(own) = self.platform(platform) {
            overlay_build(&mut build, &own.build);
        }
        self.flags.apply(&mut build);
        build
    }

    /// `[sysroot]` as it is for one platform.
    pub fn sysroot(&self, platform: Platform) -> SysrootConfig {
        let general = self.config.sysroot.clone();
        let own = self.platform(platform).map(|own| own.sysroot.clone());
        let own = own.unwrap_or_default();
        SysrootConfig {
            packages: own.packages.or(general.packages),
            suite: own.suite.or(general.suite),
            backports: own.backports.or(general.backports),
            without: own.without.or(general.without),
        }
    }

    /// Whether this run asks for less than the whole project.
    pub fn narrowed(&self) -> bool {
        let flags = &self.flags;
        !flags.bins.is_empty() || !flags.packages.is_empty() || self.directory != self.root
    }

    /// The image names: those of `[images]`, else none, which means the one image of the project.
    pub fn image_names(&self) -> Vec<Option<&str>> {
        let names: Vec<_> = self
            .config
            .images
            .keys()
            .map(|name| Some(name.as_str()))
            .collect();
        if names.is_empty() { vec![None] } else { names }
    }

    /// `[image]` or `[images.NAME]` as it is for one platform, or for none in particular.
    pub fn image(&self, name: Option<&str>, platform: Option<Platform>) -> ImageConfig {
        let mut image = self.config.image.clone();
        if let Some(own) = name.and_then(|name| self.config.images.get(name)) {
            overlay_image(&mut image, own);
        }
        if let Some(own) = platform.and_then(|platform| self.platform(platform)) {
            overlay_image(&mut image, &own.image);
        }
        if let Some(base) = &self.flags.base {
            image.base = Some(BaseConfig::Reference(base.clone()));
        }
        if let Some(entrypoint) = &self.flags.entrypoint {
            image.entrypoint = Some(entrypoint.clone());
        }
        merge(&mut image.labels, Some(&self.flags.labels));
        merge(&mut image.annotations, Some(&self.flags.annotations));
        image
    }

    /// The patterns of prebuilt files for one platform.
    pub fn artifacts(&self, platform: Platform) -> Option<Vec<String>> {
        self.build(platform).artifacts
    }

    /// The names of commands to build; empty means all.
    pub fn bins(&self) -> &[String] {
        if self.flags.bins.is_empty() {
            self.config.build.bins.as_deref().unwrap_or_default()
        } else {
            &self.flags.bins
        }
    }

    /// The package patterns that were asked for.
    pub fn packages(&self) -> Option<&[String]> {
        if self.flags.packages.is_empty() {
            self.config.build.packages.as_deref()
        } else {
            Some(&self.flags.packages)
        }
    }

    fn platform(&self, platform: Platform) -> Option<&PlatformConfig> {
        let named = |(name, keys)| {
            (name as &String)
                .parse()
                .is_ok_and(|own: Platform| own == platform)
                .then_some(keys)
        };
        self.config.platform.iter().find_map(named)
    }
}

fn check_libc(table: &str, keys: &ToolchainConfig) -> Result<(), Error> {
    let Some(text) = &keys.libc else {
        return Ok(());
    };
    let parsed: Result<Libc, _> = text.parse();
    parsed.map(drop).map_err(|error| Error::Libc {
        key: format!("{table}.libc"),
        error,
    })
}

/// Reads the project's and the user's configuration files.
pub fn read_files(
    root: &Path,
    user_file: Option<&Path>,
) -> Result<(Config, config::UserConfig), parse::ConfigError> {
    let config = parse::read(&root.join("polyarch.toml"))?.unwrap_or_default();
    let user = match user_file {
        Some(file) => parse::read(file)?.unwrap_or_default(),
        None => config::UserConfig::default(),
    };
    Ok((config, user))
}

/// The user's mirrors over the project's.
pub fn mirrors(project: &MirrorsConfig, user: &MirrorsConfig) -> MirrorsConfig {
    let mut url = project.url.clone();
    url.extend(user.url.clone());
    MirrorsConfig {
        pypi: user.pypi.clone().or_else(|| project.pypi.clone()),
        goproxy: user.goproxy.clone().or_else(|| project.goproxy.clone()),
        debian: user.debian.clone().or_else(|| project.debian.clone()),
        snapshot: user.snapshot.clone().or_else(|| project.snapshot.clone()),
        without_suites: user
            .without_suites
            .clone()
            .or_else(|| project.without_suites.clone()),
        vendor: user.vendor.clone().or_else(|| project.vendor.clone()),
        url,
    }
}

fn overlay_build(build: &mut BuildConfig, own: &BuildConfig) {
    let own = own.clone();
    build.features = own.features.or(build.features.take());
    build.default_features = own.default_features.or(build.default_features);
    build.profile = own.profile.or(build.profile.take());
    build.flags = own.flags.or(build.flags.take());
    build.ldflags = own.ldflags.or(build.ldflags.take());
    build.targets = own.targets.or(build.targets.take());
    build.args = own.args.or(build.args.take());
    build.preset = own.preset.or(build.preset.take());
    build.libs = own.libs.or(build.libs.take());
    merge(&mut build.variables, own.variables.as_ref());
    build.debug = own.debug.or(build.debug);
    build.artifacts = own.artifacts.or(build.artifacts.take());
    merge(&mut build.env, own.env.as_ref());
}

fn overlay_image(image: &mut ImageConfig, own: &ImageConfig) {
    let own = own.clone();
    image.base = own.base.or(image.base.take());
    image.bins = own.bins.or(image.bins.take());
    image.entrypoint = own.entrypoint.or(image.entrypoint.take());
    image.cmd = own.cmd.or(image.cmd.take());
    image.user = own.user.or(image.user.take());
    image.workdir = own.workdir.or(image.workdir.take());
    image.ports = own.ports.or(image.ports.take());
    image.volumes = own.volumes.or(image.volumes.take());
    image.bin_dir = own.bin_dir.or(image.bin_dir.take());
    image.files = own.files.or(image.files.take());
    merge(&mut image.env, own.env.as_ref());
    merge(&mut image.labels, own.labels.as_ref());
    merge(&mut image.annotations, own.annotations.as_ref());
}

fn merge(into: &mut Option<BTreeMap<String, String>>, own: Option<&BTreeMap<String, String>>) {
    if let Some(own) = own.filter(|own| !own.is_empty()) {
        into.get_or_insert_default().extend(own.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(config: &str, platforms: &[&str]) -> Settings {
        Settings {
            config: parse::parse(config, Path::new("polyarch.toml")).expect("valid"),
            flags: Flags {
                platforms: platforms.iter().map(|&text| text.to_owned()).collect(),
                ..Flags::default()
            },
            ..Settings::default()
        }
    }

    #[test]
    fn platforms_are_sorted_and_each_is_there_once() {
        let found = settings("", &["linux/arm/v7,amd64", "linux/arm"])
            .platforms()
            .expect("valid");
        let Platforms::Listed(found) = found else {
            panic!("listed")
        };
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, ["linux/amd64", "linux/arm/v7"]);
    }

    #[test]
    fn a_typo_in_a_platform_is_an_error_and_never_a_smaller_build() {
        for given in ["linux/amd64,linux/arm46", "linux/amd64,", ""] {
            assert!(settings("", &[given]).platforms().is_err(), "{given}");
        }
        let error = settings("build.platforms = ['linux/amd46']", &[])
            .validate()
            .expect_err("typo");
        assert!(
            error
                .to_string()
                .starts_with("build.platforms in polyarch.toml: platform `linux/amd46`")
        );
        assert_eq!(error.hint().as_deref(), Some("did you mean `linux/amd64`?"));
        assert!(
            settings("[platform.'linux/arm46']", &[])
                .validate()
                .is_err()
        );
    }

    #[test]
    fn keys_of_a_platform_win_and_maps_are_merged() {
        let settings = settings(
            "[build]\nflags = ['-a']\nenv = { A = '1', B = '1' }\n\
             [platform.'arm'.build]\nflags = ['-b']\nenv = { B = '2' }\n",
            &[],
        );
        let arm = settings.build("linux/arm/v7".parse().expect("known"));
        assert_eq!(arm.flags.as_deref(), Some(&["-b".to_owned()][..]));
        let env: Vec<_> = arm.env.unwrap_or_default().into_iter().collect();
        assert_eq!(env, [("A".into(), "1".into()), ("B".into(), "2".into())]);
        let amd64 = settings.build("linux/amd64".parse().expect("known"));
        assert_eq!(amd64.flags.as_deref(), Some(&["-a".to_owned()][..]));
    }

    #[test]
    fn images_inherit_from_image() {
        let settings = settings(
            "[image]\nuser = 'nonroot'\nlabels = { a = '1' }\n[images.api]\nlabels = { b = '2' }\n",
            &[],
        );
        let image = settings.image(Some("api"), None);
        assert_eq!(image.user.as_deref(), Some("nonroot"));
        assert_eq!(image.labels.map(|labels| labels.len()), Some(2));
    }

    #[test]
    fn a_key_that_cannot_differ_by_platform_is_refused() {
        let error = settings("[platform.arm.image]\nbase = 'scratch'\n", &[]).validate();
        assert!(matches!(
            error,
            Err(Error::NotPerPlatform { key: "base", .. })
        ));
    }
}
