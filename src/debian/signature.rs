//! Signatures of releases: `InRelease`, or `Release` with `Release.gpg`.
//!
//! Comes in: the file and a [`Keyring`]. Goes out: the [`Verified`] text, byte for byte what a good
//! signature covers. The cleartext framework (RFC 9580 section 7) is taken apart here, and each
//! verifier is given the text and the signatures as two files: what it has judged is then what we
//! read, however it would have understood the whole.
//!
//! `gpgv` or `sqv` judge where one is there, as for apt itself; else this program does, by a policy
//! that docs/debian.md states and `policy` holds.

mod armor;
mod certificate;
mod cleartext;
mod error;
mod keyring;
mod packets;
mod policy;
mod program;

pub use error::Error;
pub use keyring::Keyring;

use super::release::Date;
use crate::digest::{Digest, Recipe};
use crate::process;

/// Changes whenever the policy or the form of the text does, so that what was accepted under an
/// older one is looked at again.
pub const POLICY: &str = "1";

/// The largest release file that is read.
pub const LARGEST: u64 = 16 * 1024 * 1024;

/// Who judges signatures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verifier {
    /// `gpgv`, else `sqv`, whichever is on `PATH`; else this program.
    #[default]
    Any,
    /// GnuPG's `gpgv`.
    Gpgv,
    /// Sequoia's `sqv`.
    Sqv,
    /// This program.
    Own,
}

/// Text that a good signature covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The text, with lines that end in a newline and no white space at their ends.
    pub text: Vec<u8>,
    /// The fingerprints of the keys whose signatures were found good, upper-case hex.
    pub signers: Vec<String>,
}

/// What is to be verified: text and the signatures beside it.
struct Signed {
    /// What the signatures were made over.
    data: Vec<u8>,
    /// Signature packets.
    signatures: Vec<u8>,
}

/// Verifies an `InRelease`.
pub fn verify(
    inrelease: &[u8],
    keyring: &Keyring,
    verifier: Verifier,
    now: Date,
) -> Result<Verified, Error> {
    let (text, armored) = cleartext::split(inrelease)?;
    let signed = Signed {
        data: cleartext::canonical(&text),
        signatures: armor::one(armored, armor::SIGNATURE).ok_or(Error::Framework {
            reason: "its signature is not armored as it should be",
        })?,
    };
    let signers = judge(&signed, keyring, verifier, now)?;
    Ok(Verified { text, signers })
}

/// Verifies a `Release` by the `Release.gpg` beside it.
pub fn verify_detached(
    release: &[u8],
    signature: &[u8],
    keyring: &Keyring,
    verifier: Verifier,
    now: Date,
) -> Result<Verified, Error> {
    let signatures = if armor::is_armored(signature) {
        armor::one(signature, armor::SIGNATURE).ok_or(Error::Framework {
            reason: "its signature is not armored as it should be",
        })?
    } else {
        signature.to_vec()
    };
    let signed = Signed {
        data: release.to_vec(),
        signatures,
    };
    let signers = judge(&signed, keyring, verifier, now)?;
    Ok(Verified {
        text: signed.data,
        signers,
    })
}

/// The text of an `InRelease` without a look at its signatures, for archives that the user trusts
/// without any.
pub fn unverified(inrelease: &[u8]) -> Result<Vec<u8>, Error> {
    cleartext::split(inrelease).map(|(text, _)| text)
}

/// Names what was verified, by whom and by which policy.
pub fn key(parts: &[&[u8]], keyring: &Keyring, verifier: Verifier) -> Digest {
    let mut recipe = Recipe::new("debian-release")
        .with(POLICY)
        .with(format!("{verifier:?}"))
        .with(keyring.digest().hex());
    for part in parts {
        recipe = recipe.with(Digest::of(part).hex());
    }
    recipe.finish()
}

fn judge(
    signed: &Signed,
    keyring: &Keyring,
    verifier: Verifier,
    now: Date,
) -> Result<Vec<String>, Error> {
    let found = |name: &'static str| process::find(name).ok_or(Error::NoProgram { name });
    match verifier {
        Verifier::Gpgv => program::gpgv(&found("gpgv")?, signed, keyring, now),
        Verifier::Sqv => program::sqv(&found("sqv")?, signed, keyring),
        Verifier::Own => policy::judge(signed, keyring, now),
        Verifier::Any => match (process::find("gpgv"), process::find("sqv")) {
            (Some(gpgv), _) => program::gpgv(&gpgv, signed, keyring, now),
            // It does not tell which key signed, so a choice among keys is beyond it.
            (None, Some(sqv)) if !keyring.is_restricted() => program::sqv(&sqv, signed, keyring),
            (None, _) => policy::judge(signed, keyring, now),
        },
    }
}

#[cfg(test)]
#[path = "../../tests/support/openpgp.rs"]
mod openpgp;
#[cfg(test)]
mod tests;
