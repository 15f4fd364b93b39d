//! Tests of compiling, opening and looking up.

use proptest::prelude::*;

use crate::fault::{Exit, Fault};

use super::*;

const DIGEST: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

/// A stanza with all that is required, and more fields.
fn stanza(name: &str, version: &str, more: &str) -> String {
    format!(
        "Package: {name}\nVersion: {version}\nArchitecture: arm64\n{more}\
         Filename: pool/main/{name}_{version}_arm64.deb\nSize: 1234\nSHA256: {DIGEST}\n\n"
    )
}

fn compiled(packages: &str) -> Vec<u8> {
    Index::compile(packages.as_bytes(), "trixie").expect(packages)
}

fn opened(packages: &str) -> Index {
    Index::open(compiled(packages)).expect("was compiled just now")
}

fn refused(packages: &str) -> Error {
    Index::compile(packages.as_bytes(), "trixie").expect_err(packages)
}

fn only<'a>(index: &'a Index, name: &str) -> Entry<'a> {
    let places: Vec<Place> = index.versions(name).collect();
    assert_eq!(places.len(), 1, "{name}");
    index.entry(places[0])
}

#[test]
fn a_package_is_found_with_all_its_fields() {
    let index = opened(
        "Package: libfoo1\nPriority: important\nEssential: yes\nProtected: yes\nMulti-Arch: same\n\
         Architecture: arm64\nVersion: 1:2.0-1\nPre-Depends: libc6 (>= 2.36)\n\
         Depends: a | b (<< 2), python3:any,\n c:native (>= 1), d:armhf\n\
         Conflicts: old\nBreaks: older (<= 1)\nProvides: foo (= 2), bar\n\
         Filename: ./pool/f/libfoo1_2.0-1_arm64.deb\nSize: 5000000000\n\
         SHA256: ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n",
    );
    assert_eq!(index.len(), 1);
    let entry = only(&index, "libfoo1");
    assert_eq!(entry.name(), "libfoo1");
    assert_eq!(entry.version(), "1:2.0-1");
    assert_eq!(entry.architecture(), "arm64");
    assert_eq!(entry.multi_arch(), MultiArch::Same);
    assert_eq!(entry.priority(), Priority::Important);
    assert!(entry.is_essential() && entry.is_important());
    assert_eq!(entry.path(), "pool/f/libfoo1_2.0-1_arm64.deb");
    assert_eq!(entry.size(), 5_000_000_000);
    assert_eq!(entry.sha256().hex(), DIGEST);
    for (field, expected) in [
        (Field::PreDepends, "libc6 (>= 2.36)"),
        (
            Field::Depends,
            "a | b (<< 2), python3:any, c:native (>= 1), d:armhf",
        ),
        (Field::Conflicts, "old"),
        (Field::Breaks, "older (<= 1)"),
        (Field::Provides, "foo (= 2), bar"),
    ] {
        let relations = entry.relations(field);
        let groups: Vec<String> = crate::debian::relation::groups(&relations)
            .map(crate::debian::relation::display)
            .collect();
        assert_eq!(groups.join(", "), expected);
    }
}

#[test]
fn versions_and_providers_of_a_name_are_found_together() {
    let index = opened(
        &[
            stanza("b", "2", "Provides: mail (= 3)\n"),
            stanza("a", "1", "Provides: mail\n"),
            stanza("b", "1", ""),
        ]
        .concat(),
    );
    let versions = |name| -> Vec<&str> {
        let places = index.versions(name);
        places.map(|place| index.entry(place).version()).collect()
    };
    assert_eq!(versions("b"), ["2", "1"]);
    assert_eq!(versions("a"), ["1"]);
    assert!(versions("mail").is_empty() && versions("").is_empty() && versions("zzz").is_empty());
    let providers: Vec<(&str, String)> = index
        .providers("mail")
        .map(|(place, relation)| (index.entry(place).name(), relation.to_string()))
        .collect();
    assert_eq!(
        providers,
        [("a", "mail".into()), ("b", "mail (= 3)".into())]
    );
    assert_eq!(index.providers("b").count(), 0);
}

#[test]
fn names_are_those_of_packages_and_of_what_they_provide() {
    let index = opened(&stanza(
        "b",
        "1",
        "Depends: nowhere\nProvides: a\nSuggests: c\n",
    ));
    assert_eq!(index.names().collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn names_are_ranked_by_when_the_file_first_mentions_them() {
    let index = opened(
        &[
            stanza(
                "m",
                "1",
                "Provides: p\nSuggests: s\nDepends: z, any:any\nConflicts: c\n",
            ),
            stanza("a", "1", "Depends: m, any, z\nReplaces: r\nRecommends: o\n"),
        ]
        .concat(),
    );
    let mut names = ["a", "any", "c", "m", "o", "p", "r", "s", "z"];
    names.sort_by_key(|name| index.rank(name));
    assert_eq!(names, ["m", "z", "c", "s", "p", "a", "any", "o", "r"]);
    assert_eq!(index.rank("nowhere"), None);
}

#[test]
fn a_path_that_is_not_the_conventional_one_is_kept_as_it_is() {
    for path in [
        "pool/x.deb",
        "x.deb",
        "a/b/other_1_all.deb",
        "p_1_arm64.deb",
    ] {
        let text = stanza("p", "1", "").replace("pool/main/p_1_arm64.deb", path);
        assert_eq!(only(&opened(&text), "p").path(), path);
    }
}

#[test]
fn a_path_that_leads_out_of_the_archive_is_refused() {
    for path in [
        "/etc/passwd",
        "../x.deb",
        "pool/../../x.deb",
        "pool/..",
        "pool//x.deb",
        "pool/./x.deb",
        ".",
        "pool/",
        "pool\\x.deb",
        "http://archive.example/x.deb",
        "pool/x\u{7}.deb",
    ] {
        let text = stanza("p", "1", "").replace("pool/main/p_1_arm64.deb", path);
        let error = refused(&text).to_string();
        assert!(
            error.contains("`p`") && error.contains("`Filename`"),
            "{error}"
        );
    }
}

#[test]
fn a_package_without_what_it_takes_to_fetch_it_is_refused_by_name() {
    for field in ["Version", "Architecture", "Filename", "Size", "SHA256"] {
        let text = stanza("p", "1", "");
        let lines = text.lines().filter(|line| !line.starts_with(field));
        let error = refused(&lines.collect::<Vec<_>>().join("\n"));
        assert_eq!(
            error.to_string(),
            format!("package `p` in the index of suite `trixie` has no field `{field}`")
        );
        assert_eq!(error.exit(), Exit::Integrity);
    }
    let error = refused("\nVersion: 1\n").to_string();
    assert!(
        error.contains("line 2") && error.contains("`Package`"),
        "{error}"
    );
}

#[test]
fn malformed_values_are_refused_with_package_and_field() {
    for (from, to, field) in [
        ("Package: p", "Package: p q", "Package"),
        ("Version: 1", "Version: 1 2", "Version"),
        ("Architecture: arm64", "Architecture: a/b", "Architecture"),
        ("Size: 1234", "Size: -1", "Size"),
        ("Size: 1234", "Size: 99999999999999999999", "Size"),
        (DIGEST, "abc", "SHA256"),
        ("Size", "Depends: a (>= )\nSize", "Depends"),
        ("Size", "Provides: a,,b\nSize", "Provides"),
        ("Size", "Breaks: a [arm64]\nSize", "Breaks"),
        ("Size", "Multi-Arch: maybe\nSize", "Multi-Arch"),
    ] {
        let error = refused(&stanza("p", "1", "").replacen(from, to, 1)).to_string();
        assert!(error.contains(&format!("`{field}`")), "{error}");
        assert!(error.contains("`p`") || error.contains("line 1"), "{error}");
    }
}

#[test]
fn fields_that_decide_nothing_are_not_errors() {
    let index = opened(&stanza(
        "p",
        "1",
        "Suggests: a [arm64], ((\nRecommends: ,,\n",
    ));
    assert_eq!(index.len(), 1);
}

#[test]
fn an_empty_file_is_an_empty_index() {
    let index = opened("");
    assert!(index.is_empty());
    assert_eq!(index.names().count(), 0);
    assert_eq!(index.versions("a").count(), 0);
}

#[test]
fn compiling_twice_gives_the_same_bytes() {
    let text = [stanza("b", "1", "Depends: x, y\n"), stanza("a", "1", "")].concat();
    assert_eq!(compiled(&text), compiled(&text));
}

#[test]
fn damaged_bytes_and_those_of_another_version_are_refused() {
    let bytes = compiled(&stanza("p", "1", "Depends: a\n"));
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x40;
        assert!(Index::open(damaged).is_err(), "byte {at}");
        assert!(Index::open(bytes[..at].to_vec()).is_err(), "length {at}");
    }
    let mut longer = bytes;
    longer.push(0);
    let error = Index::open(longer).err().expect("is too long");
    assert_eq!(error.exit(), Exit::Integrity);
}

/// Everything that can be asked of an index.
fn ask_everything(index: &Index) {
    let names: Vec<String> = index.names().map(str::to_owned).collect();
    for name in names.iter().map(String::as_str).chain(["a", "p", ""]) {
        let _ = (index.rank(name), index.providers(name).count());
        for place in index.versions(name) {
            let entry = index.entry(place);
            let _ = (entry.path(), entry.size(), entry.sha256(), entry.priority());
            let _ = (entry.architecture(), entry.multi_arch(), entry.name());
            for field in format::COUNTED {
                entry.relations(field);
            }
        }
    }
}

proptest! {
    #[test]
    fn lookups_stay_within_the_bytes_whatever_these_say(
        changes in prop::collection::vec((16..400_usize, any::<u8>()), 1..20)
    ) {
        let mut bytes = compiled(
            &[
                stanza("p", "1", "Depends: a | b (>= 1), c:armhf\nProvides: q (= 1)\n"),
                stanza("q", "1", "Provides: p\n"),
            ]
            .concat(),
        );
        for (at, value) in changes {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
        }
        let checksum = crc32fast::hash(&bytes[format::HEADER..]);
        bytes[12..16].copy_from_slice(&checksum.to_le_bytes());
        if let Ok(index) = Index::open(bytes) {
            ask_everything(&index);
        }
    }

    #[test]
    fn relations_come_out_as_they_went_in(
        names in prop::collection::vec("[a-e]{1,2}( \\((<<|<=|=|>=|>>) [1-3]\\))?", 1..6)
    ) {
        let field = names.join(", ");
        let index = opened(&stanza("p", "1", &format!("Depends: {field}\n")));
        let relations = only(&index, "p").relations(Field::Depends);
        let found: Vec<String> = relations.iter().map(ToString::to_string).collect();
        prop_assert_eq!(found, names);
    }
}
