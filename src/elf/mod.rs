//! Facts of one ELF file, and whether they fit a platform.
//!
//! [`facts`] reads what a file says about itself without loading it, [`check()`] holds that against
//! a [`crate::target::Platform`]. Whether the libraries it needs are in the image is not asked
//! here.
//!
//! Sources: System V ABI, "Object Files" and "Program Loading and Dynamic Linking", with the
//! processor supplements; for what Go leaves in a file, the documentation of `debug/buildinfo`.

pub mod abi;
pub mod attributes;
pub mod check;
pub mod content;
mod conventions;
pub mod dynamic;
pub mod facts;
pub mod gobuildinfo;
pub mod layer;
pub mod ldcache;
mod level;
pub mod linkage;
pub mod machine;
pub mod notes;
pub mod object;
mod parse;
#[cfg(test)]
pub(crate) mod sample;
mod sections;
mod source;
pub mod symbols;

pub use check::{Fit, Loader, Unfit, check, check_file, check_library};
pub use facts::Facts;
