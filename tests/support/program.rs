//! The program under test, run on a project in a temporary folder.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The store that `tests/run` fills before the tests start.
pub(crate) fn store() -> PathBuf {
    let store = std::env::var_os("POLYARCH_TEST_STORE").map(PathBuf::from);
    let store = store.unwrap_or_else(|| repository().join("target/test-store"));
    assert!(
        store.join("v1").is_dir(),
        "{} is not filled: start the tests with tests/run",
        store.display()
    );
    store
}

/// Makes a store that has all that the tests' store has, by links, but for what compilers keep for
/// themselves and what is made new.
pub(crate) fn store_without_caches(into: &Path) {
    let (from, into) = (store().join("v1"), into.join("v1"));
    let link = |name: &Path| fs_err::os::unix::fs::symlink(from.join(name), into.join(name));
    for name in ["trees", "bin", "targets", "locks", "tmp", "caches"] {
        fs_err::create_dir_all(into.join(name)).expect("a folder");
    }
    for name in ["format", "blobs"] {
        link(Path::new(name)).expect("a link");
    }
    for entry in fs_err::read_dir(from.join("trees")).expect("trees") {
        link(&Path::new("trees").join(entry.expect("an entry").file_name())).expect("a link");
    }
    copy(&from.join("records"), &into.join("records"));
}

/// A project in a folder of its own, with a home of its own.
pub(crate) struct Project {
    folder: tempfile::TempDir,
    /// Where the project lies, inside a folder whose name needs quoting everywhere.
    pub(crate) root: PathBuf,
}

impl Project {
    /// An empty project.
    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path().join("a projekt für tests");
        fs_err::create_dir(&root).expect("a folder");
        Self { folder, root }
    }

    /// A project with these files.
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let project = Self::empty();
        for (name, text) in files {
            project.write(name, text);
        }
        project
    }

    /// A copy of one of `examples/`, without what was built there.
    pub(crate) fn example(name: &str) -> Self {
        let project = Self::empty();
        copy(&repository().join("examples").join(name), &project.root);
        project
    }

    /// The smallest Go program, which prints its argument count.
    pub(crate) fn go() -> Self {
        Self::with(&[
            ("go.mod", "module example.com/hello\n\ngo 1.21\n"),
            ("main.go", HELLO),
        ])
    }

    /// Writes a file, making its folders.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.root.join(name);
        fs_err::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs_err::write(&path, text).expect("a file");
        path
    }

    /// The program, to be run in the project, offline, with the tests' store.
    pub(crate) fn polyarch<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_polyarch"));
        command
            .args(arguments)
            .current_dir(&self.root)
            .stdin(Stdio::null())
            .env("HOME", self.folder.path())
            .env("POLYARCH_HOME", store())
            .env("POLYARCH_OFFLINE", "1")
            .env("GOCACHE", repository().join("target/test-gocache"))
            .env("GOFLAGS", "-buildvcs=false");
        // Rust is the machine's, and found from the home that is replaced here.
        for (name, folder) in [("RUSTUP_HOME", ".rustup"), ("CARGO_HOME", ".cargo")] {
            if let (None, Some(home)) = (std::env::var_os(name), std::env::var_os("HOME")) {
                command.env(name, Path::new(&home).join(folder));
            }
        }
        for name in [
            "XDG_CACHE_HOME",
            "XDG_CONFIG_HOME",
            "SOURCE_DATE_EPOCH",
            "CGO_ENABLED",
            "NO_COLOR",
            "RUSTFLAGS",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_TARGET_DIR",
        ] {
            command.env_remove(name);
        }
        command
    }

    /// Runs it and expects success.
    pub(crate) fn ok<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Ran {
        let ran = ran(&mut self.polyarch(arguments));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran
    }

    /// Runs it and expects an error with this exit code.
    pub(crate) fn fails<S: AsRef<OsStr>>(&self, code: i32, arguments: &[S]) -> Ran {
        let ran = ran(&mut self.polyarch(arguments));
        assert_eq!(ran.code, code, "{}", ran.stderr);
        assert!(ran.stderr.contains("error: "), "{}", ran.stderr);
        ran
    }

    /// Everything under `out` that is in the making; must be empty after any run.
    pub(crate) fn leftovers(&self) -> Vec<PathBuf> {
        let temporary = |path: &PathBuf| {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            name.starts_with(".tmp") || name.starts_with(".polyarch-")
        };
        files(&self.root).into_iter().filter(temporary).collect()
    }
}

/// Another store, in a folder of its own, with these parts of the tests' store in it: hard links, as
/// the files of a store do not change.
pub(crate) fn store_with(parts: &[&str], name: &str) -> (tempfile::TempDir, PathBuf) {
    // On the same file system where that can be.
    let folder = tempfile::Builder::new().tempdir_in(repository().join("target"));
    let folder = folder.expect("a temporary folder");
    let own = folder.path().join(name);
    for part in parts {
        let part = Path::new("v1").join(part);
        link_all(&store().join(&part), &own.join(&part));
    }
    (folder, own)
}

fn link_all(from: &Path, to: &Path) {
    fs_err::create_dir_all(to).expect("a folder");
    for entry in fs_err::read_dir(from).expect("a folder of the store") {
        let entry = entry.expect("an entry");
        let (path, kind) = (entry.path(), entry.file_type().expect("a kind"));
        let target = to.join(entry.file_name());
        if kind.is_dir() {
            link_all(&path, &target);
        } else if kind.is_symlink() {
            let place = fs_err::read_link(&path).expect("a link");
            fs_err::os::unix::fs::symlink(place, target).expect("a link");
        } else if fs_err::hard_link(&path, &target).is_err() {
            fs_err::copy(&path, &target).expect("a copy");
        }
    }
}

/// What a finished run printed.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a command to its end.
pub(crate) fn ran(command: &mut Command) -> Ran {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("started");
    Ran {
        code: status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    }
}

/// A command as a shell runs it after `first`, such as `ulimit -n 64`.
pub(crate) fn limited(first: &str, command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg(format!("{first}; exec \"$@\""))
        .arg("sh")
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(Stdio::null());
    if let Some(folder) = command.get_current_dir() {
        shell.current_dir(folder);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

/// Every file and folder below one, sorted.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs_err::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() && !path.is_symlink() {
                open.push(path.clone());
            }
            found.push(path);
        }
    }
    found.sort();
    found
}

fn copy(from: &Path, to: &Path) {
    fs_err::create_dir_all(to).expect("a folder");
    for entry in fs_err::read_dir(from).expect("an example") {
        let entry = entry.expect("an entry");
        let (name, target) = (entry.file_name(), to.join(entry.file_name()));
        if name == "out" || name == "target" || name == "dist" || name == "base" {
            continue;
        }
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs_err::copy(entry.path(), target).expect("a copy");
        }
    }
}

pub(crate) const HELLO: &str = r#"package main

import (
	"fmt"
	"os"
)

var version = "none"

func main() {
	fmt.Println("hello", version, len(os.Args))
}
"#;
