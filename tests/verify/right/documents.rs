//! Indexes, manifests and configs as builders write them.

use serde_json::json;

use super::{Right, right};
use crate::verify::image::roots::{fixed, glibc, musl};
use crate::verify::image::{Coding, Image, Layer};

const TWO: [&str; 2] = ["linux/amd64", "linux/arm64"];

/// An image for many platforms.
fn many(platform: &'static str) -> Image {
    let others = [
        "linux/arm/v6",
        "linux/arm/v7",
        "linux/s390x",
        "linux/ppc64le",
    ];
    others
        .into_iter()
        .fold(glibc(platform), |image, other| image.and(glibc(other)))
}

pub(super) fn images() -> Vec<Right> {
    let mut all = graphs();
    all.extend(layers());
    all.extend(configs());
    all
}

fn graphs() -> Vec<Right> {
    vec![
        right("many platforms", many, &TWO, |_| {}),
        right("attestations of BuildKit", many, &TWO, |image| {
            image.attestations = true
        }),
        right("a manifest without an index", glibc, &TWO, |image| {
            image.bare = true
        }),
        right("Docker's media types", many, &TWO, |image| {
            image.docker = true
        }),
        right(
            "a manifest of Docker's without an index",
            musl,
            &TWO,
            |image| {
                image.docker = true;
                image.bare = true;
            },
        ),
        right("an index without its own media type", many, &TWO, |image| {
            image.spoil_index = Some(|index| {
                index.as_object_mut().unwrap().remove("mediaType");
            });
        }),
        right(
            "a manifest without its own media type",
            fixed,
            &TWO,
            |image| {
                image.one().spoil_manifest = Some(|manifest| {
                    manifest.as_object_mut().unwrap().remove("mediaType");
                });
            },
        ),
        right("two names for one image", many, &TWO, |image| {
            image.spoil = Some(|layout| {
                let mut second = layout.top["manifests"][0].clone();
                second["annotations"] = json!({"org.opencontainers.image.ref.name": "1.0"});
                layout.top["manifests"].as_array_mut().unwrap().push(second);
            });
        }),
        right(
            "one manifest for two platforms",
            fixed,
            &["linux/arm/v6"],
            |image| {
                image.spoil_index = Some(|index| {
                    let mut second = index["manifests"][0].clone();
                    second["platform"]["variant"] = json!("v7");
                    index["manifests"].as_array_mut().unwrap().push(second);
                });
                // The config says neither, so that both are right.
                image.one().spoil_config = Some(|config| {
                    config.as_object_mut().unwrap().remove("variant");
                });
            },
        ),
        right(
            "an entry with features of its system",
            many,
            &["linux/amd64"],
            |image| {
                image.spoil_index = Some(|index| {
                    index["manifests"][1]["platform"]["os.features"] = json!(["sse4"]);
                });
            },
        ),
        right(
            "arm64 with and without its variant",
            fixed,
            &["linux/arm64"],
            |image| {
                image.one().spoil_descriptor =
                    Some(|entry| entry["platform"]["variant"] = json!("v8"));
            },
        ),
        right(
            "an entry of an index without a platform, which is alone",
            fixed,
            &TWO,
            |image| {
                image.one().spoil_descriptor = Some(|entry| {
                    entry.as_object_mut().unwrap().remove("platform");
                });
            },
        ),
        right("blobs that nothing names", fixed, &TWO, |image| {
            image.spoil = Some(|layout| {
                layout.add("stray", "text/plain", b"left over".to_vec());
            });
        }),
        right(
            "descriptors with data, annotations and addresses",
            fixed,
            &TWO,
            |image| {
                image.one().spoil_manifest = Some(|manifest| {
                    manifest["annotations"] = json!({"org.opencontainers.image.created": "x"});
                    manifest["layers"][0]["annotations"] = json!({"org.example.layer": "1"});
                    manifest["layers"][0]["urls"] = json!(["https://example.com/layer"]);
                    manifest["unknown"] = json!({"to": "us"});
                });
            },
        ),
    ]
}

fn layers() -> Vec<Right> {
    fn coded(image: &mut Image, coding: Coding) {
        for layer in &mut image.one().layers {
            layer.coding = coding;
        }
    }
    vec![
        right("layers of zstd", glibc, &TWO, |image| {
            coded(image, Coding::Zstd)
        }),
        right("layers that are not compressed", musl, &TWO, |image| {
            coded(image, Coding::Plain)
        }),
        right("a layer of each coding", glibc, &TWO, |image| {
            image.one().layers[0].coding = Coding::Zstd;
            image.one().layer(Vec::new());
            image.one().layers[2].coding = Coding::Plain;
        }),
        right("an empty layer", fixed, &TWO, |image| {
            image.one().layer(Vec::new())
        }),
        right("the same layer twice", fixed, &TWO, |image| {
            let layer = image.one().layers[1].clone();
            image.one().layers.push(layer);
        }),
        right("a layer of several members of gzip", fixed, &TWO, |image| {
            image.one().layers[0].coding = Coding::Plain;
            image.one().layers[0].media_type = Some("application/vnd.oci.image.layer.v1.tar+gzip");
            image.one().layers[0].spoil_blob = Some(|blob| {
                let halves = blob.split_at(blob.len() / 2);
                let gzip = |part| crate::verify::image::layer::compressed(Coding::Gzip, part);
                *blob = [gzip(halves.0), gzip(halves.1)].concat();
            });
        }),
        right("an archive without its last blocks", fixed, &TWO, |image| {
            image.one().layers[0].spoil_tar = Some(|tar| tar.truncate(tar.len() - 1024));
        }),
        right("an archive with more of them", fixed, &TWO, |image| {
            image.one().layers[0].spoil_tar = Some(|tar| tar.resize(tar.len() + 8192, 0));
        }),
    ]
}

fn configs() -> Vec<Right> {
    vec![
        right("history of steps without a layer", glibc, &TWO, |image| {
            image.one().spoil_config = Some(|config| {
                let history = config["history"].as_array_mut().unwrap();
                history.insert(0, json!({"created_by": "ARG X", "empty_layer": true}));
                history.insert(2, json!({"created_by": "ENV A=1", "empty_layer": true}));
            });
        }),
        right("no history", fixed, &TWO, |image| {
            image.one().spoil_config = Some(|config| {
                config.as_object_mut().unwrap().remove("history");
            });
        }),
        right("no time of creation", fixed, &TWO, |image| {
            image.one().spoil_config = Some(|config| config["created"] = json!(null));
        }),
        right(
            "every field that containers are started with",
            glibc,
            &TWO,
            |image| {
                image.set(
                    "ExposedPorts",
                    json!({"80": {}, "443/tcp": {}, "53/udp": {}, "9/sctp": {}}),
                );
                image.set("Volumes", json!({"/data": {}}));
                image.set("Labels", json!({"org.example.empty": "", "a": "b=c"}));
                image.set("StopSignal", json!("SIGRTMIN+3"));
                image.set(
                    "Env",
                    json!(["PATH=/usr/bin:/bin", "EMPTY=", "A=b=c", "x.y=1"]),
                );
                image.set(
                    "Healthcheck",
                    json!({"Test": ["CMD", "true"], "Interval": 30_000_000_000_u64}),
                );
                image.set("Shell", json!(["/bin/bash", "-c"]));
                image.set("ArgsEscaped", json!(true));
                image.set("OnBuild", json!(null));
                image.set("AttachStdin", json!(false));
            },
        ),
        right("fields that are null", fixed, &TWO, |image| {
            for field in [
                "Cmd",
                "Volumes",
                "ExposedPorts",
                "Labels",
                "OnBuild",
                "StopSignal",
            ] {
                image.set(field, json!(null));
            }
        }),
        right("a signal that is a number", fixed, &TWO, |image| {
            image.set("StopSignal", json!("15"))
        }),
        right(
            "a layer that is said to come from nowhere",
            fixed,
            &TWO,
            |image| {
                image.one().layers.push(Layer::new("", Vec::new()));
            },
        ),
    ]
}
