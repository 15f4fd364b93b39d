//! Files under a root directory, as a process whose root it is would see them: links are followed,
//! and none leads out, because `/` and the parent of `/` are the root directory itself
//! (`path_resolution(7)`, `chroot(2)`).
//!
//! The root may be a stranger's image laid out on disk, so nothing is opened before its whole path
//! has been resolved here.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use super::Error;

/// As many links as Linux follows.
const LINKS: usize = 40;

/// The bytes of a file under a root directory, no more than `maximum` of them; `None` where there
/// is no such file.
pub(in crate::debian) fn read_inside(
    root: &Path,
    path: &Path,
    maximum: u64,
) -> Result<Option<Vec<u8>>, Error> {
    let Some(real) = resolve_inside(root, path)? else {
        return Ok(None);
    };
    let file = fs_err::File::open(&real).map_err(Error::Io)?;
    let mut bytes = Vec::new();
    file.take(maximum + 1)
        .read_to_end(&mut bytes)
        .map_err(Error::Io)?;
    if bytes.len() as u64 > maximum {
        return Err(Error::TooLarge {
            path: root.join(relative(path)),
            maximum,
        });
    }
    Ok(Some(bytes))
}

/// The names in a directory under a root directory, sorted; none where there is no such directory.
pub(in crate::debian) fn names_inside(root: &Path, path: &Path) -> Result<Vec<OsString>, Error> {
    let Some(real) = resolve_inside(root, path)? else {
        return Ok(Vec::new());
    };
    let mut names = Vec::new();
    for entry in fs_err::read_dir(real).map_err(Error::Io)? {
        names.push(entry.map_err(Error::Io)?.file_name());
    }
    names.sort();
    Ok(names)
}

/// Where a path of a root directory really lies; `None` where there is nothing.
pub(in crate::debian) fn resolve_inside(
    root: &Path,
    path: &Path,
) -> Result<Option<PathBuf>, Error> {
    let mut todo: VecDeque<OsString> = VecDeque::new();
    put_first(&mut todo, path);
    let mut done = PathBuf::new();
    let mut links = 0;
    while let Some(name) = todo.pop_front() {
        if name == ".." {
            done.pop();
            continue;
        }
        let here = root.join(&done).join(&name);
        let found = match fs_err::symlink_metadata(&here) {
            Ok(found) => found,
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => return Err(Error::Io(error)),
        };
        if !found.is_symlink() {
            done.push(name);
            continue;
        }
        links += 1;
        if links > LINKS {
            return Err(Error::Links {
                path: root.join(relative(path)),
            });
        }
        let target = fs_err::read_link(&here).map_err(Error::Io)?;
        if target.is_absolute() {
            done = PathBuf::new();
        }
        put_first(&mut todo, &target);
    }
    Ok(Some(root.join(done)))
}

/// The parts of a path before what is still to be walked.
fn put_first(todo: &mut VecDeque<OsString>, path: &Path) {
    for part in path.components().rev() {
        match part {
            Component::Normal(name) => todo.push_front(name.to_owned()),
            Component::ParentDir => todo.push_front("..".into()),
            Component::Prefix(_) | Component::RootDir | Component::CurDir => {}
        }
    }
}

fn relative(path: &Path) -> PathBuf {
    let normal = |part: &Component<'_>| matches!(part, Component::Normal(_));
    path.components().filter(normal).collect()
}

fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use fs_err::os::unix::fs::symlink;

    fn root() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs_err::create_dir_all(root.path().join("usr/lib/keys")).unwrap();
        fs_err::write(root.path().join("usr/lib/keys/a"), "inside").unwrap();
        root
    }

    fn read(root: &Path, path: &str) -> Option<String> {
        let bytes = read_inside(root, Path::new(path), 100).unwrap()?;
        Some(String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn links_are_followed_as_if_the_directory_were_the_root() {
        let root = root();
        let link = |target: &str, at: &str| symlink(target, root.path().join(at)).unwrap();
        link("usr/lib", "lib");
        link("/lib/keys", "usr/keys");
        link("../../../../usr/keys/a", "up");
        link("/usr/keys/../keys/./a", "round");
        for path in ["lib/keys/a", "/usr/keys/a", "up", "round", "../../up"] {
            assert_eq!(read(root.path(), path).as_deref(), Some("inside"), "{path}");
        }
        let names = names_inside(root.path(), Path::new("usr/keys")).unwrap();
        assert_eq!(names, ["a"]);
    }

    #[test]
    fn no_link_leads_to_the_hosts_files() {
        let (root, host) = (root(), root());
        let outside = host.path().join("usr/lib/keys/a");
        symlink(&outside, root.path().join("file")).unwrap();
        symlink(host.path().join("usr"), root.path().join("folder")).unwrap();
        symlink("../../../../../../../../etc", root.path().join("etc")).unwrap();
        for path in ["file", "folder/lib/keys/a", "etc/passwd"] {
            let error = read_inside(root.path(), Path::new(path), 100);
            match error {
                Ok(found) => assert_eq!(found, None, "{path}"),
                // `etc` leads to itself.
                Err(error) => assert!(matches!(error, Error::Links { .. }), "{error}"),
            }
        }
        assert_eq!(
            names_inside(root.path(), Path::new("folder/lib")).unwrap(),
            [""; 0]
        );
    }

    #[test]
    fn a_circle_of_links_and_a_large_file_are_errors() {
        let root = root();
        symlink("b", root.path().join("a")).unwrap();
        symlink("a", root.path().join("b")).unwrap();
        let error = read_inside(root.path(), Path::new("a/x"), 100).unwrap_err();
        assert!(matches!(error, Error::Links { .. }), "{error}");
        let error = read_inside(root.path(), Path::new("usr/lib/keys/a"), 5).unwrap_err();
        assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    }
}
