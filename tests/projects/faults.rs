//! What can be wrong with a project of C or C++: a clear error, and nothing left behind.

use std::path::PathBuf;

use crate::support::program::Project;

use super::{HELLO, built, configured, example, platform, project};

#[test]
fn a_makefile_that_calls_gcc_by_name_is_an_error_that_says_so() {
    let project = project(&[
        ("Makefile", "app: app.c\n\tcc -o app app.c\n"),
        ("app.c", HELLO),
    ]);
    let error = project
        .fails(7, &["compile", "--platform", "riscv64"])
        .stderr;
    assert!(error.contains("it did not use `CC`: `app`"), "{error}");
    assert!(error.contains("variables = {"), "{error}");
    assert_eq!(project.leftovers(), Vec::<PathBuf>::new());
}

#[test]
fn a_compilers_words_are_shown_as_they_are_with_the_platforms_in_front() {
    let project = project(&[
        ("Makefile", "app: app.c\n\t$(CC) -o app app.c\n"),
        ("app.c", "int main(void) { return missing; }\n"),
    ]);
    let error = project
        .fails(1, &["compile", "--platform", "amd64,arm64"])
        .stderr;
    assert!(
        error.contains("error: compiling for linux/amd64, linux/arm64 failed (exit status 2)\n"),
        "{error}"
    );
    assert!(
        error.contains("\napp.c:1:25: error: use of undeclared identifier 'missing'\n"),
        "{error}"
    );
}

#[test]
fn a_source_that_is_not_utf8_is_compiled_and_its_errors_are_shown() {
    let project = project(&[("Makefile", "app: app.c\n\t$(CC) -o app app.c\n")]);
    let mut text = b"/* gr\xfc\xdf */\n".to_vec();
    text.extend(HELLO.bytes());
    project.write("app.c", &text);
    project.ok(&["compile", "--platform", "arm64"]);
    text.extend(b"int \xfc;\n");
    project.write("app.c", &text);
    let error = project.fails(1, &["compile", "--platform", "arm64"]).stderr;
    assert!(error.contains("app.c:4:5: error:"), "{error}");
}

#[test]
fn a_build_that_leaves_nothing_and_a_program_nobody_built_are_told() {
    let project = project(&[
        (
            "Makefile",
            "all:\n\t@echo nothing\napp: app.c\n\t$(CC) -o app app.c\n",
        ),
        ("app.c", HELLO),
    ]);
    let error = project.fails(3, &["compile", "--platform", "arm64"]).stderr;
    assert!(
        error.contains("left no program and no shared library"),
        "{error}"
    );
    let project = configured(project, "[build]\ntargets = ['app']");
    project.ok(&["compile", "--platform", "arm64"]);
    let error = project
        .fails(2, &["compile", "--platform", "arm64", "--bin", "ap"])
        .stderr;
    assert!(error.contains("hint: did you mean `app`?"), "{error}");
}

#[test]
fn a_malformed_tag_is_told_before_anything_is_compiled() {
    let project = example("c-make");
    project.fails(
        2,
        &["build", "--platform", "arm64", "-t", "ghcr.io/UPPER:1"],
    );
    assert!(!project.root.join("out").exists());
}

#[test]
fn a_configure_script_is_left_to_exec() {
    let project = project(&[("configure", "#!/bin/sh\n"), ("app.c", HELLO)]);
    let error = project.fails(3, &["compile", "--platform", "arm64"]).stderr;
    assert!(error.contains("sh -c './configure && make'"), "{error}");
}

#[test]
fn a_build_that_is_ended_leaves_neither_processes_nor_half_results() {
    let makefile = "app: app.c\n\t$(CC) -o app app.c\n\ttouch $(MARK)\n\tsleep 300\n";
    let mark = tempfile::tempdir().expect("a temporary folder");
    let mark = mark.path().join("mark");
    let config = format!("[build]\nvariables = {{ MARK = '{}' }}", mark.display());
    let files = [("Makefile", makefile), ("app.c", HELLO)];
    let project = configured(Project::with(&files), &config);
    let mut child = project
        .polyarch(&["compile", "--platform", "arm64"])
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("started");
    while !mark.exists() {
        assert!(
            child.try_wait().expect("a child").is_none(),
            "it ended by itself"
        );
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::INT).expect("sent");
    assert_eq!(child.wait().expect("ended").code(), Some(130));
    assert!(!built(&project, platform("arm64"), "app").exists());
    assert_eq!(project.leftovers(), Vec::<PathBuf>::new());
    let config = "[build]\ntargets = ['app']\nvariables = { MARK = 'mark' }";
    let project = configured(project, config);
    let text = makefile.replace("sleep 300", "sleep 0");
    project.write("Makefile", text);
    project.ok(&["compile", "--platform", "arm64"]);
    assert!(built(&project, platform("arm64"), "app").is_file());
}
