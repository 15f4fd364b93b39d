//! Rust programs: one `cargo build` for all platforms that can share it.
//!
//! Comes in: steps, Rust, and C compilers where they are needed. Goes out: programs in `out/<arch>`,
//! copied from cargo's own folder, where everything stays for the next run. Cargo's messages
//! (<https://doc.rust-lang.org/cargo/reference/external-tools.html>) say which files it has made.

mod environment;
mod flags;
mod library;
mod messages;

use std::collections::BTreeSet;
use std::io::{Seek, SeekFrom};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use self::environment::Setup;
use self::library::Library;
use self::messages::Program;
use super::{Artifact, Error, Failure, Finished, Options, Workspace};
use crate::elf;
use crate::interrupt;
use crate::plan::cargo::{CargoStep, says};
use crate::plan::{Action, Plan, Step};
use crate::process::{self, CommandSpec, Runner, Stop};
use crate::project::cargo::CargoCommand;
use crate::target::Platform;
use crate::toolchain::Rust;

/// A step with what its compilers are told.
struct Ready<'a> {
    step: &'a Step,
    cargo: &'a CargoStep,
    setup: Setup,
    /// Its standard library, where that is one of ours.
    #[expect(dead_code, reason = "kept for its lock")]
    library: Option<Library>,
}

/// Steps that are one call.
struct Call<'a> {
    steps: Vec<Ready<'a>>,
}

/// Runs the steps of a Rust project.
pub(super) fn run(
    plan: &Plan,
    rust: &Rust,
    workspace: &Workspace,
    options: &Options<'_>,
) -> Result<Vec<Artifact>, Error> {
    let mut calls: Vec<Call<'_>> = Vec::new();
    for step in &plan.steps {
        let Action::Cargo(cargo) = &step.action else {
            continue;
        };
        let library = library::find(cargo, step.platform, rust, workspace, options)?;
        let place = library.as_ref().map(|library| library.place.as_path());
        let setup = environment::set_up(cargo, step.platform, rust, place, options)?;
        let ready = Ready {
            step,
            cargo,
            setup,
            library,
        };
        match calls.iter_mut().find(|call| call.takes(&ready)) {
            Some(call) => call.steps.push(ready),
            None => calls.push(Call { steps: vec![ready] }),
        }
    }
    let mut linked = BTreeSet::new();
    let result = all(&calls, rust, workspace, options, &mut linked);
    if let Some(damage) = super::damaged(options)? {
        messages::forget(&linked)?;
        super::forget(plan, &[])?;
        let failed = match result {
            Err(Error::Failed(failed)) => failed,
            _ => Vec::new(),
        };
        return Err(Error::Damaged { damage, failed });
    }
    result
}

/// Runs the calls; `linked` is told what linkers have written, whatever fails.
fn all(
    calls: &[Call<'_>],
    rust: &Rust,
    workspace: &Workspace,
    options: &Options<'_>,
    linked: &mut BTreeSet<PathBuf>,
) -> Result<Vec<Artifact>, Error> {
    let mut artifacts = Vec::new();
    let mut failures = Vec::new();
    for call in calls {
        match call.run(rust, workspace, options, linked) {
            Ok(own) => artifacts.extend(own),
            Err(Error::Failed(failed)) if !options.fail_fast => join(&mut failures, failed),
            Err(error) => return Err(error),
        }
    }
    if failures.is_empty() {
        artifacts.sort_by_key(|artifact| artifact.platform);
        Ok(artifacts)
    } else {
        Err(Error::Failed(failures))
    }
}

/// Adds failures; platforms with one message are one failure.
fn join(failures: &mut Vec<Failure>, others: Vec<Failure>) {
    for other in others {
        match failures.iter_mut().find(|one| one.message == other.message) {
            Some(one) => one.platforms.extend(other.platforms),
            None => failures.push(other),
        }
    }
}

impl Call<'_> {
    /// Whether a step can be part of it: cargo has one set of flags and one folder a call, and one
    /// entry for a target.
    fn takes(&self, ready: &Ready<'_>) -> bool {
        let same = |own: &Ready<'_>| {
            own.setup.flags == ready.setup.flags
                && own.cargo.directory == ready.cargo.directory
                && own.cargo.target_directory == ready.cargo.target_directory
                && own.cargo.arguments == ready.cargo.arguments
                && own.cargo.env == ready.cargo.env
                && own.cargo.debug == ready.cargo.debug
        };
        let triple = |own: &Ready<'_>| own.cargo.triple == ready.cargo.triple;
        self.steps.first().is_some_and(same) && !self.steps.iter().any(triple)
    }

    fn platforms(&self) -> Vec<Platform> {
        self.steps.iter().map(|ready| ready.step.platform).collect()
    }

    /// The platforms whose programs are not all there; each, where cargo ended for another reason.
    fn unmade(&self, programs: &[Program]) -> Vec<Platform> {
        let open = self.steps.iter().filter(|ready| !ready.is_made(programs));
        let open: Vec<Platform> = open.map(|ready| ready.step.platform).collect();
        match open.is_empty() {
            true => self.platforms(),
            false => open,
        }
    }

    fn run(
        &self,
        rust: &Rust,
        workspace: &Workspace,
        options: &Options<'_>,
        linked: &mut BTreeSet<PathBuf>,
    ) -> Result<Vec<Artifact>, Error> {
        let Some(first) = self.steps.first() else {
            return Ok(Vec::new());
        };
        let start = Instant::now();
        let names: Vec<String> = self.platforms().iter().map(ToString::to_string).collect();
        let meter = options
            .observer
            .begin(&format!("compiling for {}", names.join(", ")), None);
        let mut messages = tempfile::tempfile_in(&workspace.temporary)?;
        let output = Runner.logging(
            &self.command(first, rust, workspace, options),
            &Stop::default(),
            workspace.lock(),
            messages.try_clone()?,
        )?;
        drop(meter);
        messages.seek(SeekFrom::Start(0))?;
        let made = messages::read(messages, output.status.success())?;
        linked.extend(made.linked);
        let whole = output.status.success();
        let mut artifacts = Vec::new();
        for ready in &self.steps {
            // What is done stays done, whatever else failed.
            if !whole && (options.fail_fast || !ready.is_made(&made.programs)) {
                continue;
            }
            let own = ready.publish(&made.programs, workspace, options.loader)?;
            (options.finished)(&Finished {
                platform: ready.step.platform,
                artifacts: own.clone(),
                elapsed: start.elapsed(),
            });
            artifacts.extend(own);
        }
        match whole {
            true => Ok(artifacts),
            false => Err(self.failure(first, &made.programs, &output, workspace)),
        }
    }

    fn command(
        &self,
        first: &Ready<'_>,
        rust: &Rust,
        workspace: &Workspace,
        options: &Options<'_>,
    ) -> CommandSpec {
        let cargo = first.cargo;
        let program = rust.toolchain.program.clone();
        let mut spec =
            CommandSpec::new(program.unwrap_or_else(|| "cargo".into()), &cargo.directory)
                .arg("build")
                .arg("--message-format=json-render-diagnostics");
        // Cargo takes these once, and quiet only where it is not verbose; the user's own hold.
        let said = |name: &str, letter| says(&cargo.arguments, name, letter);
        if !said("quiet", Some('q')) && !said("verbose", Some('v')) {
            spec = spec.arg("--quiet");
        }
        if !said("jobs", Some('j')) {
            spec = spec.arg(format!("--jobs={}", options.jobs));
        }
        if !said("target-dir", None) {
            spec = spec.arg("--target-dir").arg(&cargo.target_directory);
        }
        if options.locked && !said("locked", None) {
            spec = spec.arg("--locked");
        }
        if options.offline && !said("offline", None) {
            spec = spec.arg("--offline");
        }
        for ready in &self.steps {
            spec = spec.arg("--target").arg(&ready.cargo.triple);
        }
        spec = spec.args(&cargo.arguments);
        if spec.variable("SOURCE_DATE_EPOCH").is_none() {
            spec = spec.env("SOURCE_DATE_EPOCH", cargo.epoch.to_string());
        }
        if cargo.debug {
            let profile = cargo.profile.to_uppercase().replace('-', "_");
            spec = spec.env(format!("CARGO_PROFILE_{profile}_DEBUG"), "full");
        }
        for (name, value) in &cargo.env {
            spec = spec.env(name, value);
        }
        spec = environment::programs(spec, options.programs);
        for ready in &self.steps {
            for (name, value) in &ready.setup.variables {
                spec = spec.env(name, value);
            }
        }
        // It wins over every other place that flags come from; they are all in it.
        spec.without_env("RUSTFLAGS")
            .env("CARGO_ENCODED_RUSTFLAGS", first.setup.flags.join("\u{1f}"))
            .env("ZIG_LOCAL_CACHE_DIR", workspace.temporary.join("zig"))
    }

    fn failure(
        &self,
        first: &Ready<'_>,
        programs: &[Program],
        output: &process::Output,
        workspace: &Workspace,
    ) -> Error {
        let failed = vec![Failure {
            platforms: self.unmade(programs),
            status: process::describe(output.status),
            message: String::from_utf8_lossy(&output.stderr)
                .trim_end()
                .to_owned(),
        }];
        let folders = BTreeSet::from([first.cargo.target_directory.clone()]);
        match workspace.full_device(&folders) {
            Some((free, folder)) => Error::Full {
                folder,
                free,
                failed,
            },
            None => Error::Failed(failed),
        }
    }
}

impl Ready<'_> {
    /// Whether every program of the step is there.
    fn is_made(&self, programs: &[Program]) -> bool {
        let mut commands = self.cargo.commands.iter();
        commands.all(|command| self.program(command, programs).is_some())
    }

    /// What cargo has made of a command for the step's target.
    fn program<'p>(&self, command: &CargoCommand, programs: &'p [Program]) -> Option<&'p Program> {
        let of_target = |path: &Path| {
            let mut folders = path.ancestors().filter_map(Path::file_name);
            folders.any(|name| name == self.cargo.triple.as_str())
        };
        programs.iter().find(|program| {
            program.package == command.package_id
                && program.name == command.name
                && of_target(&program.path)
        })
    }

    /// Puts the step's programs into their places, each checked.
    fn publish(
        &self,
        programs: &[Program],
        workspace: &Workspace,
        loader: elf::Loader,
    ) -> Result<Vec<Artifact>, Error> {
        let platform = self.step.platform;
        fs_err::create_dir_all(&self.step.directory)?;
        let mut artifacts = Vec::new();
        for command in &self.cargo.commands {
            let program = self.program(command, programs);
            let program = program.ok_or_else(|| Error::NoProgram {
                name: command.name.clone(),
                platform,
            })?;
            let place = self.step.directory.join(&command.name);
            elf::check_file(&program.path, platform, loader)?;
            put(&program.path, &place, platform, workspace)?;
            artifacts.push(Artifact {
                platform,
                name: command.name.clone(),
                size: fs_err::metadata(&place).map_err(Error::Artifact)?.len(),
                path: place,
                library: false,
            });
        }
        Ok(artifacts)
    }
}

/// Copies a program into its place, whole or not at all; the same bytes are left alone.
fn put(
    from: &Path,
    place: &Path,
    platform: Platform,
    workspace: &Workspace,
) -> std::io::Result<()> {
    if place.is_file() && same(from, place)? {
        return Ok(());
    }
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    let made = workspace
        .temporary
        .join(format!("{}-{name}", platform.directory()));
    fs_err::copy(from, &made)?;
    fs_err::set_permissions(&made, std::fs::Permissions::from_mode(0o755))?;
    fs_err::rename(&made, place)
}

/// Whether two files have the same bytes.
fn same(one: &Path, other: &Path) -> std::io::Result<bool> {
    use std::io::Read;
    let (mut one, mut other) = (fs_err::File::open(one)?, fs_err::File::open(other)?);
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let (mut left, mut right) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        interrupt::check()?;
        let count = one.read(&mut left)?;
        if count == 0 {
            return Ok(true);
        }
        other.read_exact(&mut right[..count])?;
        if left[..count] != right[..count] {
            return Ok(false);
        }
    }
}
