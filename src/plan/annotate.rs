//! Annotations with buildx's prefixes, sorted to where they belong.
//!
//! `index,manifest[linux/arm64]:key=value`: the types before the colon say which documents bear
//! it, a platform in brackets restricts it. Without types it is the manifest's. Follows
//! <https://docs.docker.com/build/metadata/annotations/>.

use std::collections::BTreeMap;

use super::Error;
use crate::target::Platform;
use crate::template::Values;

/// The annotations of one platform's documents, and of the index above them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Annotations {
    pub(super) index: BTreeMap<String, String>,
    pub(super) index_descriptor: BTreeMap<String, String>,
    pub(super) manifest: BTreeMap<String, String>,
    pub(super) manifest_descriptor: BTreeMap<String, String>,
}

/// Reads the annotations that concern a platform.
pub(super) fn read(
    given: Option<&BTreeMap<String, String>>,
    platform: Platform,
    values: &Values,
) -> Result<Annotations, Error> {
    let mut annotations = Annotations::default();
    for (key, value) in given.into_iter().flatten() {
        let value = values.expand(value)?;
        let (types, name) = split(key).ok_or_else(|| malformed(key))?;
        if name.is_empty() {
            return Err(malformed(key));
        }
        for one in types {
            let (kind, only) = match one.split_once('[') {
                None => (one, None),
                Some((kind, rest)) => {
                    let inside = rest.strip_suffix(']').ok_or_else(|| malformed(key))?;
                    (
                        kind,
                        Some(inside.parse::<Platform>().map_err(|_| malformed(key))?),
                    )
                }
            };
            if only.is_some_and(|only| only != platform) {
                continue;
            }
            let map = match kind {
                "index" => &mut annotations.index,
                "index-descriptor" => &mut annotations.index_descriptor,
                "manifest-descriptor" => &mut annotations.manifest_descriptor,
                _ => &mut annotations.manifest,
            };
            map.insert(name.to_owned(), value.clone());
        }
    }
    Ok(annotations)
}

/// The types and the key itself; `None` for a type that does not exist. What is left of a colon is
/// types where it is written like types, which domains with their dots are not: so buildx has it.
fn split(key: &str) -> Option<(Vec<&str>, &str)> {
    let kinds = [
        "index",
        "index-descriptor",
        "manifest",
        "manifest-descriptor",
    ];
    if let Some((types, name)) = key.split_once(':') {
        let types: Vec<&str> = types.split(',').map(str::trim).collect();
        let words: Vec<&str> = types
            .iter()
            .map(|one| one.split('[').next().unwrap_or(one))
            .collect();
        let typed = |word: &&str| {
            !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '-')
        };
        if words.iter().all(|word| kinds.contains(word)) {
            return Some((types, name));
        }
        if words.iter().all(typed) {
            return None;
        }
    }
    Some((vec!["manifest"], key))
}

fn malformed(key: &str) -> Error {
    Error::Value {
        key: "annotation".to_owned(),
        value: key.to_owned(),
        expected: "`[TYPE[,TYPE]:]KEY` with types index, manifest, index-descriptor, manifest-descriptor",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_say_which_documents_bear_an_annotation() {
        let given = BTreeMap::from(
            [
                ("plain", "1"),
                ("index,manifest:both", "2"),
                ("manifest-descriptor[linux/arm64]:arm", "3"),
                ("index-descriptor:top", "4"),
                ("org.example:key", "5"),
            ]
            .map(|(key, value)| (key.to_owned(), value.to_owned())),
        );
        let amd64 = read(
            Some(&given),
            "amd64".parse().expect("known"),
            &Values::default(),
        );
        let amd64 = amd64.expect("valid");
        assert_eq!(
            amd64.manifest.keys().collect::<Vec<_>>(),
            ["both", "org.example:key", "plain"]
        );
        assert_eq!(amd64.index.keys().collect::<Vec<_>>(), ["both"]);
        assert_eq!(amd64.index_descriptor.keys().collect::<Vec<_>>(), ["top"]);
        assert!(amd64.manifest_descriptor.is_empty());
        let arm64 = read(
            Some(&given),
            "arm64".parse().expect("known"),
            &Values::default(),
        );
        assert_eq!(arm64.expect("valid").manifest_descriptor.len(), 1);
    }

    #[test]
    fn a_type_that_does_not_exist_is_refused() {
        for key in ["idx:a", "index,manifests:a", "manfest[linux/arm64]:a"] {
            let given = BTreeMap::from([(key.to_owned(), String::new())]);
            let platform = "arm64".parse().expect("known");
            let error = read(Some(&given), platform, &Values::default()).expect_err(key);
            assert!(matches!(error, Error::Value { .. }), "{error}");
        }
    }

    #[test]
    fn a_platform_that_does_not_exist_is_refused() {
        let given = BTreeMap::from([("manifest[linux/arm46]:a".to_owned(), String::new())]);
        assert!(
            read(
                Some(&given),
                "arm64".parse().expect("known"),
                &Values::default()
            )
            .is_err()
        );
    }
}
