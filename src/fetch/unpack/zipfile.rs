//! Entries of a zip file, in the order of its directory (PKWARE APPNOTE 6.3; Unix modes are in the
//! upper half of the external attributes).

use std::io::{self, BufReader, Read};

use zip::ZipArchive;
use zip::result::ZipError;

use super::Error;
use super::root::Root;

const KIND: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const DIRECTORY: u32 = 0o040_000;
const LINK: u32 = 0o120_000;
const EXECUTABLE: u32 = 0o100;
/// The longest target of a link.
const LONGEST_TARGET: u64 = 4096;

pub(super) fn unpack(root: &mut Root<'_>) -> Result<(), Error> {
    let file = fs_err::File::open(root.archive).map_err(|error| root.damaged(error))?;
    let mut archive =
        ZipArchive::new(BufReader::new(file)).map_err(|error| damaged(root, error))?;
    for index in 0..archive.len() {
        let mut entry = archive
            .by_index(index)
            .map_err(|error| damaged(root, error))?;
        let name = entry.name_raw().to_vec();
        let Some(path) = root.place(&name)? else {
            continue;
        };
        if entry.encrypted() {
            return Err(root.refuse(&path, "is encrypted"));
        }
        let mode = entry.unix_mode().unwrap_or(0);
        match mode & KIND {
            _ if entry.is_dir() => root.directory(&path)?,
            DIRECTORY => root.directory(&path)?,
            LINK => {
                let mut target = Vec::new();
                (&mut entry)
                    .take(LONGEST_TARGET + 1)
                    .read_to_end(&mut target)
                    .map_err(|error| root.damaged(error))?;
                root.link(&path, &target)?;
            }
            // Written on a system without kinds of file.
            0 | REGULAR => {
                let size = entry.size();
                root.file(&path, mode & EXECUTABLE != 0, Some(size), &mut entry)?;
            }
            _ => return Err(root.refuse(&path, "is neither file, directory nor link")),
        }
    }
    Ok(())
}

fn damaged(root: &Root<'_>, error: ZipError) -> Error {
    root.damaged(match error {
        ZipError::Io(error) => error,
        other => io::Error::new(io::ErrorKind::InvalidData, other),
    })
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};
    use std::os::unix::fs::PermissionsExt;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;
    use crate::fetch::unpack::{self, Format, Rules};

    fn zip(entries: &[(&str, u32, &[u8])]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, mode, data) in entries {
            let options = SimpleFileOptions::default().unix_permissions(*mode);
            if mode & KIND == LINK {
                let target = std::str::from_utf8(data).unwrap();
                writer.add_symlink(*name, target, options).unwrap();
            } else {
                writer.start_file(*name, options).unwrap();
                writer.write_all(data).unwrap();
            }
        }
        writer.finish().unwrap().into_inner()
    }

    fn unpacked(bytes: &[u8], rules: &Rules) -> Result<tempfile::TempDir, Error> {
        let home = tempfile::tempdir().unwrap();
        let archive = home.path().join("a.zip");
        fs_err::write(&archive, bytes).unwrap();
        let into = tempfile::tempdir().unwrap();
        unpack::unpack(&archive, Format::Zip, rules, into.path()).map(|()| into)
    }

    #[test]
    fn modes_come_from_the_attributes_or_from_the_rules() {
        let bytes = zip(&[
            ("m@v1/bin/go", 0o755, b"#!"),
            ("m@v1/tool/link", 0o644, b"#!"),
            ("m@v1/README", 0o644, b"hello"),
            ("m@v1/l", LINK | 0o777, b"bin/go"),
        ]);
        let rules = Rules {
            strip: Some("m@v1".to_owned()),
            executable: vec!["tool/".parse().unwrap()],
            ..Rules::default()
        };
        let into = unpacked(&bytes, &rules).unwrap();
        let executable = |name: &str| {
            let metadata = fs_err::metadata(into.path().join(name)).unwrap();
            metadata.permissions().mode() & 0o100 != 0
        };
        assert!(executable("bin/go") && executable("tool/link") && executable("l"));
        assert!(!executable("README"));
    }

    #[test]
    fn unsafe_entries_are_refused() {
        for entries in [
            &[("../x", 0o644, &b""[..])][..],
            &[("/x", 0o644, b"")],
            &[("l", LINK | 0o777, b"/etc/passwd")],
            &[("l", LINK | 0o777, b"d"), ("l/x", 0o644, b"")],
        ] {
            let error = unpacked(&zip(entries), &Rules::default()).unwrap_err();
            assert!(matches!(error, Error::Unsafe { .. }), "{error}");
        }
    }

    #[test]
    fn a_bomb_is_defused() {
        let bytes = zip(&[("zeros", 0o644, &vec![0; 1 << 20])]);
        assert!(bytes.len() < 5000);
        let rules = Rules {
            maximum: 1 << 16,
            ..Rules::default()
        };
        let error = unpacked(&bytes, &rules).unwrap_err().to_string();
        assert!(error.contains("exceeds the 65536 bytes"), "{error}");
    }

    #[test]
    fn a_damaged_file_is_noticed() {
        let mut bytes = zip(&[("a", 0o644, b"some content that is long enough")]);
        assert!(matches!(
            unpacked(&bytes[..bytes.len() / 2], &Rules::default()),
            Err(Error::Damaged { .. })
        ));
        // One bit of the content; the checksum tells.
        bytes[40] ^= 1;
        assert!(matches!(
            unpacked(&bytes, &Rules::default()),
            Err(Error::Damaged { .. })
        ));
    }
}
