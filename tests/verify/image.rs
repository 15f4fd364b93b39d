//! Builds images for tests, by hand: nothing of the library under test has a part in them.
//!
//! An image is right when it comes from one of the functions in [`roots`]. A test changes its files and
//! fields before the blobs are made, and by the hooks what follows from them afterwards: each hook gets
//! a document when all that it refers to is there and nothing yet refers to it.

pub(crate) mod layer;
pub(crate) mod layout;
pub(crate) mod roots;

use serde_json::{Value, json};

pub(crate) use layer::{
    Coding, Entry, Layer, device, file, folder, hard_link, link, opaque, program, whiteout,
};
pub(crate) use layout::Layout;

/// One platform's image.
#[derive(Clone, Debug)]
pub(crate) struct Variant {
    /// What its files are for, and what it is called.
    pub(crate) platform: &'static str,
    pub(crate) layers: Vec<Layer>,
    /// What containers are started with.
    pub(crate) config: Value,
    pub(crate) spoil_config: Option<fn(&mut Value)>,
    pub(crate) spoil_manifest: Option<fn(&mut Value)>,
    pub(crate) spoil_descriptor: Option<fn(&mut Value)>,
}

/// An image for one or more platforms.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) variants: Vec<Variant>,
    /// Docker's media types.
    pub(crate) docker: bool,
    /// A manifest without an index.
    pub(crate) bare: bool,
    /// An index within an index.
    pub(crate) nested: bool,
    /// Manifests with what BuildKit says about the others.
    pub(crate) attestations: bool,
    pub(crate) spoil_index: Option<fn(&mut Value)>,
    /// The last one: all is there.
    pub(crate) spoil: Option<fn(&mut Layout)>,
}

impl Variant {
    /// The platform as an index has it.
    pub(crate) fn platform(&self) -> Value {
        let mut parts = self.platform.split('/');
        let mut platform = json!({"os": parts.next(), "architecture": parts.next()});
        if let Some(variant) = parts.next() {
            platform["variant"] = json!(variant);
        }
        platform
    }

    /// The whole config, with these diff IDs.
    fn document(&self, diff_ids: &[String]) -> Value {
        let mut document = self.platform();
        document["created"] = json!("2024-02-29T12:30:00.5+01:00");
        document["config"] = self.config.clone();
        document["rootfs"] = json!({"type": "layers", "diff_ids": diff_ids});
        let mut history: Vec<Value> = self
            .layers
            .iter()
            .map(|layer| json!({"created": "2024-02-29T12:30:00Z", "created_by": layer.created_by}))
            .collect();
        history.push(json!({"created_by": "ENTRYPOINT", "empty_layer": true}));
        document["history"] = json!(history);
        document
    }

    /// Puts an entry into the last layer, in place of what any layer has there.
    pub(crate) fn put(&mut self, entry: Entry) {
        self.remove(&entry.path);
        self.layers.last_mut().expect("layers").put(entry);
    }

    /// Takes an entry out of all layers.
    pub(crate) fn remove(&mut self, path: &str) {
        let path = path.trim_matches('/');
        for layer in &mut self.layers {
            layer.entries.retain(|entry| entry.path != path);
        }
    }

    /// Adds a layer on top.
    pub(crate) fn layer(&mut self, entries: Vec<Entry>) {
        let layer = Layer::new("RUN ldconfig # buildkit", entries);
        self.layers.push(layer);
    }
}

impl Image {
    /// The first variant, which most tests have only.
    pub(crate) fn one(&mut self) -> &mut Variant {
        &mut self.variants[0]
    }

    pub(crate) fn platform(&self) -> &'static str {
        self.variants[0].platform
    }

    /// As [`Variant::put`].
    pub(crate) fn put(&mut self, entry: Entry) {
        self.one().put(entry);
    }

    /// As [`Variant::remove`].
    pub(crate) fn remove(&mut self, path: &str) {
        self.one().remove(path);
    }

    /// Sets a field that containers are started with.
    pub(crate) fn set(&mut self, field: &str, value: Value) {
        self.one().config[field] = value;
    }

    /// Adds another variant.
    pub(crate) fn and(mut self, other: Image) -> Self {
        self.variants.extend(other.variants);
        self
    }

    /// The blobs.
    pub(crate) fn layout(&self) -> Layout {
        layout::layout(self)
    }
}
