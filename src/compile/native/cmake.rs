//! CMake: configure, build with ninja, install into a folder of ours, and see what came of it.
//!
//! CMake builds outside of the sources, so they are not copied. What the project installs is its
//! result; what it only builds (tests, examples) counts where it installs no program. `try_run` does
//! not run: the toolchain file says that this is a cross-compilation.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::found::Found;
use super::{Error, Job, Result, fileapi};
use crate::compile::{Failure, StepError};
use crate::digest::Recipe;
use crate::plan::native::CmakeStep;
use crate::process::CommandSpec;
use crate::target::Libc;
use crate::toolchain::Toolchain;
use crate::{atomic, interrupt};

/// What CMake writes where a project wants to run a program of the target.
const TRY_RUN: &str = "TryRunResults.cmake";

/// Where a program finds libraries that are installed with it, or laid beside it.
const RUNPATH: &str = "$ORIGIN;$ORIGIN/../lib";

/// Configures where needed, builds, installs, and says what there is.
pub(super) fn build(job: &Job<'_>, cmake: &CmakeStep) -> Result<Found, StepError> {
    let tree = job.native.build.join("tree");
    let root = &job.native.root;
    let before = written(root);
    configure(job, cmake, &tree)?;
    let ninja = job.program("ninja")?;
    let spec = job
        .command(ninja, root)
        .arg("-C")
        .arg(&tree)
        .args(cmake.targets.iter().map(OsString::from));
    job.run(job.with_jobs(spec, ninja), "ninja")?;
    if written(root) != before {
        job.options.observer.warn(&format!(
            "the build for {} has written into {}: builds of several platforms may disturb each other",
            job.step.platform,
            root.display()
        ));
    }
    let built = fileapi::built(&tree)?;
    apart(job, &tree, &built)?;
    let mut files = Vec::new();
    // What only some targets were built for can't be installed.
    if cmake.targets.is_empty() {
        files = install(job, &tree, &built)?;
    }
    let (platform, libc) = (job.step.platform, job.compilers.libc);
    let installed = Found::new(files.clone(), platform, libc);
    let names: BTreeSet<OsString> = files
        .iter()
        .filter_map(|(path, _)| Some(path.file_name()?.to_owned()))
        .collect();
    let all = installed.programs.is_empty() || !job.native.bins.is_empty();
    let own = built.into_iter().filter(|path| {
        let name = path.file_name().unwrap_or_default();
        !names.contains(name) && (all || name.to_string_lossy().contains(".so"))
    });
    files.extend(own.map(|path| {
        let shown = path.strip_prefix(&tree).unwrap_or(&path).to_owned();
        (path, shown)
    }));
    Ok(Found::new(files, platform, libc))
}

/// Refuses results outside of the build tree where several platforms are built: each would replace
/// the other's.
fn apart(job: &Job<'_>, tree: &Path, built: &[PathBuf]) -> Result<()> {
    let outside = built.iter().filter(|path| !path.starts_with(tree));
    let files: Vec<PathBuf> = outside.cloned().collect();
    if files.is_empty() || job.options.compilers.len() < 2 {
        return Ok(());
    }
    Err(Error::InSources {
        platform: job.step.platform,
        files,
    })
}

/// When the project's own folder was last written.
fn written(root: &Path) -> Option<SystemTime> {
    fs_err::metadata(root)
        .and_then(|found| found.modified())
        .ok()
}

/// Configures, unless that was done with the same compilers and arguments. Other compilers begin
/// with an empty tree, as CMake asks; other arguments keep what has been compiled.
fn configure(job: &Job<'_>, cmake: &CmakeStep, tree: &Path) -> Result<(), StepError> {
    let program = job.program("cmake")?;
    let spec = configure_command(job, cmake, program, tree)?;
    let stamp = job.native.build.join("stamp");
    let (tools, arguments) = marks(job, program, &spec);
    let known = fs_err::read_to_string(&stamp).unwrap_or_default();
    let (known_tools, known_arguments) = known.split_once('\n').unwrap_or_default();
    let configured = tree.join("build.ninja").is_file() && fileapi::index(tree).is_ok();
    if (known_tools, known_arguments) == (&tools, &arguments) && configured {
        return Ok(());
    }
    let old = match known_tools == tools {
        true => remove(&tree.join("CMakeCache.txt")),
        false => remove(tree),
    };
    old?;
    remove(&stamp)?;
    fileapi::ask(tree)?;
    remove(&tree.join(TRY_RUN))?;
    job.run(spec, "cmake")
        .map_err(|error| unanswered(job, tree, error))?;
    let text = format!("{tools}\n{arguments}");
    atomic::write::<_, io::Error>(&stamp, |out| out.write_all(text.as_bytes()))?;
    Ok(())
}

fn configure_command(
    job: &Job<'_>,
    cmake: &CmakeStep,
    program: &Toolchain,
    tree: &Path,
) -> Result<CommandSpec> {
    let ninja = job.program("ninja")?;
    let define = |name: &str, value: &Path| {
        let mut argument = OsString::from(format!("-D{name}="));
        argument.push(value);
        argument
    };
    let path = ninja.program.clone().unwrap_or_else(|| "ninja".into());
    let mut spec = job.command(program, &job.native.root);
    for name in ["CFLAGS", "CXXFLAGS"] {
        let mut flags = job.flags(&job.native.root, false);
        if let Some(said) = spec.variable(name) {
            flags.push(" ");
            flags.push(said);
        }
        spec = spec.env(name, flags);
    }
    if let Some(preset) = &cmake.preset {
        spec = spec.arg("--preset").arg(preset);
    }
    spec = spec
        .arg("-S")
        .arg(&job.native.root)
        .arg("-B")
        .arg(tree)
        .args(["-G", "Ninja", "-Wno-dev", "--no-warn-unused-cli"])
        .arg(define("CMAKE_MAKE_PROGRAM", &path))
        .arg(define("CMAKE_TOOLCHAIN_FILE", &job.compilers.cmake))
        .arg(format!("-DCMAKE_INSTALL_RPATH={RUNPATH}"))
        .arg("-DCMAKE_BUILD_WITH_INSTALL_RPATH=ON")
        // Tests can't run here; what the user says comes later and wins.
        .arg("-DBUILD_TESTING=OFF");
    if job.compilers.libc == Libc::Musl {
        // Where nothing could load a shared library.
        spec = spec.arg("-DBUILD_SHARED_LIBS=OFF");
    }
    if let Some(kind) = cmake.build_type {
        spec = spec.arg(format!("-DCMAKE_BUILD_TYPE={kind}"));
    }
    // CMake 4 refuses projects that ask for less than 3.5 and say no newest version; nearly all of
    // them are fine with it.
    let dropped: Option<crate::toolchain::Version> = "4.0".parse().ok();
    if dropped.is_some_and(|dropped| program.version >= dropped) {
        spec = spec.arg("-DCMAKE_POLICY_VERSION_MINIMUM=3.5");
    }
    Ok(spec.args(cmake.args.iter().map(OsString::from)))
}

/// What names the tools of a build tree, and what its arguments.
fn marks(job: &Job<'_>, program: &Toolchain, spec: &CommandSpec) -> (String, String) {
    let tools = Recipe::new("cmake")
        .with(job.compilers.digest.hex())
        .with(program.version.to_string())
        .with(job.native.root.as_os_str().as_encoded_bytes());
    let mut arguments = Recipe::new("arguments");
    for argument in &spec.arguments {
        arguments = arguments.with(argument.as_encoded_bytes());
    }
    for name in ["CFLAGS", "CXXFLAGS", "LDFLAGS"] {
        let value = spec.variable(name).unwrap_or_default();
        arguments = arguments.with(value.as_encoded_bytes());
    }
    for (name, value) in &job.native.env {
        arguments = arguments.with(name).with(value);
    }
    (tools.finish().hex(), arguments.finish().hex())
}

/// A failure of CMake's, with the answers that it waits for where it wrote down some.
fn unanswered(job: &Job<'_>, tree: &Path, error: StepError) -> StepError {
    let text = fs_err::read_to_string(tree.join(TRY_RUN)).unwrap_or_default();
    let variables = questions(&text);
    match error {
        StepError::Refused { status, message } if !variables.is_empty() => Error::TryRun {
            platform: job.step.platform,
            variables,
            failure: Failure {
                platforms: vec![job.step.platform],
                status,
                message,
            },
        }
        .into(),
        error => error,
    }
}

/// The exit codes that a file of CMake's asks for: `set( NAME` before a line with what stands for
/// the answer.
fn questions(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let asked = lines.windows(2).filter_map(|pair| {
        let name = pair[0].trim().strip_prefix("set(")?.trim();
        let open = pair[1].contains("PLEASE_FILL_OUT") && !name.contains("__TRYRUN_OUTPUT");
        open.then(|| name.to_owned())
    });
    asked.collect()
}

/// Installs into a folder of ours, unless nothing that was built has changed since. Each file comes
/// with its path below that.
fn install(
    job: &Job<'_>,
    tree: &Path,
    built: &[PathBuf],
) -> Result<Vec<(PathBuf, PathBuf)>, StepError> {
    let staging = job.native.build.join("install");
    let record = job.native.build.join("installed");
    let mark = state(tree, built)?;
    if fs_err::read_to_string(&record).ok().as_deref() != Some(&mark) {
        remove(&record)?;
        remove(&staging)?;
        fs_err::create_dir_all(&staging)?;
        let program = job.program("cmake")?;
        let spec = job
            .command(program, &job.native.root)
            .arg("--install")
            .arg(tree)
            // Whatever the project's prefix is: also for what it would install outside of that.
            .env("DESTDIR", &staging);
        job.run(spec, "cmake")?;
        atomic::write::<_, io::Error>(&record, |out| out.write_all(mark.as_bytes()))?;
    }
    Ok(files(&staging)?)
}

/// Names the state of what was built, and of the rules to install it.
fn state(tree: &Path, built: &[PathBuf]) -> Result<String> {
    let mut recipe =
        Recipe::new("installed").with(fileapi::index(tree)?.as_os_str().as_encoded_bytes());
    for path in built {
        let found = fs_err::metadata(path)?;
        let modified = found.modified()?.duration_since(SystemTime::UNIX_EPOCH);
        recipe = recipe
            .with(path.as_os_str().as_encoded_bytes())
            .with(found.len().to_string())
            .with(format!("{modified:?}"));
    }
    Ok(recipe.finish().hex())
}

/// Regular files, with their paths below the folder.
fn files(folder: &Path) -> io::Result<Vec<(PathBuf, PathBuf)>> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(inner) = open.pop() {
        interrupt::check()?;
        for entry in fs_err::read_dir(&inner)? {
            let entry = entry?;
            let (path, kind) = (entry.path(), entry.file_type()?);
            if kind.is_dir() {
                open.push(path);
            } else if kind.is_file() {
                let shown = path.strip_prefix(folder).unwrap_or(&path).to_owned();
                found.push((path, shown));
            }
        }
    }
    Ok(found)
}

/// Removes a file or a folder, if it is there.
fn remove(path: &Path) -> io::Result<()> {
    let result = match fs_err::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs_err::remove_dir_all(path),
        Ok(_) => fs_err::remove_file(path),
        Err(error) => Err(error),
    };
    match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answers_that_cmake_waits_for_are_read_from_its_file() {
        let text = "# HAVE_X_EXITCODE\nset( HAVE_X_EXITCODE \n     \"PLEASE_FILL_OUT-FAILED_TO_RUN\"\n     \
                    CACHE STRING \"Result from try_run\" FORCE)\n\nset( HAVE_X_EXITCODE__TRYRUN_OUTPUT \n     \
                    \"PLEASE_FILL_OUT-NOTFOUND\"\n     CACHE STRING \"Output\" FORCE)\nset( DONE \n \"0\"\n";
        assert_eq!(questions(text), ["HAVE_X_EXITCODE"]);
        assert!(questions("").is_empty());
    }
}
