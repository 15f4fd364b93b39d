//! From a need to a toolchain, with a server, a store, a lock and a machine of our own making.

use std::path::Path;

use polyarch::digest::Digest;
use polyarch::fault::{Exit, Fault};
use polyarch::fetch::{Fetcher, Options, Patience};
use polyarch::lock::{self, Lock, Pin};
use polyarch::packages::{self, Packages};
use polyarch::store::Lazy;
use polyarch::toolchain::{self, Error, Need, Origin, Policy, Resolver, Toolchain, host};

use crate::support::server::{Server, Step};
use crate::support::tool::{self, From};
use crate::support::{Recorder, chain};

struct Machine {
    home: tempfile::TempDir,
    server: Server,
    observer: Recorder,
    offline: bool,
    policy: Policy,
    definition: String,
    archive: Vec<u8>,
}

/// A machine without the tool, and a server that has version 2.0.
fn machine() -> Machine {
    let server = Server::start();
    let archive = tool::archive("2.0", 20);
    server.file("/dl/tool-2.0.tar.gz", &archive);
    let home = tempfile::tempdir().unwrap();
    let address = server.url("/dl/");
    let source = From {
        address: &address,
        file: "tool-2.0.tar.gz",
        bytes: &archive,
    };
    Machine {
        definition: tool::definition("2.0", &host(), None, &[source]),
        policy: Policy {
            directory: home.path().to_owned(),
            ..Policy::default()
        },
        home,
        server,
        observer: Recorder::default(),
        offline: false,
        archive,
    }
}

impl Machine {
    /// Puts the tool of that version on the machine.
    fn with_system(mut self, version: &str) -> Self {
        let command = tool::system(&self.home.path().join("system"), version);
        let address = self.server.url("/dl/");
        let source = From {
            address: &address,
            file: "tool-2.0.tar.gz",
            bytes: &self.archive,
        };
        self.definition = tool::definition("2.0", &host(), Some(&command), &[source]);
        self
    }

    fn locked(mut self, entries: Vec<lock::Toolchain>, locked: bool) -> Self {
        let mut lock = Lock::default();
        lock.set("tool", entries);
        self.policy.lock = Some(lock);
        self.policy.locked = locked;
        self
    }

    fn with<T>(&self, act: impl FnOnce(&Resolver<'_>) -> T) -> T {
        let lazy = Lazy::new(self.store());
        let options = Options {
            offline: self.offline,
            patience: Patience {
                attempts: 1,
                ..Patience::default()
            },
            ..Options::default()
        };
        let fetcher = Fetcher::new(&lazy, &self.observer, options);
        let definitions = tool::definitions(&self.definition);
        let policy = self.policy.clone();
        act(&Resolver::new(
            &definitions,
            &fetcher,
            Packages::new(&fetcher, &self.observer, packages::Policy::default()),
            &self.observer,
            policy,
        ))
    }

    fn resolve(&self, minimum: &str) -> Result<Toolchain, Error> {
        let need = Need {
            name: "tool".to_owned(),
            minimum: Some(minimum.parse().unwrap()),
            because: format!("`tool {minimum}` in tool.mod"),
            answer: None,
        };
        self.with(|resolver| resolver.resolve(&need))
    }

    fn store(&self) -> std::path::PathBuf {
        self.home.path().join("store")
    }
}

fn system_entry(version: &str) -> Vec<lock::Toolchain> {
    vec![lock::Toolchain {
        name: "tool".to_owned(),
        version: version.to_owned(),
        pin: Pin::System,
    }]
}

fn file_entry(version: &str, bytes: &[u8]) -> Vec<lock::Toolchain> {
    vec![lock::Toolchain {
        name: "tool".to_owned(),
        version: version.to_owned(),
        pin: Pin::File {
            host: host(),
            source: "url".to_owned(),
            file: format!("tool-{version}.tar.gz"),
            size: Some(bytes.len() as u64),
            sha256: Digest::of(bytes),
        },
    }]
}

fn runs(program: &Path) -> String {
    let output = std::process::Command::new(program).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn what_is_missing_is_fetched_unpacked_and_can_be_run() {
    let machine = machine();
    let found = machine.resolve("1.5").unwrap();
    assert_eq!(found.version.as_str(), "2.0");
    assert!(found.root.starts_with(machine.store().join("v1/trees")));
    assert_eq!(found.environment["TOOL_ROOT"], found.root.to_str().unwrap());
    assert_eq!(runs(found.program.as_deref().unwrap()), "2.0");
    assert!(matches!(&found.origin, Origin::Fetched { source, .. } if source == "url"));
    assert!(machine.observer.text().contains("fetched tool 2.0 from"));

    machine.resolve("1.5").unwrap();
    assert_eq!(machine.server.requests().len(), 1);
}

#[test]
fn the_machines_own_is_used_without_a_store() {
    let machine = machine().with_system("1.9");
    let found = machine.resolve("1.5").unwrap();
    assert_eq!(
        (found.version.as_str(), found.origin),
        ("1.9", Origin::System)
    );
    assert_eq!(
        found.program,
        Some(machine.home.path().join("system/bin/tool"))
    );
    assert!(!machine.store().exists());
    assert_eq!(machine.server.requests().len(), 0);
}

#[test]
fn the_machines_own_is_passed_over_when_too_old_or_not_wanted() {
    let old = machine().with_system("1.2");
    assert_eq!(old.resolve("1.5").unwrap().version.as_str(), "2.0");
    let mut unwanted = machine().with_system("1.9");
    unwanted.policy.prefer_fetched = true;
    assert_eq!(unwanted.resolve("1.5").unwrap().version.as_str(), "2.0");
}

#[test]
fn what_nobody_has_is_told_with_all_three_versions() {
    let error = machine().with_system("1.2").resolve("9.1").unwrap_err();
    assert_eq!(error.exit(), Exit::Toolchain);
    let text = error.to_string();
    for part in ["tool.mod", "9.1", "PATH is 1.2", "polyarch's is 2.0"] {
        assert!(text.contains(part), "{text}");
    }
    assert!(error.hint().unwrap().contains("install `tool` 9.1"));
    let text = machine().resolve("9.1").unwrap_err().to_string();
    assert!(text.contains("PATH is missing"), "{text}");
}

#[test]
fn the_next_source_is_tried_and_at_the_end_all_are_named() {
    let mut machine = machine();
    let (gone, missing) = (machine.server.url("/gone"), machine.server.url("/dl"));
    let from = |address, file| From {
        address,
        file,
        bytes: &machine.archive,
    };
    let sources = [
        from(&gone, "tool-2.0.tar.gz"),
        from(&missing, "tool-2.0.tar.gz"),
    ];
    machine.definition = tool::definition("2.0", &host(), None, &sources);
    machine.resolve("1.0").unwrap();

    let other = self::machine();
    let sources = [from(&gone, "a-2.0.tar.gz"), from(&missing, "b-2.0.tar.gz")];
    let definition = tool::definition("2.0", &host(), None, &sources);
    let other = Machine {
        definition,
        ..other
    };
    let error = other.resolve("1.0").unwrap_err();
    assert_eq!(error.exit(), Exit::Network);
    let text = error.to_string();
    for part in ["/gone/a-2.0.tar.gz", "/dl/b-2.0.tar.gz", "404"] {
        assert!(text.contains(part), "{text}");
    }
    assert!(error.hint().unwrap().contains("[mirrors]"));
}

#[test]
fn a_source_with_wrong_bytes_ends_it() {
    let mut machine = machine();
    let (bad, good) = (machine.server.url("/bad"), machine.server.url("/dl"));
    let mut wrong = machine.archive.clone();
    wrong[40] ^= 1;
    machine.server.file("/bad/tool-2.0.tar.gz", &wrong);
    let from = |address| From {
        address,
        file: "tool-2.0.tar.gz",
        bytes: &machine.archive,
    };
    machine.definition = tool::definition("2.0", &host(), None, &[from(&bad), from(&good)]);
    let error = machine.resolve("1.0").unwrap_err();
    assert_eq!(error.exit(), Exit::Integrity, "{}", chain(&error));
    assert!(
        chain(&error).contains("digest mismatch"),
        "{}",
        chain(&error)
    );
    assert_eq!(machine.server.requests().len(), 1);
}

#[test]
fn what_the_store_has_wins_over_the_network() {
    let mut machine = machine();
    let second = tool::archive("2.0", 3);
    let (first_at, second_at) = (machine.server.url("/dl"), machine.server.url("/other"));
    machine.server.file("/other/tool-2.0.tgz", &second);
    machine.definition = tool::definition(
        "2.0",
        &host(),
        None,
        &[
            From {
                address: &first_at,
                file: "tool-2.0.tar.gz",
                bytes: &machine.archive,
            },
            From {
                address: &second_at,
                file: "tool-2.0.tgz",
                bytes: &second,
            },
        ],
    );
    let store = polyarch::store::Store::open(&machine.store()).unwrap();
    store.insert_blob(&mut &second[..], None).unwrap();
    drop(store);
    machine.offline = true;
    let found = machine.resolve("1.0").unwrap();
    assert!(matches!(&found.origin, Origin::Fetched { file, .. } if file == "tool-2.0.tgz"));
    assert_eq!(machine.server.requests().len(), 0);
}

#[test]
fn offline_and_not_in_the_store_names_what_is_needed() {
    let mut machine = machine();
    machine.offline = true;
    let error = machine.resolve("1.0").unwrap_err();
    assert_eq!(error.exit(), Exit::Locked);
    assert!(error.to_string().contains("tool-2.0.tar.gz"), "{error}");
    assert!(
        error
            .hint()
            .unwrap()
            .contains("polyarch toolchain fetch tool")
    );
    assert_eq!(machine.server.requests().len(), 0);
}

#[test]
fn another_machines_toolchain_can_be_fetched_and_an_unknown_one_not() {
    let machine = machine();
    let there = machine.with(|resolver| resolver.fetch("tool", &host()));
    assert_eq!(there.unwrap().version.as_str(), "2.0");
    let error = machine
        .with(|resolver| resolver.fetch("tool", "plan9/quantum"))
        .unwrap_err();
    assert_eq!(error.exit(), Exit::Toolchain);
    let text = error.to_string();
    assert!(
        text.contains("plan9/quantum") && text.contains(&host()),
        "{text}"
    );
    let error = machine
        .with(|resolver| resolver.fetch("tol", &host()))
        .unwrap_err();
    assert_eq!(error.hint().as_deref(), Some("did you mean `tool`?"));
}

#[test]
fn an_archive_that_reaches_out_is_refused_and_leaves_no_tree() {
    let mut machine = machine();
    let mut header = tar::Header::new_gnu();
    header.set_size(0);
    header.as_old_mut().name[..10].copy_from_slice(b"tool/../..");
    header.set_cksum();
    let mut builder = tar::Builder::new(Vec::new());
    builder.append(&header, &b""[..]).unwrap();
    let bytes = builder.into_inner().unwrap();
    machine.server.file("/dl/evil.tar", &bytes);
    let address = machine.server.url("/dl");
    let source = From {
        address: &address,
        file: "evil.tar",
        bytes: &bytes,
    };
    machine.definition = tool::definition("2.0", &host(), None, &[source]);
    let error = machine.resolve("1.0").unwrap_err();
    assert_eq!(error.exit(), Exit::Integrity);
    assert!(chain(&error).contains("is unsafe"), "{}", chain(&error));
    let trees = fs_err::read_dir(machine.store().join("v1/trees")).unwrap();
    assert_eq!(trees.count(), 0);
}

#[test]
fn the_locked_file_is_used_though_the_definition_has_moved_on() {
    let older = tool::archive("1.8", 3);
    let machine = machine()
        .with_system("2.5")
        .locked(file_entry("1.8", &older), true);
    machine.server.file("/dl/tool-1.8.tar.gz", &older);
    let found = machine.resolve("1.0").unwrap();
    assert_eq!(found.version.as_str(), "1.8");
    assert_eq!(runs(found.program.as_deref().unwrap()), "1.8");
    let entries = machine.with(|resolver| resolver.entries(&found)).unwrap();
    assert_eq!(entries, file_entry("1.8", &older));
}

#[test]
fn a_lock_that_is_too_old_drifts() {
    let older = tool::archive("1.8", 3);
    let strict = machine().locked(file_entry("1.8", &older), true);
    let error = strict.resolve("1.9").unwrap_err();
    assert_eq!(error.exit(), Exit::Locked);
    assert!(
        error.to_string().contains("1.8") && error.to_string().contains("1.9"),
        "{error}"
    );
    assert_eq!(
        error.hint().as_deref(),
        Some("`polyarch lock --upgrade tool`")
    );

    let lenient = machine().locked(file_entry("1.8", &older), false);
    assert_eq!(lenient.resolve("1.9").unwrap().version.as_str(), "2.0");
    assert!(lenient.observer.text().contains("the lock changes to 2.0"));
}

#[test]
fn another_version_on_the_machine_than_in_the_lock_drifts() {
    let same = machine()
        .with_system("1.9")
        .locked(system_entry("1.9"), true);
    assert_eq!(same.resolve("1.5").unwrap().origin, Origin::System);

    let strict = machine()
        .with_system("1.9")
        .locked(system_entry("1.7"), true);
    let error = strict.resolve("1.5").unwrap_err();
    assert_eq!(error.exit(), Exit::Locked);
    let text = error.to_string();
    assert!(
        text.contains("1.7") && text.contains("the one on PATH is 1.9"),
        "{text}"
    );

    let lenient = machine()
        .with_system("1.9")
        .locked(system_entry("1.7"), false);
    let found = lenient.resolve("1.5").unwrap();
    assert_eq!(
        (found.version.as_str(), &found.origin),
        ("1.9", &Origin::System)
    );
    assert!(lenient.observer.text().contains("the lock changes to 1.9"));
    let entries = lenient.with(|resolver| resolver.entries(&found)).unwrap();
    assert_eq!(entries, system_entry("1.9"));

    let gone = machine()
        .locked(system_entry("1.7"), true)
        .resolve("1.5")
        .unwrap_err();
    assert!(gone.to_string().contains("none is on PATH"), "{gone}");
}

#[test]
fn locked_without_an_entry_is_refused() {
    let error = machine()
        .locked(Vec::new(), true)
        .resolve("1.5")
        .unwrap_err();
    assert_eq!(error.exit(), Exit::Locked);
    assert!(error.to_string().contains("tool.mod"), "{error}");
    assert_eq!(error.hint().as_deref(), Some("`polyarch lock`"));
}

#[test]
fn the_lock_of_a_fetched_toolchain_is_the_same_on_every_machine() {
    let machine = machine();
    let found = machine.resolve("1.0").unwrap();
    let entries = machine.with(|resolver| resolver.entries(&found)).unwrap();
    assert_eq!(entries, file_entry("2.0", &machine.archive));

    let definitions = toolchain::Definitions::load(&[]).unwrap();
    let go = definitions.get("go").unwrap();
    let hosts: Vec<&str> = go.hosts();
    assert!(
        hosts.contains(&"linux/amd64") && hosts.contains(&"linux/arm64"),
        "{hosts:?}"
    );
}

#[test]
fn a_list_tells_what_the_machine_has() {
    let machine = machine().with_system("1.9");
    let definitions = tool::definitions(&machine.definition);
    let before = toolchain::list(&definitions, None, machine.home.path()).unwrap();
    assert_eq!(before[0].system.as_ref().unwrap().version.as_str(), "1.9");
    assert_eq!(before[0].sources, ["system", "url"]);
    assert_eq!(before[0].fetched, None);
    let there = machine
        .with(|resolver| resolver.fetch("tool", &host()))
        .unwrap();
    let store = polyarch::store::Store::open(&machine.store()).unwrap();
    let after = toolchain::list(&definitions, Some(&store), machine.home.path()).unwrap();
    assert_eq!(after[0].fetched.as_ref(), Some(&there.root));
}

#[test]
fn many_that_need_the_same_toolchain_fetch_it_once() {
    let machine = machine();
    let pause = std::time::Duration::from_millis(200);
    machine
        .server
        .script("/dl/tool-2.0.tar.gz", [Step::Slowly(pause)]);
    std::thread::scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| machine.resolve("1.0").unwrap());
        }
    });
    assert_eq!(machine.server.requests().len(), 1);
}
