//! From images in the store to files where the user wants them. Output moves bytes and never
//! changes them; whatever it writes appears whole or not at all.

mod archive;
mod dest;
mod error;
mod layout;
mod local;
mod metadata;
mod spec;
mod stored;

use std::path::PathBuf;

use crate::image::BuiltImage;
use crate::oci::reference::Name;
use crate::plan::image::ImagePlan;
use crate::store::Store;

pub use error::Error;
pub use metadata::{iid, iid_file, metadata, metadata_file};
pub use spec::{Kind, OutputSpec, ParseSpecError};
pub use stored::Stored;

/// An image to write, with the plan it was made from.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// The plan.
    pub plan: &'a ImagePlan,
    /// The image.
    pub image: &'a BuiltImage,
}

/// One file or folder that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// What it is.
    pub kind: Kind,
    /// Where it lies.
    pub path: PathBuf,
}

/// Writes the images as one `-o` asks. `owned` tells that the destination is our own default, in
/// which blobs that nothing refers to any more are removed.
pub fn write(
    items: &[Item],
    spec: &OutputSpec,
    store: &Store,
    owned: bool,
) -> Result<Vec<Written>, Error> {
    let places = dest::places(items, spec)?;
    let mut written: Vec<Written> = Vec::new();
    for place in places {
        match spec.kind() {
            Kind::Layout => layout::write(&place, store, owned)?,
            Kind::OciArchive => archive::oci(&place, store)?,
            Kind::DockerArchive => archive::docker(&place, store)?,
            Kind::Local => local::write(&place)?,
        }
        let here = Written {
            kind: spec.kind(),
            path: place.path,
        };
        if !written.contains(&here) {
            written.push(here);
        }
    }
    Ok(written)
}

/// The full names of an image.
fn names(plan: &ImagePlan) -> Result<Vec<Name>, Error> {
    let parse = |tag: &String| {
        let name: Name = tag.parse().map_err(Error::Tag)?;
        if name.digest().is_some() {
            return Err(Error::TagWithDigest(tag.clone()));
        }
        Ok(name)
    };
    plan.tags.iter().map(parse).collect()
}
