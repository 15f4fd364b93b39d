//! Which file or folder each image, and each platform of it, is written to.
//!
//! Placeholders are filled in: `{name}`, `{arch}`, `{variant}`, `{platform}` (`linux_arm_v7`, as
//! buildx names folders). Where several things would land in one place, a suffix tells them apart:
//! `app.tar` becomes `app-arm64.tar` for a platform, `app-NAME.tar` for an image.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Error, Item, Kind, OutputSpec};
use crate::target::Platform;

/// One thing to write.
#[derive(Debug)]
pub(super) struct Place<'a> {
    /// Where to.
    pub(super) path: PathBuf,
    /// The image.
    pub(super) item: Item<'a>,
    /// The platforms that go there, as indexes into plan and image.
    pub(super) platforms: Vec<usize>,
}

/// Where everything goes.
pub(super) fn places<'a>(items: &[Item<'a>], spec: &OutputSpec) -> Result<Vec<Place<'a>>, Error> {
    let template = spec.dest().to_string_lossy().into_owned();
    if spec.dest().to_str().is_none() && template.contains('{') {
        return Err(Error::NotUtf8(spec.dest().to_owned()));
    }
    let used = placeholders(&template)?;
    let by_platform = ["arch", "variant", "platform"]
        .iter()
        .any(|key| used.contains(key));
    let mut places: Vec<Place> = Vec::new();
    for item in items {
        let count = item.plan.platforms.len();
        let suffix_image = items.len() > 1 && !used.contains(&"name");
        let groups: Vec<Vec<usize>> = match spec.kind() {
            Kind::DockerArchive => (0..count).map(|index| vec![index]).collect(),
            _ if by_platform => (0..count).map(|index| vec![index]).collect(),
            Kind::Layout | Kind::OciArchive | Kind::Local => vec![(0..count).collect()],
        };
        for platforms in groups {
            let one = platforms.first().filter(|_| platforms.len() == 1);
            let platform = one.map(|index| item.plan.platforms[*index].platform);
            let mut path = match platform {
                _ if used.is_empty() => spec.dest().to_owned(),
                platform => fill(&template, &item.plan.name, platform),
            };
            path = spec.folder().join(path);
            if suffix_image {
                path = suffixed(spec.kind(), &path, &item.plan.name);
            }
            if let (Kind::DockerArchive, false, true, Some(platform)) =
                (spec.kind(), by_platform, count > 1, platform)
            {
                path = suffixed(spec.kind(), &path, &platform.directory());
            }
            places.push(Place {
                path,
                item: *item,
                platforms,
            });
        }
    }
    distinct(places, spec.kind())
}

/// Several images may share a folder of files, but nothing else may be written over.
fn distinct(places: Vec<Place>, kind: Kind) -> Result<Vec<Place>, Error> {
    let mut seen = BTreeMap::new();
    for place in places.iter().filter(|_| kind != Kind::Local) {
        let name = &place.item.plan.name;
        if let Some(other) = seen.insert(&place.path, name) {
            return Err(Error::SamePlace {
                path: place.path.clone(),
                first: other.clone(),
                second: name.clone(),
            });
        }
    }
    Ok(places)
}

const KEYS: [&str; 4] = ["name", "arch", "variant", "platform"];

fn placeholders(template: &str) -> Result<Vec<&'static str>, Error> {
    let mut found = Vec::new();
    let mut rest = template;
    while let Some((_, behind)) = rest.split_once('{') {
        let unknown = |name: &str| Error::Placeholder {
            dest: template.to_owned(),
            name: name.to_owned(),
        };
        let (name, behind) = behind.split_once('}').ok_or_else(|| unknown(behind))?;
        let key = KEYS
            .iter()
            .find(|key| **key == name)
            .ok_or_else(|| unknown(name))?;
        found.push(*key);
        rest = behind;
    }
    Ok(found)
}

fn fill(template: &str, name: &str, platform: Option<Platform>) -> PathBuf {
    let mut path = template.replace("{name}", name);
    if let Some(platform) = platform {
        path = path
            .replace("{arch}", platform.architecture().name)
            .replace("{variant}", platform.variant().unwrap_or(""))
            .replace("{platform}", &platform.to_string().replace('/', "_"));
    }
    path.into()
}

/// `app.tar` with `x` is `app-x.tar`; a folder gets a folder of that name in it.
fn suffixed(kind: Kind, path: &Path, suffix: &str) -> PathBuf {
    match kind {
        Kind::Layout | Kind::Local => path.join(suffix),
        Kind::OciArchive | Kind::DockerArchive => {
            let mut name = path.file_stem().unwrap_or_default().to_owned();
            name.push("-");
            name.push(suffix);
            if let Some(extension) = path.extension() {
                name.push(".");
                name.push(extension);
            }
            path.with_file_name(name)
        }
    }
}
