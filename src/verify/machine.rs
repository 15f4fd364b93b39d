//! Every ELF file of an image against its platform.

use super::finding::{Finding, Kind, Severity};
use super::reach::{Reach, is_secondary};
use super::view::View;
use crate::elf::check::{self, Aspect};
use crate::elf::content::Content;
use crate::elf::facts::Kind as ElfKind;
use crate::elf::layer::{Fact, Program};
use crate::elf::machine::Words;
use crate::elf::object::Stack;
use crate::oci::rootfs::NodeKind;

/// What is wrong with the file at a real path.
pub(super) fn check(view: &View<'_>, real: &str, reach: Reach) -> Vec<Finding> {
    match view.fact(real) {
        Some(Fact::Elf(program)) => elf(view, real, program, reach),
        Some(Fact::Damaged(reason)) => {
            let severity = match reach {
                Reach::Started | Reach::Path => Severity::Error,
                Reach::Marked | Reach::Data => Severity::Warning,
            };
            if reach == Reach::Data {
                return Vec::new();
            }
            let expected = "a whole ELF file";
            vec![view.finding(Kind::ElfDamaged, severity, real, expected, reason.as_str())]
        }
        Some(Fact::Script(_) | Fact::Text(_) | Fact::Other(_)) | None => Vec::new(),
    }
}

fn elf(view: &View<'_>, real: &str, program: &Program, reach: Reach) -> Vec<Finding> {
    let facts = &program.object.facts;
    let own = view.platform.architecture().elf;
    if facts.header != own {
        return foreign(view, real, program, reach);
    }
    // Objects are linked by somebody, and kernel modules loaded by a kernel, on another day.
    if matches!(facts.kind, ElfKind::Object | ElfKind::Core) {
        return Vec::new();
    }
    let (found, _) = check::findings(facts, view.platform);
    let mut findings: Vec<Finding> = found
        .into_iter()
        .map(|finding| {
            let kind = kind(finding.aspect);
            let severity = match reach {
                _ if kind == Kind::CpuLevel && may_choose(program) => Severity::Note,
                Reach::Started | Reach::Path => Severity::Error,
                Reach::Marked => Severity::Warning,
                Reach::Data => Severity::Note,
            };
            Finding {
                hint: finding.hint,
                ..view.finding(kind, severity, real, finding.expected, finding.found)
            }
        })
        .collect();
    findings.extend(level(view, real, program, reach));
    findings.extend(hardening(view, real, program));
    findings
}

/// What a finding about a file and its platform is called.
pub(super) const fn kind(aspect: Aspect) -> Kind {
    match aspect {
        Aspect::Machine | Aspect::Kind => Kind::Machine,
        Aspect::System => Kind::OsAbi,
        Aspect::Convention => Kind::CallingConvention,
        Aspect::Level => Kind::CpuLevel,
    }
}

/// A file for another machine.
fn foreign(view: &View<'_>, real: &str, program: &Program, reach: Reach) -> Vec<Finding> {
    let facts = &program.object.facts;
    let (found, _) = check::findings(facts, view.platform);
    let Some(finding) = found.into_iter().next() else {
        return Vec::new();
    };
    let is_program = matches!(
        facts.kind,
        ElfKind::Executable | ElfKind::PositionIndependent
    );
    let secondary = is_secondary(view.platform, facts.header);
    let (kind, severity) = match reach {
        Reach::Started if secondary => (Kind::Machine, Severity::Warning),
        Reach::Path if secondary => (Kind::ForeignData, Severity::Note),
        Reach::Started | Reach::Path => (Kind::Machine, Severity::Error),
        Reach::Marked if is_program && !secondary && !is_linker(program) => {
            (Kind::Machine, Severity::Warning)
        }
        _ if !secondary && in_own_folder(view, real) => (Kind::Machine, Severity::Error),
        Reach::Marked | Reach::Data => (Kind::ForeignData, Severity::Note),
    };
    let hint = match (kind, &facts.go, severity) {
        (Kind::ForeignData, ..) => None,
        (_, _, Severity::Warning) if reach == Reach::Marked => Some(format!(
            "copy the file for {} in its place, or say that it is data: `--allow 'machine:/{real}'`",
            view.image.platform
        )),
        (_, Some(_), _) => finding.hint,
        (_, None, _) => {
            let own = finding
                .hint
                .map_or_else(String::new, |hint| format!("{hint}: "));
            let how = match view.is_base(real) {
                true => format!("take the base for {}", view.image.platform),
                false => format!(
                    "copy the one for {} in its place: `COPY out/${{TARGETARCH}}${{TARGETVARIANT}}/… /{real}`",
                    view.image.platform
                ),
            };
            Some(own + &how)
        }
    };
    vec![Finding {
        hint,
        ..view.finding(kind, severity, real, finding.expected, finding.found)
    }]
}

/// Libraries have code for several processors and choose among it when they are loaded, so that their
/// attributes say the most that any of it needs. What every program runs through says it for all.
fn may_choose(program: &Program) -> bool {
    let facts = &program.object.facts;
    let soname = facts.soname.as_deref().unwrap_or_default();
    facts.kind == ElfKind::Library
        && facts.go.is_none()
        && !is_linker(program)
        && !soname.starts_with("libc.so")
}

/// Linkers of other machines lie where they must.
fn is_linker(program: &Program) -> bool {
    let soname = program.object.facts.soname.as_deref().unwrap_or_default();
    soname.starts_with("ld-")
        || soname.starts_with("ld.so")
        || soname.starts_with("ld64.so")
        || soname.starts_with("libc.musl")
}

/// The folder of libraries that is named after the platform.
fn in_own_folder(view: &View<'_>, real: &str) -> bool {
    let folder = real.rsplit_once('/').map_or("", |(folder, _)| folder);
    let multiarch = view.platform.multiarch();
    folder.strip_prefix("usr/").unwrap_or(folder) == format!("lib/{multiarch}")
}

/// What an x86-64 program says that it needs of the processor (System V ABI, AMD64 supplement,
/// `GNU_PROPERTY_X86_ISA_1_NEEDED`); the dynamic linker refuses it on less.
fn level(view: &View<'_>, real: &str, program: &Program, reach: Reach) -> Option<Finding> {
    const LEVELS: [(u32, &str); 3] = [(8, "v4"), (4, "v3"), (2, "v2")];
    if view.platform.architecture().name != "amd64" || real.contains("/glibc-hwcaps/") {
        return None;
    }
    let has = match view.platform.variant() {
        None => "v1",
        Some(variant) => variant,
    };
    let (_, needs) = LEVELS
        .into_iter()
        .find(|(bit, _)| program.object.isa & bit != 0)?;
    if needs <= has {
        return None;
    }
    // Whole distributions are compiled for v2.
    let severity = match (reach, needs) {
        (_, "v2") | (Reach::Data, _) => Severity::Note,
        (Reach::Started, _) => Severity::Error,
        (Reach::Path | Reach::Marked, _) => Severity::Warning,
    };
    let expected = format!("x86-64-{has} at most");
    let found = format!("x86-64-{needs}");
    let mut finding = view.finding(Kind::CpuLevel, severity, real, expected, found);
    finding.hint = Some(format!(
        "compile it with `-march=x86-64`, or call the platform `linux/amd64/{needs}`"
    ));
    Some(finding)
}

fn hardening(view: &View<'_>, real: &str, program: &Program) -> Vec<Finding> {
    let object = &program.object;
    let mut findings = Vec::new();
    let mut note = |kind, expected: &str, found: &str, hint: Option<&str>| {
        let mut finding = view.finding(kind, Severity::Note, real, expected, found);
        finding.hint = hint.map(str::to_owned);
        findings.push(finding);
    };
    let machine = object.facts.header.machine;
    let is_program = matches!(
        object.facts.kind,
        ElfKind::Executable | ElfKind::PositionIndependent
    );
    // Without a word the kernel takes it for executable, on the machines that are that old.
    let old = matches!(machine, 3 | 40 | 62);
    if object.stack == Stack::Executable
        || (object.stack == Stack::Unsaid && old && object.dynamic.is_some())
    {
        let found = match object.stack {
            Stack::Executable => "one that asks for an executable stack",
            Stack::NotExecutable | Stack::Unsaid => "one that says nothing about the stack",
        };
        note(
            Kind::ExecutableStack,
            "a file whose stack is not executable",
            found,
            Some("link it with `-z noexecstack`"),
        );
    }
    let Some(dynamic) = &object.dynamic else {
        return findings;
    };
    if dynamic.text_relocations {
        note(
            Kind::TextRelocations,
            "code that is not changed",
            "relocations in it",
            Some("compile all of it with `-fPIC`"),
        );
    }
    if is_program && object.facts.go.is_none() {
        if object.facts.kind == ElfKind::Executable {
            note(
                Kind::NotPositionIndependent,
                "a program that runs at any address",
                "one at a fixed address",
                Some("compile it with `-fPIE` and link it with `-pie`"),
            );
        }
        if !object.relro {
            note(
                Kind::NoRelro,
                "tables that are read only once the program runs",
                "none",
                Some("link it with `-z relro -z now`"),
            );
        }
    }
    findings
}

/// Programs for other systems that lie where programs are started from.
pub(super) fn formats(view: &View<'_>, start: &[String]) -> Vec<Finding> {
    let folders = view.path();
    let mut findings = Vec::new();
    for (path, node) in view.rootfs.iter() {
        let Some(Fact::Other(content @ (Content::Pe | Content::MachO))) = view.fact_of(path, node)
        else {
            continue;
        };
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let on_path = folders.iter().any(|one| one == folder);
        if node.kind == NodeKind::File
            && node.mode & 0o111 != 0
            && on_path
            && !start.iter().any(|one| one == path)
        {
            let mut finding = view.finding(
                Kind::ForeignFormat,
                Severity::Warning,
                path,
                "a program for Linux",
                content.to_string(),
            );
            finding.hint = Some("build it for Linux: with Go, `GOOS=linux go build`".to_owned());
            findings.push(finding);
        }
    }
    findings
}

/// A machine as a report calls it.
pub(super) fn words(elf: crate::target::Elf) -> String {
    Words(elf).to_string()
}
