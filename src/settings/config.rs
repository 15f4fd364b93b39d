//! `polyarch.toml` and the user's `config.toml` as types.
//!
//! The doc comments are the configuration reference: `docs/configuration.md` is generated from
//! these types, and a test fails when it is out of date. Every key is optional.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// The project's `polyarch.toml`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Config {
    /// What the project is called. Found from `go.mod`, `Cargo.toml`, `CMakeLists.txt` or the folder where it is left out.
    pub project: ProjectConfig,
    /// What is compiled, and how.
    pub build: BuildConfig,
    /// Which compilers are used.
    pub toolchain: ToolchainConfig,
    /// Headers and libraries of the platforms, from Debian packages.
    pub sysroot: SysrootConfig,
    /// The one image of the project.
    pub image: ImageConfig,
    /// Several images of one project, each with the keys of `[image]`, which they inherit. With
    /// these, `--tag` is a template with `{name}`.
    pub images: BTreeMap<String, ImageConfig>,
    /// Keys of `[build]`, `[toolchain]`, `[sysroot]` and `[image]` for one platform, as
    /// `[platform."linux/arm/v7".build]`; they win.
    pub platform: BTreeMap<String, PlatformConfig>,
    /// What is known to be right about the image.
    pub verify: VerifyConfig,
    /// Where else to fetch from.
    pub mirrors: MirrorsConfig,
}

/// `[verify]`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct VerifyConfig {
    /// Findings that `polyarch verify` and `polyarch build` leave out: `"KIND"`, `"KIND:GLOB"` or
    /// `"/GLOB"`, such as `["machine:/opt/firmware/*"]`.
    pub allow: Vec<String>,
}

/// `[project]`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ProjectConfig {
    /// The project's name. Default: the last element of the Go module path, the Rust package, what
    /// `CMakeLists.txt` calls it, else the folder's name.
    pub name: Option<String>,
    /// The project's version, for labels and `{version}`. Default: that of the Rust package, else
    /// `git describe --tags`, without a leading `v`.
    pub version: Option<String>,
}

/// `[build]`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct BuildConfig {
    /// The platforms to build for, such as `["linux/amd64", "linux/arm64"]`, or `["all"]` for
    /// those of the base. Default: the base's, else amd64, arm64, arm/v7 and riscv64.
    pub platforms: Option<Vec<String>>,
    /// `"go"`, `"cargo"`, `"cmake"`, `"make"`, `"c"` or `"prebuilt"`, where detection finds more than one kind
    /// or another one is meant.
    pub kind: Option<String>,
    /// Go: the packages whose commands are built, as patterns. Default: `["./..."]`. Rust: the
    /// packages whose programs are built, by name. Default: those that `cargo build` builds.
    pub packages: Option<Vec<String>>,
    /// Only these commands, by name. Default: all that the packages have. Where a build leaves
    /// several files of one name, the path of the one that is meant, such as `"src/app"`.
    pub bins: Option<Vec<String>>,
    /// Rust: the features to build with, such as `["tls"]`. Default: the default ones.
    pub features: Option<Vec<String>>,
    /// Rust: whether the default features are on. Default: `true`.
    pub default_features: Option<bool>,
    /// Rust: the profile. Default: `"release"`.
    pub profile: Option<String>,
    /// Go: flags for `go build`, such as `["-tags=netgo"]`. C sources: flags of the compiler, such
    /// as `["-std=c17"]`. Template values are expanded.
    pub flags: Option<Vec<String>>,
    /// Go and C sources: linker flags, such as `["-X main.version={version}"]`. Template values are
    /// expanded.
    pub ldflags: Option<Vec<String>>,
    /// Make and CMake: what is built, such as `["app"]`. Default: what the project builds when
    /// nothing is said.
    pub targets: Option<Vec<String>>,
    /// Make: variables for its command line, such as `{ CRYPTO = "none" }`; they win over those of
    /// the Makefile. Template values are expanded.
    pub variables: Option<BTreeMap<String, String>>,
    /// Further arguments of `make`, of `cargo build`, or of `cmake` when it configures, such as
    /// `["-DWITH_TESTS=OFF"]`. Template values are expanded.
    pub args: Option<Vec<String>>,
    /// CMake: the configure preset, of `CMakePresets.json`.
    pub preset: Option<String>,
    /// C sources: the libraries to link with, such as `["m", "pthread"]`.
    pub libs: Option<Vec<String>>,
    /// Environment of the compiler. Template values are expanded.
    pub env: Option<BTreeMap<String, String>>,
    /// Keep symbols, and write debug information. Default: `false`.
    pub debug: Option<bool>,
    /// Prebuilt: patterns of files that exist already, such as `["dist/{os}_{arch}/app"]`; `*`
    /// stands for any characters within one name. Default: `["out/{arch}{variant}/*"]`.
    pub artifacts: Option<Vec<String>>,
}

/// `[toolchain]`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ToolchainConfig {
    /// `"system"`, the default: the compiler on `PATH` where it is new enough, else the pinned one.
    /// `"fetched"`: always the pinned one.
    pub prefer: Option<Prefer>,
    /// The C library that C, C++ and Rust are linked with: `"musl"`, statically, or `"gnu.2.36"`, where
    /// nothing newer than that version is used. Default: that of the base, else musl.
    pub libc: Option<String>,
    /// Folders with further toolchain definitions, relative to `polyarch.toml`. They can't replace
    /// built-in ones, nor use `[program.system]`.
    pub definitions: Vec<std::path::PathBuf>,
}

/// `[sysroot]`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct SysrootConfig {
    /// Debian packages, such as `["libssl-dev"]`; they come with what they depend on. As for apt,
    /// `NAME=VERSION` and `NAME/SUITE` choose among several.
    pub packages: Option<Vec<String>>,
    /// The suite they are of, such as `"bookworm"`, with its updates. Default: that of the base,
    /// where it is made from packages or an image of Debian or a derivative, else `"trixie"`.
    pub suite: Option<String>,
    /// Whether the suite's backports are used, too, where a package asks for them. Default:
    /// `false`.
    pub backports: Option<bool>,
    /// Packages that are left out though others depend on them, with everything that only they
    /// bring, such as `["perl-base"]`.
    pub without: Option<Vec<String>>,
}

/// Which of two compilers is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Prefer {
    /// The compiler on `PATH` where it is new enough, else the pinned one.
    System,
    /// Always the pinned one of the store.
    Fetched,
}

/// `[image]` and `[images.NAME]`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ImageConfig {
    /// The base image: `static` (the default), `scratch`, `oci:DIR[:TAG]`, `oci-archive:FILE` or
    /// `docker-archive:FILE`; or one made from Debian packages,
    /// `{ suite = "bookworm", packages = ["ca-certificates"] }`.
    pub base: Option<BaseConfig>,
    /// The commands this image holds, by name. Default: all.
    pub bins: Option<Vec<String>>,
    /// The program that runs. Default: the one command of the image.
    pub entrypoint: Option<Vec<String>>,
    /// Its default arguments.
    pub cmd: Option<Vec<String>>,
    /// Environment variables, added to the base's.
    pub env: Option<BTreeMap<String, String>>,
    /// `user[:group]`, names or numbers. Default: the base's.
    pub user: Option<String>,
    /// The working directory. Default: the base's.
    pub workdir: Option<String>,
    /// Labels of the config. Those of `org.opencontainers.image.*` that git knows are set already.
    pub labels: Option<BTreeMap<String, String>>,
    /// Annotations, with buildx's prefixes `index:`, `manifest:`, `index-descriptor:`,
    /// `manifest-descriptor:` (joined by commas); without a prefix, of the manifest.
    pub annotations: Option<BTreeMap<String, String>>,
    /// Ports, such as `["8080", "53/udp"]`.
    pub ports: Option<Vec<String>>,
    /// Volume mount points.
    pub volumes: Option<Vec<String>>,
    /// Where commands are laid. Default: `/usr/local/bin`.
    pub bin_dir: Option<String>,
    /// Further files.
    pub files: Option<Vec<FileConfig>>,
}

/// `image.base`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected a reference such as \"static\", or a table with `suite` and `packages`"
)]
pub enum BaseConfig {
    /// A reference.
    Reference(String),
    /// Packages.
    Packages(BasePackages),
}

impl std::fmt::Display for BaseConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Reference(text) => f.write_str(text),
            Self::Packages(base) => write!(f, "{base}"),
        }
    }
}

/// A base made from Debian packages.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct BasePackages {
    /// The suite, such as `"bookworm"`, with its updates.
    pub suite: String,
    /// The packages; they come with what they depend on.
    pub packages: Vec<String>,
    /// Whether the suite's backports are used, too. Default: `false`.
    #[serde(default)]
    pub backports: bool,
    /// Packages that are left out though others depend on them, with everything that only they
    /// bring.
    #[serde(default)]
    pub without: Vec<String>,
}

impl std::fmt::Display for BasePackages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.packages.join(", "))?;
        if !self.without.is_empty() {
            write!(f, " without {}", self.without.join(", "))?;
        }
        write!(f, " of {}", self.suite)
    }
}

/// `[[image.files]]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FileConfig {
    /// A file or a folder, relative to `polyarch.toml`. `{arch}` and its kin are expanded, so that
    /// it may differ by platform.
    pub src: String,
    /// Where it is laid, an absolute path; with a slash at the end, the folder it is laid into.
    pub dst: String,
    /// The mode in octal, such as `"0644"`. Default: 0755 for executable files, else 0644.
    pub mode: Option<String>,
    /// `uid[:gid]`, numbers. Default: `"0:0"`.
    pub owner: Option<String>,
}

/// `[platform."linux/arm/v7"]`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct PlatformConfig {
    /// Keys of `[build]` for this platform: all but `platforms`, `kind`, `packages` and `bins`.
    pub build: BuildConfig,
    /// Keys of `[toolchain]` for this platform: `libc`.
    pub toolchain: ToolchainConfig,
    /// Keys of `[sysroot]` for this platform.
    pub sysroot: SysrootConfig,
    /// Keys of `[image]` for this platform, except `base` and `bins`.
    pub image: ImageConfig,
}

/// `[mirrors]`, in `polyarch.toml` or in the user's `config.toml`, whose mirrors win.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct MirrorsConfig {
    /// The package index that wheels come from. Default: the one that pip is configured with.
    pub pypi: Option<String>,
    /// The Go module proxy. Default: `go env GOPROXY`.
    pub goproxy: Option<String>,
    /// Debian archives, as lines of apt's `sources.list`, or the address of one archive. Default:
    /// the ones that apt is configured with; `POLYARCH_DEBIAN` wins.
    pub debian: Option<Vec<String>>,
    /// Where packages are that the archives no longer have: addresses of dated copies of an
    /// archive.
    pub snapshot: Option<Vec<String>>,
    /// Suites that are left out though they belong to the one asked for, such as
    /// `["trixie-updates"]`.
    pub without_suites: Option<Vec<String>>,
    /// A folder that `polyarch vendor` wrote; what it has is fetched from nowhere else.
    pub vendor: Option<std::path::PathBuf>,
    /// Address prefixes that are replaced, such as
    /// `{ "https://go.dev/dl/" = "https://mirror.example/go/" }`.
    pub url: BTreeMap<String, String>,
}

/// The user's `$XDG_CONFIG_HOME/polyarch/config.toml`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct UserConfig {
    /// Where else to fetch from; these win over the project's.
    pub mirrors: MirrorsConfig,
    /// The store.
    pub store: StoreConfig,
}

/// `[store]` of the user's `config.toml`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct StoreConfig {
    /// The store's folder. `POLYARCH_HOME` wins. Default: `$XDG_CACHE_HOME/polyarch`.
    pub path: Option<std::path::PathBuf>,
}
