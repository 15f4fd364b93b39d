//! `--metadata-file` and `--iidfile`: what was built, for scripts, in the keys that buildx uses.

use std::io;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::{Error, Item, names};
use crate::atomic;

/// `containerimage.digest`, `containerimage.descriptor`, `containerimage.config.digest` (of a single
/// manifest) and `image.name` (where there are tags), as JSON; of several images, an object of these
/// for each image's name.
pub fn metadata(items: &[Item]) -> Result<String, Error> {
    let value = match items {
        [only] => describe(only)?,
        items => {
            let all: Result<Map<String, Value>, Error> = items
                .iter()
                .map(|item| Ok((item.plan.name.clone(), describe(item)?)))
                .collect();
            Value::Object(all?)
        }
    };
    Ok(format!("{value:#}"))
}

/// The digest of the image; of several, one a line.
pub fn iid(items: &[Item]) -> String {
    let digests: Vec<String> = items
        .iter()
        .map(|item| item.image.root.digest.to_string())
        .collect();
    digests.join("\n")
}

/// Writes [`metadata`], with a newline.
pub fn metadata_file(path: &Path, items: &[Item]) -> Result<(), Error> {
    let text = metadata(items)?;
    Ok(atomic::write::<_, io::Error>(path, |out| {
        writeln!(out, "{text}")
    })?)
}

/// Writes [`iid`], without a newline at its end.
pub fn iid_file(path: &Path, items: &[Item]) -> Result<(), Error> {
    Ok(atomic::write::<_, io::Error>(path, |out| {
        out.write_all(iid(items).as_bytes())
    })?)
}

fn describe(item: &Item) -> Result<Value, Error> {
    let root = &item.image.root;
    let mut value = json!({
        "containerimage.digest": root.digest,
        "containerimage.descriptor": root,
    });
    if let (None, [only]) = (&item.image.index, &item.image.manifests[..]) {
        value["containerimage.config.digest"] = json!(only.config.digest);
    }
    let names: Vec<String> = names(item.plan)?.iter().map(ToString::to_string).collect();
    if !names.is_empty() {
        value["image.name"] = names.join(",").into();
    }
    Ok(value)
}
