//! Indexes, manifests and configs, and the blobs that they name.

use serde_json::{Value, json};

use super::{Case, case};
use crate::verify::image::roots::fixed;
use crate::verify::image::{Image, Layout};

/// Two platforms in one index.
fn two(platform: &'static str) -> Image {
    let other = match platform {
        "linux/amd64" => "linux/arm64",
        _ => "linux/amd64",
    };
    fixed(platform).and(fixed(other))
}

pub(super) fn cases() -> Vec<Case> {
    let mut all = blobs();
    all.extend(documents());
    all.extend(indexes());
    all
}

fn blobs() -> Vec<Case> {
    vec![
        case(
            "blob-missing",
            "a layer is not in the layout",
            fixed,
            "linux/arm64",
            |image| {
                image.spoil = Some(|layout| layout.remove("layer 0 1"));
            },
        )
        .error("{layer 0 1}")
        .and_on(&["linux/s390x"]),
        case(
            "blob-missing",
            "a config is not in the layout",
            fixed,
            "linux/amd64",
            |image| {
                image.spoil = Some(|layout| layout.remove("config 0"));
            },
        )
        .error("{config 0}"),
        case(
            "blob-missing",
            "a manifest is not in the layout",
            two,
            "linux/arm64",
            |image| {
                image.spoil = Some(|layout| layout.remove("manifest 1"));
            },
        )
        .error("{manifest 1}"),
        case(
            "blob-missing",
            "the index is not in the layout",
            two,
            "linux/arm64",
            |image| {
                image.spoil = Some(|layout| layout.remove("index"));
            },
        )
        .error("{index}"),
        case(
            "blob-size",
            "a manifest gives a layer a byte more",
            fixed,
            "linux/amd64",
            |image| {
                image.one().spoil_manifest =
                    Some(|manifest| more(&mut manifest["layers"][1]["size"]));
            },
        )
        .error("{layer 0 1}")
        .expected("bytes")
        .found("bytes"),
        case(
            "blob-size",
            "a manifest gives its config a byte more",
            fixed,
            "linux/386",
            |image| {
                image.one().spoil_manifest = Some(|manifest| more(&mut manifest["config"]["size"]));
            },
        )
        .error("{config 0}"),
        case(
            "blob-size",
            "an index gives a manifest a byte more",
            two,
            "linux/amd64",
            |image| {
                image.spoil_index = Some(|index| more(&mut index["manifests"][1]["size"]));
            },
        )
        .error("{manifest 1}"),
        case(
            "blob-size",
            "a layer was cut off when it was copied",
            fixed,
            "linux/amd64",
            |image| {
                image.spoil = Some(|layout| {
                    let blob = layout.blob("layer 0 0");
                    blob.truncate(blob.len() - 100);
                });
            },
        )
        .error("{layer 0 0}"),
        case(
            "blob-digest",
            "a byte of a layer has changed",
            fixed,
            "linux/ppc64le",
            |image| {
                // In the header of gzip, which it unpacks with all the same.
                image.spoil = Some(|layout| layout.blob("layer 0 1")[4] ^= 1);
            },
        )
        .error("{layer 0 1}"),
        case(
            "blob-digest",
            "a byte within a layer's data has changed",
            fixed,
            "linux/amd64",
            |image| {
                image.spoil = Some(|layout| {
                    let blob = layout.blob("layer 0 0");
                    let middle = blob.len() / 2;
                    blob[middle] ^= 0x55;
                });
            },
        )
        .error("{layer 0 0}"),
        case(
            "blob-digest",
            "a manifest was edited in its place",
            fixed,
            "linux/arm64",
            |image| {
                image.spoil =
                    Some(|layout| edit(layout, "manifest 0", "schemaVersion", "schemaversion"));
            },
        )
        .error("{manifest 0}"),
        case(
            "blob-digest",
            "a config was edited in its place",
            fixed,
            "linux/riscv64",
            |image| {
                image.spoil = Some(|layout| edit(layout, "config 0", "nonroot", "notroot"));
            },
        )
        .error("{config 0}"),
    ]
}

fn documents() -> Vec<Case> {
    vec![
        case(
            "document-malformed",
            "a manifest is no JSON",
            fixed,
            "linux/amd64",
            |image| {
                image.one().spoil_manifest = Some(|manifest| *manifest = json!("<html>404</html>"));
            },
        )
        .error("{manifest 0}")
        .expected("manifest"),
        case(
            "document-malformed",
            "a config is a list",
            fixed,
            "linux/amd64",
            |image| {
                image.one().spoil_config = Some(|config| *config = json!([1]));
            },
        )
        .error("{config 0}")
        .expected("config"),
        case(
            "document-malformed",
            "a config is cut off",
            fixed,
            "linux/loong64",
            |image| {
                image.one().spoil_config = Some(|config| {
                    let mut text = config.to_string();
                    text.truncate(text.len() - 3);
                    *config = json!(text);
                });
            },
        )
        .error("{config 0}"),
        case(
            "document-malformed",
            "a manifest has no layers",
            fixed,
            "linux/arm64",
            |image| {
                image.one().spoil_manifest = Some(|manifest| drop_field(manifest, "layers"));
            },
        )
        .error("{manifest 0}")
        .found("layers"),
        case(
            "document-malformed",
            "a digest is one of no algorithm",
            fixed,
            "linux/arm64",
            |image| {
                image.one().spoil_manifest =
                    Some(|manifest| manifest["layers"][0]["digest"] = json!("4711"));
            },
        )
        .error("{manifest 0}"),
        case(
            "document-malformed",
            "a manifest is of version 1",
            fixed,
            "linux/arm64",
            |image| {
                image.one().spoil_manifest = Some(|manifest| manifest["schemaVersion"] = json!(1));
            },
        )
        .error("{manifest 0}")
        .found("1"),
        case(
            "document-malformed",
            "an index has no list",
            two,
            "linux/arm64",
            |image| {
                image.spoil_index = Some(|index| drop_field(index, "manifests"));
            },
        )
        .error("{index}")
        .found("manifests"),
        case(
            "document-malformed",
            "a config has no diff IDs",
            fixed,
            "linux/arm64",
            |image| {
                image.one().spoil_config = Some(|config| drop_field(config, "rootfs"));
            },
        )
        .error("{config 0} | config: rootfs | config: rootfs.diff_ids"),
        case(
            "document-size",
            "a manifest is larger than 4 MiB",
            fixed,
            "linux/amd64",
            |image| {
                image.one().spoil_manifest = Some(|manifest| {
                    manifest["annotations"] = json!({"org.example.notes": "x".repeat(5 << 20)});
                });
            },
        )
        .warning("{manifest 0}")
        .expected("4194304")
        .found("bytes"),
        case(
            "media-type",
            "a manifest says it is Docker's",
            fixed,
            "linux/arm64",
            |image| {
                image.one().spoil_manifest = Some(|manifest| {
                    manifest["mediaType"] =
                        json!("application/vnd.docker.distribution.manifest.v2+json");
                });
            },
        )
        .error("{manifest 0}")
        .expected("application/vnd.oci.image.manifest.v1+json")
        .found("application/vnd.docker.distribution.manifest.v2+json"),
        case(
            "media-type",
            "an index says it is a manifest",
            two,
            "linux/arm64",
            |image| {
                image.spoil_index = Some(|index| {
                    index["mediaType"] = json!("application/vnd.oci.image.manifest.v1+json");
                });
            },
        )
        .error("{index}"),
    ]
}

fn indexes() -> Vec<Case> {
    vec![
        case(
            "index-empty",
            "an index has no manifests",
            two,
            "linux/amd64",
            |image| {
                image.spoil_index = Some(|index| index["manifests"] = json!([]));
            },
        )
        .error("{index}"),
        case(
            "index-empty",
            "an index has an artifact only",
            fixed,
            "linux/amd64",
            |image| {
                image.one().spoil_manifest = Some(|manifest| {
                    manifest["config"]["mediaType"] =
                        json!("application/vnd.cncf.helm.config.v1+json");
                });
            },
        )
        .error("{index}"),
        case(
            "index-nested",
            "an index lies in an index",
            two,
            "linux/amd64",
            |image| {
                image.nested = true;
            },
        )
        .warning("{index}")
        .hint(""),
        case(
            "attestation-dangling",
            "an attestation is of a manifest that went",
            two,
            "linux/amd64",
            |image| {
                image.attestations = true;
                image.spoil_index = Some(|index| {
                    let manifests = index["manifests"].as_array_mut().unwrap();
                    manifests.remove(1);
                });
            },
        )
        .warning("{attestation 1}")
        .found("{manifest 1}"),
        case(
            "attestation-dangling",
            "an attestation names no manifest",
            fixed,
            "linux/arm64",
            |image| {
                image.attestations = true;
                image.spoil_index = Some(|index| {
                    let annotations = &mut index["manifests"][1]["annotations"];
                    drop_field(annotations, "vnd.docker.reference.digest");
                });
            },
        )
        .warning("{attestation 0}"),
    ]
}

fn more(size: &mut Value) {
    *size = json!(size.as_u64().expect("a size") + 1);
}

pub(super) fn drop_field(value: &mut Value, field: &str) {
    value.as_object_mut().unwrap().remove(field);
}

/// Changes text within a blob that keeps its name.
fn edit(layout: &mut Layout, name: &str, from: &str, to: &str) {
    let blob = layout.blob(name);
    let text = String::from_utf8(blob.clone()).expect("text");
    assert!(text.contains(from) && from.len() == to.len());
    *blob = text.replacen(from, to, 1).into_bytes();
}
