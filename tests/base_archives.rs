//! The archives of a base image: the sysroot of a program that will lie over an image of Debian or a
//! derivative is made from what that image is configured with.

use std::process::Command;

use super::support::archive::Archive;
use super::support::program::{Project, Ran, ran};
use super::support::server::Server;

/// A project over a base image, an archive on loopback that only the image names, and a store.
struct Yard {
    project: Project,
    server: Server,
    archive: Archive,
    folder: tempfile::TempDir,
}

/// A distribution that no host is of, so that the host's apt says nothing here.
const RELEASE: &str = "ID=archive-example\nVERSION_CODENAME=trixie\n";

fn source(url: &str, options: &str) -> String {
    format!("Types: deb\nURIs: {url}\nSuites: trixie\nComponents: main\n{options}")
}

impl Yard {
    fn new(release: &str) -> Self {
        let mut archive = Archive::new();
        archive.valid_until = None;
        archive.publish();
        let yard = Self {
            project: Project::empty(),
            server: Server::start(),
            archive,
            folder: tempfile::tempdir().unwrap(),
        };
        yard.archive.serve(&yard.server);
        let sources = source(
            &yard.server.url("/debian"),
            "Signed-By: /opt/keys/archive.gpg\n",
        );
        yard.base("base", release, &sources, &yard.archive.signer.public());
        yard.project.write(
            "polyarch.toml",
            "[build]\nplatforms = [\"linux/amd64\", \"linux/riscv64\"]\n\
             [image]\nbase = \"oci:base\"\n[sysroot]\npackages = [\"hello\"]\n",
        );
        yard
    }

    /// Builds a base image of a few files with the program itself.
    fn base(&self, name: &str, release: &str, sources: &str, key: &[u8]) {
        let laid = ["etc", "opt", "usr", "var"]
            .map(|folder| format!("[[image.files]]\nsrc = \"{folder}\"\ndst = \"/{folder}\"\n"));
        let config = "[build]\nplatforms = [\"linux/amd64\", \"linux/riscv64\"]\n\
             [image]\nbase = \"scratch\"\nentrypoint = [\"/bin/sh\"]\n"
            .to_owned()
            + &laid.concat();
        let files = Project::with(&[
            ("polyarch.toml", config.as_str()),
            ("usr/lib/os-release", release),
            ("var/lib/dpkg/status", ""),
            ("etc/apt/sources.list.d/own.sources", sources),
        ]);
        files.write("opt/keys/archive.gpg", key);
        let dest = format!(
            "type=oci-layout,dest={}",
            self.project.root.join(name).display()
        );
        // There is no shell in it: it is a base to build on.
        files.ok(&["build", "-q", "--no-verify", "-o", &dest]);
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.project.polyarch(arguments);
        command
            .env_remove("POLYARCH_OFFLINE")
            .env_remove("POLYARCH_DEBIAN")
            .env("POLYARCH_HOME", self.folder.path().join("store"))
            // Were the host's apt asked, it would not get far.
            .env("http_proxy", "http://127.0.0.1:9")
            .env("https_proxy", "http://127.0.0.1:9")
            .env("no_proxy", "127.0.0.1");
        command
    }

    fn exits(&self, code: i32, arguments: &[&str]) -> Ran {
        let ran = ran(&mut self.command(arguments));
        assert_eq!(ran.code, code, "{}{}", ran.stdout, ran.stderr);
        ran
    }
}

#[test]
fn a_sysroot_comes_from_the_archives_of_the_base_with_its_own_keys() {
    let yard = Yard::new(RELEASE);
    let listed = yard.exits(0, &["sysroot", "list"]);
    assert!(
        listed
            .stdout
            .starts_with("linux/amd64 (trixie): 2 packages"),
        "{}",
        listed.stdout
    );
    assert!(
        listed
            .stderr
            .contains("packages of `trixie` come from the archives that the base image names"),
        "{}",
        listed.stderr
    );
    let path = yard.exits(0, &["sysroot", "path", "--platform", "linux/riscv64"]);
    let root = std::path::Path::new(path.stdout.trim_end());
    assert!(root.join("usr/share/doc/hello/copyright").is_file());
    // A locked package is found there, too.
    yard.exits(0, &["lock"]);
    fs_err::remove_dir_all(yard.folder.path().join("store")).unwrap();
    yard.exits(0, &["vendor", "vendored"]);
}

#[test]
fn the_suite_is_the_one_of_the_base() {
    let yard = Yard::new(&RELEASE.replace("trixie", "trixie-next"));
    let error = yard.exits(2, &["sysroot", "list"]).stderr;
    assert!(
        error.contains("no apt source has suite `trixie-next`") && error.contains("`trixie`"),
        "{error}"
    );
    let config = yard.project.root.join("polyarch.toml");
    let text = fs_err::read_to_string(&config).unwrap();
    fs_err::write(&config, text + "suite = \"trixie\"\n").unwrap();
    yard.exits(0, &["sysroot", "list"]);
}

#[test]
fn what_the_user_names_is_asked_in_place_of_what_the_base_names() {
    let yard = Yard::new(RELEASE);
    let mut command = yard.command(&["sysroot", "list"]);
    let sources = "deb http://127.0.0.1:9/debian trixie main";
    let asked = ran(command.env("POLYARCH_DEBIAN", sources));
    assert_ne!(asked.code, 0);
    assert!(asked.stderr.contains("127.0.0.1:9"), "{}", asked.stderr);
}

#[test]
fn a_base_can_vouch_for_an_archive_by_its_keys_alone() {
    let yard = Yard::new(RELEASE);
    let other = Archive::new();
    let url = yard.server.url("/debian");
    for (sources, key, code, expected) in [
        // Signed by a key that the image does not have.
        (
            source(&url, "Signed-By: /opt/keys/archive.gpg\n"),
            other.signer.public(),
            6,
            "archive.gpg",
        ),
        // It says that no signature is needed, which is not for it to say.
        (
            source(&url, "Trusted: yes\nSigned-By: /opt/keys/archive.gpg\n"),
            yard.archive.signer.public(),
            2,
            "without a signature",
        ),
    ] {
        yard.base("other", RELEASE, &sources, &key);
        let config = yard.project.root.join("polyarch.toml");
        let text = fs_err::read_to_string(&config).unwrap();
        fs_err::write(&config, text.replace("oci:base", "oci:other")).unwrap();
        let error = yard.exits(code, &["sysroot", "list"]).stderr;
        assert!(error.contains(expected), "{error}");
    }
}
