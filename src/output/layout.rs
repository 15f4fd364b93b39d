//! `type=oci-layout`: a layout as a folder.

use std::path::Path;

use super::Error;
use super::dest::Place;
use super::stored::{Stored, content};
use crate::base::fingerprint;
use crate::oci::layout;
use crate::store::Store;

/// Writes one image into a layout, beside the other names that are in it.
pub(super) fn write(place: &Place, store: &Store, owned: bool) -> Result<(), Error> {
    let source = Stored(store);
    let content = content(place, &source)?;
    let hash = |path: &Path| fingerprint::hash(store, path);
    layout::write(&place.path, &content, &hash, owned).map_err(|source| wrap(place, source))
}

/// Names the result where the error does not.
pub(super) fn wrap(place: &Place, source: crate::oci::Error) -> Error {
    use crate::oci::Error as E;
    match source {
        source @ (E::Occupied { .. } | E::NotALayout { .. } | E::LayoutVersion { .. }) => {
            Error::Oci(source)
        }
        source => Error::Write {
            path: place.path.clone(),
            source,
        },
    }
}
