//! The one integration test binary. Started by `tests/run`, which fetches what the tests need.
//!
//! - `architecture`: which module may use which
//! - `reference`: the generated pages under `docs/` are up to date
//! - `fetch`, `store`, `toolchain`: what is fetched arrives whole or not at all
//! - `debian_archive`: archives are believed for their signature, and nothing else of them is
//! - `assembly`: bases, images and outputs on disk, without the program
//! - `base_archives`: a base image's own archives, for the sysroot of what lies over it
//! - `binutils`: the store's strip, nm, objcopy and readelf know every machine
//! - `commands`: what the command line answers by itself
//! - `cross`: compilers of a platform, set up for any command
//! - `wrapper`: compiler wrappers, run as build systems run gcc
//! - `examples`: every example is built for several platforms and run
//! - `images`: what is written is what others read
//! - `packages`: sysroots and bases from Debian packages
//! - `places`: what can not be written, is not there or is somebody else's
//! - `projects`: C and C++ projects are built and run, and what is wrong with them is told
//! - `reproducible`: same inputs, same bytes
//! - `foreign`: no foreign code runs
//! - `faults`: bad input is a clear error and leaves nothing behind
//! - `rust`: Rust projects are built, the user's flags hold, and what is wrong with them is told
//! - `full_disk`: no space for any one change
//! - `servers`: servers that misbehave
//! - `killed`: killed at any moment, the next run does what that one should have done
//! - `limits`: with few open files, small files, and streams that take nothing
//! - `signals`: ended at any moment, nothing is left
//! - `verify`: an audit finds what was planted and nothing else

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod architecture;
mod assembly;
mod base_archives;
mod binutils;
mod commands;
mod cross;
mod debian_archive;
mod examples;
mod faults;
mod fetch;
mod foreign;
mod full_disk;
mod images;
mod killed;
mod limits;
mod packages;
mod places;
mod projects;
mod reference;
mod reproducible;
mod rust;
mod servers;
mod signals;
mod store;
mod support;
mod toolchain;
mod verify;
mod wrapper;
