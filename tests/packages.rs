//! Debian packages through the command line: from a small signed archive on loopback, and from the
//! packages that `tests/fetch` brought.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::support::archive::{Archive, Package, source};
use super::support::judge;
use super::support::program::{Project, Ran, limited, ran, repository};
use super::support::server::Server;

const CONFIG: &str = "# mine\n[build]\nplatforms = [\"linux/amd64\", \"linux/riscv64\"]\n\n\
    [sysroot]\npackages = [\"hello\"]\n";

/// A project, an archive on loopback, and a store of its own.
struct Yard {
    project: Project,
    server: Server,
    archive: Archive,
    store: tempfile::TempDir,
}

impl Yard {
    fn new() -> Self {
        let mut archive = Archive::new();
        archive.valid_until = None;
        archive.publish();
        let yard = Self {
            project: Project::with(&[("polyarch.toml", CONFIG)]),
            server: Server::start(),
            archive,
            store: tempfile::tempdir().unwrap(),
        };
        yard.archive.serve(&yard.server);
        fs_err::write(yard.keyring(), yard.archive.signer.public()).unwrap();
        yard
    }

    fn keyring(&self) -> PathBuf {
        self.store.path().join("archive.gpg")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.project.polyarch(arguments);
        command
            .env_remove("POLYARCH_OFFLINE")
            .env("POLYARCH_HOME", self.store.path().join("store"))
            .env("POLYARCH_DEBIAN", self.source("trixie"));
        command
    }

    fn source(&self, suite: &str) -> String {
        source(&self.keyring(), &self.server.url("/debian"), suite)
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        ran(&mut self.command(arguments))
    }

    fn ok(&self, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran
    }

    fn fails(&self, code: i32, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, code, "{}{}", ran.stdout, ran.stderr);
        ran
    }

    fn read(&self, name: &str) -> String {
        fs_err::read_to_string(self.project.root.join(name)).unwrap()
    }

    fn forget_store(&self) {
        fs_err::remove_dir_all(self.store.path().join("store")).unwrap();
    }

    fn publish(&mut self, packages: impl FnOnce(&mut Vec<Package>)) {
        packages(&mut self.archive.packages);
        self.archive.publish();
        self.archive.serve(&self.server);
    }
}

fn names(listed: &Value) -> Vec<String> {
    let packages = listed["packages"].as_array().unwrap();
    packages
        .iter()
        .map(|package| {
            let of = |key: &str| package[key].as_str().unwrap().to_owned();
            format!("{} {} {}", of("name"), of("version"), of("architecture"))
        })
        .collect()
}

#[test]
fn a_sysroot_is_resolved_for_each_platform_and_unpacked() {
    let yard = Yard::new();
    let listed: Value =
        serde_json::from_str(&yard.ok(&["sysroot", "list", "--json"]).stdout).unwrap();
    assert_eq!(listed[0]["platform"], "linux/amd64");
    assert_eq!(
        names(&listed[0]),
        ["hello 1:2.0-1 amd64", "libhello1 1.0-1 amd64"]
    );
    assert_eq!(
        names(&listed[1]),
        ["hello 1:2.0-1 riscv64", "libhello1 1.0-1 riscv64"]
    );
    let path = yard.ok(&["sysroot", "path", "--platform", "linux/riscv64"]);
    let root = Path::new(path.stdout.trim_end());
    assert!(root.join("usr/share/doc/hello/copyright").is_file());
    assert_eq!(
        fs_err::read_link(root.join("lib")).unwrap(),
        Path::new("usr/lib")
    );
    let why = yard.ok(&["sysroot", "why", "libhello1"]).stdout;
    assert!(
        why.contains("hello") && why.contains("libhello1 (>= 1.0)"),
        "{why}"
    );
    let why: Value =
        serde_json::from_str(&yard.ok(&["sysroot", "why", "libhello1", "--json"]).stdout).unwrap();
    assert_eq!(why[1]["platform"], "linux/riscv64");
    assert_eq!(why[1]["package"], "libhello1");
    let reason = why[1]["reasons"][0].as_str().unwrap();
    assert!(reason.contains("libhello1 (>= 1.0)"), "{reason}");
    // Nothing was asked to be locked.
    assert!(!yard.project.root.join("polyarch.lock").exists());
}

#[test]
fn a_sysroot_of_more_packages_than_there_may_be_open_files() {
    let mut yard = Yard::new();
    yard.publish(|packages| {
        let names: Vec<String> = (0..90).map(|number| format!("part{number}")).collect();
        packages.extend(names.iter().map(|name| Package::new(name, "1", "amd64")));
        let mut all = Package::new("everything", "1", "amd64");
        all.fields = format!("Depends: {}\n", names.join(", "));
        packages.push(all);
    });
    let config = CONFIG.replace("\"hello\"", "\"everything\"");
    yard.project.write("polyarch.toml", config);
    let command = yard.command(&["sysroot", "path", "-j", "16", "--platform", "linux/amd64"]);
    for place in ["nothing is here", "all packages are here"] {
        let made = ran(&mut limited("ulimit -n 64", &command));
        assert_eq!(made.code, 0, "{place}: {}", made.stderr);
        let root = Path::new(made.stdout.trim_end());
        assert!(root.join("usr/share/doc/part89/copyright").is_file());
        fs_err::remove_dir_all(root).unwrap();
    }
}

#[test]
fn what_is_added_is_resolved_first_and_written_beside_what_was_there() {
    let yard = Yard::new();
    let error = yard.fails(2, &["sysroot", "add", "helo-data"]).stderr;
    assert!(error.contains("hello-data"), "nearest name: {error}");
    assert_eq!(yard.read("polyarch.toml"), CONFIG);
    yard.ok(&["sysroot", "add", "hello-data", "hello-data"]);
    assert_eq!(
        yard.read("polyarch.toml"),
        CONFIG.replace("[\"hello\"]", "[\"hello\", \"hello-data\"]")
    );
    let again = yard.ok(&["sysroot", "add", "hello-data"]).stderr;
    assert!(again.contains("already"), "{again}");
}

#[test]
fn the_lock_holds_versions_until_an_upgrade_asks_for_others() {
    let mut yard = Yard::new();
    yard.ok(&["lock"]);
    let locked = yard.read("polyarch.lock");
    assert!(locked.contains("libhello1:riscv64 1.0-1"), "{locked}");
    yard.publish(|packages| {
        for package in packages
            .iter_mut()
            .filter(|package| package.name != "hello-data")
        {
            package.version.push_str("+new");
        }
    });
    let list = |yard: &Yard| yard.ok(&["sysroot", "list", "--locked"]).stdout;
    assert!(!list(&yard).contains("+new"));
    assert_eq!(yard.read("polyarch.lock"), locked);

    yard.ok(&["lock", "--upgrade", "hello"]);
    let upgraded = yard.read("polyarch.lock");
    assert!(upgraded.contains("hello:amd64 1:2.0-1+new"), "{upgraded}");
    let shown = list(&yard);
    assert!(shown.contains("1:2.0-1+new"), "{shown}");

    let config = yard
        .read("polyarch.toml")
        .replace("\"hello\"", "\"hello-data\"");
    yard.project.write("polyarch.toml", config);
    let error = yard.fails(9, &["sysroot", "list", "--locked"]).stderr;
    assert!(
        error.contains("sysroot for linux/amd64") && error.contains("hint: `polyarch lock`"),
        "{error}"
    );
}

#[test]
fn what_is_left_out_is_locked_and_explained() {
    let yard = Yard::new();
    yard.ok(&["lock"]);
    let config = |without: &str| {
        let line = format!("packages = [\"hello\"]\nwithout = [{without}]");
        CONFIG.replace("packages = [\"hello\"]", &line)
    };
    yard.project.write("polyarch.toml", config("\"libhello1\""));
    let error = yard.fails(9, &["sysroot", "list", "--locked"]).stderr;
    assert!(error.contains("it leaves out nothing"), "{error}");
    yard.ok(&["lock"]);
    let locked = yard.read("polyarch.lock");
    assert!(
        locked.contains("without = [\n    \"libhello1\",\n]\n"),
        "{locked}"
    );
    let listed: Value =
        serde_json::from_str(&yard.ok(&["sysroot", "list", "--json", "--locked"]).stdout).unwrap();
    assert_eq!(names(&listed[1]), ["hello 1:2.0-1 riscv64"]);
    let why = yard.ok(&["sysroot", "why", "libhello1"]).stdout;
    assert!(
        why.contains("linux/riscv64 (left out):") && why.contains("libhello1 (>= 1.0)"),
        "{why}"
    );
    yard.project.write("polyarch.toml", config(""));
    let error = yard.fails(9, &["sysroot", "list", "--locked"]).stderr;
    assert!(error.contains("it leaves out `libhello1`"), "{error}");
    // A slip is no package that can be left out.
    yard.project.write("polyarch.toml", config("\"libhelo1\""));
    let error = yard.fails(2, &["sysroot", "list"]).stderr;
    assert!(error.contains("did you mean `libhello1`?"), "{error}");
}

#[test]
fn the_lock_is_for_the_platforms_that_a_build_would_choose() {
    let yard = Yard::new();
    let config = "[build]\nkind = \"prebuilt\"\n[sysroot]\npackages = [\"hello\"]\n\
        [image]\nbase = { suite = \"trixie\", packages = [\"hello-data\"] }\n";
    yard.project.write("polyarch.toml", config);
    yard.project.write("out/riscv64/hello", "a program");
    yard.ok(&["lock"]);
    let locked = yard.read("polyarch.lock");
    assert_eq!(locked.matches("[[closure]]").count(), 2, "{locked}");
    assert_eq!(locked.matches("platform = \"linux/riscv64\"").count(), 2);
    assert!(
        locked.contains("name = \"base hello-data of trixie\""),
        "{locked}"
    );
    let listed = yard.ok(&["sysroot", "list", "--locked"]).stdout;
    assert!(listed.starts_with("linux/riscv64"), "{listed}");
}

#[test]
fn a_locked_package_that_the_archive_forgot_is_an_error_with_the_way_out() {
    let mut yard = Yard::new();
    yard.ok(&["lock"]);
    let old = yard.archive.packages[1].path();
    yard.forget_store();
    yard.publish(|packages| packages[1].version.push_str("+new"));
    yard.server.script(
        &format!("/debian/{old}"),
        std::iter::repeat_n(super::support::server::Step::Status(404, ""), 9),
    );
    let error = yard
        .fails(5, &["sysroot", "path", "--platform", "linux/amd64"])
        .stderr;
    for part in ["hello", "1:2.0-1", "`polyarch lock --upgrade hello`"] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_vendor_folder_serves_without_archive_and_network() {
    let yard = Yard::new();
    yard.ok(&["lock"]);
    yard.ok(&["vendor", "third_party"]);
    assert_eq!(
        fs_err::read_dir(yard.project.root.join("third_party/sha256"))
            .unwrap()
            .count(),
        4
    );
    let again = yard.ok(&["vendor", "third_party"]).stderr;
    assert!(again.contains("0 new"), "{again}");
    yard.forget_store();
    let arguments = [
        "sysroot",
        "path",
        "--locked",
        "--offline",
        "--platform",
        "linux/amd64",
    ];
    yard.fails(9, &arguments);
    let config = format!("{CONFIG}\n[mirrors]\nvendor = \"third_party\"\n");
    yard.project.write("polyarch.toml", config);
    let root = yard.ok(&arguments).stdout;
    assert!(
        Path::new(root.trim_end())
            .join("usr/share/doc/hello")
            .is_dir()
    );
}

#[test]
fn a_security_suite_that_lacks_the_architecture_is_done_without() {
    let yard = Yard::new();
    let mut security = Archive::new();
    security.suite = "trixie-security".to_owned();
    security.architectures = vec!["amd64".to_owned()];
    security.valid_until = None;
    security.files.clear();
    security.publish();
    security.serve(&yard.server);
    let keys = [yard.archive.signer.public(), security.signer.public()].concat();
    fs_err::write(yard.keyring(), keys).unwrap();
    let sources = yard.source("trixie") + &yard.source("trixie-security");
    let list = |platform: &str| {
        let mut command = yard.command(&["sysroot", "list", "--platform", platform]);
        ran(command.env("POLYARCH_DEBIAN", &sources))
    };
    let found = list("linux/riscv64");
    assert_eq!(found.code, 0, "{}", found.stderr);
    assert!(
        found.stderr.contains("`trixie-security`") && found.stderr.contains("done without it"),
        "{}",
        found.stderr
    );
    // One that no suite has is no detail.
    let missing = list("linux/s390x");
    assert_eq!(missing.code, 2, "{}", missing.stderr);
}

#[test]
fn a_suite_that_is_left_out_is_told_once_for_all_platforms() {
    let yard = Yard::new();
    let config = format!("{CONFIG}\n[mirrors]\nwithout-suites = [\"trixie-updates\"]\n");
    yard.project.write("polyarch.toml", config);
    let platforms = "linux/amd64,linux/riscv64";
    let mut command = yard.command(&["sysroot", "list", "--platform", platforms]);
    let sources = yard.source("trixie") + &yard.source("trixie-updates");
    let listed = ran(command.env("POLYARCH_DEBIAN", sources));
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    let said = listed.stderr.matches("`trixie-updates` is left out");
    assert_eq!(said.count(), 1, "{}", listed.stderr);
}

#[test]
fn a_malformed_source_is_named_with_the_place_where_it_stands() {
    let yard = Yard::new();
    let mut command = yard.command(&["sysroot", "list"]);
    let one = ran(command.env(
        "POLYARCH_DEBIAN",
        "deb [signed-by=x.gpg] http://archive.example a b",
    ));
    assert_eq!(one.code, 2, "{}", one.stderr);
    assert!(one.stderr.contains("`POLYARCH_DEBIAN:1`"), "{}", one.stderr);
    let config = format!("{CONFIG}\n[mirrors]\ndebian = [\"ftp://archive.example\"]\n");
    yard.project.write("polyarch.toml", config);
    let mut command = yard.command(&["sysroot", "list"]);
    let two = ran(command.env_remove("POLYARCH_DEBIAN"));
    assert_eq!(two.code, 2, "{}", two.stderr);
    assert!(
        two.stderr.contains("`[mirrors] debian:1`"),
        "{}",
        two.stderr
    );
}

#[test]
fn definitions_of_a_project_are_named_and_run_nothing() {
    let yard = Yard::new();
    let definition = "schema = 1\nname = \"greeter\"\nversion = \"2.0\"\ndescription = \"a test\"\n\
        licence = \"MIT\"\nhomepage = \"https://a.example\"\nkind = \"program\"\n\
        [program]\npath = \"usr/bin/greet\"\n";
    let source = "[[artifact]]\nhost = \"linux/amd64\"\n[[artifact.source]]\nkind = \"debian\"\n\
        suite = \"trixie\"\npackages = [\"hello\"]\n";
    yard.project
        .write("polyarch.toml", "[toolchain]\ndefinitions = [\"tools\"]\n");
    yard.project
        .write("tools/greeter.toml", format!("{definition}{source}"));
    let fetched = yard
        .ok(&["toolchain", "fetch", "greeter", "--host", "linux/amd64"])
        .stderr;
    assert!(fetched.contains("tools/greeter.toml"), "{fetched}");
    assert!(fetched.contains("greeter 2.0-1"), "{fetched}");

    // A build of the same day asks nobody.
    let asked = yard.server.requests().len();
    yard.ok(&["toolchain", "fetch", "greeter", "--host", "linux/amd64"]);
    assert_eq!(yard.server.requests().len(), asked);

    let asking = "[program.system]\ncommand = \"sh\"\narguments = [\"-c\", \"touch asked\"]\n\
        version = { line = 1 }\n[[artifact]]\nhost = \"any\"\n[[artifact.source]]\nkind = \"system\"\n";
    yard.project
        .write("tools/greeter.toml", format!("{definition}{asking}"));
    let error = yard.fails(2, &["toolchain", "list"]).stderr;
    assert!(error.contains("`[program.system]`"), "{error}");
    assert!(!yard.project.root.join("asked").exists());
}

#[test]
fn a_release_by_another_key_changes_nothing() {
    let yard = Yard::new();
    let other = Archive::new();
    fs_err::write(yard.keyring(), other.signer.public()).unwrap();
    let error = yard.fails(6, &["sysroot", "list"]).stderr;
    assert!(error.contains("archive.gpg"), "{error}");
}

/// The project for which `tests/fetch` brought packages, with Debian's `hello` as its program.
pub(crate) fn debian_hello() -> Project {
    let project = Project::empty();
    for name in ["polyarch.toml", "polyarch.lock"] {
        let text = fs_err::read_to_string(repository().join("tests/base").join(name))
            .expect("tests/fetch has brought it");
        project.write(name, text);
    }
    for (platform, folder) in PLATFORMS {
        let path = project.ok(&["sysroot", "path", "--locked", "--platform", platform]);
        let root = PathBuf::from(path.stdout.trim_end());
        let program = fs_err::read(root.join("usr/bin/hello")).unwrap();
        let path = project.write(&format!("out/{folder}/greet"), program);
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs_err::set_permissions(path, executable).unwrap();
    }
    project
}

const PLATFORMS: [(&str, &str); 4] = [
    ("linux/amd64", "amd64"),
    ("linux/arm64", "arm64"),
    ("linux/arm/v7", "armv7"),
    ("linux/riscv64", "riscv64"),
];

#[test]
fn a_dynamic_program_runs_on_a_base_made_from_packages() {
    let project = debian_hello();
    let digest = project.ok(&["build", "-q", "--locked"]).stdout;
    let layout = project.root.join("out/image");
    let listed = fs_err::read_to_string(layout.join("index.json")).unwrap();
    assert!(listed.contains(digest.trim_end()), "{listed}");
    for (platform, _) in PLATFORMS {
        let into = tempfile::tempdir().unwrap();
        let platform = platform.parse().unwrap();
        let root = judge::unpack(&layout, platform, into.path());
        for name in ["bin", "lib", "sbin"] {
            let target = fs_err::read_link(root.join(name)).unwrap();
            assert_eq!(target, Path::new("usr").join(name));
        }
        let status = root.join("var/lib/dpkg/status.d");
        let control = fs_err::read_to_string(status.join("libc6")).unwrap();
        assert!(control.contains("\nVersion: 2.41-"), "{control}");
        assert!(root.join("etc/passwd").is_file());
        let ran = judge::run_in(platform, &root, "/usr/local/bin/greet");
        assert_eq!(ran.stdout, "Hello, world!\n");
    }
}

#[test]
fn a_base_made_from_packages_is_the_same_in_every_store() {
    let project = debian_hello();
    let first = project.ok(&["build", "-q", "--locked"]).stdout;
    project.ok(&["vendor", "third_party"]);
    let text = fs_err::read_to_string(project.root.join("polyarch.toml")).unwrap();
    project.write(
        "polyarch.toml",
        text.replace("[mirrors]\n", "[mirrors]\nvendor = \"third_party\"\n"),
    );
    let other = tempfile::tempdir().unwrap();
    let mut second = project.polyarch(&["build", "-q", "--locked", "-j1"]);
    let second = ran(second.env("POLYARCH_HOME", other.path()));
    assert_eq!(
        (second.code, second.stdout),
        (0, first),
        "{}",
        second.stderr
    );
}
