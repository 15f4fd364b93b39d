//! A small toolchain: its archive, its definition, and a program that claims to be it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use polyarch::digest::Digest;
use polyarch::toolchain::Definitions;
use tar::{Builder, Header};

/// A tar.gz with `tool/bin/tool` and a number of other files.
pub(crate) fn archive(version: &str, files: usize) -> Vec<u8> {
    let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(3));
    let mut builder = Builder::new(gzip);
    let mut add = |name: &str, mode, text: &str| {
        let mut header = Header::new_ustar();
        header.set_mode(mode);
        header.set_size(text.len() as u64);
        builder
            .append_data(&mut header, name, text.as_bytes())
            .unwrap();
    };
    add(
        "tool/bin/tool",
        0o755,
        &format!("#!/bin/sh\necho {version}\n"),
    );
    for number in 0..files {
        let text = format!("{version} {number}\n").repeat(200);
        add(&format!("tool/share/{}/{number}", number % 7), 0o644, &text);
    }
    builder.into_inner().unwrap().finish().unwrap()
}

/// One source of the definition's artifact.
pub(crate) struct From<'a> {
    pub(crate) address: &'a str,
    pub(crate) file: &'a str,
    pub(crate) bytes: &'a [u8],
}

/// The text of a definition of `tool`, with a `system` source if there is a command for it.
pub(crate) fn definition(
    version: &str,
    host: &str,
    command: Option<&Path>,
    sources: &[From<'_>],
) -> String {
    let system = command.map(|command| {
        format!(
            "[program.system]\ncommand = '{}'\narguments = [\"--version\"]\n\
             environment = {{ ASKED = \"yes\" }}\nversion = {{ line = 1, after = \"tool \" }}\n\
             root = {{ line = 2 }}\n\
             [[artifact]]\nhost = \"any\"\n[[artifact.source]]\nkind = \"system\"\n",
            command.display()
        )
    });
    let sources = sources.iter().map(|source| {
        format!(
            "[[artifact.source]]\nkind = \"url\"\naddress = \"{}\"\nfile = \"{}\"\nsize = {}\n\
             sha256 = \"{}\"\nstrip = \"tool\"\n",
            source.address,
            source.file,
            source.bytes.len(),
            Digest::of(source.bytes).hex()
        )
    });
    format!(
        "schema = 1\nname = \"tool\"\nversion = \"{version}\"\ndescription = \"a tool\"\n\
         licence = \"MIT\"\nhomepage = \"https://tool.example\"\nkind = \"program\"\n\
         [program]\npath = \"bin/tool\"\nenvironment = {{ TOOL_ROOT = \"{{root}}\" }}\n\
         {}[[artifact]]\nhost = \"{host}\"\n{}",
        system.unwrap_or_default(),
        sources.collect::<String>()
    )
}

/// Definitions with this one among them.
pub(crate) fn definitions(text: &str) -> Definitions {
    let mut definitions = Definitions::default();
    definitions.add(text, Path::new("tool.toml")).unwrap();
    definitions
}

/// Puts a program into `folder` that says it is `tool` of that version.
pub(crate) fn system(folder: &Path, version: &str) -> PathBuf {
    let path = folder.join("bin/tool");
    fs_err::create_dir_all(folder.join("bin")).unwrap();
    let text = format!(
        "#!/bin/sh\n[ \"$ASKED\" = yes ] || exit 1\necho 'this is tool {version}'\necho '{}'\n",
        folder.display()
    );
    fs_err::write(&path, text).unwrap();
    fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}
