//! CMake's first half: it configures a build tree, where that has not been done with the same
//! compilers and arguments.
//!
//! Comes in: the sources, the compilers, what the configuration says. Goes out: a build tree for
//! ninja. A stamp beside it says what it was configured with (cmake(1), "Generate a Project
//! Buildsystem").

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::super::fileapi::{self, Product};
use super::super::place::Place;
use super::super::{Error, Job, Result};
use super::Build;
use crate::atomic;
use crate::compile::{Failure, StepError};
use crate::digest::Recipe;
use crate::plan::native::CmakeStep;
use crate::process::CommandSpec;
use crate::target::Libc;
use crate::toolchain::Toolchain;
use crate::toolchain::c::without_paths;
use crate::wrapper::prefixes;

/// What CMake writes where a project wants to run a program of the target.
const TRY_RUN: &str = "TryRunResults.cmake";

/// Where a program finds libraries that are installed with it, or laid beside it.
const RUNPATH: &str = "$ORIGIN;$ORIGIN/../lib";

impl<'a> Build<'a> {
    /// From the sources themselves.
    pub(super) fn beside(job: &'a Job<'a>, cmake: &'a CmakeStep) -> Self {
        let tree = super::tree(job);
        Self {
            job,
            cmake,
            source: job.native.root.clone(),
            top: cmake.top.clone(),
            own: tree.clone(),
            tree,
        }
    }

    /// From a copy, in which there may be results.
    pub(super) fn within(job: &'a Job<'a>, cmake: &'a CmakeStep, place: &Place) -> Self {
        Self {
            source: place.directory.clone(),
            top: place.copy.clone(),
            own: job.native.build.clone(),
            ..Self::beside(job, cmake)
        }
    }

    /// A command that compiles.
    pub(super) fn command(&self, program: &Toolchain) -> CommandSpec {
        let spec = self.job.command(program, &self.source);
        without_paths(spec, &[&self.cmake.top, &self.top])
    }

    /// Where results will lie that are not for the build tree.
    pub(super) fn outside(&self, products: &[Product]) -> Vec<PathBuf> {
        let paths = products.iter().map(|product| &product.path);
        paths
            .filter(|path| !path.starts_with(&self.own))
            .cloned()
            .collect()
    }

    /// Configures, unless that was done with the same compilers and arguments. Other compilers begin
    /// with an empty tree, as CMake asks; other arguments keep what has been compiled. `check` hears
    /// of results outside of what is ours before anything is compiled, and says whether to go on.
    pub(super) fn configure(
        &self,
        check: impl FnOnce(&[PathBuf]) -> Result<bool>,
    ) -> Result<bool, StepError> {
        let (job, tree) = (self.job, &self.tree);
        let program = job.program("cmake")?;
        let spec = self.configure_command(program)?;
        let stamp = job.native.build.join("stamp");
        let (tools, arguments) = self.marks(program, &spec);
        let known = fs_err::read_to_string(&stamp).unwrap_or_default();
        let (known_tools, known_arguments) = known.split_once('\n').unwrap_or_default();
        let configured = tree.join("build.ninja").is_file() && fileapi::index(tree).is_ok();
        if (known_tools, known_arguments) == (&tools, &arguments) && configured {
            return Ok(true);
        }
        let old = match known_tools == tools {
            true => atomic::remove(&tree.join("CMakeCache.txt")),
            false => atomic::remove(tree),
        };
        old?;
        atomic::remove(&stamp)?;
        let asked = fileapi::ask(tree)?;
        atomic::remove(&tree.join(TRY_RUN))?;
        job.run(spec, "cmake")
            .map_err(|error| unanswered(job, tree, error))?;
        let outside = self.outside(&fileapi::products(tree)?);
        remove_made(asked, &outside);
        let fine = check(&outside)?;
        if fine {
            let text = format!("{tools}\n{arguments}");
            atomic::write::<_, io::Error>(&stamp, |out| out.write_all(text.as_bytes()))?;
        }
        Ok(fine)
    }

    fn configure_command(&self, program: &Toolchain) -> Result<CommandSpec> {
        let (job, cmake) = (self.job, self.cmake);
        let ninja = job.program("ninja")?;
        let define = |name: &str, value: &Path| {
            let mut argument = OsString::from(format!("-D{name}="));
            argument.push(value);
            argument
        };
        let path = ninja.program.clone().unwrap_or_else(|| "ninja".into());
        let mut spec = self.command(program);
        if let Some(preset) = &cmake.preset {
            spec = spec.arg("--preset").arg(preset);
        }
        spec = spec
            .arg("-S")
            .arg(&self.source)
            .arg("-B")
            .arg(&self.tree)
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
        // CMake 4 refuses projects that ask for less than 3.5 and say no newest version; nearly all
        // of them are fine with it.
        let dropped: Option<crate::toolchain::Version> = "4.0".parse().ok();
        if dropped.is_some_and(|dropped| program.version >= dropped) {
            spec = spec.arg("-DCMAKE_POLICY_VERSION_MINIMUM=3.5");
        }
        Ok(spec.args(cmake.args.iter().map(OsString::from)))
    }

    /// What names the tools of a build tree and its sources, and what its arguments.
    fn marks(&self, program: &Toolchain, spec: &CommandSpec) -> (String, String) {
        let job = self.job;
        let tools = Recipe::new("cmake")
            .with(job.compilers.digest.hex())
            .with(program.version.to_string())
            .with(self.source.as_os_str().as_encoded_bytes());
        let mut arguments = Recipe::new("arguments");
        for argument in &spec.arguments {
            arguments = arguments.with(argument.as_encoded_bytes());
        }
        for name in ["CFLAGS", "CXXFLAGS", "LDFLAGS", prefixes::VARIABLE] {
            let value = spec.variable(name).unwrap_or_default();
            arguments = arguments.with(value.as_encoded_bytes());
        }
        for (name, value) in &job.native.env {
            arguments = arguments.with(name).with(value);
        }
        (tools.finish().hex(), arguments.finish().hex())
    }
}

/// Removes the folders for results that CMake has made since, which are empty yet.
fn remove_made(since: SystemTime, outside: &[PathBuf]) {
    for path in outside {
        for folder in path.ancestors().skip(1) {
            let created = fs_err::metadata(folder).and_then(|found| found.created());
            let made = created.is_ok_and(|created| created >= since);
            if !made || fs_err::remove_dir(folder).is_err() {
                break;
            }
        }
    }
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
