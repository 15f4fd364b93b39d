//! Our layers of one platform: what the user laid out, then what was compiled.
//!
//! Two layers, because the first changes rarely and is often the same on all platforms, and the
//! second always changes.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Error, files};
use crate::base::fingerprint;
use crate::base::pack::{Layer, Options, pack};
use crate::oci::layer::{Below, Content, Contents, Entry};
use crate::oci::rootfs::Rootfs;
use crate::plan::image::PlatformPlan;
use crate::store::Store;

/// A layer with what its history says about it.
pub(super) struct Ours {
    /// The layer.
    pub(super) layer: Layer,
    /// What made it.
    pub(super) created_by: &'static str,
}

/// Makes the layers that a platform's plan asks for: none, one or two.
pub(super) fn make(
    plan: &PlatformPlan,
    base: &Rootfs,
    options: Options,
    store: &Store,
) -> Result<Vec<Ours>, Error> {
    let mut extra = files::entries(plan.files.iter().filter(|file| !file.artifact), base)?;
    if let Some(workdir) = &plan.config.workdir {
        let path = base.resolve_folder(files::relative(workdir)?)?;
        let planned = extra.iter().any(|entry| entry.path == path);
        if !planned && base.below(&path) != Below::Folder {
            extra.push(Entry::folder(path, 0o755));
        }
    }
    let artifacts = files::entries(plan.files.iter().filter(|file| file.artifact), base)?;
    apart(&extra, &artifacts)?;
    let mut made = BTreeSet::new();
    let mut layers = Vec::new();
    for (entries, created_by) in [
        (extra, "polyarch build: files"),
        (artifacts, "polyarch build"),
    ] {
        let below = |path: &str| match made.contains(path) {
            true => Below::Folder,
            false => base.below(path),
        };
        let hash = |path: &Path| fingerprint::hash(store, path);
        let contents = Contents::new(entries, &below, &hash, options.threads)?;
        if contents.is_empty() {
            continue;
        }
        made.extend(contents.folders().map(str::to_owned));
        layers.push(Ours {
            layer: pack(&contents, options, store)?,
            created_by,
        });
    }
    Ok(layers)
}

/// Refuses a file that would lie where a program lies: the upper layer would hide the one without a
/// word.
fn apart(extra: &[Entry], programs: &[Entry]) -> Result<(), Error> {
    let inside = |path: &str, of: &str| {
        path.strip_prefix(of)
            .is_some_and(|rest| rest.starts_with('/'))
    };
    for program in programs {
        let clash = extra.iter().find(|entry| {
            let folder = matches!(entry.content, Content::Directory);
            entry.path == program.path
                || inside(&entry.path, &program.path)
                || (!folder && inside(&program.path, &entry.path))
        });
        if let Some(entry) = clash {
            return Err(Error::OverProgram {
                path: entry.path.clone(),
                program: program.path.clone(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::layer::Source;

    fn file(path: &str) -> Entry {
        Entry {
            path: path.to_owned(),
            mode: 0o644,
            uid: 0,
            gid: 0,
            content: Content::File(Source::Bytes(Vec::new())),
        }
    }

    #[test]
    fn files_do_not_take_the_place_of_programs() {
        let programs = [file("usr/local/bin/app")];
        for taken in ["usr/local/bin/app", "usr/local/bin/app/data", "usr/local"] {
            assert!(
                matches!(
                    apart(&[file(taken)], &programs),
                    Err(Error::OverProgram { .. })
                ),
                "{taken}"
            );
        }
        let beside = [
            file("usr/local/bin/app.conf"),
            Entry::folder("usr/local/bin".to_owned(), 0o755),
        ];
        assert!(apart(&beside, &programs).is_ok());
    }
}
