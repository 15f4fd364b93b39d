//! The verifier for hosts that have neither `gpgv` nor `sqv`.
//!
//! A release is believed when one signature is good: made by a key of the keyring that could sign
//! at that time, strong, not expired, and not of the future. Signatures by unknown keys are passed
//! over, as archives sign with the keys of two releases at once. A wrong signature by a known key
//! is an error whatever the others are. docs/debian.md states all of it for users.

use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{
    Packet, PacketParser, Signature, SignatureType, SignatureVersion, SubpacketData,
};
use pgp::types::{KeyDetails, Timestamp};

use super::certificate::{Certificate, expired, parse};
use super::{Error, Keyring, Signed, packets};
use crate::debian::release::Date;

/// How far ahead of ours the signer's clock may be, in seconds.
pub(super) const SKEW: i64 = 300;

/// More signatures than any archive makes.
const MOST: usize = 64;

/// What one signature is worth.
enum Verdict {
    Good(String),
    Refused(String),
    Unknown(String),
    Wrong(String),
}

/// The keys whose signatures are good.
pub(super) fn judge(signed: &Signed, keyring: &Keyring, now: Date) -> Result<Vec<String>, Error> {
    let certificates = parse(keyring.certificates());
    if certificates.is_empty() {
        return Err(Error::NoKeys {
            keyring: keyring.name().to_owned(),
            reason: "none of its keys can be read",
        });
    }
    let (mut good, mut refused, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
    for signature in signatures(signed)? {
        let verdict = match &signature {
            Some(signature) => weigh(signature, &signed.data, &certificates, keyring, now),
            None => Verdict::Unknown("a key of an unknown kind".to_owned()),
        };
        match verdict {
            Verdict::Good(signer) => good.push(signer),
            Verdict::Refused(reason) => refused.push(reason),
            Verdict::Unknown(signer) => unknown.push(signer),
            Verdict::Wrong(signer) => return Err(Error::Wrong { signer }),
        }
    }
    match (good.is_empty(), refused.is_empty()) {
        (false, _) => Ok(good),
        (true, false) => Err(Error::Refused { reasons: refused }),
        (true, true) => Err(Error::Unknown {
            signers: unknown,
            keyring: keyring.name().to_owned(),
        }),
    }
}

/// The keys that are said to have signed, if none of them is in the keyring.
pub(super) fn strangers(signed: &Signed, keyring: &Keyring) -> Result<Option<Vec<String>>, Error> {
    let certificates = parse(keyring.certificates());
    let mut names = Vec::new();
    for signature in signatures(signed)?.into_iter().flatten() {
        if !candidates(&signature, &certificates, keyring).is_empty() {
            return Ok(None);
        }
        names.push(issuer(&signature));
    }
    Ok((!names.is_empty()).then_some(names))
}

/// Whether a digest is still hard to forge.
pub(super) fn is_strong(hash: HashAlgorithm) -> bool {
    matches!(
        hash,
        HashAlgorithm::Sha256
            | HashAlgorithm::Sha384
            | HashAlgorithm::Sha512
            | HashAlgorithm::Sha3_256
            | HashAlgorithm::Sha3_512
    )
}

/// The signatures; `None` stands for one that can't be read, such as one of a future version.
fn signatures(signed: &Signed) -> Result<Vec<Option<Signature>>, Error> {
    let framework = |reason| Error::Framework { reason };
    let packets = packets::split(&signed.signatures)
        .ok_or_else(|| framework("its signature is not a run of OpenPGP packets"))?;
    if packets.is_empty() {
        return Err(Error::Unsigned);
    }
    if packets.len() > MOST {
        return Err(framework("it has more than 64 signatures"));
    }
    let mut signatures = Vec::new();
    for (kind, range) in packets {
        if kind != packets::SIGNATURE {
            return Err(framework(
                "something other than signatures is in their place",
            ));
        }
        let packet = PacketParser::new(&signed.signatures[range]).next();
        signatures.push(match packet {
            Some(Ok(Packet::Signature(signature))) if signature.config().is_some() => {
                Some(signature)
            }
            _ => None,
        });
    }
    Ok(signatures)
}

fn weigh(
    signature: &Signature,
    data: &[u8],
    certificates: &[Certificate],
    keyring: &Keyring,
    now: Date,
) -> Verdict {
    let candidates = candidates(signature, certificates, keyring);
    let Some(first) = candidates.first() else {
        return Verdict::Unknown(issuer(signature));
    };
    let name = first.fingerprint();
    let at = match acceptable(signature, now) {
        Ok(at) => at,
        Err(reason) => return Verdict::Refused(format!("that by `{name}` {reason}")),
    };
    for candidate in &candidates {
        if !candidate.verifies(signature, data) {
            continue;
        }
        let name = candidate.fingerprint();
        return match candidate.refuse(at) {
            None => Verdict::Good(name),
            Some(reason) => Verdict::Refused(format!("key `{name}` {reason}")),
        };
    }
    Verdict::Wrong(name)
}

/// When it was made, or why it can't count whoever made it.
fn acceptable(signature: &Signature, now: Date) -> Result<Timestamp, &'static str> {
    if !matches!(
        signature.version(),
        SignatureVersion::V4 | SignatureVersion::V6
    ) {
        return Err("is of a version other than 4 and 6");
    }
    if !matches!(
        signature.typ(),
        Some(SignatureType::Binary | SignatureType::Text)
    ) {
        return Err("is not made over a document");
    }
    if !signature.hash_alg().is_some_and(is_strong) {
        return Err("uses a digest weaker than SHA-256");
    }
    let critical = |data: &SubpacketData| {
        matches!(
            data,
            SubpacketData::Other(..) | SubpacketData::Experimental(..) | SubpacketData::Notation(_)
        )
    };
    if let Some(config) = signature.config()
        && config
            .hashed_subpackets()
            .any(|subpacket| subpacket.is_critical && critical(&subpacket.data))
    {
        return Err("has a condition that is not understood");
    }
    let created = signature.created().ok_or("has no date")?;
    if i64::from(created.as_secs()) > now.0 + SKEW {
        return Err("is from the future");
    }
    let present = Timestamp::from_secs(u32::try_from(now.0.max(0)).unwrap_or(u32::MAX));
    if expired(signature, present) {
        return Err("has expired");
    }
    Ok(created)
}

/// A key of the keyring that a signature names: a certificate's primary key or a subkey.
struct Candidate<'c> {
    certificate: &'c Certificate,
    subkey: Option<usize>,
}

impl Candidate<'_> {
    fn fingerprint(&self) -> String {
        match self.subkey {
            None => fingerprint(&self.certificate.primary),
            Some(index) => fingerprint(&self.certificate.subkeys[index].0),
        }
    }

    fn verifies(&self, signature: &Signature, data: &[u8]) -> bool {
        match self.subkey {
            None => signature.verify(&self.certificate.primary, data).is_ok(),
            Some(index) => signature
                .verify(&self.certificate.subkeys[index].0, data)
                .is_ok(),
        }
    }

    fn refuse(&self, at: Timestamp) -> Option<&'static str> {
        match self.subkey {
            None => self.certificate.refuse_primary(at),
            Some(index) => self.certificate.refuse_subkey(index, at),
        }
    }
}

fn candidates<'c>(
    signature: &Signature,
    certificates: &'c [Certificate],
    keyring: &Keyring,
) -> Vec<Candidate<'c>> {
    let mut found = Vec::new();
    for certificate in certificates {
        let primary = fingerprint(&certificate.primary);
        if names(signature, &certificate.primary) && keyring.counts(&primary, &primary) {
            found.push(Candidate {
                certificate,
                subkey: None,
            });
        }
        for (index, (key, _)) in certificate.subkeys.iter().enumerate() {
            if names(signature, key) && keyring.counts(&fingerprint(key), &primary) {
                found.push(Candidate {
                    certificate,
                    subkey: Some(index),
                });
            }
        }
    }
    found
}

fn names(signature: &Signature, key: &impl KeyDetails) -> bool {
    let (id, fingerprint) = (key.legacy_key_id(), key.fingerprint());
    signature.issuer_key_id().contains(&&id)
        || signature.issuer_fingerprint().contains(&&fingerprint)
}

/// Who a signature says has made it.
fn issuer(signature: &Signature) -> String {
    if let Some(fingerprint) = signature.issuer_fingerprint().first() {
        return hex(fingerprint.as_bytes());
    }
    match signature.issuer_key_id().first() {
        Some(id) => hex(id.as_ref()),
        None => "nobody it names".to_owned(),
    }
}

fn fingerprint(key: &impl KeyDetails) -> String {
    hex(key.fingerprint().as_bytes())
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02X}");
    }
    text
}
