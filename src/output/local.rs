//! `type=local`: the compiled files alone, in one folder a platform: `DIR/arm64/app`,
//! `DIR/armv7/app`. With a platform's placeholder in the destination, straight into it.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use fs_err::File;

use super::Error;
use super::dest::Place;
use crate::plan::image::FilePlan;
use crate::{atomic, digest};

/// Copies the compiled files of an image.
pub(super) fn write(place: &Place) -> Result<(), Error> {
    let plans = &place.item.plan.platforms;
    let straight = place.platforms.len() < plans.len();
    let mut files: BTreeMap<PathBuf, &FilePlan> = BTreeMap::new();
    for plan in place.platforms.iter().map(|index| &plans[*index]) {
        let folder = match straight {
            true => place.path.clone(),
            false => place.path.join(plan.platform.directory()),
        };
        for file in plan.files.iter().filter(|file| file.artifact) {
            let name = file.destination.rsplit('/').find(|part| !part.is_empty());
            let path = match file.destination.ends_with('/') {
                true => folder.join(file.source.file_name().unwrap_or_default()),
                false => folder.join(name.unwrap_or_default()),
            };
            if let Some(other) = files.insert(path.clone(), file) {
                return Err(Error::SameFile {
                    path,
                    first: other.source.clone(),
                    second: file.source.clone(),
                });
            }
        }
    }
    for (path, file) in files {
        copy(&file.source, &path)?;
    }
    Ok(())
}

fn copy(source: &Path, path: &Path) -> Result<(), Error> {
    let here = fs_err::canonicalize(source)?;
    if fs_err::canonicalize(path).is_ok_and(|there| there == here) {
        return Ok(());
    }
    fs_err::create_dir_all(atomic::parent(path))?;
    let mut file = File::open(source)?;
    let executable = file.metadata()?.permissions().mode() & 0o111 != 0;
    atomic::write(path, |mut out| digest::copy(&mut file, &mut out))?;
    if executable {
        let mode = fs_err::metadata(path)?.permissions().mode();
        // Who may read it may run it: the umask has had its say.
        let mode = PermissionsExt::from_mode(mode | (mode & 0o444) >> 2);
        fs_err::set_permissions(path, mode)?;
    }
    Ok(())
}
