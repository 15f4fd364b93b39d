//! The toolchain that the machine has: found on PATH and asked what it is.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::definition::{Definition, Spot, System};
use super::{Error, Toolchain};
use crate::process::{self, CommandSpec, Runner};
use crate::target::Platform;
use crate::version::Version;

/// Looks on PATH and asks, unless the answer is known. `directory` is the project's: version managers
/// choose by it. `None` if there is none, or none that answers as the definition says.
pub(super) fn find(
    definition: &Definition,
    directory: &Path,
    known: Option<&str>,
) -> Result<Option<Toolchain>, Error> {
    let Some(program) = &definition.program else {
        return Ok(None);
    };
    let Some(system) = &program.system else {
        return Ok(None);
    };
    let Some(found) = process::find(&system.command) else {
        return Ok(None);
    };
    let output = match known {
        Some(known) => Some(known.to_owned()),
        None => asked(&question(system, &found, directory))?,
    };
    let Some(output) = output else {
        return Ok(None);
    };
    let Some(version) = answer(&output, &system.version).and_then(|text| text.parse().ok()) else {
        return Ok(None);
    };
    let root = match &system.root {
        Some(spot) => answer(&output, spot).map(PathBuf::from),
        None => real(&found)
            .parent()
            .and_then(Path::parent)
            .map(Path::to_owned),
    };
    Ok(root
        .filter(|root| root.is_absolute())
        .map(|root| describe(definition, version, root, found)))
}

/// What a program answers; one that can't be run is as good as none.
fn asked(question: &CommandSpec) -> Result<Option<String>, Error> {
    match Runner.output(question) {
        Ok(output) if output.status.success() => {
            Ok(Some(String::from_utf8_lossy(&output.stdout).into_owned()))
        }
        Ok(_) | Err(process::Error::Start { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn describe(definition: &Definition, version: Version, root: PathBuf, found: PathBuf) -> Toolchain {
    // What is on PATH may be a shim that chooses anew each time.
    let inside = definition
        .program
        .as_ref()
        .map(|program| root.join(program.path(Platform::host())));
    let program = inside.filter(|path| path.is_file()).or(Some(found));
    let environment = definition.environment(&root);
    Toolchain::on_machine(&definition.name, version, root, program, environment)
}

fn question(system: &System, program: &Path, directory: &Path) -> CommandSpec {
    let mut spec = CommandSpec::new(program, directory).args(&system.arguments);
    for (name, value) in &system.environment {
        spec = spec.env(AsRef::<OsStr>::as_ref(name), AsRef::<OsStr>::as_ref(value));
    }
    spec
}

fn answer(output: &str, spot: &Spot) -> Option<String> {
    let line = output.lines().nth(spot.line.checked_sub(1)?)?;
    let at = line.find(&spot.after)? + spot.after.len();
    let text = line[at..].trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn real(path: &Path) -> PathBuf {
    fs_err::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_found_by_line_and_text_before_it() {
        let spot = |line, after: &str| Spot {
            line,
            after: after.to_owned(),
        };
        let output = "go1.26.8\n/usr/local/go\n";
        assert_eq!(answer(output, &spot(1, "go")).as_deref(), Some("1.26.8"));
        assert_eq!(
            answer(output, &spot(2, "")).as_deref(),
            Some("/usr/local/go")
        );
        assert_eq!(answer(output, &spot(3, "")), None);
        assert_eq!(answer(output, &spot(0, "")), None);
        assert_eq!(
            answer("devel go1.28-abc", &spot(1, "go")).as_deref(),
            Some("1.28-abc")
        );
    }
}
