//! Layers of ours in the store: made once for each recipe, then found again.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::digest::{DiffId, Digest};
use crate::fault::{Exit, Fault};
use crate::oci::layer::{Compression, Contents};
use crate::oci::{self, Descriptor};
use crate::store::{self, Blob, Store};

const KIND: &str = "layer";

/// A layer that lies in the store.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Its descriptor.
    pub descriptor: Descriptor,
    /// The digest of its tar stream.
    pub diff_id: DiffId,
    /// Whether it was there already.
    pub reused: bool,
    /// Keeps it there.
    pub blob: Blob,
}

/// How layers are made.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The compression.
    pub compression: Compression,
    /// The time of every file, in seconds since 1970.
    pub epoch: u64,
    /// How many threads may compress. The bytes do not depend on it.
    pub threads: usize,
}

/// Why a layer could not be made.
#[derive(Debug, Error)]
pub enum Error {
    /// A file could not be packed.
    #[error(transparent)]
    Oci(#[from] oci::Error),
    /// It could not be stored.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::Oci(error) => error.exit(),
            Self::Store(error) => error.exit(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Oci(error) => error.hint(),
            Self::Store(error) => error.hint(),
        }
    }
}

/// What is kept under a recipe.
#[derive(Serialize, Deserialize)]
struct Made {
    digest: Digest,
    size: u64,
    diff_id: DiffId,
}

/// Makes a layer, or finds it in the store.
pub fn pack(contents: &Contents, options: Options, store: &Store) -> Result<Layer, Error> {
    let recipe = contents.recipe(options.compression, options.epoch);
    let media_type = options.compression.coding().media_type();
    let finished = |made: &Made, blob: Blob, reused| Layer {
        descriptor: Descriptor::new(media_type, made.digest, made.size),
        diff_id: made.diff_id,
        reused,
        blob,
    };
    let kept = store.record(KIND, &recipe);
    if let Some(made) = kept.and_then(|bytes| serde_json::from_slice::<Made>(&bytes).ok())
        && let Some(blob) = store
            .blob(&made.digest)
            .filter(|blob| blob.size == made.size)
    {
        return Ok(finished(&made, blob, true));
    }
    let mut writer = store.writer()?;
    let diff_id = contents.write(
        &mut writer,
        options.compression,
        options.epoch,
        options.threads,
    )?;
    let (digest, size) = writer.commit(None)?;
    let made = Made {
        digest,
        size,
        diff_id,
    };
    let record = serde_json::to_vec(&made).map_err(|source| oci::Error::Json {
        what: "the record of a new layer".to_owned(),
        source,
    })?;
    store.put_record(KIND, &recipe, &record)?;
    let blob = store.blob(&digest).ok_or_else(|| oci::Error::MissingBlob {
        place: "store".to_owned(),
        digest,
    })?;
    Ok(finished(&made, blob, false))
}
