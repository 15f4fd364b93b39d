//! Ended at any moment, nothing is left.

use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::support::program::{Project, files, limited, store};
use super::support::server::{Server, Step};

/// A build with a cold cache of its own, so that it takes long enough to be hit.
fn cold_build(project: &Project) -> Child {
    let mut command = project.polyarch(&["build", "--platform", "amd64,arm64"]);
    command.env("GOCACHE", project.root.join("../gocache"));
    command
        .process_group(0)
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command.spawn().expect("started")
}

fn pid(child: &Child) -> Pid {
    Pid::from_child(child)
}

/// Whether any process still works in a folder.
fn somebody_works_in(folder: &std::path::Path) -> bool {
    let processes = fs_err::read_dir("/proc").expect("/proc").flatten();
    processes
        .filter_map(|process| fs_err::read_link(process.path().join("cwd")).ok())
        .any(|directory| directory.starts_with(folder))
}

fn ended_by(signal: Signal, code: i32, whole_group: bool) {
    let project = Project::go();
    for delay in [30, 300, 1200] {
        let mut child = cold_build(&project);
        std::thread::sleep(Duration::from_millis(delay));
        let start = Instant::now();
        if whole_group {
            kill_process_group(pid(&child), signal).expect("sent");
        } else {
            kill_process(pid(&child), signal).expect("sent");
        }
        let status = child.wait().expect("ended");
        assert!(start.elapsed() < Duration::from_secs(5), "it ends soon");
        // Before the handler is there, the signal itself ends the process.
        let by_signal = status.signal() == Some(code - 128) && delay < 100;
        assert!(
            status.code() == Some(code) || by_signal,
            "{status:?} after {delay} ms"
        );
        let patience = Instant::now();
        while somebody_works_in(&project.root) && patience.elapsed() < Duration::from_secs(3) {
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(!somebody_works_in(&project.root), "compilers end too");
        assert_eq!(
            project.leftovers(),
            [] as [std::path::PathBuf; 0],
            "after {delay} ms"
        );
        assert!(!project.root.join("out/image/index.json").exists());
    }
}

#[test]
fn sigterm_to_the_program_alone_ends_compilers_and_leaves_nothing() {
    ended_by(Signal::TERM, 143, false);
}

#[test]
fn sigint_to_the_group_ends_with_130() {
    ended_by(Signal::INT, 130, true);
}

#[test]
fn sighup_ends_with_129() {
    ended_by(Signal::HUP, 129, false);
}

#[test]
fn after_kill_9_the_next_build_succeeds_and_clears_up() {
    let project = Project::go();
    for delay in [20, 150, 400, 900] {
        let mut child = cold_build(&project);
        std::thread::sleep(Duration::from_millis(delay));
        kill_process(pid(&child), Signal::KILL).expect("sent");
        child.wait().expect("ended");
    }
    project.ok(&["build", "--platform", "amd64,arm64"]);
    assert_eq!(project.leftovers(), [] as [std::path::PathBuf; 0]);
    let checked = project.ok(&["toolchain", "check"]);
    assert!(!checked.stderr.contains("error"), "{}", checked.stderr);
    // Other tests work in the store at the same time; what the dead left is gone.
    let dead = files(&store().join("v1/tmp")).into_iter().filter(|path| {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let owner = name
            .split('-')
            .next()
            .and_then(|pid| pid.parse::<u32>().ok());
        owner.is_some_and(|pid| !std::path::Path::new("/proc").join(pid.to_string()).exists())
    });
    assert_eq!(dead.count(), 0);
}

#[test]
fn two_builds_of_one_project_wait_for_each_other() {
    let project = Project::go();
    let spawn = || {
        project
            .polyarch(&["build", "-q", "--platform", "arm64"])
            .stdout(Stdio::piped())
            .spawn()
    };
    let (first, second) = (spawn().expect("started"), spawn().expect("started"));
    let outputs = [first, second].map(|child| child.wait_with_output().expect("ended"));
    assert!(outputs.iter().all(|output| output.status.success()));
    assert_eq!(outputs[0].stdout, outputs[1].stdout);
}

/// A `go` on the machine whose builds, where `SLOW` is set, only write to their temporary folder
/// for a while. Answers the folder for `PATH`.
fn slow_go(project: &Project) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let root = project.ok(&["toolchain", "path", "go"]).stdout;
    let root = root.trim();
    let version = fs_err::read_to_string(format!("{root}/VERSION")).expect("a version");
    let version = version.lines().next().expect("a line");
    let own = project.root.join("../go");
    let script = format!(
        r#"#!/bin/sh
unset GOROOT
case "$1 $2 $3" in "env GOVERSION GOROOT") echo {version}; echo "{own}"; exit ;; esac
if [ "$1" = build ] && [ -n "$SLOW" ]; then
    for _ in $(seq 150); do mkdir -p "$GOTMPDIR/go-build1/b001"; sleep 0.01; done
    exit 1
fi
exec "{root}/bin/go" "$@"
"#,
        own = own.display()
    );
    let path = project.write("../go/bin/go", script);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("mode");
    own.join("bin")
}

#[test]
fn the_compilers_of_a_killed_build_end_before_the_next_one_starts() {
    let project = Project::go();
    let bin = slow_go(&project);
    let build = |slow: &str| {
        let mut command = project.polyarch(&["compile", "--platform", "arm64"]);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(bin.clone()).chain(std::env::split_paths(&path));
        command
            .env("PATH", std::env::join_paths(folders).expect("a path"))
            .env("SLOW", slow);
        command
    };
    let mut child = build("yes").stderr(Stdio::null()).spawn().expect("started");
    let begun = project.root.join("out/.tmp/go-build1");
    let patience = Instant::now();
    while !begun.exists() && patience.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(begun.exists(), "the slow compiler runs");
    kill_process(pid(&child), Signal::KILL).expect("sent");
    child.wait().expect("ended");
    let next = super::support::program::ran(&mut build(""));
    assert_eq!(next.code, 0, "{}", next.stderr);
    assert!(
        next.stderr.contains("waiting for another build"),
        "{}",
        next.stderr
    );
    assert_eq!(project.leftovers(), [] as [std::path::PathBuf; 0]);
}

#[test]
fn what_does_not_heed_sigterm_is_killed() {
    let project = Project::go();
    let mark = project.root.join("../begun");
    let script = format!("trap '' TERM; touch '{}'; sleep 60", mark.display());
    let platforms = "arm64,riscv64";
    let arguments = ["exec", "-j", "2", "--platform", platforms, "--", "sh", "-c"];
    let mut command = project.polyarch(&[&arguments[..], &[script.as_str()]].concat());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("started");
    while !mark.exists() {
        assert!(child.try_wait().expect("a child").is_none(), "it ended");
        std::thread::sleep(Duration::from_millis(10));
    }
    let start = Instant::now();
    kill_process(pid(&child), Signal::TERM).expect("sent");
    assert_eq!(child.wait().expect("ended").code(), Some(143));
    assert!(start.elapsed() < Duration::from_secs(5), "it ends soon");
    let patience = Instant::now();
    while somebody_works_in(&project.root) && patience.elapsed() < Duration::from_secs(2) {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(!somebody_works_in(&project.root));
}

#[test]
fn a_command_in_the_place_of_polyarch_finds_nothing_of_it_in_the_store() {
    let project = Project::go();
    let script = "ls \"$POLYARCH_HOME/v1/tmp\" | grep \"^$$-\"; true";
    let exec = ["exec", "--platform", "arm64", "--", "sh", "-c", script];
    assert_eq!(project.ok(&exec).stdout, "");
}

/// The lines on a terminal when a stalled download was ended by as many signals. The terminal is what
/// script(1) of util-linux makes.
fn left_on_the_terminal(signals: usize) -> (Option<i32>, Vec<String>) {
    let (server, project) = (Server::start(), Project::empty());
    let definition = include_str!("../toolchains/ninja.toml");
    let values = |key: &str| -> Vec<String> {
        let lines = definition.lines().filter_map(|line| line.strip_prefix(key));
        lines
            .map(|value| value.trim_matches([' ', '=', '"']).to_owned())
            .collect()
    };
    let mut links = String::new();
    for (file, size) in values("file").iter().zip(values("size")) {
        links.extend(["<a href=\"/dl/", file, "\">", file, "</a>"]);
        let path = format!("/dl/{file}");
        server.file(&path, &vec![0; size.parse().expect("a size")]);
        server.script(&path, [Step::Stall(70_000)]);
    }
    server.typed("/simple/ninja/", links.as_bytes(), "text/html");
    let mirrors = format!("[mirrors]\npypi = \"{}\"\n", server.url("/simple"));
    project.write("../config/polyarch/config.toml", mirrors);
    let mut command = project.polyarch::<&str>(&[]);
    command
        .env("PROGRAM", env!("CARGO_BIN_EXE_polyarch"))
        .env("PROCESS", project.root.join("../process"))
        .env("POLYARCH_HOME", project.root.join("../store"))
        .env("XDG_CONFIG_HOME", project.root.join("../config"))
        .env("SHELL", "/bin/sh")
        .env("TERM", "xterm")
        .env_remove("POLYARCH_OFFLINE");
    let inner = "echo $$ > \"$PROCESS\"; exec \"$PROGRAM\" toolchain fetch ninja";
    let mut terminal = limited(&format!("exec script -qec '{inner}' /dev/null"), &command);
    let mut script = terminal.stdout(Stdio::piped()).spawn().expect("started");
    let mut screen = script.stdout.take().expect("a pipe");
    let (mut drawn, mut block) = (Vec::new(), [0; 4096]);
    let mut sent = 0;
    while let Ok(read @ 1..) = screen.read(&mut block) {
        drawn.extend_from_slice(&block[..read]);
        let is_drawn = String::from_utf8_lossy(&drawn).contains("ninja 1");
        if is_drawn && sent < signals {
            let process = fs_err::read_to_string(project.root.join("../process"));
            let process = process.expect("a number").trim().parse().expect("a number");
            // One that was not stuck yet has ended at the first.
            let _ = kill_process(Pid::from_raw(process).expect("a process"), Signal::INT);
            sent += 1;
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    let code = script.wait().expect("ended").code();
    assert_eq!(
        files(&project.root.join("../store/v1/tmp")),
        [] as [std::path::PathBuf; 0]
    );
    (code, lines_of(&String::from_utf8_lossy(&drawn)))
}

/// What a terminal shows in the end of what was written to it, where all is in one line at a time.
fn lines_of(written: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for part in written.split_inclusive('\n') {
        let shown = part.rsplit("\u{1b}[2K").next().unwrap_or_default();
        let shown: String = shown
            .split('\u{1b}')
            .enumerate()
            .map(|(index, text)| match index {
                0 => text,
                _ => text
                    .split_once(char::is_alphabetic)
                    .map_or("", |(_, text)| text),
            })
            .collect();
        let shown = shown.trim().to_owned();
        if !shown.is_empty() {
            lines.push(shown);
        }
    }
    lines
}

#[test]
fn a_stalled_download_that_is_ended_leaves_no_half_drawn_line_on_the_terminal() {
    for signals in [1, 2] {
        let (code, lines) = left_on_the_terminal(signals);
        assert_eq!(code, Some(130), "{lines:?}");
        let last = lines.last().expect("a line");
        assert!(last.contains("error: interrupted"), "{lines:?}");
        assert!(
            !lines.iter().any(|line| line.contains("ninja 1")),
            "{lines:?}"
        );
    }
}
