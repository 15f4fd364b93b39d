//! The `go build` of a step, as data.

use std::ffi::OsString;

use super::Options;
use super::workspace::Workspace;
use crate::plan::Step;
use crate::plan::go::GoStep;
use crate::process::CommandSpec;
use crate::project::go::environment;
use crate::target::Libc;
use crate::toolchain::{Compilers, Toolchain};

/// One call for all commands of a platform. The executables are written to the folder itself, so
/// that Go sees what it built last time and does not even relink what has not changed.
pub(super) fn command(
    go: &GoStep,
    step: &Step,
    toolchain: Option<&Toolchain>,
    workspace: &Workspace,
    options: &Options<'_>,
    jobs: usize,
) -> CommandSpec {
    let program = toolchain.and_then(|toolchain| toolchain.program.clone());
    let mut output = step.directory.clone().into_os_string();
    output.push("/");
    let mut spec = CommandSpec::new(program.unwrap_or_else(|| "go".into()), &workspace.root)
        .arg("build")
        .arg(format!("-p={jobs}"))
        .args(go.flags.iter().map(OsString::from));
    let compilers = options.compilers.get(&step.platform);
    let compilers = compilers.filter(|_| !go.cgo.is_empty());
    let ldflags = ldflags(go, compilers);
    if !ldflags.is_empty() {
        spec = spec.arg(format!("-ldflags={ldflags}"));
    }
    spec = spec
        .arg("-o")
        .arg(output)
        .arg("--")
        .args(go.packages.iter().map(OsString::from));
    let mut extra = toolchain
        .map(|toolchain| toolchain.environment.clone())
        .unwrap_or_default();
    if let Some(compilers) = compilers {
        spec = compilers
            .set_up(spec)
            .env("CGO_ENABLED", "1")
            // Go keeps what it compiles itself.
            .env("ZIG_LOCAL_CACHE_DIR", workspace.temporary.join("zig"));
    }
    extra.extend(go.env.clone());
    // What cgo makes lies in the folder for temporary files. Go leaves that folder's path out of what
    // it compiles, and the module's: of a folder in the module only the latter.
    let temporary = match compilers {
        Some(_) => workspace.temporary_elsewhere(),
        None => workspace.temporary.clone(),
    };
    let spec = environment(spec, &extra, step.platform, options.offline)
        // On the file system of the results, so that Go moves them into place by renaming: a
        // build that is killed leaves the old file or the new one.
        .env("GOTMPDIR", temporary);
    if spec
        .environment
        .contains_key("CGO_ENABLED".as_ref() as &std::ffi::OsStr)
    {
        spec
    } else {
        spec.env("CGO_ENABLED", "0")
    }
}

/// The linker's flags, the user's last. With C code, a program for musl is linked by the C compiler,
/// without shared libraries.
fn ldflags(go: &GoStep, compilers: Option<&Compilers>) -> String {
    match compilers.map(|compilers| compilers.libc) {
        Some(Libc::Musl) => {
            let fixed = "-linkmode=external -extldflags=-static";
            format!("{fixed} {}", go.ldflags).trim_end().to_owned()
        }
        Some(Libc::Gnu(_)) | None => go.ldflags.clone(),
    }
}
