//! Tests of definitions: the built-in ones, and those that a project adds.

use super::*;

#[test]
fn every_built_in_definition_is_sound() {
    let all = Definitions::load(&[]).unwrap();
    let names: Vec<&str> = all
        .iter()
        .map(|definition| definition.name.as_str())
        .collect();
    for name in [
        "binutils", "certifi", "go", "patchelf", "qemu", "tzdata", "zig",
    ] {
        assert!(names.contains(&name), "{names:?}");
    }
    for definition in all.iter() {
        for text in [
            &definition.description,
            &definition.licence,
            &definition.homepage,
        ] {
            assert!(!text.is_empty(), "{}", definition.name);
        }
        for host in definition.hosts() {
            for file in definition.files(host) {
                let version = definition.version.as_str();
                assert!(file.name.contains(version), "{} is of {version}", file.name);
            }
        }
    }
}

#[test]
fn go_can_be_had_in_four_ways_on_linux() {
    let all = Definitions::load(&[]).unwrap();
    let go = all.get("go").unwrap();
    for host in ["linux/amd64", "linux/arm64"] {
        let kinds: Vec<&str> = go.sources(host).map(Source::kind).collect();
        assert_eq!(kinds, ["system", "url", "goproxy", "pypi"]);
    }
    let module = go.files("linux/amd64").nth(1).unwrap();
    assert_eq!(
        module.rules.strip.as_deref(),
        Some("golang.org/toolchain@v0.0.1-go1.27.2.linux-amd64")
    );
}

#[test]
fn programs_may_be_named_after_the_machine_they_run_on() {
    let all = Definitions::load(&[]).unwrap();
    let program = all.get("binutils").unwrap().program.clone().unwrap();
    for (host, path) in [
        ("linux/amd64", "usr/bin/x86_64-linux-gnu-strip"),
        ("linux/arm64", "usr/bin/aarch64-linux-gnu-strip"),
        ("linux/ppc64le", "usr/bin/powerpc64le-linux-gnu-strip"),
    ] {
        assert_eq!(program.path(host.parse().ok()), path);
    }
}

#[test]
fn definitions_of_a_project_are_added_and_named() {
    let home = tempfile::tempdir().unwrap();
    let text = include_str!("../../../toolchains/tzdata.toml")
        .replace("name = \"tzdata\"", "name = \"zones\"")
        .replace("2026.6", "2099.1");
    fs_err::write(home.path().join("tz.toml"), text).unwrap();
    fs_err::write(home.path().join("README"), "not a definition").unwrap();
    let all = Definitions::load(&[home.path().to_owned()]).unwrap();
    let zones = all.get("zones").unwrap();
    assert_eq!(zones.version.as_str(), "2099.1");
    assert_eq!(zones.origin, Some(home.path().join("tz.toml")));
    assert_eq!(all.get("tzdata").unwrap().origin, None);
}

#[test]
fn a_project_can_neither_replace_a_built_in_definition_nor_have_programs_asked() {
    let go = include_str!("../../../toolchains/go.toml");
    for (text, parts) in [
        (go.to_owned(), "`go` is the name of a built-in toolchain"),
        (
            go.replace("name = \"go\"", "name = \"mine\""),
            "`[program.system]` is for built-in toolchains alone",
        ),
        ("schema = 1\nnom = \"x\"".to_owned(), "line 2"),
    ] {
        let home = tempfile::tempdir().unwrap();
        fs_err::write(home.path().join("bad.toml"), text).unwrap();
        let error = Definitions::load(&[home.path().to_owned()]).unwrap_err();
        let shown = error.to_string();
        assert!(
            shown.contains("bad.toml") && shown.contains(parts),
            "{shown}"
        );
    }
}
