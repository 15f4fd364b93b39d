//! Same inputs, same bytes.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};

use super::support::program::{Project, files, ran, repository, store_with};

fn digest(
    project: &Project,
    environment: &[(&str, &str)],
    arguments: &[&str],
    umask: &str,
) -> String {
    let mut command = project.polyarch(&["build", "-q", "--platform", "amd64,arm64,arm/v7"]);
    command.args(arguments);
    // A shell in between, since the mask is inherited and setting it here would race other tests.
    let program = command.get_program().to_owned();
    let mut shell = std::process::Command::new("sh");
    shell
        .arg("-c")
        .arg(format!("umask {umask}; exec \"$0\" \"$@\""))
        .arg(program)
        .args(command.get_args());
    shell.current_dir(&project.root).env_clear();
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            shell.env(name, value);
        }
    }
    shell.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    shell.envs(environment.iter().copied()).process_group(0);
    let ran = ran(&mut shell);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let digest = ran.stdout.trim().to_owned();
    assert!(
        digest.starts_with("sha256:") && digest.len() == 71,
        "{digest}"
    );
    digest
}

#[test]
fn the_digest_does_not_depend_on_directory_jobs_locale_zone_or_mask() {
    let first = Project::example("go-http");
    let second = Project::example("go-http");
    // The second store has what was fetched, and nothing that was made from it.
    let (_folder, store) = store_with(&["blobs"], "store");
    let one = digest(&first, &[("TZ", "UTC"), ("LC_ALL", "C")], &["-j1"], "022");
    let home = store.to_str().expect("a name");
    let other = [
        ("TZ", "Asia/Tokyo"),
        ("LC_ALL", "de_DE.UTF-8"),
        ("POLYARCH_HOME", home),
        ("USER", "other"),
    ];
    let two = digest(&second, &other, &["-j2"], "077");
    assert_eq!(one, two);
}

#[test]
fn source_date_epoch_changes_the_bytes_and_nothing_else_does() {
    let project = Project::go();
    let plain = digest(&project, &[], &[], "022");
    let dated = digest(&project, &[("SOURCE_DATE_EPOCH", "1700000000")], &[], "022");
    assert_ne!(plain, dated);
    assert_eq!(digest(&project, &[], &[], "022"), plain);
}

/// A home of cargo's with one crate alone, as another machine has it; its version comes with it.
fn home_with(krate: &str, into: &Path) -> String {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home
        .unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").expect("a home")).join(".cargo"));
    let lock = repository().join("examples/rust-csys/Cargo.lock");
    let lock = fs_err::read_to_string(lock).expect("the example's lock");
    let named = format!("name = \"{krate}\"\nversion = \"");
    let (_, version) = lock.split_once(&named).expect("the crate");
    let (version, _) = version.split_once('"').expect("its end");
    let archive = format!("{krate}-{version}.crate");
    let wanted = |path: &Path| {
        let index = path.components().any(|one| one.as_os_str() == "index");
        let name = path.file_name().unwrap_or_default();
        name == "config.json" || name == archive.as_str() || (index && name == krate)
    };
    for part in ["index", "cache"] {
        for file in files(&home.join("registry").join(part)) {
            if wanted(&file) {
                let place = into.join(file.strip_prefix(&home).expect("below it"));
                fs_err::create_dir_all(place.parent().expect("a parent")).expect("folders");
                fs_err::copy(file, place).expect("a copy");
            }
        }
    }
    version.to_owned()
}

#[test]
fn the_digest_does_not_depend_on_where_cargo_keeps_its_crates() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let version = home_with("smallvec", home.path());
    let project = || {
        let manifest = format!(
            "[package]\nname = 'app'\nversion = '0.1.0'\nedition = '2021'\n\
             [dependencies]\nsmallvec = '={version}'\n[workspace]\n"
        );
        // What can panic names its source.
        let main = "fn main() {\n    let mut list: smallvec::SmallVec<[usize; 4]> = Default::default();\n    \
                    list.insert(std::env::args().count() - 1, 7);\n    println!(\"{list:?}\");\n}\n";
        Project::with(&[("Cargo.toml", &manifest), ("src/main.rs", main)])
    };
    let (one, other) = (project(), project());
    let mut elsewhere = other.polyarch(&["build", "-q", "--platform", "amd64,arm64"]);
    let elsewhere = ran(elsewhere.env("CARGO_HOME", home.path()));
    assert_eq!(elsewhere.code, 0, "{}", elsewhere.stderr);
    let here = one.ok(&["build", "-q", "--platform", "amd64,arm64"]);
    assert_eq!(here.stdout, elsewhere.stdout);
    let program = fs_err::read(one.root.join("out/arm64/app")).expect("built");
    let named = format!("/cargo/registry/smallvec-{version}/src/lib.rs");
    let found = program
        .windows(named.len())
        .any(|part| part == named.as_bytes());
    assert!(found, "no {named} in the program: nothing was compared");
}
