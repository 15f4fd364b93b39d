//! Archives that are wrong: each fault is an error with its way out, and nothing of it is kept.

use super::*;

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
    assert!(hint.contains("`date -u`"), "{hint}");
    let line = bench.line("check-valid-until=no", "trixie main");
    assert!(bench.open_lines(&[line]).is_ok());
}

#[test]
fn a_release_from_the_future_and_one_of_another_suite_are_refused() {
    let mut bench = bench();
    bench.now = Date(i64::from(SIGNED) - 3600);
    // The signature is as young as the release, and is looked at first.
    let (text, error) = bench.fails(Exit::Integrity);
    assert!(text.contains("is from the future"), "{text}");
    assert!(error.hint().unwrap().contains("`date -u`"));

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

    let lines_of = [bench.line("", "trixei main")];
    let hint = bench.open_lines(&lines_of).unwrap_err().hint().unwrap();
    assert!(
        hint.contains("correct the suite's name") && !hint.contains("without-suites"),
        "nothing would be left: {hint}"
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
