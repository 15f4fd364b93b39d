//! Right images that look wrong: an audit has nothing to say of them but notes.

mod documents;
mod libraries;
mod machines;
mod programs;
mod trees;

use serde_json::json;

use super::audit::{Form, Report, Yard};
use super::elf::MACHINES;
use super::image::Image;
use super::image::roots::{fixed, glibc, musl};

/// One right image.
pub(super) struct Right {
    /// What looks wrong, in words.
    pub(super) name: &'static str,
    pub(super) platforms: Vec<&'static str>,
    root: fn(&'static str) -> Image,
    change: fn(&mut Image),
    /// The one warning that it deserves, if any.
    but: Option<&'static str>,
}

fn right(
    name: &'static str,
    root: fn(&'static str) -> Image,
    platforms: &[&'static str],
    change: fn(&mut Image),
) -> Right {
    Right {
        name,
        platforms: platforms.to_vec(),
        root,
        change,
        but: None,
    }
}

impl Right {
    fn but(mut self, kind: &'static str) -> Self {
        self.but = Some(kind);
        self
    }

    fn complaints(&self, yard: &Yard) -> Vec<String> {
        let mut complaints = Vec::new();
        for platform in &self.platforms {
            let mut image = (self.root)(platform);
            (self.change)(&mut image);
            let report = yard.audit(&image, Form::Layout);
            for alarm in alarms(&report, self.but) {
                complaints.push(format!("{} ({platform}): {alarm}", self.name));
            }
        }
        complaints
    }
}

/// What is told and should not be.
fn alarms(report: &Report, but: Option<&str>) -> Vec<String> {
    let told = report.findings.iter().filter(|one| one.severity != "note");
    let mut alarms: Vec<String> = told
        .clone()
        .filter(|one| Some(one.kind.as_str()) != but)
        .map(|one| format!("{one:?}"))
        .collect();
    if let Some(kind) = but
        && !told.clone().any(|one| one.kind == kind)
    {
        alarms.push(format!("no {kind}"));
    }
    let platforms = report.json["platforms"].as_array();
    if platforms.is_none_or(Vec::is_empty) {
        alarms.push("no platform was looked at".to_owned());
    }
    alarms
}

/// Every right image.
pub(super) fn images() -> Vec<Right> {
    let mut all = Vec::new();
    for images in [
        machines::images(),
        programs::images(),
        libraries::images(),
        trees::images(),
        documents::images(),
    ] {
        all.extend(images);
    }
    all
}

fn nothing_is_said(images: Vec<Right>) {
    let yard = Yard::new();
    let complaints: Vec<String> = images
        .iter()
        .flat_map(|image| image.complaints(&yard))
        .collect();
    assert!(
        complaints.is_empty(),
        "{} false alarms:\n{}",
        complaints.len(),
        complaints.join("\n")
    );
}

#[test]
fn the_images_that_faults_are_planted_in_are_not_even_worth_a_note() {
    let yard = Yard::new();
    for machine in &MACHINES {
        for (name, root) in [
            ("glibc", glibc as fn(_) -> _),
            ("musl", musl),
            ("static", fixed),
        ] {
            let image = root(machine.platform);
            for form in [Form::Layout, Form::OciArchive, Form::DockerArchive] {
                let report = yard.audit(&image, form);
                let what = format!("{name} for {} in {form:?}", machine.platform);
                assert_eq!(report.json["findings"], json!([]), "{what}");
                let platform = &report.json["platforms"][0];
                assert_eq!(platform["platform"], machine.platform, "{what}");
                let elf = image.variants[0]
                    .layers
                    .iter()
                    .flat_map(|layer| &layer.entries);
                let elf = elf.filter(|entry| entry.elf().is_some()).count();
                assert_eq!(platform["elf"], elf, "{what}");
            }
        }
    }
}

#[test]
fn files_of_other_machines_are_no_alarm_where_they_belong() {
    nothing_is_said(machines::images());
}

#[test]
fn odd_programs_are_no_alarm() {
    nothing_is_said(programs::images());
}

#[test]
fn libraries_in_odd_places_are_no_alarm() {
    nothing_is_said(libraries::images());
}

#[test]
fn odd_trees_are_no_alarm() {
    nothing_is_said(trees::images());
}

#[test]
fn odd_documents_are_no_alarm() {
    nothing_is_said(documents::images());
}
