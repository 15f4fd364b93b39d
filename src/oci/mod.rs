//! Images as bytes: descriptors, documents, layers, layouts and archives.
//!
//! A library: it knows digests, and neither the store nor any stage. Where blobs come from is told
//! by a [`blobs::Blobs`], where they go to by the caller's writer.
//!
//! Follows the OCI image specification 1.1 (<https://github.com/opencontainers/image-spec>) and,
//! for what exists in the world, Docker's image manifest v2 schema 2 and its archive format.

pub mod archive;
pub mod blobs;
pub mod compression;
pub mod descriptor;
pub mod docker;
pub mod document;
pub mod entry;
pub mod error;
pub mod graph;
pub mod gzip;
pub mod layer;
pub mod layout;
pub mod listing;
pub mod media;
pub mod members;
pub mod reference;
pub mod rootfs;
pub mod tar;
pub mod untar;

pub use blobs::Blobs;
pub use descriptor::{Descriptor, Platform};
pub use document::{Document, Index, Manifest};
pub use error::Error;
