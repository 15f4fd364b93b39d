//! A small signed Debian archive, made in memory: its packages, indexes and releases, to be served
//! from loopback or written to a folder. A test breaks what it wants broken in [`Archive::files`].

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use polyarch::debian::release::Date;
use polyarch::digest::Digest;

use super::openpgp::{MADE, Signer};
use super::server::Server;

/// When releases are signed, unless a test says otherwise.
pub(crate) const SIGNED: u32 = MADE + 30 * 86_400;

/// A moment at which such a release counts.
pub(crate) const NOW: Date = Date(SIGNED as i64 + 3600);

/// A package to be put into the archive.
#[derive(Clone)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) architecture: String,
    /// Further lines of its control data, such as `Depends: libc6\n`.
    pub(crate) fields: String,
    /// Its files: paths such as `usr/bin/hello`, and what is in them.
    pub(crate) files: Vec<(String, String)>,
}

/// How a suite is published.
pub(crate) struct Archive {
    pub(crate) suite: String,
    pub(crate) architectures: Vec<String>,
    pub(crate) components: Vec<String>,
    pub(crate) date: u32,
    pub(crate) valid_until: Option<u32>,
    pub(crate) by_hash: bool,
    /// Further lines of the release.
    pub(crate) fields: String,
    pub(crate) signer: Signer,
    /// The packages of the first component.
    pub(crate) packages: Vec<Package>,
    /// What was published, by its path below the archive's root.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

impl Package {
    pub(crate) fn new(name: &str, version: &str, architecture: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            architecture: architecture.to_owned(),
            fields: String::new(),
            files: vec![(
                format!("usr/share/doc/{name}/copyright"),
                "free\n".to_owned(),
            )],
        }
    }

    /// Where it lies below the archive's root.
    pub(crate) fn path(&self) -> String {
        let Self {
            name,
            version,
            architecture,
            ..
        } = self;
        format!(
            "pool/main/{}/{name}/{name}_{version}_{architecture}.deb",
            &name[..1]
        )
    }

    fn control(&self) -> String {
        format!(
            "Package: {}\nVersion: {}\nArchitecture: {}\nMaintainer: A <a@archive.example>\n{}",
            self.name, self.version, self.architecture, self.fields
        )
    }

    /// The `.deb` file (deb(5)).
    pub(crate) fn deb(&self) -> Vec<u8> {
        let control = format!("{}Description: a test\n", self.control());
        let control = gzip(&tar(&[("control".to_owned(), control)]));
        let data = xz(&tar(&self.files));
        let mut deb = b"!<arch>\n".to_vec();
        for (name, bytes) in [
            ("debian-binary", b"2.0\n".as_slice()),
            ("control.tar.gz", &control),
            ("data.tar.xz", &data),
        ] {
            writeln!(
                deb,
                "{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`",
                0,
                0,
                0,
                100_644,
                bytes.len()
            )
            .unwrap();
            deb.extend_from_slice(bytes);
            if bytes.len() % 2 == 1 {
                deb.push(b'\n');
            }
        }
        deb
    }

    /// Its stanza of `Packages`.
    fn stanza(&self, deb: &[u8]) -> String {
        format!(
            "{}Filename: {}\nSize: {}\nSHA256: {}\nDescription: a test\n\n",
            self.control(),
            self.path(),
            deb.len(),
            Digest::of(deb).hex()
        )
    }
}

impl Archive {
    /// Suite `trixie` with one component, two architectures, and two packages of each.
    pub(crate) fn new() -> Self {
        let mut library = Package::new("libhello1", "1.0-1", "amd64");
        library.fields = String::from("Multi-Arch: same\n");
        let mut program = Package::new("hello", "1:2.0-1", "amd64");
        program.fields = String::from("Depends: libhello1 (>= 1.0)\n");
        let mut packages = vec![library, program, Package::new("hello-data", "3", "all")];
        for index in 0..2 {
            let mut package = packages[index].clone();
            package.architecture = String::from("riscv64");
            packages.push(package);
        }
        let mut archive = Self {
            suite: "trixie".to_owned(),
            architectures: vec!["amd64".to_owned(), "riscv64".to_owned()],
            components: vec!["main".to_owned()],
            date: SIGNED,
            valid_until: Some(SIGNED + 7 * 86_400),
            by_hash: true,
            fields: String::new(),
            signer: Signer::new(),
            packages,
            files: BTreeMap::new(),
        };
        archive.publish();
        archive
    }

    /// Publishes the suite as it is described now; what lies there of it is replaced.
    pub(crate) fn publish(&mut self) {
        let mut listed = String::new();
        for component in self.components.clone() {
            for architecture in self.architectures.clone() {
                let text = self.index(&component, &architecture);
                let plain = format!("{component}/binary-{architecture}/Packages");
                for (path, bytes) in [
                    (plain.clone(), text.clone().into_bytes()),
                    (format!("{plain}.gz"), gzip(text.as_bytes())),
                    (format!("{plain}.xz"), xz(text.as_bytes())),
                ] {
                    let (digest, size) = (Digest::of(&bytes).hex(), bytes.len());
                    writeln!(listed, " {digest} {size} {path}").unwrap();
                    let folder = path.rsplit_once('/').unwrap().0.to_owned();
                    if self.by_hash {
                        self.put(&format!("{folder}/by-hash/SHA256/{digest}"), &bytes);
                    }
                    // As Debian does: the plain form is listed and not kept.
                    if path != plain {
                        self.put(&path, &bytes);
                    }
                }
            }
        }
        let release = self.release(&listed);
        self.sign(&release);
    }

    /// The text of the release, with these lines of files.
    pub(crate) fn release(&self, listed: &str) -> String {
        let date = |seconds: u32| {
            // Dates of 2024 only: enough for the tests, and no second calendar to be wrong.
            let shown = Date(i64::from(seconds)).to_string();
            let months = [
                "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
            ];
            let month: usize = shown[5..7].parse().unwrap();
            format!(
                "{} {} {} {} UTC",
                &shown[8..10],
                months[month - 1],
                &shown[..4],
                &shown[11..19]
            )
        };
        let until = self.valid_until.map_or_else(String::new, |until| {
            format!("Valid-Until: {}\n", date(until))
        });
        format!(
            "Origin: Example\nSuite: {suite}\nCodename: {suite}\nDate: {}\n{until}\
             Acquire-By-Hash: {}\nArchitectures: {}\nComponents: {}\n{}SHA256:\n{listed}",
            date(self.date),
            if self.by_hash { "yes" } else { "no" },
            self.architectures.join(" "),
            self.components.join(" "),
            self.fields,
            suite = self.suite,
        )
    }

    /// Signs a release and puts it in its place.
    pub(crate) fn sign(&mut self, release: &str) {
        let inrelease = self.signer.clearsign(release, self.date);
        self.put("InRelease", inrelease.as_bytes());
    }

    /// Puts a file below the suite's folder.
    pub(crate) fn put(&mut self, path: &str, bytes: &[u8]) {
        let path = self.path(path);
        self.files.insert(path, bytes.to_vec());
    }

    /// The path of a file of the suite below the archive's root.
    pub(crate) fn path(&self, path: &str) -> String {
        format!("dists/{}/{path}", self.suite)
    }

    /// Serves everything below `/debian`.
    pub(crate) fn serve(&self, server: &Server) {
        for (path, bytes) in &self.files {
            server.file(&format!("/debian/{path}"), bytes);
        }
    }

    /// The line for this archive at an address; its keyring is written into the folder.
    pub(crate) fn source(&self, folder: &Path, address: &str) -> String {
        let keyring = folder.join("archive.gpg");
        fs_err::write(&keyring, self.signer.public()).unwrap();
        source(&keyring, address, "trixie")
    }

    /// Writes everything below a folder.
    pub(crate) fn write(&self, folder: &Path) {
        for (path, bytes) in &self.files {
            let path = folder.join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, bytes).unwrap();
        }
    }

    fn index(&mut self, component: &str, architecture: &str) -> String {
        let mut text = String::new();
        if self.components.first().map(String::as_str) != Some(component) {
            return text;
        }
        for package in &self.packages {
            if package.architecture == architecture || package.architecture == "all" {
                let deb = package.deb();
                text.push_str(&package.stanza(&deb));
                self.files.insert(package.path(), deb);
            }
        }
        text
    }
}

/// A line of `sources.list` that believes a keyring.
pub(crate) fn source(keyring: &Path, address: &str, suite: &str) -> String {
    format!(
        "deb [signed-by={}] {address} {suite} main\n",
        keyring.display()
    )
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(3));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 3);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn tar(files: &[(String, String)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(text.len() as u64);
        let path = format!("./{name}");
        builder
            .append_data(&mut header, path, text.as_bytes())
            .unwrap();
    }
    builder.into_inner().unwrap()
}
