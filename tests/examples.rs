//! Every example is built for several platforms, and what was built is run: the only place where
//! that happens.

use polyarch::target::Platform;

use super::support::judge::{self, run, unpack};
use super::support::program::{Project, ran};

const FOUR: [&str; 4] = [
    "linux/amd64",
    "linux/arm64",
    "linux/arm/v7",
    "linux/riscv64",
];

fn platform(text: &str) -> Platform {
    text.parse().expect(text)
}

#[test]
fn go_http_is_built_for_four_platforms_and_prints_the_same_on_each() {
    let project = Project::example("go-http");
    project.ok(&["build"]);
    let expected = run(
        platform("linux/amd64"),
        &project.root.join("out/amd64/go-http"),
        &[],
    )
    .stdout;
    assert!(!expected.is_empty());
    for name in FOUR {
        let platform = platform(name);
        let program = project
            .root
            .join("out")
            .join(platform.directory())
            .join("go-http");
        assert_eq!(run(platform, &program, &[]).stdout, expected, "{name}");
        let unpacked = tempfile::tempdir().expect("a temporary folder");
        let root = unpack(&project.root.join("out/image"), platform, unpacked.path());
        let laid = root.join("usr/local/bin/go-http");
        assert_eq!(
            fs_err::read(laid).expect("in the image"),
            fs_err::read(program).expect("built")
        );
        let certificates = fs_err::read_to_string(root.join("etc/ssl/certs/ca-certificates.crt"));
        assert!(
            certificates
                .expect("in the base")
                .contains("BEGIN CERTIFICATE")
        );
        assert!(root.join("usr/share/zoneinfo/Europe/Berlin").is_file());
    }
}

#[test]
fn go_multi_becomes_two_images_of_one_command_each() {
    let project = Project::example("go-multi");
    project.ok(&[
        "build",
        "--platform",
        "amd64,arm64",
        "-t",
        "example.com/{name}:1",
    ]);
    for (name, other) in [("api", "worker"), ("worker", "api")] {
        for text in ["linux/amd64", "linux/arm64"] {
            let platform = platform(text);
            let unpacked = tempfile::tempdir().expect("a temporary folder");
            let layout = project.root.join("out/images").join(name);
            let root = unpack(&layout, platform, unpacked.path());
            assert!(!root.join("usr/local/bin").join(other).exists());
            let printed = run(platform, &root.join("usr/local/bin").join(name), &[]).stdout;
            let native = project.root.join("out/amd64").join(name);
            assert_eq!(
                printed,
                run(self::platform("linux/amd64"), &native, &[]).stdout
            );
            assert!(!printed.is_empty());
        }
    }
}

#[test]
fn rust_cli_is_built_without_a_c_compiler_and_runs_the_same_on_each_platform() {
    let project = Project::example("rust-cli");
    let ran = project.ok(&["build", "-v", "--platform", "amd64,arm64,386"]);
    assert!(!ran.stderr.contains("zig"), "{}", ran.stderr);
    for name in ["linux/amd64", "linux/arm64", "linux/386"] {
        let platform = platform(name);
        let unpacked = tempfile::tempdir().expect("a temporary folder");
        let root = unpack(&project.root.join("out/image"), platform, unpacked.path());
        let program = root.join("usr/local/bin/rust-cli");
        let ran = run(platform, &program, &["one two", "panic", "three"]);
        assert_eq!(
            ran.stdout, "3 arguments\n2 in \"one two\"\na thread panicked\n1 in \"three\"\n",
            "{name}"
        );
    }
    let mut skopeo = judge::judge("skopeo");
    skopeo.args(["--override-arch", "arm64", "inspect", "--config"]);
    let layout = format!("oci:{}", project.root.join("out/image").display());
    let config = judge::agrees(skopeo.arg(layout)).stdout;
    for label in [
        r#""org.opencontainers.image.version": "0.3.0""#,
        r#""org.opencontainers.image.licenses": "MIT OR Apache-2.0""#,
    ] {
        assert!(config.contains(label), "{config}");
    }
    // Nothing of this machine is in the programs.
    let program = fs_err::read(project.root.join("out/arm64/rust-cli")).expect("built");
    let program = String::from_utf8_lossy(&program);
    for place in [
        project.root.to_str().expect("text"),
        "/.cargo/",
        "/.rustup/",
    ] {
        assert!(!program.contains(place), "{place}");
    }
}

/// Builds an example of Rust for these platforms and gives what a program prints, which must be the
/// same on each.
fn rust_example(name: &str, platforms: &[&str], program: &str, arguments: &[&str]) -> String {
    let project = Project::example(name);
    project.ok(&["compile", "--platform", &platforms.join(",")]);
    let printed = |text: &&str| {
        let (platform, out) = (platform(text), project.root.join("out"));
        let program = out.join(platform.directory()).join(program);
        let facts = polyarch::elf::Facts::read(&program).expect("an ELF file");
        assert!(facts.needed.is_empty(), "{text}: {:?}", facts.needed);
        run(platform, &program, arguments).stdout
    };
    let printed: Vec<String> = platforms.iter().map(printed).collect();
    assert!(printed.iter().all(|one| *one == printed[0]), "{printed:#?}");
    printed[0].clone()
}

#[test]
fn rust_workspace_becomes_two_programs_with_what_a_macro_and_a_build_script_made() {
    let platforms = ["linux/amd64", "linux/arm64", "linux/386"];
    let printed = rust_example("rust-workspace", &platforms, "server", &["de", "fr", "xx"]);
    assert_eq!(printed, "Guten Tag\nBonjour\n?\n");
    let printed = rust_example("rust-workspace", &["linux/arm64"], "tool", &["20"]);
    assert_eq!(printed, "2 3 5 7 11 13 17 19\n");
}

#[test]
fn rust_csys_is_linked_with_the_c_libraries_that_its_crates_compile() {
    let platforms = ["linux/amd64", "linux/arm64"];
    let printed = rust_example("rust-csys", &platforms, "rust-csys", &["hello", "you"]);
    assert_eq!(printed, "youyo 3000 true\nhello 5000 true\n");
}

#[test]
fn rust_tls_shakes_hands_with_itself_on_each_platform() {
    let platforms = ["linux/amd64", "linux/arm64"];
    let printed = rust_example("rust-tls", &platforms, "rust-tls", &["hello"]);
    assert_eq!(printed, "TLSv1_2: HELLO\nTLSv1_3: HELLO\n");
}

#[test]
fn prebuilt_files_become_an_image_for_the_platforms_they_exist_for() {
    let source = Project::go();
    source.ok(&["compile", "--platform", "amd64,arm64,arm/v7,riscv64"]);
    let project = Project::example("prebuilt");
    for (from, to) in [
        ("amd64", "linux_amd64"),
        ("arm64", "linux_arm64"),
        ("armv7", "linux_armv7"),
        ("riscv64", "linux_riscv64"),
    ] {
        let program =
            fs_err::read(source.root.join("out").join(from).join("hello")).expect("built");
        project.write(&format!("dist/{to}/hello"), program);
    }
    project.ok(&["build"]);
    for text in FOUR {
        let unpacked = tempfile::tempdir().expect("a temporary folder");
        let root = unpack(
            &project.root.join("out/image"),
            platform(text),
            unpacked.path(),
        );
        let printed = run(platform(text), &root.join("usr/local/bin/hello"), &["x"]).stdout;
        assert_eq!(printed, "hello none 2\n");
    }
}

#[test]
fn a_jar_is_laid_over_every_platform_of_a_base() {
    let project = Project::example("java-jar");
    // A stand-in for a Java runtime: a program called `java` that prints its argument count.
    let runtime = Project::with(&[
        ("go.mod", "module example.com/java\n\ngo 1.21\n"),
        (
            "main.go",
            &super::support::program::HELLO.replace("hello", "java"),
        ),
    ]);
    runtime.ok(&["build", "--platform", "amd64,arm64,s390x"]);
    fs_err::rename(runtime.root.join("out/image"), project.root.join("base")).expect("moved");
    project.write("app.jar", "PK stands for a jar");
    project.ok(&["build"]);
    for text in ["linux/amd64", "linux/arm64", "linux/s390x"] {
        let unpacked = tempfile::tempdir().expect("a temporary folder");
        let root = unpack(
            &project.root.join("out/image"),
            platform(text),
            unpacked.path(),
        );
        assert_eq!(
            fs_err::read(root.join("app/app.jar")).expect("laid"),
            b"PK stands for a jar"
        );
        let printed = run(
            platform(text),
            &root.join("usr/local/bin/java"),
            &["-jar", "x"],
        )
        .stdout;
        assert_eq!(printed, "java none 3\n");
    }
}

#[test]
fn every_platform_that_go_has_gets_the_right_machine() {
    let project = Project::go();
    let asked = "amd64,amd64/v2,amd64/v3,amd64/v4,386,arm64,arm/v5,arm/v6,arm/v7,riscv64,ppc64le,s390x,\
                 mips64le,mips64,loong64";
    project.ok(&["compile", "--platform", asked]);
    for (folder, machine, class, order) in [
        ("amd64", "X86-64", "ELF64", "little"),
        ("amd64v3", "X86-64", "ELF64", "little"),
        ("386", "80386", "ELF32", "little"),
        ("arm64", "AArch64", "ELF64", "little"),
        ("armv5", "ARM", "ELF32", "little"),
        ("armv6", "ARM", "ELF32", "little"),
        ("armv7", "ARM", "ELF32", "little"),
        ("riscv64", "RISC-V", "ELF64", "little"),
        ("ppc64le", "PowerPC64", "ELF64", "little"),
        ("s390x", "S/390", "ELF64", "big"),
        ("mips64le", "MIPS", "ELF64", "little"),
        ("mips64", "MIPS", "ELF64", "big"),
        ("loong64", "LoongArch", "ELF64", "little"),
    ] {
        let header = judge::readelf(&project.root.join("out").join(folder).join("hello"));
        for expected in [machine, class, order] {
            assert!(header.contains(expected), "{folder}: {header}");
        }
    }
    // Go's linker writes no ARM attributes; what it was told stands in the build information.
    for (folder, variant) in [
        ("armv5", "GOARM=5"),
        ("armv6", "GOARM=6"),
        ("armv7", "GOARM=7"),
    ] {
        let program =
            fs_err::read(project.root.join("out").join(folder).join("hello")).expect("built");
        assert!(
            String::from_utf8_lossy(&program).contains(variant),
            "{folder}"
        );
    }
}

#[test]
fn out_arm_links_to_the_one_arm_variant_that_was_built() {
    let project = Project::go();
    project.ok(&["compile", "--platform", "arm/v6"]);
    let link = fs_err::read_link(project.root.join("out/arm")).expect("a link");
    assert_eq!(link.to_str(), Some("armv6"));
    project.ok(&["compile", "--platform", "arm/v6,arm/v7"]);
    assert!(
        !project.root.join("out/arm").exists(),
        "ambiguous links are removed"
    );
}

#[test]
fn the_configured_values_reach_the_program() {
    let project = Project::go();
    project.write(
        "polyarch.toml",
        "[project]\nversion = '1.2.3'\n[build]\nldflags = ['-X main.version={version}-{arch}']\n",
    );
    project.ok(&["compile", "--platform", "arm64"]);
    let program = project.root.join("out/arm64/hello");
    assert_eq!(
        run(platform("arm64"), &program, &[]).stdout,
        "hello 1.2.3-arm64 1\n"
    );
    project.ok(&[
        "compile",
        "--platform",
        "arm64",
        "--ldflags",
        "-X main.version=flag",
    ]);
    assert_eq!(
        run(platform("arm64"), &program, &[]).stdout,
        "hello flag 1\n"
    );
}

#[test]
fn symbols_are_left_out_unless_debug_is_asked_for() {
    let project = Project::go();
    let size = |arguments: &[&str]| {
        project.ok(arguments);
        fs_err::metadata(project.root.join("out/arm64/hello"))
            .expect("built")
            .len()
    };
    let small = size(&["compile", "--platform", "arm64"]);
    let large = size(&["compile", "--platform", "arm64", "--debug"]);
    assert!(small * 5 < large * 4, "{small} {large}");
}

#[test]
fn workspaces_nested_and_vendored_modules_embedded_files_and_tags_are_built() {
    let library = "package greet\n\nfunc Word() string { return \"greet\" }\n";
    let main = "package main\n\nimport (\n\t_ \"embed\"\n\t\"fmt\"\n\t\"example.com/greet\"\n)\n\n\
                //go:embed word.txt\nvar word string\n\nfunc main() { fmt.Println(greet.Word(), word, tagged) }\n";
    let project = Project::with(&[
        ("go.work", "go 1.21\n\nuse (\n\t./app\n\t./greet\n)\n"),
        ("greet/go.mod", "module example.com/greet\n\ngo 1.21\n"),
        ("greet/greet.go", library),
        ("app/go.mod", "module example.com/app\n\ngo 1.21\n"),
        ("app/main.go", main),
        ("app/word.txt", "embedded"),
        (
            "app/tag.go",
            "//go:build special\n\npackage main\n\nconst tagged = true\n",
        ),
        (
            "app/notag.go",
            "//go:build !special\n\npackage main\n\nconst tagged = false\n",
        ),
        ("polyarch.toml", "[build]\nflags = ['-tags=special']\n"),
    ]);
    project.ok(&["compile", "--platform", "arm64"]);
    let printed = run(platform("arm64"), &project.root.join("out/arm64/app"), &[]).stdout;
    assert_eq!(printed, "greet embedded true\n");

    let vendored = Project::with(&[
        (
            "sub/go.mod",
            "module example.com/app\n\ngo 1.21\n\nrequire example.com/greet v0.0.0\n",
        ),
        ("sub/cmd/app/main.go", &main.replace("tagged", "1")),
        ("sub/cmd/app/word.txt", "embedded"),
        (
            "sub/vendor/modules.txt",
            "# example.com/greet v0.0.0\n## explicit; go 1.21\nexample.com/greet\n",
        ),
        ("sub/vendor/example.com/greet/greet.go", library),
    ]);
    let error = vendored.fails(3, &["compile"]);
    assert!(
        error.stderr.contains("hint: `polyarch build sub"),
        "{}",
        error.stderr
    );
    vendored.ok(&["compile", "--platform", "arm64", "sub"]);
    let printed = run(
        platform("arm64"),
        &vendored.root.join("sub/out/arm64/app"),
        &[],
    )
    .stdout;
    assert_eq!(printed, "greet embedded 1\n");
}

#[test]
fn an_unchanged_program_is_not_linked_again() {
    let project = Project::go();
    project.ok(&["compile", "--platform", "arm64"]);
    let program = project.root.join("out/arm64/hello");
    let inode = |path: &std::path::Path| {
        use std::os::unix::fs::MetadataExt;
        fs_err::metadata(path).expect("built").ino()
    };
    let before = inode(&program);
    project.ok(&["compile", "--platform", "arm64"]);
    assert_eq!(inode(&program), before);
}

#[test]
fn the_pinned_go_compiles_where_none_is_on_the_path() {
    let project = Project::go();
    let mut command = project.polyarch(&["compile", "--platform", "arm64"]);
    let ran = ran(command.env("PATH", "/nowhere"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("fetched, "), "{}", ran.stderr);
    let program = project.root.join("out/arm64/hello");
    assert_eq!(
        run(platform("arm64"), &program, &[]).stdout,
        "hello none 1\n"
    );
}

#[test]
fn help_and_version_need_nothing() {
    let project = Project::empty();
    for flag in ["--help", "--version"] {
        let mut command = project.polyarch(&[flag]);
        let ran = ran(command.env_clear());
        assert_eq!(ran.code, 0);
        assert!(ran.stdout.contains("polyarch"));
    }
}
