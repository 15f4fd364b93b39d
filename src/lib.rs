//! From a source tree to a multi-architecture container image, without emulation and without a
//! container engine.
//!
//! ```text
//! project ──> base ──> plan ──> toolchain ──> compile ──> image ──> output ──> verify
//!  facts    what the   pure      store paths   artifacts   bytes    move bytes,  re-reads what
//!           image has  data      and env                            never change was made
//! ```
//!
//! A stage knows only the types of the stages before it; `cli/build.rs` joins them. Under the
//! stages lie libraries that know no stage. `tests/architecture.rs` holds both rules.

pub mod atomic;
pub mod base;
pub mod cli;
pub mod compile;
pub mod debian;
pub mod digest;
pub mod elf;
pub mod extract;
pub mod fault;
pub mod fetch;
pub mod image;
pub mod interrupt;
pub mod limits;
pub mod lock;
pub mod oci;
pub mod output;
pub mod packages;
pub mod parallel;
pub mod plan;
pub mod process;
pub mod progress;
pub mod project;
pub mod settings;
pub mod store;
pub mod target;
pub mod template;
pub mod toolchain;
pub mod verify;
pub mod version;
pub mod wrapper;
