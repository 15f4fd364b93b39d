//! No foreign code runs: every program that a build executes is for the host's machine, and none
//! is an artifact or lies in `out/`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use polyarch::target::Platform;

use super::support::judge::{agrees, judge, readelf};
use super::support::program::Project;

#[test]
fn a_build_executes_nothing_that_it_made() {
    let project = Project::go();
    // A log for each process: in a common one, calls of several are interleaved.
    let logs = tempfile::tempdir().expect("a temporary folder");
    let mut traced = judge("strace");
    let plain = project.polyarch(&["build", "--platform", "amd64,riscv64"]);
    traced.args(["-ff", "-qq", "-e", "trace=execve", "-s", "4096", "-o"]);
    traced.arg(logs.path().join("log")).arg(plain.get_program());
    traced.args(plain.get_args()).current_dir(&project.root);
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => traced.env(name, value),
            None => traced.env_remove(name),
        };
    }
    // A build cache of its own: with a warm one there would be nothing to watch.
    traced.env("GOCACHE", project.root.join("../gocache"));
    agrees(&mut traced);
    let mut executed = BTreeSet::new();
    for log in fs_err::read_dir(logs.path()).expect("logs") {
        let text = fs_err::read_to_string(log.expect("a log").path()).expect("a log");
        executed.extend(successful(&text));
    }
    assert!(
        executed.iter().any(|path| path.ends_with("compile")),
        "the compiler was watched: {executed:?}"
    );
    let host = Platform::host().expect("a known host");
    let machine = match host.architecture().name {
        "amd64" => "X86-64",
        "arm64" => "AArch64",
        other => panic!("name the machine of {other} as readelf prints it"),
    };
    for path in executed {
        assert!(
            !path.starts_with(project.root.join("out")),
            "{}",
            path.display()
        );
        let header = readelf(&path);
        assert!(header.contains(machine), "{}: {header}", path.display());
    }
}

/// The programs whose `execve` succeeded.
fn successful(log: &str) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for line in log
        .lines()
        .filter(|line| line.contains("execve(") && line.ends_with("= 0"))
    {
        let path = line.split('"').nth(1).expect("a quoted path");
        assert!(!path.contains('\\'), "paths of programs are plain: {line}");
        found.insert(PathBuf::from(path));
    }
    found
}
