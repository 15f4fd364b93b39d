//! `--metadata-file` and `--iidfile`: what was built, for scripts, in the keys that buildx uses.

use std::io;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::{Error, Item, names};
use crate::atomic;
use crate::oci;

/// Writes `containerimage.digest`, `containerimage.descriptor`, `containerimage.config.digest` (of
/// a single manifest) and `image.name` (where there are tags); of several images, an object of
/// these for each image's name.
pub fn metadata_file(path: &Path, items: &[Item]) -> Result<(), Error> {
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
    let mut text = serde_json::to_vec_pretty(&value).map_err(|source| oci::Error::Json {
        what: format!("`{}`", path.display()),
        source,
    })?;
    text.push(b'\n');
    Ok(atomic::write::<_, io::Error>(path, |out| {
        out.write_all(&text)
    })?)
}

/// Writes the digest of the image, without a newline; of several, one a line.
pub fn iid_file(path: &Path, items: &[Item]) -> Result<(), Error> {
    let digests: Vec<String> = items
        .iter()
        .map(|item| item.image.root.digest.to_string())
        .collect();
    let text = digests.join("\n");
    Ok(atomic::write::<_, io::Error>(path, |out| {
        out.write_all(text.as_bytes())
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
