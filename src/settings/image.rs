//! Values of `[image]` that can be judged as they stand, so that nobody compiles for an image that
//! could not be written. In: a table and its name. Out: the first value that is malformed, under
//! the key it stands in; and what ports, modes and owners mean.
//!
//! Ports, volumes and the working directory follow config.md of the OCI image specification,
//! "Properties"; users have the form given there, with the range that container engines accept.

use std::collections::BTreeMap;

use super::Error;
use super::config::ImageConfig;

/// The largest user or group number that container engines accept.
const LARGEST_ID: u32 = i32::MAX as u32;

const PORT: &str = "a port such as `8080` or `53/udp`";
const USER: &str = "`user[:group]`, names or numbers up to 2147483647";

/// Checks the values of one table, such as `images.api`.
pub(super) fn check(table: &str, image: &ImageConfig) -> Result<(), Error> {
    let refuse = |key: &str, value: &str, expected, example: &str| {
        Err(Error::Value {
            key: format!("{table}.{key}"),
            value: value.to_owned(),
            expected,
            example: example.to_owned(),
        })
    };
    if let Some(folder) = image.workdir.as_deref().filter(|path| !is_absolute(path)) {
        let example = format!("workdir = \"/{}\"", relative(folder));
        return refuse("workdir", folder, "an absolute path", &example);
    }
    if let Some(folder) = image.bin_dir.as_deref().filter(|path| !is_absolute(path)) {
        let example = format!("bin-dir = \"/{}\"", relative(folder));
        return refuse("bin-dir", folder, "an absolute path", &example);
    }
    if let Some(user) = image.user.as_deref().filter(|user| !is_user(user)) {
        return refuse("user", user, USER, "user = \"65532:65532\"");
    }
    for volume in image.volumes.iter().flatten() {
        if !is_absolute(volume) || volume.chars().all(|c| c == '/') {
            let example = format!("volumes = [\"/{}\"]", relative(volume));
            let expected = "an absolute path below `/`";
            return refuse("volumes", volume, expected, &example);
        }
    }
    for text in image.ports.iter().flatten() {
        if port(text).is_none() {
            return refuse("ports", text, PORT, "ports = [\"8080\", \"53/udp\"]");
        }
    }
    if let Some(name) = image.env.as_ref().and_then(malformed_variable) {
        let expected = "the name of a variable";
        return refuse("env", name, expected, "env = { NAME = \"value\" }");
    }
    for file in image.files.iter().flatten() {
        if !is_absolute(&file.dst) {
            let example = format!("dst = \"/{}\"", relative(&file.dst));
            return refuse("files.dst", &file.dst, "an absolute path", &example);
        }
        if let Some(text) = file.mode.as_deref().filter(|text| mode(text).is_none()) {
            let expected = "a mode in octal such as `0644`";
            return refuse("files.mode", text, expected, "mode = \"0644\"");
        }
        if let Some(text) = file.owner.as_deref().filter(|text| owner(text).is_none()) {
            let expected = "`uid[:gid]` in numbers";
            return refuse("files.owner", text, expected, "owner = \"65532:65532\"");
        }
    }
    Ok(())
}

/// A port with its protocol: `8080` means `8080/tcp`, as in a Dockerfile's EXPOSE.
pub fn port(text: &str) -> Option<String> {
    let (port, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let number: u16 = digits(port)?.parse().ok()?;
    let valid = number > 0 && matches!(protocol, "tcp" | "udp" | "sctp");
    valid.then(|| format!("{number}/{protocol}"))
}

/// Permission bits in octal.
pub fn mode(text: &str) -> Option<u32> {
    let mode = u32::from_str_radix(digits(text)?, 8).ok()?;
    (mode <= 0o7777).then_some(mode)
}

/// `uid[:gid]`; one number is both.
pub fn owner(text: &str) -> Option<(u64, u64)> {
    let (uid, gid) = text.split_once(':').unwrap_or((text, text));
    let number = |text: &str| digits(text)?.parse::<u32>().ok().map(u64::from);
    Some((number(uid)?, number(gid)?))
}

fn is_user(text: &str) -> bool {
    let (user, group) = match text.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (text, None),
    };
    is_account(user) && group.is_none_or(is_account)
}

/// A name of `/etc/passwd` or `/etc/group`, or a number.
fn is_account(text: &str) -> bool {
    if digits(text).is_some() {
        return text.parse::<u32>().is_ok_and(|id| id <= LARGEST_ID);
    }
    let fits = |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, ':' | '/' | ',');
    !text.is_empty() && !text.starts_with('-') && text.chars().all(fits)
}

fn malformed_variable(env: &BTreeMap<String, String>) -> Option<&str> {
    env.keys()
        .map(String::as_str)
        .find(|name| name.is_empty() || name.contains(['=', '\0']))
}

fn is_absolute(path: &str) -> bool {
    path.starts_with('/') && !path.contains('\0')
}

fn relative(path: &str) -> &str {
    match path.trim_start_matches(['.', '/']) {
        "" => "data",
        rest => rest,
    }
}

/// The text where it is digits alone: Rust's numbers may have a sign.
fn digits(text: &str) -> Option<&str> {
    let all = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    all.then_some(text)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::fault::Fault;
    use crate::settings::config::Config;
    use crate::settings::{Settings, parse};

    fn validate(text: &str) -> Result<(), Error> {
        let config: Config = parse::parse(text, Path::new("polyarch.toml")).expect("parses");
        let settings = Settings {
            config,
            ..Settings::default()
        };
        settings.validate()
    }

    #[test]
    fn a_malformed_value_is_named_with_the_table_it_stands_in() {
        for (text, expected, hint) in [
            (
                "[image]\nworkdir = 'srv'",
                "image.workdir in polyarch.toml: `srv` is not an absolute path",
                "`workdir = \"/srv\"`",
            ),
            (
                "[images.api]\nvolumes = ['/data', './x']",
                "images.api.volumes in polyarch.toml: `./x` is not an absolute path below `/`",
                "`volumes = [\"/x\"]`",
            ),
            (
                "[platform.arm64.image]\nports = ['0']",
                "platform.\"arm64\".image.ports in polyarch.toml: `0` is not a port such as `8080` or `53/udp`",
                "`ports = [\"8080\", \"53/udp\"]`",
            ),
            (
                "[image]\nuser = 'me:'",
                "image.user in polyarch.toml: `me:` is not `user[:group]`, names or numbers up to 2147483647",
                "`user = \"65532:65532\"`",
            ),
        ] {
            let error = validate(text).expect_err(text);
            assert_eq!(error.to_string(), expected);
            assert_eq!(error.hint().as_deref(), Some(hint));
            assert_eq!(error.exit().code(), 2);
        }
    }

    #[test]
    fn what_engines_take_is_taken_and_what_they_refuse_is_refused() {
        let takes = |key: &str, value: &str| validate(&format!("[image]\n{key} = {value}")).is_ok();
        for user in [
            "root",
            "0",
            "65532:65532",
            "nonroot:0",
            "a.b-c_d",
            "1:users",
        ] {
            assert!(takes("user", &format!("'{user}'")), "{user}");
        }
        for user in [
            "",
            ":",
            "a:b:c",
            "a b",
            "-1",
            "2147483648",
            "1:",
            ":1",
            "a/b",
        ] {
            assert!(!takes("user", &format!("'{user}'")), "{user}");
        }
        for port in ["1", "65535/tcp", "53/udp", "9/sctp"] {
            assert!(takes("ports", &format!("['{port}']")), "{port}");
        }
        for port in [
            "", "0", "65536", "+80", "80/TCP", "80/icmp", "80-90", "http", "80/",
        ] {
            assert!(!takes("ports", &format!("['{port}']")), "{port}");
        }
        for (key, value) in [
            ("workdir", "''"),
            ("workdir", "'../x'"),
            ("bin-dir", "'bin'"),
            ("volumes", "['/']"),
            ("volumes", "['']"),
            ("env", "{ 'A=B' = '' }"),
            ("env", "{ '' = 'x' }"),
            ("files", "[{ src = 'a', dst = 'etc/a' }]"),
            ("files", "[{ src = 'a', dst = '/a', mode = '0888' }]"),
            ("files", "[{ src = 'a', dst = '/a', mode = '17777' }]"),
            ("files", "[{ src = 'a', dst = '/a', owner = 'root' }]"),
        ] {
            assert!(!takes(key, value), "{key} = {value}");
        }
        assert!(takes(
            "files",
            "[{ src = 'a', dst = '/{arch}/', mode = '04755', owner = '1:2' }]"
        ));
    }

    #[test]
    fn a_port_without_a_protocol_is_tcp() {
        assert_eq!(port("08080").as_deref(), Some("8080/tcp"));
        assert_eq!(port("53/udp").as_deref(), Some("53/udp"));
        assert_eq!(owner("7"), Some((7, 7)));
        assert_eq!(mode("0644"), Some(0o644));
    }
}
