//! The store between processes: one downloads for all, and a killed one breaks nothing.
//!
//! The test program starts itself again, with one test chosen that acts as the other process.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use polyarch::fetch::{Fetcher, Options};
use polyarch::packages::{self, Packages};
use polyarch::progress::Silent;
use polyarch::store::{Lazy, Prune, Store};
use polyarch::toolchain::{Policy, Resolver, host};

use crate::support::server::{Server, Step};
use crate::support::tool::{self, From};

const STORE: &str = "POLYARCH_TEST_STORE";
const DEFINITION: &str = "POLYARCH_TEST_DEFINITION";

/// What the other processes do: nothing in an ordinary run, a fetch when they are started for it.
#[test]
fn the_other_process() {
    let (Some(store), Some(definition)) = (std::env::var_os(STORE), std::env::var_os(DEFINITION))
    else {
        return;
    };
    let text = fs_err::read_to_string(PathBuf::from(definition)).unwrap();
    fetch(Path::new(&store), &text);
}

fn fetch(store: &Path, definition: &str) -> PathBuf {
    let lazy = Lazy::new(store.to_owned());
    let fetcher = Fetcher::new(&lazy, &Silent, Options::default());
    let definitions = tool::definitions(definition);
    let resolver = Resolver::new(
        &definitions,
        &fetcher,
        Packages::new(&fetcher, &Silent, packages::Policy::default()),
        &Silent,
        Policy::default(),
    );
    resolver.fetch("tool", &host()).unwrap().root
}

struct Setting {
    home: tempfile::TempDir,
    server: Server,
    definition: String,
}

fn setting(files: usize) -> Setting {
    let server = Server::start();
    let archive = tool::archive("2.0", files);
    server.file("/dl/tool-2.0.tar.gz", &archive);
    let address = server.url("/dl");
    let source = From {
        address: &address,
        file: "tool-2.0.tar.gz",
        bytes: &archive,
    };
    let definition = tool::definition("2.0", &host(), None, &[source]);
    let home = tempfile::tempdir().unwrap();
    fs_err::write(home.path().join("tool.toml"), &definition).unwrap();
    Setting {
        home,
        server,
        definition,
    }
}

impl Setting {
    fn store(&self) -> PathBuf {
        self.home.path().join("store")
    }

    fn process(&self) -> Child {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::the_other_process"])
            .env(STORE, self.store())
            .env(DEFINITION, self.home.path().join("tool.toml"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    fn temporary(&self) -> usize {
        fs_err::read_dir(self.store().join("v1/tmp"))
            .unwrap()
            .count()
    }
}

#[test]
fn two_processes_that_need_the_same_download_it_once() {
    let setting = setting(50);
    let pause = Step::Slowly(Duration::from_millis(300));
    setting.server.script("/dl/tool-2.0.tar.gz", [pause]);
    let mut others: Vec<Child> = (0..3).map(|_| setting.process()).collect();
    for other in &mut others {
        assert!(other.wait().unwrap().success());
    }
    assert_eq!(setting.server.requests().len(), 1);
    assert_eq!(setting.temporary(), 0);
}

#[test]
fn a_process_killed_at_any_moment_leaves_a_sound_store() {
    let setting = setting(300);
    // One that is left alone tells how long it takes.
    let start = Instant::now();
    assert!(setting.process().wait().unwrap().success());
    let whole = start.elapsed();
    Store::open(&setting.store())
        .unwrap()
        .prune(Prune::default())
        .unwrap();
    for round in 0..24 {
        let mut other = setting.process();
        std::thread::sleep(whole * (round * 7 % 24) / 24);
        other.kill().unwrap();
        other.wait().unwrap();

        drop(Store::open(&setting.store()).unwrap());
        assert_eq!(setting.temporary(), 0, "round {round}");
        let store = Store::open(&setting.store()).unwrap();
        let checked = store.check(false, &Silent).unwrap();
        assert!(
            checked.wrong.is_empty(),
            "round {round}: {:?}",
            checked.wrong
        );
        // Begin again from all the states that there are: nothing, a blob, all.
        if round % 3 == 0 {
            store.prune(Prune::default()).unwrap();
        }
    }
    let root = fetch(&setting.store(), &setting.definition);
    assert!(root.join("bin/tool").is_file());
    let store = Store::open(&setting.store()).unwrap();
    assert!(store.check(false, &Silent).unwrap().wrong.is_empty());
    drop(store);
    assert_eq!(setting.temporary(), 0);
}

#[test]
fn what_a_running_process_uses_is_not_pruned() {
    let setting = setting(5);
    let lazy = Lazy::new(setting.store());
    let fetcher = Fetcher::new(&lazy, &Silent, Options::default());
    let definitions = tool::definitions(&setting.definition);
    let resolver = Resolver::new(
        &definitions,
        &fetcher,
        Packages::new(&fetcher, &Silent, packages::Policy::default()),
        &Silent,
        Policy::default(),
    );
    let used = resolver.fetch("tool", &host()).unwrap();

    let other = Store::open(&setting.store()).unwrap();
    let pruned = other.prune(Prune::default()).unwrap();
    assert_eq!(pruned.in_use.len(), 1);
    assert!(used.root.exists());
    drop(used);
    // A process that another test is just starting may have inherited the lock for a moment.
    let free = || other.prune(Prune::default()).unwrap().in_use.is_empty();
    assert!((0..100).any(|_| free() || {
        std::thread::sleep(Duration::from_millis(10));
        false
    }));
}

#[test]
fn a_root_that_can_not_be_made_is_told_with_the_way_out() {
    use polyarch::fault::{Exit, Fault};
    let home = tempfile::tempdir().unwrap();
    fs_err::write(home.path().join("file"), "").unwrap();
    let error = Store::open(&home.path().join("file/store")).unwrap_err();
    assert_eq!(error.exit(), Exit::Io);
    let reason = std::error::Error::source(&error).unwrap().to_string();
    assert!(reason.contains("file/store"), "{reason}");
    assert!(error.hint().unwrap().contains("POLYARCH_HOME"));
}
