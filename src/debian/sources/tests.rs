//! Tests of the sources: both formats, and the choice for a suite.

use super::*;
use crate::fault::Fault;

const HOST: &str = "\
Types: deb deb-src
# a comment
URIs: http://archive.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://archive.example/debian-security/
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Enabled: no
Types: deb
URIs: http://archive.example/off
Suites: bookworm
Components: main

Types: deb
URIs: https://third.example/node
Suites: nodistro
Components: main
Signed-By: /usr/share/keyrings/third.gpg
";

fn root(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = root.path().join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }
    root
}

fn host() -> Sources {
    let root = root(&[
        ("etc/os-release", "ID=debian\nVERSION_CODENAME=bookworm\n"),
        ("etc/apt/sources.list.d/debian.sources", HOST),
    ]);
    Sources::read(root.path()).unwrap()
}

fn shown(sources: &[Source]) -> Vec<String> {
    let show = |source: &Source| {
        format!(
            "{} {} {}",
            source.archive.whole(),
            source.suite,
            source.components.join(" ")
        )
    };
    sources.iter().map(show).collect()
}

#[test]
fn both_formats_are_read_and_other_files_are_not() {
    let root = root(&[
        (
            "etc/apt/sources.list",
            "# old\n\ndeb http://a.example/debian/ bookworm main contrib # why not\n\
             deb-src http://a.example/debian bookworm main\n\
             deb [ arch=amd64,arm64 signed-by=/k.gpg trusted=no by-hash=force check-valid-until=no ] http://flat.example ./\n",
        ),
        ("etc/apt/sources.list.d/b.sources", HOST),
        ("etc/apt/sources.list.d/c.list.disabled", "broken"),
        ("etc/apt/sources.list.d/.hidden.list", "broken"),
    ]);
    let sources = Sources::read(root.path()).unwrap();
    assert_eq!(
        shown(&sources.list),
        [
            "http://a.example/debian bookworm main contrib",
            "http://flat.example ./ ",
            "http://archive.example/debian bookworm main",
            "http://archive.example/debian bookworm-updates main",
            "http://archive.example/debian-security bookworm-security main",
            "https://third.example/node nodistro main",
        ]
    );
    let flat = &sources.list[1];
    assert_eq!(flat.architectures, ["amd64", "arm64"]);
    assert_eq!(flat.signed_by, SignedBy::Files(vec!["/k.gpg".into()]));
    assert_eq!(flat.by_hash, ByHash::Force);
    assert!(!flat.check_valid_until && !flat.trusted);
    assert_eq!(flat.origin.to_string(), "`/etc/apt/sources.list:5`");
    assert_eq!(sources.list[5].origin.line, 20);
}

#[test]
fn what_is_malformed_is_named_with_file_and_line() {
    for (name, text, expected) in [
        (
            "a.list",
            "\ndep http://a.example x main",
            "a.list:2`: type `dep` is not known",
        ),
        (
            "a.list",
            "deb http://a.example",
            "a.list:1`: there is no suite",
        ),
        (
            "a.list",
            "deb [arch=amd64 http://a.example x main",
            "a.list:1`: the `[` has no `]`",
        ),
        (
            "a.list",
            "deb http://a.example x",
            "suite `x` has no components",
        ),
        (
            "a.list",
            "deb http://a.example x/ main",
            "has no components",
        ),
        (
            "a.list",
            "deb [trusted=maybe] http://a.example x main",
            "`trusted` is `maybe`",
        ),
        (
            "a.list",
            "deb nowhere x main",
            "`nowhere` is not an address",
        ),
        ("a.list", "deb http:/// x main", "has no host"),
        ("a.list", "deb http://a.example ../x main", "leads out"),
        (
            "a.sources",
            "Types: deb\n# c\nSuites\n",
            "a.sources:3`: `Suites` is no `Field: value`",
        ),
        (
            "a.sources",
            "\nTypes: deb\nURIs: http://a.example\n",
            "a.sources:2`: the stanza has no `Suites`",
        ),
        (
            "a.sources",
            "Types: rpm\nURIs: http://a\nSuites: x\nComponents: main",
            "type `rpm`",
        ),
    ] {
        let path = format!("etc/apt/sources.list.d/{name}");
        let root = root(&[(path.as_str(), text)]);
        let error = Sources::read(root.path()).unwrap_err();
        assert!(error.to_string().contains(expected), "{text:?}: {error}");
    }
}

#[test]
fn a_key_may_stand_in_the_source_itself() {
    let text = "Types: deb\nURIs: http://a.example\nSuites: x\nComponents: main\nSigned-By:\n \
                -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n -----END PGP PUBLIC KEY BLOCK-----\n";
    let root = root(&[("etc/apt/sources.list.d/a.sources", text)]);
    let sources = Sources::read(root.path()).unwrap();
    assert_eq!(
        sources.list[0].signed_by,
        SignedBy::Inline(
            "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n-----END PGP PUBLIC KEY BLOCK-----"
                .to_owned()
        )
    );
}

#[test]
fn discs_are_passed_over_and_lists_of_mirrors_are_read() {
    let root = root(&[
        (
            "etc/apt/sources.list",
            "deb cdrom:[Debian 12 _Bookworm_]/ bookworm main\n\
             deb mirror+file:/etc/apt/mirrors/debian.list bookworm main\n\
             deb mirror+https://me:pw@m.example/list bookworm main\n",
        ),
        (
            "etc/apt/mirrors/debian.list",
            "# mirrors\nhttps://second.example/debian\tpriority:2\nhttps://first.example/debian priority:1\n",
        ),
    ]);
    let sources = Sources::read(root.path()).unwrap();
    assert_eq!(
        shown(&sources.list),
        ["https://first.example/debian bookworm main"]
    );
    let notes = sources.passed_over.join("\n");
    assert!(notes.contains("sources.list:1`: `cdrom:"), "{notes}");
    assert!(!notes.contains("pw"), "{notes}");
}

#[test]
fn what_the_user_wrote_is_never_passed_over() {
    for (line, reason) in [
        ("deb cdrom:[x]/ x main", "can't be used"),
        ("ftp://a.example/debian", "can't be used"),
        (
            "deb [signed-by=keys.gpg] http://a.example x main",
            "`signed-by` is `keys.gpg`, expected absolute paths",
        ),
        (
            "deb [signed-by=/a.gpg,b.gpg] http://a.example x main",
            "expected absolute paths",
        ),
    ] {
        let error = Sources::chosen(&[line.to_owned()], "POLYARCH_DEBIAN").unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with("`POLYARCH_DEBIAN:1`: ") && text.contains(reason),
            "{text}"
        );
        assert!(error.hint().is_some(), "{line}");
    }
}

#[test]
fn credentials_are_never_shown() {
    for (written, shown) in [
        (
            "https://me:p/w@a.example/debian/",
            "`https://***@a.example/debian`",
        ),
        (
            "https://a.example/debian?token=x",
            "`https://a.example/debian`",
        ),
        ("file:///srv", "`file:///srv`"),
    ] {
        let address = ArchiveAddress::new(written);
        assert_eq!(address.to_string(), shown);
        assert_eq!(format!("{address:?}"), shown);
    }
}

#[test]
fn a_release_comes_with_the_companions_that_the_host_has() {
    let sources = host();
    assert_eq!(
        shown(&sources.for_suite("bookworm").unwrap()),
        [
            "http://archive.example/debian bookworm main",
            "http://archive.example/debian bookworm-updates main",
            "http://archive.example/debian-security bookworm-security main",
        ]
    );
    assert_eq!(
        shown(&sources.for_suite("bookworm-updates").unwrap()),
        ["http://archive.example/debian bookworm-updates main"]
    );
}

#[test]
fn another_release_is_asked_of_the_same_archives_and_of_no_third_party() {
    let sources = host();
    assert_eq!(
        shown(&sources.for_suite("trixie").unwrap()),
        [
            "http://archive.example/debian trixie main",
            "http://archive.example/debian trixie-updates main",
            "http://archive.example/debian-security trixie-security main",
        ]
    );
    assert_eq!(
        shown(&sources.for_suite("buster").unwrap())[2],
        "http://archive.example/debian-security buster/updates main"
    );
    for (suite, expected) in [
        ("sid", "http://archive.example/debian sid main"),
        (
            "trixie-backports",
            "http://archive.example/debian trixie-backports main",
        ),
        (
            "trixie-security",
            "http://archive.example/debian-security trixie-security main",
        ),
    ] {
        assert_eq!(shown(&sources.for_suite(suite).unwrap()), [expected]);
    }
}

#[test]
fn a_third_party_with_the_hosts_codename_is_not_asked_for_another_release() {
    let mut sources = host();
    let mut third = sources.list[0].clone();
    third.archive = ArchiveAddress::new("https://third.example/apt");
    third.signed_by = SignedBy::Files(vec!["/third.gpg".into()]);
    sources.list.push(third.clone());
    third.archive = ArchiveAddress::new("https://fourth.example/apt");
    third.components = vec!["stable".to_owned()];
    sources.list.push(third);
    let shown = shown(&sources.for_suite("trixie").unwrap());
    assert_eq!(shown.len(), 3, "{shown:?}");
}

#[test]
fn what_the_user_chose_may_be_an_address_alone() {
    let entries = [
        "https://a.example/debian/".to_owned(),
        "[trusted=yes] http://b.example/repo".to_owned(),
        "deb [signed-by=/k.asc] http://c.example/debian trixie-security main contrib".to_owned(),
    ];
    let sources = Sources::chosen(&entries, "[mirrors] debian").unwrap();
    let found = sources.for_suite("trixie").unwrap();
    assert_eq!(
        shown(&found),
        [
            "https://a.example/debian trixie main",
            "http://b.example/repo trixie main",
            "http://c.example/debian trixie-security main contrib",
        ]
    );
    assert!(found[1].trusted && found.iter().all(|source| source.chosen));
    let error = Sources::chosen(&["a.example".to_owned()], "[mirrors] debian").unwrap_err();
    assert!(
        error.to_string().contains("`[mirrors] debian:1`: "),
        "{error}"
    );
}

#[test]
fn a_host_without_apt_is_told_the_line_to_write() {
    let root = root(&[]);
    let error = Sources::read(root.path())
        .unwrap()
        .for_suite("trixie")
        .unwrap_err();
    let hint = error.hint().unwrap();
    assert!(hint.contains("debian = [\"deb [signed-by="), "{hint}");
    assert!(hint.contains("trixie main"), "{hint}");

    let mut sources = host();
    sources.list.retain(|source| source.suite == "nodistro");
    let error = sources.for_suite("trixie").unwrap_err();
    assert!(error.to_string().contains("`nodistro`"), "{error}");
    assert!(error.hint().is_some());
}

#[test]
fn links_of_an_image_are_followed_inside_it_and_never_into_the_host() {
    let image = root(&[
        (
            "usr/lib/os-release",
            "ID=debian\nVERSION_CODENAME=bookworm\n",
        ),
        (
            "opt/apt/one.list",
            "deb http://a.example/debian bookworm main\n",
        ),
    ]);
    let host = root(&[("two.list", "deb http://host.example/debian bookworm main\n")]);
    let link = |target: &Path, at: &str| {
        let at = image.path().join(at);
        fs_err::create_dir_all(at.parent().unwrap()).unwrap();
        fs_err::os::unix::fs::symlink(target, at).unwrap();
    };
    link(Path::new("/usr/lib/os-release"), "etc/os-release");
    link(Path::new("/opt/apt"), "etc/apt/sources.list.d");
    link(&host.path().join("two.list"), "etc/apt/sources.list");
    let sources = Sources::read(image.path()).unwrap();
    assert_eq!(
        shown(&sources.list),
        ["http://a.example/debian bookworm main"]
    );
    assert_eq!(sources.distribution.codename.as_deref(), Some("bookworm"));
    assert_eq!(sources.distribution.id.as_deref(), Some("debian"));
}

#[test]
fn archives_in_the_files_of_an_image_are_not_looked_for_in_the_hosts() {
    let image = root(&[
        (
            "etc/apt/sources.list",
            "deb [trusted=yes] file:/srv/repo ./\ndeb copy:/srv/repo x main\n\
             deb mirror+file:/etc/apt/mirrors bookworm main\n",
        ),
        (
            "etc/apt/mirrors",
            "file:///srv/repo\nhttp://a.example/debian\n",
        ),
    ]);
    let sources = Sources::read(image.path()).unwrap();
    assert_eq!(
        shown(&sources.list),
        ["http://a.example/debian bookworm main"]
    );
    assert_eq!(sources.passed_over.len(), 2);
    assert!(sources.passed_over[0].ends_with("it lies in the image's own files"));
}
