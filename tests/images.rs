//! What is written is what others read.

use serde_json::Value;

use super::support::judge::{agrees, judge, unpack};
use super::support::program::{Project, ran};

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect(text)
}

fn raw(layout: &std::path::Path) -> Value {
    let printed = agrees(
        judge("skopeo")
            .args(["inspect", "--raw"])
            .arg(format!("oci:{}", layout.display())),
    );
    json(&printed.stdout)
}

fn config(reference: &str, architecture: &str, variant: Option<&str>) -> Value {
    let mut skopeo = judge("skopeo");
    skopeo.args(["--override-os", "linux", "--override-arch", architecture]);
    if let Some(variant) = variant {
        skopeo.args(["--override-variant", variant]);
    }
    json(&agrees(skopeo.args(["inspect", "--config", reference])).stdout)
}

#[test]
fn a_layout_has_one_index_that_names_every_platform() {
    let project = Project::go();
    let printed = project
        .ok(&["build", "-q", "--platform", "amd64,arm64,arm/v6,s390x"])
        .stdout;
    let layout = project.root.join("out/image");
    let index = raw(&layout);
    let platforms: Vec<String> = index["manifests"]
        .as_array()
        .expect("manifests")
        .iter()
        .map(|manifest| {
            let platform = &manifest["platform"];
            let variant = platform["variant"]
                .as_str()
                .map(|variant| format!("/{variant}"));
            format!(
                "{}{}",
                platform["architecture"].as_str().expect("one"),
                variant.unwrap_or_default()
            )
        })
        .collect();
    assert_eq!(platforms, ["amd64", "arm64", "arm/v6", "s390x"]);
    assert_eq!(
        index["mediaType"],
        "application/vnd.oci.image.index.v1+json"
    );
    let top = json(&fs_err::read_to_string(layout.join("index.json")).expect("a layout"));
    assert_eq!(top["manifests"].as_array().map(Vec::len), Some(1));
    assert_eq!(top["manifests"][0]["digest"].as_str(), Some(printed.trim()));
    let copied = project.root.join("copied");
    let from = format!("oci:{}", layout.display());
    agrees(
        judge("skopeo")
            .args(["copy", "--all", &from])
            .arg(format!("dir:{}", copied.display())),
    );
}

#[test]
fn the_config_says_what_was_configured() {
    let project = Project::go();
    project.write(
        "polyarch.toml",
        "[image]\nuser = 'nonroot'\nworkdir = '/srv'\nenv = { GREETING = 'hi {arch}' }\ncmd = ['serve']\n\
         ports = ['8080', '53/udp']\nvolumes = ['/data']\nlabels = { team = \"a\\nb\" }\n\
         annotations = { 'index:org.example.index' = 'i', 'org.example.manifest' = 'm' }\n\
         [[image.files]]\nsrc = 'conf/'\ndst = '/etc/app'\n\
         [[image.files]]\nsrc = 'key'\ndst = '/etc/app/'\nmode = '0400'\nowner = '65532:65532'\n",
    );
    project.write("conf/a b.txt", "text");
    project.write("conf/deep/ä", "text");
    project.write("key", "secret");
    let printed = project.ok(&[
        "build",
        "--platform",
        "amd64,arm/v7",
        "--label",
        "flag=1",
        "--annotation",
        "index:x=y",
    ]);
    assert!(printed.stdout.is_empty());
    let layout = project.root.join("out/image");
    let config = config(&format!("oci:{}", layout.display()), "arm", Some("v7"));
    assert_eq!(
        (&config["architecture"], &config["variant"]),
        (&json("\"arm\""), &json("\"v7\""))
    );
    let inner = &config["config"];
    assert_eq!(inner["User"], "nonroot");
    assert_eq!(inner["WorkingDir"], "/srv");
    assert_eq!(inner["Entrypoint"], json("[\"/usr/local/bin/hello\"]"));
    assert_eq!(inner["Cmd"], json("[\"serve\"]"));
    assert!(
        inner["Env"]
            .as_array()
            .expect("a list")
            .contains(&json("\"GREETING=hi arm\""))
    );
    assert_eq!(
        inner["ExposedPorts"],
        json("{\"8080/tcp\":{},\"53/udp\":{}}")
    );
    assert_eq!(inner["Volumes"], json("{\"/data\":{}}"));
    assert_eq!(
        (&inner["Labels"]["team"], &inner["Labels"]["flag"]),
        (&json("\"a\\nb\""), &json("\"1\""))
    );
    let index = raw(&layout);
    assert_eq!(index["annotations"]["org.example.index"], "i");
    assert_eq!(index["annotations"]["x"], "y");
    let unpacked = tempfile::tempdir().expect("a temporary folder");
    let root = unpack(&layout, "arm/v7".parse().expect("known"), unpacked.path());
    assert_eq!(
        fs_err::read_to_string(root.join("etc/app/a b.txt")).expect("laid"),
        "text"
    );
    assert_eq!(
        fs_err::read_to_string(root.join("etc/app/deep/ä")).expect("laid"),
        "text"
    );
    assert_eq!(
        fs_err::read_to_string(root.join("etc/app/key")).expect("laid"),
        "secret"
    );
}

#[test]
fn every_output_is_written_in_one_go_and_read_by_others() {
    let project = Project::go();
    project.ok(&[
        "build",
        "--platform",
        "amd64,arm/v7",
        "-t",
        "example.com/me/app:1.2",
        "-o",
        "type=oci,dest=app-oci.tar",
        "-o",
        "type=docker-archive,dest=app.tar",
        "-o",
        "type=oci-layout,dest=layout",
        "-o",
        "type=local,dest=files",
        "--metadata-file",
        "meta.json",
        "--iidfile",
        "iid",
    ]);
    let at = |name: &str| project.root.join(name).display().to_string();
    let archive = config(
        &format!("oci-archive:{}", at("app-oci.tar")),
        "arm",
        Some("v7"),
    );
    assert_eq!(archive["architecture"], "arm");
    for (file, architecture) in [("app-amd64.tar", "amd64"), ("app-armv7.tar", "arm")] {
        let reference = format!("docker-archive:{}:example.com/me/app:1.2", at(file));
        assert_eq!(
            config(&reference, architecture, None)["architecture"],
            architecture
        );
    }
    assert!(project.root.join("files/armv7/hello").is_file());
    let layout = json(&fs_err::read_to_string(at("layout/index.json")).expect("a layout"));
    let annotations = &layout["manifests"][0]["annotations"];
    assert_eq!(annotations["org.opencontainers.image.ref.name"], "1.2");
    assert_eq!(
        annotations["io.containerd.image.name"],
        "example.com/me/app:1.2"
    );
    let metadata = json(&fs_err::read_to_string(at("meta.json")).expect("metadata"));
    let digest = fs_err::read_to_string(at("iid")).expect("a digest");
    assert_eq!(
        metadata["containerimage.digest"],
        Value::String(digest.clone())
    );
    assert_eq!(metadata["image.name"], "example.com/me/app:1.2");
    assert_eq!(layout["manifests"][0]["digest"], Value::String(digest));
}

#[test]
fn one_platform_is_a_bare_manifest_unless_an_index_is_asked_for() {
    let project = Project::go();
    project.ok(&["build", "--platform", "arm64"]);
    let manifest = raw(&project.root.join("out/image"));
    assert_eq!(
        manifest["mediaType"],
        "application/vnd.oci.image.manifest.v1+json"
    );
    project.ok(&[
        "build",
        "--platform",
        "arm64",
        "--index",
        "-t",
        "example.com/a:2",
    ]);
    let index = raw(&project.root.join("out/image"));
    assert_eq!(index["manifests"][0]["platform"]["architecture"], "arm64");
}

#[test]
fn bases_from_disk_keep_what_they_say_and_decide_the_platforms() {
    let base = Project::go();
    base.write(
        "polyarch.toml",
        "[image]\nlabels = { kept = 'yes' }\nenv = { BASE = '1' }\ncmd = ['x']\n",
    );
    base.ok(&[
        "build",
        "--platform",
        "amd64,ppc64le",
        "-o",
        "type=oci,dest=base.tar",
        "-o",
        "type=docker-archive,dest=docker.tar",
        "-o",
        "type=oci-layout,dest=base",
    ]);
    let project = Project::with(&[
        ("go.mod", "module example.com/over\n\ngo 1.21\n"),
        ("main.go", super::support::program::HELLO),
    ]);
    for reference in ["oci:{}/base", "oci-archive:{}/base.tar"] {
        let reference = reference.replace("{}", &base.root.display().to_string());
        project.ok(&["build", "--base", &reference, "--platform", "all"]);
        let layout = project.root.join("out/image");
        let index = raw(&layout);
        assert_eq!(
            index["manifests"].as_array().map(Vec::len),
            Some(2),
            "{reference}"
        );
        let config = config(&format!("oci:{}", layout.display()), "ppc64le", None);
        assert_eq!(config["config"]["Labels"]["kept"], "yes");
        assert_eq!(
            config["config"]["Entrypoint"],
            json("[\"/usr/local/bin/over\"]")
        );
        assert!(
            config["config"]["Cmd"].is_null(),
            "a new entrypoint takes the base's command away"
        );
        assert!(
            config["config"]["Env"]
                .as_array()
                .expect("a list")
                .contains(&json("\"BASE=1\""))
        );
        let unpacked = tempfile::tempdir().expect("a temporary folder");
        let root = unpack(&layout, "ppc64le".parse().expect("known"), unpacked.path());
        assert!(
            root.join("usr/local/bin/hello").is_file() && root.join("usr/local/bin/over").is_file()
        );
        let lacking = project.fails(
            10,
            &["build", "--base", &reference, "--platform", "amd64,s390x"],
        );
        assert!(
            lacking.stderr.contains("linux/s390x") && lacking.stderr.contains("linux/ppc64le"),
            "{}",
            lacking.stderr
        );
    }
    let docker = format!("docker-archive:{}/docker-amd64.tar", base.root.display());
    project.ok(&["build", "--base", &docker]);
    assert_eq!(
        raw(&project.root.join("out/image"))["mediaType"],
        "application/vnd.oci.image.manifest.v1+json"
    );
}

#[test]
fn zstd_layers_are_written_on_demand() {
    let project = Project::go();
    project.ok(&[
        "build",
        "--platform",
        "arm64",
        "--compression",
        "zstd",
        "--base",
        "scratch",
    ]);
    let manifest = raw(&project.root.join("out/image"));
    assert_eq!(
        manifest["layers"][0]["mediaType"],
        "application/vnd.oci.image.layer.v1.tar+zstd"
    );
    assert_eq!(manifest["layers"].as_array().map(Vec::len), Some(1));
}

#[test]
fn an_unchanged_build_gives_the_same_files_and_a_changed_one_leaves_no_old_blobs() {
    let project = Project::go();
    project.ok(&["build", "--platform", "arm64"]);
    let blobs = || super::support::program::files(&project.root.join("out/image/blobs/sha256"));
    let before = blobs();
    project.ok(&["build", "--platform", "arm64"]);
    assert_eq!(blobs(), before);
    project.write(
        "main.go",
        super::support::program::HELLO.replace("hello", "other"),
    );
    project.ok(&["build", "--platform", "arm64"]);
    assert_eq!(blobs().len(), before.len());
    assert_ne!(blobs(), before);
}

#[test]
fn labels_come_from_git_without_credentials() {
    let project = Project::go();
    for arguments in [
        &["init", "-q"][..],
        &["add", "."],
        &[
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@example.com",
            "commit",
            "-qm",
            "x",
        ],
        &["tag", "v1.4.0"],
        &[
            "remote",
            "add",
            "origin",
            "https://user:secret@example.com/me/hello.git",
        ],
    ] {
        agrees(judge("git").args(arguments).current_dir(&project.root));
    }
    project.ok(&["build", "--platform", "arm64"]);
    let config = config(
        &format!("oci:{}/out/image", project.root.display()),
        "arm64",
        None,
    );
    let labels = &config["config"]["Labels"];
    assert_eq!(labels["org.opencontainers.image.version"], "1.4.0");
    assert_eq!(
        labels["org.opencontainers.image.source"],
        "https://example.com/me/hello"
    );
    assert_eq!(
        labels["org.opencontainers.image.revision"]
            .as_str()
            .map(str::len),
        Some(40)
    );
    assert!(!config.to_string().contains("secret"));
    let again = ran(&mut project.polyarch(&["plan", "--json"]));
    assert!(!again.stdout.contains("secret"));
}

#[test]
fn a_dash_is_standard_output_and_holds_one_result() {
    let project = Project::go();
    let build = ["build", "--platform", "arm64"];
    let plain = project.ok(&[&build[..], &["-q"]].concat()).stdout;
    let digest = project.ok(&[&build[..], &["--iidfile", "-"]].concat());
    assert_eq!(digest.stdout, plain);
    let described = project.ok(&[&build[..], &["-q", "--metadata-file", "-"]].concat());
    assert_eq!(
        json(&described.stdout)["containerimage.digest"],
        plain.trim_end()
    );
    assert!(!project.root.join("-").exists());
    for flags in [
        &["--iidfile", "-", "--metadata-file", "-"][..],
        &["--json", "--iidfile", "-"],
    ] {
        let error = project.fails(2, &[&build[..], flags].concat());
        assert!(error.stderr.contains("which holds one"), "{}", error.stderr);
    }
}

#[test]
fn bare_files_are_no_image_and_show_no_digest() {
    let project = Project::go();
    let build = [
        "build",
        "--platform",
        "arm64",
        "-o",
        "type=local,dest=files",
    ];
    let told = project.ok(&build);
    assert!(!told.stderr.contains("sha256:"), "{}", told.stderr);
    let quiet = project.ok(&[&build[..], &["-q"]].concat());
    assert_eq!(quiet.stdout, "files\n");
    let printed = json(&project.ok(&[&build[..], &["--json"]].concat()).stdout);
    assert_eq!(
        printed,
        json(r#"[{"name": "hello", "outputs": ["files"]}]"#)
    );
    assert!(project.root.join("files/arm64/hello").is_file());
    let error = project.fails(2, &[&build[..], &["--iidfile", "iid"]].concat());
    assert!(
        error.stderr.contains("`--iidfile` names an image"),
        "{}",
        error.stderr
    );
    project.fails(2, &["build", "-o", "type=oci-layout,dest="]);
}
