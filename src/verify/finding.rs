//! What an audit finds: kinds, severities, and where in the image.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::Digest;
use crate::fault::Exit;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; the image works.
    Note,
    /// It works today, or for most clients.
    Warning,
    /// The image is broken: it does not pull, does not start, or not on that platform.
    Error,
}

/// The part of the audit that a kind belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Documents, blobs and what they say of each other.
    Graph,
    /// Files and the platform.
    Machine,
    /// What the dynamic linker will do.
    Loading,
    /// What the container runtime will do.
    Start,
}

macro_rules! kinds {
    ($($class:ident { $($(#[doc = $doc:literal])+ $variant:ident = $code:literal,)+ })+) => {
        /// What can be wrong with an image. Each has a page under `docs/findings/`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $($($(#[doc = $doc])+ $variant,)+)+
        }

        impl Kind {
            /// Every kind, in the order of the documentation.
            pub const ALL: &[Self] = &[$($(Self::$variant,)+)+];

            /// The name in reports, in `--allow` and of the page.
            pub const fn code(self) -> &'static str {
                match self {
                    $($(Self::$variant => $code,)+)+
                }
            }

            /// What it means, in a sentence.
            pub const fn summary(self) -> &'static str {
                match self {
                    $($(Self::$variant => concat!($($doc),+).trim_ascii(),)+)+
                }
            }

            /// The part of the audit it belongs to.
            pub const fn class(self) -> Class {
                match self {
                    $($(Self::$variant)|+ => Class::$class,)+
                }
            }
        }
    };
}

kinds! {
    Graph {
        /// A blob that a document refers to is not there.
        BlobMissing = "blob-missing",
        /// A blob does not have the size that its descriptor says.
        BlobSize = "blob-size",
        /// A blob's bytes do not have the digest that names it.
        BlobDigest = "blob-digest",
        /// An index, a manifest or a config is not the JSON document that it should be.
        DocumentMalformed = "document-malformed",
        /// A document is larger than registries take.
        DocumentSize = "document-size",
        /// A document's own media type is not that of its descriptor, or one that clients do not read there.
        MediaType = "media-type",
        /// A layer's media type is none that container engines unpack.
        LayerMediaType = "layer-media-type",
        /// A layer is not compressed as its media type says.
        LayerCoding = "layer-coding",
        /// A layer can't be decompressed, or is no tar archive.
        LayerDamaged = "layer-damaged",
        /// A layer has a member that can't be unpacked, or that would leave the image.
        LayerMember = "layer-member",
        /// A layer's uncompressed bytes do not have the diff ID that the config names.
        DiffId = "diff-id",
        /// The config names more or fewer diff IDs than the manifest has layers.
        DiffIdCount = "diff-id-count",
        /// The config's history speaks of more or fewer layers than there are.
        HistoryLength = "history-length",
        /// The index and the config name different platforms.
        PlatformMismatch = "platform-mismatch",
        /// The platform has a variant that its architecture does not have, or lacks the one that it needs.
        PlatformVariant = "platform-variant",
        /// Two manifests are for the same platform: the second is never chosen.
        PlatformDuplicate = "platform-duplicate",
        /// No client asks for this platform: it is not written as Go writes it, or not at all.
        PlatformUnmatchable = "platform-unmatchable",
        /// An attestation speaks of a manifest that is not in the index.
        AttestationDangling = "attestation-dangling",
        /// An index has no manifests, or none that is an image.
        IndexEmpty = "index-empty",
        /// An index lies within an index: many clients do not look into it.
        IndexNested = "index-nested",
        /// A field of the config has a value that container engines refuse.
        ConfigField = "config-field",
    }
    Machine {
        /// A file is for another machine than its platform.
        Machine = "machine",
        /// A file is for another operating system.
        OsAbi = "os-abi",
        /// A file passes arguments in another way than its platform's libraries do.
        CallingConvention = "calling-convention",
        /// A file asks for more of the processor than the platform promises.
        CpuLevel = "cpu-level",
        /// An ELF file is cut off or contradicts itself.
        ElfDamaged = "elf-damaged",
        /// A program for Windows or macOS lies where programs are started from.
        ForeignFormat = "foreign-format",
        /// A file for another machine lies where nothing starts or loads it.
        ForeignData = "foreign-data",
        /// A program or library asks for an executable stack.
        ExecutableStack = "executable-stack",
        /// A program or library is changed in its code when it is loaded.
        TextRelocations = "text-relocations",
        /// A program always runs at one address.
        NotPositionIndependent = "not-position-independent",
        /// A program's tables stay writable while it runs.
        NoRelro = "no-relro",
    }
    Loading {
        /// The dynamic linker that a program asks for is not in the image.
        InterpreterMissing = "interpreter-missing",
        /// The dynamic linker that a program asks for is for another machine.
        InterpreterMachine = "interpreter-machine",
        /// A shared library that a program needs is not in the image.
        LibraryMissing = "library-missing",
        /// The library that the dynamic linker finds is for another machine.
        LibraryMachine = "library-machine",
        /// What lies where a library should be is not one.
        LibraryDamaged = "library-damaged",
        /// A library lacks a version of its symbols that a program was linked against.
        VersionMissing = "version-missing",
        /// No library defines a symbol that a program, or a library that it loads, needs.
        SymbolMissing = "symbol-missing",
        /// A program would have two C libraries at once.
        TwoLibcs = "two-libcs",
        /// A library that a program says it may load while it runs is not in the image.
        DlopenMissing = "dlopen-missing",
    }
    Start {
        /// The image says no program to start.
        StartUnset = "start-unset",
        /// The program to start is not in the image, or not on its `PATH`.
        StartNotFound = "start-not-found",
        /// What should be started is a folder, a device, or a link that leads nowhere.
        StartNotAFile = "start-not-a-file",
        /// The configured user may not execute the program to start.
        StartNotExecutable = "start-not-executable",
        /// What should be started is neither a program nor a script.
        StartFormat = "start-format",
        /// The first line of a script names an interpreter that is not in the image.
        ScriptInterpreter = "script-interpreter",
        /// The first line of a script is one that the kernel does not follow as it was meant.
        ScriptLine = "script-line",
        /// The working directory is not one.
        WorkingDirectory = "working-directory",
        /// The configured user is not in the image's `/etc/passwd`.
        UserUnknown = "user-unknown",
        /// The configured group is not in the image's `/etc/group`.
        GroupUnknown = "group-unknown",
        /// The image sets no `PATH`.
        PathUnset = "path-unset",
        /// The program looks for certificates, and the image has none.
        CertificatesMissing = "certificates-missing",
        /// The program looks for time zones, and the image has none.
        TimeZonesMissing = "time-zones-missing",
    }
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What it is.
    pub kind: Kind,
    /// How bad it is here.
    pub severity: Severity,
    /// The platform as the image spells it; `None` for what concerns the whole image.
    pub platform: Option<String>,
    /// The path in the image, from the root; or the blob, or the field of a document.
    pub subject: Subject,
    /// The layer that brought the file.
    pub layer: Option<Layer>,
    /// What should be.
    pub expected: String,
    /// What is.
    pub found: String,
    /// The command or the line that mends it.
    pub hint: Option<String>,
}

/// What a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Subject {
    /// A file of the image, with its path from the root without a slash in front.
    File(String),
    /// A blob.
    Blob(Digest),
    /// A part of a document, as `config: Env`.
    Field(String),
}

/// A layer as a reader of the report would look for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Its place, the lowest is 1.
    pub number: usize,
    /// How many there are.
    pub of: usize,
    /// The digest of its blob.
    pub digest: String,
    /// Whether it is the base image's; `None` where that is not known.
    pub base: Option<bool>,
    /// What made it, as the image's history says.
    pub created_by: Option<String>,
}

impl Kind {
    /// The page about it, from the root of the repository.
    pub fn page(self) -> String {
        format!("docs/findings/{}.md", self.code())
    }

    /// The exit code of an audit that fails for it.
    pub const fn exit(self) -> Exit {
        match self.class() {
            Class::Graph => Exit::Integrity,
            Class::Machine | Class::Loading | Class::Start => Exit::Mismatch,
        }
    }
}

impl Severity {
    /// As reports have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "/{path}"),
            Self::Blob(digest) => write!(f, "{digest}"),
            Self::Field(field) => f.write_str(field),
        }
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = String::deserialize(deserializer)?;
        let kind = Self::ALL.iter().find(|kind| kind.code() == code);
        kind.copied()
            .ok_or_else(|| serde::de::Error::custom(format!("no kind is called `{code}`")))
    }
}
