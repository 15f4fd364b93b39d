//! Places that can't be written, are not there, or are somebody else's.
//!
//! Needs `unshare` and a kernel that lets users have namespaces of their own; without, these tests fail.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::support::judge::judge;
use super::support::program::{Project, Ran, ran, repository, store, store_without_caches};

/// Runs a command where these folders can only be read.
fn read_only(command: &Command, folders: &[&Path]) -> Ran {
    const SCRIPT: &str = "set -e\nn=$1\nshift\nwhile [ \"$n\" -gt 0 ]; do\nmount --bind \"$1\" \"$1\"\n\
        mount -o remount,ro,bind \"$1\"\nshift\nn=$((n - 1))\ndone\ncd \"$PWD\"\nexec \"$@\"\n";
    let mut unshare = judge("unshare");
    unshare
        .args(["--map-root-user", "--mount", "sh", "-c", SCRIPT, "sh"])
        .arg(folders.len().to_string())
        .args(folders)
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir(command.get_current_dir().expect("a folder"));
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => unshare.env(name, value),
            None => unshare.env_remove(name),
        };
    }
    ran(&mut unshare)
}

fn mirrors() -> String {
    let text = fs_err::read_to_string(repository().join("tests/judges/polyarch.toml"));
    let text = text.expect("read");
    format!(
        "[mirrors]{}",
        text.split("[mirrors]").nth(1).expect("a table")
    )
}

fn c_project() -> Project {
    Project::with(&[
        ("Makefile", "app: app.c\n\t$(CC) -o $@ app.c\n"),
        ("app.c", "int main(void) { return 0; }\n"),
        ("polyarch.toml", &mirrors()),
    ])
}

/// A store of its own that has all but the compilers' caches.
fn own_store(project: &Project) -> PathBuf {
    let home = project.root.join("../store");
    store_without_caches(&home);
    home
}

const READS: [[&str; 3]; 3] = [
    ["plan", "--platform", "arm64"],
    ["env", "--platform", "arm64"],
    ["toolchain", "list", "--quiet"],
];

#[test]
fn a_store_that_can_only_be_read_will_do_where_all_is_in_it() {
    let project = c_project();
    let home = own_store(&project);
    fs_err::remove_dir(home.join("v1/caches")).expect("removed");
    fs_err::os::unix::fs::symlink(store().join("v1/caches"), home.join("v1/caches"))
        .expect("linked");
    let mut build = project.polyarch(&["build", "--platform", "arm64"]);
    build.env("POLYARCH_HOME", &home);
    let first = ran(&mut build);
    assert_eq!(first.code, 0, "{}", first.stderr);
    for arguments in READS {
        let mut command = project.polyarch(&arguments);
        let first = ran(command.env("POLYARCH_HOME", &home));
        assert_eq!(first.code, 0, "{}", first.stderr);
    }
    let locks = home.join("v1");
    // Even what is not known to be up to date needs nothing of the store but to be read.
    for again in ["as it was", "from nothing"] {
        let second = read_only(&build, &[&locks]);
        assert_eq!(second.code, 0, "{again}: {}", second.stderr);
        assert_eq!(second.stdout, first.stdout, "{again}");
        fs_err::remove_dir_all(project.root.join("out")).expect("removed");
    }
    for arguments in READS {
        let mut command = project.polyarch(&arguments);
        let read = read_only(command.env("POLYARCH_HOME", &home), &[&locks]);
        assert_eq!(read.code, 0, "{arguments:?}: {}", read.stderr);
    }
    // Another compiler's wrappers would have to be written.
    let mut other = project.polyarch(&["compile", "--platform", "riscv64"]);
    let refused = read_only(other.env("POLYARCH_HOME", &home), &[&locks]);
    says_store(&refused, &home);
}

fn says_store(refused: &Ran, home: &Path) {
    assert_eq!(refused.code, 8, "{}", refused.stderr);
    let named = refused.stderr.contains(&home.display().to_string());
    assert!(named, "{}", refused.stderr);
    let hint = refused.stderr.split(" hint: ").nth(1).unwrap_or_default();
    assert!(hint.contains("POLYARCH_HOME"), "{}", refused.stderr);
}

#[test]
fn compilers_caches_that_can_not_be_written_are_no_error_in_the_code() {
    let project = c_project();
    let home = own_store(&project);
    let mut compile = project.polyarch(&["compile", "--platform", "arm64"]);
    compile.env("POLYARCH_HOME", &home);
    // The wrappers are there then, and the cache is empty.
    let mut env = project.polyarch(&["env", "--platform", "arm64"]);
    assert_eq!(ran(env.env("POLYARCH_HOME", &home)).code, 0);
    says_store(&read_only(&compile, &[&home.join("v1")]), &home);
    assert!(project.leftovers().is_empty());
}

#[test]
fn a_project_that_can_only_be_read_is_named_and_what_writes_nothing_works() {
    for project in [Project::go(), c_project()] {
        for arguments in [
            &["build", "--platform", "arm64"][..],
            &["compile", "--platform", "arm64"],
        ] {
            let refused = read_only(&project.polyarch(arguments), &[&project.root]);
            assert_eq!(refused.code, 8, "{}", refused.stderr);
            let named = refused.stderr.contains(&project.root.display().to_string());
            assert!(named, "{}", refused.stderr);
            assert!(refused.stderr.contains(" hint: "), "{}", refused.stderr);
        }
        let plan = read_only(
            &project.polyarch(&["plan", "--platform", "arm64"]),
            &[&project.root],
        );
        assert_eq!(plan.code, 0, "{}", plan.stderr);
    }
}

#[test]
fn without_a_home_and_without_a_folder_for_temporary_files_all_works() {
    let project = c_project();
    let build = |name: &str, value: Option<&Path>| {
        let mut command = project.polyarch(&["build", "-q", "--platform", "arm64"]);
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
        command
    };
    let usual = ran(&mut build("TMPDIR", None));
    assert_eq!(usual.code, 0, "{}", usual.stderr);
    let nowhere = Path::new("/nonexistent/folder");
    let folder = tempfile::tempdir().unwrap();
    for (name, value) in [
        ("HOME", None),
        ("HOME", Some(nowhere)),
        ("TMPDIR", Some(nowhere)),
        ("TMPDIR", Some(folder.path())),
    ] {
        fs_err::remove_dir_all(project.root.join("out")).expect("removed");
        let other = read_only(&build(name, value), &[folder.path()]);
        assert_eq!(other.code, 0, "{name} {value:?}: {}", other.stderr);
        assert_eq!(other.stdout, usual.stdout, "{name} {value:?}");
    }
    let mut homeless = build("HOME", None);
    let refused = ran(homeless.env_remove("POLYARCH_HOME"));
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(
        refused.stderr.contains("export POLYARCH_HOME="),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_folder_that_was_removed_meanwhile_is_said_and_another_one_can_be_named() {
    let project = Project::go();
    let gone = project.root.join("gone");
    let from_there = |arguments: &[&std::ffi::OsStr]| {
        fs_err::create_dir(&gone).expect("made");
        let plain = project.polyarch(arguments);
        let mut shell = Command::new("sh");
        shell
            .args(["-c", "rmdir ../gone && exec \"$0\" \"$@\""])
            .arg(plain.get_program())
            .args(plain.get_args())
            .current_dir(&gone)
            .env("POLYARCH_HOME", store())
            .env("POLYARCH_OFFLINE", "1");
        ran(&mut shell)
    };
    let refused = from_there(&["plan".as_ref()]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(
        refused.stderr.contains("can't work in `.`"),
        "{}",
        refused.stderr
    );
    let named = from_there(&["plan".as_ref(), "-C".as_ref(), project.root.as_ref()]);
    assert_eq!(named.code, 0, "{}", named.stderr);
}
