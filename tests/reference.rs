//! The pages under `docs/` that are made from the code.

use super::support::program::repository;
use polyarch::cli::reference;

/// Holds a page against what the code makes of it, or writes it anew.
pub(crate) fn up_to_date(name: &str, page: &str) {
    let file = repository().join("docs").join(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs_err::write(&file, page).expect("written");
    }
    let found = fs_err::read_to_string(&file).unwrap_or_default();
    assert!(
        found == page,
        "docs/{name} is out of date: run UPDATE_DOCS=1 cargo test reference"
    );
}

#[test]
fn the_configuration_reference_is_up_to_date() {
    up_to_date("configuration.md", &reference::configuration());
}

#[test]
fn the_exit_codes_are_up_to_date() {
    up_to_date("exit-codes.md", &reference::exit_codes());
}

#[test]
fn the_commands_are_up_to_date() {
    up_to_date("commands.md", &reference::commands());
}

#[test]
fn the_first_screen_of_help_fits_one_screen() {
    let help = reference::commands();
    let first = help.split("## ").next().expect("a first part");
    assert!(
        first.lines().count() <= 46,
        "{} lines",
        first.lines().count()
    );
}
