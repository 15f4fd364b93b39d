//! `polyarch verify`: proves an image right, or says what is wrong with it, without running anything
//! of it. What `build` does with what it made is here as well.

use std::fmt;
use std::path::Path;
use std::time::Instant;

use serde::Serialize;
use thiserror::Error;

use super::account::plural;
use super::context::Context;
use super::failure::Failure;
use super::report::seconds;
use crate::base::Reference;
use crate::digest::Digest;
use crate::fault::{Exit, Fault};
use crate::image::{BuiltImage, Origin};
use crate::settings::{Flags, Settings};
use crate::target::Platform;
use crate::verify::finding::Layer;
use crate::verify::{self, Allow, Audit, Finding, Kind, Options, Severity, Source};

const EXAMPLES: &str = "\
Examples:
  polyarch verify                            what build wrote: out/image, else the files in out
  polyarch verify oci:out/image --platform linux/arm64
  polyarch verify docker-archive:app.tar     what docker save wrote
  polyarch verify -v                         with notes
  polyarch verify --fail-on warning --json
  polyarch verify --allow 'machine:/opt/firmware/*'

Each kind of finding has a page under docs/findings/.";

/// Prove that an image fits its platforms and its base, without running it
///
/// Reads every blob and every ELF file of every platform: digests and documents, machine and ABI, what
/// the dynamic linker would find, and what the container runtime would start. Nothing is run, so it
/// works for any platform and any image, whoever made it.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// oci:DIR[:TAG], oci-archive:FILE, docker-archive:FILE, or the path of one; or a folder such as out
    #[arg(value_name = "IMAGE")]
    image: Option<String>,
    /// Only these platforms
    #[arg(long, value_name = "PLATFORMS", value_delimiter = ',')]
    platform: Vec<Platform>,
    /// Leave out what is known to be right: KIND, KIND:GLOB or /GLOB; may be repeated
    #[arg(long, value_name = "PATTERN")]
    allow: Vec<String>,
    /// From which severity on the exit code is not 0: error, warning, note or never
    #[arg(
        long,
        value_name = "SEVERITY",
        default_value = "error",
        hide_possible_values = true
    )]
    fail_on: FailOn,
}

/// From which severity on an audit fails.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum FailOn {
    Error,
    Warning,
    Note,
    Never,
}

/// The audit as `--json` prints it; docs/verify.md describes it.
#[derive(Serialize)]
struct Json<'a> {
    schema: u32,
    image: &'a str,
    digest: Option<Digest>,
    platforms: Vec<JsonPlatform<'a>>,
    findings: Vec<JsonFinding<'a>>,
    errors: usize,
    warnings: usize,
    notes: usize,
}

#[derive(Serialize)]
struct JsonPlatform<'a> {
    platform: &'a str,
    digest: Option<Digest>,
    files: usize,
    elf: usize,
    skipped: Option<&'a str>,
}

#[derive(Serialize)]
struct JsonFinding<'a> {
    kind: Kind,
    class: verify::Class,
    severity: Severity,
    platform: Option<&'a str>,
    subject: String,
    layer: Option<&'a Layer>,
    expected: &'a str,
    found: &'a str,
    hint: Option<&'a str>,
    page: String,
}

/// What was found is too bad.
#[derive(Debug, Error)]
struct Refused {
    image: String,
    counts: Counts,
    kind: Kind,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` has {}", self.image, self.counts)
    }
}

impl Fault for Refused {
    fn exit(&self) -> Exit {
        self.kind.exit()
    }
}

/// How many findings there are.
#[derive(Clone, Copy, Debug)]
struct Counts {
    errors: usize,
    warnings: usize,
    notes: usize,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [
            (self.errors, "error"),
            (self.warnings, "warning"),
            (self.notes, "note"),
        ];
        let some = all.into_iter().filter(|(count, _)| *count > 0);
        let some: Vec<String> = some.map(|(count, word)| plural(count, word)).collect();
        match some.is_empty() {
            true => f.write_str("nothing to complain about"),
            false => f.write_str(&some.join(", ")),
        }
    }
}

pub(super) fn run(args: &Args, context: &Context<'_>) -> Result<(), Failure> {
    let start = Instant::now();
    let settings = context.settings(None, Flags::default())?;
    let allow = allowed(&settings, &args.allow)?;
    let audit = audit(args, context, &settings, &allow)?;
    if context.global.json {
        context.report.json(&json(&audit));
    } else {
        print(context, &audit);
        summary(context, &audit, start);
    }
    let least = match args.fail_on {
        FailOn::Error => Severity::Error,
        FailOn::Warning => Severity::Warning,
        FailOn::Note => Severity::Note,
        FailOn::Never => return Ok(()),
    };
    refuse(&audit, least)
}

/// Audits what was built, before anything of it is written anywhere.
pub(super) fn built(
    context: &Context<'_>,
    settings: &Settings,
    name: &str,
    image: &BuiltImage,
) -> Result<(), Failure> {
    let store = context.store.get()?;
    let source = Source::of_store(store, name, &image.root);
    let base = |digest: Digest| {
        let manifest = image
            .manifests
            .iter()
            .find(|one| one.descriptor.digest == digest)?;
        let layers = manifest.layers.iter();
        Some(
            layers
                .take_while(|layer| layer.origin == Origin::Base)
                .count(),
        )
    };
    let allow = allowed(settings, &[])?;
    let audit = verify::audit(&source, &options(context, &[], &allow, &base)?)?;
    print(context, &audit);
    refuse(&audit, Severity::Error)
}

fn refuse(audit: &Audit, least: Severity) -> Result<(), Failure> {
    match audit.worst(least) {
        None => Ok(()),
        Some(worst) => Err(Refused {
            image: audit.image.clone(),
            counts: counts(audit),
            kind: worst.kind,
        }
        .into()),
    }
}

fn allowed(settings: &Settings, flags: &[String]) -> Result<Vec<Allow>, Failure> {
    let patterns = settings.config.verify.allow.iter().chain(flags);
    let mut allowed = Vec::new();
    for pattern in patterns {
        allowed.push(pattern.parse::<Allow>()?);
    }
    Ok(allowed)
}

fn options<'a>(
    context: &'a Context<'_>,
    platforms: &'a [Platform],
    allow: &'a [Allow],
    base: &'a dyn Fn(Digest) -> Option<usize>,
) -> Result<Options<'a>, Failure> {
    Ok(Options {
        platforms,
        allow,
        base,
        store: context.store.get()?,
        threads: context.jobs.get(),
        observer: context.report,
    })
}

fn audit(
    args: &Args,
    context: &Context<'_>,
    settings: &Settings,
    allow: &[Allow],
) -> Result<Audit, Failure> {
    let given = if let Some(given) = &args.image {
        given.clone()
    } else {
        let own = settings.root.join("out/image");
        let own = if own.exists() {
            own
        } else {
            settings.root.join("out")
        };
        if !own.exists() {
            return Err(verify::Error::Nothing(own.display().to_string()).into());
        }
        own.display().to_string()
    };
    let path = context.directory.join(&given);
    let reference = if path.exists() {
        if let Some(reference) = verify::source::reference(&path)? {
            shorter(context, reference)
        } else {
            let audit = verify::out::audit(&path, &given, &args.platform, allow)?;
            return Ok(audit);
        }
    } else if is_path(&given) {
        return Err(verify::Error::Nothing(given).into());
    } else {
        match given.parse::<Reference>()? {
            // Nothing says that a registry is meant.
            Reference::Registry(_) if !given.contains(['/', ':', '@']) => {
                return Err(verify::Error::Nothing(given).into());
            }
            reference => reference,
        }
    };
    let mut source = Source::open(&reference.clone().relative_to(&context.directory))?;
    source.name = reference.to_string();
    let unknown = |_| None;
    let options = options(context, &args.platform, allow, &unknown)?;
    Ok(verify::audit(&source, &options)?)
}

/// Whether what was typed can only be meant as a path.
fn is_path(given: &str) -> bool {
    given.starts_with(['.', '/'])
        || (!given.contains(':')
            && Path::new(given)
                .extension()
                .is_some_and(|extension| extension.eq_ignore_ascii_case("tar")))
}

/// A reference with its path as it would be typed here.
fn shorter(context: &Context<'_>, reference: Reference) -> Reference {
    let short = |path: &Path| {
        path.strip_prefix(&context.directory)
            .unwrap_or(path)
            .to_owned()
    };
    match reference {
        Reference::Layout { path, tag, digest } => Reference::Layout {
            path: short(&path),
            tag,
            digest,
        },
        Reference::OciArchive(path) => Reference::OciArchive(short(&path)),
        Reference::DockerArchive(path) => Reference::DockerArchive(short(&path)),
        other => other,
    }
}

fn counts(audit: &Audit) -> Counts {
    Counts {
        errors: audit.count(Severity::Error),
        warnings: audit.count(Severity::Warning),
        notes: audit.count(Severity::Note),
    }
}

fn print(context: &Context<'_>, audit: &Audit) {
    for finding in &audit.findings {
        let mut text = String::new();
        if let Some(platform) = &finding.platform {
            text = format!("{platform}: ");
        }
        text = format!(
            "{text}{}: expected {}, found {} [{}]",
            finding.subject,
            finding.expected,
            finding.found,
            finding.kind.code()
        );
        let page = finding.kind.page();
        let hint = finding.hint.as_deref();
        let hint = hint.map_or_else(|| page.clone(), |hint| format!("{hint} (see {page})"));
        context
            .report
            .finding(finding.severity, &text, layer(finding).as_deref(), &hint);
    }
    for platform in &audit.platforms {
        if let Some(reason) = &platform.skipped {
            let text = format!(
                "{}: its files were not looked at: {reason}",
                platform.platform
            );
            context.report.field("Skipped", &text);
        }
    }
}

/// The layer of a file in a line.
fn layer(finding: &Finding) -> Option<String> {
    const LONG: usize = 80;
    let layer = finding.layer.as_ref()?;
    let whose = match layer.base {
        Some(true) => " (the base's)",
        Some(false) => " (not the base's)",
        None => "",
    };
    let made = layer.created_by.as_deref().map(|made| {
        let end = made
            .char_indices()
            .nth(LONG)
            .map_or(made.len(), |(at, _)| at);
        format!(": {}", &made[..end])
    });
    Some(format!(
        "in layer {} of {}{whose}{}",
        layer.number,
        layer.of,
        made.unwrap_or_default()
    ))
}

fn summary(context: &Context<'_>, audit: &Audit, start: Instant) {
    let files: usize = audit.platforms.iter().map(|one| one.files).sum();
    let elf: usize = audit.platforms.iter().map(|one| one.elf).sum();
    context.report.field(
        "Verified",
        &format!(
            "{}  {}, {}, {elf} of them ELF, in {}",
            audit.image,
            plural(audit.platforms.len(), "platform"),
            plural(files, "file"),
            seconds(start.elapsed())
        ),
    );
    let counts = counts(audit);
    let more = match counts.notes > 0 && !context.global.verbose {
        true => "; -v shows notes",
        false => "",
    };
    context.report.detail(&format!("{counts}{more}"));
}

fn json(audit: &Audit) -> Json<'_> {
    let counts = counts(audit);
    Json {
        schema: 1,
        image: &audit.image,
        digest: audit.digest,
        platforms: audit
            .platforms
            .iter()
            .map(|one| JsonPlatform {
                platform: &one.platform,
                digest: one.digest,
                files: one.files,
                elf: one.elf,
                skipped: one.skipped.as_deref(),
            })
            .collect(),
        findings: audit
            .findings
            .iter()
            .map(|one| JsonFinding {
                kind: one.kind,
                class: one.kind.class(),
                severity: one.severity,
                platform: one.platform.as_deref(),
                subject: one.subject.to_string(),
                layer: one.layer.as_ref(),
                expected: &one.expected,
                found: &one.found,
                hint: one.hint.as_deref(),
                page: one.kind.page(),
            })
            .collect(),
        errors: counts.errors,
        warnings: counts.warnings,
        notes: counts.notes,
    }
}
