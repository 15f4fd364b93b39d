//! Entries of a tar stream, one after the other (POSIX.1-2017 pax, GNU long names).

use std::io::{BufReader, Read};

use liblzma::bufread::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};
use tar::{Archive, Entry, EntryType};

use super::root::Root;
use super::{Error, Format};

/// The mode bit that makes a file executable for its owner. Nothing else of a mode is kept, in
/// particular not setuid and setgid.
const EXECUTABLE: u32 = 0o100;

/// The most memory for xz: its highest level, -9, takes 65 MiB.
const XZ_MEMORY: u64 = 256 << 20;

pub(super) fn unpack(root: &mut Root<'_>, format: Format) -> Result<(), Error> {
    let file = fs_err::File::open(root.archive).map_err(|error| root.damaged(error))?;
    let file = BufReader::with_capacity(crate::digest::BLOCK, file);
    match format {
        Format::TarGzip => entries(root, flate2::bufread::MultiGzDecoder::new(file)),
        Format::TarXz => {
            let decoder = Stream::new_stream_decoder(XZ_MEMORY, CONCATENATED)
                .map_err(|error| root.damaged(error.into()))?;
            entries(root, XzDecoder::new_stream(file, decoder))
        }
        Format::TarZstd => {
            let decoder = zstd::Decoder::with_buffer(file).map_err(|error| root.damaged(error))?;
            entries(root, decoder)
        }
        Format::Tar | Format::Zip => entries(root, file),
    }
}

fn entries(root: &mut Root<'_>, mut stream: impl Read) -> Result<(), Error> {
    let mut archive = Archive::new(&mut stream);
    for entry in archive.entries().map_err(|error| root.damaged(error))? {
        let mut entry = entry.map_err(|error| root.damaged(error))?;
        one(root, &mut entry)?;
    }
    // A checksum at the end of the stream is compared only when the end is read.
    std::io::copy(&mut stream, &mut std::io::sink()).map_err(|error| root.damaged(error))?;
    Ok(())
}

fn one(root: &mut Root<'_>, entry: &mut Entry<'_, impl Read>) -> Result<(), Error> {
    let name = entry.path_bytes().into_owned();
    let Some(path) = root.place(&name)? else {
        return Ok(());
    };
    let kind = entry.header().entry_type();
    match kind {
        EntryType::Directory => root.directory(&path),
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
            let mode = entry.header().mode().map_err(|error| root.damaged(error))?;
            let size = entry.size();
            root.file(&path, mode & EXECUTABLE != 0, Some(size), entry)
        }
        EntryType::Symlink => {
            let target = target(root, entry, &path)?;
            root.link(&path, &target)
        }
        EntryType::Link => {
            let target = target(root, entry, &path)?;
            match root.place(&target)? {
                Some(original) => root.hard_link(&path, &original),
                None => Err(root.refuse(&path, "is a hard link to what is not unpacked")),
            }
        }
        EntryType::XGlobalHeader => Ok(()),
        EntryType::Char | EntryType::Block => Err(root.refuse(&path, "is a device")),
        EntryType::Fifo => Err(root.refuse(&path, "is a pipe")),
        other => Err(root.refuse(
            &path,
            &format!("is of the unknown kind {:?}", other.as_byte() as char),
        )),
    }
}

fn target(root: &Root<'_>, entry: &Entry<'_, impl Read>, path: &str) -> Result<Vec<u8>, Error> {
    match entry.link_name_bytes() {
        Some(target) => Ok(target.into_owned()),
        None => Err(root.refuse(path, "is a link to nothing")),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::path::Path;

    use proptest::prelude::*;
    use tar::{Builder, Header};

    use super::*;
    use crate::fetch::unpack::{Rules, unpack};

    struct Made(Builder<Vec<u8>>);

    impl Made {
        fn new() -> Self {
            Self(Builder::new(Vec::new()))
        }

        fn entry(
            mut self,
            name: &str,
            kind: EntryType,
            mode: u32,
            target: &str,
            data: &[u8],
        ) -> Self {
            let mut header = Header::new_gnu();
            // Set by hand: the library's own setters refuse what is tested here.
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
            header.set_entry_type(kind);
            header.set_mode(mode);
            header.set_size(data.len() as u64);
            header.set_cksum();
            self.0.append(&header, data).unwrap();
            self
        }

        fn file(self, name: &str, data: &str) -> Self {
            self.entry(name, EntryType::Regular, 0o644, "", data.as_bytes())
        }

        fn link(self, name: &str, target: &str) -> Self {
            self.entry(name, EntryType::Symlink, 0o777, target, b"")
        }

        fn bytes(self) -> Vec<u8> {
            self.0.into_inner().unwrap()
        }

        fn unpack(self, rules: &Rules) -> Result<tempfile::TempDir, Error> {
            let home = tempfile::tempdir().unwrap();
            let archive = home.path().join("a.tar");
            fs_err::write(&archive, self.bytes()).unwrap();
            let into = tempfile::tempdir().unwrap();
            unpack(&archive, Format::Tar, rules, into.path()).map(|()| into)
        }

        fn refused(self) -> String {
            match self.unpack(&Rules::default()) {
                Err(error @ Error::Unsafe { .. }) => error.to_string(),
                Err(error) => panic!("refused for another reason: {error}"),
                Ok(_) => panic!("accepted"),
            }
        }
    }

    fn read(path: &Path) -> String {
        fs_err::read_to_string(path).unwrap()
    }

    #[test]
    fn files_directories_and_links_are_unpacked_and_the_rest_skipped() {
        let rules = Rules {
            strip: Some("go".to_owned()),
            executable: vec!["pkg/tool/".parse().unwrap()],
            rename: [("_go.mod".to_owned(), "go.mod".to_owned())].into(),
            ..Rules::default()
        };
        let into = Made::new()
            .entry("go/", EntryType::Directory, 0o700, "", b"")
            .entry("go/bin/go", EntryType::Regular, 0o6755, "", b"#!")
            .file("go/pkg/tool/link", "x")
            .file("go/src/_go.mod", "module std")
            .link("go/lib/up", "../bin/go")
            .entry("go/bin/go2", EntryType::Link, 0o755, "go/bin/go", b"")
            .file("other/file", "x")
            .unpack(&rules)
            .unwrap();
        let root = into.path();
        let mode = |name: &str| {
            fs_err::metadata(root.join(name))
                .unwrap()
                .permissions()
                .mode()
        };
        assert_eq!(mode("bin/go") & 0o7777 & !0o022, 0o755);
        assert_eq!(mode("pkg/tool/link") & 0o100, 0o100);
        assert_eq!(mode("src/go.mod") & 0o111, 0);
        assert_eq!(read(&root.join("src/go.mod")), "module std");
        assert_eq!(read(&root.join("lib/up")), "#!");
        assert_eq!(fs_err::metadata(root.join("bin/go2")).unwrap().nlink(), 2);
        assert!(!root.join("other").exists());
    }

    #[test]
    fn paths_that_lead_out_are_refused() {
        assert!(Made::new().file("../x", "").refused().contains("`..`"));
        assert!(Made::new().file("a/../../x", "").refused().contains("`..`"));
        assert!(
            Made::new()
                .file("/etc/x", "")
                .refused()
                .contains("absolute")
        );
    }

    #[test]
    fn links_that_lead_out_are_refused() {
        for target in ["/etc/passwd", "..", "../x", "a/../../x", "../../x"] {
            Made::new().link("l", target).refused();
        }
        Made::new().link("d/l", "../../x").refused();
        // Each step looks harmless; together they would leave.
        Made::new()
            .entry("a/b/", EntryType::Directory, 0o755, "", b"")
            .link("a/b/c", "../..")
            .link("q", "a/b/c/../x")
            .refused();
    }

    #[test]
    fn nothing_is_written_through_a_link_or_over_one() {
        let through = Made::new().link("d", "other").file("d/x", "");
        assert!(through.refused().contains("goes through the link `d`"));
        let over = Made::new().link("l", "other").file("l", "");
        assert!(over.refused().contains("takes the place of a link"));
        let file = Made::new().file("f", "").file("f/x", "");
        assert!(file.refused().contains("goes through the file `f`"));
        let folder = Made::new().file("d/x", "").file("d", "");
        assert!(folder.refused().contains("takes the place of a directory"));
    }

    #[test]
    fn hard_links_reach_only_files_of_the_archive() {
        for target in ["/etc/passwd", "../x", "missing"] {
            Made::new()
                .entry("l", EntryType::Link, 0o644, target, b"")
                .refused();
        }
        Made::new()
            .link("s", "f")
            .entry("l", EntryType::Link, 0o644, "s", b"")
            .refused();
    }

    #[test]
    fn a_later_file_replaces_an_earlier_one_and_not_its_other_names() {
        let into = Made::new()
            .file("a", "one")
            .entry("b", EntryType::Link, 0o644, "a", b"")
            .file("a", "two")
            .unpack(&Rules::default())
            .unwrap();
        assert_eq!(read(&into.path().join("a")), "two");
        assert_eq!(read(&into.path().join("b")), "one");
    }

    #[test]
    fn devices_are_refused() {
        for kind in [EntryType::Char, EntryType::Block, EntryType::Fifo] {
            Made::new().entry("d", kind, 0o644, "", b"").refused();
        }
    }

    #[test]
    fn more_bytes_than_allowed_are_refused() {
        let rules = Rules {
            maximum: 5,
            ..Rules::default()
        };
        let made = Made::new().file("a", "123").file("b", "456");
        let error = made.unpack(&rules).unwrap_err().to_string();
        assert!(error.contains("`b` exceeds the 5 bytes"), "{error}");
    }

    #[test]
    fn a_prefix_that_is_not_there_is_an_error() {
        let rules = Rules {
            strip: Some("go".to_owned()),
            ..Rules::default()
        };
        let error = Made::new().file("python/x", "").unpack(&rules).unwrap_err();
        assert!(matches!(error, Error::Empty { .. }), "{error}");
    }

    #[test]
    fn a_truncated_archive_is_damaged() {
        let bytes = Made::new().file("a", &"x".repeat(2000)).bytes();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
        gzip.write_all(&bytes).unwrap();
        let gzip = gzip.finish().unwrap();
        let zstd = zstd::encode_all(&bytes[..], 3).unwrap();
        let mut xz = Vec::new();
        let mut encoder = liblzma::read::XzEncoder::new(&bytes[..], 6);
        std::io::Read::read_to_end(&mut encoder, &mut xz).unwrap();
        let home = tempfile::tempdir().unwrap();
        let archive = home.path().join("archive");
        for (whole, format) in [
            (&bytes[..1500], Format::Tar),
            (&gzip, Format::TarGzip),
            (&xz, Format::TarXz),
            (&zstd, Format::TarZstd),
        ] {
            fs_err::write(&archive, &whole[..whole.len() - 4]).unwrap();
            let into = tempfile::tempdir().unwrap();
            let error = unpack(&archive, format, &Rules::default(), into.path()).unwrap_err();
            assert!(
                matches!(error, Error::Damaged { .. }),
                "{format:?}: {error}"
            );
        }
    }

    fn name() -> impl Strategy<Value = String> {
        proptest::collection::vec("(a|b|\\.\\.|\\.|)", 1..5).prop_map(|parts| parts.join("/"))
    }

    proptest! {
        #[test]
        fn whatever_an_archive_holds_nothing_reaches_outside(
            steps in proptest::collection::vec((0..4_u8, name(), name()), 1..12)
        ) {
            let outer = tempfile::tempdir().unwrap();
            let (into, archive) = (outer.path().join("x/y/in"), outer.path().join("a.tar"));
            fs_err::create_dir_all(&into).unwrap();
            fs_err::write(outer.path().join("x/a"), "outside").unwrap();
            let mut made = Made::new();
            for (kind, name, target) in steps {
                made = match kind {
                    0 => made.file(&name, "inside"),
                    1 => made.entry(&name, EntryType::Directory, 0o755, "", b""),
                    2 => made.link(&name, &target),
                    _ => made.entry(&name, EntryType::Link, 0o644, &target, b""),
                };
            }
            fs_err::write(&archive, made.bytes()).unwrap();
            // Refusing is fine, so is accepting; leaving the directory is not.
            let _ = unpack(&archive, Format::Tar, &Rules::default(), &into);
            let outside = |folder: &str| fs_err::read_dir(outer.path().join(folder)).unwrap().count();
            prop_assert_eq!((outside(""), outside("x"), outside("x/y")), (2, 2, 1));
            prop_assert_eq!(read(&outer.path().join("x/a")), "outside");
            let root = fs_err::canonicalize(&into).unwrap();
            let mut folders = vec![root.clone()];
            while let Some(folder) = folders.pop() {
                for entry in fs_err::read_dir(&folder).unwrap() {
                    let path = entry.unwrap().path();
                    if let Ok(real) = fs_err::canonicalize(&path) {
                        prop_assert!(real.starts_with(&root), "{path:?} is {real:?}");
                    }
                    if path.is_dir() && !path.is_symlink() {
                        folders.push(path);
                    }
                }
            }
        }
    }
}
