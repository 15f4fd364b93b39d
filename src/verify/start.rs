//! What a container runtime will do to start the image.
//!
//! Comes in: one image. Goes out: what fails on the way to the program, and the programs that are
//! started. Sources: OCI image specification, config.md, and runtime specification, config.md,
//! "Process"; execve(2) and `fs/binfmt_script.c` of Linux for scripts; env(1).

mod script;
mod user;

use super::config::strings;
use super::finding::{Finding, Kind, Severity};
use super::view::View;
use crate::elf::content::Content;
use crate::elf::facts::Kind as ElfKind;
use crate::elf::layer::Fact;
use crate::oci::rootfs::NodeKind;

use user::User;

/// So many interpreters may be scripts themselves (`BINPRM_MAX_RECURSION`, with the first program).
const SCRIPTS: usize = 5;
/// Where programs in C, Go and Rust look for certificates.
const CERTIFICATES: [&str; 7] = [
    "etc/ssl/certs/ca-certificates.crt",
    "etc/pki/tls/certs/ca-bundle.crt",
    "etc/ssl/ca-bundle.pem",
    "etc/pki/tls/cacert.pem",
    "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "etc/ssl/cert.pem",
    "etc/ssl/certs/ca-bundle.crt",
];
const TIME_ZONES: [&str; 3] = [
    "usr/share/zoneinfo",
    "usr/share/lib/zoneinfo",
    "etc/zoneinfo",
];

/// What is started.
#[derive(Debug, Default)]
pub(super) struct Start {
    /// The real paths of the program and of the interpreters of scripts.
    pub(super) programs: Vec<String>,
    /// What is wrong.
    pub(super) findings: Vec<Finding>,
}

/// Follows the start of an image.
pub(super) fn check(view: &View<'_>) -> Start {
    let mut start = Start::default();
    let run = &view.image.config["config"];
    start.directory(view);
    let user = match User::of(view) {
        Ok(user) => user,
        Err(finding) => {
            start.findings.push(*finding);
            User::root()
        }
    };
    if view.variable("PATH").is_none() {
        let found = "none, so that engines set their own";
        start
            .findings
            .push(view.field(Kind::PathUnset, Severity::Note, "Env", "`PATH=…`", found));
    }
    let words: Vec<&str> = strings(&run["Entrypoint"])
        .chain(strings(&run["Cmd"]))
        .collect();
    // What is not even a list is told already.
    let said = |name: &str| !run[name].is_null() && !run[name].is_array();
    if said("Entrypoint") || said("Cmd") {
        return start;
    }
    let Some(first) = words.first() else {
        let mut finding = view.field(
            Kind::StartUnset,
            Severity::Warning,
            "Entrypoint",
            "a program in `Entrypoint` or `Cmd`",
            "none",
        );
        finding.hint = Some("`entrypoint = [\"/app\"]` under `[image]`".to_owned());
        start.findings.push(finding);
        return start;
    };
    let part = match strings(&run["Entrypoint"]).next() {
        Some(_) => "Entrypoint",
        None => "Cmd",
    };
    match find(view, first, part) {
        Ok(real) => {
            start.program(view, &real, &user, &[]);
            start.needs(view, &real);
        }
        Err(finding) => start.findings.push(*finding),
    }
    // Programs that the first one is told to start, as `tini -- /app` and `sh -c "exec /app"`.
    for word in words
        .iter()
        .skip(1)
        .flat_map(|word| word.split_whitespace())
    {
        let word = word.trim_matches(|c: char| matches!(c, '"' | '\'' | ';'));
        if let Some(real) = lookup(view, word)
            && is_executable(view, &real)
        {
            start.also(&real);
            if let Some(Fact::Script(_)) = view.fact(&real) {
                start.program(view, &real, &user, &[]);
            }
        }
    }
    start
}

impl Start {
    fn also(&mut self, real: &str) {
        if !self.programs.iter().any(|one| one == real) {
            self.programs.push(real.to_owned());
        }
    }

    /// One program that the kernel is told to start, by its real path, and the scripts that led there.
    fn program(&mut self, view: &View<'_>, real: &str, user: &User, scripts: &[&str]) {
        let Some(node) = view.rootfs.get(real) else {
            return;
        };
        let mut add = |finding: Finding| self.findings.push(finding);
        match &node.kind {
            NodeKind::File => {}
            NodeKind::Directory | NodeKind::Special | NodeKind::Symlink(_) => {
                let found = match node.kind {
                    NodeKind::Directory => "a folder",
                    NodeKind::Special | NodeKind::Symlink(_) | NodeKind::File => "no file",
                };
                add(view.finding(
                    Kind::StartNotAFile,
                    Severity::Error,
                    real,
                    "a program",
                    found,
                ));
                return;
            }
        }
        if let Err(refusal) = user.may_execute(view, real) {
            let expected = format!("a file that {user} may execute");
            let mut finding = view.finding(
                Kind::StartNotExecutable,
                Severity::Error,
                real,
                expected,
                refusal.found,
            );
            finding.hint = Some(refusal.hint);
            add(finding);
            return;
        }
        match view.fact(real) {
            Some(Fact::Elf(program)) => {
                let found = match program.object.facts.kind {
                    ElfKind::Executable | ElfKind::PositionIndependent => None,
                    ElfKind::Library => Some("a shared library"),
                    ElfKind::Object => Some("an object file that is not linked yet"),
                    ElfKind::Core | ElfKind::Other(_) => Some("another kind of ELF file"),
                };
                if let Some(found) = found {
                    add(view.finding(Kind::StartFormat, Severity::Error, real, "a program", found));
                }
                self.also(real);
            }
            // What is wrong with it is told with the other files.
            Some(Fact::Damaged(_)) => self.also(real),
            Some(Fact::Script(line)) => {
                self.also(real);
                script::check(self, view, real, line, user, scripts);
            }
            Some(Fact::Other(content)) => {
                let (kind, expected) = match content {
                    Content::Pe | Content::MachO => (Kind::ForeignFormat, "a program for Linux"),
                    _ => (
                        Kind::StartFormat,
                        "a program or a script that begins with `#!`",
                    ),
                };
                let mut finding =
                    view.finding(kind, Severity::Error, real, expected, content.to_string());
                finding.hint = start_hint(*content, real);
                add(finding);
                self.also(real);
            }
            Some(Fact::Text(_)) | None => {}
        }
    }

    fn directory(&mut self, view: &View<'_>) {
        let directory = view.image.config["config"]["WorkingDir"]
            .as_str()
            .unwrap_or_default();
        if !directory.starts_with('/') || directory.trim_matches('/').is_empty() {
            return;
        }
        let (severity, found) = match view.rootfs.follow(directory) {
            Some((_, node)) if node.kind == NodeKind::Directory => return,
            Some(_) => (Severity::Error, "a file"),
            None if view.is_below_file(directory) => (Severity::Error, "a file on the way to it"),
            None => (Severity::Note, "nothing: engines make it, as root's"),
        };
        let expected = format!("a folder `{directory}`");
        let mut finding = view.field(
            Kind::WorkingDirectory,
            severity,
            "WorkingDir",
            expected,
            found,
        );
        finding.hint =
            Some("lay a folder there with its `owner`, under `[[image.files]]`".to_owned());
        self.findings.push(finding);
    }

    /// What the program will look for while it runs.
    fn needs(&mut self, view: &View<'_>, real: &str) {
        let Some(program) = view.program(real) else {
            return;
        };
        let set = |name| view.variable(name).is_some();
        let there = |paths: &[&str]| paths.iter().any(|path| view.rootfs.follow(path).is_some());
        let has_folder = || {
            let files = view.rootfs.iter().map(|(path, _)| path);
            files
                .into_iter()
                .any(|path| path.starts_with("etc/ssl/certs/") && path.len() > 14)
        };
        if program.certificates
            && !set("SSL_CERT_FILE")
            && !set("SSL_CERT_DIR")
            && !there(&CERTIFICATES)
            && !has_folder()
        {
            let expected = "a bundle of certificates, such as `/etc/ssl/certs/ca-certificates.crt`";
            let mut finding = view.finding(
                Kind::CertificatesMissing,
                Severity::Note,
                real,
                expected,
                "none",
            );
            finding.hint =
                Some("`base = \"static\"` has one; Debian's is in `ca-certificates`".to_owned());
            self.findings.push(finding);
        }
        if program.time_zones && !set("ZONEINFO") && !set("TZDIR") && !there(&TIME_ZONES) {
            let expected = "time zones in `/usr/share/zoneinfo`";
            let mut finding = view.finding(
                Kind::TimeZonesMissing,
                Severity::Note,
                real,
                expected,
                "none",
            );
            finding.hint =
                Some("`base = \"static\"` has them; Debian's are in `tzdata`".to_owned());
            self.findings.push(finding);
        }
    }
}

/// The first word: a path, or a name on `PATH`.
fn find(view: &View<'_>, word: &str, part: &str) -> Result<String, Box<Finding>> {
    if let Some(real) = lookup(view, word) {
        return Ok(real);
    }
    let path = path_of(view, word);
    let link = path.as_deref().and_then(|path| view.rootfs.get(path));
    let mut finding = match (link, &path) {
        (Some(node), Some(path)) => {
            let NodeKind::Symlink(target) = &node.kind else {
                return Ok(path.clone());
            };
            let found = format!("a link to `{target}`, where nothing is");
            view.finding(
                Kind::StartNotAFile,
                Severity::Error,
                path,
                "a program",
                found,
            )
        }
        (None, Some(_)) => {
            let expected = format!("`{word}` in the image");
            view.field(
                Kind::StartNotFound,
                Severity::Error,
                part,
                expected,
                "nothing there",
            )
        }
        (_, None) => {
            let expected = format!("`{word}` on the `PATH` of the image");
            let folders = view.path().join(", /");
            let found = format!("no such program in /{folders}");
            view.field(Kind::StartNotFound, Severity::Error, part, expected, found)
        }
    };
    finding.hint = Some(nearest(view, word));
    Err(Box::new(finding))
}

/// Where a word lies that has a slash in it.
fn path_of(view: &View<'_>, word: &str) -> Option<String> {
    if word.starts_with('/') {
        return Some(word.to_owned());
    }
    let directory = view.image.config["config"]["WorkingDir"]
        .as_str()
        .unwrap_or("/");
    word.contains('/').then(|| format!("{directory}/{word}"))
}

/// The real path of what a word means to execvp(3).
pub(super) fn lookup(view: &View<'_>, word: &str) -> Option<String> {
    if word.is_empty() {
        return None;
    }
    if let Some(path) = path_of(view, word) {
        return view.rootfs.follow(&path).map(|(real, _)| real);
    }
    // One that may not be executed is passed over, and tried where there is no other.
    let mut other = None;
    for folder in view.path() {
        if let Some((real, node)) = view.rootfs.follow(&format!("{folder}/{word}"))
            && node.kind == NodeKind::File
        {
            if node.mode & 0o111 != 0 {
                return Some(real);
            }
            other.get_or_insert(real);
        }
    }
    other
}

fn is_executable(view: &View<'_>, real: &str) -> bool {
    let node = view.rootfs.get(real);
    node.is_some_and(|node| node.kind == NodeKind::File && node.mode & 0o111 != 0)
}

/// Another file of that name, which may be the one that was meant.
fn nearest(view: &View<'_>, word: &str) -> String {
    let name = word.rsplit('/').next().unwrap_or(word);
    let other = view
        .rootfs
        .iter()
        .find(|(path, node)| node.kind == NodeKind::File && path.rsplit('/').next() == Some(name));
    match other {
        Some((path, _)) => format!("`entrypoint = [\"/{path}\"]` under `[image]`"),
        None => format!(
            "copy `{name}` into the image, or name another program: `entrypoint = [\"/app\"]` under `[image]`"
        ),
    }
}

fn start_hint(content: Content, real: &str) -> Option<String> {
    use Content as C;
    match content {
        C::Text => Some(format!("begin `/{real}` with a line such as `#!/bin/sh`")),
        C::Pe | C::MachO => Some("build it for Linux: with Go, `GOOS=linux go build`".to_owned()),
        C::Zip | C::JavaClass => Some(format!(
            "`entrypoint = [\"java\", \"-jar\", \"/{real}\"]` under `[image]`"
        )),
        C::Empty | C::Script | C::Wasm | C::Archive | C::Unknown => None,
    }
}
