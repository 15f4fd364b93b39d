//! Fields of a config that container engines refuse.

use serde_json::json;

use super::{Case, case};
use crate::verify::image::Image;
use crate::verify::image::roots::fixed;

fn field(
    name: &'static str,
    platform: &'static str,
    subject: &'static str,
    spoil: fn(&mut Image),
) -> Case {
    case("config-field", name, fixed, platform, spoil).error(subject)
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        field(
            "the environment is one text",
            "linux/amd64",
            "config: Env",
            |image| {
                image.set("Env", json!("PATH=/bin"));
            },
        ),
        field(
            "a variable has no value",
            "linux/arm64",
            "config: Env",
            |image| {
                image.set("Env", json!(["PATH=/bin", "DEBUG"]));
            },
        )
        .expected("=")
        .found("DEBUG"),
        field(
            "a variable has no name",
            "linux/amd64",
            "config: Env",
            |image| {
                image.set("Env", json!(["PATH=/bin", "=1"]));
            },
        )
        .found("=1"),
        field(
            "a variable is a number",
            "linux/amd64",
            "config: Env",
            |image| {
                image.set("Env", json!(["PATH=/bin", 8080]));
            },
        )
        .found("8080"),
        field(
            "the entrypoint is one text",
            "linux/amd64",
            "config: Entrypoint",
            |image| {
                image.set("Entrypoint", json!("/app"));
            },
        )
        .expected("list")
        .found("/app"),
        field(
            "the command is one text",
            "linux/arm64",
            "config: Cmd",
            |image| {
                image.set("Cmd", json!("serve"));
            },
        )
        .found("serve"),
        field(
            "an argument is a number",
            "linux/s390x",
            "config: Cmd",
            |image| {
                image.set("Cmd", json!(["--port", 8080]));
            },
        ),
        field(
            "the ports are a list",
            "linux/amd64",
            "config: ExposedPorts",
            |image| {
                image.set("ExposedPorts", json!(["8080/tcp"]));
            },
        )
        .expected("object"),
        field(
            "a port is a name",
            "linux/amd64",
            "config: ExposedPorts",
            |image| {
                image.set("ExposedPorts", json!({"http": {}}));
            },
        )
        .found("http"),
        field(
            "a port is above 65535",
            "linux/arm/v7",
            "config: ExposedPorts",
            |image| {
                image.set("ExposedPorts", json!({"70000/tcp": {}}));
            },
        )
        .found("70000"),
        field(
            "a port is of no protocol",
            "linux/amd64",
            "config: ExposedPorts",
            |image| {
                image.set("ExposedPorts", json!({"443/quic": {}}));
            },
        )
        .found("443/quic"),
        field(
            "the volumes are a list",
            "linux/amd64",
            "config: Volumes",
            |image| {
                image.set("Volumes", json!(["/data"]));
            },
        ),
        field(
            "the labels are a list",
            "linux/amd64",
            "config: Labels",
            |image| {
                image.set("Labels", json!(["team=a"]));
            },
        ),
        field(
            "a label is a number",
            "linux/386",
            "config: Labels",
            |image| {
                image.set("Labels", json!({"org.example.build": 7}));
            },
        )
        .expected("org.example.build"),
        field(
            "the user is a number in JSON",
            "linux/amd64",
            "config: User",
            |image| {
                image.set("User", json!(65532));
            },
        )
        .found("65532"),
        field(
            "the working directory is not absolute",
            "linux/arm64",
            "config: WorkingDir",
            |image| {
                image.set("WorkingDir", json!("tmp"));
            },
        )
        .found("tmp"),
        field(
            "the stop signal is none",
            "linux/amd64",
            "config: StopSignal",
            |image| {
                image.set("StopSignal", json!("SIGSTOPP"));
            },
        )
        .found("SIGSTOPP"),
        field(
            "the time of creation is a date",
            "linux/amd64",
            "config: created",
            |image| {
                image.one().spoil_config = Some(|config| config["created"] = json!("2024-02-29"));
            },
        )
        .found("2024-02-29"),
        field(
            "the time of creation is a number",
            "linux/amd64",
            "config: created",
            |image| {
                image.one().spoil_config = Some(|config| config["created"] = json!(1_709_164_800));
            },
        ),
    ]
}
