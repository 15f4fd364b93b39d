//! A disk that is full from any one change on: each way to write is refused in turn, in the program
//! itself, by a library that is loaded into it (`support/full.c`). What compilers write is the concern of
//! `projects::disk`.
//!
//! `POLYARCH_FULL_DISK` is how many moments of each command are tried, a few without; `.ci/full` sets it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::support::archive::Archive;
use super::support::judge::agrees;
use super::support::program::{Project, Ran, files, ran, repository, store, store_without_caches};
use super::support::server::Server;

/// How many moments, where nothing else is said.
const MOMENTS: usize = 4;

/// A command and all that it works with.
struct Sweep {
    project: Project,
    arguments: &'static [&'static str],
    store: PathBuf,
    environment: Vec<(&'static str, String)>,
    /// Brings everything to where the command has something to do.
    reset: fn(&Project, &Path),
    /// Whether all of the store may be read at each moment.
    checks: bool,
}

/// The library that fills the disk, compiled once.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let project = Project::empty();
        let path = repository().join("target/test-full-disk.so");
        let host = polyarch::toolchain::host();
        let script = "$CC -O1 -shared -fPIC -o \"$0\" \"$1\" -ldl && mv \"$0\" \"$2\"";
        let arguments = [
            "exec",
            "--platform",
            &host,
            "--libc",
            "gnu.2.28",
            "--",
            "sh",
        ];
        let mut command = project.polyarch(&arguments);
        command
            .args(["-c", script])
            .arg(project.root.join("full.so"))
            .arg(repository().join("tests/support/full.c"))
            .arg(&path);
        agrees(&mut command);
        path
    })
}

impl Sweep {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.project.polyarch(arguments);
        command.env("POLYARCH_HOME", &self.store);
        for (name, value) in &self.environment {
            command.env(name, value);
        }
        command
    }

    /// Runs it where the disk is full from that change on, or for one of them.
    fn full(&self, from: usize, for_one: bool) -> (Ran, usize) {
        let count = self.project.root.join("../count");
        let mut command = self.command(self.arguments);
        let under = format!("{}:{}", self.project.root.display(), self.store.display());
        command
            .env("LD_PRELOAD", library())
            .env("FULL_UNDER", under)
            .env("FULL_COUNT", &count)
            .env("FULL_FROM", from.to_string());
        if for_one {
            command.env("FULL_FOR", "1");
        }
        let ran = ran(&mut command);
        let text = fs_err::read_to_string(&count).expect("the library was loaded");
        (ran, text.trim().parse().expect("a number"))
    }

    /// What the project has, but for what keeps times.
    fn result(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let kept = |path: &PathBuf| {
            let inside = path.strip_prefix(&self.project.root).expect("inside");
            path.is_file() && !path.is_symlink() && !inside.starts_with("out/.build")
        };
        let found = files(&self.project.root).into_iter().filter(kept);
        found
            .map(|path| (path.clone(), fs_err::read(path).expect("read")))
            .collect()
    }

    fn run(self) {
        let reset = || (self.reset)(&self.project, &self.store);
        reset();
        let (whole, total) = self.full(usize::MAX, false);
        assert_eq!(whole.code, 0, "{}", whole.stderr);
        let good = (whole.stdout, self.result());
        assert!(total > 0, "it writes nothing");
        let moments = std::env::var("POLYARCH_FULL_DISK").ok();
        let moments: usize = moments.map_or(MOMENTS, |text| text.parse().expect("a number"));
        let moments = moments.min(total);
        for number in 0..moments {
            // Evenly, with the first and the last.
            let moment = 1 + number * (total - 1) / (moments - 1).max(1);
            reset();
            self.at(moment, number % 2 == 1, &good);
        }
    }

    fn at(&self, moment: usize, for_one: bool, good: &(String, BTreeMap<PathBuf, Vec<u8>>)) {
        let before = self.result();
        let (ran, _) = self.full(moment, for_one);
        let shown = format!("{:?} {moment} {for_one}: {}", self.arguments, ran.stderr);
        match ran.code {
            // What was to be kept for the next time only was not.
            0 => assert_eq!(ran.stdout, good.0, "{shown}"),
            code => {
                assert_eq!(code, 8, "{shown}");
                assert!(
                    ran.stderr.starts_with("error: ") || ran.stderr.contains("\nerror: "),
                    "{shown}"
                );
                assert!(ran.stderr.contains(" hint: "), "{shown}");
                let places = [&self.project.root, &self.store];
                let named = |place: &&PathBuf| ran.stderr.contains(&place.display().to_string());
                assert!(places.iter().any(named), "no place is named: {shown}");
            }
        }
        // Each file is as it was or as it shall be.
        for (path, bytes) in &self.result() {
            let known = [before.get(path), good.1.get(path)];
            let whole = known.into_iter().flatten().any(|known| known == bytes);
            let own = path.starts_with(self.project.root.join("out"));
            // Blobs of a layout are named by what they are, and `index.json` comes last.
            assert!(
                whole || own && bytes.is_empty(),
                "{} is half: {shown}",
                path.display()
            );
        }
        assert_eq!(self.project.leftovers(), [] as [PathBuf; 0], "{shown}");
        let temporary = fs_err::read_dir(self.store.join("v1/tmp")).map(Iterator::count);
        assert_eq!(temporary.unwrap_or(0), 0, "{shown}");
        if self.checks {
            let checked = super::support::program::ran(&mut self.command(&["toolchain", "check"]));
            assert_eq!(checked.code, 0, "{}{shown}", checked.stderr);
        }
        let again = super::support::program::ran(&mut self.command(self.arguments));
        assert_eq!(again.code, 0, "{}\nafter {shown}", again.stderr);
        assert_eq!(again.stdout, good.0, "{shown}");
        assert!(self.result() == good.1, "another result: {shown}");
    }
}

/// A folder for a store.
fn empty(project: &Project) -> PathBuf {
    project.root.join("../store")
}

/// Takes everything that is fetched from the tests' store.
fn vendored(text: &str) -> String {
    format!(
        "{text}\n[mirrors]\nvendor = '{}'\n",
        store().join("v1/blobs").display()
    )
}

fn prebuilt() -> Project {
    let project = Project::with(&[(
        "polyarch.toml",
        &vendored(
            "[project]\nname = 'app'\n[[image.files]]\nsrc = 'data'\ndst = '/data'\nowner = '1:2'\n",
        ),
    )]);
    project.write("data/one", "1");
    project.write("data/large", vec![7; 300_000]);
    project
}

fn forget(folder: &Path) {
    if folder.exists() {
        fs_err::remove_dir_all(folder).expect("removed");
    }
}

#[test]
fn a_full_disk_stops_a_fetch_and_leaves_the_store_sound() {
    let project = prebuilt();
    Sweep {
        store: empty(&project),
        project,
        arguments: &["toolchain", "fetch", "certifi", "tzdata"],
        environment: Vec::new(),
        reset: |_, store| forget(store),
        checks: true,
    }
    .run();
}

#[test]
fn a_full_disk_stops_a_lock_and_the_old_one_stays() {
    let project = prebuilt();
    Sweep {
        store: empty(&project),
        project,
        arguments: &["lock"],
        environment: Vec::new(),
        reset: |project, store| {
            forget(store);
            project.write("polyarch.lock", "version = 1\n");
        },
        checks: true,
    }
    .run();
}

#[test]
fn a_full_disk_stops_a_build_into_a_layout_and_into_an_archive() {
    for arguments in [
        &["build", "-q", "--platform", "amd64,arm64"][..],
        &[
            "build",
            "-q",
            "--platform",
            "arm64",
            "-o",
            "type=oci,dest=image.tar",
        ],
        &[
            "build",
            "-q",
            "--platform",
            "arm64",
            "-o",
            "type=docker,dest=image.tar",
        ],
    ] {
        let project = prebuilt();
        let home = empty(&project);
        // So that what is filled is not the fetch.
        let fetch = ["toolchain", "fetch", "certifi", "tzdata"];
        agrees(project.polyarch(&fetch).env("POLYARCH_HOME", &home));
        Sweep {
            store: home,
            project,
            arguments,
            environment: Vec::new(),
            reset: |project, store| {
                forget(&project.root.join("out"));
                project.write("image.tar", "what was there");
                for kind in fs_err::read_dir(store.join("v1/records")).expect("records") {
                    let kind = kind.expect("an entry").path();
                    if !kind.ends_with("tree") {
                        forget(&kind);
                    }
                }
            },
            checks: true,
        }
        .run();
    }
}

#[test]
fn a_full_disk_stops_the_import_of_a_base() {
    let project = prebuilt();
    let home = empty(&project);
    let build = [
        "build",
        "-q",
        "--platform",
        "arm64",
        "-o",
        "type=oci,dest=../base.tar",
    ];
    agrees(project.polyarch(&build).env("POLYARCH_HOME", &home));
    Sweep {
        store: home,
        project,
        arguments: &[
            "build",
            "-q",
            "--platform",
            "arm64",
            "--base",
            "oci-archive:../base.tar",
        ],
        environment: Vec::new(),
        reset: |project, store| {
            forget(store);
            forget(&project.root.join("out"));
        },
        checks: true,
    }
    .run();
}

#[test]
fn a_full_disk_stops_a_prune_or_not_and_the_store_stays_sound() {
    let project = prebuilt();
    Sweep {
        store: empty(&project),
        project,
        arguments: &["toolchain", "prune", "--all"],
        environment: Vec::new(),
        reset: |project, store| {
            let fetch = ["toolchain", "fetch", "-q", "certifi"];
            agrees(project.polyarch(&fetch).env("POLYARCH_HOME", store));
        },
        checks: true,
    }
    .run();
}

#[test]
fn a_full_disk_stops_a_compilation() {
    for (name, text) in [
        ("Makefile", "app: app.c\n\t$(CC) -o $@ app.c\n"),
        (
            "CMakeLists.txt",
            "cmake_minimum_required(VERSION 3.14)\nproject(app C)\nadd_executable(app app.c)\n",
        ),
        ("notes", ""),
    ] {
        let config = fs_err::read_to_string(repository().join("tests/judges/polyarch.toml"));
        let config = config.expect("read");
        let mirrors = config.split("[mirrors]").nth(1).expect("a table");
        let project = Project::with(&[
            (name, text),
            ("app.c", "int main(void) { return 0; }\n"),
            ("polyarch.toml", &format!("[mirrors]{mirrors}")),
        ]);
        let home = empty(&project);
        store_without_caches(&home);
        fs_err::remove_dir(home.join("v1/caches")).expect("removed");
        fs_err::os::unix::fs::symlink(store().join("v1/caches"), home.join("v1/caches"))
            .expect("linked");
        Sweep {
            store: home,
            project,
            arguments: &["compile", "-q", "--platform", "arm64"],
            environment: Vec::new(),
            reset: |project, store| {
                forget(&project.root.join("out"));
                forget(&store.join("v1/targets"));
            },
            // It has all that there is.
            checks: false,
        }
        .run();
    }
}

#[test]
fn a_full_disk_stops_a_sysroot() {
    let mut archive = Archive::new();
    archive.valid_until = None;
    archive.publish();
    let server = Server::start();
    archive.serve(&server);
    let project = Project::with(&[(
        "polyarch.toml",
        "[build]\nplatforms = ['linux/amd64']\n[sysroot]\npackages = ['hello']\n",
    )]);
    // Without the spaces of the project's own path.
    let folder = project.root.parent().unwrap();
    let source = archive.source(folder, &server.url("/debian"));
    Sweep {
        store: empty(&project),
        project,
        arguments: &["sysroot", "path"],
        environment: vec![
            ("POLYARCH_DEBIAN", source),
            ("POLYARCH_OFFLINE", "0".to_owned()),
        ],
        reset: |_, store| forget(store),
        checks: true,
    }
    .run();
}
