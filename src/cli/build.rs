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
use super::verify;
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
    /// Write what was built as JSON, with buildx's keys; - for standard output
    #[arg(long, value_name = "FILE", help_heading = "Image")]
    metadata_file: Option<PathBuf>,
    /// Do not check the image before it is written
    #[arg(long, help_heading = "Image")]
    no_verify: bool,
    #[arg(short, long, hide = true, value_name = "DOCKERFILE")]
    file: Option<PathBuf>,
    #[arg(long, hide = true)]
    push: bool,
    #[arg(long, hide = true)]
    load: bool,
    /// Write the digest; - for standard output
    #[arg(long, value_name = "FILE", help_heading = "Image")]
    iidfile: Option<PathBuf>,
}

/// One image, as `--json` prints it.
#[derive(Serialize)]
struct Json<'a> {
    name: &'a str,
    /// The image, where one was written.
    #[serde(flatten)]
    image: Option<JsonImage>,
    outputs: Vec<String>,
}

#[derive(Serialize)]
struct JsonImage {
    digest: String,
    size: u64,
    platforms: Vec<JsonPlatform>,
}

#[derive(Serialize)]
struct JsonPlatform {
    platform: String,
    digest: String,
    size: u64,
}

/// Flags that can't be followed.
#[derive(Debug, Error)]
enum Error {
    #[error("`{}` are asked for on standard output, which holds one", .0.join("` and `"))]
    OneStdout(Vec<&'static str>),
    #[error("`{0}` names an image, and `-o type=local` writes none")]
    NoImage(&'static str),
    #[error("`-f {}`: Dockerfiles are not read yet", .0.display())]
    Dockerfile(PathBuf),
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
            Self::OneStdout(_) => "`--metadata-file FILE --iidfile FILE`".to_owned(),
            Self::NoImage(_) => "add an image: `-o type=oci-layout,dest=out/image`".to_owned(),
            Self::Dockerfile(_) => {
                "say what the image holds in `polyarch.toml`, under `[image]`".to_owned()
            }
            Self::Push => {
                "`polyarch build && skopeo copy --all oci:out/image docker://NAME:TAG`".to_owned()
            }
            Self::Load => {
                "`polyarch build -t NAME:TAG -o type=docker-archive,dest=image.tar && docker load -i image.tar`"
                    .to_owned()
            }
        })
    }
}

pub(super) fn run(args: &Args, context: &Context<'_>) -> Result<(), Failure> {
    let start = Instant::now();
    if let Some(file) = &args.file {
        return Err(Error::Dockerfile(file.clone()).into());
    }
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
    check(args, context, &outputs)?;
    let fetcher = tools::fetcher(context, &settings);
    let tools = Tools::new(context, &settings, &fetcher)?;
    let mut prepared = prepare::prepare(context, &settings, &tools, true)?;
    apply(&args.image, &mut prepared.plan);
    tools.keep_lock()?;
    account::prepared(context.report, &prepared);
    let workspace = compile::open(context, &prepared)?;
    let artifacts = compile::artifacts(
        context,
        &prepared,
        &workspace,
        args.fail_fast,
        loader(&prepared),
    )?;
    if prepared.plan.found_when_built {
        prepared.found(&settings, artifacts)?;
        apply(&args.image, &mut prepared.plan);
    }
    let images = assemble(context, &prepared)?;
    let items: Vec<Item<'_>> = prepared
        .plan
        .images
        .iter()
        .zip(&images)
        .map(|(plan, image)| Item { plan, image })
        .collect();
    if !args.no_verify {
        for item in &items {
            verify::built(context, &settings, &item.plan.name, item.image)?;
        }
    }
    let mut written = Vec::new();
    for (spec, owned) in &outputs {
        written.extend(output::write(&items, spec, context.store.get()?, *owned)?);
    }
    let file = |file: &Option<PathBuf>| {
        let file = file.as_deref().filter(|file| !is_stdout(file));
        file.map(|file| context.directory.join(file))
    };
    if let Some(file) = file(&args.metadata_file) {
        output::metadata_file(&file, &items)?;
    }
    if let Some(file) = file(&args.iidfile) {
        output::iid_file(&file, &items)?;
    }
    results(context, &items, &written, start);
    let printed = |file: &Option<PathBuf>| file.as_deref().is_some_and(is_stdout);
    if printed(&args.metadata_file) {
        context.report.result(&output::metadata(&items)?);
    } else if printed(&args.iidfile) {
        context.report.result(&output::iid(&items));
    } else if context.global.quiet && !context.global.json {
        for line in quiet(context, &items, &written) {
            context.report.result(&line);
        }
    }
    Ok(())
}

fn is_stdout(file: &Path) -> bool {
    file == Path::new("-")
}

/// Refuses what could not be done in the end, before anything is begun.
fn check(args: &Args, context: &Context<'_>, outputs: &[(OutputSpec, bool)]) -> Result<(), Error> {
    let files = [
        ("--metadata-file", &args.metadata_file),
        ("--iidfile", &args.iidfile),
    ];
    let given = files
        .into_iter()
        .filter_map(|(flag, file)| Some((flag, file.as_deref()?)));
    if !outputs.iter().any(|(spec, _)| spec.kind() != Kind::Local)
        && let Some((flag, _)) = given.clone().next()
    {
        return Err(Error::NoImage(flag));
    }
    let mut printed: Vec<&str> = given
        .filter(|(_, file)| is_stdout(file))
        .map(|(flag, _)| flag)
        .collect();
    printed.extend(context.global.json.then_some("--json"));
    if printed.len() > 1 {
        return Err(Error::OneStdout(printed));
    }
    Ok(())
}

/// The one result that a script wants: the digests, else where the files are.
fn quiet(context: &Context<'_>, items: &[Item<'_>], written: &[Written]) -> Vec<String> {
    if holds_image(written) {
        let digests = items.iter().map(|item| item.image.root.digest.to_string());
        return digests.collect();
    }
    let paths = written.iter().map(|one| shown(context, &one.path));
    paths.collect()
}

/// Whether anything but bare files was written.
fn holds_image(written: &[Written]) -> bool {
    written.iter().any(|one| one.kind != Kind::Local)
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
    let image_written = holds_image(written);
    for item in items.iter().filter(|_| image_written) {
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
        let all = items.iter().map(|item| Json {
            name: &item.plan.name,
            image: image_written.then(|| json(item)),
            outputs: outputs.clone(),
        });
        report.json(&all.collect::<Vec<_>>());
    }
}

fn json(item: &Item<'_>) -> JsonImage {
    JsonImage {
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
