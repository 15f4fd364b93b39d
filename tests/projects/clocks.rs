//! Times that jump: sources that are replaced by older ones, clocks that were wrong for a while. What
//! was changed is built again, and what came of it is the same.

use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::support::judge::run;
use crate::support::program::{Project, files};

use super::{built, platform, project};

const LISTS: &str =
    "cmake_minimum_required(VERSION 3.14)\nproject(app C)\nadd_executable(app app.c)\n";

/// Every way to build C.
const WAYS: [(&str, &str); 3] = [
    ("Makefile", "app: app.c\n\t$(CC) -o $@ app.c\n"),
    ("CMakeLists.txt", LISTS),
    ("notes", "only sources\n"),
];

fn source(text: &str) -> String {
    format!("#include <stdio.h>\nint main(void) {{ puts(\"{text}\"); return 0; }}\n")
}

fn says(project: &Project) -> String {
    project.ok(&["compile", "--platform", "arm64"]);
    let program = built(project, platform("arm64"), "app");
    run(platform("arm64"), &program, &[]).stdout
}

fn hours_ago(hours: u64) -> SystemTime {
    SystemTime::now() - Duration::from_secs(hours * 3600)
}

fn date(path: &Path, time: SystemTime) {
    let file = fs_err::File::open(path).expect("opened");
    file.set_modified(time).expect("set");
}

/// Puts another file in the source's place, as `mv` does.
fn replace(project: &Project, text: &str, time: SystemTime) {
    let other = project.write("../other.c", source(text));
    date(&other, time);
    fs_err::rename(other, project.root.join("app.c")).expect("renamed");
}

#[test]
fn a_source_that_is_replaced_by_an_older_one_is_compiled() {
    for (name, text) in WAYS {
        let project = project(&[(name, text), ("app.c", "")]);
        replace(&project, "first", hours_ago(9));
        assert_eq!(says(&project), "first\n", "{name}");
        // Newer than the one before, and older than what came of that.
        replace(&project, "second", hours_ago(5));
        assert_eq!(says(&project), "second\n", "{name}");
        replace(&project, "third", hours_ago(7));
        assert_eq!(says(&project), "third\n", "{name}");
        // In its place, as `cp -p` does.
        project.write("app.c", source("fourth"));
        date(&project.root.join("app.c"), hours_ago(20));
        assert_eq!(says(&project), "fourth\n", "{name}");
        project.write("app.c", source("fifth"));
        assert_eq!(says(&project), "fifth\n", "{name}");
    }
}

#[test]
fn a_list_of_cmake_that_is_replaced_by_an_older_one_is_read() {
    let defined = |text: &str| {
        format!("{LISTS}target_compile_definitions(app PRIVATE \"TEXT=\\\"{text}\\\"\")\n")
    };
    let source = "#include <stdio.h>\nint main(void) { puts(TEXT); return 0; }\n";
    let project = project(&[("CMakeLists.txt", &defined("first")), ("app.c", source)]);
    assert_eq!(says(&project), "first\n");
    project.write("CMakeLists.txt", defined("other"));
    date(&project.root.join("CMakeLists.txt"), hours_ago(3));
    assert_eq!(says(&project), "other\n");
}

#[test]
fn a_clock_that_was_ahead_while_building_hides_no_change_afterwards() {
    for (name, text) in WAYS {
        let project = project(&[(name, text), ("app.c", &source("first"))]);
        assert_eq!(says(&project), "first\n", "{name}");
        let ahead = hours_ago(0) + Duration::from_secs(48 * 3600);
        for path in files(&project.root.join("out")) {
            if !path.is_symlink() {
                date(&path, ahead);
            }
        }
        project.write("app.c", source("second"));
        assert_eq!(says(&project), "second\n", "{name}");
        project.write("app.c", source("third"));
        assert_eq!(says(&project), "third\n", "{name}");
    }
}

#[test]
fn sources_from_the_future_and_from_before_1970_are_built_and_their_changes_seen() {
    for (name, text) in WAYS {
        let project = project(&[(name, text), ("app.c", &source("first"))]);
        let far = SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
        let before = SystemTime::UNIX_EPOCH - Duration::from_secs(400_000);
        for (said, time) in [
            ("future", far),
            ("past", before),
            ("epoch", SystemTime::UNIX_EPOCH),
        ] {
            project.write("app.c", source(said));
            date(&project.root.join("app.c"), time);
            assert_eq!(says(&project), format!("{said}\n"), "{name}");
            assert_eq!(says(&project), format!("{said}\n"), "{name}");
        }
    }
}
