//! `polyarch plan`: what `build` would do, and why.

use super::account;
use super::args::{ImageArgs, ProjectArgs};
use super::build;
use super::context::Context;
use super::failure::Failure;
use super::prepare::{self, Prepared};
use super::tools::{self, Tools};
use crate::plan::Action;
use crate::plan::native::{NativeStep, System};
use serde::Serialize;

const EXAMPLES: &str = "\
Examples:
  polyarch plan                    the evidence, the platforms, the steps, the images
  polyarch plan --json             the same for scripts
  polyarch plan -v --platform arm64 services/api";

/// Show what build would do, and why
///
/// Takes the flags of build. Nothing is compiled and nothing is written but what the store keeps: a
/// missing toolchain is fetched, since it is needed to list the project's commands.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    image: ImageArgs,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Json<'a> {
    project: JsonProject<'a>,
    toolchain: Option<JsonToolchain<'a>>,
    platforms_chosen_by: &'a str,
    plan: &'a crate::plan::Plan,
}

#[derive(Serialize)]
struct JsonProject<'a> {
    name: &'a str,
    detected: &'a crate::project::Detected,
}

#[derive(Serialize)]
struct JsonToolchain<'a> {
    name: &'a str,
    version: String,
    program: Option<String>,
}

pub(super) fn run(args: &Args, context: &Context<'_>) -> Result<(), Failure> {
    let mut flags = args.project.flags();
    args.image.add_to(&mut flags);
    let settings = context.settings(args.project.path.as_deref(), flags)?;
    let fetcher = tools::fetcher(context, &settings);
    let tools = Tools::new(context, &settings, &fetcher)?;
    let mut prepared = prepare::prepare(context, &settings, &tools, true)?;
    build::apply(&args.image, &mut prepared.plan);
    if context.global.json {
        context.report.json(&Json {
            project: JsonProject {
                name: &prepared.project.name,
                detected: &prepared.project.detected,
            },
            toolchain: prepared.toolchain.as_ref().map(|toolchain| JsonToolchain {
                name: &toolchain.name,
                version: toolchain.version.to_string(),
                program: toolchain
                    .program
                    .as_ref()
                    .map(|path| path.display().to_string()),
            }),
            platforms_chosen_by: prepared.chosen_by,
            plan: &prepared.plan,
        });
        return Ok(());
    }
    account::prepared(context.report, &prepared);
    steps(context, &prepared);
    images(context, &prepared);
    Ok(())
}

fn steps(context: &Context<'_>, prepared: &Prepared) {
    for step in &prepared.plan.steps {
        let go = match &step.action {
            Action::Go(go) => go,
            Action::Cargo(cargo) => {
                let platform = step.platform.to_string();
                context
                    .report
                    .field("Compile", &format!("{platform:<14} {}", cargo.triple));
                let words = ["cargo build".to_owned()].into_iter();
                let words: Vec<String> = words.chain(cargo.arguments.clone()).collect();
                context.report.detail(&words.join(" "));
                continue;
            }
            Action::Native(native) => {
                let target = prepared.compilers.get(&step.platform);
                let target = target.map_or("", |compilers| compilers.target.as_str());
                let platform = step.platform.to_string();
                context
                    .report
                    .field("Compile", &format!("{platform:<14} {target}"));
                context.report.detail(&words(native));
                continue;
            }
        };
        let mut words = vec!["go build".to_owned()];
        words.extend(go.flags.iter().cloned());
        if !go.ldflags.is_empty() {
            words.push(format!("-ldflags='{}'", go.ldflags));
        }
        words.extend(go.packages.iter().cloned());
        let environment = step.platform.go_environment();
        let environment: Vec<String> = environment
            .iter()
            .skip(1)
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        context.report.field(
            "Compile",
            &format!(
                "{:<14} {}",
                step.platform.to_string(),
                environment.join(" ")
            ),
        );
        context.report.detail(&words.join(" "));
    }
}

/// What a build of C or C++ calls, as one would type it.
fn words(native: &NativeStep) -> String {
    let words = match &native.system {
        System::Make(make) => {
            let variables = make.variables.iter();
            let variables = variables.map(|(name, value)| format!("{name}={value}"));
            let all = [make.args.clone(), variables.collect(), make.targets.clone()];
            std::iter::once("make".to_owned())
                .chain(all.concat())
                .collect()
        }
        System::Cmake(cmake) => {
            let preset = cmake
                .preset
                .iter()
                .map(|preset| format!("--preset {preset}"));
            let build_type = cmake.build_type.iter();
            let build_type = build_type.map(|kind| format!("-DCMAKE_BUILD_TYPE={kind}"));
            let own: Vec<String> = preset.chain(build_type).collect();
            let all = [own, cmake.args.clone(), cmake.targets.clone()];
            std::iter::once("cmake".to_owned())
                .chain(all.concat())
                .collect::<Vec<_>>()
        }
        System::Plain(plain) => {
            let files = plain.files.iter().map(|file| file.display().to_string());
            let all = [plain.flags.clone(), files.collect(), plain.ldflags.clone()];
            std::iter::once("cc".to_owned())
                .chain(all.concat())
                .collect()
        }
    };
    words.join(" ")
}

fn images(context: &Context<'_>, prepared: &Prepared) {
    for image in &prepared.plan.images {
        let tags = match image.tags.is_empty() {
            true => String::new(),
            false => format!(" as {}", image.tags.join(", ")),
        };
        context
            .report
            .field("Image", &format!("{}{tags}", image.name));
        let Some(first) = image.platforms.first() else {
            continue;
        };
        if prepared.plan.found_when_built {
            context.report.detail("programs, found when they are built");
        }
        for file in &first.files {
            let source = file
                .source
                .strip_prefix(&prepared.project.root)
                .unwrap_or(&file.source);
            context
                .report
                .detail(&format!("{} from {}", file.destination, source.display()));
        }
        if let Some(entrypoint) = &first.config.entrypoint {
            context
                .report
                .detail(&format!("runs {}", entrypoint.join(" ")));
        }
    }
}
