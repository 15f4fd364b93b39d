//! What the compiler has built for itself is removed or cut short: between builds it is built anew, and
//! under a build that is told. What is linked is right or is not there.

use std::path::PathBuf;

use crate::support::judge::{agrees, run};
use crate::support::program::{Project, files, ran, store_without_caches};

use super::{HELLO, built, configured, platform, project};

/// A store whose compilers have built nothing yet.
struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        store_without_caches(folder.path());
        Self { folder }
    }

    fn caches(&self) -> PathBuf {
        self.folder.path().join("v1/caches")
    }

    /// The files that the compiler links programs with.
    fn objects(&self) -> Vec<PathBuf> {
        let all = files(&self.caches()).into_iter();
        let objects: Vec<PathBuf> = all
            .filter(|path| path.display().to_string().contains("/global/o/"))
            .filter(|path| path.is_file())
            .collect();
        assert!(!objects.is_empty());
        objects
    }

    fn polyarch(&self, project: &Project, arguments: &[&str]) -> std::process::Command {
        let mut command = project.polyarch(arguments);
        command.env("POLYARCH_HOME", self.folder.path());
        command
    }

    /// Builds from nothing, runs the program, and gives what was said meanwhile.
    fn builds(&self, project: &Project) -> String {
        let _ = fs_err::remove_dir_all(project.root.join("out"));
        let arguments = ["compile", "--platform", "arm64"];
        let said = agrees(&mut self.polyarch(project, &arguments)).stderr;
        let program = built(project, platform("arm64"), "app");
        assert_eq!(run(platform("arm64"), &program, &[]).stdout, "hello\n");
        said
    }
}

const ANEW: &str = "is damaged and is built anew";

#[test]
fn a_damaged_cache_of_the_compiler_is_built_anew() {
    let home = Home::new();
    let project = project(&[("app.c", HELLO)]);
    assert!(!home.builds(&project).contains(ANEW));
    assert!(!home.builds(&project).contains(ANEW), "nothing is wrong");
    for object in home.objects() {
        fs_err::write(object, "").unwrap();
    }
    let check = ran(&mut home.polyarch(&project, &["toolchain", "check"]));
    assert_ne!(check.code, 0, "{}", check.stdout);
    assert!(check.stderr.contains("has 0 bytes"), "{}", check.stderr);
    assert!(home.builds(&project).contains(ANEW));
    for object in home.objects() {
        fs_err::remove_file(object).unwrap();
    }
    let said = home.builds(&project);
    assert!(said.contains(ANEW) && said.contains("is missing"), "{said}");
    // Nobody misses what the compiler itself does not know of any more.
    fs_err::remove_dir_all(home.caches()).unwrap();
    assert!(!home.builds(&project).contains(ANEW));
}

/// A Makefile that harms the cache between the compiler and the linker, where `HARM` says how.
const MAKEFILE: &str =
    "app: app.o\n\t$(HARM)\n\t$(CC) -o $@ app.o\napp.o: app.c\n\t$(CC) -c app.c\n";

#[test]
fn a_cache_that_is_damaged_under_a_build_is_told_and_nothing_is_left_of_it() {
    let home = Home::new();
    let files = [("Makefile", MAKEFILE), ("app.c", HELLO)];
    let harmless = |project| configured(project, "[build]\nvariables = { HARM = 'true' }");
    let project = harmless(Project::with(&files));
    home.builds(&project);
    let caches = home.caches();
    let build = |harm: &str| {
        let config = format!("[build]\nvariables = {{ HARM = \"{harm}\" }}");
        let project = configured(Project::with(&files), &config);
        let arguments = ["compile", "--platform", "arm64"];
        let ran = ran(&mut home.polyarch(&project, &arguments));
        (project, ran)
    };
    let (_, whole) = build(&format!("rm -r '{}'", caches.display()));
    assert_eq!(whole.code, 0, "the compiler begins again: {}", whole.stderr);
    let objects = format!("'{}'/*/global/o", caches.display());
    let told = |harm: &str| {
        let (project, ran) = build(harm);
        assert_eq!(ran.code, 6, "{harm}: {}", ran.stderr);
        assert!(
            ran.stderr.contains("while it was used, `/"),
            "{}",
            ran.stderr
        );
        let hint = " hint: `polyarch toolchain check --repair`";
        assert!(ran.stderr.contains(hint), "{}", ran.stderr);
        for left in ["out/arm64/app", "out/.build/arm64/tree"] {
            assert!(!project.root.join(left).exists(), "{harm}: {left}");
        }
        (project, ran)
    };
    // The linker takes an empty object for one that has nothing to add.
    let (project, _) = told(&format!("for file in {objects}/*/*; do : > $$file; done"));
    // What the hint says.
    agrees(&mut home.polyarch(&project, &["toolchain", "check", "--repair"]));
    home.builds(&harmless(project));
    let (_, missing) = told(&format!("rm -r {objects}"));
    let compiler = "compiling for linux/arm64 failed";
    assert!(missing.stderr.contains(compiler), "{}", missing.stderr);
}
