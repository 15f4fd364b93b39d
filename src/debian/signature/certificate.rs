//! Certificates, and whether one of their keys may have signed at a given moment.
//!
//! RFC 9580 sections 5.2.3 and 10.1. The library that parses and computes applies no policy, so
//! what a certificate says about itself is weighed here: each self-signature is checked, and of
//! those made before the moment in question the latest counts.

use pgp::packet::{
    Packet, PacketParser, PublicKey, PublicSubkey, RevocationCode, Signature, SignatureType,
    SubpacketData, UserId,
};
use pgp::ser::Serialize;
use pgp::types::{KeyDetails, KeyVersion, PublicParams, Tag, Timestamp};

use super::packets::{self, PUBLIC_KEY, PUBLIC_SUBKEY, SIGNATURE, USER_ATTRIBUTE, USER_ID};
use super::policy::is_strong;

/// Keys of fewer bits are too weak.
const RSA_BITS: u16 = 2048;

/// A primary key with what belongs to it.
pub(super) struct Certificate {
    pub(super) primary: PublicKey,
    /// Signatures on the primary key itself.
    own: Vec<Signature>,
    users: Vec<(UserId, Vec<Signature>)>,
    pub(super) subkeys: Vec<(PublicSubkey, Vec<Signature>)>,
}

/// Where the signatures that follow a packet go.
enum Last {
    Primary,
    User,
    Subkey,
    /// A packet that could not be read or does not matter.
    Nothing,
}

/// The certificates of a keyring. What can't be read is left out: a key of tomorrow must not keep
/// the others from counting.
pub(super) fn parse(keyring: &[u8]) -> Vec<Certificate> {
    let mut certificates: Vec<Certificate> = Vec::new();
    let mut last = Last::Nothing;
    let mut open = false;
    for (kind, range) in packets::split(keyring).unwrap_or_default() {
        let packet = PacketParser::new(&keyring[range]).next();
        let packet = packet.and_then(Result::ok);
        if kind == PUBLIC_KEY {
            (open, last) = (false, Last::Nothing);
            if let Some(Packet::PublicKey(primary)) = packet {
                certificates.push(Certificate::new(primary));
                (open, last) = (true, Last::Primary);
            }
            continue;
        }
        let Some(certificate) = certificates.last_mut().filter(|_| open) else {
            continue;
        };
        match (kind, packet) {
            (USER_ID, Some(Packet::UserId(user))) => {
                certificate.users.push((user, Vec::new()));
                last = Last::User;
            }
            (PUBLIC_SUBKEY, Some(Packet::PublicSubkey(key))) => {
                certificate.subkeys.push((key, Vec::new()));
                last = Last::Subkey;
            }
            (USER_ID | USER_ATTRIBUTE | PUBLIC_SUBKEY, _) => last = Last::Nothing,
            (SIGNATURE, Some(Packet::Signature(signature))) => match last {
                Last::Primary => certificate.own.push(signature),
                Last::User => certificate.users.last_mut().into_iter().for_each(|user| {
                    user.1.push(signature.clone());
                }),
                Last::Subkey => certificate.subkeys.last_mut().into_iter().for_each(|key| {
                    key.1.push(signature.clone());
                }),
                Last::Nothing => {}
            },
            // Padding, markers, GnuPG's trust.
            _ => {}
        }
    }
    certificates
}

impl Certificate {
    fn new(primary: PublicKey) -> Self {
        Self {
            primary,
            own: Vec::new(),
            users: Vec::new(),
            subkeys: Vec::new(),
        }
    }

    /// Why the primary key could not sign at that moment, if it could not.
    pub(super) fn refuse_primary(&self, at: Timestamp) -> Option<&'static str> {
        self.refuse_certificate(at).or_else(|| {
            let signs = self
                .effective(at)
                .iter()
                .find_map(|signature| signs(signature));
            (signs != Some(true)).then_some("is not for signing")
        })
    }

    /// The same of a subkey.
    pub(super) fn refuse_subkey(&self, index: usize, at: Timestamp) -> Option<&'static str> {
        let (key, signatures) = &self.subkeys[index];
        if let Some(reason) = self.refuse_certificate(at) {
            return Some(reason);
        }
        if let Some(reason) = refuse_key(key, at) {
            return Some(reason);
        }
        let bound =
            |signature: &&Signature| signature.verify_subkey_binding(&self.primary, key).is_ok();
        let revoked = signatures
            .iter()
            .filter(|signature| signature.typ() == Some(SignatureType::SubkeyRevocation))
            .filter(bound)
            .any(|signature| revokes(signature, at));
        if revoked {
            return Some("is revoked");
        }
        let binding = signatures
            .iter()
            .filter(|signature| signature.typ() == Some(SignatureType::SubkeyBinding))
            .filter(|signature| counts(signature, at))
            .filter(bound)
            .max_by_key(|signature| signature.created());
        let Some(binding) = binding else {
            return Some("is not bound to its certificate");
        };
        if signs(binding) != Some(true) {
            return Some("is not for signing");
        }
        let agreed = binding.embedded_signature().is_some_and(|back| {
            counts(back, at) && back.verify_primary_key_binding(key, &self.primary).is_ok()
        });
        if !agreed {
            return Some("has not agreed to belong to its certificate");
        }
        ended(key, binding, at).then_some("had expired")
    }

    /// Why no key of the certificate counts at that moment.
    fn refuse_certificate(&self, at: Timestamp) -> Option<&'static str> {
        if let Some(reason) = refuse_key(&self.primary, at) {
            return Some(reason);
        }
        let revoked = self
            .own
            .iter()
            .filter(|signature| signature.typ() == Some(SignatureType::KeyRevocation))
            .filter(|signature| signature.verify_key(&self.primary).is_ok())
            .any(|signature| revokes(signature, at));
        if revoked {
            return Some("is revoked");
        }
        let effective = self.effective(at);
        if effective.is_empty() {
            return Some("has no valid signature of its own");
        }
        effective
            .iter()
            .any(|signature| ended(&self.primary, signature, at))
            .then_some("had expired")
    }

    /// The self-signatures that tell about the primary key at that moment, first the one that
    /// counts more: of version 4 that on the primary user ID, then the one on the key itself; of
    /// version 6 only the latter (section 10.1.1).
    fn effective(&self, at: Timestamp) -> Vec<&Signature> {
        let direct = self
            .own
            .iter()
            .filter(|signature| signature.typ() == Some(SignatureType::Key))
            .filter(|signature| counts(signature, at))
            .filter(|signature| signature.verify_key(&self.primary).is_ok())
            .max_by_key(|signature| signature.created());
        if self.primary.version() == KeyVersion::V6 {
            return direct.into_iter().collect();
        }
        let user = self
            .users
            .iter()
            .filter_map(|(user, signatures)| self.certification(user, signatures, at))
            .max_by_key(|signature| (signature.is_primary(), signature.created()));
        user.into_iter().chain(direct).collect()
    }

    /// The latest self-signature on a user ID, unless it was revoked since.
    fn certification<'s>(
        &self,
        user: &UserId,
        signatures: &'s [Signature],
        at: Timestamp,
    ) -> Option<&'s Signature> {
        signatures
            .iter()
            .filter(|signature| {
                signature.is_certification()
                    || signature.typ() == Some(SignatureType::CertRevocation)
            })
            .filter(|signature| counts(signature, at))
            .filter(|signature| {
                signature
                    .verify_certification(&self.primary, Tag::UserId, user)
                    .is_ok()
            })
            // Of two of the same second the revocation counts.
            .max_by_key(|signature| (signature.created(), !signature.is_certification()))
            .filter(|signature| signature.is_certification())
    }
}

/// Whether a self-signature is strong and was made by then.
fn counts(signature: &Signature, at: Timestamp) -> bool {
    signature.hash_alg().is_some_and(is_strong)
        && signature.created().is_some_and(|created| created <= at)
        && !expired(signature, at)
}

/// Whether a signature has an end, and it has come.
pub(super) fn expired(signature: &Signature, at: Timestamp) -> bool {
    let created = signature.created().map_or(0, Timestamp::as_secs);
    signature
        .signature_expiration_time()
        .map(pgp::types::Duration::as_secs)
        .filter(|seconds| *seconds > 0)
        .is_some_and(|seconds| u64::from(created) + u64::from(seconds) <= u64::from(at.as_secs()))
}

/// Whether the key has an end by that signature, and it had come.
fn ended(key: &impl KeyDetails, signature: &Signature, at: Timestamp) -> bool {
    let created = u64::from(key.created_at().as_secs());
    signature
        .key_expiration_time()
        .map(pgp::types::Duration::as_secs)
        .filter(|seconds| *seconds > 0)
        .is_some_and(|seconds| created + u64::from(seconds) <= u64::from(at.as_secs()))
}

/// Whether a revocation counts: one that says the key was replaced or retired from its date on,
/// any other for all time.
fn revokes(signature: &Signature, at: Timestamp) -> bool {
    let soft = matches!(
        signature.revocation_reason_code(),
        Some(RevocationCode::KeySuperseded | RevocationCode::KeyRetired)
    );
    !soft || signature.created().is_none_or(|created| created <= at)
}

/// What the key flags say, where there are any.
fn signs(signature: &Signature) -> Option<bool> {
    let config = signature.config()?;
    config
        .hashed_subpackets()
        .find_map(|subpacket| match &subpacket.data {
            SubpacketData::KeyFlags(flags) => Some(flags.sign()),
            _ => None,
        })
}

/// Why a key can't be used whatever is said about it.
fn refuse_key(key: &impl KeyDetails, at: Timestamp) -> Option<&'static str> {
    if !matches!(key.version(), KeyVersion::V4 | KeyVersion::V6) {
        return Some("is of a version other than 4 and 6");
    }
    if key.created_at() > at {
        return Some("is younger than the signature");
    }
    match key.public_params() {
        PublicParams::RSA(parameters) => {
            // A multiprecision integer begins with its length in bits.
            let bytes = parameters.to_bytes().unwrap_or_default();
            let bits = bytes
                .first_chunk()
                .map_or(0, |bits| u16::from_be_bytes(*bits));
            (bits < RSA_BITS).then_some("is an RSA key of fewer than 2048 bits")
        }
        PublicParams::ECDSA(_) | PublicParams::EdDSALegacy(_) | PublicParams::Ed25519(_) => None,
        _ => Some("is of a kind other than RSA, ECDSA and Ed25519"),
    }
}
