//! Runs the audit on an image and reads its report, which has to keep its own rules.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::image::{Image, Layout};
use crate::support::program::{Project, Ran, ran};
use polyarch::verify::Kind;

/// A folder with a store, in which audits are run.
pub(super) struct Yard {
    folder: tempfile::TempDir,
    classes: BTreeMap<String, String>,
}

/// What an audit said.
pub(super) struct Report {
    pub(super) code: i32,
    pub(super) json: Value,
    pub(super) findings: Vec<Told>,
    /// The digests of what was audited, by name.
    pub(super) names: BTreeMap<String, String>,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) kind: String,
    pub(super) severity: String,
    pub(super) platform: Option<String>,
    pub(super) subject: String,
    pub(super) expected: String,
    pub(super) found: String,
    pub(super) hint: Option<String>,
    pub(super) layer: Value,
}

/// How an image lies on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Layout,
    OciArchive,
    DockerArchive,
}

/// The kinds of findings with their classes, in the order of their definition.
pub(super) fn kinds() -> Vec<(String, String)> {
    let name = |kind: &Kind| format!("{:?}", kind.class()).to_lowercase();
    Kind::ALL
        .iter()
        .map(|kind| (kind.code().to_owned(), name(kind)))
        .collect()
}

impl Yard {
    pub(super) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            classes: kinds().into_iter().collect(),
        }
    }

    /// Audits an image twice: what is known from the first time must not change what is said.
    pub(super) fn audit(&self, image: &Image, form: Form) -> Report {
        let layout = image.layout();
        let reference = self.lay(image, &layout, form);
        let first = self.run(&[&reference, "--json"]);
        let second = self.run(&[&reference, "--json"]);
        assert_eq!(
            first.stdout, second.stdout,
            "another report the second time"
        );
        assert_eq!(first.code, second.code);
        let json: Value = serde_json::from_str(&first.stdout).unwrap_or_else(|error| {
            panic!("no report: {error}\n{}\n{}", first.stdout, first.stderr)
        });
        let report = Report {
            code: first.code,
            findings: json["findings"]
                .as_array()
                .expect("a list of findings")
                .iter()
                .map(found)
                .collect(),
            json,
            names: layout.names,
        };
        self.keeps_its_rules(&report);
        report
    }

    /// Lays an image there and returns the reference to it.
    pub(super) fn put(&self, image: &Image, form: Form) -> String {
        self.lay(image, &image.layout(), form)
    }

    /// Writes a file, making its folders.
    pub(super) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        fs_err::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs_err::write(&path, bytes).expect("written");
        path
    }

    fn lay(&self, image: &Image, layout: &Layout, form: Form) -> String {
        let path: PathBuf = self.folder.path().join("image");
        let _ = fs_err::remove_dir_all(&path);
        let _ = fs_err::remove_file(&path);
        let scheme = match form {
            Form::Layout => {
                layout.write(&path);
                "oci"
            }
            Form::OciArchive => {
                fs_err::write(&path, layout.archive()).expect("written");
                "oci-archive"
            }
            Form::DockerArchive => {
                fs_err::write(&path, Layout::docker_archive(image)).expect("written");
                "docker-archive"
            }
        };
        format!("{scheme}:{}", path.display())
    }

    /// Runs `polyarch verify`.
    pub(super) fn run(&self, arguments: &[&str]) -> Ran {
        let home = self.folder.path();
        let mut command = Command::new(env!("CARGO_BIN_EXE_polyarch"));
        command
            .arg("verify")
            .args(arguments)
            .current_dir(home)
            .stdin(Stdio::null())
            .env("HOME", home)
            .env("POLYARCH_HOME", home.join("store"))
            .env("POLYARCH_OFFLINE", "1")
            .env("NO_COLOR", "1");
        for name in ["XDG_CACHE_HOME", "XDG_CONFIG_HOME"] {
            command.env_remove(name);
        }
        ran(&mut command)
    }

    fn keeps_its_rules(&self, report: &Report) {
        let json = &report.json;
        assert_eq!(json["schema"], 1);
        for (name, severity) in [
            ("errors", "error"),
            ("warnings", "warning"),
            ("notes", "note"),
        ] {
            let count = report
                .findings
                .iter()
                .filter(|one| one.severity == severity);
            assert_eq!(json[name], count.count(), "{name}: {json:#}");
        }
        for (found, json) in report
            .findings
            .iter()
            .zip(json["findings"].as_array().unwrap())
        {
            let kind = &found.kind;
            let class = self.classes.get(kind);
            let class = class.unwrap_or_else(|| panic!("no kind is called {kind}"));
            assert_eq!(json["class"].as_str(), Some(class.as_str()), "{found:?}");
            assert_eq!(json["page"], format!("docs/findings/{kind}.md"));
            assert!(
                !found.expected.is_empty() && !found.found.is_empty(),
                "{found:?}"
            );
            assert!(found.hint.as_deref() != Some(""), "{found:?}");
        }
        assert_eq!(report.code, self.exit(report), "{json:#}");
    }

    /// The exit code that the findings ask for.
    fn exit(&self, report: &Report) -> i32 {
        let errors = report.findings.iter().filter(|one| one.severity == "error");
        let classes: Vec<&str> = errors.map(|one| self.classes[&one.kind].as_str()).collect();
        match classes.as_slice() {
            [] => 0,
            classes if classes.contains(&"graph") => 6,
            _ => 7,
        }
    }
}

fn found(json: &Value) -> Told {
    let text = |name: &str| json[name].as_str().map(str::to_owned);
    let some = |name| text(name).unwrap_or_else(|| panic!("no `{name}` in {json}"));
    Told {
        kind: some("kind"),
        severity: some("severity"),
        platform: text("platform"),
        subject: some("subject"),
        expected: some("expected"),
        found: some("found"),
        hint: text("hint"),
        layer: json["layer"].clone(),
    }
}

/// Audits an image that lies in a project, of which neither an error nor a warning may be said.
pub(super) fn is_right(project: &Project, image: &str) {
    let ran = project.ok(&["verify", "--fail-on", "warning", "--json", image]);
    let json: Value = serde_json::from_str(&ran.stdout).expect("a report");
    let platforms = json["platforms"].as_array().expect("platforms");
    assert!(!platforms.is_empty(), "{json}");
    for platform in platforms {
        assert_eq!(platform["skipped"], Value::Null, "{json}");
        assert_ne!(platform["elf"], 0, "{json}");
    }
}
