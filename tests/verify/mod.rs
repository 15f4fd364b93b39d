//! Audits of images: faults that were planted, and right images that look wrong.
//!
//! Everything is made here, by hand: ELF files ([`elf`]), images ([`image`]). [`audit`] runs the program.
//! `docs/verify-planted.md` lists what is planted and what is right, and is made from the code.

mod audit;
mod command;
mod elf;
mod image;
mod loaders;
mod others;
mod planted;
mod right;

use std::fmt::Write as _;

use super::reference::up_to_date;
use super::support::program::repository;

#[test]
fn the_reference_of_what_is_planted_is_up_to_date() {
    let cases = planted::cases();
    let images = right::images();
    let planted: usize = cases.iter().map(|case| case.platforms.len()).sum();
    let right: usize = images.iter().map(|image| image.platforms.len()).sum();
    let mut page = format!(
        "# What `polyarch verify` is tested with\n\n\
         The tests make {} right images ({} with those for several platforms), which look wrong and of \
         which nothing may be said. They plant {} faults in {} more images, one in each: every fault \
         has to be found as what it is, with its file, blob or field, and with it nothing else. `cargo \
         test verify::` does both; this page is made from its code.\n",
        images.len(),
        right,
        cases.len(),
        planted,
    );
    page.push_str(&planted::page(&cases));
    page.push_str("\n## Right images that look wrong\n\n| image | on |\n|---|---|\n");
    for image in &images {
        let platforms = image.platforms.iter();
        let platforms: Vec<&str> = platforms
            .map(|name| name.trim_start_matches("linux/"))
            .collect();
        writeln!(page, "| {} | {} |", image.name, platforms.join(", ")).expect("memory");
    }
    up_to_date("verify-planted.md", &page);
}

#[test]
fn every_kind_of_finding_has_a_page_of_its_own() {
    let folder = repository().join("docs/findings");
    let list = fs_err::read_to_string(folder.join("README.md")).expect("the list");
    let mut pages = 0;
    for (code, _) in audit::kinds() {
        let page = fs_err::read_to_string(folder.join(format!("{code}.md")));
        let page = page.unwrap_or_else(|error| panic!("{error}"));
        assert!(page.starts_with(&format!("# {code}\n")), "{code}");
        for part in ["What it means", "How it happens", "How to fix it"] {
            assert!(page.contains(&format!("\n## {part}\n")), "{code}: {part}");
        }
        assert!(
            list.contains(&format!("]({code}.md)")),
            "{code} is not in the list"
        );
        pages += 1;
    }
    let there = fs_err::read_dir(folder).expect("pages").count();
    assert_eq!(there, pages + 1, "a page is about no kind");
}
