//! Folders and what they are taken for.

use super::*;

fn folder(files: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("temporary folder");
    for file in files {
        let path = folder.path().join(file);
        fs_err::create_dir_all(path.parent().expect("has a parent")).expect("created");
        fs_err::write(path, "").expect("written");
    }
    folder
}

#[test]
fn a_go_mod_makes_a_go_project_even_with_an_out_folder_beside_it() {
    let folder = folder(&["go.mod", "out/arm64/app"]);
    let found = detect(folder.path(), Declared::default()).expect("detected");
    assert_eq!(found.kind, Kind::Go);
    assert_eq!(found.evidence.len(), 1);
}

#[test]
fn a_cargo_toml_makes_a_rust_project_whatever_helps_beside_it() {
    let kind = |files: &[&str]| {
        let folder = folder(files);
        detect(folder.path(), Declared::default()).map(|found| found.kind)
    };
    let files = ["Cargo.toml", "Makefile", "native.c", "out/arm64/app"];
    assert_eq!(kind(&files).expect("detected"), Kind::Cargo);
    for other in ["go.mod", "CMakeLists.txt"] {
        let error = kind(&["Cargo.toml", other]).expect_err(other);
        assert!(matches!(error, Error::Ambiguous { .. }), "{other}");
    }
}

#[test]
fn a_rust_project_begins_at_its_workspace_or_where_it_is_configured() {
    let folder = folder(&["a/src/main.rs", "b/src/main.rs", "b/polyarch.toml"]);
    let write = |name: &str, text: &str| {
        fs_err::write(folder.path().join(name), text).expect("written");
    };
    write("Cargo.toml", "[workspace]\nmembers = ['a', 'b']\n");
    write("a/Cargo.toml", "[package]\nname = 'a'\n");
    write("b/Cargo.toml", "[package]\nname = 'b'\n");
    let root = |name: &str| root_of(&folder.path().join(name));
    assert_eq!(root("a/src"), folder.path());
    assert_eq!(root("b/src"), folder.path().join("b"));
}

#[test]
fn files_in_out_alone_are_a_prebuilt_project() {
    let folder = folder(&["out/arm64/app", "out/armv7/app"]);
    let found = detect(folder.path(), Declared::default()).expect("detected");
    assert_eq!((found.kind, found.evidence.len()), (Kind::Prebuilt, 2));
}

#[test]
fn two_kinds_are_an_error_that_names_both_and_a_flag_decides() {
    let folder = folder(&["go.mod"]);
    let mut declared = Declared {
        artifacts: true,
        ..Declared::default()
    };
    let error = detect(folder.path(), declared).expect_err("ambiguous");
    assert!(
        error
            .to_string()
            .contains("`go` (go.mod), `prebuilt` (build.artifacts")
    );
    assert_eq!(
        error.hint().as_deref(),
        Some("say which with `--kind go` or `--kind prebuilt`")
    );
    declared.kind = Some(Kind::Prebuilt);
    assert_eq!(
        detect(folder.path(), declared).expect("decided").kind,
        Kind::Prebuilt
    );
}

#[test]
fn of_the_files_of_c_projects_one_decides_and_the_others_are_helpers() {
    let kind = |files: &[&str]| {
        let folder = folder(files);
        detect(folder.path(), Declared::default()).map(|found| found.kind)
    };
    for (files, expected) in [
        (&["CMakeLists.txt", "Makefile", "main.c"][..], Kind::Cmake),
        (&["Makefile", "main.c", "out/arm64/app"], Kind::Make),
        (&["GNUmakefile", "configure"], Kind::Make),
        (&["main.cc"], Kind::C),
        (&["src/main.c", "README"], Kind::C),
        (&["go.mod", "Makefile", "cgo.c"], Kind::Go),
    ] {
        assert_eq!(kind(files).expect("detected"), expected, "{files:?}");
    }
    let error = kind(&["go.mod", "CMakeLists.txt"]).expect_err("both");
    assert!(matches!(error, Error::Ambiguous { .. }), "{error}");
    for files in [
        &["configure", "Makefile.in", "Makefile", "a.c"][..],
        &["meson.build", "a.c"],
    ] {
        let error = kind(files).expect_err("another build system");
        assert!(matches!(error, Error::OtherBuildSystem { .. }), "{error}");
    }
}

#[test]
fn who_says_where_the_files_are_has_built_them() {
    let folder = folder(&["Makefile", "dist/arm64/app"]);
    let declared = Declared {
        artifacts: true,
        ..Declared::default()
    };
    let found = detect(folder.path(), declared).expect("detected");
    assert_eq!(found.kind, Kind::Prebuilt);
    let named = Declared {
        kind: Some(Kind::Cmake),
        ..Declared::default()
    };
    let error = detect(folder.path(), named).expect_err("missing");
    assert!(
        error.to_string().contains("found no `CMakeLists.txt`"),
        "{error}"
    );
}

#[test]
fn a_package_of_a_module_may_have_a_makefile_and_a_folder_of_c_stands_alone() {
    let folder = folder(&[
        "go.mod",
        "cmd/app/main.go",
        "cmd/app/Makefile",
        "native/Makefile",
    ]);
    let root = |name: &str| root_of(&folder.path().join(name));
    assert_eq!(root("cmd/app"), folder.path());
    assert_eq!(root("native"), folder.path().join("native"));
}

#[test]
fn an_empty_folder_is_no_project_and_the_hint_names_one_below() {
    let folder = folder(&["services/api/go.mod", "README"]);
    let error = detect(folder.path(), Declared::default()).expect_err("none");
    assert_eq!(error.exit(), Exit::Project);
    assert_eq!(
        error.hint().as_deref(),
        Some("`polyarch build services/api`")
    );
    assert_eq!(typed(Path::new("it's a/ü")), r"'it'\''s a/ü'");
}

#[test]
fn a_folder_inside_a_module_belongs_to_it() {
    let folder = folder(&["go.mod", "cmd/app/main.go"]);
    let found = detect(&folder.path().join("cmd/app"), Declared::default()).expect("detected");
    assert_eq!(found.root, folder.path());
}
