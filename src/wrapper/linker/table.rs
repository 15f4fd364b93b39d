//! The linker's options, and what each is to us.

/// What an option is to us.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// zig takes it as it is.
    Native(&'static str),
    /// zig takes it, and its value behind it.
    NativeValue(&'static str),
    /// An option of the compiler driver.
    Driver(&'static str),
    Library,
    Folder,
    Keyword,
    Emulation,
    VersionScript,
    Format,
    State(fn(&mut State)),
    Push,
    Pop,
    Version,
    Ignored,
    IgnoredValue,
    CarriedValue,
    Refused,
}

/// How the libraries that follow are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    pub(super) needed: bool,
    pub(super) whole: bool,
    pub(super) fixed: bool,
}

/// Options by their names without dashes; sorted by nothing, looked through once a word.
const OPTIONS: &[(&str, Kind)] = &[
    ("as-needed", Kind::State(|state| state.needed = false)),
    ("no-as-needed", Kind::State(|state| state.needed = true)),
    ("whole-archive", Kind::State(|state| state.whole = true)),
    ("no-whole-archive", Kind::State(|state| state.whole = false)),
    ("Bstatic", Kind::State(|state| state.fixed = true)),
    ("static", Kind::State(|state| state.fixed = true)),
    ("dn", Kind::State(|state| state.fixed = true)),
    ("non_shared", Kind::State(|state| state.fixed = true)),
    ("Bdynamic", Kind::State(|state| state.fixed = false)),
    ("dy", Kind::State(|state| state.fixed = false)),
    ("call_shared", Kind::State(|state| state.fixed = false)),
    ("push-state", Kind::Push),
    ("pop-state", Kind::Pop),
    ("library", Kind::Library),
    ("library-path", Kind::Folder),
    ("pie", Kind::Driver("-pie")),
    ("pic-executable", Kind::Driver("-pie")),
    ("no-pie", Kind::Driver("-no-pie")),
    ("shared", Kind::Driver("-shared")),
    ("Bshareable", Kind::Driver("-shared")),
    ("relocatable", Kind::Driver("-r")),
    ("soname", Kind::NativeValue("-soname")),
    ("rpath", Kind::NativeValue("-rpath")),
    ("entry", Kind::NativeValue("-e")),
    ("undefined", Kind::NativeValue("-u")),
    // GNU ld fails where such a symbol is defined nowhere; lld has nothing that does.
    ("require-defined", Kind::NativeValue("-u")),
    ("dynamic-linker", Kind::NativeValue("-dynamic-linker")),
    ("hash-style", Kind::NativeValue("--hash-style")),
    ("sort-section", Kind::NativeValue("--sort-section")),
    (
        "compress-debug-sections",
        Kind::NativeValue("--compress-debug-sections"),
    ),
    ("version-script", Kind::VersionScript),
    ("undefined-version", Kind::Native("--undefined-version")),
    (
        "no-undefined-version",
        Kind::Native("--no-undefined-version"),
    ),
    ("gc-sections", Kind::Native("--gc-sections")),
    ("no-gc-sections", Kind::Native("--no-gc-sections")),
    ("print-gc-sections", Kind::Native("--print-gc-sections")),
    ("no-undefined", Kind::Native("--no-undefined")),
    (
        "allow-shlib-undefined",
        Kind::Native("--allow-shlib-undefined"),
    ),
    (
        "no-allow-shlib-undefined",
        Kind::Native("--no-allow-shlib-undefined"),
    ),
    ("enable-new-dtags", Kind::Native("--enable-new-dtags")),
    ("disable-new-dtags", Kind::Native("--disable-new-dtags")),
    ("eh-frame-hdr", Kind::Native("--eh-frame-hdr")),
    ("no-eh-frame-hdr", Kind::Native("--no-eh-frame-hdr")),
    ("Bsymbolic", Kind::Native("-Bsymbolic")),
    ("export-dynamic", Kind::Native("--export-dynamic")),
    ("strip-all", Kind::Native("-s")),
    ("discard-all", Kind::Native("-x")),
    ("version", Kind::Version),
    ("format", Kind::Format),
    // lld remembers what is in the archives it has seen, so groups change nothing.
    ("start-group", Kind::Ignored),
    ("end-group", Kind::Ignored),
    ("(", Kind::Ignored),
    (")", Kind::Ignored),
    // The place among the inputs is what these are about, and zig keeps none.
    ("start-lib", Kind::Refused),
    ("end-lib", Kind::Refused),
    // gcc's plug-in for its own link-time optimisation.
    ("plugin", Kind::IgnoredValue),
    ("plugin-opt", Kind::IgnoredValue),
    // lld looks for the libraries of libraries nowhere.
    ("rpath-link", Kind::IgnoredValue),
    ("copy-dt-needed-entries", Kind::Ignored),
    ("add-needed", Kind::Ignored),
    ("no-add-needed", Kind::Ignored),
    // lld has one way to do these.
    ("accept-unknown-input-arch", Kind::Ignored),
    ("check-sections", Kind::Ignored),
    ("disable-multiple-abs-defs", Kind::Ignored),
    ("gpsize", Kind::IgnoredValue),
    ("hash-size", Kind::IgnoredValue),
    ("no-accept-unknown-input-arch", Kind::Ignored),
    ("no-define-common", Kind::Ignored),
    ("no-keep-memory", Kind::Ignored),
    ("no-strip-discarded", Kind::Ignored),
    ("no-threads", Kind::Ignored),
    ("nostdlib", Kind::Ignored),
    ("reduce-memory-overheads", Kind::Ignored),
    ("sort-common", Kind::Ignored),
    ("spare-dynamic-tags", Kind::IgnoredValue),
    ("split-by-file", Kind::Ignored),
    ("split-by-reloc", Kind::Ignored),
    ("stats", Kind::Ignored),
    ("thread-count", Kind::IgnoredValue),
    ("traditional-format", Kind::Ignored),
    // Warnings that lld does not have.
    ("no-warn-execstack", Kind::Ignored),
    ("no-warn-mismatch", Kind::Ignored),
    ("no-warn-rwx-segments", Kind::Ignored),
    ("no-warn-search-mismatch", Kind::Ignored),
    ("warn-alternate-em", Kind::Ignored),
    ("warn-common", Kind::Ignored),
    ("warn-constructors", Kind::Ignored),
    ("warn-execstack", Kind::Ignored),
    ("warn-multiple-gp", Kind::Ignored),
    ("warn-once", Kind::Ignored),
    ("warn-rwx-segments", Kind::Ignored),
    ("warn-section-align", Kind::Ignored),
    ("warn-shared-textrel", Kind::Ignored),
    ("warn-textrel", Kind::Ignored),
    // Options of lld's with a value that may be the next word.
    ("Map", Kind::CarriedValue),
    ("Tbss", Kind::CarriedValue),
    ("Tdata", Kind::CarriedValue),
    ("Ttext", Kind::CarriedValue),
    ("Ttext-segment", Kind::CarriedValue),
    ("auxiliary", Kind::CarriedValue),
    ("default-script", Kind::CarriedValue),
    ("defsym", Kind::CarriedValue),
    ("dependency-file", Kind::CarriedValue),
    ("dynamic-list", Kind::CarriedValue),
    ("exclude-libs", Kind::CarriedValue),
    ("export-dynamic-symbol", Kind::CarriedValue),
    ("export-dynamic-symbol-list", Kind::CarriedValue),
    ("filter", Kind::CarriedValue),
    ("fini", Kind::CarriedValue),
    ("init", Kind::CarriedValue),
    ("just-symbols", Kind::CarriedValue),
    ("mllvm", Kind::CarriedValue),
    ("oformat", Kind::CarriedValue),
    ("orphan-handling", Kind::CarriedValue),
    ("package-metadata", Kind::CarriedValue),
    ("remap-inputs", Kind::CarriedValue),
    ("reproduce", Kind::CarriedValue),
    ("retain-symbols-file", Kind::CarriedValue),
    ("script", Kind::CarriedValue),
    ("section-start", Kind::CarriedValue),
    ("symbol-ordering-file", Kind::CarriedValue),
    ("trace-symbol", Kind::CarriedValue),
    ("unresolved-symbols", Kind::CarriedValue),
    ("wrap", Kind::CarriedValue),
];

/// Options of one letter, whose value is in the same word or in the next.
fn letter(letter: u8) -> Option<Kind> {
    Some(match letter {
        b'l' => Kind::Library,
        b'L' => Kind::Folder,
        b'z' => Kind::Keyword,
        b'm' => Kind::Emulation,
        b'b' => Kind::Format,
        b'h' => Kind::NativeValue("-soname"),
        b'R' => Kind::NativeValue("-rpath"),
        b'e' => Kind::NativeValue("-e"),
        b'u' => Kind::NativeValue("-u"),
        b'I' => Kind::NativeValue("-dynamic-linker"),
        b'G' | b'a' | b'A' | b'c' | b'Y' => Kind::IgnoredValue,
        b'T' | b'y' | b'f' | b'F' => Kind::CarriedValue,
        _ => return None,
    })
}

/// Options of one letter without a value. lld's own `-O` is what zig chooses.
fn flag(word: &str) -> Option<Kind> {
    Some(match word {
        "-E" => Kind::Native("--export-dynamic"),
        "-s" => Kind::Native("-s"),
        "-x" => Kind::Native("-x"),
        "-r" | "-i" | "-Ur" => Kind::Driver("-r"),
        "-O" | "-d" | "-dc" | "-dp" | "-g" | "-Qy" | "-qmagic" => Kind::Ignored,
        _ if word.starts_with("-O") => Kind::Ignored,
        _ => return None,
    })
}

/// Keywords of `-z` that zig knows; it refuses the others.
pub(super) const KEYWORDS: [&str; 11] = [
    "defs",
    "lazy",
    "nocopyreloc",
    "nodelete",
    "noexecstack",
    "norelro",
    "notext",
    "now",
    "origin",
    "relro",
    "undefs",
];

/// Keywords of `-z` with a value that zig knows.
pub(super) const KEYWORDS_WITH_VALUES: [&str; 3] =
    ["stack-size=", "common-page-size=", "max-page-size="];

/// Keywords of `-z` that are about one architecture's instructions. GNU ld passes over them on the
/// others, lld refuses them there.
pub(super) const KEYWORDS_OF: [(&[&str], &[&str]); 2] = [
    (
        &["amd64", "386"],
        &["cet-report", "force-ibt", "ibt", "ibtplt", "shstk"],
    ),
    (
        &["arm64"],
        &[
            "bti-report",
            "force-bti",
            "gcs",
            "gcs-report",
            "pac-plt",
            "pauth-report",
        ],
    ),
];

/// What a word is, and its value where that is in the same word.
pub(super) fn kind(word: &str) -> Option<(Kind, Option<&str>)> {
    let long = word.strip_prefix("--").or_else(|| word.strip_prefix('-'))?;
    let (name, value) = match long.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (long, None),
    };
    if let Some((_, kind)) = OPTIONS.iter().find(|(known, _)| *known == name) {
        return Some((*kind, value));
    }
    if word.starts_with("--") {
        return None;
    }
    if let Some(kind) = flag(word) {
        return Some((kind, None));
    }
    // `-export-dynamic` was found above, so what is left of several letters has its value joined.
    let first = long.as_bytes().first()?;
    let kind = letter(*first).filter(|_| !is_long(long))?;
    let joined = &long[1..];
    Some((kind, Some(joined).filter(|value| !value.is_empty())))
}

/// Options of lld's that begin like one of a letter, where a single dash will do for them.
fn is_long(name: &str) -> bool {
    [
        "emit-relocs",
        "error-limit",
        "fatal-warnings",
        "fix-cortex",
        "apply-dynamic-relocs",
    ]
    .iter()
    .chain(
        [
            "allow-multiple-definition",
            "lto-",
            "unique",
            "cref",
            "color-diagnostics",
        ]
        .iter(),
    )
    .chain(
        [
            "build-id",
            "be8",
            "image-base",
            "icf",
            "ignore-",
            "max-cache-size",
        ]
        .iter(),
    )
    .any(|known| name.starts_with(known))
}

/// Whether an option has a value, in the same word or in the next.
pub(super) fn takes_value(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::NativeValue(_)
            | Kind::Library
            | Kind::Folder
            | Kind::Keyword
            | Kind::Emulation
            | Kind::VersionScript
            | Kind::Format
            | Kind::IgnoredValue
            | Kind::CarriedValue
    )
}
