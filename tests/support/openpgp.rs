//! Keys made for a test, and what they sign. Used by the library's own tests, too.

use pgp::composed::{ArmorOptions, KeyType, SecretKeyParamsBuilder, SignedSecretKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Signature, SignatureConfig, SignatureType, Subpacket, SubpacketData};
use pgp::ser::Serialize;
use pgp::types::{KeyDetails, KeyVersion, Password, SigningKey, Timestamp};
use rand::rngs::OsRng;

/// When keys are made unless a test says otherwise: the beginning of 2024.
pub(crate) const MADE: u32 = 1_704_067_200;

/// A certificate with its secret key.
pub(crate) struct Signer {
    pub(crate) key: SignedSecretKey,
}

impl Signer {
    /// An Ed25519 key that may sign.
    pub(crate) fn new() -> Self {
        Self::of(KeyType::Ed25519Legacy, KeyVersion::V4)
    }

    /// A key of that kind and version that may sign.
    pub(crate) fn of(kind: KeyType, version: KeyVersion) -> Self {
        let parameters = SecretKeyParamsBuilder::default()
            .version(version)
            .key_type(kind)
            .created_at(Timestamp::from_secs(MADE))
            .can_sign(true)
            .can_certify(true)
            .primary_user_id("Archive <archive@archive.example>".to_owned())
            .build()
            .expect("parameters");
        let mut key = parameters.generate(OsRng).expect("a key");
        resign(&mut key, |subpackets| subpackets);
        Self { key }
    }

    /// The certificate in binary form.
    pub(crate) fn public(&self) -> Vec<u8> {
        self.key.to_public_key().to_bytes().expect("packets")
    }

    /// The certificate in armor.
    pub(crate) fn armored(&self) -> String {
        let options = ArmorOptions::default();
        self.key
            .to_public_key()
            .to_armored_string(options)
            .expect("armor")
    }

    pub(crate) fn fingerprint(&self) -> String {
        format!("{:X}", self.key.primary_key.fingerprint())
    }

    /// A message of the cleartext framework.
    pub(crate) fn clearsign(&self, text: &str, at: u32) -> String {
        clearsign(text, &[self.sign(text, at)])
    }

    /// A signature of the primary key over a text.
    pub(crate) fn sign(&self, text: &str, at: u32) -> Signature {
        sign(&self.key.primary_key, text, HashAlgorithm::Sha512, at, None)
    }
}

/// A signature over a text, which ends in a newline.
pub(crate) fn sign(
    key: &impl SigningKey,
    text: &str,
    hash: HashAlgorithm,
    at: u32,
    seconds: Option<u32>,
) -> Signature {
    let mut config = match key.version() {
        KeyVersion::V6 => {
            SignatureConfig::v6(OsRng, SignatureType::Text, key.algorithm(), hash).expect("a salt")
        }
        _ => SignatureConfig::v4(SignatureType::Text, key.algorithm(), hash),
    };
    let mut hashed = vec![
        SubpacketData::SignatureCreationTime(Timestamp::from_secs(at)),
        SubpacketData::IssuerFingerprint(key.fingerprint()),
    ];
    hashed.extend(seconds.map(|seconds| {
        SubpacketData::SignatureExpirationTime(pgp::types::Duration::from_secs(seconds))
    }));
    config.hashed_subpackets = regular(hashed);
    let data = text.trim_end_matches('\n').replace('\n', "\r\n");
    config
        .sign(key, &Password::empty(), data.as_bytes())
        .expect("a signature")
}

/// Puts a text and signatures together.
pub(crate) fn clearsign(text: &str, signatures: &[Signature]) -> String {
    let mut packets = Vec::new();
    for signature in signatures {
        pgp::packet::PacketTrait::to_writer_with_header(signature, &mut packets).expect("a packet");
    }
    let mut message = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n".to_owned();
    for line in text.lines() {
        let escape = if line.starts_with('-') { "- " } else { "" };
        message.extend([escape, line, "\n"]);
    }
    message + &armor(&packets)
}

/// A block of signatures.
pub(crate) fn armor(packets: &[u8]) -> String {
    let mut armored = Vec::new();
    pgp::armor::write(
        &Packets(packets),
        pgp::armor::BlockType::Signature,
        &mut armored,
        None,
        true,
    )
    .expect("armor");
    String::from_utf8(armored).expect("text")
}

/// Makes the self-signatures again, dated when the key was made, with what `change` makes of their
/// subpackets.
pub(crate) fn resign(
    key: &mut SignedSecretKey,
    change: impl Fn(Vec<SubpacketData>) -> Vec<SubpacketData>,
) {
    let primary = key.primary_key.clone();
    let again = |old: &Signature| {
        let mut config = old.config().expect("a known version").clone();
        let subpackets = config.hashed_subpackets.iter().map(|old| match &old.data {
            SubpacketData::SignatureCreationTime(_) => {
                SubpacketData::SignatureCreationTime(primary.created_at())
            }
            data => data.clone(),
        });
        config.hashed_subpackets = regular(change(subpackets.collect()));
        config
    };
    let public = primary.public_key().clone();
    for user in &mut key.details.users {
        for signature in &mut user.signatures {
            *signature = again(signature)
                .sign_certification(
                    &primary,
                    &public,
                    &Password::empty(),
                    pgp::types::Tag::UserId,
                    &user.id,
                )
                .expect("a self-signature");
        }
    }
    for signature in &mut key.details.direct_signatures {
        *signature = again(signature)
            .sign_key(&primary, &Password::empty(), &public)
            .expect("a self-signature");
    }
}

pub(crate) fn regular(data: Vec<SubpacketData>) -> Vec<Subpacket> {
    data.into_iter()
        .map(|data| Subpacket::regular(data).expect("a subpacket"))
        .collect()
}

struct Packets<'p>(&'p [u8]);

impl Serialize for Packets<'_> {
    fn to_writer<W: std::io::Write>(&self, writer: &mut W) -> pgp::errors::Result<()> {
        writer.write_all(self.0)?;
        Ok(())
    }

    fn write_len(&self) -> usize {
        self.0.len()
    }
}
