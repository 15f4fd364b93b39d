//! Descriptors and platforms as they stand in manifests and indexes (OCI image specification,
//! descriptor.md and image-index.md).
//!
//! What is read is kept whole: fields that this program does not know are written back as they
//! were. Both types are therefore views of a JSON object, with their known fields taken out.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::digest::Digest;
use crate::target;

/// A reference to a blob: its type, digest and size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Map<String, Value>", into = "Map<String, Value>")]
pub struct Descriptor {
    /// What the blob is.
    pub media_type: String,
    /// The blob's name.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// The platform of a manifest in an index.
    pub platform: Option<Platform>,
    /// What else is said about the blob.
    pub annotations: BTreeMap<String, String>,
    /// Fields that this program does not know.
    pub other: Map<String, Value>,
}

/// A platform as an index or config names it; nothing is normalised, so that platforms this program
/// does not know pass through.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Map<String, Value>", into = "Map<String, Value>")]
pub struct Platform {
    /// `linux`, `windows`, `unknown`.
    pub os: String,
    /// GOARCH.
    pub architecture: String,
    /// `v7`, where there is one.
    pub variant: Option<String>,
    /// `os.version`, `os.features` and what else there is.
    pub other: Map<String, Value>,
}

impl Descriptor {
    /// A descriptor without annotations.
    pub fn new(media_type: &str, digest: Digest, size: u64) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest,
            size,
            platform: None,
            annotations: BTreeMap::new(),
            other: Map::new(),
        }
    }

    /// An annotation's value.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.get(key).map(String::as_str)
    }
}

impl Platform {
    /// The platform as this program knows it, if it does.
    pub fn known(&self) -> Option<target::Platform> {
        target::Platform::from_oci(&self.os, &self.architecture, self.variant.as_deref())
    }

    /// Whether this is how builders mark what is not an image, such as attestations.
    pub fn is_unknown(&self) -> bool {
        self.os == "unknown" || self.architecture == "unknown"
    }

    /// The platform that a config's top-level fields name.
    pub fn of_config(config: &Value) -> Self {
        let text = |key: &str| config[key].as_str().filter(|text| !text.is_empty());
        let mut other = Map::new();
        for key in ["os.version", "os.features"] {
            if let Some(value) = config.get(key) {
                other.insert(key.to_owned(), value.clone());
            }
        }
        Self {
            os: text("os").unwrap_or_default().to_owned(),
            architecture: text("architecture").unwrap_or_default().to_owned(),
            variant: text("variant").map(str::to_owned),
            other,
        }
    }
}

impl From<target::Platform> for Platform {
    fn from(platform: target::Platform) -> Self {
        Self {
            os: platform.os().to_owned(),
            architecture: platform.architecture().name.to_owned(),
            variant: platform.variant().map(str::to_owned),
            other: Map::new(),
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            None => Ok(()),
            Some(variant) => write!(f, "/{variant}"),
        }
    }
}

impl TryFrom<Map<String, Value>> for Descriptor {
    type Error = String;

    fn try_from(mut object: Map<String, Value>) -> Result<Self, String> {
        let digest = required(&mut object, "descriptor", "digest")?;
        Ok(Self {
            // Docker's oldest manifests leave it out; what a blob is then shows when it is read.
            media_type: text(&mut object, "descriptor", "mediaType")?.unwrap_or_default(),
            digest: digest.parse().map_err(|error| format!("{error}"))?,
            size: match object.remove("size") {
                Some(Value::Number(number)) => number.as_u64(),
                _ => None,
            }
            .ok_or_else(|| format!("descriptor of {digest} lacks a valid `size`"))?,
            platform: match object.remove("platform") {
                None | Some(Value::Null) => None,
                Some(value) => {
                    Some(serde_json::from_value(value).map_err(|error| error.to_string())?)
                }
            },
            annotations: match object.remove("annotations") {
                None | Some(Value::Null) => BTreeMap::new(),
                Some(value) => serde_json::from_value(value).map_err(|error| error.to_string())?,
            },
            other: object,
        })
    }
}

impl From<Descriptor> for Map<String, Value> {
    fn from(descriptor: Descriptor) -> Self {
        let mut object = descriptor.other;
        object.insert("mediaType".to_owned(), descriptor.media_type.into());
        object.insert("digest".to_owned(), descriptor.digest.to_string().into());
        object.insert("size".to_owned(), descriptor.size.into());
        if let Some(platform) = descriptor.platform {
            object.insert("platform".to_owned(), Value::Object(platform.into()));
        }
        if !descriptor.annotations.is_empty() {
            let annotations = descriptor.annotations.into_iter();
            object.insert(
                "annotations".to_owned(),
                annotations
                    .map(|(key, value)| (key, Value::String(value)))
                    .collect(),
            );
        }
        object
    }
}

impl TryFrom<Map<String, Value>> for Platform {
    type Error = String;

    fn try_from(mut object: Map<String, Value>) -> Result<Self, String> {
        Ok(Self {
            os: required(&mut object, "platform", "os")?,
            architecture: required(&mut object, "platform", "architecture")?,
            variant: text(&mut object, "platform", "variant")?.filter(|text| !text.is_empty()),
            other: object,
        })
    }
}

impl From<Platform> for Map<String, Value> {
    fn from(platform: Platform) -> Self {
        let mut object = platform.other;
        object.insert("os".to_owned(), platform.os.into());
        object.insert("architecture".to_owned(), platform.architecture.into());
        if let Some(variant) = platform.variant {
            object.insert("variant".to_owned(), variant.into());
        }
        object
    }
}

fn text(object: &mut Map<String, Value>, of: &str, key: &str) -> Result<Option<String>, String> {
    match object.remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(format!("`{key}` of a {of} is not a string: `{other}`")),
    }
}

fn required(object: &mut Map<String, Value>, of: &str, key: &str) -> Result<String, String> {
    text(object, of, key)?.ok_or_else(|| format!("{of} lacks `{key}`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn unknown_fields_survive_and_keys_are_sorted() {
        let given = json!({
            "mediaType": "application/x", "size": 3, "digest": Digest::of(b"abc").to_string(),
            "urls": ["https://example.com"], "artifactType": "text/plain",
            "annotations": {"b": "2", "a": "1"},
            "platform": {"os": "windows", "architecture": "amd64", "os.version": "10.0", "x": 1},
        });
        let descriptor: Descriptor = serde_json::from_value(given.clone()).expect("parses");
        assert_eq!(descriptor.annotation("a"), Some("1"));
        assert_eq!(serde_json::to_value(&descriptor).expect("prints"), given);
    }

    #[test]
    fn a_descriptor_without_digest_or_size_is_refused() {
        let digest = Digest::of(b"abc").to_string();
        for (given, reason) in [
            (json!({"size": 3}), "lacks `digest`"),
            (json!({"digest": digest}), "lacks a valid `size`"),
            (
                json!({"digest": digest, "size": -1}),
                "lacks a valid `size`",
            ),
            (json!({"digest": "sha256:x", "size": 1}), "is not a digest"),
            (json!({"digest": 7, "size": 1}), "is not a string"),
            (
                json!({"digest": digest, "size": 1, "platform": {"os": "linux"}}),
                "lacks `architecture`",
            ),
        ] {
            let error = serde_json::from_value::<Descriptor>(given).expect_err(reason);
            assert!(error.to_string().contains(reason), "{error}");
        }
    }

    #[test]
    fn platforms_convert_to_ours_where_we_know_them() {
        let platform = |os: &str, architecture: &str| Platform {
            os: os.to_owned(),
            architecture: architecture.to_owned(),
            ..Platform::default()
        };
        assert_eq!(
            platform("linux", "arm").known(),
            "linux/arm/v7".parse().ok()
        );
        assert_eq!(platform("linux", "sparc").known(), None);
        assert_eq!(platform("windows", "amd64").known(), None);
        assert!(platform("unknown", "unknown").is_unknown());
    }
}
