//! Under the limits of setrlimit(2), and with standard streams that take nothing.

use std::process::{Command, Stdio};

use super::support::judge::run;
use super::support::program::{Project, Ran, limited, ran, store};

/// Runs it with a limit, as the shell's `ulimit` takes it.
fn under(limit: &str, command: &Command) -> Ran {
    ran(&mut limited(limit, command))
}

#[test]
fn sixty_four_open_files_are_enough_for_a_build_of_many_platforms() {
    let project = Project::go();
    let platforms = "amd64,arm64,arm/v7";
    let build = project.polyarch(&["build", "-j", "16", "--platform", platforms]);
    let built = under("ulimit -n 64", &build);
    assert_eq!(built.code, 0, "{}", built.stderr);
    let program = project.root.join("out/arm64/hello");
    let printed = run("linux/arm64".parse().expect("a platform"), &program, &[]);
    assert_eq!(printed.stdout, "hello none 1\n");
}

#[test]
fn a_command_in_the_place_of_polyarch_has_the_limit_that_the_user_has_set() {
    let project = Project::go();
    let exec = ["exec", "--platform", "arm64", "--", "sh", "-c", "ulimit -n"];
    let shown = under("ulimit -Sn 200", &project.polyarch(&exec));
    assert_eq!((shown.code, shown.stdout.as_str()), (0, "200\n"));
}

#[test]
fn a_file_that_may_not_get_so_large_is_an_error_that_names_the_limit() {
    let project = Project::go();
    project.ok(&["compile", "--platform", "amd64"]);
    let config = "[build]\nkind = 'prebuilt'\nartifacts = ['out/{arch}/hello']\n\
                  [[image.files]]\nsrc = 'data'\ndst = '/data'\n";
    project.write("polyarch.toml", config);
    // What can't be compressed, and is new in the store.
    let seed = u64::from(std::process::id());
    let noise =
        (0..3_000_000_u64).map(|n| (n ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()[1]);
    project.write("data", noise.collect::<Vec<u8>>());
    let build = project.polyarch(&["build", "--platform", "amd64"]);
    // Blocks of 512 bytes, as POSIX has it; of 1024 in some shells.
    let failed = under("ulimit -f 1000", &build);
    assert_eq!(failed.code, 8, "{}", failed.stderr);
    assert!(failed.stderr.contains("too large"), "{}", failed.stderr);
    assert!(
        failed.stderr.contains("`ulimit -f unlimited`"),
        "{}",
        failed.stderr
    );
    assert_eq!(project.leftovers(), [] as [std::path::PathBuf; 0]);
    project.ok(&["build", "--platform", "amd64"]);
}

#[test]
fn closed_streams_do_not_disturb_a_build() {
    let project = Project::go();
    let quiet = project.polyarch(&["build", "--platform", "arm64"]);
    let built = under("exec <&- >&- 2>&-", &quiet);
    assert_eq!(built.code, 0);
    assert!(project.root.join("out/image/index.json").exists());
    assert!(store().join("v1").is_dir());
}

#[test]
fn a_result_that_standard_output_does_not_take_is_an_error_and_a_reader_that_has_gone_is_none() {
    let project = Project::go();
    let mut full = project.polyarch(&["completions", "bash"]);
    let device = fs_err::OpenOptions::new().write(true).open("/dev/full");
    full.stdout(Stdio::from(device.expect("Linux has it").into_file()));
    let failed = ran_as_it_is(&mut full);
    assert_eq!(failed.code, 8, "{}", failed.stderr);
    assert!(
        failed.stderr.contains("standard output"),
        "{}",
        failed.stderr
    );

    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut gone = project.polyarch(&["completions", "bash"]);
    gone.stdout(writer);
    let ended = ran_as_it_is(&mut gone);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
}

/// With its own standard output.
fn ran_as_it_is(command: &mut Command) -> Ran {
    let child = command.stderr(Stdio::piped()).spawn().expect("started");
    let output = child.wait_with_output().expect("ended");
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::new(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
