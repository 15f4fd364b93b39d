//! The short account of a build: what was found and why, what it will be, what it became.

use std::collections::BTreeSet;
use std::time::Duration;

use super::prepare::Prepared;
use super::report::{Report, bytes, seconds};
use crate::compile::Finished;
use crate::plan;
use crate::project::Source;
use crate::target::Platform;
use crate::toolchain::Origin;

/// What was found and decided, before anything is built.
pub(super) fn prepared(report: &Report, prepared: &Prepared) {
    let project = &prepared.project;
    let evidence: Vec<&str> = project
        .detected
        .evidence
        .iter()
        .map(|one| one.what.as_str())
        .collect();
    let because = match evidence.is_empty() {
        true => "as configured".to_owned(),
        false => evidence.join(", "),
    };
    match &project.source {
        Source::Go(source) => {
            report.field("Project", &format!("Go, {} ({because})", source.module));
            let chosen: Vec<&str> = names(prepared);
            report.detail(&format!(
                "{}: {}",
                plural(chosen.len(), "command"),
                chosen.join(", ")
            ));
            for command in &source.commands {
                report.verbose(&format!("{} is {}", command.name, command.import_path));
            }
        }
        Source::Cargo(source) => {
            report.field("Project", &format!("Rust, {} ({because})", project.name));
            let chosen: Vec<&str> = names(prepared);
            report.detail(&format!(
                "{}: {}",
                plural(chosen.len(), "program"),
                chosen.join(", ")
            ));
            if let Some(first) = source.internal.first() {
                let names = source.internal.iter().map(|one| one.name.as_str());
                report.detail(&format!(
                    "left out as `publish = false` says: {} (`--package {}` builds it)",
                    names.collect::<Vec<_>>().join(", "),
                    first.package
                ));
            }
            for command in &source.commands {
                report.verbose(&format!(
                    "{} is of package {}",
                    command.name, command.package
                ));
            }
            if !source.native.is_empty() {
                report.verbose(&format!("with C: {}", source.native.join(", ")));
            }
        }
        Source::Cmake(_) => native(report, prepared, "CMake", &because),
        Source::Make(source) => {
            native(report, prepared, "make", &because);
            if source.top != project.root {
                report.verbose(&format!("the copy is of {}", source.top.display()));
            }
        }
        Source::C(source) => {
            let language = match plan::native::has_cpp(&source.files) {
                true => "C++",
                false => "C",
            };
            native(report, prepared, language, &because);
            report.detail(&plural(source.files.len(), "source"));
        }
        Source::Prebuilt(files) => {
            report.field(
                "Project",
                &format!("prebuilt files, {} ({because})", project.name),
            );
            for path in files.values().flatten() {
                report.verbose(&path.display().to_string());
            }
        }
    }
    for (image, base) in prepared.plan.images.iter().zip(&prepared.bases) {
        let label = if prepared.plan.images.len() > 1 {
            format!("{}: ", image.name)
        } else {
            String::new()
        };
        report.field("Base", &format!("{label}{}", base.reference));
    }
    let platforms: Vec<String> = prepared
        .plan
        .platforms
        .iter()
        .map(ToString::to_string)
        .collect();
    report.field(
        "Platforms",
        &format!("{} ({})", platforms.join(" "), prepared.chosen_by),
    );
    if let Some(toolchain) = &prepared.toolchain {
        let from = match &toolchain.origin {
            Origin::System => toolchain
                .program
                .as_ref()
                .map(|path| path.display().to_string())
                .unwrap_or_default(),
            Origin::Fetched { file, .. } => format!("fetched, {file}"),
        };
        report.field(
            "Toolchain",
            &format!("{} {} ({from})", toolchain.name, toolchain.version),
        );
    }
}

/// A project whose programs are found when it is built.
fn native(report: &Report, prepared: &Prepared, kind: &str, because: &str) {
    let name = &prepared.project.name;
    report.field("Project", &format!("{kind}, {name} ({because})"));
    let targets: BTreeSet<&str> = prepared
        .compilers
        .values()
        .map(|compilers| compilers.target.as_str())
        .collect();
    for target in targets {
        report.verbose(&format!("compiled for {target}"));
    }
    for program in prepared.programs.values() {
        let path = program.program.as_deref().unwrap_or(&program.root);
        let line = format!("{} {} ({})", program.name, program.version, path.display());
        report.verbose(&line);
    }
}

/// A platform that is compiled.
pub(super) fn finished(report: &Report, finished: &Finished) {
    let files: Vec<String> = finished
        .artifacts
        .iter()
        .map(|artifact| format!("{} {}", artifact.name, bytes(artifact.size)))
        .collect();
    let time = match finished.elapsed {
        Duration::ZERO => String::new(),
        elapsed => format!("  {}", seconds(elapsed)),
    };
    let label = match finished.elapsed {
        Duration::ZERO => "Found",
        _ => "Compiled",
    };
    report.field(
        label,
        &format!(
            "{:<14} {}{time}",
            finished.platform.to_string(),
            files.join(", ")
        ),
    );
}

/// Where files of platforms lie, for the end of `compile`.
pub(super) fn folders(platforms: &[Platform]) -> String {
    let folders: Vec<String> = platforms
        .iter()
        .map(|platform| platform.directory())
        .collect();
    match &folders[..] {
        [one] => format!("out/{one}"),
        several => format!("out/{{{}}}", several.join(",")),
    }
}

/// `1 command`, `2 commands`.
pub(super) fn plural(count: usize, noun: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{s}")
}

/// Names in a row, as a sentence has them.
pub(super) fn list(names: &[String]) -> String {
    names.join(", ")
}

fn names(prepared: &Prepared) -> Vec<&str> {
    let first = prepared.plan.platforms.first();
    let own = prepared
        .plan
        .outputs
        .iter()
        .filter(|output| Some(&output.platform) == first);
    own.map(|output| output.name.as_str()).collect()
}
