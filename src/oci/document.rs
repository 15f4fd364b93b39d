//! Manifests, indexes and configs as JSON documents, written canonically: sorted keys, no spaces,
//! so that equal content has equal bytes and therefore one digest.
//!
//! Maps of `serde_json` are sorted as long as its feature `preserve_order` is off; a test guards
//! that, because any dependency could switch it on.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::descriptor::Descriptor;
use super::{Error, media};
use crate::digest::Digest;

/// The largest document that is read. Registries limit manifests to 4 MiB; configs of images with
/// long histories come near it too.
pub const LIMIT: u64 = 8 * 1024 * 1024;

/// A JSON document with its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// What it is.
    pub media_type: String,
    /// Its exact bytes.
    pub bytes: Vec<u8>,
    /// The digest of the bytes.
    pub digest: Digest,
}

/// An image index, or the `index.json` of a layout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// Always 2.
    pub schema_version: u32,
    /// The index's own media type; builders may leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// The manifests.
    pub manifests: Vec<Descriptor>,
    /// What else is said.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Fields that this program does not know.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// One platform's manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Always 2.
    pub schema_version: u32,
    /// The manifest's own media type; builders may leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// The config.
    pub config: Descriptor,
    /// The layers, lowest first.
    pub layers: Vec<Descriptor>,
    /// What else is said.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// The canonical bytes of a value.
pub fn canonical(value: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    // By way of `Value`, whose maps are sorted; fields of structs alone keep their written order.
    serde_json::to_vec(&serde_json::to_value(value)?)
}

impl Document {
    /// Writes a value.
    pub fn new(media_type: &str, value: &impl Serialize) -> Result<Self, Error> {
        let bytes = canonical(value).map_err(|source| Error::Json {
            what: format!("a new document of type `{media_type}`"),
            source,
        })?;
        Ok(Self::of_bytes(media_type, bytes))
    }

    /// A document that exists already.
    pub fn of_bytes(media_type: &str, bytes: Vec<u8>) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: Digest::of(&bytes),
            bytes,
        }
    }

    /// A descriptor of it.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::new(&self.media_type, self.digest, self.bytes.len() as u64)
    }
}

impl Index {
    /// An OCI index of these manifests.
    pub fn new(manifests: Vec<Descriptor>, annotations: BTreeMap<String, String>) -> Self {
        Self {
            schema_version: 2,
            media_type: Some(media::INDEX.to_owned()),
            manifests,
            annotations,
            other: Map::new(),
        }
    }
}

/// Parses a document, naming it in the error.
pub fn parse<T: DeserializeOwned>(bytes: &[u8], what: impl FnOnce() -> String) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|source| Error::Json {
        what: what(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_sorted_whatever_order_they_came_in() {
        let value: Value =
            serde_json::from_str(r#"{"b":1,"a":{"d":[],"c":"x\ny"}}"#).expect("json");
        assert_eq!(
            canonical(&value).expect("prints"),
            br#"{"a":{"c":"x\ny","d":[]},"b":1}"#
        );
    }

    #[test]
    fn a_manifest_prints_with_sorted_keys_and_without_empty_annotations() {
        let config = Descriptor::new(media::CONFIG, Digest::of(b"{}"), 2);
        let manifest = Manifest {
            schema_version: 2,
            media_type: Some(media::MANIFEST.to_owned()),
            config,
            layers: vec![],
            annotations: BTreeMap::new(),
        };
        let document = Document::new(media::MANIFEST, &manifest).expect("prints");
        let text = String::from_utf8(document.bytes).expect("utf-8");
        assert!(
            text.starts_with(r#"{"config":{"digest":"sha256:44136fa3"#),
            "{text}"
        );
        assert!(text.ends_with(
            r#""layers":[],"mediaType":"application/vnd.oci.image.manifest.v1+json","schemaVersion":2}"#
        ));
    }

    #[test]
    fn a_malformed_document_is_named() {
        let error = parse::<Index>(b"{\"schemaVersion\":2", || "index.json of `x`".to_owned())
            .expect_err("cut short");
        assert_eq!(error.to_string(), "index.json of `x` is malformed");
        assert!(parse::<Index>(json!([]).to_string().as_bytes(), String::new).is_err());
    }
}
