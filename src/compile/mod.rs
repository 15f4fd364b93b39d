//! Runs the plan's steps and hands on what they left, each file checked against its platform.
//!
//! Platforms run side by side, as many as there are jobs; each compiler gets its share of them, and
//! build systems that know how share them as they are needed.

mod cargo;
mod crates;
mod error;
mod go;
mod headers;
mod libraries;
pub mod native;
pub mod warm;
pub mod workspace;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rustix::fs::Access;

use crate::plan::go::GoStep;
use crate::plan::{Action, Output, Plan, Step};
use crate::process::{self, Stop};
use crate::progress::Observer;
use crate::project::gocache;
use crate::store::{self, Damage};
use crate::target::Platform;
use crate::toolchain::{Compilers, Rust, Toolchain};
use crate::{atomic, elf, parallel};

pub use error::{Error, Failure};
pub use workspace::Workspace;

/// One file that exists and fits its platform.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// Its platform.
    pub platform: Platform,
    /// The command's name.
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// Whether it is a shared library that commands load.
    pub library: bool,
}

/// A platform that is done.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The platform.
    pub platform: Platform,
    /// Its files.
    pub artifacts: Vec<Artifact>,
    /// How long the compiler ran.
    pub elapsed: Duration,
}

/// How the steps are run.
pub struct Options<'a> {
    /// How many compilers' worth of work runs at once.
    pub jobs: NonZero<usize>,
    /// Whether the first failure ends the others.
    pub fail_fast: bool,
    /// Whether the network is forbidden.
    pub offline: bool,
    /// Whether the locks of projects must not change.
    pub locked: bool,
    /// Rust, where the plan needs it.
    pub rust: Option<&'a Rust>,
    /// What links Rust programs that run during the build, where the machine has nothing.
    pub machine: Option<&'a Compilers>,
    /// Where standard libraries are kept that are built here.
    pub store: &'a store::Lazy,
    /// C and C++ compilers, where the plan needs any.
    pub compilers: &'a BTreeMap<Platform, Compilers>,
    /// `make`, `cmake` and `ninja`, by name, where the plan needs them.
    pub programs: &'a BTreeMap<String, Toolchain>,
    /// Whether the base can load programs that need a loader.
    pub loader: elf::Loader,
    /// Hears of progress.
    pub observer: &'a dyn Observer,
    /// Called as each platform is done, from its thread.
    pub finished: &'a (dyn Fn(&Finished) + Sync),
}

/// Runs every step. `toolchain` is what the plan's steps need; none is needed where the files
/// exist already.
pub fn run(
    plan: &Plan,
    toolchain: Option<&Toolchain>,
    workspace: &Workspace,
    options: &Options<'_>,
) -> Result<Vec<Artifact>, Error> {
    let outputs = by_platform(&plan.outputs);
    let mut artifacts = Vec::new();
    if plan.steps.is_empty() {
        for (&platform, outputs) in &outputs {
            let found = examine(outputs, options.loader)?;
            (options.finished)(&Finished {
                platform,
                artifacts: found.clone(),
                elapsed: Duration::ZERO,
            });
            artifacts.extend(found);
        }
        return Ok(artifacts);
    }
    if let Some(rust) = options.rust {
        return cargo::run(plan, rust, workspace, options);
    }
    let workers = plan.steps.len().min(options.jobs.get());
    let queue = Mutex::new(plan.steps.iter());
    let results = Mutex::new(Vec::new());
    let context = Context {
        toolchain,
        workspace,
        options,
        share: options.jobs.get().div_ceil(workers),
        jobserver: native::Jobserver::new(options.jobs.get(), workers),
        stop: Stop::default(),
    };
    std::thread::scope(|scope| {
        let work = || {
            while let Some(step) = next(&queue, &context.stop) {
                let own = outputs.get(&step.platform).map_or(&[][..], Vec::as_slice);
                let result = context.step(step, own);
                if result.is_err() && options.fail_fast {
                    context.stop.now();
                }
                results
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner)
                    .push((step.platform, result));
            }
            if let Some(jobserver) = &context.jobserver {
                jobserver.release();
            }
        };
        let others = (1..workers).map_while(|_| parallel::start(scope, work).ok());
        // Of threads that there are none, the others do the work.
        let _ = others.count();
        work();
    });
    let results = results
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let collected = collect(results);
    if let Some(damage) = damaged(options)? {
        let (done, failed) = collected.unwrap_or_default();
        forget(plan, &done)?;
        return Err(Error::Damaged { damage, failed });
    }
    let (done, failed) = collected?;
    // What is done stays done, whatever else failed.
    let artifacts = context.settle(done)?;
    match plan.steps.first() {
        Some(step) if !failed.is_empty() => {
            let go = match &step.action {
                Action::Native(_) | Action::Cargo(_) => None,
                Action::Go(go) => Some(context.go(go, step)),
            };
            Err(explain(failed, go.as_ref(), workspace, options.compilers)?)
        }
        _ => Ok(artifacts),
    }
}

/// What a compiler has lost of its own libraries since it was set up; whatever was linked meanwhile
/// may be wrong.
fn damaged(options: &Options<'_>) -> Result<Option<Damage>, Error> {
    let mut seen = BTreeSet::new();
    for one in options.compilers.values().chain(options.machine) {
        if seen.insert(&one.cache().path) {
            let damage = one.cache().damage()?;
            if let Some(first) = damage.into_iter().next() {
                return Ok(Some(first));
            }
        }
    }
    Ok(None)
}

/// Removes what builds have left, and what the next ones would go on from.
fn forget(plan: &Plan, done: &[Done]) -> std::io::Result<()> {
    let trees = plan.steps.iter().filter_map(|step| match &step.action {
        Action::Native(native) => Some(native.build.as_path()),
        Action::Go(_) | Action::Cargo(_) => None,
    });
    let own = done.iter().flat_map(|one| match one {
        Done::Artifacts(artifacts) => &artifacts[..],
        Done::Built(built) => built.published(),
    });
    // Go would find its programs up to date; cargo's own folder is cleared where its messages are known.
    let planned = plan.outputs.iter().map(|output| output.path.as_path());
    let results = own.map(|artifact| artifact.path.as_path()).chain(planned);
    trees.chain(results).try_for_each(atomic::remove)
}

/// What failed compilers have in common besides the code: a cache that can't be written, a full
/// disk. Seen in the machine, not in the compiler's words.
fn explain(
    failed: Vec<Failure>,
    go: Option<&process::CommandSpec>,
    workspace: &Workspace,
    compilers: &BTreeMap<Platform, Compilers>,
) -> Result<Error, Error> {
    let own = compilers.values().map(|one| one.cache().path.clone());
    let mut caches: BTreeSet<PathBuf> = own.collect();
    let refused = caches.iter().find_map(|folder| {
        let error = rustix::fs::access(folder, Access::WRITE_OK).err()?;
        Some((folder.clone(), error.into()))
    });
    let mut usable = Ok(());
    if let Some(command) = go {
        let cache = gocache::folder(command)?;
        usable = gocache::check(cache.as_deref());
        caches.extend(cache);
    }
    let full = workspace.full_device(&caches);
    Ok(match (usable, full) {
        (_, Some((free, folder))) => Error::Full {
            folder,
            free,
            failed,
        },
        (Err(cache), None) => Error::Cache { cache, failed },
        (Ok(()), None) => match refused {
            Some((folder, source)) => Error::Caches {
                folder,
                source,
                failed,
            },
            None => Error::Failed(failed),
        },
    })
}

struct Context<'a> {
    toolchain: Option<&'a Toolchain>,
    workspace: &'a Workspace,
    options: &'a Options<'a>,
    share: usize,
    jobserver: Option<native::Jobserver>,
    stop: Stop,
}

/// What a step has come to.
enum Done {
    /// Its files lie where they belong.
    Artifacts(Vec<Artifact>),
    /// It has left files, and which of them count is seen when all steps have ended.
    Built(Box<native::Built>),
}

enum StepError {
    Refused { status: String, message: String },
    Other(Error),
}

impl<E: Into<Error>> From<E> for StepError {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

impl Context<'_> {
    fn step(&self, step: &Step, outputs: &[&Output]) -> Result<Done, StepError> {
        let start = Instant::now();
        let meter = self
            .options
            .observer
            .begin(&format!("compiling for {}", step.platform), None);
        fs_err::create_dir_all(&step.directory)?;
        let go = match &step.action {
            Action::Go(go) => go,
            // They are run together.
            Action::Cargo(_) => return Ok(Done::Artifacts(Vec::new())),
            Action::Native(native) => {
                let built = native::build(step, native, self)?;
                return Ok(Done::Built(Box::new(built)));
            }
        };
        let spec = self.go(go, step);
        let output = process::Runner.holding(&spec, &self.stop, self.workspace.lock())?;
        drop(meter);
        if !output.status.success() {
            return Err(StepError::Refused {
                status: process::describe(output.status),
                message: String::from_utf8_lossy(&output.stderr)
                    .trim_end()
                    .to_owned(),
            });
        }
        let own: Vec<&Output> = outputs
            .iter()
            .filter(|output| go.names.contains(&output.name))
            .copied()
            .collect();
        let artifacts = examine(&own, self.options.loader)?;
        self.finished(step.platform, &artifacts, start.elapsed());
        Ok(Done::Artifacts(artifacts))
    }

    fn finished(&self, platform: Platform, artifacts: &[Artifact], elapsed: Duration) {
        (self.options.finished)(&Finished {
            platform,
            artifacts: artifacts.to_vec(),
            elapsed,
        });
    }

    fn go(&self, go: &GoStep, step: &Step) -> process::CommandSpec {
        let (workspace, options) = (self.workspace, self.options);
        go::command(go, step, self.toolchain, workspace, options, self.share)
    }

    /// Puts what builds have left in its place, now that all is known of it.
    fn settle(&self, done: Vec<Done>) -> Result<Vec<Artifact>, Error> {
        let mut artifacts = Vec::new();
        let mut built = Vec::new();
        for one in done {
            match one {
                Done::Artifacts(own) => artifacts.extend(own),
                Done::Built(own) => built.push(*own),
            }
        }
        artifacts.extend(native::settle(built, self)?);
        Ok(artifacts)
    }
}

fn next<'a>(queue: &Mutex<std::slice::Iter<'a, Step>>, stop: &Stop) -> Option<&'a Step> {
    if stop.stopped() {
        return None;
    }
    queue
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .next()
}

fn by_platform(outputs: &[Output]) -> BTreeMap<Platform, Vec<&Output>> {
    let mut sorted: BTreeMap<Platform, Vec<&Output>> = BTreeMap::new();
    for output in outputs {
        sorted.entry(output.platform).or_default().push(output);
    }
    sorted
}

/// Looks at each file before anything is made of it.
fn examine(outputs: &[&Output], loader: elf::Loader) -> Result<Vec<Artifact>, Error> {
    let artifact = |output: &&Output| {
        let metadata = fs_err::metadata(&output.path).map_err(Error::Artifact)?;
        elf::check_file(&output.path, output.platform, loader)?;
        Ok(Artifact {
            platform: output.platform,
            name: output.name.clone(),
            path: output.path.clone(),
            size: metadata.len(),
            library: false,
        })
    };
    outputs.iter().map(artifact).collect()
}

fn collect(
    mut results: Vec<(Platform, Result<Done, StepError>)>,
) -> Result<(Vec<Done>, Vec<Failure>), Error> {
    results.sort_by_key(|(platform, _)| *platform);
    let mut done = Vec::new();
    let mut failures: Vec<Failure> = Vec::new();
    let mut other = None;
    for (platform, result) in results {
        match result {
            Ok(one) => done.push(one),
            Err(StepError::Other(Error::Process(process::Error::Stopped))) => {}
            Err(StepError::Other(error)) => other = other.or(Some(error)),
            Err(StepError::Refused { status, message }) => {
                match failures
                    .iter_mut()
                    .find(|failure| failure.message == message)
                {
                    Some(failure) => failure.platforms.push(platform),
                    None => failures.push(Failure {
                        platforms: vec![platform],
                        status,
                        message,
                    }),
                }
            }
        }
    }
    if let Some(error) = other {
        return Err(error);
    }
    Ok((done, failures))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Exit, Fault};
    use crate::progress::Silent;
    use std::path::Path;

    #[test]
    fn platforms_with_one_message_are_one_failure() {
        let refused = |message: &str| {
            Err(StepError::Refused {
                status: "exit status 1".to_owned(),
                message: message.to_owned(),
            })
        };
        let platform = |name: &str| name.parse::<Platform>().expect("platform");
        let results = vec![
            (platform("riscv64"), refused("undefined: x")),
            (platform("amd64"), refused("undefined: y")),
            (platform("arm64"), refused("undefined: x")),
        ];
        let (_, failed) = collect(results).expect("no other error");
        let error = Error::Failed(failed);
        assert_eq!(error.exit(), Exit::Compile);
        assert_eq!(
            error.to_string(),
            "compiling for linux/amd64 failed (exit status 1)\nundefined: y\n\
             compiling for linux/arm64, linux/riscv64 failed (exit status 1)\nundefined: x"
        );
    }

    #[test]
    fn a_cache_that_can_not_be_written_is_told_from_an_error_in_the_code() {
        let folder = tempfile::tempdir().expect("tempdir");
        let workspace = Workspace::open(folder.path(), &Silent).expect("opens");
        let explained = |cache: &Path| {
            let go = process::CommandSpec::new("sh", folder.path());
            // Stands for a `go` that is asked for its cache.
            let script = folder.path().join("env");
            fs_err::write(&script, "echo $CACHE").expect("writes");
            let failed = vec![Failure {
                platforms: Vec::new(),
                status: "exit status 1".to_owned(),
                message: "whatever it says".to_owned(),
            }];
            let go = go.env("CACHE", cache);
            explain(failed, Some(&go), &workspace, &BTreeMap::new()).expect("sh is there")
        };
        let file = folder.path().join("file");
        fs_err::write(&file, "").expect("writes");
        assert_eq!(explained(folder.path()).exit(), Exit::Compile);
        let error = explained(&file.join("cache"));
        assert_eq!(error.exit(), Exit::Io);
        assert!(error.to_string().contains("whatever it says"), "{error}");
        assert!(error.hint().expect("hint").contains("GOCACHE"));
        let error = explained(Path::new("off"));
        assert!(error.to_string().starts_with("go has no folder"), "{error}");
    }
}
