//! From files to images on disk, and from images on disk to bases.

mod archives;
mod bases;
mod build;
mod judges;
mod layers;
mod layouts;
mod support;
