//! Debian archives that are as they should be, and such that are not.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use polyarch::debian::archive::{self, OpenedSuite};
use polyarch::debian::release::{self, Date};
use polyarch::debian::signature::Verifier;
use polyarch::debian::sources::Sources;
use polyarch::digest::Digest;
use polyarch::fault::{Exit, Fault};
use polyarch::fetch::{Error, Fetcher, Options, Patience, Source, Wanted};
use polyarch::store::{Blob, Lazy};

use crate::support::archive::{Archive, NOW, Package, SIGNED, gzip, xz};
use crate::support::openpgp::{Signer, armor, clearsign};
use crate::support::server::{Server, Step};
use crate::support::{Recorder, chain};

const INRELEASE: &str = "/debian/dists/trixie/InRelease";
const INDEX: &str = "main/binary-amd64/Packages";

struct Bench {
    home: tempfile::TempDir,
    server: Server,
    archive: Archive,
    observer: Recorder,
    options: Options,
    compiled: AtomicUsize,
    without: Vec<String>,
    architecture: &'static str,
    verifier: Verifier,
    now: Date,
}

fn bench() -> Bench {
    let bench = Bench {
        home: tempfile::tempdir().unwrap(),
        server: Server::start(),
        archive: Archive::new(),
        observer: Recorder::default(),
        options: Options {
            patience: Patience {
                connect: Duration::from_secs(2),
                stall: Duration::from_millis(500),
                attempts: 2,
                pause: Duration::from_millis(5),
            },
            ..Options::default()
        },
        compiled: AtomicUsize::new(0),
        without: Vec::new(),
        architecture: "amd64",
        verifier: Verifier::Own,
        now: NOW,
    };
    bench.trust(&bench.archive.signer);
    bench.archive.serve(&bench.server);
    bench
}

impl Bench {
    fn keyring(&self) -> std::path::PathBuf {
        self.home.path().join("archive.asc")
    }

    fn trust(&self, signer: &Signer) {
        fs_err::write(self.keyring(), signer.armored()).unwrap();
    }

    /// Publishes anew and serves it.
    fn publish(&mut self) {
        self.archive.publish();
        self.archive.serve(&self.server);
    }

    fn line(&self, options: &str, suite: &str) -> String {
        let address = self.server.secret_url("/debian");
        let keyring = self.keyring();
        format!(
            "deb [signed-by={} {options}] {address} {suite}",
            keyring.display()
        )
    }

    fn open_lines(&self, lines: &[String]) -> Result<Vec<OpenedSuite>, archive::Error> {
        let sources = Sources::chosen(lines, "test").unwrap();
        let lazy = Lazy::new(self.home.path().join("store"));
        let fetcher = Fetcher::new(&lazy, &self.observer, self.options.clone());
        let compile = |reader: &mut dyn std::io::BufRead, suite: &str| {
            self.compiled.fetch_add(1, Ordering::SeqCst);
            let mut text = format!("{suite}\n").into_bytes();
            // A reader's failure is told by who made it.
            let _ = std::io::Read::read_to_end(reader, &mut text);
            Ok(text)
        };
        let options = archive::Options {
            architecture: self.architecture,
            root: Path::new("/"),
            verifier: self.verifier,
            now: self.now,
            without_suites: &self.without,
            compile: &compile,
            format: 1,
            observer: &self.observer,
        };
        archive::open(&sources.list, &fetcher, &options)
    }

    fn open(&self) -> Result<Vec<OpenedSuite>, archive::Error> {
        self.open_lines(&[self.line("", "trixie main")])
    }

    /// Fails, with the error's whole text; credentials are never in it.
    fn fails(&self, exit: Exit) -> (String, archive::Error) {
        let error = self.open().unwrap_err();
        let text = chain(&error);
        assert_eq!(error.exit(), exit, "{text}");
        let shown = format!("{text} {error:?} {:?}", error.hint());
        assert!(!shown.contains("secret"), "{shown}");
        (text, error)
    }

    fn count(&self, path: &str) -> usize {
        self.server
            .count(&format!("/debian/{}", self.archive.path(path)))
    }

    fn by_hash(&self, path: &str) -> String {
        let bytes = &self.archive.files[&self.archive.path(path)];
        format!(
            "main/binary-amd64/by-hash/SHA256/{}",
            Digest::of(bytes).hex()
        )
    }

    fn compiled(&self) -> usize {
        self.compiled.load(Ordering::SeqCst)
    }
}

fn text(suites: &[OpenedSuite]) -> String {
    String::from_utf8(suites[0].packages[0].index.clone()).unwrap()
}

#[test]
fn a_suite_is_opened_and_its_index_read() {
    let bench = bench();
    let suites = bench.open().unwrap();
    let suite = &suites[0];
    assert_eq!((suite.name.as_str(), suite.priority), ("trixie", 500));
    assert_eq!(suite.origin, "Example");
    assert_eq!(suite.packages.len(), 1);
    let text = text(&suites);
    assert!(text.starts_with("trixie\nPackage: libhello1\n"), "{text}");
    assert!(text.contains("Package: hello-data\n") && !text.contains("riscv64"));
    // The smallest form, by its digest, and nothing else.
    assert_eq!(bench.count(&bench.by_hash(&format!("{INDEX}.xz"))), 1);
    assert_eq!(bench.server.requests().len(), 2);
}

#[test]
fn an_archive_in_a_folder_is_as_good_as_any_server() {
    let bench = bench();
    let folder = bench.home.path().join("an archive");
    bench.archive.write(&folder);
    let keyring = bench.home.path().join("archive.gpg");
    fs_err::write(&keyring, bench.archive.signer.public()).unwrap();
    let address = format!("file:{}", folder.display()).replace(' ', "%20");
    let line = format!("[signed-by={}] {address} trixie main", keyring.display());
    let suites = bench.open_lines(&[line]).unwrap();
    assert!(text(&suites).contains("Package: hello\n"));
    assert_eq!(bench.server.requests().len(), 0);
}

#[test]
fn what_has_not_changed_costs_one_question() {
    let bench = bench();
    let first = text(&bench.open().unwrap());
    bench.server.script(INRELEASE, [Step::Status(304, "")]);
    assert_eq!(text(&bench.open().unwrap()), first);
    let requests = bench.server.requests();
    assert_eq!(requests.len(), 3);
    let asked = &requests[2].headers;
    assert_eq!(
        asked.get("if-none-match").map(String::as_str),
        Some("\"v1\"")
    );
    assert_eq!(bench.compiled(), 1);
}

#[test]
fn offline_the_last_answer_counts() {
    let mut bench = bench();
    bench.options.offline = true;
    let (text, error) = bench.fails(Exit::Locked);
    assert!(text.contains("InRelease"), "{text}");
    assert!(error.hint().unwrap().contains("--offline"));
    bench.options.offline = false;
    bench.open().unwrap();
    bench.options.offline = true;
    bench.open().unwrap();
    assert_eq!(bench.server.requests().len(), 2);
}

#[test]
fn an_index_without_its_digest_name_is_found_by_its_path() {
    let mut bench = bench();
    let path = format!(
        "/debian/{}",
        bench.archive.path(&bench.by_hash(&format!("{INDEX}.xz")))
    );
    bench.server.script(&path, [Step::Status(404, "")]);
    bench.open().unwrap();
    assert_eq!(bench.count(&format!("{INDEX}.xz")), 1);

    bench = self::bench();
    bench.archive.by_hash = false;
    bench.archive.files.clear();
    bench.publish();
    bench.server.script(
        &format!("/debian/{}", bench.archive.path(&format!("{INDEX}.xz"))),
        [Step::Status(404, "")],
    );
    assert!(text(&bench.open().unwrap()).contains("Package: hello\n"));
    assert_eq!(bench.count(&format!("{INDEX}.gz")), 1);
}

#[test]
fn a_release_that_was_changed_is_refused() {
    let bench = bench();
    let whole = &bench.archive.files["dists/trixie/InRelease"];
    let changed = String::from_utf8(whole.clone())
        .unwrap()
        .replace("Example", "Exemple");
    bench.server.file(INRELEASE, changed.as_bytes());
    let (text, _) = bench.fails(Exit::Integrity);
    assert!(text.contains("release of suite `trixie`"), "{text}");
    assert!(text.contains("was changed after it was signed"), "{text}");
    assert!(text.contains(&bench.archive.signer.fingerprint()), "{text}");
    assert_eq!(bench.server.requests().len(), 1);
}

#[test]
fn an_unknown_key_is_named_with_the_keyring() {
    let bench = bench();
    bench.trust(&Signer::new());
    let (text, error) = bench.fails(Exit::Integrity);
    assert!(text.contains(&bench.archive.signer.fingerprint()), "{text}");
    assert!(text.contains("archive.asc"), "{text}");
    assert!(error.hint().unwrap().contains("[signed-by="));
}

#[test]
fn what_was_believed_with_one_keyring_is_not_with_another() {
    let bench = bench();
    bench.open().unwrap();
    bench.trust(&Signer::new());
    bench.fails(Exit::Integrity);
}

#[test]
fn a_page_in_the_archives_place_is_no_release() {
    let bench = bench();
    bench.server.file(INRELEASE, b"<html>please log in</html>");
    let (text, error) = bench.fails(Exit::Integrity);
    assert!(text.contains("not one signed message"), "{text}");
    assert!(error.hint().is_some());
}

#[test]
fn an_expired_release_is_refused_unless_the_source_says_otherwise() {
    let mut bench = bench();
    bench.now = Date(i64::from(SIGNED) + 8 * 86_400);
    let (text, error) = bench.fails(Exit::Integrity);
    assert!(text.contains("expired on 2024-02-07"), "{text}");
    let hint = error.hint().unwrap();
    assert!(hint.contains("[check-valid-until=no]"), "{hint}");
    let line = bench.line("check-valid-until=no", "trixie main");
    assert!(bench.open_lines(&[line]).is_ok());
}

#[test]
fn a_release_from_the_future_and_one_of_another_suite_are_refused() {
    let mut bench = bench();
    bench.now = Date(i64::from(SIGNED) - 3600);
    // The signature is as young as the release, and is looked at first.
    let (text, _) = bench.fails(Exit::Integrity);
    assert!(text.contains("is from the future"), "{text}");

    bench = self::bench();
    let inrelease = bench.archive.files["dists/trixie/InRelease"].clone();
    bench
        .server
        .file("/debian/dists/forky/InRelease", &inrelease);
    let error = bench
        .open_lines(&[bench.line("", "forky main")])
        .unwrap_err();
    let other = matches!(error, archive::Error::Release(release::Error::Other { .. }));
    assert!(other, "{error}");
}

#[test]
fn an_index_that_stays_wrong_is_an_archive_in_the_middle_of_an_update() {
    let mut bench = bench();
    let paths: Vec<String> = bench.archive.files.keys().cloned().collect();
    for path in paths.iter().filter(|path| path.contains("binary-")) {
        bench.server.file(&format!("/debian/{path}"), b"another");
    }
    let (text, error) = bench.fails(Exit::Network);
    assert!(text.contains("in the middle of an update"), "{text}");
    assert!(text.contains("main/binary-amd64/Packages.xz"), "{text}");
    assert!(
        error
            .hint()
            .unwrap()
            .contains("without-suites = [\"trixie\"]")
    );
    assert_eq!(bench.count("InRelease"), 2);
    assert_eq!(bench.compiled(), 0);

    // Nor is it one that is not there at all.
    bench = self::bench();
    for path in paths.iter().filter(|path| path.contains("binary-")) {
        bench
            .server
            .script(&format!("/debian/{path}"), vec![Step::Status(404, ""); 9]);
    }
    let (text, _) = bench.fails(Exit::Network);
    assert!(
        text.contains("`main/binary-amd64/Packages` of suite `trixie` is not there"),
        "{text}"
    );
}

#[test]
fn an_archive_that_changes_between_two_requests_is_asked_once_more() {
    let mut bench = bench();
    let old = bench.archive.files.clone();
    for path in old.keys().filter(|path| path.contains("binary-")) {
        // What the old release names is gone.
        bench
            .server
            .script(&format!("/debian/{path}"), vec![Step::Status(404, ""); 9]);
    }
    bench.archive.files.clear();
    bench.archive.by_hash = false;
    bench
        .archive
        .packages
        .push(Package::new("newer", "1", "amd64"));
    bench.publish();
    for path in bench.archive.files.keys() {
        bench.server.script(&format!("/debian/{path}"), []);
    }
    bench.server.script(
        INRELEASE,
        [Step::Instead(old["dists/trixie/InRelease"].clone())],
    );
    assert!(text(&bench.open().unwrap()).contains("Package: newer\n"));
    assert_eq!(bench.count("InRelease"), 2);
}

#[test]
fn a_suite_that_does_not_exist_is_left_out_only_when_told() {
    let mut bench = bench();
    let lines = [
        bench.line("", "trixie main"),
        bench.line("", "trixie-updates main"),
    ];
    let error = bench.open_lines(&lines).unwrap_err();
    assert_eq!(error.exit(), Exit::Network);
    let shown = chain(&error);
    assert!(
        shown.contains("suite `trixie-updates` does not exist"),
        "{shown}"
    );
    let hint = error.hint().unwrap();
    assert!(
        hint.contains("without-suites = [\"trixie-updates\"]"),
        "{hint}"
    );

    bench.without = vec!["trixie-updates".to_owned()];
    assert_eq!(bench.open_lines(&lines).unwrap().len(), 1);
    assert!(
        bench
            .observer
            .text()
            .contains("`trixie-updates` is left out")
    );
    bench.without.push("trixie".to_owned());
    let error = bench.open_lines(&lines).unwrap_err();
    assert!(matches!(error, archive::Error::Nothing { .. }), "{error}");
}

#[test]
fn an_architecture_or_component_that_is_lacking_is_told_with_those_there_are() {
    let mut bench = bench();
    bench.architecture = "s390x";
    let (text, error) = bench.fails(Exit::Usage);
    assert!(
        text.contains("no architecture `s390x`; it has `amd64`, `riscv64`"),
        "{text}"
    );
    assert!(error.hint().is_some());
    bench.architecture = "riscv64";
    assert!(bench.open().is_ok());
    let error = bench
        .open_lines(&[bench.line("", "trixie main contrib")])
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("no component `contrib`; it has `main`"),
        "{error}"
    );
    bench.architecture = "amd64";
    let error = bench
        .open_lines(&[bench.line("arch=arm64", "trixie main")])
        .unwrap_err();
    assert!(matches!(error, archive::Error::Nothing { .. }), "{error}");
}

#[test]
fn packages_of_all_architectures_are_read_where_they_are_apart() {
    let mut bench = bench();
    bench.archive.architectures.push("all".to_owned());
    bench.publish();
    assert_eq!(bench.open().unwrap()[0].packages.len(), 2);
    bench.archive.fields = "No-Support-for-Architecture-all: Packages\n".to_owned();
    bench.publish();
    assert_eq!(bench.open().unwrap()[0].packages.len(), 1);
}

#[test]
fn an_index_that_is_more_than_its_release_says_is_refused() {
    for bytes in [
        xz(&vec![b'\n'; 5_000_000]),
        xz(b"Package: x\n"),
        b"no xz".to_vec(),
    ] {
        let mut bench = bench();
        let plain = b"Package: hello\n".to_vec();
        let line = |ending: &str, bytes: &[u8]| {
            let digest = Digest::of(bytes).hex();
            format!(" {digest} {} {INDEX}{ending}\n", bytes.len())
        };
        let listed = line("", &plain) + &line(".xz", &bytes);
        bench.archive.by_hash = false;
        let release = bench.archive.release(&listed);
        bench.archive.sign(&release);
        bench.archive.put(&format!("{INDEX}.xz"), &bytes);
        bench.archive.serve(&bench.server);
        let (text, error) = bench.fails(Exit::Integrity);
        assert!(matches!(error, archive::Error::Index { .. }), "{text}");
        assert!(text.contains("main/binary-amd64/Packages.xz"), "{text}");
        // Nothing wrong is kept.
        bench.fails(Exit::Integrity);
    }
}

#[test]
fn an_archive_without_signature_counts_only_when_the_user_says_so() {
    let bench = bench();
    let release = bench.archive.release(&{
        let packages = gzip(b"Package: x\n");
        format!(
            " {} {} {INDEX}.gz\n",
            Digest::of(&packages).hex(),
            packages.len()
        )
    });
    bench
        .server
        .script(INRELEASE, vec![Step::Status(404, ""); 9]);
    bench
        .server
        .file("/debian/dists/trixie/Release", release.as_bytes());
    bench.server.file(
        &format!("/debian/dists/trixie/{INDEX}.gz"),
        &gzip(b"Package: x\n"),
    );
    let (text, _) = bench.fails(Exit::Integrity);
    assert!(text.contains("it has no signature"), "{text}");

    let line = format!("[trusted=yes] {} trixie main", bench.server.url("/debian"));
    assert!(bench.open_lines(std::slice::from_ref(&line)).is_ok());
    assert!(
        bench
            .observer
            .text()
            .contains("is trusted without a signature")
    );

    // The host's apt may trust it; that is not the user's word to us.
    let root = tempfile::tempdir().unwrap();
    fs_err::create_dir_all(root.path().join("etc/apt")).unwrap();
    let list = root.path().join("etc/apt/sources.list");
    fs_err::write(list, format!("deb {line}\n")).unwrap();
    let sources = Sources::read(root.path()).unwrap();
    let lazy = Lazy::new(bench.home.path().join("store"));
    let fetcher = Fetcher::new(&lazy, &bench.observer, Options::default());
    let options = archive::Options {
        architecture: "amd64",
        root: root.path(),
        verifier: Verifier::Own,
        now: NOW,
        without_suites: &[],
        compile: &|_, _| Ok(Vec::new()),
        format: 1,
        observer: &bench.observer,
    };
    let error = archive::open(&sources.list, &fetcher, &options).unwrap_err();
    assert!(
        error.to_string().contains("/etc/apt/sources.list:1"),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("trusted=yes"));
}

#[test]
fn a_signature_beside_the_release_is_as_good() {
    let bench = bench();
    let inrelease = String::from_utf8(bench.archive.files["dists/trixie/InRelease"].clone());
    let inrelease = inrelease.unwrap();
    let (_, rest) = inrelease.split_once("\n\n").unwrap();
    let (release, _) = rest.split_once("-----BEGIN PGP SIGNATURE-----").unwrap();
    let mut packets = Vec::new();
    let signature = bench.archive.signer.sign(release, SIGNED);
    pgp::packet::PacketTrait::to_writer_with_header(&signature, &mut packets).unwrap();
    bench
        .server
        .script(INRELEASE, vec![Step::Status(404, ""); 9]);
    // A signature made by the sample covers the text without its last newline.
    let release = release.trim_end();
    bench
        .server
        .file("/debian/dists/trixie/Release", release.as_bytes());
    bench.server.file(
        "/debian/dists/trixie/Release.gpg",
        armor(&packets).as_bytes(),
    );
    assert!(text(&bench.open().unwrap()).contains("Package: hello\n"));
}

#[test]
fn a_flat_archive_has_neither_suites_nor_components() {
    let mut bench = bench();
    let packages = b"Package: flat\n";
    let listed = format!(
        " {} {} Packages\n",
        Digest::of(packages).hex(),
        packages.len()
    );
    bench.archive.by_hash = false;
    let release = bench.archive.release(&listed);
    let signature = bench.archive.signer.sign(&release, SIGNED);
    bench.server.file(
        "/debian/one/InRelease",
        clearsign(&release, &[signature]).as_bytes(),
    );
    bench.server.file("/debian/one/Packages", packages);
    let suites = bench.open_lines(&[bench.line("", "./one/")]).unwrap();
    assert_eq!(text(&suites), "./one/\nPackage: flat\n");
}

#[test]
fn a_server_that_is_gone_is_told_and_not_taken_for_a_missing_suite() {
    let mut bench = bench();
    bench
        .server
        .script(INRELEASE, vec![Step::Status(503, ""); 9]);
    let (text, error) = bench.fails(Exit::Network);
    assert!(text.contains("answered 503"), "{text}");
    assert!(matches!(error, archive::Error::Fetch(_)));
    bench.server = Server::start();
    let gone = std::mem::replace(&mut bench.server, Server::start());
    let line = format!(
        "[signed-by={}] {} trixie main",
        bench.keyring().display(),
        gone.url("/debian")
    );
    drop(gone);
    let error = bench.open_lines(&[line]).unwrap_err();
    assert_eq!(error.exit(), Exit::Network);
    assert!(chain(&error).contains("can't reach"), "{}", chain(&error));
}

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
