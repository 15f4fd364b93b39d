//! `polyarch build`: the one place that joins all stages.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;
use thiserror::Error;

use super::account::{self, plural};
use super::args::{ImageArgs, ProjectArgs};
use super::compile;
use super::context::Context;
use super::failure::Failure;
use super::prepare::{self, Prepared};
use super::report::{bytes, seconds};
use super::tools::{self, Tools};
use crate::base::{Base, Reference};
use crate::elf::Loader;
use crate::fault::{Exit, Fault};
use crate::image::{self, BuiltImage};
use crate::output::{self, Item, Kind, OutputSpec, Written};
use crate::plan::Plan;
use crate::progress::Observer;
use crate::settings::Settings;

const EXAMPLES: &str = "\
Examples:
  polyarch build                                          the project here, into ./out/image
  polyarch build --platform linux/amd64,linux/arm/v6 services/api
  polyarch build -t ghcr.io/me/app:1.2 -o type=docker-archive,dest=app.tar
  polyarch build --base oci:base --platform all           for every platform of the base
  polyarch build -q                                       print only the digest";

/// Compile for every platform and assemble a multi-arch image
///
/// Detects the project, compiles it into out/<arch>, checks each file against its platform, lays the
/// files over the base image, and writes the result to out/image (an OCI layout) or where --output
/// says.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    image: ImageArgs,
    /// Stop all platforms when one fails
    #[arg(long)]
    fail_fast: bool,
    /// Write what was built as JSON, with buildx's keys
    #[arg(long, value_name = "FILE", help_heading = "Image")]
    metadata_file: Option<PathBuf>,
    #[arg(long, hide = true)]
    push: bool,
    #[arg(long, hide = true)]
    load: bool,
    /// Write the digest
    #[arg(long, value_name = "FILE", help_heading = "Image")]
    iidfile: Option<PathBuf>,
}

/// One image, as `--json` prints it.
#[derive(Serialize)]
struct Json<'a> {
    name: &'a str,
    digest: String,
    size: u64,
    platforms: Vec<JsonPlatform>,
    outputs: Vec<String>,
}

#[derive(Serialize)]
struct JsonPlatform {
    platform: String,
    digest: String,
    size: u64,
}

/// A flag of buildx that has no counterpart yet.
#[derive(Debug, Error)]
enum Error {
    #[error("`--push` is not supported yet")]
    Push,
    #[error("`--load` is not supported yet")]
    Load,
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Push => "polyarch build && skopeo copy --all oci:out/image docker://NAME:TAG".to_owned(),
            Self::Load => {
                "polyarch build -t NAME:TAG -o type=docker-archive,dest=image.tar, then docker load -i"
                    .to_owned()
            }
        })
    }
}

pub(super) fn run(args: &Args, context: &Context<'_>) -> Result<(), Failure> {
    let start = Instant::now();
    if args.push {
        return Err(Error::Push.into());
    }
    if args.load {
        return Err(Error::Load.into());
    }
    let mut flags = args.project.flags();
    args.image.add_to(&mut flags);
    let settings = context.settings(args.project.path.as_deref(), flags)?;
    let outputs = outputs(args, context, &settings)?;
    let fetcher = tools::fetcher(context, &settings);
    let tools = Tools::new(context, &settings, context.definitions()?, &fetcher)?;
    let mut prepared = prepare::prepare(context, &settings, &tools, true)?;
    apply(&args.image, &mut prepared.plan);
    tools.keep_lock()?;
    account::prepared(context.report, &prepared);
    let workspace = compile::open(context, &prepared)?;
    compile::artifacts(
        context,
        &prepared,
        &workspace,
        args.fail_fast,
        loader(&prepared),
    )?;
    let images = assemble(context, &prepared)?;
    let items: Vec<Item<'_>> = prepared
        .plan
        .images
        .iter()
        .zip(&images)
        .map(|(plan, image)| Item { plan, image })
        .collect();
    let mut written = Vec::new();
    for (spec, owned) in &outputs {
        written.extend(output::write(&items, spec, context.store.get()?, *owned)?);
    }
    if let Some(file) = &args.metadata_file {
        output::metadata_file(&context.directory.join(file), &items)?;
    }
    if let Some(file) = &args.iidfile {
        output::iid_file(&context.directory.join(file), &items)?;
    }
    results(context, &items, &written, start);
    Ok(())
}

/// What the image's flags change in a plan.
pub(super) fn apply(args: &ImageArgs, plan: &mut Plan) {
    for image in &mut plan.images {
        image.compression = args.compression.unwrap_or(image.compression);
        image.always_index |= args.index;
    }
}

/// Where results go, and whether that is our own default folder.
fn outputs(
    args: &Args,
    context: &Context<'_>,
    settings: &Settings,
) -> Result<Vec<(OutputSpec, bool)>, Failure> {
    if args.image.output.is_empty() {
        // Each of several images is a layout of its own.
        let folder = match settings.image_names().len() {
            1 => "out/image",
            _ => "out/images/{name}",
        };
        let own = OutputSpec::new(Kind::Layout, folder).relative_to(&settings.root);
        return Ok(vec![(own, true)]);
    }
    let mut specs = Vec::new();
    for text in &args.image.output {
        let spec: OutputSpec = text.parse()?;
        specs.push((spec.relative_to(&context.directory), false));
    }
    Ok(specs)
}

/// Programs that need a loader can only run where the base may have one.
fn loader(prepared: &Prepared) -> Loader {
    let bare = |base: &Base| matches!(base.reference, Reference::Static | Reference::Scratch);
    if prepared.bases.iter().any(bare) {
        Loader::None
    } else {
        Loader::Any
    }
}

fn assemble(context: &Context<'_>, prepared: &Prepared) -> Result<Vec<BuiltImage>, Failure> {
    let store = context.store.get()?;
    let mut images = Vec::new();
    for (plan, base) in prepared.plan.images.iter().zip(&prepared.bases) {
        let meter = context
            .report
            .begin(&format!("assembling {}", plan.name), None);
        images.push(image::build(plan, base, store, context.jobs.get())?);
        drop(meter);
    }
    Ok(images)
}

fn results(context: &Context<'_>, items: &[Item<'_>], written: &[Written], start: Instant) {
    let report = context.report;
    let outputs: Vec<String> = written
        .iter()
        .map(|one| shown(context, &one.path))
        .collect();
    for item in items {
        let (plan, image) = (item.plan, item.image);
        let size: u64 = image.blobs().iter().map(|blob| blob.size).sum();
        let platforms = plural(image.manifests.len(), "platform");
        report.field(
            "Image",
            &format!("{}  {platforms}, {}", plan.name, bytes(size)),
        );
        for manifest in &image.manifests {
            let line = format!(
                "{:<14} {}  {}",
                manifest.platform.to_string(),
                manifest.descriptor.digest,
                bytes(manifest.size())
            );
            report.verbose(&line);
        }
        report.detail(&image.root.digest.to_string());
    }
    let total = seconds(start.elapsed());
    report.field("Wrote", &format!("{} in {total}", outputs.join(", ")));
    if let Some(next) = next(context, items, written) {
        report.field("Next", &next);
    }
    if context.global.json {
        let all: Vec<Json<'_>> = items.iter().map(|item| json(item, &outputs)).collect();
        report.json(&all);
    } else if context.global.quiet {
        for item in items {
            report.result(&item.image.root.digest.to_string());
        }
    }
}

fn json<'a>(item: &Item<'a>, outputs: &[String]) -> Json<'a> {
    Json {
        name: &item.plan.name,
        digest: item.image.root.digest.to_string(),
        size: item.image.blobs().iter().map(|blob| blob.size).sum(),
        platforms: item
            .image
            .manifests
            .iter()
            .map(|manifest| JsonPlatform {
                platform: manifest.platform.to_string(),
                digest: manifest.descriptor.digest.to_string(),
                size: manifest.size(),
            })
            .collect(),
        outputs: outputs.to_vec(),
    }
}

/// The command one would type next: with a name, to the registry; without one, to look at it.
fn next(context: &Context<'_>, items: &[Item<'_>], written: &[Written]) -> Option<String> {
    let first = written.first()?;
    let path = shown(context, &first.path);
    let tag = items.first()?.plan.tags.first();
    match (first.kind, tag) {
        (Kind::Layout, Some(tag)) => Some(format!("skopeo copy --all oci:{path} docker://{tag}")),
        (Kind::Layout, None) => Some(format!(
            "skopeo copy --all oci:{path} docker://REGISTRY/NAME:TAG"
        )),
        (Kind::OciArchive, _) => {
            let tag = tag.map_or("REGISTRY/NAME:TAG", String::as_str);
            Some(format!(
                "skopeo copy --all oci-archive:{path} docker://{tag}"
            ))
        }
        (Kind::DockerArchive, _) => Some(format!("docker load -i {path}")),
        (Kind::Local, _) => None,
    }
}

/// A path as it would be typed here.
fn shown(context: &Context<'_>, path: &Path) -> String {
    path.strip_prefix(&context.directory)
        .unwrap_or(path)
        .display()
        .to_string()
}
