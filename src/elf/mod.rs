//! Facts of one ELF file, and whether they fit a platform.
//!
//! [`facts`] reads what a file says about itself without loading it, [`object`] what the dynamic
//! linker reads of it besides; [`check()`] holds facts against a [`crate::target::Platform`].
//! [`ldcache`] is the list of libraries that `ldconfig` makes. Whether the libraries a file needs are
//! in the image is not asked here.
//!
//! Sources: System V ABI, "Object Files" and "Program Loading and Dynamic Linking", with the
//! processor supplements; for what Go leaves in a file, the documentation of `debug/buildinfo`.

pub mod abi;
pub mod attributes;
pub mod check;
pub mod content;
mod conventions;
pub mod dynamic;
mod dynsym;
pub mod facts;
pub mod gobuildinfo;
pub mod layer;
pub mod ldcache;
mod level;
pub mod linkage;
pub mod machine;
pub mod names;
mod notes;
pub mod object;
mod parse;
#[cfg(test)]
pub(crate) mod sample;
mod sections;
mod source;
pub mod symbols;
mod system_dirs;
mod tags;
mod versions;

pub use self::object::Object;
pub use check::{Fit, Loader, Unfit, check, check_file, check_library};
pub use facts::Facts;
