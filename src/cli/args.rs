//! The flags that several commands share.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::oci::compression::Compression;
use crate::settings::Flags;
use crate::target::Libc;

/// Flags of every command.
#[derive(Args, Debug)]
#[command(next_help_heading = "Everywhere")]
pub(super) struct Global {
    /// Work in this folder
    #[arg(short = 'C', long = "directory", global = true, value_name = "DIR")]
    pub(super) directory: Option<PathBuf>,
    /// Say more: why, and what is started
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub(super) verbose: bool,
    /// Print only errors and the result
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,
    /// Print the result as JSON
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// When to use colours
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = true
    )]
    pub(super) color: Color,
    /// How to show progress: auto or plain
    #[arg(
        long,
        global = true,
        value_name = "HOW",
        default_value = "auto",
        hide_possible_values = true
    )]
    pub(super) progress: ProgressStyle,
    /// Never use the network
    #[arg(long, global = true, env = "POLYARCH_OFFLINE", hide_env = true, value_parser = clap::builder::FalseyValueParser::new())]
    pub(super) offline: bool,
    /// Refuse to change polyarch.lock
    #[arg(long, global = true, env = "POLYARCH_LOCKED", hide_env = true, value_parser = clap::builder::FalseyValueParser::new())]
    pub(super) locked: bool,
    /// How many things to do at once [default: the number of processors]
    #[arg(
        short,
        long,
        global = true,
        value_name = "N",
        env = "POLYARCH_JOBS",
        hide_env = true,
        value_parser = jobs
    )]
    pub(super) jobs: Option<NonZero<usize>>,
}

/// When colours are used.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ProgressStyle {
    /// Drawn on a terminal, lines otherwise.
    Auto,
    /// Always lines.
    Plain,
}

/// What is built: flags of `build`, `compile` and `plan`.
#[derive(Args, Debug)]
pub(super) struct ProjectArgs {
    /// The project's folder, or a folder inside it
    #[arg(value_name = "DIR")]
    pub(super) path: Option<PathBuf>,
    /// Platforms, such as linux/amd64,linux/arm/v7, or all for those of the base
    #[arg(long, value_name = "PLATFORMS")]
    pub(super) platform: Vec<String>,
    /// What the project is, where that is not clear: go, cargo, cmake, make, c or prebuilt
    #[arg(long, value_name = "KIND")]
    pub(super) kind: Option<String>,
    /// Go or Rust packages whose commands are built [default: ./..., or cargo's own choice]
    #[arg(long, value_name = "PATTERN")]
    pub(super) package: Vec<String>,
    /// Only this command; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(super) bin: Vec<String>,
    /// Rust features to build with
    #[arg(short = 'F', long, value_name = "FEATURES", value_delimiter = ',')]
    pub(super) features: Vec<String>,
    /// Leave out Rust's default features
    #[arg(long)]
    pub(super) no_default_features: bool,
    /// Rust's profile [default: release]
    #[arg(long, value_name = "NAME")]
    pub(super) profile: Option<String>,
    /// The C library: musl, or gnu.VERSION such as gnu.2.36 [default: that of the base]
    #[arg(long, value_name = "LIBC")]
    pub(super) libc: Option<Libc>,
    /// More flags for the Go linker, behind the configured ones
    #[arg(long, value_name = "FLAGS", allow_hyphen_values = true)]
    pub(super) ldflags: Option<String>,
    /// Keep symbols and debug information
    #[arg(long)]
    pub(super) debug: bool,
    /// Further arguments of cargo build or make, or of cmake when it configures
    #[arg(last = true, value_name = "ARGUMENTS")]
    pub(super) arguments: Vec<String>,
}

/// What the image holds and where it goes: flags of `build` and `plan`.
#[derive(Args, Debug)]
#[command(next_help_heading = "Image")]
pub(super) struct ImageArgs {
    /// Name and tag, such as ghcr.io/me/app:1.2; may be repeated
    #[arg(short, long, value_name = "NAME:TAG")]
    pub(super) tag: Vec<String>,
    /// Where results go: type=oci|docker-archive|oci-layout|local,dest=PATH; may be repeated
    #[arg(short, long, value_name = "SPEC")]
    pub(super) output: Vec<String>,
    /// Base image: static, scratch, oci:DIR, oci-archive:FILE, docker-archive:FILE
    #[arg(long, value_name = "REFERENCE")]
    pub(super) base: Option<String>,
    /// The program that runs: a path, or a JSON list of words
    #[arg(long, value_name = "PROGRAM", value_parser = words)]
    pub(super) entrypoint: Option<Words>,
    /// A label of the config
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(super) label: Vec<(String, String)>,
    /// An annotation; index:, manifest: and so on in front say where
    #[arg(long, value_name = "[TYPE:]KEY=VALUE", value_parser = key_value)]
    pub(super) annotation: Vec<(String, String)>,
    /// Layer compression: gzip, zstd or none, with a level as in zstd:9 [default: gzip]
    #[arg(long, value_name = "HOW")]
    pub(super) compression: Option<Compression>,
    /// Write an index for one platform too
    #[arg(long)]
    pub(super) index: bool,
}

impl ProjectArgs {
    /// The flags as settings take them.
    pub(super) fn flags(&self) -> Flags {
        Flags {
            platforms: self.platform.clone(),
            kind: self.kind.clone(),
            packages: self.package.clone(),
            bins: self.bin.clone(),
            features: self.features.clone(),
            no_default_features: self.no_default_features,
            profile: self.profile.clone(),
            libc: self.libc,
            ldflags: self.ldflags.clone(),
            debug: self.debug,
            arguments: self.arguments.clone(),
            ..Flags::default()
        }
    }
}

impl ImageArgs {
    /// Adds the image's flags to the project's.
    pub(super) fn add_to(&self, flags: &mut Flags) {
        flags.tags.clone_from(&self.tag);
        flags.base.clone_from(&self.base);
        flags.entrypoint = self.entrypoint.clone().map(|words| words.0);
        flags.labels = self.label.iter().cloned().collect();
        flags.annotations = self.annotation.iter().cloned().collect::<BTreeMap<_, _>>();
    }
}

/// A program and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Words(Vec<String>);

/// A JSON list of words, else one word. What begins like a list and is none is a mistake: no
/// program is called `[`-something.
fn words(text: &str) -> Result<Words, String> {
    if text.is_empty() {
        return Err("expected a program".to_owned());
    }
    if !text.trim_start().starts_with('[') {
        return Ok(Words(vec![text.to_owned()]));
    }
    serde_json::from_str(text)
        .map(Words)
        .map_err(|_| r#"expected a JSON list of words such as ["/app", "serve"]"#.to_owned())
}

fn jobs(text: &str) -> Result<NonZero<usize>, String> {
    text.parse()
        .map_err(|_| "expected a number from 1 up".to_owned())
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entrypoint_is_a_program_or_a_list_of_words() {
        let read = |text: &str| words(text).map(|words| words.0);
        assert_eq!(read("/bin/app x"), Ok(vec!["/bin/app x".to_owned()]));
        assert_eq!(
            read(r#"["/app", "serve"]"#),
            Ok(vec!["/app".to_owned(), "serve".to_owned()])
        );
        assert_eq!(read("[]"), Ok(Vec::new()));
        for malformed in ["", "[", "[1]", "[app]", r#"["app""#] {
            assert!(read(malformed).is_err(), "{malformed}");
        }
    }
}
