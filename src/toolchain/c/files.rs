//! The folder of a target: wrappers named after its triple, and what CMake, Meson and Autoconf's
//! configure read.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::digest::{Digest, Recipe};
use crate::progress::Observer;
use crate::store::{self, Store, Tree};
use crate::target::{Glibc, Libc, Platform, Target};
use crate::toolchain::{Error, Toolchain};
use crate::wrapper::spec::Spec;

/// Goes into the name of every such folder: a change of the rules makes new ones.
const VERSION: &str = "1";

/// What the interpreter of the wrappers is called in the store, with its digest behind it.
const INTERPRETER: &str = "polyarch-cc";

/// The longest first line of a script that every supported kernel reads whole, `#!` and the end of
/// the line among it.
const LINE: usize = 127;

/// The tools that the compiler is itself, by their names behind the triple.
const OWN: [&str; 11] = [
    "cc", "gcc", "clang", "c++", "g++", "clang++", "cpp", "ld", "as", "ar", "ranlib",
];

/// Those that come with binutils.
const BINUTILS: [&str; 8] = [
    "nm",
    "strip",
    "objcopy",
    "objdump",
    "readelf",
    "size",
    "strings",
    "addr2line",
];

const CMAKE: &str = include_str!("../../../templates/toolchain.cmake");
const MESON: &str = include_str!("../../../templates/cross.ini");
const CONFIG_SITE: &str = include_str!("../../../templates/config.site");

/// The folder of a target.
pub(super) struct Made {
    pub(super) bin: PathBuf,
    pub(super) cmake: PathBuf,
    pub(super) meson: PathBuf,
    pub(super) digest: Digest,
    pub(super) tree: Tree,
}

/// Where binutils' programs are. Debian names them after the machine that they run on.
pub(super) fn binutils(toolchain: &Toolchain) -> BTreeMap<String, PathBuf> {
    let folder = toolchain.root.join("usr/bin");
    let machine = Platform::host().map(|platform| {
        let libc = Libc::Gnu(Glibc::new(2, 0));
        Target { platform, libc }.triple()
    });
    let mut found = BTreeMap::new();
    for tool in BINUTILS {
        let prefixed = machine.as_ref().map(|machine| format!("{machine}-{tool}"));
        let names = prefixed.into_iter().chain([tool.to_owned()]);
        let mut paths = names.map(|name| folder.join(name));
        if let Some(path) = paths.find(|path| path.is_file()) {
            found.insert(tool.to_owned(), path);
        }
    }
    found
}

/// Makes the folder of a target, or finds it.
pub(super) fn make(
    store: &Store,
    observer: &dyn Observer,
    spec: &Spec,
    target: Target,
    program: &Path,
) -> Result<Made, Error> {
    let text = serde_json::to_vec(spec).map_err(std::io::Error::from)?;
    let interpreter = store.program(INTERPRETER, program)?;
    let file = store.small_file(&text)?;
    let digest = Recipe::new("compilers")
        .with(VERSION)
        .with(&text)
        .with(interpreter.as_os_str().as_encoded_bytes())
        .with(file.as_os_str().as_encoded_bytes())
        .finish();
    let place = store.tree_path(&digest);
    let label = format!("the compilers for {target}");
    let tree = store.tree(&digest, &label, observer, |into| {
        write_all(
            into,
            &place,
            &Wrapper {
                interpreter: &interpreter,
                file: &file,
            },
            spec,
            target,
        )
        .map_err(Error::from)
    })?;
    Ok(Made {
        bin: place.join("bin"),
        cmake: place.join("toolchain.cmake"),
        meson: place.join("cross.ini"),
        digest,
        tree,
    })
}

fn write_all(
    into: &Path,
    place: &Path,
    wrapper: &Wrapper<'_>,
    spec: &Spec,
    target: Target,
) -> Result<(), store::Error> {
    let bin = into.join("bin");
    for folder in [&bin, &into.join("pkgconfig")] {
        fs_err::create_dir(folder).map_err(|error| store::Error::writing(folder, None, error))?;
    }
    for tool in OWN.into_iter().chain(BINUTILS) {
        let path = bin.join(format!("{}-{tool}", spec.triple));
        write(&path, &wrapper.script(spec, tool))?;
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o755))
            .map_err(|error| store::Error::writing(&path, None, error))?;
    }
    for (name, template) in [
        ("toolchain.cmake", CMAKE),
        ("cross.ini", MESON),
        ("config.site", CONFIG_SITE),
    ] {
        write(&into.join(name), &fill(template, place, target))?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), store::Error> {
    fs_err::write(path, text).map_err(|error| store::Error::writing(path, None, error))
}

/// What every wrapper of a target names.
struct Wrapper<'a> {
    interpreter: &'a Path,
    file: &'a Path,
}

impl Wrapper<'_> {
    /// Compiler caches go by the wrapper's content, so it names all that tells one from another.
    fn script(&self, spec: &Spec, tool: &str) -> String {
        let (interpreter, file) = (self.interpreter.display(), self.file.display());
        let line = format!("#!{interpreter} {file}");
        let about = format!("# {tool} of {} for {}", spec.toolchain, spec.target);
        let plain = !line.contains(char::is_whitespace) || line.matches(' ').count() == 1;
        if plain && line.len() < LINE {
            return format!("{line}\n{about}\n");
        }
        let quoted = |path: &Path| path.display().to_string().replace('\'', r"'\''");
        format!(
            "#!/bin/sh\n{about}\nexec '{}' '{}' \"$0\" \"$@\"\n",
            quoted(self.interpreter),
            quoted(self.file)
        )
    }
}

fn fill(template: &str, place: &Path, target: Target) -> String {
    let platform = target.platform;
    let architecture = platform.architecture();
    let endian = if architecture.elf.little_endian {
        "little"
    } else {
        "big"
    };
    let path = |name: &str| place.join(name).display().to_string();
    [
        ("{target}", target.to_string()),
        ("{triple}", target.triple()),
        ("{machine}", platform.machine().to_owned()),
        ("{family}", architecture.meson.to_owned()),
        ("{endian}", endian.to_owned()),
        ("{bin}", path("bin")),
        ("{pkgconfig}", path("pkgconfig")),
        ("{sysroot}", path("sysroot")),
    ]
    .iter()
    .fold(template.to_owned(), |text, (name, value)| {
        text.replace(name, value)
    })
}

/// A tool as it can stand in a variable: by its path, or, where shells, makefiles or Go would split or
/// expand that, by its name, which is then to be found on `PATH`.
pub fn callable(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| match c.is_ascii() {
        true => c.is_ascii_alphanumeric() || "/._-+=:,@%~".contains(c),
        false => !c.is_whitespace(),
    };
    match path.file_name() {
        Some(name) if !text.chars().all(plain) => name.to_string_lossy().into_owned(),
        _ => text,
    }
}

/// What the environment of a build has besides, `PATH` apart.
pub(super) fn environment(bin: &Path, target: Target) -> BTreeMap<String, String> {
    let triple = target.triple();
    let tool = |name: &str| callable(&bin.join(format!("{triple}-{name}")));
    let place = bin.parent().unwrap_or(bin);
    let path = |name: &str| place.join(name).display().to_string();
    let mut environment = BTreeMap::from([
        ("CC".to_owned(), tool("cc")),
        ("CXX".to_owned(), tool("c++")),
        ("CPP".to_owned(), tool("cpp")),
        ("CROSS_COMPILE".to_owned(), format!("{triple}-")),
        ("CMAKE_TOOLCHAIN_FILE".to_owned(), path("toolchain.cmake")),
        ("CONFIG_SITE".to_owned(), path("config.site")),
        // What is the build machine's must not be found for the target.
        ("PKG_CONFIG_LIBDIR".to_owned(), path("pkgconfig")),
        ("PKG_CONFIG_PATH".to_owned(), String::new()),
    ]);
    for name in [
        "LD", "AR", "RANLIB", "NM", "STRIP", "OBJCOPY", "OBJDUMP", "READELF",
    ] {
        environment.insert(name.to_owned(), tool(&name.to_lowercase()));
    }
    environment
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Silent;
    use crate::wrapper::spec::Family;

    #[test]
    fn a_tool_whose_path_would_be_split_or_expanded_is_called_by_its_name() {
        for (path, expected) in [
            ("/a/b-cc", "/a/b-cc"),
            ("/für/b_1.2+c~/b-cc", "/für/b_1.2+c~/b-cc"),
            ("/a b/b-cc", "b-cc"),
            ("/a\u{a0}b/b-cc", "b-cc"),
            ("/a$b/b-c++", "b-c++"),
            ("/it's/b-cc", "b-cc"),
            ("/a(b)/b-cc", "b-cc"),
        ] {
            assert_eq!(callable(Path::new(path)), expected, "{path}");
        }
    }

    /// What compiler caches go by: the content of the C compiler's file.
    fn compiler(store: &Store, toolchain: &str, libc: Libc) -> String {
        let target = Target {
            platform: "linux/arm64".parse().unwrap(),
            libc,
        };
        let spec = Spec {
            toolchain: toolchain.to_owned(),
            platform: target.platform,
            triple: target.triple(),
            family: Family::Zig,
            program: PathBuf::from("/zig"),
            target: target.to_string(),
            cpu: String::new(),
            pie: false,
            arguments: Vec::new(),
            link: Vec::new(),
            environment: BTreeMap::new(),
            defaults: BTreeMap::new(),
            tools: BTreeMap::new(),
        };
        let program = store.base().join("format");
        let made = make(store, &Silent, &spec, target, &program).unwrap();
        let path = made.bin.join(format!("{}-cc", target.triple()));
        fs_err::read_to_string(path).unwrap()
    }

    #[test]
    fn another_version_of_the_toolchain_or_of_the_c_library_makes_another_compiler_file() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path()).unwrap();
        let first = compiler(&store, "zig 1", Libc::Musl);
        assert_eq!(compiler(&store, "zig 1", Libc::Musl), first);
        let gnu = |minor| Libc::Gnu(Glibc::new(2, minor));
        let others = [
            compiler(&store, "zig 2", Libc::Musl),
            compiler(&store, "zig 1", gnu(31)),
            compiler(&store, "zig 1", gnu(36)),
        ];
        assert!(!others.contains(&first));
        assert_ne!(others[1], others[2]);
    }
}
