//! Bad input is a clear error with a way out and its own exit code, and leaves nothing behind.

use std::path::Path;
use std::process::Command;

use super::support::program::{Project, Ran, ran};

fn says(ran: &Ran, parts: &[&str]) {
    for part in parts {
        assert!(
            ran.stderr.contains(part),
            "`{part}` is not in:\n{}",
            ran.stderr
        );
    }
}

#[test]
fn a_wrong_platform_is_refused_and_never_dropped() {
    let project = Project::go();
    let typo = project.fails(2, &["build", "--platform", "linux/amd64,linux/arm46"]);
    says(
        &typo,
        &[
            "--platform",
            "unknown architecture `arm46`",
            "hint: did you mean `linux/arm64`?",
        ],
    );
    says(
        &project.fails(2, &["build", "--platform", "windows/amd64"]),
        &["`windows` is not supported"],
    );
    says(
        &project.fails(2, &["compile", "--platform", "linux/arm/v9"]),
        &["unknown variant `v9` of `arm`", "`v5`, `v6`, `v7`"],
    );
    says(
        &project.fails(2, &["plan", "--platform", "linux/"]),
        &["is not a platform"],
    );
    assert!(!project.root.join("out").exists(), "nothing was begun");
}

#[test]
fn an_unknown_key_is_named_with_line_column_and_the_nearest_key() {
    let project = Project::go();
    project.write("polyarch.toml", "[image]\nentrypont = ['x']\n");
    let error = project.fails(2, &["build"]);
    says(
        &error,
        &[
            "polyarch.toml:2:1: unknown key `entrypont` in [image]",
            "hint: did you mean `entrypoint`?",
        ],
    );
}

#[test]
fn no_project_and_two_kinds_of_project_are_told_apart() {
    let empty = Project::empty();
    says(&empty.fails(3, &["build"]), &["no project in", "go.mod"]);
    let both = Project::go();
    both.write(
        "polyarch.toml",
        "[build]\nartifacts = ['dist/{arch}/app']\n",
    );
    let error = both.fails(3, &["build"]);
    says(
        &error,
        &["`go` (go.mod)", "`prebuilt` (build.artifacts", "--kind go"],
    );
    both.ok(&["compile", "--kind", "go", "--platform", "arm64"]);
    says(
        &both.fails(2, &["build", "--kind", "cobol"]),
        &[
            "--kind: unknown kind of project `cobol`: expected `go`, `cargo`, `cmake`, `make`, `c` or `prebuilt`",
        ],
    );
    both.write("polyarch.toml", "build.kind = 'ada'\n");
    says(
        &both.fails(2, &["plan"]),
        &["build.kind in polyarch.toml: unknown kind of project `ada`"],
    );
}

#[test]
fn a_folder_that_does_not_exist_and_a_wrong_flag_are_usage_errors() {
    let project = Project::go();
    says(&project.fails(2, &["build", "nowhere"]), &["nowhere"]);
    says(&project.fails(2, &["-C", "nowhere", "build"]), &["nowhere"]);
    let wrong = ran(&mut project.polyarch(&["build", "--platfrom", "x"]));
    assert_eq!(wrong.code, 2);
    says(&wrong, &["--platform"]);
}

#[test]
fn a_compile_error_is_passed_on_untouched_with_the_platforms_in_front() {
    let project = Project::go();
    project.write(
        "extra_arm64.go",
        "package main\n\nvar broken = undefinedName\n",
    );
    let error = project.fails(1, &["build", "--platform", "amd64,arm64"]);
    says(
        &error,
        &[
            "compiling for linux/arm64 failed",
            "./extra_arm64.go:3:14: undefined: undefinedName",
        ],
    );
    assert!(
        project.root.join("out/amd64/hello").is_file(),
        "the other platform was finished"
    );
    assert!(
        !project.root.join("out/image").exists(),
        "no image of half the platforms"
    );
    assert!(project.leftovers().is_empty());
}

#[test]
fn several_commands_without_an_entrypoint_name_both_ways_out() {
    let main = "package main\n\nfunc main() {}\n";
    let project = Project::with(&[
        ("go.mod", "module example.com/two\n\ngo 1.21\n"),
        ("cmd/one/main.go", main),
        ("cmd/other/main.go", main),
    ]);
    let error = project.fails(2, &["build"]);
    says(&error, &["`one`, `other`", "--bin one", "--entrypoint one"]);
    project.ok(&["build", "--platform", "arm64", "--bin", "one"]);
    project.ok(&["build", "--platform", "arm64", "--entrypoint", "other"]);
    says(
        &project.fails(2, &["build", "--bin", "on"]),
        &["no command `on`", "did you mean `one`?"],
    );
    says(
        &project.fails(2, &["build", "--entrypoint", "one", "-t", "{nope}"]),
        &["unknown placeholder `{nope}`", "{version}"],
    );
}

#[test]
fn c_code_is_compiled_unless_the_user_says_that_there_is_none() {
    let project = Project::with(&[
        ("go.mod", "module example.com/c\n\ngo 1.21\n"),
        (
            "main.go",
            "package main\n\nimport \"example.com/c/native\"\n\nfunc main() { native.Call() }\n",
        ),
        (
            "native/native.go",
            "package native\n\n// int one(void) { return 1; }\nimport \"C\"\n\nfunc Call() { C.one() }\n",
        ),
        (
            "native/pure.go",
            "//go:build !cgo\n\npackage native\n\nfunc Call() {}\n",
        ),
    ]);
    let program = project.root.join("out/arm64/c");
    project.ok(&["compile", "--platform", "arm64"]);
    let with = fs_err::read(&program).expect("built");
    let meant = ran(project
        .polyarch(&["compile", "--platform", "arm64"])
        .env("CGO_ENABLED", "0"));
    assert_eq!(meant.code, 0, "{}", meant.stderr);
    assert_ne!(fs_err::read(&program).expect("built"), with);
}

#[test]
fn a_file_of_the_wrong_machine_stops_the_build() {
    let source = Project::go();
    source.ok(&["compile", "--platform", "amd64,arm/v6,arm/v7"]);
    let built = |folder: &str| {
        fs_err::read(source.root.join("out").join(folder).join("hello")).expect("built")
    };
    let project = Project::empty();
    project.write("out/arm64/app", built("amd64"));
    let error = project.fails(7, &["build"]);
    says(
        &error,
        &["out/arm64/app", "linux/arm64", "AArch64", "x86-64"],
    );
    assert!(!project.root.join("out/image").exists());

    let newer = Project::empty();
    newer.write("out/armv6/app", built("armv7"));
    says(
        &newer.fails(7, &["build"]),
        &["out/armv6/app", "linux/arm/v6"],
    );
    let older = Project::empty();
    older.write("out/armv7/app", built("armv6"));
    older.ok(&["build"]);
    let script = Project::empty();
    script.write("out/arm64/app", "#!/bin/sh\necho\n");
    says(&script.fails(7, &["build"]), &["out/arm64/app", "script"]);
}

#[test]
fn a_prebuilt_platform_without_a_file_is_named() {
    let project = Project::empty();
    project.write("out/arm64/app", "");
    let error = project.fails(
        3,
        &["build", "--kind", "prebuilt", "--platform", "arm64,s390x"],
    );
    says(&error, &["no file for linux/s390x", "out/s390x/*"]);
}

#[test]
fn a_go_line_newer_than_every_go_is_an_error_with_the_way_out() {
    let project = Project::go();
    project.write("go.mod", "module example.com/hello\n\ngo 1.999\n");
    says(&project.fails(4, &["build"]), &["1.999", "go.mod", "hint:"]);
}

#[test]
fn broken_bases_are_told_apart() {
    let base = Project::go();
    base.ok(&[
        "build",
        "--platform",
        "arm64,amd64",
        "-o",
        "type=oci-layout,dest=base",
        "-o",
        "type=oci,dest=base.tar",
    ]);
    let project = Project::go();
    // A store of its own: what another one holds already is taken from there, whole.
    let home = project.root.join("../home");
    // It has no compiler, so that is the machine's.
    let go = project.ok(&["toolchain", "path", "go"]).stdout;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(Path::new(go.trim()).join("bin"));
    let path = std::env::join_paths(folders.chain(std::env::split_paths(&path))).expect("a path");
    let attempt = |code: i32, reference: &str, parts: &[&str]| {
        let mut build = project.polyarch(&["build", "--platform", "arm64", "--base", reference]);
        let error = ran(build.env("POLYARCH_HOME", &home).env("PATH", &path));
        assert_eq!(error.code, code, "{reference}: {}", error.stderr);
        says(&error, parts);
        assert!(!project.root.join("out/image/index.json").exists());
    };
    let broken = |name: &str, harm: &dyn Fn(&Path)| {
        let copy = base.root.join(name);
        let status = Command::new("cp")
            .arg("-r")
            .arg(base.root.join("base"))
            .arg(&copy)
            .status();
        assert!(status.expect("started").success());
        harm(&copy);
        format!("oci:{}", copy.display())
    };
    let largest = |layout: &Path| {
        let blobs = super::support::program::files(&layout.join("blobs/sha256")).into_iter();
        blobs
            .max_by_key(|path| path.metadata().map_or(0, |found| found.len()))
            .expect("a blob")
    };
    attempt(10, "oci:/nowhere", &["/nowhere"]);
    attempt(
        10,
        &broken("no-index", &|layout| {
            fs_err::remove_file(layout.join("index.json")).expect("removed")
        }),
        &["index.json"],
    );
    attempt(
        10,
        &broken("json", &|layout| {
            fs_err::write(layout.join("index.json"), "{").expect("written")
        }),
        &["index.json"],
    );
    let every = |harm: &'static dyn Fn(&Path)| {
        move |layout: &Path| {
            for blob in super::support::program::files(&layout.join("blobs/sha256")) {
                // Manifests stay: the fault is in what they point at.
                if blob.metadata().expect("there").len() > 4000 {
                    harm(&blob);
                }
            }
        }
    };
    attempt(
        6,
        &broken(
            "changed",
            &every(&|blob| {
                let mut bytes = fs_err::read(blob).expect("read");
                bytes[100] ^= 1;
                fs_err::remove_file(blob).expect("removed");
                fs_err::write(blob, bytes).expect("written");
            }),
        ),
        &["sha256:", "expected"],
    );
    attempt(
        6,
        &broken(
            "short",
            &every(&|blob| {
                let bytes = fs_err::read(blob).expect("read");
                fs_err::remove_file(blob).expect("removed");
                fs_err::write(blob, &bytes[..bytes.len() - 1]).expect("written");
            }),
        ),
        &["bytes"],
    );
    attempt(
        6,
        &broken("missing", &|layout| {
            every(&|blob| fs_err::remove_file(blob).expect("removed"))(layout);
            assert!(largest(layout).exists());
        }),
        &["sha256:"],
    );
    attempt(10, "registry.example/app:1", &["hint:", "skopeo copy"]);
}

#[test]
fn layers_and_archives_with_unsafe_names_are_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let archive = folder.path().join("evil.tar");
    let mut builder = tar::Builder::new(fs_err::File::create(&archive).expect("created"));
    let mut header = tar::Header::new_ustar();
    header.set_size(2);
    header.set_mode(0o644);
    let name = b"../../evil";
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_cksum();
    builder.append(&header, &b"{}"[..]).expect("appended");
    builder.finish().expect("finished");
    let project = Project::go();
    let error = project.fails(
        6,
        &[
            "build",
            "--base",
            &format!("oci-archive:{}", archive.display()),
        ],
    );
    says(&error, &["../../evil"]);
    assert!(!folder.path().join("../../evil").exists());
}

#[test]
fn a_project_that_can_not_be_written_is_an_error_of_this_machine() {
    let project = Project::go();
    project.write("out", "a file where the folder should be");
    says(
        &project.fails(8, &["compile", "--platform", "arm64"]),
        &["out"],
    );
}

#[test]
fn a_store_that_can_not_be_written_is_named_with_a_hint() {
    let project = Project::go();
    let file = project.write("../file", "");
    let error = ran(project
        .polyarch(&["build", "--platform", "arm64"])
        .env("POLYARCH_HOME", &file));
    assert_eq!(error.code, 8, "{}", error.stderr);
    says(&error, &["file", "hint:", "POLYARCH_HOME"]);
}

#[test]
fn a_full_disk_is_said_and_leaves_what_was_there() {
    let project = Project::go();
    project.ok(&["build", "--platform", "arm64"]);
    let before = fs_err::read(project.root.join("out/image/index.json")).expect("an image");
    project.write("blob", vec![7; 3 << 20]);
    // Files of this process can't grow past the limit: the same path as a full disk, without one.
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 2000; exec \"$0\" \"$@\""]);
    let plain = project.polyarch(&["build", "--platform", "arm64", "--compression", "none"]);
    project.write(
        "polyarch.toml",
        "[[image.files]]\nsrc = 'blob'\ndst = '/blob'\n",
    );
    limited
        .arg(plain.get_program())
        .args(plain.get_args())
        .current_dir(&project.root);
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    let error = ran(&mut limited);
    assert_eq!(error.code, 8, "{}", error.stderr);
    assert!(project.leftovers().is_empty());
    assert_eq!(
        fs_err::read(project.root.join("out/image/index.json")).expect("an image"),
        before
    );
}

#[test]
fn a_link_that_leads_to_itself_and_a_pipe_are_refused() {
    let project = Project::go();
    project.write(
        "polyarch.toml",
        "[[image.files]]\nsrc = 'data'\ndst = '/data'\n",
    );
    project.write("data/file", "x");
    // A dangling link inside a folder is kept as a link; it may lead somewhere in the base.
    std::os::unix::fs::symlink("nowhere", project.root.join("data/dangling")).expect("a link");
    project.ok(&["build", "--platform", "arm64"]);
    std::os::unix::fs::symlink("loop", project.root.join("data/loop")).expect("a link");
    says(
        &project.fails(2, &["build", "--platform", "arm64"]),
        &["data/loop", "leads back to itself"],
    );
    std::os::unix::fs::symlink("self", project.root.join("self")).expect("a link");
    project.write(
        "polyarch.toml",
        "[[image.files]]\nsrc = 'self'\ndst = '/data'\n",
    );
    says(
        &project.fails(2, &["build", "--platform", "arm64"]),
        &["self"],
    );
    project.write(
        "polyarch.toml",
        "[[image.files]]\nsrc = 'sockets'\ndst = '/data'\n",
    );
    fs_err::create_dir(project.root.join("sockets")).expect("a folder");
    let pipe = project.root.join("sockets/pipe");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("started").success());
    says(
        &project.fails(2, &["build", "--platform", "arm64"]),
        &["sockets/pipe"],
    );
}

#[test]
fn a_missing_extra_file_is_named() {
    let project = Project::go();
    project.write(
        "polyarch.toml",
        "[[image.files]]\nsrc = 'nope.conf'\ndst = '/etc/x'\n",
    );
    says(
        &project.fails(2, &["build", "--platform", "arm64"]),
        &["nope.conf"],
    );
}

#[test]
fn offline_without_the_toolchain_says_what_was_needed() {
    let project = Project::go();
    project.write("polyarch.toml", "[toolchain]\nprefer = 'fetched'\n");
    let home = project.root.join("../empty-home");
    let error = ran(project
        .polyarch(&["compile", "--platform", "arm64"])
        .env("POLYARCH_HOME", &home));
    assert_eq!(error.code, 9, "{}", error.stderr);
    says(&error, &["go", "offline", "hint:"]);
}

#[test]
fn offline_names_everything_that_is_missing_at_once() {
    let project = Project::go();
    project.write("polyarch.toml", "[toolchain]\nprefer = 'fetched'\n");
    for arguments in [&["build"][..], &["plan"], &["lock"]] {
        let error = ran(project
            .polyarch(arguments)
            .env("POLYARCH_HOME", project.root.join("../empty-home")));
        assert_eq!(error.code, 9, "{}", error.stderr);
        let command = "run `polyarch toolchain fetch certifi tzdata go`";
        says(&error, &["`certifi` 20", "`tzdata` 20", "`go` 1.", command]);
    }
}

#[test]
fn a_build_cache_that_can_not_be_written_is_no_error_in_the_code() {
    let project = Project::go();
    let cache = project.write("file", "").join("cache");
    let error = ran(project
        .polyarch(&["compile", "--platform", "arm64"])
        .env("GOCACHE", &cache));
    assert_eq!(error.code, 8, "{}", error.stderr);
    says(
        &error,
        &["a projekt für tests/file/cache", "`export GOCACHE=/"],
    );
}
