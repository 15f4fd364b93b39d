//! Names of files that mean something to a shell, a compiler or a terminal, and trees that go in
//! circles.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixListener;

use crate::support::judge::{agrees, judge};
use crate::support::program::{Project, ran};

use super::{HELLO, project};

const ARM64: [&str; 3] = ["compile", "--platform", "arm64"];

fn put(project: &Project, name: &[u8], text: &str) {
    fs_err::write(project.root.join(OsStr::from_bytes(name)), text).expect("written");
}

#[test]
fn sources_may_have_any_name() {
    let long = "x".repeat(253);
    let names: [&[u8]; 13] = [
        b"a\nb",
        b"it's",
        b"a\"b",
        b"a\\b",
        b"a$b$(x)",
        b"a\xffb",
        b"-dash",
        b"@at",
        b"a b;c&",
        b"*",
        b"a\x1b[31mb",
        b"a#b%c",
        long.as_bytes(),
    ];
    let project = project(&[("main.c", HELLO)]);
    for (number, name) in names.into_iter().enumerate() {
        put(
            &project,
            &[name, b".c"].concat(),
            &format!("int f{number}(void) {{ return {number}; }}\n"),
        );
    }
    // Again, with what is known of the first time.
    project.ok(&ARM64);
    project.ok(&ARM64);
    put(&project, b"-dash.c", "int f6(void) { return x; }\n");
    let error = project.fails(1, &ARM64).stderr;
    assert!(error.contains("-dash.c:1:"), "{error}");
}

#[test]
fn a_program_may_have_the_name_of_any_source() {
    for name in ["-dash", "@at", "a$b", "it's", "a\nb"] {
        let project = project(&[("notes", "")]);
        put(&project, format!("{name}.c").as_bytes(), HELLO);
        project.ok(&ARM64);
        assert!(
            project.root.join("out/arm64").join(name).is_file(),
            "{name}"
        );
    }
}

#[test]
fn what_is_no_file_and_what_goes_in_circles_is_nobodys_source() {
    for (name, text) in [
        ("Makefile", "app: app.c\n\t$(CC) -o $@ app.c\n"),
        (
            "CMakeLists.txt",
            "cmake_minimum_required(VERSION 3.14)\nproject(app C)\nadd_executable(app app.c)\n",
        ),
        ("notes", ""),
    ] {
        let project = project(&[(name, text), ("app.c", HELLO), ("sub/x.txt", "")]);
        let link = |target: &str, name: &str| {
            fs_err::os::unix::fs::symlink(target, project.root.join(name)).expect("linked");
        };
        link(".", "dot");
        link("..", "sub/up");
        link("b", "a");
        link("a", "b");
        link("/", "root");
        link("/dev/zero", "zero.c");
        agrees(judge("mkfifo").arg(project.root.join("pipe.c")));
        agrees(judge("mkfifo").arg(project.root.join("sub/pipe.h")));
        let socket = UnixListener::bind(project.root.join("s.c"));
        // Its path may be too long for one.
        drop(socket);
        project.ok(&["compile", "--platform", "arm64"]);
        assert!(project.root.join("out/arm64/app").is_file(), "{name}");
    }
}

#[test]
fn files_of_an_image_may_have_any_name_that_is_text() {
    let project = Project::with(&[(
        "polyarch.toml",
        "project.name = 'app'\n[[image.files]]\nsrc = 'data'\ndst = '/data'\n",
    )]);
    let long = "x".repeat(255);
    let names = [
        "a\nb",
        "it's",
        "a\"b",
        "a\\b",
        "a$b",
        "-dash",
        "@at",
        "*",
        "a\x1b[31m",
        "Case",
        "case",
        "%41",
        "é",
        &long,
    ];
    for name in names {
        project.write(&format!("data/{name}"), "x");
    }
    // Deeper than a path may be long in one piece.
    let deep = vec!["d".repeat(90); 30].join("/");
    project.write(&format!("data/{deep}/f"), "x");
    project.ok(&["build", "--platform", "arm64"]);
    let folder = tempfile::tempdir().unwrap();
    let arm64 = "arm64".parse().expect("a platform");
    let root = crate::support::judge::unpack(&project.root.join("out/image"), arm64, folder.path());
    for name in names {
        assert_eq!(
            fs_err::read(root.join("data").join(name)).expect(name),
            b"x"
        );
    }
    assert!(root.join("data").join(deep).join("f").is_file());
}

#[test]
fn control_characters_in_names_do_not_reach_the_terminal() {
    let project = Project::with(&[(
        "polyarch.toml",
        "project.name = 'app'\n[[image.files]]\nsrc = 'data'\ndst = '/data'\n",
    )]);
    project.write("data/file", "x");
    agrees(judge("mkfifo").arg(project.root.join("data/a\x1b[2J\u{9b}31mb")));
    let mut build = project.polyarch(&["--color", "always", "build", "--platform", "arm64"]);
    let error = ran(&mut build).stderr;
    assert!(
        error.contains("a\\u{1b}[2J\\u{9b}31mb` is a pipe"),
        "{error}"
    );
    assert!(
        !error.contains("\x1b[2J") && !error.contains('\u{9b}'),
        "{error}"
    );

    let project = super::project(&[("notes", "")]);
    put(&project, b"a\x1b[2Jb.c", HELLO);
    for arguments in [&ARM64[..], &["plan", "-v", "--platform", "arm64"]] {
        let ran = project.ok(arguments);
        let all = ran.stdout + &ran.stderr;
        assert!(!all.contains("\x1b[2J"), "{all}");
        assert!(all.contains("a\\u{1b}[2Jb"), "{all}");
    }
    let json = project
        .ok(&["plan", "--json", "--platform", "arm64"])
        .stdout;
    assert!(!json.contains('\x1b'), "{json}");
    let plan: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert!(plan.to_string().contains("a\\u001b[2Jb"), "{json}");
}
