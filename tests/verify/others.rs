//! Images that others have made: what they write is right, and nothing may be said of it.

use super::audit::is_right;
use super::elf::Elf;
use crate::packages::debian_hello;
use crate::support::judge::{agrees, judge};
use crate::support::program::Project;

/// Builds an image with a program for each of these platforms.
fn built(platforms: &[&str]) -> Project {
    let project = Project::empty();
    for platform in platforms {
        let name = platform.trim_start_matches("linux/").replace('/', "");
        let file = project.write(&format!("out/{name}/app"), Elf::fixed(platform).bytes());
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs_err::set_permissions(file, mode).expect("its mode");
    }
    project.ok(&["build", "-q"]);
    project
}

#[test]
fn what_skopeo_copies_is_right() {
    let project = built(&["linux/amd64", "linux/arm64", "linux/s390x"]);
    let copy = |arguments: &[&str]| {
        agrees(
            judge("skopeo")
                .arg("copy")
                .args(arguments)
                .current_dir(&project.root),
        );
    };
    copy(&["--all", "oci:out/image", "oci:copied:tag"]);
    copy(&["--all", "oci:out/image", "oci-archive:copied.tar:tag"]);
    let one = ["--override-arch", "arm64", "oci:out/image"];
    copy(&[&one[..], &["docker-archive:docker.tar:example.com/app:1"]].concat());
    copy(
        &[
            &one[..],
            &["--dest-compress-format", "zstd", "oci:zstd:tag"],
        ]
        .concat(),
    );
    copy(&[&one[..], &["--format", "v2s2", "dir:v2s2"]].concat());
    for image in [
        "oci:copied:tag",
        "oci-archive:copied.tar",
        "docker-archive:docker.tar",
        "oci:zstd",
    ] {
        is_right(&project, image);
    }
}

#[test]
fn what_umoci_makes_is_right() {
    let project = built(&["linux/amd64"]);
    let app = project.root.join("out/amd64/app");
    let umoci = |arguments: &[&str]| {
        agrees(judge("umoci").args(arguments).current_dir(&project.root));
    };
    umoci(&["init", "--layout", "made"]);
    umoci(&["new", "--image", "made:one"]);
    let app = app.to_str().expect("text");
    umoci(&[
        "insert",
        "--rootless",
        "--image",
        "made:one",
        app,
        "/usr/bin/app",
    ]);
    umoci(&[
        "config",
        "--image",
        "made:one",
        "--config.entrypoint",
        "/usr/bin/app",
        "--config.env",
        "PATH=/usr/bin",
        "--architecture",
        "amd64",
        "--os",
        "linux",
    ]);
    umoci(&[
        "insert",
        "--rootless",
        "--image",
        "made:one",
        "--tag",
        "two",
        "--whiteout",
        "/usr/bin/other",
    ]);
    is_right(&project, "oci:made:one");
    is_right(&project, "oci:made:two");
}

#[test]
fn a_base_of_debian_packages_with_a_program_of_debians_is_right() {
    let project = debian_hello();
    project.ok(&["build", "-q", "--locked"]);
    is_right(&project, "oci:out/image");
}
