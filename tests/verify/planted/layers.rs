//! Layers, and what configs say about them.

use serde_json::json;

use super::{Case, case};
use crate::verify::image::layer::compressed;
use crate::verify::image::roots::{fixed, glibc};
use crate::verify::image::{Coding, file, hard_link, link, program};

pub(super) fn cases() -> Vec<Case> {
    let mut all = contents();
    all.extend(configs());
    all
}

fn contents() -> Vec<Case> {
    vec![
        case(
            "layer-media-type",
            "a layer is compressed with bzip2",
            fixed,
            "linux/amd64",
            |image| {
                image.one().layers[1].media_type =
                    Some("application/vnd.oci.image.layer.v1.tar+bzip2");
            },
        )
        .error("{layer 0 1}")
        .found("bzip2"),
        case(
            "layer-media-type",
            "a layer is one that Docker fetches elsewhere",
            fixed,
            "linux/amd64",
            |image| {
                image.docker = true;
                image.one().layers[0].media_type =
                    Some("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip");
            },
        )
        .error("{layer 0 0}")
        .found("foreign"),
        case(
            "layer-media-type",
            "a layer has the type of a config",
            fixed,
            "linux/arm64",
            |image| {
                image.one().layers[0].media_type = Some("application/vnd.oci.image.config.v1+json");
            },
        )
        .error("{layer 0 0}"),
        case(
            "layer-coding",
            "a layer said to be gzip is zstd",
            fixed,
            "linux/arm64",
            |image| {
                let layer = &mut image.one().layers[1];
                layer.coding = Coding::Zstd;
                layer.media_type = Some("application/vnd.oci.image.layer.v1.tar+gzip");
            },
        )
        .error("{layer 0 1}")
        .expected("gzip")
        .found("zstd"),
        case(
            "layer-coding",
            "a layer said to be gzip is not compressed",
            fixed,
            "linux/amd64",
            |image| {
                let layer = &mut image.one().layers[0];
                layer.coding = Coding::Plain;
                layer.media_type = Some("application/vnd.oci.image.layer.v1.tar+gzip");
            },
        )
        .error("{layer 0 0}")
        .expected("gzip"),
        case(
            "layer-coding",
            "a layer said to be plain is gzip",
            glibc,
            "linux/riscv64",
            |image| {
                image.one().layers[1].media_type = Some("application/vnd.oci.image.layer.v1.tar");
            },
        )
        .error("{layer 0 1}")
        .found("gzip"),
        case(
            "layer-damaged",
            "a layer's gzip was cut off before it got its digest",
            fixed,
            "linux/amd64",
            |image| {
                image.one().layers[0].spoil_blob = Some(|blob| blob.truncate(blob.len() * 2 / 3));
            },
        )
        .error("{layer 0 0}"),
        case(
            "layer-damaged",
            "a layer's zstd has a wrong block",
            fixed,
            "linux/arm/v7",
            |image| {
                let layer = &mut image.one().layers[0];
                layer.coding = Coding::Zstd;
                layer.spoil_blob = Some(|blob| {
                    let end = blob.len() - 1;
                    blob[end / 2..end].fill(0xff);
                });
            },
        )
        .error("{layer 0 0}"),
        case(
            "layer-damaged",
            "a layer is a page of text",
            fixed,
            "linux/amd64",
            |image| {
                image.one().layers[1].spoil_tar = Some(|tar| *tar = b"<html>".repeat(200));
            },
        )
        .error("{layer 0 1}"),
        case(
            "layer-damaged",
            "a member's header has a wrong sum",
            fixed,
            "linux/mips64le",
            |image| {
                image.one().layers[1].spoil_tar = Some(|tar| tar[0] ^= 1);
            },
        )
        .error("{layer 0 1}"),
        case(
            "layer-damaged",
            "a layer's archive ends within a file",
            glibc,
            "linux/amd64",
            |image| {
                image.one().layers[1].spoil_tar = Some(|tar| tar.truncate(tar.len() - 2048));
            },
        )
        .error("{layer 0 1}"),
        case(
            "layer-member",
            "a member would lie outside of the image",
            fixed,
            "linux/amd64",
            |image| {
                image.one().layers[1].put(file("opt/../../etc/cron.d/x", "* * * * * root id\n"));
            },
        )
        .error("{layer 0 1}")
        .found(".."),
        case(
            "layer-member",
            "a hard link is to a file that is nowhere",
            fixed,
            "linux/s390x",
            |image| {
                image.put(hard_link("usr/bin/again", "usr/bin/nothing"));
            },
        )
        .error("{layer 0 1}")
        .found("usr/bin/again"),
        case(
            "layer-member",
            "a member lies behind a link to itself",
            fixed,
            "linux/amd64",
            |image| {
                image.put(link("opt", "opt"));
                image.put(program("opt/tool", "#!/app\n"));
            },
        )
        .error("{layer 0 1}"),
    ]
}

fn configs() -> Vec<Case> {
    vec![
        case(
            "diff-id",
            "a config names another diff ID",
            fixed,
            "linux/arm64",
            |image| {
                image.one().spoil_config = Some(|config| {
                    let other = format!("sha256:{}", "0123456789abcdef".repeat(4));
                    config["rootfs"]["diff_ids"][1] = json!(other);
                });
            },
        )
        .error("{layer 0 1}")
        .expected("0123456789abcdef"),
        case(
            "diff-id",
            "a diff ID is that of the compressed layer",
            fixed,
            "linux/amd64",
            |image| {
                image.one().spoil_config = Some(|config| {
                    let image = fixed("linux/amd64");
                    let layer = &image.variants[0].layers[0];
                    let blob = compressed(Coding::Gzip, &layer.tar(&[]));
                    let digest = crate::verify::image::layout::digest(&blob);
                    config["rootfs"]["diff_ids"][0] = json!(digest);
                });
            },
        )
        .error("{layer 0 0}")
        .expected("{layer 0 0}"),
        case(
            "diff-id-count",
            "a config names a layer less",
            fixed,
            "linux/amd64",
            |image| {
                image.one().spoil_config = Some(|config| {
                    config["rootfs"]["diff_ids"].as_array_mut().unwrap().pop();
                });
            },
        )
        .error("config: rootfs.diff_ids")
        .expected("2")
        .found("1"),
        case(
            "diff-id-count",
            "a manifest has a layer less",
            glibc,
            "linux/arm64",
            |image| {
                image
                    .one()
                    .layers
                    .push(crate::verify::image::Layer::new("RUN true", Vec::new()));
                image.one().spoil_manifest = Some(|manifest| {
                    manifest["layers"].as_array_mut().unwrap().pop();
                });
            },
        )
        .error("config: rootfs.diff_ids")
        .perhaps("history-length", "config: history"),
        case(
            "history-length",
            "a config's history has a layer more",
            fixed,
            "linux/amd64",
            |image| {
                image.one().spoil_config = Some(|config| {
                    let history = config["history"].as_array_mut().unwrap();
                    history.push(json!({"created_by": "RUN apt-get update"}));
                });
            },
        )
        .warning("config: history")
        .expected("2")
        .found("3"),
        case(
            "history-length",
            "a config's history says that a layer is empty",
            fixed,
            "linux/arm64",
            |image| {
                image.one().spoil_config =
                    Some(|config| config["history"][0]["empty_layer"] = json!(true));
            },
        )
        .warning("config: history")
        .found("1"),
    ]
}
