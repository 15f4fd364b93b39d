//! What is wrong with documents and blobs, as findings have it.

use crate::digest::Mismatch;
use crate::oci;
use crate::verify::finding::{Finding, Kind, Severity, Subject};

/// How bad findings of the graph are: what clients pass over is a warning.
pub(in crate::verify) const fn severity(kind: Kind) -> Severity {
    match kind {
        Kind::DocumentSize
        | Kind::HistoryLength
        | Kind::PlatformVariant
        | Kind::PlatformDuplicate
        | Kind::PlatformUnmatchable
        | Kind::AttestationDangling
        | Kind::IndexNested => Severity::Warning,
        _ => Severity::Error,
    }
}

/// How documents that are wrong in themselves are made right.
pub(super) const fn way_out(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::BlobMissing | Kind::BlobSize | Kind::BlobDigest => {
            Some("copy the image again from where it is whole: `skopeo copy --all`")
        }
        Kind::PlatformDuplicate => {
            Some("`docker buildx imagetools create` with one manifest for each platform")
        }
        Kind::IndexEmpty => {
            Some("`docker buildx imagetools create` with the manifests that are meant")
        }
        Kind::AttestationDangling => {
            Some("push the image again with its attestations, or without: `--provenance=false`")
        }
        Kind::PlatformUnmatchable => {
            Some("`docker manifest annotate --os linux --arch …`, or build it with `--platform`")
        }
        _ => None,
    }
}

/// A finding about a part of a document.
pub(in crate::verify) fn field(
    kind: Kind,
    severity: Severity,
    field: &str,
    expected: &str,
    found: &str,
) -> Finding {
    Finding {
        kind,
        severity,
        platform: None,
        subject: Subject::Field(field.to_owned()),
        layer: None,
        expected: expected.to_owned(),
        found: found.to_owned(),
        hint: None,
    }
}

/// What a blob that can't be read means.
pub(in crate::verify) fn unreadable(error: &oci::Error) -> (Kind, String, String) {
    match error {
        oci::Error::MissingBlob { .. } => (
            Kind::BlobMissing,
            "a blob with this digest".to_owned(),
            "nothing".to_owned(),
        ),
        oci::Error::Blob { source, .. } => match source {
            Mismatch::Size { expected, found } => (
                Kind::BlobSize,
                format!("{expected} bytes, as its descriptor says"),
                format!("{found} bytes"),
            ),
            other @ Mismatch::Digest { .. } => (
                Kind::BlobDigest,
                "bytes with this digest".to_owned(),
                mismatch(other),
            ),
        },
        oci::Error::TooLarge { size, limit, .. } => (
            Kind::DocumentSize,
            format!("at most {limit} bytes"),
            format!("{size} bytes"),
        ),
        other => (
            Kind::BlobMissing,
            "a blob that can be read".to_owned(),
            cause(other),
        ),
    }
}

fn mismatch(mismatch: &Mismatch) -> String {
    match mismatch {
        Mismatch::Digest { computed, .. } => computed.to_string(),
        other @ Mismatch::Size { .. } => other.to_string(),
    }
}

/// The words of an error and of what caused it.
pub(in crate::verify) fn cause(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => source.to_string(),
        None => error.to_string(),
    }
}
