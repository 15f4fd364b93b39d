//! Debian archives made and signed by the tests: here such as are as they should be, in `faults` such
//! as are not, in `packages` what was locked.

mod faults;
mod packages;

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
