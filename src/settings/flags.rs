//! The flags of `build`, `compile` and `plan`, and what they change in `[build]`.

use std::collections::BTreeMap;

use super::config::BuildConfig;
use crate::target::Libc;

/// Flags of `build`, `compile` and `plan` that stand above the configuration file.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--platform`, split at commas.
    pub platforms: Vec<String>,
    /// `--kind`.
    pub kind: Option<String>,
    /// `--package`.
    pub packages: Vec<String>,
    /// `--bin`.
    pub bins: Vec<String>,
    /// `--features`, split at commas.
    pub features: Vec<String>,
    /// `--no-default-features`.
    pub no_default_features: bool,
    /// `--profile`.
    pub profile: Option<String>,
    /// `--libc`.
    pub libc: Option<Libc>,
    /// `--ldflags`, behind those of the configuration.
    pub ldflags: Option<String>,
    /// `--debug`.
    pub debug: bool,
    /// What stands behind `--`, behind the configured arguments.
    pub arguments: Vec<String>,
    /// `--base`.
    pub base: Option<String>,
    /// `--entrypoint`.
    pub entrypoint: Option<Vec<String>>,
    /// `--label`.
    pub labels: BTreeMap<String, String>,
    /// `--annotation`, the key with its prefix.
    pub annotations: BTreeMap<String, String>,
    /// `--tag`.
    pub tags: Vec<String>,
}

impl Flags {
    /// Puts what was typed above what is configured.
    pub(super) fn apply(&self, build: &mut BuildConfig) {
        if !self.features.is_empty() {
            let features = build.features.get_or_insert_default();
            features.extend(self.features.iter().cloned());
        }
        if self.no_default_features {
            build.default_features = Some(false);
        }
        if let Some(profile) = &self.profile {
            build.profile = Some(profile.clone());
        }
        if !self.arguments.is_empty() {
            let arguments = build.args.get_or_insert_default();
            arguments.extend(self.arguments.iter().cloned());
        }
        build.debug = Some(self.debug || build.debug.unwrap_or(false));
    }
}
