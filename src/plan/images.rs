//! From settings and planned outputs to what each image will hold.

use std::collections::{BTreeMap, BTreeSet};

use oci_spec::image as spec;

use super::annotate::{self, Annotations};
use super::image::{ConfigPlan, FilePlan, ImagePlan, PlatformPlan};
use super::{Error, Output, check_bins, created, rfc3339, version};
use crate::oci::compression::Compression;
use crate::oci::reference::Name;
use crate::project::cargo::CargoProject;
use crate::project::{Project, Source, prebuilt};
use crate::settings::config::{FileConfig, ImageConfig};
use crate::settings::{Settings, image};
use crate::target::Platform;
use crate::template::Values;

/// Where commands are laid unless `image.bin-dir` says otherwise: on every base's `PATH`, and no
/// base makes one of its parents a link.
pub const BIN_DIRECTORY: &str = "/usr/local/bin";

/// The base when none is named.
pub const DEFAULT_BASE: &str = "static";

/// Plans every image of the project.
pub(super) fn images(
    project: &Project,
    platforms: &[Platform],
    settings: &Settings,
    outputs: &[Output],
    values: &Values,
) -> Result<Vec<ImagePlan>, Error> {
    let mut images = Vec::new();
    for name in settings.image_names() {
        if settings.narrowed() && has_no_command(settings, name, outputs) {
            continue;
        }
        images.push(image(project, platforms, settings, outputs, values, name)?);
    }
    let mut seen = BTreeSet::new();
    for tag in images.iter().flat_map(|image| &image.tags) {
        if !seen.insert(tag) {
            return Err(Error::SameTag(tag.clone()));
        }
    }
    Ok(images)
}

/// Whether an image names commands, and none of them is built this time.
fn has_no_command(settings: &Settings, name: Option<&str>, outputs: &[Output]) -> bool {
    let is_built = |bin: &String| outputs.iter().any(|output| output.name == *bin);
    match settings.image(name, None).bins {
        Some(bins) => name.is_some() && !bins.iter().any(is_built),
        None => false,
    }
}

fn image(
    project: &Project,
    platforms: &[Platform],
    settings: &Settings,
    outputs: &[Output],
    values: &Values,
    key: Option<&str>,
) -> Result<ImagePlan, Error> {
    let name = key.unwrap_or(&project.name);
    let values = values.clone().with("name", name);
    let general = settings.image(key, None);
    let tags = settings
        .flags
        .tags
        .iter()
        .map(|tag| Ok(values.expand(tag)?))
        .collect::<Result<Vec<_>, Error>>()?;
    // Here and not when it is written: nobody wants to compile for a name that can't be.
    for tag in &tags {
        tag.parse::<Name>().map_err(Error::Tag)?;
    }
    let mut annotations = Annotations::default();
    let mut planned = Vec::new();
    for &platform in platforms {
        let image = settings.image(key, Some(platform));
        let values = values.clone().and(&prebuilt::values(platform));
        let own = annotate::read(image.annotations.as_ref(), platform, &values)?;
        annotations.index.extend(own.index);
        annotations.index_descriptor.extend(own.index_descriptor);
        let bins = bins(&image, platform, outputs)?;
        let files = files(project, &image, &bins, &values)?;
        if files.is_empty() {
            return Err(Error::EmptyImage {
                image: name.to_owned(),
            });
        }
        planned.push(PlatformPlan {
            platform,
            config: config(project, settings, name, &image, &bins, &values)?,
            files,
            manifest_annotations: own.manifest,
            descriptor_annotations: own.manifest_descriptor,
        });
    }
    Ok(ImagePlan {
        name: name.to_owned(),
        base: general
            .base
            .map_or_else(|| DEFAULT_BASE.to_owned(), |base| base.to_string()),
        tags,
        platforms: planned,
        index_annotations: annotations.index,
        index_descriptor_annotations: annotations.index_descriptor,
        compression: Compression::GZIP,
        epoch: settings.epoch.unwrap_or(0),
        always_index: false,
    })
}

fn bins<'a>(
    image: &ImageConfig,
    platform: Platform,
    outputs: &'a [Output],
) -> Result<Vec<&'a Output>, Error> {
    let mut own: Vec<&Output> = outputs
        .iter()
        .filter(|output| output.platform == platform)
        .collect();
    if let Some(chosen) = &image.bins {
        let known: Vec<&str> = own.iter().map(|output| output.name.as_str()).collect();
        check_bins(chosen, &known)?;
        own.retain(|output| output.library || chosen.contains(&output.name));
    }
    Ok(own)
}

fn files(
    project: &Project,
    image: &ImageConfig,
    bins: &[&Output],
    values: &Values,
) -> Result<Vec<FilePlan>, Error> {
    let mut files: Vec<FilePlan> = bins
        .iter()
        .map(|output| FilePlan {
            source: output.path.clone(),
            destination: destination(image, &output.name),
            mode: Some(0o755),
            uid: 0,
            gid: 0,
            artifact: true,
        })
        .collect();
    for file in image.files.iter().flatten() {
        files.push(extra_file(project, file, values)?);
    }
    Ok(files)
}

fn destination(image: &ImageConfig, name: &str) -> String {
    let folder = image.bin_dir.as_deref().unwrap_or(BIN_DIRECTORY);
    format!("{}/{name}", folder.trim_end_matches('/'))
}

fn extra_file(project: &Project, file: &FileConfig, values: &Values) -> Result<FilePlan, Error> {
    let source = values.expand(&file.src)?;
    let mut destination = values.expand(&file.dst)?;
    if !destination.starts_with('/') || destination.split('/').any(|part| part == "..") {
        return Err(value(
            "files.dst",
            &file.dst,
            "an absolute path without `..`",
        ));
    }
    if destination.ends_with('/') {
        let name = source.trim_end_matches('/').rsplit('/').next();
        destination.push_str(name.unwrap_or_default());
    }
    let mode = file.mode.as_ref().map(|text| {
        image::mode(text).ok_or_else(|| value("files.mode", text, "a mode in octal such as `0644`"))
    });
    let (uid, gid) = match &file.owner {
        None => (0, 0),
        Some(text) => image::owner(text)
            .ok_or_else(|| value("files.owner", text, "`uid[:gid]` in numbers"))?,
    };
    Ok(FilePlan {
        source: project.root.join(source),
        destination,
        mode: mode.transpose()?,
        uid,
        gid,
        artifact: false,
    })
}

fn config(
    project: &Project,
    settings: &Settings,
    name: &str,
    image: &ImageConfig,
    bins: &[&Output],
    values: &Values,
) -> Result<ConfigPlan, Error> {
    let expand_all = |list: &Option<Vec<String>>| match list {
        None => Ok(None),
        Some(list) => list
            .iter()
            .map(|text| values.expand(text))
            .collect::<Result<Vec<_>, _>>()
            .map(Some),
    };
    let mut env = Vec::new();
    for (key, value) in image.env.iter().flatten() {
        env.push((key.clone(), values.expand(value)?));
    }
    let mut labels = automatic_labels(project, settings, bins);
    for (key, value) in image.labels.iter().flatten() {
        labels.insert(key.clone(), values.expand(value)?);
    }
    Ok(ConfigPlan {
        entrypoint: entrypoint(
            &project.name,
            name,
            image,
            bins,
            expand_all(&image.entrypoint)?,
        )?,
        cmd: expand_all(&image.cmd)?,
        env,
        user: image.user.clone(),
        workdir: image.workdir.clone(),
        labels,
        ports: ports(image)?,
        volumes: image.volumes.clone().unwrap_or_default(),
        created: created(project, settings),
    })
}

/// The configured entrypoint, a command's bare name made its path; else the one command there is.
fn entrypoint(
    project: &str,
    name: &str,
    image: &ImageConfig,
    bins: &[&Output],
    configured: Option<Vec<String>>,
) -> Result<Option<Vec<String>>, Error> {
    if let Some(mut words) = configured {
        if let Some(first) = words.first_mut()
            && bins.iter().any(|output| output.name == *first)
        {
            *first = destination(image, first);
        }
        return Ok(Some(words));
    }
    let commands: Vec<&&Output> = bins.iter().filter(|output| !output.library).collect();
    match &commands[..] {
        [] => Ok(None),
        [only] => Ok(Some(vec![destination(image, &only.name)])),
        several => Err(Error::NoEntrypoint {
            image: name.to_owned(),
            bins: several.iter().map(|output| output.name.clone()).collect(),
            likely: several
                .iter()
                .find(|output| output.name == project)
                .map(|output| output.name.clone()),
        }),
    }
}

/// Each with its protocol. What is malformed was refused with the settings, under its own table.
fn ports(image: &ImageConfig) -> Result<Vec<String>, Error> {
    let read = |text: &String| {
        image::port(text).ok_or_else(|| value("ports", text, "a port such as `8080` or `53/udp`"))
    };
    image.ports.iter().flatten().map(read).collect()
}

fn value(key: &str, value: &str, expected: &'static str) -> Error {
    Error::Value {
        key: format!("image.{key}"),
        value: value.to_owned(),
        expected,
    }
}

/// What the packages of an image's programs say of themselves.
fn of_packages(source: &CargoProject, bins: &[&Output]) -> BTreeMap<String, String> {
    let about = source.about(bins.iter().map(|output| output.name.as_str()));
    let authors = (!about.authors.is_empty()).then(|| about.authors.join(", "));
    let labels = [
        (spec::ANNOTATION_LICENSES, about.licence),
        (spec::ANNOTATION_AUTHORS, authors),
        (spec::ANNOTATION_DESCRIPTION, about.description),
        (spec::ANNOTATION_SOURCE, about.repository),
        (spec::ANNOTATION_URL, about.homepage),
        (spec::ANNOTATION_DOCUMENTATION, about.documentation),
    ];
    let known = labels
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)));
    known.collect()
}

/// What git, the packages and the configuration know, under the keys of the OCI image specification,
/// annotations.md, "Pre-Defined Annotation Keys".
fn automatic_labels(
    project: &Project,
    settings: &Settings,
    bins: &[&Output],
) -> BTreeMap<String, String> {
    let mut labels = match &project.source {
        Source::Cargo(source) => of_packages(source, bins),
        _ => BTreeMap::new(),
    };
    let mut add = |key: &str, value: String| {
        labels.insert(key.to_owned(), value);
    };
    if let Some(version) = version(project, settings) {
        add(spec::ANNOTATION_VERSION, version);
    }
    if let Some(git) = &project.git {
        let dirty = if git.dirty { "-dirty" } else { "" };
        add(spec::ANNOTATION_REVISION, format!("{}{dirty}", git.commit));
        add(
            spec::ANNOTATION_CREATED,
            rfc3339(created(project, settings)),
        );
        if let Some(source) = &git.source {
            add(spec::ANNOTATION_SOURCE, source.clone());
        }
    }
    labels
}
