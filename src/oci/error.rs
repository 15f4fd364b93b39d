//! What can be wrong with image files.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::digest::{DiffId, Digest, Mismatch};
use crate::fault::{Exit, Fault, refused};

/// Why an image, a layer or an archive could not be read or written.
#[derive(Debug, Error)]
pub enum Error {
    /// The machine refused; the text names the file.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Bytes could not be read or decompressed.
    #[error("can't read {what}")]
    Read {
        /// Which bytes.
        what: String,
        /// The reason.
        source: io::Error,
    },
    /// A document is not JSON, or not the JSON it should be.
    #[error("{what} is malformed")]
    Json {
        /// Which document.
        what: String,
        /// Where in it and why.
        source: serde_json::Error,
    },
    /// A document says something that it must not say.
    #[error("{what}: {reason}")]
    Document {
        /// Which document.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A document or archive is larger than is read.
    #[error("{what} has {size} bytes: expected at most {limit}")]
    TooLarge {
        /// Which one.
        what: String,
        /// Its size.
        size: u64,
        /// The most that is read.
        limit: u64,
    },
    /// A path that should be a layout is not.
    #[error("`{}` is not an OCI image layout: {reason}", path.display())]
    NotALayout {
        /// The path.
        path: PathBuf,
        /// What is missing.
        reason: String,
    },
    /// The layout follows a specification that this program does not know.
    #[error("`{}` has layout version `{found}`: expected `1.x`", path.display())]
    LayoutVersion {
        /// The `oci-layout` file.
        path: PathBuf,
        /// What it says.
        found: String,
    },
    /// A directory to write a layout to holds other things.
    #[error("`{}` is neither empty nor an OCI image layout", path.display())]
    Occupied {
        /// The directory.
        path: PathBuf,
    },
    /// A descriptor names a blob that is not there.
    #[error("{place}: blob {digest} is missing")]
    MissingBlob {
        /// The layout or archive.
        place: String,
        /// The blob.
        digest: Digest,
    },
    /// A blob is not what its descriptor promises.
    #[error("{place}: blob {digest} is damaged")]
    Blob {
        /// The layout or archive.
        place: String,
        /// The blob.
        digest: Digest,
        /// The difference.
        source: Mismatch,
    },
    /// A layer's uncompressed bytes are not those that the config names.
    #[error("layer {layer}: diff ID mismatch: expected {expected}, computed {computed}")]
    DiffId {
        /// The layer's blob.
        layer: Digest,
        /// What the config promises.
        expected: DiffId,
        /// What the bytes have.
        computed: DiffId,
    },
    /// A layer or manifest is of a kind that this program does not read.
    #[error("{what} has media type `{media_type}`: expected {expected}")]
    MediaType {
        /// Which blob.
        what: String,
        /// Its media type.
        media_type: String,
        /// What is read.
        expected: &'static str,
    },
    /// A member of a tar stream that must not be there.
    #[error("{what}: member `{member}` {reason}")]
    Member {
        /// The layer or archive.
        what: String,
        /// The member's name.
        member: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A tar stream that breaks off or is not one.
    #[error("{what} is not a tar archive: {reason}")]
    Tar {
        /// The layer or archive.
        what: String,
        /// Where and why.
        reason: String,
    },
    /// An archive that must be decompressed first.
    #[error("`{}` is compressed: expected a plain tar archive", path.display())]
    Compressed {
        /// The archive.
        path: PathBuf,
        /// The program that decompresses it.
        program: &'static str,
    },
    /// A path that cannot be an entry of a layer.
    #[error("`{path}` can't be a path in an image: {reason}")]
    EntryPath {
        /// The path.
        path: String,
        /// Why.
        reason: &'static str,
    },
    /// Two different things should lie at one path.
    #[error("`/{path}` is given twice in the image: as {first} and as {second}")]
    Twice {
        /// The path.
        path: String,
        /// The one.
        first: String,
        /// The other.
        second: String,
    },
    /// A file lies where a folder is needed.
    #[error("`/{path}` can't be placed in the image: `/{parent}` is not a folder")]
    NotAFolder {
        /// The entry.
        path: String,
        /// Its parent.
        parent: String,
    },
    /// A file was written to while it was packed.
    #[error("`{}` changed while it was packed: expected {expected}, found {found}", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
        /// Its size or digest when packing began.
        expected: String,
        /// What was read.
        found: String,
    },
    /// A symlink leads back to itself.
    #[error("`/{path}` can't be resolved in the base: too many symbolic links")]
    LinkLoop {
        /// The path.
        path: String,
    },
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::Read { source, .. } if is_content(source) => Exit::Integrity,
            Self::Io(_) | Self::Read { .. } | Self::Changed { .. } => Exit::Io,
            Self::Occupied { .. }
            | Self::EntryPath { .. }
            | Self::Twice { .. }
            | Self::NotAFolder { .. } => Exit::Usage,
            Self::MissingBlob { .. }
            | Self::Blob { .. }
            | Self::DiffId { .. }
            | Self::Member { .. }
            | Self::Tar { .. } => Exit::Integrity,
            Self::Json { .. }
            | Self::Document { .. }
            | Self::TooLarge { .. }
            | Self::NotALayout { .. }
            | Self::LayoutVersion { .. }
            | Self::Compressed { .. }
            | Self::MediaType { .. }
            | Self::LinkLoop { .. } => Exit::Base,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Io(error) | Self::Read { source: error, .. } => refused(error),
            Self::Occupied { path } => Some(format!(
                "choose another folder: `-o type=oci-layout,dest={}`",
                path.join("image").display()
            )),
            Self::Changed { .. } => {
                Some("run the build again when nothing else writes to the file".to_owned())
            }
            Self::Compressed { path, program } => Some(format!(
                "`{program} -dk '{}'`, then name the result",
                path.display()
            )),
            _ => None,
        }
    }
}

/// Whether a decompressor, not the system, refused: what it got is not what it should be.
fn is_content(error: &io::Error) -> bool {
    use io::ErrorKind as E;
    matches!(
        error.kind(),
        E::InvalidInput | E::InvalidData | E::UnexpectedEof | E::Other
    )
}
