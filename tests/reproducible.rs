//! Same inputs, same bytes.

use std::os::unix::process::CommandExt;

use super::support::program::{Project, ran, store_with};

fn digest(
    project: &Project,
    environment: &[(&str, &str)],
    arguments: &[&str],
    umask: &str,
) -> String {
    let mut command = project.polyarch(&["build", "-q", "--platform", "amd64,arm64,arm/v7"]);
    command.args(arguments);
    // A shell in between, since the mask is inherited and setting it here would race other tests.
    let program = command.get_program().to_owned();
    let mut shell = std::process::Command::new("sh");
    shell
        .arg("-c")
        .arg(format!("umask {umask}; exec \"$0\" \"$@\""))
        .arg(program)
        .args(command.get_args());
    shell.current_dir(&project.root).env_clear();
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            shell.env(name, value);
        }
    }
    shell.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    shell.envs(environment.iter().copied()).process_group(0);
    let ran = ran(&mut shell);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let digest = ran.stdout.trim().to_owned();
    assert!(
        digest.starts_with("sha256:") && digest.len() == 71,
        "{digest}"
    );
    digest
}

#[test]
fn the_digest_does_not_depend_on_directory_jobs_locale_zone_or_mask() {
    let first = Project::example("go-http");
    let second = Project::example("go-http");
    // The second store has what was fetched, and nothing that was made from it.
    let (_folder, store) = store_with(&["blobs"], "store");
    let one = digest(&first, &[("TZ", "UTC"), ("LC_ALL", "C")], &["-j1"], "022");
    let home = store.to_str().expect("a name");
    let other = [
        ("TZ", "Asia/Tokyo"),
        ("LC_ALL", "de_DE.UTF-8"),
        ("POLYARCH_HOME", home),
        ("USER", "other"),
    ];
    let two = digest(&second, &other, &["-j2"], "077");
    assert_eq!(one, two);
}

#[test]
fn source_date_epoch_changes_the_bytes_and_nothing_else_does() {
    let project = Project::go();
    let plain = digest(&project, &[], &[], "022");
    let dated = digest(&project, &[("SOURCE_DATE_EPOCH", "1700000000")], &[], "022");
    assert_ne!(plain, dated);
    assert_eq!(digest(&project, &[], &[], "022"), plain);
}
