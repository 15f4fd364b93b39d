//! The command: what it takes, what it leaves out, and what it ends with.

use serde_json::{Value, json};

use super::audit::{Form, Yard};
use super::elf::{Elf, MACHINES};
use super::image::roots::{fixed, glibc, musl};
use super::image::{Image, program};
use crate::support::judge::judge;
use crate::support::program::ran;

/// For amd64 right, for arm64 with a program for amd64.
fn half_right() -> Image {
    let mut wrong = fixed("linux/arm64");
    let app = Elf::static_pie("linux/amd64").bytes();
    wrong.put(program("app", app));
    fixed("linux/amd64").and(wrong)
}

/// A warning of class start.
fn without_start() -> Image {
    let mut image = fixed("linux/amd64");
    image.set("Entrypoint", json!(null));
    image
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| panic!("no JSON: {text}"))
}

#[test]
fn the_exit_code_follows_from_what_is_asked_to_fail_on() {
    let mut warned = fixed("linux/amd64");
    warned.one().spoil_config = Some(|config| {
        let history = config["history"].as_array_mut().unwrap();
        history.push(json!({"created_by": "RUN true"}));
    });
    let mut noted = fixed("linux/amd64");
    noted.set("Env", json!(["A=b"]));
    let mut both = half_right();
    both.spoil = Some(|layout| layout.remove("layer 0 1"));
    for (image, codes) in [
        (half_right(), [7, 7, 7, 0]),
        (without_start(), [0, 7, 7, 0]),
        (warned, [0, 6, 6, 0]),
        (noted, [0, 0, 7, 0]),
        (fixed("linux/amd64"), [0, 0, 0, 0]),
        (both, [6, 6, 6, 0]),
    ] {
        let yard = Yard::new();
        let reference = yard.put(&image, Form::Layout);
        for (least, code) in ["error", "warning", "note", "never"].into_iter().zip(codes) {
            let ran = yard.run(&[&reference, "--fail-on", least]);
            assert_eq!(ran.code, code, "{least}: {}{}", ran.stdout, ran.stderr);
        }
    }
}

#[test]
fn what_is_allowed_is_left_out() {
    for (pattern, left) in [
        ("machine", 0),
        ("machine:/app", 0),
        ("machine:/a*", 0),
        ("/app", 0),
        ("/**", 0),
        ("machine:/opt/*", 1),
        ("os-abi", 1),
        ("/usr/*", 1),
    ] {
        let yard = Yard::new();
        let reference = yard.put(&half_right(), Form::Layout);
        let ran = yard.run(&[&reference, "--json", "--allow", pattern]);
        let findings = json(&ran.stdout)["findings"].as_array().map(Vec::len);
        assert_eq!(findings, Some(left), "{pattern}: {}", ran.stdout);
        assert_eq!(ran.code, if left == 0 { 0 } else { 7 }, "{pattern}");
        yard.write(
            "polyarch.toml",
            format!("[verify]\nallow = [\"{pattern}\"]\n"),
        );
        let ran = yard.run(&[&reference, "--json"]);
        let findings = json(&ran.stdout)["findings"].as_array().map(Vec::len);
        assert_eq!(
            findings,
            Some(left),
            "{pattern} in polyarch.toml: {}",
            ran.stdout
        );
    }
}

#[test]
fn an_image_is_found_by_reference_by_path_and_by_default() {
    let yard = Yard::new();
    let digest = half_right().layout().names["index"].clone();
    for form in [Form::Layout, Form::OciArchive, Form::DockerArchive] {
        let reference = yard.put(&half_right(), form);
        let path = reference.split_once(':').expect("a scheme").1.to_owned();
        for named in [reference.as_str(), path.as_str()] {
            let ran = yard.run(&[named, "--json"]);
            let report = json(&ran.stdout);
            // An archive of Docker's has the first platform alone, which is right.
            let code = if form == Form::DockerArchive { 0 } else { 7 };
            assert_eq!(ran.code, code, "{named}: {}", ran.stderr);
            if form != Form::DockerArchive {
                assert_eq!(report["digest"], digest, "{named}");
            }
        }
    }
    let reference = yard.put(&half_right(), Form::Layout);
    assert_eq!(yard.run(&[&format!("{reference}:latest")]).code, 7);
    assert_eq!(yard.run(&[&format!("{reference}@{digest}")]).code, 7);
    let path = reference.split_once(':').expect("a scheme").1.to_owned();
    let out = yard.write("out/keep", "");
    fs_err::rename(path, out.with_file_name("image")).expect("renamed");
    assert_eq!(yard.run(&[]).code, 7);
}

#[test]
fn what_is_no_image_is_the_usual_error() {
    let yard = Yard::new();
    let reference = yard.put(&half_right(), Form::Layout);
    let text = yard.write("text", "no archive\n");
    for arguments in [
        vec!["oci:nothing"],
        vec!["nothing"],
        vec!["docker-archive:nothing.tar"],
        vec![text.to_str().expect("text")],
        vec![&format!("{reference}:2.0")],
        vec![&reference, "--platform", "linux/s390x"],
        vec![&reference, "--fail-on", "sometimes"],
        vec![&reference, "--allow", "no-such-kind"],
    ] {
        let ran = yard.run(&arguments);
        assert!(
            [2, 6, 8, 10].contains(&ran.code) && ran.stderr.contains("error: "),
            "{arguments:?} ends with {}: {}",
            ran.code,
            ran.stderr
        );
    }
}

#[test]
fn only_the_platforms_that_are_asked_for_are_looked_at() {
    let yard = Yard::new();
    let reference = yard.put(&half_right(), Form::Layout);
    for (platforms, code, count) in [
        ("linux/amd64", 0, 1),
        ("linux/arm64", 7, 1),
        ("arm64,amd64", 7, 2),
    ] {
        let ran = yard.run(&[&reference, "--json", "--platform", platforms]);
        assert_eq!(ran.code, code, "{platforms}: {}", ran.stderr);
        let looked = json(&ran.stdout)["platforms"].as_array().map(Vec::len);
        assert_eq!(looked, Some(count), "{platforms}");
    }
}

#[test]
fn a_reader_is_told_all_that_json_has() {
    let yard = Yard::new();
    let reference = yard.put(&half_right(), Form::Layout);
    let found = json(&yard.run(&[&reference, "--json"]).stdout)["findings"][0].clone();
    let ran = yard.run(&[&reference]);
    let text = format!("{}{}", ran.stdout, ran.stderr);
    for field in [
        "kind", "severity", "platform", "subject", "expected", "found",
    ] {
        let part = found[field].as_str().expect(field);
        assert!(text.contains(part), "no {field} `{part}` in\n{text}");
    }
    assert!(text.contains("COPY app / # buildkit"), "{text}");
}

#[test]
fn an_out_folder_is_held_against_the_names_of_its_folders() {
    let yard = Yard::new();
    let of = |platform: &str| Elf::static_pie(platform).bytes();
    yard.write("out/amd64/app", of("linux/amd64"));
    yard.write("out/armv6/app", of("linux/arm/v5"));
    let ran = yard.run(&["out", "--json"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(json(&ran.stdout)["digest"], Value::Null);
    yard.write("out/arm64/app", of("linux/amd64"));
    yard.write("out/armv6/app", of("linux/arm/v7"));
    let ran = yard.run(&["out", "--json"]);
    let report = json(&ran.stdout);
    assert_eq!(ran.code, 7);
    let kinds: Vec<(&str, &str)> = report["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| {
            (
                one["kind"].as_str().unwrap(),
                one["platform"].as_str().unwrap(),
            )
        })
        .collect();
    assert!(kinds.contains(&("machine", "linux/arm64")), "{kinds:?}");
    assert!(kinds.contains(&("cpu-level", "linux/arm/v6")), "{kinds:?}");
}

/// Tests that find nothing in files that nobody else could read would show little.
#[test]
fn readelf_has_no_complaint_about_the_files_of_the_tests() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("file");
    for machine in &MACHINES {
        let roots = [glibc as fn(_) -> Image, musl, fixed].map(|root| root(machine.platform));
        let mut files: Vec<(String, Vec<u8>)> = roots
            .iter()
            .flat_map(|image| &image.variants[0].layers)
            .flat_map(|layer| &layer.entries)
            .filter_map(|entry| Some((entry.path.clone(), entry.elf()?.to_vec())))
            .collect();
        let stripped = Elf::program(machine.platform).of_glibc().without_sections();
        files.push(("stripped".to_owned(), stripped.bytes()));
        for (path, bytes) in files {
            fs_err::write(&file, bytes).expect("written");
            let ran = ran(judge("readelf")
                .args(["-hlSdsVIW", "--histogram"])
                .arg(&file));
            let clean = ran.code == 0 && ran.stderr.is_empty();
            assert!(clean, "{path} for {}: {}", machine.platform, ran.stderr);
        }
    }
}
