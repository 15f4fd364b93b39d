//! Sources without a build system: each is compiled, those with a `main` become programs, the others
//! go into all of them.
//!
//! What is compiled again is decided by the command and by the files that the compiler read last
//! time; both are kept beside the objects.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::depfile;
use super::found::Found;
use super::{Error, Job, Result};
use crate::compile::StepError;
use crate::digest::{Digest, Recipe};
use crate::plan::native::{PlainStep, has_cpp};
use crate::process::CommandSpec;
use crate::project::plain::{Language, language};
use crate::toolchain::c::without_paths;
use crate::wrapper::prefixes;
use crate::{atomic, elf, interrupt, parallel};

/// What C before 1999 allowed and GCC up to 13 let pass with a warning (GCC 14's porting guide, "C
/// language issues"). Sources that come without flags may be as old as that.
const OLD_C: [&str; 4] = [
    "-Wno-error=implicit-function-declaration",
    "-Wno-error=implicit-int",
    "-Wno-error=int-conversion",
    "-Wno-error=incompatible-function-pointer-types",
];

/// What a file was made from.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Made {
    /// The digest of the command.
    command: String,
    /// The files that were read, each with its state.
    read: Vec<(Vec<u8>, State)>,
}

/// What tells that a file has changed: its size, and when it was last written and changed.
type State = (u64, i64, i64, i64, i64);

/// An object file and its source.
struct Object {
    source: PathBuf,
    path: PathBuf,
    has_main: bool,
}

/// Compiles and links.
pub(super) fn build(job: &Job<'_>, plain: &PlainStep) -> Result<Found, StepError> {
    let folder = job.native.build.join("objects");
    let one = |source: &PathBuf| compile(job, plain, &folder, source);
    let ended = || job.context.stop.stopped() || interrupt::signal().is_some();
    let compiled = match &job.context.jobserver {
        Some(jobserver) => jobserver.all(&plain.files, ended, one),
        None => parallel::all(&plain.files, job.context.share, one),
    };
    let objects = all_or_refused(compiled)?;
    let names = programs(&objects, plain)?;
    let bins = job.native.build.join("programs");
    fs_err::create_dir_all(&bins)?;
    let wanted =
        |name: &str| job.native.bins.is_empty() || job.native.bins.iter().any(|bin| bin == name);
    let mut files = Vec::new();
    for (name, main) in &names {
        if !wanted(name) && names.keys().any(|name| wanted(name)) {
            continue;
        }
        let program = bins.join(name);
        link(job, plain, &objects, main, &program)?;
        files.push((program, PathBuf::from(name)));
    }
    Ok(Found::new(files, job.step.platform, job.compilers.libc))
}

/// All results, or what all the compilers said that failed.
fn all_or_refused(results: Vec<Result<Object, StepError>>) -> Result<Vec<Object>, StepError> {
    let mut objects = Vec::new();
    let mut refused: Option<(String, Vec<String>)> = None;
    for result in results {
        match result {
            Ok(object) => objects.push(object),
            Err(StepError::Refused { status, message }) => {
                let (_, messages) = refused.get_or_insert((status, Vec::new()));
                messages.push(message);
            }
            Err(error) => return Err(error),
        }
    }
    match refused {
        None => Ok(objects),
        Some((status, messages)) => Err(StepError::Refused {
            status,
            message: messages.join("\n"),
        }),
    }
}

fn compile(
    job: &Job<'_>,
    plain: &PlainStep,
    folder: &Path,
    source: &Path,
) -> Result<Object, StepError> {
    interrupt::check()?;
    let path = beside(&folder.join(source), ".o");
    let dependencies = beside(&folder.join(source), ".d");
    let record = beside(&folder.join(source), ".json");
    let spec = compile_command(job, plain, source)
        .arg("-MD")
        .arg("-MF")
        .arg(&dependencies)
        .arg("-c")
        .arg(operand(source))
        .arg("-o")
        .arg(&path);
    let command = digest(job, &spec);
    if !is_current(&record, &command, &path, &job.native.root) {
        if let Some(parent) = path.parent() {
            fs_err::create_dir_all(parent)?;
        }
        // One that fails is not to leave an old object that passes for its own.
        let _ = fs_err::remove_file(&record);
        let start = SystemTime::now();
        job.run(spec, "cc")?;
        let files = depfile::read(&fs_err::read(&dependencies)?);
        remember(&record, command, &files, &job.native.root, start)?;
    }
    let has_main = elf::symbols::defines(&path, "main").map_err(Error::Object)?;
    Ok(Object {
        source: source.to_owned(),
        path,
        has_main,
    })
}

/// A file's name as a compiler takes it for one: not for an option or a list of arguments.
fn operand(source: &Path) -> PathBuf {
    match source.as_os_str().as_bytes().first() {
        Some(b'-' | b'@') => Path::new(".").join(source),
        _ => source.to_owned(),
    }
}

/// A path with something behind its name, which is cut where it would be too long for that: what
/// compilers write beside a file for a moment has a longer name, too.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    const LONGEST: usize = 200;
    let name = path.file_name().unwrap_or_default();
    let mut own = name.to_owned();
    if name.len() > LONGEST {
        let digest = Digest::of(name.as_bytes()).hex();
        own = OsString::from(OsStr::from_bytes(
            &name.as_bytes()[..LONGEST - digest.len()],
        ));
        own.push(digest);
    }
    own.push(suffix);
    path.with_file_name(own)
}

fn compile_command(job: &Job<'_>, plain: &PlainStep, source: &Path) -> CommandSpec {
    let (tool, variable) = match language(source) {
        Some(Language::Cpp) => ("c++", "CXXFLAGS"),
        _ => ("cc", "CFLAGS"),
    };
    let spec = CommandSpec::new(job.compilers.tool(tool), &job.native.root);
    let spec = without_paths(job.environment(spec), &[&job.native.root]);
    let mut spec = spec.args(job.flags().split(' '));
    if variable == "CFLAGS" {
        spec = spec.args(OLD_C);
    }
    for include in &plain.includes {
        let mut argument = OsString::from("-I");
        argument.push(if include.as_os_str().is_empty() {
            Path::new(".")
        } else {
            include
        });
        spec = spec.arg(argument);
    }
    let said = spec.variable(variable).unwrap_or_default();
    let said: Vec<OsString> = said
        .to_string_lossy()
        .split_whitespace()
        .map(OsString::from)
        .collect();
    spec.args(said).args(plain.flags.iter().map(OsString::from))
}

/// The programs by name, each with the object that has its `main`.
fn programs<'a>(objects: &'a [Object], plain: &PlainStep) -> Result<BTreeMap<String, &'a Object>> {
    let mains: Vec<&Object> = objects.iter().filter(|object| object.has_main).collect();
    let alone = objects.len() == 1;
    let mut programs: BTreeMap<String, &Object> = BTreeMap::new();
    for object in &mains {
        let stem = object
            .source
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy();
        let name = match (mains.len(), alone) {
            (1, false) => plain.name.clone(),
            _ => stem.into_owned(),
        };
        if let Some(other) = programs.insert(name.clone(), object) {
            return Err(Error::TwoMains {
                name,
                paths: [other.source.clone(), object.source.clone()],
            });
        }
    }
    match programs.is_empty() {
        true => Err(Error::NoMain(objects.len())),
        false => Ok(programs),
    }
}

fn link(
    job: &Job<'_>,
    plain: &PlainStep,
    objects: &[Object],
    main: &Object,
    program: &Path,
) -> Result<(), StepError> {
    let tool = match has_cpp(&plain.files) {
        true => "c++",
        false => "cc",
    };
    let own = objects
        .iter()
        .filter(|object| !object.has_main || object.path == main.path);
    let paths: Vec<PathBuf> = own.map(|object| object.path.clone()).collect();
    let spec = CommandSpec::new(job.compilers.tool(tool), &job.native.root);
    let spec = job.environment(spec);
    let said = spec.variable("LDFLAGS").unwrap_or_default();
    let said: Vec<OsString> = said
        .to_string_lossy()
        .split_whitespace()
        .map(OsString::from)
        .collect();
    let spec = spec
        .args(plain.flags.iter().map(OsString::from))
        .args(said)
        .arg("-o")
        .arg(program)
        .args(paths.iter().map(|path| path.as_os_str().to_owned()))
        .args(plain.ldflags.iter().map(OsString::from));
    let record = beside(program, ".json");
    let command = digest(job, &spec);
    if is_current(&record, &command, program, &job.native.root) {
        return Ok(());
    }
    let _ = fs_err::remove_file(&record);
    let start = SystemTime::now();
    job.run(spec, "cc")?;
    remember(&record, command, &paths, &job.native.root, start)?;
    Ok(())
}

/// Names a command, the compiler behind it and what its environment adds.
fn digest(job: &Job<'_>, spec: &CommandSpec) -> String {
    let mut recipe = Recipe::new("plain").with(job.compilers.digest.hex());
    for argument in &spec.arguments {
        recipe = recipe.with(argument.as_bytes());
    }
    for (name, value) in &job.native.env {
        recipe = recipe.with(name).with(value);
    }
    let paths = spec.variable(prefixes::VARIABLE).unwrap_or_default();
    recipe = recipe.with(paths.as_bytes());
    recipe.finish().hex()
}

/// Whether a file was made by this command from files that are as they were.
fn is_current(record: &Path, command: &str, made: &Path, root: &Path) -> bool {
    let known: Option<Made> = fs_err::read(record)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok());
    known.is_some_and(|known| {
        known.command == command
            && made.is_file()
            && known.read.iter().all(|(path, then)| {
                let path = Path::new(OsStr::from_bytes(path));
                state(&root.join(path)).is_ok_and(|now| now == *then)
            })
    })
}

/// Writes the record, unless a file has been written since the command began, and nobody knows which
/// of its states was read, or is not known by the name that the compiler gives.
fn remember(
    record: &Path,
    command: String,
    read: &[PathBuf],
    root: &Path,
    start: SystemTime,
) -> io::Result<()> {
    let unique: BTreeSet<&PathBuf> = read.iter().collect();
    let mut files = Vec::new();
    for path in unique {
        let place = root.join(path);
        let modified = match fs_err::metadata(&place) {
            // clang writes a backslash in a name as a slash.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            found => found?.modified()?,
        };
        if modified > start {
            return Ok(());
        }
        files.push((path.as_os_str().as_bytes().to_vec(), state(&place)?));
    }
    let bytes = serde_json::to_vec(&Made {
        command,
        read: files,
    })?;
    atomic::write(record, |out| out.write_all(&bytes))
}

fn state(path: &Path) -> io::Result<State> {
    let found = fs_err::metadata(path)?;
    Ok((
        found.len(),
        found.mtime(),
        found.mtime_nsec(),
        found.ctime(),
        found.ctime_nsec(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn object(source: &str, has_main: bool) -> Object {
        Object {
            source: source.into(),
            path: PathBuf::from(format!("{source}.o")),
            has_main,
        }
    }

    fn names(objects: &[Object]) -> Result<Vec<String>> {
        let plain = PlainStep {
            files: Vec::new(),
            includes: Vec::new(),
            flags: Vec::new(),
            ldflags: Vec::new(),
            name: "project".to_owned(),
        };
        Ok(programs(objects, &plain)?.into_keys().collect())
    }

    #[test]
    fn programs_are_called_after_their_files_or_the_project() {
        let one = [object("hello.c", true)];
        assert_eq!(names(&one).expect("one"), ["hello"]);
        let joined = [object("src/main.c", true), object("src/util.c", false)];
        assert_eq!(names(&joined).expect("one"), ["project"]);
        let two = [
            object("a.c", true),
            object("b.cc", true),
            object("c.c", false),
        ];
        assert_eq!(names(&two).expect("two"), ["a", "b"]);
        let none = [object("a.c", false)];
        assert!(matches!(names(&none), Err(Error::NoMain(1))));
        let same = [object("src/x/m.c", true), object("src/y/m.c", true)];
        assert!(matches!(names(&same), Err(Error::TwoMains { .. })));
    }

    #[test]
    fn a_file_is_current_until_its_command_or_a_header_is_another() {
        let home = tempfile::tempdir().expect("tempdir");
        let path = |name: &str| home.path().join(name);
        for name in ["a.c", "a.h", "a.o"] {
            fs_err::write(path(name), "1").expect("written");
        }
        let read = ["a.c", "a.h"].map(PathBuf::from);
        let start = SystemTime::now() + Duration::from_secs(5);
        remember(
            &path("record"),
            "command".to_owned(),
            &read,
            home.path(),
            start,
        )
        .expect("written");
        let current =
            |command: &str| is_current(&path("record"), command, &path("a.o"), home.path());
        assert!(current("command") && !current("other"));
        fs_err::write(path("a.h"), "22").expect("written");
        assert!(!current("command"));
    }
}
