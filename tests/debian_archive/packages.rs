//! Locked packages: from archives, snapshots and the vendor folder.

use super::*;

/// A locked package.
struct Locked {
    source: Source,
    bytes: Vec<u8>,
}

fn locked(bench: &Bench, archives: &[&str]) -> Locked {
    let package = &bench.archive.packages[1];
    let path = package.path();
    Locked {
        bytes: bench.archive.files[&path].clone(),
        source: Source::Debian {
            name: package.name.clone(),
            version: package.version.clone(),
            archives: archives
                .iter()
                .map(|path| bench.server.secret_url(path))
                .collect(),
            path,
        },
    }
}

impl Locked {
    fn fetch(&self, bench: &Bench) -> Result<Blob, Error> {
        let lazy = Lazy::new(bench.home.path().join("store"));
        let fetcher = Fetcher::new(&lazy, &bench.observer, bench.options.clone());
        let wanted = Wanted {
            label: "hello",
            digest: Digest::of(&self.bytes),
            size: Some(self.bytes.len() as u64),
            maximum: 0,
        };
        fetcher.fetch(&self.source, &wanted)
    }
}

#[test]
fn a_locked_package_is_asked_of_each_archive_in_turn() {
    let bench = bench();
    let locked = locked(&bench, &["/gone", "/debian"]);
    let blob = locked.fetch(&bench).unwrap();
    assert_eq!(fs_err::read(&blob.path).unwrap(), locked.bytes);
    assert_eq!(bench.server.requests().len(), 2);
}

#[test]
fn a_locked_package_that_is_gone_comes_from_a_snapshot() {
    let mut bench = bench();
    let locked = locked(&bench, &["/gone"]);
    let error = locked.fetch(&bench).unwrap_err();
    assert_eq!(error.exit(), Exit::Network);
    let shown = format!("{} {error:?}", chain(&error));
    assert!(
        shown.contains("locked version `1:2.0-1` of package `hello` is gone"),
        "{shown}"
    );
    assert!(!shown.contains("secret"), "{shown}");
    let hint = error.hint().unwrap();
    assert!(hint.contains("`polyarch lock --upgrade hello`"), "{hint}");

    bench.options.snapshot = vec![bench.server.url("/debian")];
    assert!(locked.fetch(&bench).is_ok());
}

#[test]
fn a_locked_package_that_may_be_there_is_not_called_gone() {
    let bench = bench();
    let locked = locked(&bench, &["/broken", "/gone"]);
    let Source::Debian { path, .. } = &locked.source else {
        unreachable!()
    };
    let path = format!("/broken/{path}");
    bench.server.file(&path, b"");
    bench.server.script(&path, vec![Step::Status(500, ""); 9]);
    assert!(matches!(
        locked.fetch(&bench),
        Err(Error::Status { code: 500, .. })
    ));
}

#[test]
fn a_package_with_a_wrong_digest_or_size_is_refused_and_not_stored() {
    for wrong in [true, false] {
        let bench = bench();
        let locked = locked(&bench, &["/debian"]);
        let mut bytes = locked.bytes.clone();
        if wrong {
            bytes[70] ^= 1;
        } else {
            bytes.push(0);
        }
        let Source::Debian { path, .. } = &locked.source else {
            unreachable!()
        };
        bench.server.file(&format!("/debian/{path}"), &bytes);
        let error = locked.fetch(&bench).unwrap_err();
        assert_eq!(error.exit(), Exit::Integrity, "{}", chain(&error));
        assert!(
            chain(&error).contains("hello_1:2.0-1_amd64.deb"),
            "{}",
            chain(&error)
        );
        let blobs = fs_err::read_dir(bench.home.path().join("store/v1/blobs/sha256")).unwrap();
        assert_eq!(blobs.count(), 0);
    }
}

#[test]
fn a_vendor_folder_is_taken_before_anything_is_asked() {
    let mut bench = bench();
    let locked = locked(&bench, &["/debian"]);
    let vendor = bench.home.path().join("vendor");
    let file = vendor.join("sha256").join(Digest::of(&locked.bytes).hex());
    fs_err::create_dir_all(vendor.join("sha256")).unwrap();
    fs_err::write(file, &locked.bytes).unwrap();
    bench.options.vendor = Some(vendor);
    bench.options.offline = true;
    assert!(locked.fetch(&bench).is_ok());
    assert_eq!(bench.server.requests().len(), 0);
}
