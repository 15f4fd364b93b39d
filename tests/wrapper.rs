//! The compiler wrappers end to end: what build systems do with gcc, done with the real compiler.
//!
//! How a command line is translated is tested beside the translation. Here it is run, and readelf
//! or an emulator judges what came out.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::support::judge::{agrees, judge};
use super::support::program::{Project, Ran, ran, store};

mod answers;
mod cached;
mod compile;
mod link;

/// The test archive's updates are passed over, as in `tests/base`.
const CONFIG: &str = include_str!("judges/polyarch.toml");

/// The wrappers of a target, called in a folder whose name has spaces.
struct Wrappers {
    project: Project,
    bin: PathBuf,
    triple: String,
}

impl Wrappers {
    /// For linux/arm64 with `musl` or `gnu.VERSION`, and these files in the folder.
    fn new(libc: &str, files: &[(&str, &str)]) -> Self {
        Self::of("linux/arm64", libc, &store(), files)
    }

    fn of(platform: &str, libc: &str, store: &std::path::Path, files: &[(&str, &str)]) -> Self {
        let project = Project::with(files);
        let mirrors = CONFIG.split("[mirrors]").nth(1).unwrap();
        project.write("polyarch.toml", format!("[mirrors]{mirrors}"));
        let arguments = ["--json", "env", "--platform", platform, "--libc", libc];
        let ran = agrees(project.polyarch(&arguments).env("POLYARCH_HOME", store));
        let json: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
        let text = |name: &str| json[0][name].as_str().expect(name).to_owned();
        Self {
            bin: PathBuf::from(text("bin")),
            triple: text("triple"),
            project,
        }
    }

    /// A tool by its name behind the triple. Nothing of the environment is needed to run it.
    fn tool(&self, name: &str) -> Command {
        let mut command = Command::new(self.bin.join(format!("{}-{name}", self.triple)));
        command
            .current_dir(&self.project.root)
            .stdin(Stdio::null())
            .env_clear()
            .env("PATH", "/usr/bin:/bin");
        command
    }

    /// Runs a tool with these words and expects success.
    fn run(&self, tool: &str, words: &str) -> Ran {
        agrees(self.tool(tool).args(words.split_whitespace()))
    }

    /// Runs the C compiler and expects success.
    fn cc(&self, words: &str) -> Ran {
        self.run("cc", words)
    }

    /// Runs the C compiler and expects it to fail with exit code 1.
    fn refuses(&self, words: &str) -> String {
        let ran = ran(self.tool("cc").args(words.split_whitespace()));
        assert_eq!(ran.code, 1, "{words}: {}", ran.stderr);
        ran.stderr
    }

    fn path(&self, name: &str) -> PathBuf {
        self.project.root.join(name)
    }

    fn read(&self, name: &str) -> String {
        fs_err::read_to_string(self.path(name)).expect("a file")
    }

    /// What `readelf -W` prints with these options.
    fn elf(&self, options: &str, name: &str) -> String {
        let mut command = judge("readelf");
        command.arg("-W").args(options.split_whitespace());
        agrees(command.arg(self.path(name))).stdout
    }

    /// The exit code of a program under the emulator.
    fn code(&self, name: &str) -> i32 {
        ran(judge("qemu-aarch64").arg(self.path(name))).code
    }
}
