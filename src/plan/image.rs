//! What an image will hold, as data for the image stage.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use crate::oci::compression::Compression;
use crate::target::Platform;

/// One image for all its platforms.
#[derive(Clone, Debug, Serialize)]
pub struct ImagePlan {
    /// Its name: the project's, or that of `[images.NAME]`.
    pub name: String,
    /// The base as it was named.
    pub base: String,
    /// Full names with tags, as `-t` gave them.
    pub tags: Vec<String>,
    /// What each platform's manifest will say.
    pub platforms: Vec<PlatformPlan>,
    /// Annotations of the index.
    pub index_annotations: BTreeMap<String, String>,
    /// Annotations of the descriptor that points at the index, in a layout's `index.json`.
    pub index_descriptor_annotations: BTreeMap<String, String>,
    /// How layers are compressed.
    pub compression: Compression,
    /// The modification time of files in layers, in seconds since 1970.
    pub epoch: u64,
    /// Whether an index is written for one platform too.
    pub always_index: bool,
}

/// One platform of an image.
#[derive(Clone, Debug, Serialize)]
pub struct PlatformPlan {
    /// The platform.
    pub platform: Platform,
    /// What its config will say.
    pub config: ConfigPlan,
    /// What is laid over the base.
    pub files: Vec<FilePlan>,
    /// Annotations of the manifest.
    pub manifest_annotations: BTreeMap<String, String>,
    /// Annotations of the manifest's descriptor in the index.
    pub descriptor_annotations: BTreeMap<String, String>,
}

/// What is changed in the base's config; `None` leaves what the base says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ConfigPlan {
    /// `Entrypoint`; setting it clears the base's `Cmd`.
    pub entrypoint: Option<Vec<String>>,
    /// `Cmd`.
    pub cmd: Option<Vec<String>>,
    /// Added to `Env`, each replacing a variable of the same name.
    pub env: Vec<(String, String)>,
    /// `User`.
    pub user: Option<String>,
    /// `WorkingDir`.
    pub workdir: Option<String>,
    /// Added to `Labels`.
    pub labels: BTreeMap<String, String>,
    /// Added to `ExposedPorts`, each with its protocol (`8080/tcp`).
    pub ports: Vec<String>,
    /// Added to `Volumes`.
    pub volumes: Vec<String>,
    /// `created`, in seconds since 1970.
    pub created: u64,
}

/// One file or folder laid into an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FilePlan {
    /// Where it is on this machine, absolute.
    pub source: PathBuf,
    /// Where it will be, absolute.
    pub destination: String,
    /// Permission bits; found from the file where `None`.
    pub mode: Option<u32>,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Whether it is a program that was built for the platform.
    pub artifact: bool,
}
