//! Tests of what a base is configured with: what is laid out, and that nothing else is.

use super::*;
use crate::base::sample::{Member, Yard, link, text};
use crate::fault::{Exit, Fault};
use crate::progress::Silent;

fn configured(layers: &[&[(&str, Member)]]) -> (Yard, Option<Configured>) {
    let yard = Yard::new();
    let base = yard.image("linux/arm64", layers);
    let found = base.configured(&yard.store, &Silent).unwrap();
    (yard, found)
}

fn laid_out(configured: &Configured) -> Vec<String> {
    let root = configured.path();
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                assert!(!path.is_symlink(), "{}", path.display());
                let name = path.strip_prefix(root).unwrap();
                found.push(name.to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

const STATUS: (&str, &str) = ("var/lib/dpkg/status", "");

#[test]
fn sources_keyrings_and_release_are_laid_out_and_nothing_else() {
    let list = "deb [signed-by=/opt/keys/own.gpg] http://a.example/debian bookworm main\n";
    let lower: &[(&str, Member)] = &[
        (STATUS.0, text(STATUS.1)),
        ("etc/os-release", link("../usr/lib/os-release")),
        (
            "usr/lib/os-release",
            text("ID=debian\nVERSION_CODENAME=bookworm\n"),
        ),
        (
            "etc/apt/sources.list",
            text("deb http://old.example x main\n"),
        ),
        ("etc/apt/sources.list.d/a.list", text(list)),
        ("etc/apt/sources.list.d/a.list.save", text("old")),
        (
            "etc/apt/auth.conf",
            text("machine a.example password secret"),
        ),
        (
            "etc/apt/apt.conf.d/hook",
            text("DPkg::Pre-Invoke {\"x\";};"),
        ),
        ("etc/passwd", text("root")),
        ("opt/keys", link("/usr/local/keys")),
        ("usr/local/keys/own.gpg", text("key")),
        ("usr/share/keyrings/debian.gpg", text("keys")),
    ];
    let upper: &[(&str, Member)] = &[
        ("etc/apt/.wh.sources.list", text("")),
        (
            "etc/apt/trusted.gpg.d/more.asc",
            link("/usr/share/keyrings/debian.gpg"),
        ),
        // Links that lead out lead nowhere.
        (
            "usr/share/keyrings/out.gpg",
            link("../../../../../../etc/shadow"),
        ),
    ];
    let (_yard, found) = configured(&[lower, upper]);
    let found = found.unwrap();
    assert_eq!(
        laid_out(&found),
        [
            "etc/apt/sources.list.d/a.list",
            "etc/apt/trusted.gpg.d/more.asc",
            "etc/os-release",
            "opt/keys/own.gpg",
            "usr/lib/os-release",
            "usr/share/keyrings/debian.gpg",
        ]
    );
    let key = fs_err::read_to_string(found.path().join("opt/keys/own.gpg")).unwrap();
    assert_eq!(key, "key");
    assert_eq!(found.suite().unwrap().as_deref(), Some("bookworm"));
}

#[test]
fn the_suite_is_the_codename_or_the_release_that_moves_on() {
    let os = "ID=debian\nVERSION_CODENAME=forky\n";
    for (suites, expected) in [
        ("sid", "sid"),
        ("testing testing-updates", "testing"),
        ("forky forky-updates", "forky"),
        ("forky sid", "forky"),
        ("nodistro", "forky"),
        ("", "forky"),
    ] {
        let lines = suites
            .split_whitespace()
            .map(|suite| format!("deb http://a.example/debian {suite} main\n"));
        let list: String = lines.collect();
        let base: &[(&str, Member)] = &[
            (STATUS.0, text(STATUS.1)),
            ("etc/os-release", text(os)),
            ("etc/apt/sources.list", text(&list)),
        ];
        let (_yard, found) = configured(&[base]);
        let suite = found.unwrap().suite().unwrap();
        assert_eq!(suite.as_deref(), Some(expected), "{suites}");
    }
}

#[test]
fn malformed_sources_leave_the_codename() {
    let base: &[(&str, Member)] = &[
        ("var/lib/dpkg/status.d/base", text("")),
        (
            "usr/lib/os-release",
            text("VERSION_CODENAME=\"bookworm\"\n"),
        ),
        ("etc/apt/sources.list", text("nonsense\n")),
    ];
    let (_yard, found) = configured(&[base]);
    assert_eq!(found.unwrap().suite().unwrap().as_deref(), Some("bookworm"));
}

#[test]
fn a_base_without_dpkg_and_one_that_is_made_here_have_nothing() {
    let alpine: &[(&str, Member)] = &[("etc/os-release", text("ID=alpine\n"))];
    let (yard, found) = configured(&[alpine]);
    assert_eq!(found, None);
    let debian: &[(&str, Member)] = &[(STATUS.0, text(STATUS.1))];
    let made = yard.base("linux/arm64", &[debian]);
    assert_eq!(made.configured(&yard.store, &Silent).unwrap(), None);
}

#[test]
fn a_file_that_is_too_large_is_refused() {
    let base: &[(&str, Member)] = &[
        (STATUS.0, text(STATUS.1)),
        (
            "usr/share/keyrings/a.gpg",
            Member::File(vec![0; (8 << 20) + 1]),
        ),
    ];
    let yard = Yard::new();
    let error = yard
        .image("linux/arm64", &[base])
        .configured(&yard.store, &Silent)
        .unwrap_err();
    assert!(
        error.to_string().contains("usr/share/keyrings/a.gpg"),
        "{error}"
    );
    assert_eq!(error.exit(), Exit::Base);
}

#[test]
fn many_files_together_may_not_fill_the_memory() {
    let names: Vec<String> = (0..20)
        .map(|number| format!("usr/share/keyrings/{number}.gpg"))
        .collect();
    let mut base: Vec<(&str, Member)> = names
        .iter()
        .map(|name| (name.as_str(), Member::File(vec![0; 7 << 20])))
        .collect();
    base.push((STATUS.0, text(STATUS.1)));
    let yard = Yard::new();
    let error = yard
        .image("linux/arm64", &[&base])
        .configured(&yard.store, &Silent)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "what is read of the base for linux/arm64 has 146800640 bytes: expected at most 134217728"
    );
}
