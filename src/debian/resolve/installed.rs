//! What is installed, with its relations read.

use std::collections::HashMap;

use crate::debian::index::{Field, MultiArch};
use crate::debian::installed::Installed;
use crate::debian::relation::{self, Qualifier, Relation};

use super::Request;
use super::error::Error;

/// An installed package.
pub(super) struct Present<'u> {
    pub(super) package: &'u Installed,
    pub(super) provides: Vec<Relation<'u>>,
    pub(super) negative: Vec<(Field, Relation<'u>)>,
    /// It is of the architecture that packages are chosen for, or of all.
    native: bool,
}

/// By name. Of a package that is there for several architectures it is that of the request's.
pub(super) type Presents<'u> = HashMap<&'u str, Present<'u>>;

pub(super) fn read<'u>(request: &Request<'u>) -> Result<Presents<'u>, Error> {
    let mut presents = Presents::new();
    for package in request.installed {
        let native = ["all", request.architecture].contains(&package.architecture.as_str());
        let mut negative = Vec::new();
        for (field, value) in [
            (Field::Conflicts, &package.conflicts),
            (Field::Breaks, &package.breaks),
        ] {
            let relations = relations(package, field, value)?;
            negative.extend(relations.into_iter().map(|relation| (field, relation)));
        }
        let present = Present {
            package,
            provides: relations(package, Field::Provides, &package.provides)?,
            negative,
            native,
        };
        if native || !presents.contains_key(package.name.as_str()) {
            presents.insert(&package.name, present);
        }
    }
    Ok(presents)
}

fn relations<'u>(
    package: &Installed,
    field: Field,
    value: &'u str,
) -> Result<Vec<Relation<'u>>, Error> {
    relation::parse(value)
        .collect::<Result<_, _>>()
        .map_err(|source| Error::Installed {
            package: package.name.clone(),
            field,
            source,
        })
}

impl Present<'_> {
    /// Whether it can serve a relation of a package of the request's architecture.
    pub(super) fn serves(&self, relation: &Relation<'_>) -> bool {
        self.native
            || match self.package.multi_arch {
                MultiArch::Foreign => true,
                MultiArch::Allowed => relation.qualifier == Qualifier::Any,
                MultiArch::No | MultiArch::Same => false,
            }
    }
}
