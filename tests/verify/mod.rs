//! Audits of images: faults that were planted, and right images that look wrong.

mod audit;
mod elf;
mod image;
mod planted;
