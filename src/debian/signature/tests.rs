//! Tests of signatures: every verifier that this machine has, and the policy of our own.

use std::path::Path;

use pgp::composed::{KeyType, SecretKeyParamsBuilder, SignedSecretKey, SubkeyParamsBuilder};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{KeyFlags, RevocationCode, SignatureConfig, SignatureType, SubpacketData};
use pgp::ser::Serialize;
use pgp::types::{Duration, KeyDetails, KeyVersion, Password, Timestamp};
use rand::rngs::OsRng;

use super::openpgp::{MADE, Signer, armor, clearsign, regular, resign, sign};
use super::*;
use crate::debian::sources::{SignedBy, Source, Sources};
use crate::fault::{Exit, Fault};

const TEXT: &str = "Origin: Example\nSuite: trixie\nSHA256:\n abc 1 main/x\n- dash\n";
const DAY: u32 = 86_400;

fn keyring(signer: &Signer) -> Keyring {
    Keyring::from_bytes(&signer.public(), "`test.gpg`").unwrap()
}

/// Every one that there is; a missing one fails the test.
fn verifiers() -> [Verifier; 4] {
    for name in ["gpgv", "sqv"] {
        assert!(
            process::find(name).is_some(),
            "`{name}` is missing: start the tests with tests/run"
        );
    }
    [Verifier::Own, Verifier::Any, Verifier::Gpgv, Verifier::Sqv]
}

fn own(file: &str, keyring: &Keyring) -> Result<Verified, Error> {
    verify(file.as_bytes(), keyring, Verifier::Own, Date::now())
}

fn refusal(file: &str, keyring: &Keyring) -> String {
    let error = own(file, keyring).unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error}");
    assert_eq!(error.exit(), Exit::Integrity);
    error.to_string()
}

#[test]
fn every_verifier_gives_back_exactly_what_was_signed() {
    let signer = Signer::new();
    let file = signer.clearsign(TEXT, MADE + DAY);
    for verifier in verifiers() {
        let verified = verify(file.as_bytes(), &keyring(&signer), verifier, Date::now()).unwrap();
        assert_eq!(verified.text, TEXT.as_bytes(), "{verifier:?}");
        assert_eq!(verified.signers, [signer.fingerprint()], "{verifier:?}");
    }
}

#[test]
fn every_verifier_refuses_a_changed_text() {
    let signer = Signer::new();
    let file = signer
        .clearsign(TEXT, MADE + DAY)
        .replace("main/x", "main/y");
    for verifier in verifiers() {
        let error = verify(file.as_bytes(), &keyring(&signer), verifier, Date::now()).unwrap_err();
        assert_eq!(error.exit(), Exit::Integrity, "{verifier:?}");
        let expected = match verifier {
            Verifier::Sqv => matches!(error, Error::Refused { .. }),
            _ => matches!(error, Error::Wrong { .. }),
        };
        assert!(expected, "{verifier:?}: {error}");
    }
}

#[test]
fn every_verifier_names_unknown_keys_and_the_keyring() {
    let (signer, stranger) = (Signer::new(), Signer::new());
    let file = stranger.clearsign(TEXT, MADE + DAY);
    for verifier in verifiers() {
        let error = verify(file.as_bytes(), &keyring(&signer), verifier, Date::now()).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains(&stranger.fingerprint()),
            "{verifier:?}: {text}"
        );
        assert!(text.contains("`test.gpg`"), "{verifier:?}: {text}");
        assert!(error.hint().unwrap().contains("signed-by"));
    }
}

#[test]
fn one_known_signature_among_unknown_ones_is_enough() {
    let (signer, stranger) = (Signer::new(), Signer::new());
    let signatures = [
        stranger.sign(TEXT, MADE + DAY),
        signer.sign(TEXT, MADE + DAY),
    ];
    let file = clearsign(TEXT, &signatures);
    for verifier in verifiers() {
        let verified = verify(file.as_bytes(), &keyring(&signer), verifier, Date::now()).unwrap();
        assert_eq!(verified.signers, [signer.fingerprint()], "{verifier:?}");
    }
}

#[test]
fn a_wrong_signature_by_a_known_key_is_an_error_whatever_the_others_are() {
    let (one, other) = (Signer::new(), Signer::new());
    let both = [one.public(), other.public()].concat();
    let both = Keyring::from_bytes(&both, "both").unwrap();
    let signatures = [
        one.sign(TEXT, MADE + DAY),
        other.sign("something else", MADE + DAY),
    ];
    let file = clearsign(TEXT, &signatures);
    for verifier in verifiers() {
        let result = verify(file.as_bytes(), &both, verifier, Date::now());
        // sqv asks for one good signature and no more.
        let expected = verifier == Verifier::Sqv || matches!(result, Err(Error::Wrong { .. }));
        assert!(expected, "{verifier:?}: {result:?}");
    }
}

#[test]
fn a_release_with_its_signature_beside_it_is_verified_too() {
    let signer = Signer::new();
    let text = TEXT.trim_end();
    let mut packets = Vec::new();
    let signature = signer.sign(text, MADE + DAY);
    pgp::packet::PacketTrait::to_writer_with_header(&signature, &mut packets).unwrap();
    for beside in [packets.clone(), armor(&packets).into_bytes()] {
        for verifier in verifiers() {
            let keyring = keyring(&signer);
            let now = Date::now();
            let verified =
                verify_detached(text.as_bytes(), &beside, &keyring, verifier, now).unwrap();
            assert_eq!(verified.text, text.as_bytes());
            let changed = verify_detached(b"x", &beside, &keyring, verifier, now);
            assert!(changed.is_err(), "{verifier:?}");
        }
    }
}

#[test]
fn keys_of_version_6_and_other_algorithms_count() {
    for (kind, version) in [
        (KeyType::Ed25519, KeyVersion::V6),
        (KeyType::Ed25519, KeyVersion::V4),
        (
            KeyType::ECDSA(pgp::crypto::ecc_curve::ECCCurve::P256),
            KeyVersion::V4,
        ),
        (KeyType::Rsa(2048), KeyVersion::V4),
    ] {
        let signer = Signer::of(kind.clone(), version);
        let file = signer.clearsign(TEXT, MADE + DAY);
        let result = own(&file, &keyring(&signer));
        assert!(result.is_ok(), "{kind:?}: {:?}", result.err());
    }
}

#[test]
fn weak_late_and_future_signatures_do_not_count() {
    // An RSA key signs with any digest, others refuse weak ones themselves.
    let signer = Signer::of(KeyType::Rsa(2048), KeyVersion::V4);
    let now = u32::try_from(Date::now().0).unwrap();
    for (hash, at, seconds, reason) in [
        (HashAlgorithm::Sha1, MADE + DAY, None, "digest weaker"),
        (HashAlgorithm::Sha224, MADE + DAY, None, "digest weaker"),
        (HashAlgorithm::Sha512, now + DAY, None, "from the future"),
        (HashAlgorithm::Sha512, MADE + DAY, Some(DAY), "has expired"),
        (HashAlgorithm::Sha512, MADE - DAY, None, "younger"),
    ] {
        let signature = sign(&signer.key.primary_key, TEXT, hash, at, seconds);
        let file = clearsign(TEXT, &[signature]);
        let text = refusal(&file, &keyring(&signer));
        assert!(text.contains(reason), "{text}");
        assert!(text.contains(&signer.fingerprint()), "{text}");
        if verifiers().contains(&Verifier::Gpgv) {
            let result = verify(
                file.as_bytes(),
                &keyring(&signer),
                Verifier::Gpgv,
                Date::now(),
            );
            assert!(result.is_err(), "{reason}");
        }
    }
}

/// A signer whose self-signatures were changed.
fn with(change: impl Fn(Vec<SubpacketData>) -> Vec<SubpacketData>) -> Signer {
    let mut signer = Signer::new();
    resign(&mut signer.key, change);
    signer
}

#[test]
fn a_key_counts_until_it_expires() {
    let signer = with(|mut subpackets| {
        subpackets.push(SubpacketData::KeyExpirationTime(Duration::from_secs(
            10 * DAY,
        )));
        subpackets
    });
    assert!(own(&signer.clearsign(TEXT, MADE + DAY), &keyring(&signer)).is_ok());
    let late = signer.clearsign(TEXT, MADE + 11 * DAY);
    assert!(refusal(&late, &keyring(&signer)).contains("had expired"));
}

#[test]
fn a_key_that_is_not_for_signing_does_not_count() {
    let mut flags = KeyFlags::default();
    flags.set_certify(true);
    let signer = with(|subpackets| {
        subpackets
            .into_iter()
            .map(|subpacket| match subpacket {
                SubpacketData::KeyFlags(_) => SubpacketData::KeyFlags(flags.clone()),
                other => other,
            })
            .collect()
    });
    let file = signer.clearsign(TEXT, MADE + DAY);
    assert!(refusal(&file, &keyring(&signer)).contains("not for signing"));

    let signer = with(|mut subpackets| {
        subpackets.retain(|subpacket| !matches!(subpacket, SubpacketData::KeyFlags(_)));
        subpackets
    });
    let file = signer.clearsign(TEXT, MADE + DAY);
    assert!(refusal(&file, &keyring(&signer)).contains("not for signing"));
}

#[test]
fn a_key_without_a_valid_signature_of_its_own_does_not_count() {
    let mut signer = Signer::new();
    signer.key.details.users.clear();
    let file = signer.clearsign(TEXT, MADE + DAY);
    // The parser of the sample refuses such a key, so it is put together by hand.
    let bytes = {
        let mut bytes = Vec::new();
        let public = signer.key.primary_key.public_key().clone();
        pgp::packet::PacketTrait::to_writer_with_header(&public, &mut bytes).unwrap();
        bytes
    };
    let keyring = Keyring::from_bytes(&bytes, "bare").unwrap();
    assert!(refusal(&file, &keyring).contains("no valid signature of its own"));
}

#[test]
fn a_revoked_key_does_not_count() {
    for (code, before, after) in [
        (RevocationCode::KeyCompromised, false, false),
        (RevocationCode::KeyRetired, true, false),
        (RevocationCode::KeySuperseded, true, false),
    ] {
        let mut signer = Signer::new();
        let primary = signer.key.primary_key.clone();
        let mut config = SignatureConfig::v4(
            SignatureType::KeyRevocation,
            primary.algorithm(),
            HashAlgorithm::Sha512,
        );
        config.hashed_subpackets = regular(vec![
            SubpacketData::SignatureCreationTime(Timestamp::from_secs(MADE + 5 * DAY)),
            SubpacketData::IssuerFingerprint(primary.fingerprint()),
            SubpacketData::RevocationReason(code, Vec::new().into()),
        ]);
        let revocation = config
            .sign_key(&primary, &Password::empty(), primary.public_key())
            .unwrap();
        signer.key.details.revocation_signatures.push(revocation);
        for (at, expected) in [(MADE + DAY, before), (MADE + 6 * DAY, after)] {
            let file = signer.clearsign(TEXT, at);
            match own(&file, &keyring(&signer)) {
                Ok(_) => assert!(expected, "{code:?}"),
                Err(error) => {
                    assert!(
                        !expected && error.to_string().contains("is revoked"),
                        "{error}"
                    );
                }
            }
        }
    }
}

fn with_subkey() -> SignedSecretKey {
    let subkey = SubkeyParamsBuilder::default()
        .key_type(KeyType::Ed25519Legacy)
        .can_sign(true)
        .created_at(Timestamp::from_secs(MADE))
        .build()
        .unwrap();
    SecretKeyParamsBuilder::default()
        .key_type(KeyType::Ed25519Legacy)
        .can_sign(false)
        .can_certify(true)
        .created_at(Timestamp::from_secs(MADE))
        .primary_user_id("Archive <archive@archive.example>".to_owned())
        .subkey(subkey)
        .build()
        .unwrap()
        .generate(OsRng)
        .unwrap()
}

#[test]
fn a_subkey_counts_only_when_both_keys_agree() {
    let mut key = with_subkey();
    let now = u32::try_from(Date::now().0).unwrap();
    let ring = |key: &SignedSecretKey| {
        Keyring::from_bytes(&key.to_public_key().to_bytes().unwrap(), "subkeys").unwrap()
    };
    let subkey = key.secret_subkeys[0].key.clone();
    let file = clearsign(
        TEXT,
        &[sign(&subkey, TEXT, HashAlgorithm::Sha256, now, None)],
    );
    for verifier in verifiers() {
        let result = verify(file.as_bytes(), &ring(&key), verifier, Date::now());
        assert!(result.is_ok(), "{verifier:?}: {:?}", result.err());
    }
    let primary = clearsign(
        TEXT,
        &[sign(
            &key.primary_key,
            TEXT,
            HashAlgorithm::Sha256,
            now,
            None,
        )],
    );
    assert!(refusal(&primary, &ring(&key)).contains("not for signing"));

    let bound = key.secret_subkeys[0].signatures[0].clone();
    let mut config = bound.config().unwrap().clone();
    let embedded = |subpacket: &pgp::packet::Subpacket| {
        matches!(subpacket.data, SubpacketData::EmbeddedSignature(_))
    };
    config
        .hashed_subpackets
        .retain(|subpacket| !embedded(subpacket));
    config
        .unhashed_subpackets
        .retain(|subpacket| !embedded(subpacket));
    let alone = config
        .sign_subkey_binding(
            &key.primary_key,
            key.primary_key.public_key(),
            &Password::empty(),
            subkey.public_key(),
        )
        .unwrap();
    key.secret_subkeys[0].signatures = vec![alone];
    assert!(refusal(&file, &ring(&key)).contains("has not agreed"));

    // A binding by somebody else is none.
    let other = with_subkey();
    key.secret_subkeys[0].signatures = other.secret_subkeys[0].signatures.clone();
    assert!(refusal(&file, &ring(&key)).contains("not bound"));
}

fn source(signed_by: SignedBy) -> Source {
    let entry = ["http://archive.example/debian".to_owned()];
    let mut sources = Sources::chosen(&entry, "test").unwrap();
    Source {
        signed_by,
        ..sources.list.remove(0)
    }
}

fn write(root: &Path, path: &str, bytes: &[u8]) {
    let path = root.join(path);
    fs_err::create_dir_all(path.parent().unwrap()).unwrap();
    fs_err::write(path, bytes).unwrap();
}

#[test]
fn keyrings_are_files_folders_or_part_of_the_source() {
    let (one, two) = (Signer::new(), Signer::new());
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "usr/share/keyrings/one.gpg", &one.public());
    let both = one.armored() + "\n" + &two.armored();
    write(root.path(), "etc/apt/keyrings/both.asc", both.as_bytes());
    let now = MADE + DAY;
    let (by_one, by_two) = (one.clearsign(TEXT, now), two.clearsign(TEXT, now));
    let known = |signed_by: SignedBy| {
        let keyring = Keyring::of(&source(signed_by), root.path()).unwrap();
        (
            own(&by_one, &keyring).is_ok(),
            own(&by_two, &keyring).is_ok(),
        )
    };
    let files = |paths: &[&str]| SignedBy::Files(paths.iter().map(Into::into).collect());
    assert_eq!(
        known(files(&["/usr/share/keyrings/one.gpg"])),
        (true, false)
    );
    assert_eq!(known(files(&["/etc/apt/keyrings/both.asc"])), (true, true));
    assert_eq!(known(files(&["/usr/share/keyrings"])), (true, false));
    assert_eq!(known(SignedBy::Inline(two.armored())), (false, true));

    write(
        root.path(),
        "etc/apt/trusted.gpg.d/both.asc",
        both.as_bytes(),
    );
    assert_eq!(known(SignedBy::Default), (true, true));
    let two = two.fingerprint();
    assert_eq!(
        known(SignedBy::Fingerprints(vec![two.clone()])),
        (false, true)
    );
    assert_eq!(
        known(SignedBy::Fingerprints(vec![format!("{two}!")])),
        (false, true)
    );
}

#[test]
fn keyrings_that_are_none_are_named() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "k/text.gpg", b"\xffabc");
    write(root.path(), "k/box.gpg", b"\0\0\0\0\x01\x01\0\0KBXf\0\0");
    write(
        root.path(),
        "k/half.asc",
        b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nab",
    );
    for (path, expected) in [
        ("/k/none.gpg", "`/k/none.gpg` does not exist"),
        ("/k/text.gpg", "not a run of OpenPGP packets"),
        ("/k/box.gpg", "keybox"),
        ("/k/half.asc", "armor is broken"),
    ] {
        let signed_by = SignedBy::Files(vec![path.into()]);
        let error = Keyring::of(&source(signed_by), root.path()).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.to_string().contains(path), "{error}");
    }
    let error = Keyring::of(&source(SignedBy::Default), root.path()).unwrap_err();
    assert!(
        error.to_string().contains("/etc/apt/trusted.gpg.d"),
        "{error}"
    );
}

#[test]
fn what_was_kept_for_one_keyring_is_not_found_for_another() {
    let (one, two) = (keyring(&Signer::new()), keyring(&Signer::new()));
    let named = |keyring, verifier| key(&[b"file"], keyring, verifier);
    assert_eq!(named(&one, Verifier::Any), named(&one, Verifier::Any));
    assert_ne!(named(&one, Verifier::Any), named(&two, Verifier::Any));
    assert_ne!(named(&one, Verifier::Any), named(&one, Verifier::Own));
}
