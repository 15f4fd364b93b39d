//! Tests of choosing packages, on small suites. Against apt itself `.ci/closures` compares.

mod faults;
mod left_out;

use super::*;
use crate::debian::index::Index;
use crate::debian::installed;
use crate::debian::universe::Suite;

/// A suite of packages written `name version`, each followed by its fields on indented lines.
fn suite(name: &str, priority: i32, packages: &str) -> Suite {
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let mut text = String::new();
    for line in packages
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        if line.contains(": ") {
            text = text + line + "\n";
        } else {
            let (package, version) = line.split_once(' ').expect("name and version");
            let stanza = format!(
                "\nPackage: {package}\nVersion: {version}\nArchitecture: arm64\nSize: 1\n\
                 Filename: pool/{package}_{version}_arm64.deb\nSHA256: {digest}\n"
            );
            text += &stanza;
        }
    }
    let bytes = Index::compile(text.as_bytes(), name).expect("is well-formed");
    Suite {
        name: name.to_owned(),
        index: Index::open(bytes).expect("was just compiled"),
        priority,
    }
}

fn universe(packages: &str) -> Universe {
    Universe {
        suites: vec![suite("trixie", 500, packages)],
    }
}

fn ask(universe: &Universe, packages: &str) -> Result<Resolution, Error> {
    ask_with(universe, packages, &[], &[])
}

fn ask_with(
    universe: &Universe,
    packages: &str,
    installed: &[Installed],
    locked: &[Package],
) -> Result<Resolution, Error> {
    ask_without(universe, packages, "", installed, locked)
}

fn ask_without(
    universe: &Universe,
    packages: &str,
    without: &str,
    installed: &[Installed],
    locked: &[Package],
) -> Result<Resolution, Error> {
    let words =
        |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_owned).collect() };
    let request = Request {
        packages: &words(packages),
        architecture: "arm64",
        installed,
        without: &words(without),
        locked,
    };
    resolve(universe, &request)
}

fn names(resolution: &Resolution) -> String {
    let packages = resolution.packages.iter();
    let names: Vec<String> = packages
        .map(|chosen| format!("{}={}", chosen.package.name, chosen.package.version))
        .collect();
    names.join(" ")
}

/// What is chosen, as `name=version`, or the error.
fn chosen(universe: &Universe, packages: &str) -> String {
    match ask(universe, packages) {
        Ok(resolution) => names(&resolution),
        Err(error) => format!("error: {error}"),
    }
}

fn status(text: &str) -> Vec<Installed> {
    installed::parse(text.as_bytes(), "status").expect("is well-formed")
}

#[test]
fn what_is_needed_comes_with_what_that_needs() {
    let universe = universe(
        "a 1
            Depends: b (>= 1), c
            Recommends: not
            Suggests: not
         b 2
            Pre-Depends: d
         c 1
            Depends: a
         d 1
         not 1",
    );
    assert_eq!(chosen(&universe, "a"), "a=1 b=2 c=1 d=1");
    assert_eq!(chosen(&universe, "d d"), "d=1");
    assert_eq!(chosen(&universe, ""), "");
}

#[test]
fn the_first_alternative_that_can_be_had_is_taken() {
    let universe = universe(
        "a 1
            Depends: missing | b (>= 2) | c | d
         b 1
         c 1
         d 1
         e 1
            Depends: d
         f 1
            Depends: g | d
         g 1
            Depends: missing",
    );
    assert_eq!(chosen(&universe, "a"), "a=1 c=1");
    // One that is asked for, or needed anyway, satisfies it already.
    assert_eq!(chosen(&universe, "a d"), "a=1 d=1");
    assert_eq!(chosen(&universe, "e a"), "a=1 d=1 e=1");
    assert_eq!(chosen(&universe, "f"), "d=1 f=1");
}

#[test]
fn an_alternative_that_fails_deep_down_is_given_up_for_the_next() {
    let universe = universe(
        "a 1
            Depends: x | y, b | c
         b 1
            Depends: b1
         b1 1
            Depends: b2
         b2 1
            Depends: missing
         c 1
         x 1
         y 1",
    );
    assert_eq!(chosen(&universe, "a"), "a=1 c=1 x=1");
}

#[test]
fn a_virtual_package_is_provided_and_only_in_a_version_if_it_has_one() {
    let universe = universe(
        "plain 1
            Provides: mail
         versioned 1
            Provides: mail-v (= 2)
         a 1
            Depends: mail
         b 1
            Depends: mail (>= 1)
         c 1
            Depends: mail-v (>= 2)
         d 1
            Depends: mail-v (>= 3)",
    );
    assert_eq!(chosen(&universe, "a"), "a=1 plain=1");
    assert_eq!(chosen(&universe, "c"), "c=1 versioned=1");
    assert_eq!(chosen(&universe, "mail"), "plain=1");
    assert!(
        chosen(&universe, "b")
            .contains("`mail` is only there in version none (provided by `plain`)")
    );
    assert!(chosen(&universe, "d").contains("only there in version `2` (`versioned`)"));
}

#[test]
fn providers_are_tried_in_the_order_of_apt() {
    let universe = universe(
        "a 1
            Depends: real
         b 1
            Depends: v
         c 1
            Depends: w
         d 1
            Depends: x
         low 1
            Priority: optional
            Provides: real, v, w
         high 1
            Priority: important
            Provides: real, v
         essential 1
            Essential: yes
            Priority: extra
            Provides: v
         later 1
            Priority: optional
            Provides: w
         e 1
            Depends: one, two
         two 1
            Provides: x
         one 1
            Provides: x
         real 1
            Priority: extra",
    );
    assert_eq!(chosen(&universe, "a"), "a=1 real=1");
    assert_eq!(chosen(&universe, "b"), "b=1 essential=1");
    // Of two that nothing tells apart, the one that the index mentions later.
    assert_eq!(chosen(&universe, "c"), "c=1 later=1");
    assert_eq!(chosen(&universe, "d"), "d=1 two=1");
}

#[test]
fn the_candidate_is_the_newest_of_the_highest_priority() {
    let universe = Universe {
        suites: vec![
            suite("trixie", 500, "a 1\nb 1\nDepends: a"),
            suite("trixie-security", 500, "a 1.1"),
            suite(
                "trixie-backports",
                100,
                "a 2\nonly 1\nnew 2\nDepends: a (>= 2)",
            ),
        ],
    };
    assert_eq!(chosen(&universe, "b"), "a=1.1 b=1");
    assert_eq!(chosen(&universe, "a/trixie"), "a=1");
    assert_eq!(chosen(&universe, "a=1"), "a=1");
    assert_eq!(chosen(&universe, "a=1.*"), "a=1.1");
    assert_eq!(chosen(&universe, "only"), "only=1");
    assert_eq!(chosen(&universe, "a/trixie-backports b"), "a=2 b=1");
    // What a package of backports needs of backports comes from there.
    assert_eq!(chosen(&universe, "new/trixie-backports b"), "a=2 b=1 new=2");
    assert_eq!(chosen(&universe, "b new/trixie-backports"), "a=2 b=1 new=2");
    let resolution = ask(&universe, "b").expect("can be had");
    let package = &resolution.get("a").expect("is chosen").package;
    assert_eq!(package.suite, "trixie-security");
    assert_eq!(package.path, "pool/a_1.1_arm64.deb");
}

#[test]
fn multi_arch_decides_what_any_means() {
    let universe = universe(
        "allowed 1
            Multi-Arch: allowed
            Provides: interpreter
         foreign 1
            Multi-Arch: foreign
         a 1
            Depends: allowed:any, allowed, foreign, foreign:native, allowed:arm64, interpreter:any
         b 1
            Depends: foreign:any
         c 1
            Depends: allowed:armhf",
    );
    assert_eq!(chosen(&universe, "a"), "a=1 allowed=1 foreign=1");
    assert!(chosen(&universe, "b").starts_with("error: package `b` 1 has `Depends: foreign:any`"));
    assert!(
        chosen(&universe, "c").starts_with("error: package `c` 1 has `Depends: allowed:armhf`")
    );
}

#[test]
fn packages_of_other_architectures_are_not_there() {
    let mut other = suite("trixie", 500, "a 1");
    let text = "Package: a\nVersion: 2\nArchitecture: armhf\nFilename: a\nSize: 1\nSHA256: \
                ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n\n\
                Package: b\nVersion: 1\nArchitecture: all\nFilename: b\nSize: 1\nSHA256: \
                ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n";
    let bytes = Index::compile(text.as_bytes(), "more").expect("is well-formed");
    other.name = "more".to_owned();
    other.index = Index::open(bytes).expect("was just compiled");
    let universe = Universe {
        suites: vec![suite("trixie", 500, "a 1"), other],
    };
    assert_eq!(chosen(&universe, "a b:all"), "a=1 b=1");
}

#[test]
fn another_alternative_avoids_a_conflict() {
    let universe = universe(
        "a 1
            Depends: x | y
         b 1
            Conflicts: x
         x 1
         y 1
         c 1
            Depends: v
         d 1
            Breaks: p1 (<< 2)
         p2 1
            Provides: v
         e 1
            Depends: p1
         p1 1
            Provides: v
         f 1
            Depends: x | y, b",
    );
    assert_eq!(chosen(&universe, "a"), "a=1 x=1");
    assert_eq!(chosen(&universe, "a b"), "a=1 b=1 y=1");
    assert_eq!(chosen(&universe, "c d"), "c=1 d=1 p2=1");
    // Only after the first alternative was chosen is it told that it can't be.
    assert_eq!(chosen(&universe, "f"), "b=1 f=1 y=1");
}

#[test]
fn a_package_does_not_conflict_with_itself() {
    let universe = universe(
        "a 2
            Provides: mail
            Conflicts: mail
            Breaks: a (<< 2)
            Replaces: mail",
    );
    assert_eq!(chosen(&universe, "a"), "a=2");
}

#[test]
fn locked_versions_are_preferred_as_long_as_they_satisfy() {
    let old = "a 1\nb 1\nDepends: a\nc 1\nDepends: a (>= 2)";
    let universe = Universe {
        suites: vec![suite("old", 500, old), suite("new", 500, "a 2")],
    };
    let locked: Vec<Package> = ask(&universe, "a=1")
        .expect("can be had")
        .packages
        .into_iter()
        .map(|chosen| chosen.package)
        .collect();
    let with_lock = |packages| ask_with(&universe, packages, &[], &locked).map(|it| names(&it));
    assert_eq!(with_lock("b").ok().as_deref(), Some("a=1 b=1"));
    assert_eq!(with_lock("a").ok().as_deref(), Some("a=1"));
    assert_eq!(with_lock("b c").ok().as_deref(), Some("a=2 b=1 c=1"));
    assert_eq!(with_lock("c b").ok().as_deref(), Some("a=2 b=1 c=1"));
}

#[test]
fn what_is_installed_is_not_chosen_again() {
    let universe = universe(
        "a 1
            Depends: libc6 (>= 2), mail, any:any
         libc6 3
         mta 1
            Provides: mail",
    );
    let installed = status(
        "Package: libc6\nVersion: 2\nArchitecture: arm64\n\n\
         Package: exim\nVersion: 1\nArchitecture: all\nProvides: mail\n\n\
         Package: any\nVersion: 1\nArchitecture: amd64\nMulti-Arch: allowed\n",
    );
    let resolution = ask_with(&universe, "a", &installed, &[]).expect("can be had");
    assert_eq!(names(&resolution), "a=1");
    let satisfied: Vec<&str> = (resolution.satisfied.iter())
        .map(|satisfied| satisfied.installed.name.as_str())
        .collect();
    assert_eq!(satisfied, ["any", "exim", "libc6"]);
}

#[test]
fn what_is_installed_gives_way_to_a_newer_version_only_where_one_is_needed() {
    let universe = universe("dev 1\nDepends: lib (= 3)\nlib 3\nold 1\nuser 1\nDepends: old (= 1)");
    let installed = status(
        "Package: lib\nVersion: 2\nArchitecture: arm64\n\n\
         Package: old\nVersion: 2\nArchitecture: arm64\n",
    );
    let resolution = ask_with(&universe, "dev", &installed, &[]).expect("can be had");
    assert_eq!(names(&resolution), "dev=1 lib=3");
    let lib = resolution.get("lib").expect("is chosen");
    assert_eq!(lib.replaces.as_ref().map(Version::as_str), Some("2"));
    let resolution = ask_with(&universe, "lib old", &installed, &[]).expect("can be had");
    assert_eq!(names(&resolution), "lib=3");
    let error = ask_with(&universe, "user", &installed, &[]).expect_err("would be a downgrade");
    assert!(error.to_string().contains("`2` (installed)"), "{error}");
}

#[test]
fn every_reason_for_a_package_has_its_chain() {
    let universe = universe(
        "a 1
            Depends: b | x, c
         b 1
            Depends: c (>= 1)
         c 1
            Depends: a
         d 1
            Depends: c",
    );
    let resolution = ask(&universe, "d a").expect("can be had");
    let why = |name| -> Vec<String> {
        resolution
            .why(name)
            .iter()
            .map(ToString::to_string)
            .collect()
    };
    assert_eq!(
        why("c"),
        [
            "`c` is needed by `d` (`Depends: c`), which is requested",
            "`c` is needed by `a` (`Depends: c`), which is requested",
            "`c` is needed by `b` (`Depends: c (>= 1)`), which is needed by `a` (`Depends: b | x`), which is requested",
        ]
    );
    assert_eq!(
        why("a"),
        [
            "`a` is requested",
            "`a` is needed by `c` (`Depends: a`), which is needed by `d` (`Depends: c`), which is requested",
        ]
    );
    assert!(why("nowhere").is_empty());
    let reason = Reason::Requested {
        request: "a".into(),
    };
    assert_eq!(
        resolution.get("a").map(|chosen| &chosen.reasons[0]),
        Some(&reason)
    );
}

#[test]
fn what_was_chosen_among_several_gives_way_to_what_is_needed_later() {
    // Seen with `libbjack-ocaml-dev` of trixie.
    let universe = universe(
        "a 1
            Depends: jack2 | jack-virtual, jack-dev
         jack2 1
            Provides: jack-virtual
            Conflicts: jack-virtual
         jack1 1
            Provides: jack-virtual
            Conflicts: jack-virtual
         jack-dev 1
            Depends: jack1
         jack2-dev 1
            Provides: jack-dev
            Depends: jack2",
    );
    assert_eq!(chosen(&universe, "a"), "a=1 jack-dev=1 jack1=1");
}
