//! The compiler wrapper: what build systems call is a small file of the store, whose interpreter is
//! this program.

pub mod spec;
