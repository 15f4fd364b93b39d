//! Programs that judge what was built, written by others. A missing one fails the test.

use std::path::{Path, PathBuf};
use std::process::Command;

use polyarch::target::Platform;

use super::program::{Ran, ran};

/// A judge on `PATH`.
pub(crate) fn judge(name: &str) -> Command {
    let found = which::which(name);
    let mut command = Command::new(
        found.unwrap_or_else(|_| panic!("`{name}` is missing: start the tests with tests/run")),
    );
    if name == "skopeo" {
        // Its policy would be read from /etc, which is the host's.
        command.arg("--insecure-policy");
        // For what is large, it goes to /var/tmp otherwise, which not every machine has.
        command.arg("--tmpdir").arg(std::env::temp_dir());
    }
    if name == "git" {
        // It would start itself for that from where Debian puts it, which is the host's.
        command.args(["-c", "maintenance.auto=false"]);
        for configuration in ["GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"] {
            command.env(configuration, "/dev/null");
        }
    }
    command
}

/// Runs a judge and expects it to agree.
pub(crate) fn agrees(command: &mut Command) -> Ran {
    let ran = ran(command);
    assert_eq!(ran.code, 0, "{command:?}\n{}{}", ran.stdout, ran.stderr);
    ran
}

/// Runs a program of any platform under its emulator, or directly where it is the host's own.
pub(crate) fn run(platform: Platform, program: &Path, arguments: &[&str]) -> Ran {
    let mut command = if Platform::host()
        .map(Platform::architecture)
        .map(|own| own.name)
        == Some(platform.architecture().name)
    {
        Command::new(program)
    } else {
        let mut emulator = judge(&format!("qemu-{}", platform.architecture().qemu));
        emulator.arg(program);
        emulator
    };
    agrees(command.args(arguments))
}

/// Runs a program of an image under its emulator, with the image's own linker and libraries.
pub(crate) fn run_in(platform: Platform, root: &Path, program: &str) -> Ran {
    let mut emulator = judge(&format!("qemu-{}", platform.architecture().qemu));
    emulator.arg("-L").arg(root);
    agrees(emulator.arg(root.join(program.trim_start_matches('/'))))
}

/// What `readelf` prints about a file's header.
pub(crate) fn readelf(path: &Path) -> String {
    agrees(judge("readelf").arg("-h").arg(path)).stdout
}

/// Unpacks one platform of a layout with umoci and returns the root file system.
pub(crate) fn unpack(layout: &Path, platform: Platform, into: &Path) -> PathBuf {
    let single = into.join("single");
    let bundle = into.join("bundle");
    let mut copy = judge("skopeo");
    copy.args([
        "--override-os",
        "linux",
        "--override-arch",
        platform.architecture().name,
    ]);
    if let Some(variant) = platform.variant() {
        copy.args(["--override-variant", variant]);
    }
    agrees(
        copy.arg("copy")
            .arg(format!("oci:{}", layout.display()))
            .arg(format!("oci:{}:one", single.display())),
    );
    agrees(
        judge("umoci")
            .args(["unpack", "--rootless", "--image"])
            .arg(format!("{}:one", single.display()))
            .arg(&bundle),
    );
    bundle.join("rootfs")
}
