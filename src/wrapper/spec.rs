//! What a wrapper stands for, as a file of the store has it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::target::Platform;

/// The content of a target file, in JSON. The file's name is the digest of its content, and a
/// wrapper names the file: so a wrapper differs exactly where this does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The toolchain and its version, such as `zig 0.15.2`.
    pub toolchain: String,
    /// The platform that is compiled for.
    pub platform: Platform,
    /// The GNU triple without a version, as the tools' names begin: `aarch64-linux-musl`.
    pub triple: String,
    /// How the compiler is spoken to.
    pub family: Family,
    /// The compiler, an absolute path.
    pub program: PathBuf,
    /// What it is told to compile for: `aarch64-linux-gnu.2.36`.
    pub target: String,
    /// The processor as the compiler names it; empty for the target's own.
    pub cpu: String,
    /// Whether programs are position-independent unless the user says otherwise, as those of
    /// Debian's gcc are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pie: bool,
    /// Arguments behind the user's: where headers and libraries of a sysroot are.
    pub arguments: Vec<String>,
    /// Arguments behind everything else where something is linked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub link: Vec<String>,
    /// Variables to set. Those of [`Spec::defaults`] only where they are not set already.
    pub environment: BTreeMap<String, String>,
    /// Variables to set where the caller has not.
    pub defaults: BTreeMap<String, String>,
    /// Programs that the compiler does not have itself, by the name they have without the triple:
    /// `strip`, `nm`, `objcopy`.
    pub tools: BTreeMap<String, PathBuf>,
}

/// Compilers that are spoken to alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// `zig cc`: clang behind zig's own command line.
    Zig,
}
