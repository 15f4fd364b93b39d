//! Unpacking, tested with packages made by hand: what has to come out.

mod refusals;

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use proptest::prelude::*;
use tar::EntryType;
use tempfile::TempDir;

use super::*;
use crate::debian::sample::{self, Tar};
use crate::digest::Digest;
use crate::progress::Silent;

/// Packages for `arm64`, each a file.
struct Archive {
    home: TempDir,
    packages: Vec<(PathBuf, Package)>,
}

impl Archive {
    fn new() -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
            packages: Vec::new(),
        }
    }

    fn package(self, name: &str, data: Tar) -> Self {
        self.with(name, "", data)
    }

    fn with(self, name: &str, fields: &str, data: Tar) -> Self {
        let control = format!("Package: {name}\nVersion: 1\nArchitecture: arm64\n{fields}");
        self.bytes(name, &sample::deb(&control, data))
    }

    fn bytes(mut self, name: &str, bytes: &[u8]) -> Self {
        let path = self
            .home
            .path()
            .join(format!("{}.deb", self.packages.len()));
        fs_err::write(&path, bytes).unwrap();
        let package = Package {
            name: name.to_owned(),
            version: "1".parse().unwrap(),
            architecture: "arm64".to_owned(),
            suite: "stable".to_owned(),
            path: format!("pool/main/{name}.deb"),
            size: bytes.len() as u64,
            sha256: Digest::of(bytes),
        };
        self.packages.push((path, package));
        self
    }

    fn unpack_as(&self, options: Options) -> Result<(TempDir, Unpacked), Error> {
        let debs: Vec<Deb<'_>> = self
            .packages
            .iter()
            .map(|(path, package)| Deb { path, package })
            .collect();
        let into = tempfile::tempdir().unwrap();
        unpack(&debs, "arm64", into.path(), options, &Silent).map(|unpacked| (into, unpacked))
    }

    fn unpack(&self, kind: Kind) -> Result<(TempDir, Unpacked), Error> {
        self.unpack_as(Options::new(kind, 2))
    }

    /// The error; both kinds of tree have to refuse.
    fn refused(&self) -> String {
        let [first, second] = [Kind::Rootfs, Kind::Sysroot].map(|kind| match self.unpack(kind) {
            Err(error) => (error.exit(), error.to_string()),
            Ok(_) => panic!("accepted"),
        });
        assert_eq!(first, second);
        first.1
    }
}

fn one(data: Tar) -> Archive {
    Archive::new().package("demo", data)
}

fn tar() -> Tar {
    Tar::default()
}

fn read(root: &TempDir, path: &str) -> String {
    fs_err::read_to_string(root.path().join(path)).unwrap()
}

fn link(root: &TempDir, path: &str) -> String {
    let target = fs_err::read_link(root.path().join(path)).unwrap();
    target.to_str().unwrap().to_owned()
}

fn find<'a>(unpacked: &'a Unpacked, path: &str) -> &'a Entry {
    let found = unpacked.entries.iter().find(|entry| entry.path == path);
    found.unwrap_or_else(|| panic!("no `{path}`"))
}

#[test]
fn a_sysroot_has_plain_modes_and_no_manuals() {
    let archive = one(tar()
        .entry("./usr/bin/", EntryType::Directory, 0o2770, "", b"")
        .entry("./usr/bin/tool", EntryType::Regular, 0o6711, "", b"#!")
        .file("./usr/share/doc/demo/changelog", "long")
        .file("./usr/share/doc/demo/copyright", "MIT")
        .link("./usr/share/doc/demo-dev", "demo")
        .file("./usr/share/man/man1/tool.1", "x")
        .file("./usr/share/locale/de/x.mo", "x"));
    let (root, unpacked) = archive.unpack(Kind::Sysroot).unwrap();
    let mode = |path: &str| fs_err::metadata(root.path().join(path)).unwrap().mode() & 0o7000;
    assert_eq!((mode("usr/bin"), mode("usr/bin/tool")), (0, 0));
    assert_eq!(find(&unpacked, "usr/bin").mode, 0o755);
    assert_eq!(find(&unpacked, "usr/bin/tool").mode, 0o755);
    assert_eq!(read(&root, "usr/share/doc/demo/copyright"), "MIT");
    assert_eq!(link(&root, "usr/share/doc/demo-dev"), "demo");
    for gone in [
        "usr/share/doc/demo/changelog",
        "usr/share/man",
        "usr/share/locale",
    ] {
        assert!(!root.path().join(gone).exists(), "{gone}");
    }
}

#[test]
fn a_root_is_recorded_as_it_would_be_and_plain_on_disk() {
    let mut data = tar().entry("./usr/bin/su", EntryType::Regular, 0o4755, "", b"#!");
    data = data.entry("./tmp/", EntryType::Directory, 0o1777, "", b"");
    let archive = one(data.file("./usr/share/man/man1/su.1", "x"));
    let (root, unpacked) = archive.unpack(Kind::Rootfs).unwrap();
    assert_eq!(find(&unpacked, "usr/bin/su").mode, 0o4755);
    assert_eq!(find(&unpacked, "usr/bin/su").package, Some(0));
    assert_eq!(find(&unpacked, "tmp").mode, 0o1777);
    assert_eq!(find(&unpacked, "usr/share/man/man1/su.1").mode, 0o644);
    let on_disk = fs_err::metadata(root.path().join("usr/bin/su")).unwrap();
    assert_eq!(on_disk.permissions().mode() & 0o7000, 0);
}

#[test]
fn absolute_links_are_kept_in_a_root_and_rewritten_in_a_sysroot() {
    let archive = one(tar()
        .file("./lib/aarch64-linux-gnu/libm.so.6", "code")
        .link(
            "./usr/lib/aarch64-linux-gnu/libm.so",
            "/lib/aarch64-linux-gnu/libm.so.6",
        )
        .link("./lib64/ld.so", "/lib/aarch64-linux-gnu/ld.so")
        .link("./everything", "/"));
    let (root, _) = archive.unpack(Kind::Rootfs).unwrap();
    let path = "usr/lib/aarch64-linux-gnu/libm.so";
    assert_eq!(link(&root, path), "/lib/aarch64-linux-gnu/libm.so.6");
    let (root, unpacked) = archive.unpack(Kind::Sysroot).unwrap();
    assert_eq!(
        link(&root, path),
        "../../../lib/aarch64-linux-gnu/libm.so.6"
    );
    assert_eq!(read(&root, path), "code");
    assert_eq!(link(&root, "everything"), ".");
    let missing = "../../lib/aarch64-linux-gnu/ld.so".to_owned();
    assert_eq!(unpacked.dangling, [("usr/lib64/ld.so".to_owned(), missing)]);
}

#[test]
fn both_kinds_of_package_end_in_a_merged_usr() {
    let old = tar()
        .directory("./lib/")
        .directory("./lib/aarch64-linux-gnu/")
        .file("./lib/aarch64-linux-gnu/libz.so.1", "old")
        .file("./usr/lib/aarch64-linux-gnu/libz.a", "old")
        .file("./bin/tool", "old");
    let new = tar()
        .link("./lib", "usr/lib")
        .link("./lib64", "usr/lib64")
        .directory("./usr/lib/")
        .file("./usr/lib/aarch64-linux-gnu/libc.so.6", "new");
    for order in [[("a", &old), ("b", &new)], [("b", &new), ("a", &old)]] {
        let mut archive = Archive::new();
        for (name, data) in order {
            archive = archive.package(name, data.clone());
        }
        let (root, unpacked) = archive.unpack(Kind::Rootfs).unwrap();
        for name in ["bin", "lib", "lib64", "sbin"] {
            assert_eq!(link(&root, name), format!("usr/{name}"));
            assert_eq!(
                find(&unpacked, name).content,
                Content::Symlink(format!("usr/{name}"))
            );
        }
        assert!(!root.path().join("lib32").is_symlink());
        assert_eq!(read(&root, "usr/lib/aarch64-linux-gnu/libz.so.1"), "old");
        assert_eq!(read(&root, "lib/aarch64-linux-gnu/libc.so.6"), "new");
        assert_eq!(read(&root, "usr/bin/tool"), "old");
    }
}

/// trixie's packages have `/usr/lib64` alone; programs ask for `/lib64/ld-linux-…`.
#[test]
fn a_directory_below_usr_gets_its_link_at_the_root() {
    let packed = tar().file("./usr/lib64/ld.so", "linker");
    let (root, unpacked) = Archive::new()
        .package("libc6", packed)
        .unpack(Kind::Sysroot)
        .unwrap();
    assert_eq!(link(&root, "lib64"), "usr/lib64");
    assert_eq!(read(&root, "lib64/ld.so"), "linker");
    assert_eq!(
        find(&unpacked, "lib64").content,
        Content::Symlink("usr/lib64".to_owned())
    );
}

#[test]
fn a_link_in_the_place_of_one_into_usr_is_refused() {
    let error = one(tar().link("./lib", "/etc")).refused();
    assert!(error.contains("takes the place of `lib`"), "{error}");
}

#[test]
fn directories_are_shared_and_the_first_says_what_they_are_like() {
    let entry = |mode| tar().entry("./var/spool/", EntryType::Directory, mode, "", b"");
    let archive = Archive::new()
        .package("a", tar().file("./var/spool/one", ""))
        .package("b", entry(0o2755))
        .package("c", entry(0o700));
    let (_root, unpacked) = archive.unpack(Kind::Rootfs).unwrap();
    assert_eq!(find(&unpacked, "var/spool").mode, 0o2755);
    assert_eq!(find(&unpacked, "var/spool").package, Some(1));
    assert_eq!(find(&unpacked, "var").mode, 0o755);
}

#[test]
fn a_file_of_two_packages_is_an_error_that_names_both() {
    let archive = Archive::new()
        .package("a", tar().file("./etc/x", "same"))
        .package("b", tar().file("./etc/x", "same"));
    let error = archive.refused();
    assert_eq!(error, "`etc/x` is in package `a 1` and in package `b 1`");
}

#[test]
fn replaces_says_whose_file_it_is_in_either_order() {
    let newer = || ("b", "Replaces: c, a (<< 2)\n", tar().file("./etc/x", "b"));
    let older = || {
        (
            "a",
            "",
            tar().file("./etc/x", "a").hard_link("./etc/y", "./etc/x"),
        )
    };
    for order in [[newer(), older()], [older(), newer()]] {
        let mut archive = Archive::new();
        for (name, fields, data) in order {
            archive = archive.with(name, fields, data);
        }
        let (root, unpacked) = archive.unpack(Kind::Rootfs).unwrap();
        assert_eq!(read(&root, "etc/x"), "b");
        let owner = find(&unpacked, "etc/x").package.unwrap();
        assert_eq!(unpacked.controls[owner].package, "b");
    }
    let archive = Archive::new()
        .with("a", "", tar().file("./etc/x", "a"))
        .with("b", "Replaces: a (<< 1)\n", tar().file("./etc/x", "b"));
    assert!(archive.refused().contains("`etc/x`"));
}

#[test]
fn a_replaced_file_does_not_change_its_other_names() {
    let archive = Archive::new()
        .with(
            "a",
            "",
            tar().file("./etc/x", "a").hard_link("./etc/y", "etc/x"),
        )
        .with("b", "Replaces: a\n", tar().file("./etc/x", "b"));
    let (root, unpacked) = archive.unpack(Kind::Rootfs).unwrap();
    assert_eq!(
        (read(&root, "etc/x"), read(&root, "etc/y")),
        ("b".into(), "a".into())
    );
    assert_eq!(find(&unpacked, "etc/y").content, Content::File);
}

#[test]
fn hard_links_are_listed_with_the_first_name() {
    let archive = one(tar()
        .file("./usr/bin/perl", "x")
        .hard_link("./bin/p", "./usr/bin/perl"));
    let (root, unpacked) = archive.unpack(Kind::Rootfs).unwrap();
    assert_eq!(find(&unpacked, "usr/bin/p").content, Content::File);
    assert_eq!(
        find(&unpacked, "usr/bin/perl").content,
        Content::Hardlink("usr/bin/p".to_owned())
    );
    assert_eq!(
        fs_err::metadata(root.path().join("bin/perl"))
            .unwrap()
            .nlink(),
        2
    );
}

#[test]
fn files_go_through_links_that_stay_inside() {
    let archive = Archive::new()
        .package("a", tar().directory("./run/").link("./var/run", "/run"))
        .package("b", tar().directory("./var/run/").file("./var/run/x", "in"));
    for kind in [Kind::Rootfs, Kind::Sysroot] {
        let (root, unpacked) = archive.unpack(kind).unwrap();
        assert_eq!(read(&root, "run/x"), "in");
        assert!(matches!(
            find(&unpacked, "var/run").content,
            Content::Symlink(_)
        ));
    }
}

/// Everything that can be told of a tree.
fn listing(root: &Path) -> Vec<(String, u32, Vec<u8>)> {
    let mut found = Vec::new();
    let mut todo = vec![root.to_owned()];
    while let Some(folder) = todo.pop() {
        for entry in fs_err::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs_err::symlink_metadata(&path).unwrap();
            let content = if metadata.is_symlink() {
                let target = fs_err::read_link(&path).unwrap();
                target.into_os_string().into_encoded_bytes()
            } else if metadata.is_dir() {
                todo.push(path.clone());
                Vec::new()
            } else {
                fs_err::read(&path).unwrap()
            };
            let name = path
                .strip_prefix(root)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            found.push((name, metadata.mode(), content));
        }
    }
    found.sort();
    found
}

#[test]
fn what_comes_out_does_not_depend_on_the_number_of_threads() {
    let mut archive = Archive::new();
    for index in 0..12 {
        let mut data = tar().directory("./usr/share/");
        for file in 0..20 {
            let text = format!("{index}-{file}\n").repeat(file * 997);
            data = data.file(&format!("./usr/share/{index}/{file}"), &text);
        }
        archive = archive.package(&format!("p{index}"), data);
    }
    let (root, first) = archive.unpack_as(Options::new(Kind::Rootfs, 1)).unwrap();
    for threads in [2, 3, 16] {
        let (other, unpacked) = archive
            .unpack_as(Options::new(Kind::Rootfs, threads))
            .unwrap();
        assert_eq!(unpacked.entries, first.entries);
        assert_eq!(listing(other.path()), listing(root.path()));
    }
}

#[test]
fn the_first_of_several_bad_packages_is_reported_on_any_number_of_threads() {
    let bad = || tar().file("./../x", "");
    let archive = Archive::new()
        .package("good", tar())
        .package("first", bad())
        .package("second", bad());
    for threads in [1, 2, 8] {
        let error = archive
            .unpack_as(Options::new(Kind::Sysroot, threads))
            .unwrap_err();
        assert!(error.to_string().contains("`first 1`"), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Files and directories come back as they were packed, whatever their names are.
    #[test]
    fn what_was_packed_is_unpacked(
        files in prop::collection::btree_map(
            "[a-z]{1,3}(/[A-Za-z0-9+._-]{0,40}x){1,5}",
            (prop::collection::vec(any::<u8>(), 0..2000), 0_u32..0o10000),
            0..8,
        ),
    ) {
        let mut data = tar();
        for (path, (content, mode)) in &files {
            data = data.entry(&format!("./opt/{path}"), EntryType::Regular, *mode, "", content);
        }
        // One file's name may be another's directory.
        if let Ok((root, unpacked)) = one(data).unpack(Kind::Rootfs) {
            for (path, (content, mode)) in &files {
                let path = format!("opt/{path}");
                prop_assert_eq!(&fs_err::read(root.path().join(&path)).unwrap(), content);
                prop_assert_eq!(find(&unpacked, &path).mode, *mode);
            }
        }
    }
}
