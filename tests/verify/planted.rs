//! Faults that are planted in right images: each must be found, as what it is, and nothing else.
//!
//! A [`Case`] says how a right image is spoiled and what is to be said of it. What is said of a right
//! image that looks wrong stands in [`super::right`].

mod config;
mod documents;
pub(super) mod foreign;
mod layers;
pub(super) mod linker;
mod loading;

mod platforms;
mod processor;
mod scripts;
mod start;

use super::audit::{Form, Report, Told, Yard, kinds};
use super::elf::machine as table;
use super::image::Image;

/// One fault.
pub(super) struct Case {
    pub(super) kind: &'static str,
    /// What is planted, in words.
    pub(super) name: &'static str,
    pub(super) platforms: Vec<&'static str>,
    pub(super) severity: &'static str,
    subject: &'static str,
    root: fn(&'static str) -> Image,
    spoil: fn(&mut Image),
    expected: Vec<&'static str>,
    found: Vec<&'static str>,
    hint: Option<&'static str>,
    /// What the same fault causes elsewhere: kind, severity, subject.
    more: Vec<(&'static str, &'static str, &'static str)>,
    /// What may be said of it as well: kind, subject.
    perhaps: Vec<(&'static str, &'static str)>,
}

/// A fault of this kind in a right image. Words in braces are the platform's own: `{triple}` the
/// folder of Debian's libraries, `{musl}` the architecture as musl has it, `{layer 0 1}` a digest.
fn case(
    kind: &'static str,
    name: &'static str,
    root: fn(&'static str) -> Image,
    platform: &'static str,
    spoil: fn(&mut Image),
) -> Case {
    Case {
        kind,
        name,
        platforms: vec![platform],
        severity: "",
        subject: "",
        root,
        spoil,
        expected: Vec::new(),
        found: Vec::new(),
        hint: None,
        more: Vec::new(),
        perhaps: Vec::new(),
    }
}

impl Case {
    /// The image does not work. Of subjects with ` | ` between them, any will do.
    fn error(mut self, subject: &'static str) -> Self {
        (self.severity, self.subject) = ("error", subject);
        self
    }

    fn warning(mut self, subject: &'static str) -> Self {
        (self.severity, self.subject) = ("warning", subject);
        self
    }

    fn note(mut self, subject: &'static str) -> Self {
        (self.severity, self.subject) = ("note", subject);
        self
    }

    /// The same is planted for further platforms.
    fn and_on(mut self, platforms: &[&'static str]) -> Self {
        self.platforms.extend(platforms);
        self
    }

    /// A part of what should be.
    fn expected(mut self, part: &'static str) -> Self {
        self.expected.push(part);
        self
    }

    /// A part of what is.
    fn found(mut self, part: &'static str) -> Self {
        self.found.push(part);
        self
    }

    /// A part of the hint, which has to be there.
    fn hint(mut self, part: &'static str) -> Self {
        self.hint = Some(part);
        self
    }

    fn more(mut self, kind: &'static str, severity: &'static str, subject: &'static str) -> Self {
        self.more.push((kind, severity, subject));
        self
    }

    fn perhaps(mut self, kind: &'static str, subject: &'static str) -> Self {
        self.perhaps.push((kind, subject));
        self
    }

    /// The image with the fault in it.
    fn image(&self, platform: &'static str) -> Image {
        let mut image = (self.root)(platform);
        (self.spoil)(&mut image);
        image
    }

    /// What is wrong with a report on it.
    fn complaint(&self, image: &Image, report: &Report) -> Option<String> {
        let is = |subject: &str, one: &Told| {
            let mut subjects = subject.split(" | ");
            subjects.any(|subject| filled(subject, image, report) == one.subject)
        };
        let the = |one: &&Told| one.kind == self.kind && is(self.subject, one);
        let Some(one) = report.findings.iter().find(the) else {
            return Some("is not found".to_owned());
        };
        if one.severity != self.severity {
            return Some(format!("is told as {}", one.severity));
        }
        let alike = |found: &&Told| (&found.kind, &found.subject) == (&one.kind, &one.subject);
        for (name, parts, text) in [
            (
                "expected",
                &self.expected,
                told(report, alike, |one| Some(&one.expected)),
            ),
            (
                "found",
                &self.found,
                told(report, alike, |one| Some(&one.found)),
            ),
            (
                "hint",
                &self.hint.into_iter().collect(),
                told(report, alike, |one| one.hint.as_ref()),
            ),
        ] {
            let parts = parts.iter().map(|part| filled(part, image, report));
            if let Some(part) = parts.into_iter().find(|part| !text.contains(part)) {
                return Some(format!("says {name} `{text}`, without `{part}`"));
            }
        }
        if self.hint.is_some() && one.hint.is_none() {
            return Some("has no hint".to_owned());
        }
        for (kind, severity, subject) in &self.more {
            let found = report
                .findings
                .iter()
                .any(|one| one.kind == *kind && one.severity == *severity && is(subject, one));
            if !found {
                return Some(format!("is not told as {kind} of {subject}"));
            }
        }
        let known = |one: &&Told| {
            let same = |kind: &str, subject| one.kind == kind && is(subject, one);
            one.severity == "note" && self.severity != "note"
                || same(self.kind, self.subject)
                || self
                    .more
                    .iter()
                    .any(|(kind, _, subject)| same(kind, subject))
                || self
                    .perhaps
                    .iter()
                    .any(|(kind, subject)| same(kind, subject))
        };
        // A right image of this kind is not even worth a note, so a note that is planted is alone.
        if let Some(other) = report.findings.iter().find(|one| !known(one)) {
            return Some(format!("is told, and with it {other:?}"));
        }
        brought(image, one, report)
    }
}

/// What is wrong with the layer that is said to have brought the file.
fn brought(image: &Image, one: &Told, report: &Report) -> Option<String> {
    let path = one.subject.strip_prefix('/')?;
    let variant = &image.variants[0];
    let mut layers = variant.layers.iter().enumerate().rev();
    let (number, layer) =
        layers.find(|(_, layer)| layer.entries.iter().any(|entry| entry.path == path))?;
    let right = one.layer["number"] == number + 1
        && one.layer["of"] == variant.layers.len()
        && one.layer["created_by"] == layer.created_by
        && Some(&report.names[&format!("layer 0 {number}")])
            == one.layer["digest"].as_str().map(str::to_owned).as_ref();
    if !right {
        return Some(format!("is said to be of layer {}", one.layer));
    }
    let platform = one.platform.as_deref();
    (platform != Some(variant.platform)).then(|| format!("is told for {platform:?}"))
}

/// What all findings say that are alike, in one text.
fn told<'r>(
    report: &'r Report,
    alike: impl Fn(&&Told) -> bool,
    part: impl Fn(&'r Told) -> Option<&'r String>,
) -> String {
    let alike = report.findings.iter().filter(alike);
    let texts: Vec<&str> = alike.filter_map(part).map(String::as_str).collect();
    texts.join("; ")
}

/// A text with the platform's words put in.
fn filled(text: &str, image: &Image, report: &Report) -> String {
    let machine = table::of(image.platform());
    let mut text = text
        .replace("{triple}", machine.triple)
        .replace("{musl}", machine.musl)
        .replace("{glibc}", machine.glibc);
    for (name, digest) in &report.names {
        text = text.replace(&format!("{{{name}}}"), digest);
    }
    text
}

/// Every case, in the order of the classes.
pub(super) fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    for cases in [
        documents::cases(),
        layers::cases(),
        platforms::cases(),
        config::cases(),
        foreign::cases(),
        processor::cases(),
        linker::cases(),
        loading::cases(),
        start::cases(),
        scripts::cases(),
    ] {
        all.extend(cases);
    }
    all
}

/// The page about what is planted.
pub(super) fn page(cases: &[Case]) -> String {
    use std::fmt::Write as _;
    let mut page = String::new();
    let planted =
        |kind: &str| -> Vec<&Case> { cases.iter().filter(|case| case.kind == kind).collect() };
    let count = |cases: &[&Case]| cases.iter().map(|case| case.platforms.len()).sum::<usize>();
    let mut class = String::new();
    for (kind, of) in kinds() {
        if of != class {
            let all: Vec<&Case> = kinds()
                .iter()
                .filter(|(_, other)| *other == of)
                .flat_map(|(kind, _)| planted(kind))
                .collect();
            write!(
                page,
                "\n## {}: {} faults, {} images\n\n| kind | planted | on | found as |\n|---|---|---|---|\n",
                titled(&of),
                all.len(),
                count(&all)
            )
            .expect("memory");
            class = of;
        }
        for case in planted(&kind) {
            let platforms = case
                .platforms
                .iter()
                .map(|name| name.trim_start_matches("linux/"));
            let platforms: Vec<&str> = platforms.collect();
            let platforms = platforms.join(", ");
            let (name, severity) = (case.name.replace('|', "\\|"), case.severity);
            writeln!(page, "| `{kind}` | {name} | {platforms} | {severity} |").expect("memory");
        }
    }
    page
}

fn titled(word: &str) -> String {
    let (first, rest) = word.split_at(1);
    first.to_uppercase() + rest
}

fn all_are_found(cases: Vec<Case>) {
    let yard = Yard::new();
    let (mut complaints, mut count) = (Vec::new(), 0);
    for case in &cases {
        for platform in &case.platforms {
            count += 1;
            let image = case.image(platform);
            let report = yard.audit(&image, Form::Layout);
            if let Some(complaint) = case.complaint(&image, &report) {
                complaints.push(format!(
                    "{} ({platform}), {}: {complaint}",
                    case.name, case.kind
                ));
            }
        }
    }
    let wrong = complaints.len();
    assert!(wrong == 0, "{wrong} of {count}:\n{}", complaints.join("\n"));
}

#[test]
fn faults_of_documents_are_found() {
    all_are_found(documents::cases());
}

#[test]
fn platforms_that_are_named_wrong_are_found() {
    all_are_found(platforms::cases());
}

#[test]
fn faults_of_layers_are_found() {
    all_are_found(layers::cases());
}

#[test]
fn fields_that_engines_refuse_are_found() {
    all_are_found(config::cases());
}

#[test]
fn files_for_something_else_are_found() {
    all_are_found(foreign::cases());
}

#[test]
fn files_that_ask_for_too_much_are_found() {
    all_are_found(processor::cases());
}

#[test]
fn what_the_dynamic_linker_would_not_find_is_found() {
    all_are_found(linker::cases());
}

#[test]
fn what_the_dynamic_linker_would_find_wrong_is_found() {
    all_are_found(loading::cases());
}

#[test]
fn what_keeps_an_image_from_starting_is_found() {
    all_are_found(start::cases());
}

#[test]
fn scripts_that_do_not_start_are_found() {
    all_are_found(scripts::cases());
}

#[test]
fn every_kind_of_finding_is_planted() {
    let cases = cases();
    let missing: Vec<String> = kinds()
        .into_iter()
        .map(|(kind, _)| kind)
        .filter(|kind| !cases.iter().any(|case| case.kind == kind))
        .collect();
    assert!(missing.is_empty(), "never planted: {missing:?}");
    let mut platforms: Vec<&str> = cases.iter().flat_map(|one| one.platforms.clone()).collect();
    platforms.sort_unstable();
    platforms.dedup();
    assert!(platforms.len() >= 12, "{platforms:?}");
}

/// What files do wrong does not depend on what the image lies in.
#[test]
fn faults_of_files_are_found_in_archives() {
    let yard = Yard::new();
    let mut files = linker::cases();
    files.extend(scripts::cases());
    files.extend(foreign::cases());
    for case in files.iter().step_by(5) {
        let platform = case.platforms[0];
        let image = case.image(platform);
        let told = |form| -> Vec<(String, String, String)> {
            let report = yard.audit(&image, form);
            let findings = report.findings.into_iter();
            findings
                .map(|one| (one.kind, one.severity, one.subject))
                .collect()
        };
        let expected = told(Form::Layout);
        for form in [Form::OciArchive, Form::DockerArchive] {
            assert_eq!(told(form), expected, "{} in {form:?}", case.name);
        }
    }
}
