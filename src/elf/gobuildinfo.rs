//! What Go's linker leaves in a program: the version, the main package, and the settings it was
//! built with.
//!
//! Go writes no `.ARM.attributes`, and nothing about GOAMD64 into the header, so this is the only
//! proof of the variant a Go program was compiled for. It survives `-s -w` and `strip`.
//!
//! Format, as the documentation and source of `debug/buildinfo` give it: 32 bytes that begin with
//! a magic and have flags in byte 15, at an address divisible by 16; with flag 2 (Go 1.18 on) two
//! strings follow, each behind its length as a varint: the version, and the module information
//! between two sentinels of 16 bytes. The older form with pointers is treated as absent.

use std::collections::BTreeMap;
use std::io::{Read, Seek};

use serde::{Deserialize, Serialize};

use super::source::{Problem, Source};

/// What the 32 bytes begin with.
const MAGIC: &[u8] = b"\xff Go buildinf:";
const ALIGN: usize = 16;
const HEADER: u64 = 32;
const FLAGS: usize = 15;
const FLAG_INLINE: u8 = 2;
const SENTINEL: usize = 16;
/// Longest version string accepted.
const VERSION_LIMIT: usize = 4096;
/// Longest module information accepted; a program with a thousand modules has 100 KiB.
const MODULES_LIMIT: usize = 4 * 1024 * 1024;

/// What a Go program says about its build.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildInfo {
    /// The version of Go, such as `go1.26.8`.
    pub version: String,
    /// The import path of the main package.
    pub path: Option<String>,
    /// The lines `build KEY=VALUE`, values as they are written (quoted where Go quotes them).
    pub settings: BTreeMap<String, String>,
}

impl BuildInfo {
    /// The value of one setting, such as `GOARM`.
    pub fn setting(&self, key: &str) -> Option<&str> {
        self.settings.get(key).map(String::as_str)
    }

    fn new(version: String, modules: &str) -> Self {
        let mut info = Self {
            version,
            ..Self::default()
        };
        for line in modules.lines() {
            if let Some(path) = line.strip_prefix("path\t") {
                info.path = Some(path.to_owned());
            } else if let Some((key, value)) = line
                .strip_prefix("build\t")
                .and_then(|setting| setting.split_once('='))
            {
                info.settings.insert(key.to_owned(), value.to_owned());
            }
        }
        info
    }
}

/// Looks for build information between two offsets of the file, of which the first corresponds to
/// an aligned address. `None` where there is none of the inline form.
pub(super) fn find<R: Read + Seek>(
    source: &mut Source<R>,
    start: u64,
    end: u64,
) -> Result<Option<BuildInfo>, Problem> {
    const WHAT: &str = "the Go build information";
    let Some(at) = source.find(MAGIC, start, end, ALIGN)? else {
        return Ok(None);
    };
    let header = source.read(at, HEADER, 32, WHAT)?;
    if header[FLAGS] & FLAG_INLINE == 0 {
        return Ok(None);
    }
    let (version, next) = string(source, at + HEADER, VERSION_LIMIT, WHAT)?;
    let (modules, _) = string(source, next, MODULES_LIMIT, WHAT)?;
    let utf8 = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let modules = match modules.len() {
        // The second sentinel is preceded by the last line's end; anything else is not module
        // information (a build without modules has none).
        length if length > 2 * SENTINEL && modules[length - SENTINEL - 1] == b'\n' => {
            utf8(&modules[SENTINEL..length - SENTINEL])
        }
        _ => String::new(),
    };
    Ok(Some(BuildInfo::new(utf8(&version), &modules)))
}

/// Bytes behind their length as a varint, and the offset behind them.
fn string<R: Read + Seek>(
    source: &mut Source<R>,
    offset: u64,
    limit: usize,
    what: &str,
) -> Result<(Vec<u8>, u64), Problem> {
    let mut length = 0;
    let mut start = offset;
    // Three bytes carry 2 MiB, four carry 256 MiB: more than any limit here.
    for shift in [0, 7, 14, 21] {
        let byte = source.read(start, 1, 1, what)?[0];
        length |= u64::from(byte & 0x7f) << shift;
        start += 1;
        if byte & 0x80 == 0 {
            let bytes = source.read(start, length, limit, what)?;
            return Ok((bytes, start + length));
        }
    }
    Err(super::source::malformed(format!(
        "{what} has a string of more than {limit} bytes"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elf::sample;
    use proptest::prelude::*;
    use std::io::Cursor;

    fn read(bytes: Vec<u8>) -> Result<Option<BuildInfo>, Problem> {
        let mut source = Source::new(Cursor::new(bytes)).ok().unwrap();
        find(&mut source, 0, u64::MAX)
    }

    #[test]
    fn version_path_and_settings_are_read() {
        let bytes = sample::go_build_info(
            "go1.26.8",
            "path\texample.com/app\nmod\texample.com/app\t(devel)\t\nbuild\t-compiler=gc\nbuild\tGOARCH=arm\nbuild\tGOARM=6,softfloat\n",
        );
        let info = read(bytes).ok().unwrap().unwrap();
        assert_eq!(info.version, "go1.26.8");
        assert_eq!(info.path.as_deref(), Some("example.com/app"));
        assert_eq!(info.setting("GOARM"), Some("6,softfloat"));
        assert_eq!(info.setting("-compiler"), Some("gc"));
        assert_eq!(info.setting("GOAMD64"), None);
    }

    #[test]
    fn a_build_without_modules_has_a_version_only() {
        let mut bytes = sample::go_build_info("go1.21.0", "");
        bytes.truncate(32 + 1 + "go1.21.0".len());
        bytes.push(0);
        let info = read(bytes).ok().unwrap().unwrap();
        assert_eq!(info.version, "go1.21.0");
        assert!(info.settings.is_empty());
    }

    #[test]
    fn the_form_with_pointers_and_no_form_at_all_are_absent() {
        let mut bytes = sample::go_build_info("go1.17", "");
        bytes[15] = 0;
        assert!(matches!(read(bytes), Ok(None)));
        assert!(matches!(read(vec![0; 1000]), Ok(None)));
        assert!(matches!(read(Vec::new()), Ok(None)));
    }

    #[test]
    fn a_length_beyond_the_file_or_the_limit_is_refused() {
        let whole = sample::go_build_info("go1.26.8", "build\tGOARCH=arm\n");
        for length in 16..whole.len() {
            assert!(
                matches!(
                    read(whole[..length].to_vec()),
                    Err(Problem::Malformed(_)) | Ok(None)
                ),
                "{length}"
            );
        }
        let mut endless = whole.clone();
        endless[32..36].fill(0xff);
        assert!(matches!(read(endless), Err(Problem::Malformed(_))));
        let mut long = whole;
        long.resize(2 * VERSION_LIMIT, 0);
        long[32..35].copy_from_slice(&[0x81, 0x20, 0]);
        assert!(matches!(read(long), Err(Problem::Malformed(_))));
    }

    proptest! {
        #[test]
        fn any_bytes_behind_the_magic_are_read_or_refused(
            tail in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let mut bytes = MAGIC.to_vec();
            bytes.extend(tail);
            let _ = read(bytes);
        }

        #[test]
        fn settings_come_back_as_written(
            settings in proptest::collection::btree_map("[A-Z0-9]{1,9}", "[a-z0-9.,]{0,20}", 0..9),
        ) {
            use std::fmt::Write as _;
            let mut lines = String::from("path\tx\n");
            for (key, value) in &settings {
                writeln!(lines, "build\t{key}={value}").unwrap();
            }
            let info = read(sample::go_build_info("go1.26", &lines)).ok().unwrap().unwrap();
            prop_assert_eq!(info.settings, settings);
        }
    }
}
