//! The bases that need nothing from elsewhere: `scratch`, and `static` with what a static program
//! expects to find: certificates, users, a name service configuration, time zones, `/tmp`.
//!
//! `static` is one layer, the same for all platforms and all times. Its certificates and zones come
//! from the `certifi` and `tzdata` packages, whose licences it carries along.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use fs_err::File;
use serde_json::{Value, json};

use super::pack::{Layer, Options, pack};
use super::{Base, BasePlatform, Context, Error, Reference, Wanted};
use crate::digest::DiffId;
use crate::fault::Foreign;
use crate::interrupt;
use crate::oci::layer::{Below, Compression, Contents, Entry, Source};
use crate::oci::{self, Platform};
use crate::target::{self, Libc};

const NONROOT: u64 = 65532;

const PASSWD: &str = "root:x:0:0:root:/root:/sbin/nologin\n\
    nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n\
    nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n";
const GROUP: &str = "root:x:0:\nnobody:x:65534:\nnonroot:x:65532:\n";
const NSSWITCH: &str = "hosts: files dns\n";
const OS_RELEASE: &str = "NAME=\"polyarch static base\"\nID=polyarch-static\n\
    PRETTY_NAME=\"polyarch static base\"\n";
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// An empty base.
pub(super) fn scratch(reference: &Reference, context: Context) -> Result<Base, Error> {
    base(reference, context, None)
}

/// The `static` base.
pub(super) fn load(reference: &Reference, context: Context) -> Result<Base, Error> {
    // Before anything is fetched.
    platforms(reference, context)?;
    let data = |name: &str| (context.data)(name).map_err(|error| Error::Data(Foreign(error)));
    let entries = entries(&data("certifi")?, &data("tzdata")?)?;
    let hash = |path: &Path| oci::layer::hash_file(path);
    let contents = Contents::new(entries, &|_| Below::Nothing, &hash, context.threads)?;
    // Neither the project's time nor its compression: one layer for everyone.
    let options = Options {
        compression: Compression::GZIP,
        epoch: 0,
        threads: context.threads,
    };
    let layer = pack(&contents, options, context.store)?;
    base(reference, context, Some(layer))
}

fn base(reference: &Reference, context: Context, layer: Option<Layer>) -> Result<Base, Error> {
    let platforms = platforms(reference, context)?;
    let made =
        |platform: &target::Platform| made(*platform, layer.clone(), None, "polyarch static base");
    Ok(of_platforms(
        reference,
        platforms.iter().map(made).collect(),
    ))
}

/// A base that is made here, and so has no name or digest elsewhere.
pub(super) fn of_platforms(reference: &Reference, platforms: Vec<BasePlatform>) -> Base {
    Base {
        reference: reference.clone(),
        name: None,
        digest: None,
        platforms,
        ignored: Vec::new(),
    }
}

/// One platform of a base that is made here, of one layer or none, with its C library.
pub(super) fn made(
    platform: target::Platform,
    layer: Option<Layer>,
    libc: Option<Libc>,
    by: &str,
) -> BasePlatform {
    BasePlatform {
        platform,
        descriptor: None,
        spelling: Platform::from(platform),
        config: config(layer.as_ref().map(|layer| layer.diff_id), by),
        layers: layer.iter().map(|layer| layer.descriptor.clone()).collect(),
        diff_ids: layer.iter().map(|layer| layer.diff_id).collect(),
        held: layer.into_iter().map(|layer| layer.blob).collect(),
        files: OnceLock::new(),
        libc: OnceLock::from(libc),
    }
}

pub(super) fn platforms(
    reference: &Reference,
    context: Context,
) -> Result<Vec<target::Platform>, Error> {
    match context.wanted {
        Wanted::These(platforms) => Ok(platforms.clone()),
        Wanted::All => Err(Error::NoPlatforms(reference.to_string())),
    }
}

fn config(layer: Option<DiffId>, by: &str) -> Value {
    let diff_ids: Vec<DiffId> = layer.into_iter().collect();
    let mut config = json!({
        "config": {"Env": [PATH]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    });
    if !diff_ids.is_empty() {
        config["history"] = json!([{"created": "1970-01-01T00:00:00Z", "created_by": by}]);
    }
    config
}

fn entries(certifi: &Path, tzdata: &Path) -> Result<Vec<Entry>, Error> {
    let text = |path: &str, text: &str| Entry::file(path, 0o644, Source::Bytes(text.into()));
    let certificates = certifi.join("certifi/cacert.pem");
    if !certificates.is_file() {
        return Err(Error::DataMissing {
            path: certificates,
            reason: "is missing",
        });
    }
    let mut entries = vec![
        text("etc/passwd", PASSWD),
        text("etc/group", GROUP),
        text("etc/nsswitch.conf", NSSWITCH),
        text("etc/os-release", OS_RELEASE),
        Entry::file(
            "etc/ssl/certs/ca-certificates.crt",
            0o644,
            Source::Path(certificates),
        ),
        Entry::symlink("etc/ssl/cert.pem", "certs/ca-certificates.crt"),
        Entry::folder("home/nonroot", 0o700).owned(NONROOT, NONROOT),
        Entry::folder("root", 0o700),
        Entry::folder("tmp", 0o1777),
    ];
    let zones = tzdata.join("tzdata/zoneinfo");
    let count = entries.len();
    for (name, path) in files(&zones)? {
        if is_zone(&path)? {
            let name = format!("usr/share/zoneinfo/{name}");
            entries.push(Entry::file(name, 0o644, Source::Path(path)));
        }
    }
    if entries.len() == count {
        return Err(Error::DataMissing {
            path: zones,
            reason: "holds no time zones",
        });
    }
    for (package, tree) in [("certifi", certifi), ("tzdata", tzdata)] {
        for (name, path) in files(tree)? {
            let file = name.rsplit('/').next().unwrap_or(&name);
            if name.contains(".dist-info/") && file.starts_with("LICEN") {
                let (_, name) = name.split_once(".dist-info/").unwrap_or_default();
                let name = format!("usr/share/licenses/{package}/{name}");
                entries.push(Entry::file(name, 0o644, Source::Path(path)));
            }
        }
    }
    Ok(entries)
}

/// Compiled zones begin with `TZif` (RFC 9636); beside them lie tables and Python files.
fn is_zone(path: &Path) -> Result<bool, Error> {
    use std::io::Read;
    let mut magic = Vec::new();
    let mut file = File::open(path).map_err(oci::Error::Io)?.take(4);
    file.read_to_end(&mut magic).map_err(oci::Error::Io)?;
    Ok(magic == b"TZif")
}

/// Every file below a folder, by its path from there.
fn files(folder: &Path) -> Result<Vec<(String, PathBuf)>, Error> {
    let mut found = Vec::new();
    let mut todo = vec![(String::new(), folder.to_owned())];
    while let Some((prefix, folder)) = todo.pop() {
        interrupt::check().map_err(oci::Error::Io)?;
        for entry in fs_err::read_dir(&folder).map_err(oci::Error::Io)? {
            let entry = entry.map_err(oci::Error::Io)?;
            let name = entry
                .file_name()
                .into_string()
                .map_err(|_| Error::DataMissing {
                    path: entry.path(),
                    reason: "has a name that is not UTF-8",
                })?;
            let kind = entry.file_type().map_err(oci::Error::Io)?;
            if kind.is_dir() {
                todo.push((format!("{prefix}{name}/"), entry.path()));
            } else if kind.is_file() {
                found.push((format!("{prefix}{name}"), entry.path()));
            }
        }
    }
    found.sort();
    Ok(found)
}
