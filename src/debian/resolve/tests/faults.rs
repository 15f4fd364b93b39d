//! Tests of requests that can't be met: what is said, and where it leads.

use crate::debian::universe::Universe;
use crate::fault::{Exit, Fault};

use super::super::Error;
use super::{ask, ask_with, chosen, status, suite, universe};

#[test]
fn a_virtual_package_that_is_asked_for_has_to_be_clear() {
    let universe = universe(
        "a 1
            Provides: mail
         b 1
            Provides: mail",
    );
    let error = ask(&universe, "mail").expect_err("is not clear");
    assert_eq!(
        error.to_string(),
        "`mail` is a virtual package, provided by `a`, `b`"
    );
    assert_eq!(
        error.hint().as_deref(),
        Some("name the one that is meant: `a` or `b`")
    );
}

#[test]
fn packages_that_conflict_are_told_with_both_chains() {
    let universe = universe(
        "a 1
            Depends: b
         b 1
            Depends: x
         c 2
            Depends: y
         x 1
            Conflicts: virtual
         y 3
            Provides: virtual",
    );
    let expected = "package `x` 1 has `Conflicts: virtual`, but `y` 3 is needed too; \
                    `x` is needed by `b` (`Depends: x`), which is needed by `a` (`Depends: b`), \
                    which is requested; `y` is needed by `c` (`Depends: y`), which is requested";
    for packages in ["a c", "c a"] {
        let error = ask(&universe, packages).expect_err("conflicts");
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.exit(), Exit::Usage);
    }
    let error = ask(&universe, "x y").expect_err("conflicts");
    assert_eq!(
        error.to_string(),
        "package `x` 1 has `Conflicts: virtual`, but `y` 3 is needed too; \
         `x` is requested; `y` is requested"
    );
}

#[test]
fn what_is_missing_is_told_with_the_chain_that_leads_to_it() {
    let universe = universe(
        "a 1
            Depends: b
         b 1
            Pre-Depends: c (>= 2) | d
         c 1",
    );
    let error = ask(&universe, "a").expect_err("can't be had");
    assert_eq!(
        error.to_string(),
        "package `b` 1 has `Pre-Depends: c (>= 2) | d`, but `c` is only there in version `1` \
         (suite `trixie`), and there is no `d`; `b` is needed by `a` (`Depends: b`), which is requested"
    );
    assert_eq!(error.exit(), Exit::Usage);
}

#[test]
fn a_package_that_does_not_exist_is_told_with_names_like_it() {
    let universe = universe("libssl-dev 1\nlibssl3t64 1\nzlib1g-dev 1");
    for (asked, nearest) in [
        ("libssl", "did you mean `libssl-dev` or `libssl3t64`?"),
        ("libssl-dve", "did you mean `libssl-dev`?"),
        ("zlib1gdev", "did you mean `zlib1g-dev`?"),
    ] {
        let error = ask(&universe, asked).expect_err(asked);
        let text = error.to_string();
        assert_eq!(
            text,
            format!("there is no package `{asked}` for `arm64` in `trixie`")
        );
        assert_eq!(error.hint().as_deref(), Some(nearest), "{asked}");
    }
    let several = super::universe("libass-dev 1\nlibgs-dev 1\nlibssl-dev 1\nlibss2-dev 1");
    let error = ask(&several, "libss-dev").expect_err("does not exist");
    assert_eq!(
        error.hint().as_deref(),
        Some("did you mean `libss2-dev`, `libssl-dev`, `libass-dev` or `libgs-dev`?"),
        "what begins alike first"
    );
    let error = ask(&universe, "entirely-different").expect_err("does not exist");
    assert_eq!(error.hint(), None);
}

#[test]
fn requests_that_can_not_be_met_are_told_with_what_there_is() {
    let universe = universe("a 1");
    for (asked, text, hint) in [
        (
            "a=2",
            "there is no version `2` of package `a`, only `1`",
            Some("`packages = [\"a\"]`"),
        ),
        (
            "a/sid",
            "suite `sid` has no package `a`, only `trixie`",
            Some("`packages = [\"a/trixie\"]`"),
        ),
        (
            "a:armhf",
            "`a:armhf` is for architecture `armhf`, but packages for `arm64` are chosen",
            None,
        ),
        (
            "a=",
            "`a=` does not name a package: version or suite is empty",
            None,
        ),
    ] {
        let error = ask(&universe, asked).expect_err(asked);
        assert_eq!(error.to_string(), text);
        assert_eq!(error.hint().as_deref(), hint);
    }
    for asked in ["=1", "/x", "-a", "a*", ":arm64"] {
        assert!(
            matches!(ask(&universe, asked), Err(Error::Request { .. })),
            "{asked}"
        );
    }
}

#[test]
fn two_versions_of_one_package_can_not_be_asked_for() {
    let universe = Universe {
        suites: vec![suite("old", 500, "a 1"), suite("new", 500, "a 2")],
    };
    assert_eq!(chosen(&universe, "a a=1"), "a=1");
    assert_eq!(chosen(&universe, "a=1 a"), "a=1");
    assert!(matches!(
        ask(&universe, "a=1 a=2"),
        Err(Error::Twice { .. })
    ));
}

#[test]
fn a_version_that_is_asked_for_is_not_given_up() {
    let universe = Universe {
        suites: vec![
            suite("old", 500, "a 1\nb 1\nDepends: a (>= 2)"),
            suite("new", 500, "a 2"),
        ],
    };
    let error = ask(&universe, "a=1 b").expect_err("clashes");
    assert_eq!(
        error.to_string(),
        "package `b` 1 has `Depends: a (>= 2)`, but `a` 1 is chosen; `b` is requested; `a` is requested"
    );
}

#[test]
fn what_is_installed_can_forbid_a_package() {
    let universe = universe("a 1");
    for field in ["Conflicts", "Breaks"] {
        let text = format!("Package: base\nVersion: 1\nArchitecture: arm64\n{field}: a (<= 1)\n");
        let error = ask_with(&universe, "a", &status(&text), &[]).expect_err("is forbidden");
        assert_eq!(
            error.to_string(),
            format!(
                "package `base` 1 has `{field}: a (<= 1)`, but `a` 1 is needed too; \
                 `base` is installed; `a` is requested"
            )
        );
    }
}

#[test]
fn one_missing_package_does_not_make_every_other_choice_be_tried() {
    let mut packages = String::from("a 1\nDepends: ");
    let choices: Vec<String> = (0..40).map(|at| format!("x{at} | y{at}")).collect();
    packages += &choices.join(", ");
    packages +=
        ", deep1\ndeep1 1\nDepends: deep2\ndeep2 1\nDepends: deep3\ndeep3 1\nDepends: missing\n";
    packages.extend((0..40).map(|at| format!("x{at} 1\ny{at} 1\n")));
    let error = ask(&universe(&packages), "a").expect_err("can't be had");
    assert!(matches!(error, Error::Unsatisfied { .. }), "{error}");
    assert!(
        error.to_string().contains("there is no `missing`"),
        "{error}"
    );
}
