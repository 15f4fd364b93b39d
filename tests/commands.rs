//! What the command line answers by itself, before any project is looked at.

use super::support::program::{Project, ran};

#[test]
fn help_is_a_command_too_and_what_is_not_there_yet_is_said() {
    let project = Project::empty();
    let asked = |words: &[&str]| project.ok(words).stdout;
    assert_eq!(asked(&["help"]), asked(&["--help"]));
    assert_eq!(asked(&["help", "build"]), asked(&["build", "--help"]));
    let fetch = ["toolchain", "fetch", "--help"];
    assert_eq!(asked(&["help", "toolchain", "fetch"]), asked(&fetch));
    assert_eq!(ran(&mut project.polyarch(&["help", "biuld"])).code, 2);
    let file = project.fails(2, &["build", "-f", "Dockerfile"]);
    let words = "`-f Dockerfile`: Dockerfiles are not read yet";
    assert!(file.stderr.contains(words), "{}", file.stderr);
    let host = project.fails(
        4,
        &["toolchain", "fetch", "certifi", "--host", "linux/arm46"],
    );
    for part in ["host `linux/arm46`", "`linux/arm64`", "hint: "] {
        assert!(host.stderr.contains(part), "{}", host.stderr);
    }
}
