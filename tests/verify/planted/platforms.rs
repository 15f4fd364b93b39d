//! How an image names its platforms.

use serde_json::json;

use super::documents::drop_field;
use super::{Case, case};
use crate::verify::image::Image;
use crate::verify::image::roots::{fixed, glibc};

/// The image twice, once with another file in it.
fn twice(platform: &'static str) -> Image {
    let mut other = fixed(platform);
    other.put(crate::verify::image::file("etc/motd", "the other one\n"));
    fixed(platform).and(other)
}

/// With an image for s390x behind it.
fn with_other(platform: &'static str) -> Image {
    fixed(platform).and(fixed("linux/s390x"))
}

pub(super) fn cases() -> Vec<Case> {
    const CONFIG: &str = "config: architecture | config: os | config: variant | {config 0}";
    const ENTRY: &str = "index: platform | {manifest 0}";
    vec![
        case(
            "platform-mismatch",
            "an arm64 image's config says amd64",
            fixed,
            "linux/arm64",
            |image| {
                image.one().spoil_config = Some(|config| config["architecture"] = json!("amd64"));
            },
        )
        .error(CONFIG)
        .expected("arm64")
        .found("amd64"),
        case(
            "platform-mismatch",
            "a v6 image's config says v7",
            glibc,
            "linux/arm/v6",
            |image| {
                image.one().spoil_config = Some(|config| config["variant"] = json!("v7"));
            },
        )
        .error(CONFIG)
        .expected("v6")
        .found("v7"),
        case(
            "platform-mismatch",
            "a config is for Windows",
            fixed,
            "linux/amd64",
            |image| {
                image.one().spoil_config = Some(|config| config["os"] = json!("windows"));
            },
        )
        .error(CONFIG)
        .found("windows"),
        case(
            "platform-mismatch",
            "byte orders are mixed up",
            fixed,
            "linux/mips64le",
            |image| {
                image.one().spoil_config = Some(|config| config["architecture"] = json!("mips64"));
            },
        )
        .error(CONFIG)
        .expected("mips64le"),
        case(
            "platform-variant",
            "arm has no variant",
            fixed,
            "linux/arm/v7",
            |image| {
                image.one().spoil_descriptor =
                    Some(|entry| drop_field(&mut entry["platform"], "variant"));
                image.one().spoil_config = Some(|config| drop_field(config, "variant"));
            },
        )
        .warning(ENTRY)
        .found("none"),
        case(
            "platform-variant",
            "arm has a variant that is none",
            fixed,
            "linux/arm/v7",
            |image| {
                image.one().spoil_descriptor =
                    Some(|entry| entry["platform"]["variant"] = json!("v7l"));
                image.one().spoil_config = Some(|config| config["variant"] = json!("v7l"));
            },
        )
        .warning(ENTRY)
        .expected("v7")
        .found("v7l"),
        case(
            "platform-variant",
            "arm64 has the variant v5",
            fixed,
            "linux/arm64",
            |image| {
                image.one().spoil_descriptor =
                    Some(|entry| entry["platform"]["variant"] = json!("v5"));
            },
        )
        .warning(ENTRY)
        .found("v5"),
        case(
            "platform-variant",
            "amd64 has the variant v5",
            fixed,
            "linux/amd64",
            |image| {
                image.one().spoil_descriptor =
                    Some(|entry| entry["platform"]["variant"] = json!("v5"));
            },
        )
        .warning(ENTRY)
        .found("v5"),
        case(
            "platform-duplicate",
            "two manifests are for amd64",
            twice,
            "linux/amd64",
            |_| {},
        )
        .warning("{manifest 1}")
        .found("{manifest 0}"),
        case(
            "platform-duplicate",
            "one manifest is for arm64, one for arm64/v8",
            twice,
            "linux/arm64",
            |image| {
                image.variants[1].spoil_descriptor =
                    Some(|entry| entry["platform"]["variant"] = json!("v8"));
            },
        )
        .warning("{manifest 1}")
        .expected("arm64"),
        case(
            "platform-unmatchable",
            "an architecture is called x86_64",
            fixed,
            "linux/amd64",
            |image| {
                image.one().spoil_descriptor =
                    Some(|entry| entry["platform"]["architecture"] = json!("x86_64"));
                image.one().spoil_config = Some(|config| config["architecture"] = json!("x86_64"));
            },
        )
        .warning(ENTRY)
        .expected("amd64")
        .found("x86_64"),
        case(
            "platform-unmatchable",
            "an architecture is called aarch64",
            fixed,
            "linux/arm64",
            |image| {
                image.one().spoil_descriptor =
                    Some(|entry| entry["platform"]["architecture"] = json!("aarch64"));
                image.one().spoil_config = Some(|config| config["architecture"] = json!("aarch64"));
            },
        )
        .warning(ENTRY)
        .expected("arm64"),
        case(
            "platform-unmatchable",
            "an operating system is called Linux",
            fixed,
            "linux/riscv64",
            |image| {
                image.one().spoil_descriptor =
                    Some(|entry| entry["platform"]["os"] = json!("Linux"));
                image.one().spoil_config = Some(|config| config["os"] = json!("Linux"));
            },
        )
        .warning(ENTRY)
        .found("Linux"),
        case(
            "platform-unmatchable",
            "a config without an index names no architecture",
            fixed,
            "linux/amd64",
            |image| {
                image.bare = true;
                image.one().spoil_config = Some(|config| config["architecture"] = json!(""));
            },
        )
        .warning("config: architecture | {manifest 0} | {config 0}"),
        case(
            "platform-unmatchable",
            "one entry of several has no platform",
            with_other,
            "linux/amd64",
            |image| {
                image.one().spoil_descriptor = Some(|entry| drop_field(entry, "platform"));
            },
        )
        .warning(ENTRY),
    ]
}
