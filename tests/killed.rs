//! Killed (SIGKILL) at any moment, alone or with all that it has started, the next run does what that
//! one should have done. The long form is `.ci/kill-sweep`.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::support::program::{Project, files, ran};

fn kill(child: &mut Child) {
    kill_process(Pid::from_child(child), Signal::KILL).expect("sent");
    child.wait().expect("ended");
}

/// Kills whatever still works in a folder, as a container that is stopped does.
fn kill_all_in(folder: &Path) {
    loop {
        let mut found = false;
        for process in fs_err::read_dir("/proc").expect("/proc").flatten() {
            let inside = fs_err::read_link(process.path().join("cwd"))
                .is_ok_and(|directory| directory.starts_with(folder));
            let id = process.file_name().to_str().and_then(|id| id.parse().ok());
            if let Some(id) = id.and_then(Pid::from_raw).filter(|_| inside) {
                found = true;
                // It may have ended meanwhile.
                let _ = kill_process(id, Signal::KILL);
            }
        }
        if !found {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Writes a header in two parts, and stops between them where there is a file `wait`.
const MAKEFILE: &str = "\
app: app.c table.h
\t$(CC) -o app app.c
table.h:
\tprintf '#define NAME ' > table.h
\tif [ -e \"$(WAIT)\" ]; then touch \"$(WAIT).begun\"; sleep 300; fi
\tprintf '\"whole\"\\n' >> table.h
";

const APP: &str =
    "#include <stdio.h>\n#include \"table.h\"\nint main(void) { return puts(NAME) < 0; }\n";

#[test]
fn a_file_that_make_had_written_in_part_is_not_taken_for_current() {
    let project = Project::with(&[("Makefile", MAKEFILE), ("app.c", APP)]);
    let wait = project.write("../wait", "");
    let judges = include_str!("judges/polyarch.toml");
    let mirrors = judges.split("[mirrors]").nth(1).expect("a table");
    let config = format!(
        "[build]\nvariables = {{ WAIT = '{}' }}\n[mirrors]{mirrors}",
        wait.display()
    );
    project.write("polyarch.toml", config);
    let compile = ["compile", "--platform", "arm64"];
    let mut child = project
        .polyarch(&compile)
        .stderr(Stdio::null())
        .spawn()
        .expect("started");
    let begun = project.root.join("../wait.begun");
    while !begun.exists() {
        assert!(child.try_wait().expect("a child").is_none(), "it ended");
        std::thread::sleep(Duration::from_millis(10));
    }
    kill(&mut child);
    kill_all_in(&project.root);
    fs_err::remove_file(&wait).expect("removed");
    let next = project.ok(&compile);
    assert!(next.stderr.contains("was killed"), "{}", next.stderr);
    let program = fs_err::read(project.root.join("out/arm64/app")).expect("built");
    assert!(program.windows(5).any(|part| part == b"whole"));
    let again = project.ok(&compile);
    assert!(!again.stderr.contains("was killed"), "{}", again.stderr);
}

#[test]
fn a_lock_that_was_not_written_to_its_end_leaves_nothing_in_the_project() {
    let project = Project::go();
    project.write(".polyarch-dead", "version = 1\n[[tool");
    project.ok(&["compile", "--platform", "arm64"]);
    assert_eq!(project.leftovers(), [] as [std::path::PathBuf; 0]);
}

#[test]
fn two_at_once_are_killed_and_the_next_run_has_the_same_result() {
    let project = Project::go();
    let build = ["build", "-q", "--platform", "arm64"];
    let expected = project.ok(&build).stdout;
    project.ok(&["lock"]);
    let lock = fs_err::read(project.root.join("polyarch.lock")).expect("a lock");
    let commands: [&[&str]; 4] = [
        &build,
        &["compile", "--platform", "arm64"],
        &["lock", "--upgrade"],
        &["toolchain", "list"],
    ];
    for (round, delay) in [3, 40, 130, 300].into_iter().enumerate() {
        let _ = fs_err::remove_dir_all(project.root.join("out"));
        let spawn = |number: usize| {
            let mut command = project.polyarch(commands[number % commands.len()]);
            command.stdout(Stdio::null()).stderr(Stdio::null());
            command.spawn().expect("started")
        };
        let mut both = [spawn(0), spawn(round)];
        let start = Instant::now();
        for child in &mut both {
            std::thread::sleep(Duration::from_millis(delay).saturating_sub(start.elapsed() / 2));
            kill(child);
        }
        if round % 2 == 0 {
            kill_all_in(&project.root);
        }
        assert_eq!(project.ok(&build).stdout, expected, "after {delay} ms");
        assert_eq!(project.leftovers(), [] as [std::path::PathBuf; 0]);
        let now = fs_err::read(project.root.join("polyarch.lock")).expect("a lock");
        assert_eq!(now, lock, "after {delay} ms");
    }
    assert!(files(&project.root.join("out")).len() > 4);
    let checked = ran(&mut project.polyarch(&["plan", "--locked"]));
    assert_eq!(checked.code, 0, "{}", checked.stderr);
}
