//! Through a compiler cache, which goes by the compiler's file, the command line and the source: what
//! one target or one toolchain has compiled is never another's.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::{CONFIG, Wrappers};
use crate::support::judge::{agrees, judge, readelf};
use crate::support::program::{Project, store};

/// A compiler cache in a folder of its own, with a server of its own, which ends with it.
struct Sccache {
    folder: tempfile::TempDir,
}

impl Sccache {
    fn start() -> Self {
        let cache = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        // Of several clients that find none, each would start one.
        agrees(cache.set_up(&mut judge("sccache")).arg("--start-server"));
        cache
    }

    fn set_up<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let path = |name: &str| self.folder.path().join(name);
        command
            .env("SCCACHE_DIR", path("cache"))
            .env("SCCACHE_SERVER_UDS", path("socket"))
            .env("SCCACHE_CONF", path("none"))
            // Should a test be killed.
            .env("SCCACHE_IDLE_TIMEOUT", "60")
    }

    /// How often something was found in it, and how often not.
    fn counts(&self) -> (u64, u64) {
        let mut ask = judge("sccache");
        let ask = self.set_up(&mut ask);
        let text = agrees(ask.args(["--show-stats", "--stats-format", "json"])).stdout;
        let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let count = |name: &str| json["stats"][name]["counts"]["C/C++"].as_u64();
        (
            count("cache_hits").unwrap_or(0),
            count("cache_misses").unwrap_or(0),
        )
    }

    /// Compiles a file with these wrappers, through the cache.
    fn compile(&self, wrappers: &Wrappers, words: &str) {
        let compiler = wrappers.tool("cc").get_program().to_owned();
        let mut command = judge("sccache");
        self.set_up(&mut command)
            .current_dir(&wrappers.project.root)
            .arg(compiler);
        agrees(command.args(words.split_whitespace()));
    }
}

impl Drop for Sccache {
    fn drop(&mut self) {
        let mut stop = judge("sccache");
        let _ = self.set_up(stop.arg("--stop-server")).output();
    }
}

const SOURCE: &str = "#include <features.h>\n\
    #ifdef __GLIBC__\nint minor = __GLIBC_MINOR__;\n#endif\n\
    #ifdef LATER\nint later;\n#endif\n\
    int number(void) { return 42; }\n";

#[test]
fn a_compiler_cache_has_an_object_for_each_target() {
    let cache = Sccache::start();
    let files = [("number.c", SOURCE)];
    for (platform, machine) in [("linux/arm64", "AArch64"), ("linux/riscv64", "RISC-V")] {
        let before = cache.counts();
        let wrappers = Wrappers::of(platform, "musl", &store(), &files);
        for expected in [(before.0, before.1 + 1), (before.0 + 1, before.1 + 1)] {
            cache.compile(&wrappers, "-O2 -c number.c -o number.o");
            assert_eq!(cache.counts(), expected, "{platform}");
            let object = wrappers.path("number.o");
            assert!(readelf(&object).contains(machine), "{platform}");
            fs_err::remove_file(object).unwrap();
        }
    }
}

#[test]
fn a_compiler_cache_has_an_object_for_each_version_of_the_c_library() {
    let cache = Sccache::start();
    let data = |version: &str| {
        let wrappers = Wrappers::new(version, &[("number.c", SOURCE)]);
        cache.compile(&wrappers, "-O2 -c number.c -o number.o");
        wrappers.elf("-x.data", "number.o")
    };
    let (older, newer) = (data("gnu.2.31"), data("gnu.2.36"));
    assert!(older.contains(" 1f000000 "), "{older}");
    assert!(newer.contains(" 24000000 "), "{newer}");
    assert_eq!(data("gnu.2.31"), older);
    assert_eq!(cache.counts(), (1, 2));
}

/// The wrappers of a later version of the toolchain, which has the same options and defines a word.
fn later(wrappers: &Wrappers) -> Wrappers {
    let script = fs_err::read_to_string(wrappers.tool("cc").get_program()).unwrap();
    // Where that would be too long for a first line, it is quoted in a command of the shell.
    let file = match script.lines().next().unwrap().split_once(' ') {
        Some((_, file)) => file,
        None => script.split('\'').nth(3).unwrap(),
    };
    let text = fs_err::read_to_string(file).unwrap();
    let mut spec: serde_json::Value = serde_json::from_str(&text).unwrap();
    let version = spec["toolchain"].as_str().unwrap().to_owned() + ".1";
    spec["toolchain"] = version.into();
    spec["arguments"] = vec!["-DLATER"].into();
    let project = Project::with(&[("number.c", SOURCE)]);
    // Beside the project, whose own name no such line can have.
    let folder = project.root.parent().unwrap().to_owned();
    let target = folder.join("target");
    fs_err::write(&target, spec.to_string()).unwrap();
    let wrapper = folder.join(format!("{}-cc", wrappers.triple));
    let script = script.replace(file, target.to_str().unwrap());
    fs_err::write(&wrapper, script).unwrap();
    fs_err::set_permissions(&wrapper, Permissions::from_mode(0o755)).unwrap();
    Wrappers {
        project,
        bin: folder,
        triple: wrappers.triple.clone(),
    }
}

#[test]
fn a_compiler_cache_has_an_object_for_each_toolchain() {
    let cache = Sccache::start();
    let now = Wrappers::new("musl", &[("number.c", SOURCE)]);
    let later = later(&now);
    for (wrappers, defines, counts) in [
        (&now, false, (0, 1)),
        (&later, true, (0, 2)),
        (&now, false, (1, 2)),
        (&later, true, (2, 2)),
    ] {
        cache.compile(wrappers, "-O2 -c number.c -o number.o");
        assert_eq!(cache.counts(), counts);
        let symbols = wrappers.elf("-s", "number.o");
        assert_eq!(symbols.contains(" later\n"), defines, "{symbols}");
    }
}

#[test]
fn builds_go_through_a_compiler_cache_that_they_are_told_of() {
    let makefile = "app: main.o number.o\n\t$(CC) -o $@ main.o number.o\n";
    let lists = "cmake_minimum_required(VERSION 3.14)\nproject(app C)\n\
                 add_executable(app main.c number.c)\n";
    let main = "int number(void);\nint main(void) { return number() - 42; }\n";
    for (name, text, config) in [
        (
            "Makefile",
            makefile,
            "variables = { CC = 'sccache $(CROSS_COMPILE)cc' }",
        ),
        (
            "CMakeLists.txt",
            lists,
            "args = ['-DCMAKE_C_COMPILER_LAUNCHER=sccache']",
        ),
    ] {
        let cache = Sccache::start();
        let project = Project::with(&[(name, text), ("main.c", main), ("number.c", SOURCE)]);
        let mirrors = CONFIG.split("[mirrors]").nth(1).unwrap();
        project.write(
            "polyarch.toml",
            format!("[build]\n{config}\n[mirrors]{mirrors}"),
        );
        for expected in [(0, 4), (4, 4)] {
            let mut compile = project.polyarch(&["compile", "--platform", "arm64,riscv64"]);
            agrees(cache.set_up(&mut compile));
            assert_eq!(cache.counts(), expected, "{name}");
            for (folder, machine) in [("arm64", "AArch64"), ("riscv64", "RISC-V")] {
                let program = project.root.join("out").join(folder).join("app");
                assert!(readelf(&program).contains(machine), "{name}: {folder}");
            }
            fs_err::remove_dir_all(project.root.join("out")).unwrap();
        }
    }
}
