//! What `build`, `compile` and `plan` have in common: from a folder to a plan.

use std::collections::BTreeMap;

use super::choose::{Error, choose, detected, references};
use super::context::Context;
use super::failure::Failure;
use super::libc;
use super::needs;
use super::rust;
use super::source::{self, Read};
use super::tools::Tools;
use crate::base::Base;
use crate::compile::Artifact;
use crate::plan::{self, Output, Plan};
use crate::project::{Kind, Project, Source, git};
use crate::settings::Settings;
use crate::target::Platform;
use crate::toolchain::{Compilers, Rust, Toolchain};

/// Everything known before anything is built.
pub(super) struct Prepared {
    pub(super) project: Project,
    /// The base of each image, in the order of the plan's images; empty where no image is wanted.
    pub(super) bases: Vec<Base>,
    /// What compiles; `None` where nothing is compiled.
    pub(super) toolchain: Option<Toolchain>,
    /// Rust, where that is compiled.
    pub(super) rust: Option<Rust>,
    /// What compiles C and C++; empty where neither is compiled.
    pub(super) compilers: BTreeMap<Platform, Compilers>,
    /// What links Rust programs that run during the build, where the machine has nothing.
    pub(super) machine: Option<Compilers>,
    /// The programs that builds call besides compilers, by name.
    pub(super) programs: BTreeMap<String, Toolchain>,
    pub(super) plan: Plan,
    /// Who chose the platforms.
    pub(super) chosen_by: &'static str,
}

/// Detects, loads the bases where images are wanted, chooses platforms, finds the toolchain, reads
/// the project and plans.
pub(super) fn prepare(
    context: &Context<'_>,
    settings: &Settings,
    tools: &Tools<'_>,
    images: bool,
) -> Result<Prepared, Failure> {
    let detected = detected(settings)?;
    let arguments = &settings.flags.arguments;
    let takes = matches!(detected.kind, Kind::Cargo | Kind::Make | Kind::Cmake);
    if !takes && !arguments.is_empty() {
        return Err(Error::Arguments {
            arguments: arguments.clone(),
            kind: detected.kind,
        }
        .into());
    }
    let root = detected.root.clone();
    let repository = git::begin(root);
    let references = if images {
        references(context, settings)?
    } else {
        Vec::new()
    };
    if context.global.offline {
        needs::require(tools, &detected, &references)?;
    }
    let (platforms, chosen_by, bases) = choose(context, settings, &detected, &references, tools)?;
    let libcs = match detected.kind {
        Kind::Cargo if images => libc::of_bases(context, settings, &platforms, &bases)?,
        Kind::Cargo => libc::find(context, settings, tools, &platforms)?,
        _ => BTreeMap::new(),
    };
    let Read {
        source,
        toolchain,
        mut rust,
    } = source::read(context, settings, &detected, tools, &platforms, libcs)?;
    let project = Project {
        name: source::name(settings, &detected, &source)?,
        root: detected.root.clone(),
        detected,
        git: repository(),
        source,
    };
    let plan = plan::plan(&project, &platforms, settings, images)?;
    let names = settings.image_names().into_iter();
    let names: Vec<&str> = names.map(|name| name.unwrap_or(&project.name)).collect();
    let bases = of_images(bases, &names, &plan);
    let mut compilers = BTreeMap::new();
    let mut machine = None;
    if let (Some(rust), Source::Cargo(cargo)) = (&mut rust, &project.source) {
        compilers = rust::compilers(context, tools, rust, cargo)?;
        machine = rust::machine(tools, rust, cargo)?;
    } else if plan.needs_c() {
        let libcs = if images {
            libc::of_bases(context, settings, &platforms, &bases)?
        } else {
            libc::find(context, settings, tools, &platforms)?
        };
        for (platform, libc) in libcs {
            compilers.insert(platform, tools.compilers(platform, libc)?);
        }
    }
    let programs = source::programs(tools, &project.detected, &project.source)?;
    Ok(Prepared {
        project,
        bases,
        toolchain,
        rust,
        compilers,
        machine,
        programs,
        plan,
        chosen_by,
    })
}

/// The bases of the images that are planned, of those of these images.
fn of_images(mut bases: Vec<Base>, names: &[&str], plan: &Plan) -> Vec<Base> {
    let mut planned = names
        .iter()
        .map(|name| plan.images.iter().any(|image| image.name == **name));
    bases.retain(|_| planned.next().unwrap_or(false));
    bases
}

impl Prepared {
    /// Plans the images anew, with what the builds have left.
    pub(super) fn found(
        &mut self,
        settings: &Settings,
        artifacts: Vec<Artifact>,
    ) -> Result<(), plan::Error> {
        let outputs = artifacts.into_iter().map(|artifact| Output {
            platform: artifact.platform,
            name: artifact.name,
            path: artifact.path,
            library: artifact.library,
        });
        let before = self.plan.clone();
        let names = before.images.iter();
        let names: Vec<&str> = names.map(|image| image.name.as_str()).collect();
        self.plan = plan::with_outputs(before.clone(), &self.project, settings, outputs.collect())?;
        self.bases = of_images(std::mem::take(&mut self.bases), &names, &self.plan);
        Ok(())
    }
}
