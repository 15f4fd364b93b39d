//! `make`, in a copy of the source tree.
//!
//! Which tools it uses is said on its command line, where a Makefile's own `CC = gcc` does not
//! count; what a Makefile does not set itself comes from the environment. GNU make's manual,
//! "Overriding Variables" and "Variables from the Environment".

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use super::found::Found;
use super::manifest::{Entry, Manifest};
use super::place::Place;
use super::sync::same;
use super::{Job, Result, publish, walk};
use crate::compile::StepError;
use crate::digest::Recipe;
use crate::plan::native::MakeStep;
use crate::process::CommandSpec;
use crate::project::make::Tool;
use crate::toolchain::c::without_paths;
use crate::toolchain::callable;
use crate::wrapper::prefixes;
use crate::{atomic, interrupt};

/// Builds in a copy and says what it left.
pub(super) fn build(job: &Job<'_>, make: &MakeStep) -> Result<Found, StepError> {
    let place = Place::new(job, &make.top, "tree", "copied");
    let spec = command(job, make, &place)?;
    let stamp = job.native.build.join("stamp");
    let mark = mark(job, &spec);
    let mut fresh = fs_err::read(&stamp).ok().as_deref() != Some(mark.as_bytes());
    if job.last.was_killed() {
        // A file that was written in part passes for current with make.
        job.options.observer.note(&format!(
            "the last build for {} was killed: this one begins anew",
            job.step.platform
        ));
        fresh = true;
    }
    loop {
        if fresh {
            // Objects of another compiler or of other flags pass for current with make.
            place.discard()?;
        }
        let synced = place.sync(job)?;
        if synced.rules_changed {
            for file in publish::earlier(&job.native.build) {
                // A program that has no rule any more is no result.
                let _ = fs_err::remove_file(file);
            }
        }
        atomic::write(&stamp, |out| out.write_all(mark.as_bytes()))?;
        job.run(spec.clone(), "make")?;
        let files = products(&place, &job.native.root, &synced.manifest)?;
        let found = Found::new(files, job.step.platform, job.compilers.libc);
        if found.is_empty() && !fresh {
            fresh = true;
            continue;
        }
        return Ok(found);
    }
}

fn command(job: &Job<'_>, make: &MakeStep, place: &Place) -> Result<CommandSpec> {
    let program = job.program("make")?;
    let spec = job.command(program, &place.directory);
    // The copy lies in the tree itself: it comes later, and wins.
    let mut spec = without_paths(spec, &[&place.top, &place.copy]);
    let path = program.program.as_deref().unwrap_or(Path::new("make"));
    let name = callable(path);
    if let Some(folder) = path.parent().filter(|_| Path::new(&name) != path) {
        // `$(MAKE)` is what it was called as.
        let mut folders = folder.as_os_str().to_owned();
        folders.push(":");
        folders.push(spec.variable("PATH").unwrap_or_default());
        spec.program = name.into();
        spec = spec.env("PATH", folders);
    }
    let tool = |tool: Tool| callable(&job.compilers.tool(tool.name()));
    // `LD ?= $(CC)`: what the Makefile means is not to be displaced.
    if make.assigned.contains("LD") && !job.native.env.contains_key("LD") {
        spec = spec.without_env("LD");
    }
    for name in ["CFLAGS", "CXXFLAGS"] {
        let said = spec.variable(name).is_some() || make.assigned.contains(name);
        if !said {
            spec = spec.env(name, job.flags());
        }
    }
    let host = &job.compilers.environment;
    let spec = spec
        .arg("--output-sync=target")
        .args(variables(make, &tool, host).into_iter().map(OsString::from))
        .args(make.args.iter().map(OsString::from))
        .args(make.targets.iter().map(OsString::from));
    Ok(job.with_jobs(spec, program))
}

/// The variables of the command line: tools that the Makefile names itself, with the words around
/// their names; compilers in any case; what the configuration says last.
fn variables(
    make: &MakeStep,
    tool: &dyn Fn(Tool) -> String,
    host: &BTreeMap<String, String>,
) -> Vec<String> {
    let mut all: BTreeMap<&str, String> = BTreeMap::new();
    for (name, own) in [("CC", Tool::Cc), ("CXX", Tool::Cxx)] {
        // `CC = $(CXX)` means that one.
        if !make.references.contains(name) {
            all.insert(name, tool(own));
        }
    }
    for (name, named) in &make.tools {
        let value = format!("{}{}{}", named.before, tool(named.tool), named.behind);
        all.insert(name, value);
    }
    for (name, own) in &make.host {
        let variable = match own {
            Tool::Cxx => "HOSTCXX",
            _ => "HOSTCC",
        };
        if let Some(path) = host.get(variable) {
            all.insert(name, path.clone());
        }
    }
    for (name, value) in &make.variables {
        all.insert(name, value.clone());
    }
    all.iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect()
}

/// Names all that goes into object files besides the sources.
fn mark(job: &Job<'_>, spec: &CommandSpec) -> String {
    let mut recipe = Recipe::new("make").with(job.compilers.digest.hex());
    for argument in spec
        .arguments
        .iter()
        .filter(|word| !word.as_encoded_bytes().starts_with(b"-j"))
    {
        recipe = recipe.with(argument.as_encoded_bytes());
    }
    for name in [
        "CFLAGS",
        "CXXFLAGS",
        "CPPFLAGS",
        "LDFLAGS",
        prefixes::VARIABLE,
    ] {
        let value = spec.variable(name).unwrap_or_default();
        recipe = recipe.with(value.as_encoded_bytes());
    }
    for (name, value) in &job.native.env {
        recipe = recipe.with(name).with(value);
    }
    recipe.finish().hex()
}

/// What the build has made: files that were not copied, and copied ones that it has changed. Each
/// with its path as users name it.
fn products(
    place: &Place,
    root: &Path,
    manifest: &Manifest,
) -> io::Result<Vec<(PathBuf, PathBuf)>> {
    let inside = root.strip_prefix(&place.top).unwrap_or(Path::new(""));
    let mut found = Vec::new();
    let mut open = vec![place.folder.clone()];
    while let Some(folder) = open.pop() {
        interrupt::check()?;
        for entry in fs_err::read_dir(&folder)? {
            let entry = entry?;
            let (path, kind) = (entry.path(), entry.file_type()?);
            if kind.is_dir() {
                open.push(path);
                continue;
            }
            let own = path.strip_prefix(&place.copy).unwrap_or(&path);
            let copied = matches!(manifest.get(own), Some(Entry::File(_)));
            if !kind.is_file() || is_intermediate(own) {
                continue;
            }
            if copied {
                let binary = match manifest.get(own) {
                    Some(Entry::File(stamp)) => walk::may_be_binary(own, stamp.mode),
                    _ => false,
                };
                if !binary || same(&place.top.join(own), &path).unwrap_or(true) {
                    continue;
                }
            }
            let shown = own.strip_prefix(inside).unwrap_or(own).to_owned();
            found.push((path, shown));
        }
    }
    Ok(found)
}

/// Whether a file can't be a result, by its name: most are object files.
fn is_intermediate(path: &Path) -> bool {
    const ENDINGS: [&str; 16] = [
        "o", "lo", "os", "obj", "a", "la", "d", "c", "h", "cc", "cpp", "hpp", "gch", "pch", "i",
        "s",
    ];
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| ENDINGS.contains(&extension))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::make::Named;
    use std::collections::BTreeSet;

    fn step() -> MakeStep {
        MakeStep {
            top: PathBuf::new(),
            targets: Vec::new(),
            variables: BTreeMap::new(),
            args: Vec::new(),
            tools: BTreeMap::new(),
            host: BTreeMap::new(),
            references: BTreeSet::new(),
            assigned: BTreeSet::new(),
        }
    }

    fn given(step: &MakeStep) -> Vec<String> {
        let host = BTreeMap::from([("HOSTCC".to_owned(), "/usr/bin/cc".to_owned())]);
        variables(step, &|tool| format!("T-{}", tool.name()), &host)
    }

    #[test]
    fn compilers_are_always_named_and_other_tools_where_the_makefile_does() {
        assert_eq!(given(&step()), ["CC=T-cc", "CXX=T-c++"]);
        let mut step = step();
        step.tools.insert(
            "AR".to_owned(),
            Named {
                tool: Tool::Ar,
                before: String::new(),
                behind: " rcu".to_owned(),
            },
        );
        step.host.insert("HOST_CC".to_owned(), Tool::Cc);
        step.host.insert("HOST_CXX".to_owned(), Tool::Cxx);
        step.references.insert("CC".to_owned());
        step.variables.insert("CXX".to_owned(), "mine".to_owned());
        assert_eq!(
            given(&step),
            ["AR=T-ar rcu", "CXX=mine", "HOST_CC=/usr/bin/cc"]
        );
    }
}
