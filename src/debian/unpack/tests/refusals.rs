//! Everything that packages may not do.

use proptest::prelude::*;
use tar::EntryType;

use super::*;

#[test]
fn names_that_lead_out_are_refused() {
    for (name, reason) in [
        ("../x", "has a path with `..`"),
        ("./a/../../x", "has a path with `..`"),
        ("/etc/x", "has an absolute path"),
    ] {
        let error = one(tar().file(name, "")).refused();
        let expected = format!("`data.tar` is unsafe: entry `{name}` {reason}");
        assert!(error.contains("package `demo 1`"), "{error}");
        assert!(error.contains(&expected), "{error}");
    }
}

#[test]
fn nothing_is_written_through_a_link_that_leads_out() {
    let error = one(tar().link("./d", "../../tmp").file("./d/x", "")).refused();
    assert!(error.contains("leads out of the tree"), "{error}");
    let error = one(tar().link("./d", "d").file("./d/x", "")).refused();
    assert!(error.contains("has no end"), "{error}");
    let error = one(tar().file("./d", "").file("./d/x", "")).refused();
    assert!(error.contains("goes through the file `d`"), "{error}");
    let outside = tempfile::tempdir().unwrap();
    let target = outside.path().to_str().unwrap();
    let archive = one(tar().link("./d", target).file("./d/x", "inside"));
    let (root, _) = archive.unpack(Kind::Rootfs).unwrap();
    assert_eq!(fs_err::read_dir(outside.path()).unwrap().count(), 0);
    assert_eq!(read(&root, &format!("{}/x", &target[1..])), "inside");
}

#[test]
fn a_sysroot_has_no_link_that_leads_out() {
    for data in [
        tar().link("./l", ".."),
        tar().link("./usr/l", "../../etc/passwd"),
        tar().link("./usr/l", "missing/../../../etc"),
        // Each step looks harmless.
        tar().link("./a/b", "..").link("./c", "a/b/../x"),
    ] {
        match one(data).unpack(Kind::Sysroot) {
            Err(error) => assert!(
                error.to_string().contains("links out of the tree"),
                "{error}"
            ),
            Ok(_) => panic!("accepted"),
        }
    }
}

#[test]
fn a_second_entry_in_the_same_place_is_refused() {
    for (data, reason) in [
        (tar().file("./a", "").file("./a", ""), "is there twice"),
        (
            tar().file("./lib/a", "").file("./usr/lib/a", ""),
            "is there twice",
        ),
        (
            tar().link("./a", "b").file("./a", ""),
            "takes the place of a link",
        ),
        (
            tar().directory("./a/").file("./a", ""),
            "takes the place of a directory",
        ),
        (
            tar().file("./a/b", "").link("./a", "b"),
            "takes the place of `a`",
        ),
        (tar().file("./.", ""), "takes the place of the root"),
    ] {
        let error = one(data).refused();
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn hard_links_reach_only_files_of_the_tree() {
    for (target, reason) in [
        ("/etc/passwd", "has an absolute path"),
        ("../x", "has a path with `..`"),
        ("./missing", "is no file unpacked before"),
        ("./l", "is itself"),
        ("./s", "is no file unpacked before"),
    ] {
        let data = tar().link("./s", "f").hard_link("./l", target);
        let data = if target == "./l" {
            tar().file("./l", "").hard_link("./l", "./l")
        } else {
            data
        };
        let error = one(data).refused();
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn devices_pipes_sparse_files_and_pax_records_are_refused() {
    for (kind, reason) in [
        (EntryType::Char, "is a device"),
        (EntryType::Block, "is a device"),
        (EntryType::Fifo, "is a pipe"),
        (EntryType::GNUSparse, "is a sparse file"),
        (EntryType::XHeader, "is a PAX record"),
        (EntryType::XGlobalHeader, "is a PAX record"),
        (EntryType::new(b'?'), "is of the unknown kind `?`"),
    ] {
        let error = one(tar().entry("./x", kind, 0o644, "", b"")).refused();
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn what_is_too_large_is_refused_before_it_is_written() {
    // 10 GB that a header claims, and 64 MB of zeros that are there.
    let mut huge = tar();
    huge.raw("./huge", EntryType::Regular, 0o644, "", 10_000_000_000);
    let error = one(huge).refused();
    assert!(
        error.contains("`./huge` exceeds the 8589934592 bytes"),
        "{error}"
    );
    let zeros = vec![0; 64 << 20];
    let mut bomb = tar().entry("./usr/a", EntryType::Regular, 0o644, "", &zeros);
    let options = Options {
        maximum: 1 << 20,
        ..Options::new(Kind::Rootfs, 2)
    };
    let archive = one(bomb.clone());
    assert!(fs_err::metadata(&archive.packages[0].0).unwrap().len() < 20_000);
    let error = archive.unpack_as(options).unwrap_err().to_string();
    assert!(error.contains("exceeds the 1048576 bytes"), "{error}");
    // Zeros that are no member's.
    bomb.0.clear();
    bomb.0.resize(64 << 20, 0);
    let error = one(bomb).unpack_as(options).unwrap_err().to_string();
    assert!(
        error.contains("more than 1048576 bytes when decompressed"),
        "{error}"
    );
}

#[test]
fn a_package_that_is_cut_anywhere_is_refused() {
    let control = "Package: demo\nVersion: 1\nArchitecture: arm64\n";
    let whole = sample::deb(control, tar().file("./usr/a", &"x".repeat(3000)));
    let accepted = |length: usize, threads: usize| {
        let archive = Archive::new().bytes("demo", &whole[..length]);
        let other = Archive::new().package("other", tar());
        let packages = archive.packages.into_iter().chain(other.packages).collect();
        let archive = Archive {
            home: archive.home,
            packages,
        };
        let options = Options::new(Kind::Sysroot, threads);
        match archive.unpack_as(options) {
            Ok(_) => true,
            Err(error) => {
                assert!(error.to_string().contains("package `demo 1`"), "{error}");
                assert_eq!(error.exit(), Exit::Integrity);
                false
            }
        }
    };
    for length in (0..whole.len()).step_by(7) {
        assert!(!accepted(length, 1 + length % 2), "{length}");
    }
}

#[test]
fn another_package_than_promised_is_refused() {
    let control = "Package: demo\nVersion: 2\nArchitecture: arm64\n";
    let archive = Archive::new().bytes("demo", &sample::deb(control, tar()));
    let error = archive.refused();
    assert!(
        error.contains("its `Version` is `2`, the index has `1`"),
        "{error}"
    );
    let mut archive = one(tar());
    archive.packages[0].1.architecture = "armhf".to_owned();
    assert!(archive.refused().contains("`Architecture`"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// However links and files are put together, nothing happens outside.
    #[test]
    fn nothing_outside_is_touched(
        steps in prop::collection::vec(
            (0_u8..4, "[ab](/[ab]){0,2}", "(/|(\\.\\./){0,3})[ab](/([ab]|\\.\\.)){0,3}"),
            1..10,
        ),
    ) {
        let mut data = tar();
        for (kind, name, target) in &steps {
            data = match kind {
                0 => data.file(name, "inside"),
                1 => data.directory(name),
                2 => data.link(name, target),
                _ => data.hard_link(name, target),
            };
        }
        let archive = one(data);
        for kind in [Kind::Rootfs, Kind::Sysroot] {
            let outer = tempfile::tempdir().unwrap();
            let into = outer.path().join("x/y/in");
            fs_err::create_dir_all(&into).unwrap();
            fs_err::write(outer.path().join("x/a"), "outside").unwrap();
            let (path, package) = &archive.packages[0];
            let debs = [Deb { path, package }];
            let result = unpack(&debs, "arm64", &into, Options::new(kind, 1), &Silent);
            let count = |folder: &str| fs_err::read_dir(outer.path().join(folder)).unwrap().count();
            prop_assert_eq!((count(""), count("x"), count("x/y")), (1, 2, 1));
            let outside = fs_err::read_to_string(outer.path().join("x/a")).unwrap();
            prop_assert_eq!(outside, "outside");
            if kind == Kind::Sysroot && result.is_ok() {
                let root = fs_err::canonicalize(&into).unwrap();
                for (name, _, _) in listing(&root) {
                    if let Ok(real) = fs_err::canonicalize(root.join(name)) {
                        prop_assert!(real.starts_with(&root), "{:?}", real);
                    }
                }
            }
        }
    }
}
