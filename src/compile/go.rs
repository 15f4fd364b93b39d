//! The `go build` of a step, as data.

use std::ffi::OsString;

use super::workspace::Workspace;
use crate::plan::Step;
use crate::plan::go::GoStep;
use crate::process::CommandSpec;
use crate::project::go::environment;
use crate::toolchain::Toolchain;

/// One call for all commands of a platform. The executables are written to the folder itself, so
/// that Go sees what it built last time and does not even relink what has not changed.
pub(super) fn command(
    go: &GoStep,
    step: &Step,
    toolchain: Option<&Toolchain>,
    workspace: &Workspace,
    offline: bool,
    jobs: usize,
) -> CommandSpec {
    let program = toolchain.and_then(|toolchain| toolchain.program.clone());
    let mut output = step.directory.clone().into_os_string();
    output.push("/");
    let mut spec = CommandSpec::new(program.unwrap_or_else(|| "go".into()), &workspace.root)
        .arg("build")
        .arg(format!("-p={jobs}"))
        .args(go.flags.iter().map(OsString::from));
    if !go.ldflags.is_empty() {
        spec = spec.arg(format!("-ldflags={}", go.ldflags));
    }
    spec = spec
        .arg("-o")
        .arg(output)
        .arg("--")
        .args(go.packages.iter().map(OsString::from));
    let mut extra = toolchain
        .map(|toolchain| toolchain.environment.clone())
        .unwrap_or_default();
    extra.extend(go.env.clone());
    let spec = environment(spec, &extra, step.platform, offline)
        // On the file system of the results, so that Go moves them into place by renaming: a
        // build that is killed leaves the old file or the new one.
        .env("GOTMPDIR", &workspace.temporary);
    if spec
        .environment
        .contains_key("CGO_ENABLED".as_ref() as &std::ffi::OsStr)
    {
        spec
    } else {
        spec.env("CGO_ENABLED", "0")
    }
}
