//! A disk that fills while C is compiled: a small one of its own, mounted where nobody else sees it.
//!
//! Needs `unshare` and a kernel that lets users have namespaces of their own; without, these tests fail.

use std::path::Path;
use std::process::Command;

use crate::support::judge::{judge, run};
use crate::support::program::{Project, Ran, ran, store_without_caches};

use super::platform;

/// Six megabytes of data, so that an object and a program of it fill a disk that has less.
const LARGE: &str = "#include <stdio.h>\nstatic const char large[6 << 20] = {1, 2};\n\
    int main(void) { volatile const char *first = large; puts(*first == 1 ? \"hello\" : \"\"); return 0; }\n";

const MAKEFILE: &str = "app: app.o\n\t$(CC) -o $@ app.o\napp.o: app.c\n\t$(CC) -c app.c\n";

const LISTS: &str =
    "cmake_minimum_required(VERSION 3.14)\nproject(app C)\nadd_executable(app app.c)\n";

/// What is done where the disk is: `$DISK`, of `$SIZE` MB, with `$LEFT` kB left, and on it the project, or
/// the compilers' caches of `$STORE`. The first build, what it has left, then one with space again.
const SCRIPT: &str = r#"
set -e
mount -t tmpfs -o "size=${SIZE}m" none "$DISK"
if [ -n "$STORE" ]; then
    export POLYARCH_HOME="$STORE"
    rmdir "$STORE/v1/caches"
    ln -s "$DISK" "$STORE/v1/caches"
else
    cp -r . "$DISK/project"
    cd "$DISK/project"
fi
free=$(df --output=avail "$DISK" | tail -n 1)
head -c $(((free - LEFT) * 1024)) /dev/zero > "$DISK/filler"
code=0
"$@" || code=$?
echo "first $code"
find out/arm64 out/.tmp -type f 2>/dev/null || true
rm "$DISK/filler"
"$@"
cp out/arm64/app "$DISK.app"
"#;

/// Builds where so many kB are left, and expects that to be told; then with space again.
fn fills(project: &Project, left: u32, store: Option<&Path>) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    fs_err::create_dir(&disk).unwrap();
    let build = project.polyarch(&["compile", "--platform", "arm64"]);
    let mut unshare = judge("unshare");
    unshare
        .args(["--map-root-user", "--mount", "sh", "-c", SCRIPT, "sh"])
        .arg(build.get_program())
        .args(build.get_args());
    as_for(&mut unshare, &build)
        .env("DISK", &disk)
        .env("SIZE", if store.is_some() { "200" } else { "40" })
        .env("LEFT", left.to_string())
        .env("STORE", store.unwrap_or(Path::new("")));
    let ran = ran(&mut unshare);
    assert_eq!(ran.code, 0, "{left} kB left: {}{}", ran.stdout, ran.stderr);
    assert_eq!(ran.stdout, "first 8\n", "{left} kB left: {}", ran.stderr);
    let full = store.map_or(disk, |store| store.join("v1/caches"));
    let place = full.display().to_string();
    assert!(
        ran.stderr.contains("error: no space left"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains(&place), "{}", ran.stderr);
    assert!(
        ran.stderr.contains(" hint: free some space"),
        "{}",
        ran.stderr
    );
    let program = folder.path().join("disk.app");
    let printed = run(platform("arm64"), &program, &[]).stdout;
    assert_eq!(printed, "hello\n", "{left} kB left");
    ran
}

/// The folder and the environment of another command.
fn as_for<'a>(command: &'a mut Command, other: &Command) -> &'a mut Command {
    command.current_dir(other.get_current_dir().expect("a folder"));
    for (name, value) in other.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

/// The object does not fit, the program does not, the stripped program does not.
const PLACES: [u32; 3] = [3_000, 10_000, 14_000];

#[test]
fn a_disk_that_fills_under_make_is_named_and_with_space_again_the_build_goes_on() {
    let files = [("Makefile", MAKEFILE), ("app.c", LARGE)];
    for left in PLACES {
        fills(&super::project(&files), left, None);
    }
}

#[test]
fn a_disk_that_fills_under_cmake_is_named_and_with_space_again_the_build_goes_on() {
    let files = [("CMakeLists.txt", LISTS), ("app.c", LARGE)];
    // Some files of CMake's own, and none of the compiler's.
    for left in [60, 3_000, 14_000] {
        fills(&super::project(&files), left, None);
    }
}

#[test]
fn a_disk_that_fills_with_sources_alone_is_named_and_with_space_again_the_build_goes_on() {
    for left in PLACES {
        fills(&super::project(&[("app.c", LARGE)]), left, None);
    }
}

#[test]
fn a_disk_that_fills_with_what_the_compiler_builds_for_itself_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    store_without_caches(&store);
    let source = "#include <stdio.h>\nint main(void) { puts(\"hello\"); return 0; }\n";
    let project = super::project(&[("app.c", source)]);
    fills(&project, 4_000, Some(&store));
}
