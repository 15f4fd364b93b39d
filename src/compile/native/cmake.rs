//! CMake: configure, build with ninja, install into a folder of ours, and see what came of it.
//!
//! CMake builds outside of the sources, so they are not copied, unless the project has it leave
//! results among them: CMake says so when it has configured, and then the project is built in a copy,
//! from then on. What the project installs is its result; what it only builds (tests, examples) counts
//! where it installs no program. `try_run` does not run: the toolchain file says that this is a
//! cross-compilation.

mod configure;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::fileapi::{self, Product};
use super::found::Found;
use super::manifest::{self, Entry};
use super::place::Place;
use super::{Error, Job, Result, walk};
use crate::compile::StepError;
use crate::digest::Recipe;
use crate::plan::native::CmakeStep;
use crate::{atomic, interrupt};

/// A build tree and the sources that it is for.
struct Build<'a> {
    job: &'a Job<'a>,
    cmake: &'a CmakeStep,
    /// The project's folder, or its copy.
    source: PathBuf,
    /// The top of the tree that it is part of.
    top: PathBuf,
    /// Where results may lie.
    own: PathBuf,
    tree: PathBuf,
}

/// Where CMake is told to build.
pub(super) fn tree(job: &Job<'_>) -> PathBuf {
    job.native.build.join("tree")
}

/// Configures where needed, builds, installs, and says what there is.
pub(super) fn build(job: &Job<'_>, cmake: &CmakeStep) -> Result<Found, StepError> {
    let place = Place::new(job, &cmake.top, "sources", "copied-sources");
    // Where there is a copy, there was a reason to make it.
    if !place.folder.is_dir() {
        if let Some(found) = beside_sources(job, cmake)? {
            return Ok(found);
        }
        job.options.observer.note(&format!(
            "the project has CMake write into its sources: for {} it is built in a copy",
            job.step.platform
        ));
    }
    place.sync(job)?;
    let build = Build::within(job, cmake, &place);
    build.configure(|outside| apart(job, outside).map(|()| true))?;
    build.ninja()?;
    let products = fileapi::products(&build.tree)?;
    apart(job, &build.outside(&products))?;
    build.found(&products)
}

/// Builds from the sources themselves; `None` where results would lie among them.
fn beside_sources(job: &Job<'_>, cmake: &CmakeStep) -> Result<Option<Found>, StepError> {
    let root = &job.native.root;
    let build = Build::beside(job, cmake);
    build.heed_replaced()?;
    let before = written(root);
    if !build.configure(|outside| Ok(outside.is_empty()))? {
        return Ok(None);
    }
    build.ninja()?;
    if written(root) != before {
        job.options.observer.warn(&format!(
            "the build for {} has written into {}: builds of several platforms may disturb each other",
            job.step.platform,
            root.display()
        ));
    }
    let products = fileapi::products(&build.tree)?;
    // ninja has configured anew where a `CMakeLists.txt` had changed.
    match build.outside(&products).is_empty() {
        true => build.found(&products).map(Some),
        false => Ok(None),
    }
}

/// Refuses results outside of what is ours where several platforms are built: each would replace
/// the other's.
fn apart(job: &Job<'_>, outside: &[PathBuf]) -> Result<()> {
    if outside.is_empty() || job.options.compilers.len() < 2 {
        return Ok(());
    }
    Err(Error::FixedPlace {
        platform: job.step.platform,
        files: outside.to_vec(),
    })
}

/// When the project's own folder was last written.
fn written(root: &Path) -> Option<SystemTime> {
    fs_err::metadata(root)
        .and_then(|found| found.modified())
        .ok()
}

impl Build<'_> {
    /// Begins anew where a source was replaced by one from before the last build, as by `mv` or `cp -p`:
    /// by its time nothing has changed, and ninja and CMake go by that.
    fn heed_replaced(&self) -> io::Result<()> {
        let native = self.job.native;
        let record = native.build.join("seen");
        let before = manifest::read(&record);
        let out = native.root.join("out");
        let now = walk::tree(&native.root, &out, &before, self.job.context.share)?;
        if now == before {
            return Ok(());
        }
        let began = self.job.last.began;
        let replaced = |(path, entry): (&PathBuf, &Entry)| match (before.get(path), entry) {
            (Some(Entry::File(old)), Entry::File(new)) => {
                (old.size, old.modified) != (new.size, new.modified)
                    && began.is_none_or(|began| new.modified <= began)
            }
            _ => false,
        };
        if now.iter().any(replaced) {
            atomic::remove(&native.build.join("stamp"))?;
        }
        manifest::write(&record, &now)
    }

    fn ninja(&self) -> Result<(), StepError> {
        let job = self.job;
        let ninja = job.program("ninja")?;
        let spec = self
            .command(ninja)
            .arg("-C")
            .arg(&self.tree)
            .args(self.cmake.targets.iter().map(OsString::from));
        job.run(job.with_jobs(spec, ninja), "ninja")
    }

    /// What the build has left.
    fn found(&self, products: &[Product]) -> Result<Found, StepError> {
        let job = self.job;
        let linked = products.iter().filter(|product| product.linked);
        let built = linked.map(|product| product.path.clone());
        let built: Vec<PathBuf> = built.filter(|path| path.is_file()).collect();
        let mut files = Vec::new();
        // What only some targets were built for can't be installed.
        if self.cmake.targets.is_empty() {
            files = self.install(&built)?;
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
            let inside = path.strip_prefix(&self.tree);
            let inside = inside.or_else(|_| path.strip_prefix(&self.source));
            let shown = inside.unwrap_or(&path).to_owned();
            (path, shown)
        }));
        Ok(Found::new(files, platform, libc))
    }

    /// Installs into a folder of ours, unless nothing that was built has changed since. Each file
    /// comes with its path below that.
    fn install(&self, built: &[PathBuf]) -> Result<Vec<(PathBuf, PathBuf)>, StepError> {
        let (job, tree) = (self.job, &self.tree);
        let staging = job.native.build.join("install");
        let record = job.native.build.join("installed");
        let mark = state(tree, built)?;
        if fs_err::read_to_string(&record).ok().as_deref() != Some(&mark) {
            atomic::remove(&record)?;
            atomic::remove(&staging)?;
            fs_err::create_dir_all(&staging)?;
            let program = job.program("cmake")?;
            let spec = job
                .command(program, &self.source)
                .arg("--install")
                .arg(tree)
                // Whatever the project's prefix is: also for what it would install outside of that.
                .env("DESTDIR", &staging);
            job.run(spec, "cmake")?;
            atomic::write::<_, io::Error>(&record, |out| out.write_all(mark.as_bytes()))?;
        }
        Ok(files(&staging)?)
    }
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
