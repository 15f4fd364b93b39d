//! Why there is no index of a suite.

use std::io;

use thiserror::Error;

use crate::debian::relation::ParseRelationError;
use crate::debian::stanza::StanzaError;
use crate::debian::version::ParseVersionError;
use crate::fault::{self, Exit, Fault};

/// Why there is no index.
#[derive(Debug, Error)]
pub enum Error {
    /// The file can't be read.
    #[error("can't read the package index of suite `{suite}`")]
    Io {
        /// The suite.
        suite: String,
        /// What failed.
        source: io::Error,
    },
    /// The file is not one.
    #[error("the package index of suite `{suite}` is malformed")]
    Stanza {
        /// The suite.
        suite: String,
        /// Where and why.
        source: StanzaError,
    },
    /// A package lacks a field.
    #[error(
        "{} in the index of suite `{suite}` has no field `{field}`",
        quoted(package)
    )]
    Missing {
        /// The suite.
        suite: String,
        /// The package, or the line where it should be.
        package: String,
        /// The field.
        field: &'static str,
    },
    /// A field's value is malformed.
    #[error(
        "{} in the index of suite `{suite}` has a malformed field `{field}`: expected {expected}, found `{found}`",
        quoted(package)
    )]
    Value {
        /// The suite.
        suite: String,
        /// The package, or the line where it should be.
        package: String,
        /// The field.
        field: &'static str,
        /// What belongs there.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// A version is none.
    #[error(
        "{} in the index of suite `{suite}` has a malformed field `Version`",
        quoted(package)
    )]
    Version {
        /// The suite.
        suite: String,
        /// The package.
        package: String,
        /// Why.
        source: ParseVersionError,
    },
    /// A relation is none.
    #[error(
        "{} in the index of suite `{suite}` has a malformed field `{field}`",
        quoted(package)
    )]
    Relation {
        /// The suite.
        suite: String,
        /// The package.
        package: String,
        /// The field.
        field: &'static str,
        /// Why.
        source: ParseRelationError,
    },
    /// There is more of something than the format can number.
    #[error("the package index of suite `{suite}` is too large: {what}")]
    Large {
        /// The suite.
        suite: String,
        /// Of what.
        what: &'static str,
    },
    /// Bytes that were kept are no index, or not one that this version reads.
    #[error("a kept package index can't be used: {reason}")]
    Damaged {
        /// What is wrong with them.
        reason: &'static str,
    },
}

fn quoted(package: &str) -> String {
    format!("package `{package}`")
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::Io { .. } => Exit::Io,
            _ => Exit::Integrity,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Io { source, .. } => fault::refused(source),
            _ => None,
        }
    }
}
