//! Why packages can't be resolved.

use std::fmt;
use std::io;

use thiserror::Error;

use crate::debian::index::Field;
use crate::debian::relation::ParseRelationError;
use crate::debian::universe::Universe;
use crate::debian::version::ParseVersionError;
use crate::fault::{Exit, Fault};

use super::Request;

/// Why packages can't be resolved.
#[derive(Debug, Error)]
pub enum Error {
    /// A request is none.
    #[error("`{request}` does not name a package: {reason}")]
    Request {
        /// What was asked for.
        request: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A request is for another architecture.
    #[error("`{request}` is for architecture `{found}`, but packages for `{expected}` are chosen")]
    Architecture {
        /// What was asked for.
        request: String,
        /// Its architecture.
        found: String,
        /// That of all packages.
        expected: String,
    },
    /// No suite has the package.
    #[error(
        "there is no package `{name}` for `{architecture}` in {}",
        listed(suites)
    )]
    Unknown {
        /// The name asked for.
        name: String,
        /// The architecture.
        architecture: String,
        /// The suites there are.
        suites: Vec<String>,
        /// Names like it.
        nearest: Vec<String>,
    },
    /// The name is a virtual package's, and it is not clear which one is meant.
    #[error("`{name}` is a virtual package, provided by {}", listed(providers))]
    Virtual {
        /// The name asked for.
        name: String,
        /// Those that provide it.
        providers: Vec<String>,
    },
    /// The package has other versions.
    #[error(
        "there is no version `{wanted}` of package `{name}`, only {}",
        listed(found)
    )]
    NoVersion {
        /// The package.
        name: String,
        /// The version asked for.
        wanted: String,
        /// Those there are.
        found: Vec<String>,
    },
    /// The package is in other suites.
    #[error("suite `{wanted}` has no package `{name}`, only {}", listed(found))]
    NoSuite {
        /// The package.
        name: String,
        /// The suite asked for.
        wanted: String,
        /// Those that have it.
        found: Vec<String>,
    },
    /// Two requests ask for different versions.
    #[error("package `{name}` is asked for in version `{first}` and in version `{second}`")]
    Twice {
        /// The package.
        name: String,
        /// One version.
        first: String,
        /// The other.
        second: String,
    },
    /// What is asked for is to be left out, too.
    #[error("package `{name}` is asked for and left out")]
    LeftOut {
        /// The package.
        name: String,
    },
    /// Nothing that exists is what a package needs.
    #[error("package {package} has `{field}: {relation}`, but {found}; {chain}", field = field.as_str())]
    Unsatisfied {
        /// The package.
        package: Named,
        /// The field.
        field: Field,
        /// What it needs.
        relation: String,
        /// What there is instead.
        found: String,
        /// Why the package is there.
        chain: Chain,
    },
    /// What a package needs is there in another version.
    #[error(
        "package {package} has `{field}: {relation}`, but {other} is chosen; {chain}; {other_chain}", field = field.as_str()
    )]
    Clash {
        /// The package.
        package: Named,
        /// The field.
        field: Field,
        /// What it needs.
        relation: String,
        /// Why the package is there.
        chain: Chain,
        /// What is there.
        other: Named,
        /// Why that is there.
        other_chain: Chain,
    },
    /// Two packages can't be there together.
    #[error(
        "package {package} has `{field}: {relation}`, but {other} is needed too; {chain}; {other_chain}", field = field.as_str()
    )]
    Conflict {
        /// The package that says so.
        package: Named,
        /// The field.
        field: Field,
        /// What it can't be together with.
        relation: String,
        /// Why the package is there.
        chain: Chain,
        /// The other one.
        other: Named,
        /// Why that is there.
        other_chain: Chain,
    },
    /// There are too many ways to choose.
    #[error("found no way to choose the packages in {steps} steps")]
    Effort {
        /// How many.
        steps: usize,
        /// Why the first way failed.
        source: Option<Box<Error>>,
    },
    /// What is installed has a malformed relation.
    #[error("installed package `{package}` has a malformed field `{field}`", field = field.as_str())]
    Installed {
        /// The package.
        package: String,
        /// The field.
        field: Field,
        /// Why.
        source: ParseRelationError,
    },
    /// An index has what it should not.
    #[error("the index of suite `{suite}` is damaged")]
    Index {
        /// The suite.
        suite: String,
        /// What it has.
        source: ParseVersionError,
    },
    /// The process was told to end.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A package and its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The package.
    pub name: String,
    /// The version.
    pub version: String,
}

/// Why a package is there, back to the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The package.
    pub package: String,
    /// What needs it, what needs that, and so on: package, field, relation.
    pub needed_by: Vec<(String, Field, String)>,
    /// How the chain ends.
    pub end: End,
}

/// How a chain ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The last package was asked for.
    Requested,
    /// The last package was installed before.
    Installed,
}

impl Error {
    /// No suite has a package of that name.
    pub(super) fn unknown(universe: &Universe, request: &Request<'_>, name: &str) -> Self {
        let suites = universe.suites.iter();
        Self::Unknown {
            name: name.to_owned(),
            architecture: request.architecture.to_owned(),
            suites: suites.map(|suite| suite.name.clone()).collect(),
            nearest: universe.nearest(name),
        }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.name, self.version)
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.package)?;
        for (at, (package, field, relation)) in self.needed_by.iter().enumerate() {
            let which = if at == 0 { "" } else { ", which" };
            let field = field.as_str();
            write!(
                f,
                "{which} is needed by `{package}` (`{field}: {relation}`)"
            )?;
        }
        let which = if self.needed_by.is_empty() {
            ""
        } else {
            ", which"
        };
        f.write_str(which)?;
        f.write_str(match self.end {
            End::Requested => " is requested",
            End::Installed => " is installed",
        })
    }
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        return "no suite at all".to_owned();
    }
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::Installed { .. } => Exit::Base,
            Self::Index { .. } => Exit::Integrity,
            Self::Io(_) => Exit::Io,
            _ => Exit::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { nearest, .. } if !nearest.is_empty() => {
                Some(format!("did you mean {}?", either(nearest)))
            }
            Self::Virtual { providers, .. } => {
                Some(format!("name the one that is meant: {}", either(providers)))
            }
            Self::LeftOut { name } => Some(format!(
                "take `{name}` out of `packages` or out of `without`"
            )),
            Self::NoVersion { name, .. } => Some(format!("`packages = [\"{name}\"]`")),
            Self::NoSuite { name, found, .. } => {
                let suite = found.first()?;
                Some(format!("`packages = [\"{name}/{suite}\"]`"))
            }
            _ => None,
        }
    }
}

fn either(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.join(""),
    }
}
