//! Signatures judged by a program: GnuPG's `gpgv` or Sequoia's `sqv`.
//!
//! Both get three files in a private directory: keyring, signatures, and the text they were made
//! over. `gpgv` answers on a status channel (GnuPG, doc/DETAILS, "Format of the --status-fd
//! output"); `sqv` by its exit code and the fingerprints it prints.

use std::path::{Path, PathBuf};

use super::{Error, Keyring, Signed, policy};
use crate::debian::release::Date;
use crate::interrupt;
use crate::process::{self, CommandSpec, Output, Runner};

/// Digests that count: SHA-256, SHA-384, SHA-512, SHA3-256, SHA3-512 (RFC 9580 section 9.5).
const DIGESTS: [&str; 5] = ["8", "9", "10", "12", "14"];

/// Keys that count: RSA, ECDSA and both forms of Ed25519 (section 9.1).
const ALGORITHMS: [&str; 4] = ["1", "19", "22", "27"];

/// `rc` of an `ERRSIG` line: the key is not in the keyring.
const MISSING_KEY: &str = "9";

/// Asks `gpgv`.
pub(super) fn gpgv(
    program: &Path,
    signed: &Signed,
    keyring: &Keyring,
    now: Date,
) -> Result<Vec<String>, Error> {
    let files = Files::write("gpgv", signed, keyring)?;
    let spec = CommandSpec::new(program, files.folder.path())
        .args(["--status-fd", "1", "--weak-digest", "SHA1"])
        // So that nothing of the user's own is read.
        .arg("--homedir")
        .arg(files.folder.path())
        .arg("--keyring")
        .arg(files.path("keyring.gpg"))
        .arg(files.path("signature"))
        .arg(files.path("text"))
        .env("LC_ALL", "C");
    let output = Runner.output(&spec)?;
    let status = Status::read(&String::from_utf8_lossy(&output.stdout), keyring, now);
    if let Some(signer) = status.wrong {
        return Err(Error::Wrong { signer });
    }
    if !status.good.is_empty() {
        // It ends with an error for every signature it can't check, too; those are accounted for.
        let explained = !status.refused.is_empty() || !status.unknown.is_empty();
        if output.status.success() || (explained && output.status.code().is_some()) {
            return Ok(status.good);
        }
    } else if !status.refused.is_empty() {
        return Err(Error::Refused {
            reasons: status.refused,
        });
    } else if !status.unknown.is_empty() {
        return Err(Error::Unknown {
            signers: status.unknown,
            keyring: keyring.name().to_owned(),
        });
    }
    Err(failed("gpgv", &output))
}

/// Asks `sqv`. It says in words alone why it refuses, so who signed is found out here.
pub(super) fn sqv(
    program: &Path,
    signed: &Signed,
    keyring: &Keyring,
) -> Result<Vec<String>, Error> {
    if keyring.is_restricted() {
        return Err(Error::Refused {
            reasons: vec!["`sqv` can't choose among the keys of a keyring".to_owned()],
        });
    }
    let files = Files::write("sqv", signed, keyring)?;
    let spec = CommandSpec::new(program, files.folder.path())
        .arg("--keyring")
        .arg(files.path("keyring.gpg"))
        .arg(files.path("signature"))
        .arg(files.path("text"))
        .env("LC_ALL", "C");
    let output = Runner.output(&spec)?;
    if output.status.success() {
        let printed = String::from_utf8_lossy(&output.stdout);
        let signers: Vec<String> = printed
            .lines()
            .map(str::trim)
            .filter(|line| line.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .filter(|line| line.len() >= 40)
            .map(str::to_ascii_uppercase)
            .collect();
        if !signers.is_empty() {
            return Ok(signers);
        }
    }
    if let Some(signers) = policy::strangers(signed, keyring)? {
        return Err(Error::Unknown {
            signers,
            keyring: keyring.name().to_owned(),
        });
    }
    Err(Error::Refused {
        reasons: vec![format!("`sqv` says: {}", message(&output))],
    })
}

/// What `gpgv` says of each signature.
#[derive(Debug, Default, PartialEq, Eq)]
struct Status {
    good: Vec<String>,
    refused: Vec<String>,
    unknown: Vec<String>,
    wrong: Option<String>,
}

impl Status {
    fn read(output: &str, keyring: &Keyring, now: Date) -> Self {
        let mut status = Self::default();
        // The line that says how a signature is comes before the one that says it is valid.
        let mut is_good = false;
        for line in output.lines() {
            let mut words = line.split(' ');
            if words.next() != Some("[GNUPG:]") {
                continue;
            }
            let keyword = words.next().unwrap_or_default();
            let rest: Vec<&str> = words.collect();
            let word = |index: usize| rest.get(index).copied().unwrap_or_default();
            let key = || word(0).to_owned();
            let mut refuse = |reason: &str| {
                status.refused.push(format!("key `{}` {reason}", word(0)));
            };
            match keyword {
                "NEWSIG" => is_good = false,
                "GOODSIG" => is_good = true,
                "EXPSIG" => refuse("made a signature that has expired"),
                "EXPKEYSIG" => refuse("has expired"),
                "REVKEYSIG" => refuse("is revoked"),
                "BADSIG" => status.wrong = Some(key()),
                "ERRSIG" if word(5) == MISSING_KEY => {
                    let named = [word(6), word(0)].into_iter().find(|name| name.len() > 1);
                    status.unknown.push(named.unwrap_or_default().to_owned());
                }
                "ERRSIG" => refuse("made a signature that `gpgv` does not accept"),
                "VALIDSIG" if is_good => {
                    is_good = false;
                    // It takes signatures from the future for good.
                    let created: Option<i64> = word(2).parse().ok();
                    if created.is_none_or(|created| created > now.0 + policy::SKEW) {
                        refuse("made a signature that is from the future");
                    } else if !ALGORITHMS.contains(&word(6)) {
                        refuse("is of a kind other than RSA, ECDSA and Ed25519");
                    } else if !DIGESTS.contains(&word(7)) {
                        refuse("uses a digest weaker than SHA-256");
                    } else if keyring.counts(word(0), word(9)) {
                        status.good.push(key());
                    } else {
                        status.unknown.push(key());
                    }
                }
                _ => {}
            }
        }
        status
    }
}

/// What a program is to judge, in a directory that nobody else can read or write.
struct Files {
    folder: tempfile::TempDir,
    _registered: interrupt::Temporary,
}

impl Files {
    fn write(name: &'static str, signed: &Signed, keyring: &Keyring) -> Result<Self, Error> {
        let failed = |source| Error::Io { name, source };
        let folder = tempfile::Builder::new()
            .prefix(crate::atomic::PREFIX)
            .tempdir()
            .map_err(failed)?;
        let files = Self {
            _registered: interrupt::temporary(folder.path()),
            folder,
        };
        for (name, bytes) in [
            ("keyring.gpg", keyring.certificates()),
            ("signature", &signed.signatures),
            ("text", &signed.data),
        ] {
            fs_err::write(files.path(name), bytes).map_err(failed)?;
        }
        Ok(files)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn failed(name: &'static str, output: &Output) -> Error {
    Error::Program {
        name,
        status: process::describe(output.status),
        message: message(output),
    }
}

/// The first lines that a program wrote, as one.
fn message(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .take(3);
    lines.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "B7C5D7D6350947F8";
    const PRINT: &str = "1F89983E0081FDE018F3CC9673A4F27B8DD47936";

    fn status(lines: &[&str]) -> Status {
        let output = format!(
            "[GNUPG:] {}
",
            lines.join(
                "
[GNUPG:] "
            )
        );
        // A packet of a public key's kind; nothing looks into it here.
        let keyring = Keyring::from_bytes(&[0x98, 1, 4], "test").unwrap();
        Status::read(&output, &keyring, Date(1_763_200_000))
    }

    fn valid(algorithm: u8, digest: u8) -> String {
        format!("VALIDSIG {PRINT} 2025-11-15 1763200000 0 4 0 {algorithm} {digest} 01 {PRINT}")
    }

    #[test]
    fn good_signatures_are_counted_beside_unknown_ones() {
        let good = format!("GOODSIG {KEY} Somebody <a@archive.example>");
        let missing = format!("ERRSIG {KEY} 1 8 01 1763200000 9 {PRINT}");
        let found = status(&[
            "NEWSIG",
            &good,
            &valid(1, 8),
            "NEWSIG",
            &missing,
            "NO_PUBKEY x",
        ]);
        assert_eq!(found.good, [PRINT]);
        assert_eq!(found.unknown, [PRINT]);
        assert_eq!((found.refused, found.wrong), (Vec::new(), None));
    }

    #[test]
    fn valid_is_not_yet_good() {
        for (line, reason) in [
            ("EXPKEYSIG", "has expired"),
            ("EXPSIG", "made a signature that has expired"),
            ("REVKEYSIG", "is revoked"),
        ] {
            let found = status(&["NEWSIG", &format!("{line} {KEY} x"), &valid(1, 8)]);
            assert_eq!(found.good, [""; 0]);
            assert_eq!(found.refused, [format!("key `{KEY}` {reason}")]);
        }
    }

    #[test]
    fn weak_digests_and_odd_keys_do_not_count() {
        let good = format!("GOODSIG {KEY} x");
        for (algorithm, digest) in [(1, 2), (1, 11), (17, 8)] {
            let found = status(&["NEWSIG", &good, &valid(algorithm, digest)]);
            assert_eq!((found.good.len(), found.refused.len()), (0, 1));
        }
    }

    #[test]
    fn signatures_from_the_future_do_not_count() {
        let good = format!("GOODSIG {KEY} x");
        let late = valid(1, 8).replace("1763200000", "1763200301");
        let found = status(&["NEWSIG", &good, &late]);
        assert_eq!((found.good.len(), found.refused.len()), (0, 1));
    }

    #[test]
    fn a_user_id_can_not_imitate_a_status_line() {
        let good = format!("EXPKEYSIG {KEY} x\n GOODSIG {KEY} y");
        let found = status(&["NEWSIG", &good, &valid(1, 8)]);
        assert_eq!(found.good, [""; 0]);
    }
}
