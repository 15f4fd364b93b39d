//! Images as they lie on disk: layouts and archives.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Image, Variant, file};

/// The blobs of an image and what names them.
pub(crate) struct Layout {
    /// By digest.
    pub(crate) blobs: BTreeMap<String, Vec<u8>>,
    /// Digests by what they are: `index`, and for the variant with number 0 `manifest 0`, `config 0`,
    /// `layer 0 0` for its lowest layer.
    pub(crate) names: BTreeMap<String, String>,
    /// `index.json`.
    pub(crate) top: Value,
}

/// What a descriptor calls bytes.
pub(crate) fn digest(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = "sha256:".to_owned();
    for byte in Sha256::digest(bytes) {
        write!(text, "{byte:02x}").expect("memory");
    }
    text
}

/// Makes all blobs of an image.
pub(super) fn layout(image: &Image) -> Layout {
    let mut layout = Layout {
        blobs: BTreeMap::new(),
        names: BTreeMap::new(),
        top: Value::Null,
    };
    let mut entries = Vec::new();
    for (number, variant) in image.variants.iter().enumerate() {
        let mut entry = layout.variant(variant, number, image.docker);
        if let Some(spoil) = variant.spoil_descriptor {
            spoil(&mut entry);
        }
        entries.push(entry);
    }
    if image.attestations {
        for number in 0..image.variants.len() {
            entries.push(layout.attestation(number));
        }
    }
    let mut root = match (image.bare, &entries[..]) {
        (true, [one]) => {
            let mut one = one.clone();
            one.as_object_mut().expect("an object").remove("platform");
            one
        }
        _ => layout.index(image, entries),
    };
    root["annotations"] = json!({"org.opencontainers.image.ref.name": "latest"});
    layout.top = json!({"schemaVersion": 2, "manifests": [root]});
    if let Some(spoil) = image.spoil {
        spoil(&mut layout);
    }
    layout
}

impl Layout {
    /// Adds a blob and returns its descriptor.
    pub(crate) fn add(&mut self, name: &str, media_type: &str, bytes: Vec<u8>) -> Value {
        let digest = digest(&bytes);
        let descriptor = json!({"mediaType": media_type, "digest": digest, "size": bytes.len()});
        self.blobs.insert(digest.clone(), bytes);
        self.names.insert(name.to_owned(), digest);
        descriptor
    }

    /// The bytes of a blob by its name.
    pub(crate) fn blob(&mut self, name: &str) -> &mut Vec<u8> {
        let digest = &self.names[name];
        self.blobs.get_mut(digest).expect("added before")
    }

    /// Takes a blob away.
    pub(crate) fn remove(&mut self, name: &str) {
        self.blobs.remove(&self.names[name]);
    }

    fn document(&mut self, name: &str, media_type: &str, value: &Value) -> Value {
        let bytes = match value {
            // What is no JSON at all is written as it is.
            Value::String(text) => text.clone().into_bytes(),
            value => serde_json::to_vec(value).expect("json"),
        };
        self.add(name, media_type, bytes)
    }

    fn index(&mut self, image: &Image, entries: Vec<Value>) -> Value {
        let media_type = match image.docker {
            true => "application/vnd.docker.distribution.manifest.list.v2+json",
            false => "application/vnd.oci.image.index.v1+json",
        };
        let mut index = json!({
            "schemaVersion": 2, "mediaType": media_type, "manifests": entries,
        });
        if let Some(spoil) = image.spoil_index {
            spoil(&mut index);
        }
        let descriptor = self.document("index", media_type, &index);
        if !image.nested {
            return descriptor;
        }
        let outer = json!({
            "schemaVersion": 2, "mediaType": media_type, "manifests": [descriptor],
        });
        self.document("outer index", media_type, &outer)
    }

    fn variant(&mut self, variant: &Variant, number: usize, docker: bool) -> Value {
        let (mut layers, mut diff_ids, mut linked) = (Vec::new(), Vec::new(), Vec::new());
        for (at, layer) in variant.layers.iter().enumerate() {
            let tar = layer.tar(&linked);
            linked.extend(layer.links());
            diff_ids.push(digest(&tar));
            let name = format!("layer {number} {at}");
            layers.push(self.add(&name, layer.media_type(docker), layer.blob(&tar)));
        }
        let mut config = variant.document(&diff_ids);
        if let Some(spoil) = variant.spoil_config {
            spoil(&mut config);
        }
        let [config_type, manifest_type] = match docker {
            true => [
                "application/vnd.docker.container.image.v1+json",
                "application/vnd.docker.distribution.manifest.v2+json",
            ],
            false => [
                "application/vnd.oci.image.config.v1+json",
                "application/vnd.oci.image.manifest.v1+json",
            ],
        };
        let config = self.document(&format!("config {number}"), config_type, &config);
        let mut manifest = json!({
            "schemaVersion": 2, "mediaType": manifest_type, "config": config, "layers": layers,
        });
        if let Some(spoil) = variant.spoil_manifest {
            spoil(&mut manifest);
        }
        let mut entry = self.document(&format!("manifest {number}"), manifest_type, &manifest);
        entry["platform"] = variant.platform();
        entry
    }

    /// As BuildKit writes it: a manifest with a statement about the variant's.
    fn attestation(&mut self, number: usize) -> Value {
        let about = self.names[&format!("manifest {number}")].clone();
        let statement = json!({"_type": "https://in-toto.io/Statement/v0.1", "subject": [about]});
        let statement = self.document(
            &format!("statement {number}"),
            "application/vnd.in-toto+json",
            &statement,
        );
        let config = json!({
            "architecture": "unknown", "os": "unknown", "config": {},
            "rootfs": {"type": "layers", "diff_ids": [statement["digest"]]},
        });
        let config_type = "application/vnd.oci.image.config.v1+json";
        let config = self.document(&format!("statement config {number}"), config_type, &config);
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({
            "schemaVersion": 2, "mediaType": media_type, "config": config, "layers": [statement],
        });
        let mut entry = self.document(&format!("attestation {number}"), media_type, &manifest);
        entry["platform"] = json!({"architecture": "unknown", "os": "unknown"});
        entry["annotations"] = json!({
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": about,
        });
        entry
    }

    /// Every file of the layout, by its path.
    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files: BTreeMap<String, Vec<u8>> = self
            .blobs
            .iter()
            .map(|(digest, bytes)| (format!("blobs/{}", digest.replace(':', "/")), bytes.clone()))
            .collect();
        let top = serde_json::to_vec(&self.top).expect("json");
        files.insert("index.json".to_owned(), top);
        let version = br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec();
        files.insert("oci-layout".to_owned(), version);
        files
    }

    /// Writes it as a folder.
    pub(crate) fn write(&self, root: &Path) {
        for (path, bytes) in self.files() {
            let path = root.join(path);
            fs_err::create_dir_all(path.parent().expect("a parent")).expect("folders");
            fs_err::write(path, bytes).expect("a file");
        }
    }

    /// The same as an archive.
    pub(crate) fn archive(&self) -> Vec<u8> {
        archive(self.files())
    }

    /// What `docker save` writes of a variant: layers that are not compressed, and a list.
    pub(crate) fn docker_archive(image: &Image) -> Vec<u8> {
        let variant = &image.variants[0];
        let (mut files, mut linked) = (BTreeMap::new(), Vec::new());
        let (mut layers, mut diff_ids) = (Vec::new(), Vec::new());
        for layer in &variant.layers {
            let tar = layer.tar(&linked);
            linked.extend(layer.links());
            let id = digest(&tar);
            let path = format!("{}/layer.tar", id.trim_start_matches("sha256:"));
            diff_ids.push(id);
            layers.push(path.clone());
            files.insert(path, tar);
        }
        let config = serde_json::to_vec(&variant.document(&diff_ids)).expect("json");
        let name = format!("{}.json", digest(&config).trim_start_matches("sha256:"));
        let list = json!([{
            "Config": name, "RepoTags": ["example.com/planted:latest"], "Layers": layers,
        }]);
        files.insert(name, config);
        files.insert(
            "manifest.json".to_owned(),
            serde_json::to_vec(&list).expect("json"),
        );
        archive(files)
    }
}

fn archive(files: BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let entries = files.into_iter().map(|(path, bytes)| file(&path, bytes));
    super::Layer::new("", entries.collect()).tar(&[])
}
