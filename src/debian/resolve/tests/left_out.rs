//! Tests of leaving packages out.

use super::*;

fn left(universe: &Universe, packages: &str, without: &str) -> String {
    match ask_without(universe, packages, without, &[], &[]) {
        Ok(resolution) => {
            let absent = resolution
                .left_out
                .iter()
                .map(|it| format!(" -{}", it.name));
            names(&resolution) + &absent.collect::<String>()
        }
        Err(error) => format!("error: {error}"),
    }
}

#[test]
fn what_is_left_out_goes_with_everything_that_only_it_brings() {
    let universe = universe(
        "a 1
            Depends: b (= 2), c
         b 2
            Pre-Depends: b-common
            Depends: c, d
         b-common 2
         c 1
            Depends: b (>= 3) | e
         d 1
         e 1",
    );
    assert_eq!(left(&universe, "a", ""), "a=1 b=2 b-common=2 c=1 d=1 e=1");
    // `c` is needed by `a` too, and stays; whatever version is asked for, `b` is not brought.
    assert_eq!(left(&universe, "a", "b"), "a=1 c=1 -b");
    assert_eq!(left(&universe, "a", "b c"), "a=1 -b -c");
    // Nothing asks for it.
    assert_eq!(left(&universe, "d", "b"), "d=1");
}

#[test]
fn a_name_that_it_provides_is_left_out_with_it() {
    let universe = universe(
        "a 1
            Depends: awk, pager | more
         gawk 1
            Provides: awk
         mawk 1
            Provides: awk
         more 1",
    );
    assert_eq!(left(&universe, "a", "mawk"), "a=1 more=1 -mawk");
    assert_eq!(left(&universe, "a", "mawk more"), "a=1 -mawk -more");
    // One that is there anyway satisfies it.
    assert_eq!(left(&universe, "a gawk", "mawk"), "a=1 gawk=1 more=1");
}

#[test]
fn what_conflicts_with_it_can_be_there() {
    let universe = universe(
        "a 1
            Depends: b, c
         b 1
            Conflicts: c
         c 1",
    );
    assert!(left(&universe, "a", "").starts_with("error"));
    assert_eq!(left(&universe, "a", "b"), "a=1 c=1 -b");
}

#[test]
fn what_needs_it_is_told_with_the_chain_to_the_request() {
    let universe = universe(
        "a 1
            Depends: b
         b 1
            Depends: c (>= 1), d
         c 1
            Depends: d
         d 1",
    );
    let resolution = ask_without(&universe, "a", "c", &[], &[]).unwrap();
    let why: Vec<String> = resolution
        .why("c")
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        why,
        [
            "`c` is needed by `b` (`Depends: c (>= 1)`), which is needed by `a` (`Depends: b`), which is requested"
        ]
    );
    assert_eq!(resolution.why("d").len(), 1);
}

#[test]
fn a_name_that_nothing_has_and_one_that_is_asked_for_are_errors() {
    let universe = universe("hello 1\nworld 1");
    for (packages, without, expected) in [
        ("hello", "worlds", "no package `worlds`"),
        ("hello", "world=1", "`world=1` does not name a package"),
        ("hello world", "world", "`world` is asked for and left out"),
    ] {
        let error = ask_without(&universe, packages, without, &[], &[]).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    let error = ask_without(&universe, "hello", "worlds", &[], &[]).unwrap_err();
    use crate::fault::Fault;
    assert_eq!(error.hint().as_deref(), Some("did you mean `world`?"));
}
