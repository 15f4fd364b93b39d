//! Runs the plan's steps and hands on what they left, each file checked against its platform.
//!
//! Platforms run side by side, as many as there are jobs; each compiler gets its share of them.

mod go;
pub mod warm;
pub mod workspace;

use std::collections::BTreeMap;
use std::io;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::elf;
use crate::fault::{Exit, Fault, refused};
use crate::plan::{Action, Output, Plan, Step};
use crate::process::{self, Stop};
use crate::progress::Observer;
use crate::project::gocache;
use crate::target::Platform;
use crate::toolchain::{Compilers, Toolchain};

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
    /// C and C++ compilers, where the plan needs any.
    pub compilers: &'a BTreeMap<Platform, Compilers>,
    /// Whether the base can load programs that need a loader.
    pub loader: elf::Loader,
    /// Hears of progress.
    pub observer: &'a dyn Observer,
    /// Called as each platform is done, from its thread.
    pub finished: &'a (dyn Fn(&Finished) + Sync),
}

/// Why there are no artifacts.
#[derive(Debug, Error)]
pub enum Error {
    /// The compiler refused; what it said was untouched.
    #[error("{}", failures(.0))]
    Failed(Vec<Failure>),
    /// A file does not fit its platform, or is missing.
    #[error(transparent)]
    Elf(#[from] elf::check::Error),
    /// The compiler could not be started.
    #[error(transparent)]
    Process(#[from] process::Error),
    /// The `out` folder could not be prepared.
    #[error("can't prepare the folder for results")]
    Io(#[from] io::Error),
    /// A file vanished or can't be read.
    #[error(transparent)]
    Artifact(io::Error),
    /// The project's folder can't be written, so there can be no `out` in it.
    #[error("can't write results into `{}`: {}", folder.display(), source.kind())]
    ReadOnly {
        /// The project's folder.
        folder: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The compiler can't keep what it compiles.
    #[error("{cache}\n{}", failures(failed))]
    Cache {
        /// What is wrong with its cache.
        cache: gocache::Unusable,
        /// What the compiler said.
        failed: Vec<Failure>,
    },
    /// A compiler failed, and where it writes there is next to no space.
    #[error(
        "no space left: {} kB free on the device that holds `{}`\n{}",
        free / 1000, folder.display(), failures(failed)
    )]
    Full {
        /// The folder.
        folder: PathBuf,
        /// How many bytes are free there.
        free: u64,
        /// What the compiler said.
        failed: Vec<Failure>,
    },
}

/// What the compiler said for some platforms.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The platforms, which all got this message.
    pub platforms: Vec<Platform>,
    /// How the compiler ended.
    pub status: String,
    /// What it wrote, untouched.
    pub message: String,
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::Failed(_) => Exit::Compile,
            Self::Elf(error) => error.exit(),
            Self::Process(error) => error.exit(),
            Self::Cache { cache, .. } => cache.exit(),
            Self::Io(_) | Self::Artifact(_) | Self::ReadOnly { .. } | Self::Full { .. } => Exit::Io,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Elf(error) => error.hint(),
            Self::Cache { cache, .. } => cache.hint(),
            Self::ReadOnly { folder, .. } => Some(format!(
                "build a copy: `cp -r '{}' /tmp/project && polyarch build /tmp/project`",
                folder.display()
            )),
            Self::Full { .. } => {
                Some("free some space, for instance with `polyarch toolchain prune`".to_owned())
            }
            Self::Io(error) | Self::Artifact(error) => refused(error),
            Self::Failed(_) | Self::Process(_) => None,
        }
    }
}

impl Error {
    /// Sorts what the system said about the `out` folder of a project.
    pub fn opening(folder: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly {
                folder: folder.to_owned(),
                source,
            },
            _ => Self::Io(source),
        }
    }
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
    let workers = plan.steps.len().min(options.jobs.get());
    let share = options.jobs.get().div_ceil(workers);
    let queue = Mutex::new(plan.steps.iter());
    let results = Mutex::new(Vec::new());
    let stop = Stop::default();
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(step) = next(&queue, &stop) {
                    let own = outputs.get(&step.platform).map_or(&[][..], Vec::as_slice);
                    let context = Context {
                        toolchain,
                        workspace,
                        options,
                        share,
                        stop: &stop,
                    };
                    let result = context.step(step, own);
                    if result.is_err() && options.fail_fast {
                        stop.now();
                    }
                    results
                        .lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner)
                        .push((step.platform, result));
                }
            });
        }
    });
    let results = results
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let (artifacts, failed) = collect(results)?;
    match plan.steps.first() {
        Some(step) if !failed.is_empty() => {
            let spec = command(step, toolchain, workspace, options, share);
            Err(explain(failed, &spec, workspace)?)
        }
        _ => Ok(artifacts),
    }
}

/// What failed compilers have in common besides the code: a cache that can't be written, a full
/// disk. Seen in the machine, not in the compiler's words.
fn explain(
    failed: Vec<Failure>,
    command: &process::CommandSpec,
    workspace: &Workspace,
) -> Result<Error, Error> {
    let cache = gocache::folder(command)?;
    let full = workspace.full_device(cache.as_deref());
    Ok(match (gocache::check(cache.as_deref()), full) {
        (_, Some((free, folder))) => Error::Full {
            folder,
            free,
            failed,
        },
        (Err(cache), None) => Error::Cache { cache, failed },
        (Ok(()), None) => Error::Failed(failed),
    })
}

fn command(
    step: &Step,
    toolchain: Option<&Toolchain>,
    workspace: &Workspace,
    options: &Options<'_>,
    share: usize,
) -> process::CommandSpec {
    match &step.action {
        Action::Go(go) => go::command(go, step, toolchain, workspace, options, share),
    }
}

struct Context<'a> {
    toolchain: Option<&'a Toolchain>,
    workspace: &'a Workspace,
    options: &'a Options<'a>,
    share: usize,
    stop: &'a Stop,
}

enum StepError {
    Refused { status: String, message: String },
    Other(Error),
}

impl From<Error> for StepError {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl Context<'_> {
    fn step(&self, step: &Step, outputs: &[&Output]) -> Result<Vec<Artifact>, StepError> {
        let start = Instant::now();
        let meter = self
            .options
            .observer
            .begin(&format!("compiling for {}", step.platform), None);
        fs_err::create_dir_all(&step.directory).map_err(Error::Io)?;
        let spec = command(
            step,
            self.toolchain,
            self.workspace,
            self.options,
            self.share,
        );
        let output = process::Runner
            .holding(&spec, self.stop, self.workspace.lock())
            .map_err(Error::Process)?;
        drop(meter);
        if !output.status.success() {
            return Err(StepError::Refused {
                status: process::describe(output.status),
                message: String::from_utf8_lossy(&output.stderr)
                    .trim_end()
                    .to_owned(),
            });
        }
        let Action::Go(go) = &step.action;
        let own: Vec<&Output> = outputs
            .iter()
            .filter(|output| go.names.contains(&output.name))
            .copied()
            .collect();
        let artifacts = examine(&own, self.options.loader)?;
        (self.options.finished)(&Finished {
            platform: step.platform,
            artifacts: artifacts.clone(),
            elapsed: start.elapsed(),
        });
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
        })
    };
    outputs.iter().map(artifact).collect()
}

fn collect(
    mut results: Vec<(Platform, Result<Vec<Artifact>, StepError>)>,
) -> Result<(Vec<Artifact>, Vec<Failure>), Error> {
    results.sort_by_key(|(platform, _)| *platform);
    let mut artifacts = Vec::new();
    let mut failures: Vec<Failure> = Vec::new();
    let mut other = None;
    for (platform, result) in results {
        match result {
            Ok(found) => artifacts.extend(found),
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
    Ok((artifacts, failures))
}

fn failures(failures: &[Failure]) -> String {
    let parts: Vec<String> = failures
        .iter()
        .map(|failure| {
            let platforms: Vec<String> =
                failure.platforms.iter().map(ToString::to_string).collect();
            format!(
                "compiling for {} failed ({})\n{}",
                platforms.join(", "),
                failure.status,
                failure.message
            )
        })
        .collect();
    parts.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Silent;

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
            explain(failed, &go.env("CACHE", cache), &workspace).expect("sh is there")
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
