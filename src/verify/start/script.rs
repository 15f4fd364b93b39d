//! The first line of a script, as the kernel and env(1) read it.

use super::{SCRIPTS, Start, User, lookup};
use crate::elf::layer::SCRIPT_LINE;
use crate::verify::finding::{Finding, Kind, Severity, Subject};
use crate::verify::view::View;

/// Follows the line behind `#!` of the script at a real path.
pub(super) fn check(
    start: &mut Start,
    view: &View<'_>,
    real: &str,
    line: &[u8],
    user: &User,
    scripts: &[&str],
) {
    let text = String::from_utf8_lossy(line);
    let finding = |kind, expected: String, found: String, hint: Option<String>| Finding {
        hint,
        ..view.finding(kind, Severity::Error, real, expected, found)
    };
    if text.ends_with('\r') {
        start.findings.push(finding(
            Kind::ScriptLine,
            "a first line that ends with a line feed".to_owned(),
            format!(
                "`#!{}\\r`: the interpreter's name ends with a carriage return",
                text.trim_end()
            ),
            Some(format!(
                "`sed -i 's/\\r$//' {0}`, and for good `{0} text eol=lf` in `.gitattributes`",
                name(real)
            )),
        ));
        return;
    }
    let line = text.trim_matches([' ', '\t']);
    let (interpreter, argument) = match line.split_once([' ', '\t']) {
        Some((interpreter, argument)) => (interpreter, argument.trim_matches([' ', '\t'])),
        None => (line, ""),
    };
    if interpreter.is_empty() || (text.len() + 2 >= SCRIPT_LINE && argument.is_empty()) {
        start.findings.push(finding(
            Kind::ScriptLine,
            format!("an interpreter within the first {SCRIPT_LINE} bytes"),
            match interpreter.is_empty() {
                true => "none behind `#!`".to_owned(),
                false => "a longer line, which the kernel cuts off".to_owned(),
            },
            Some(format!("begin `/{real}` with a line such as `#!/bin/sh`")),
        ));
        return;
    }
    let path = if interpreter.starts_with('/') {
        interpreter.to_owned()
    } else {
        let directory = view.image.config["config"]["WorkingDir"]
            .as_str()
            .unwrap_or("/");
        format!("{directory}/{interpreter}")
    };
    let Some((next, _)) = view.rootfs.follow(&path) else {
        start.findings.push(finding(
            Kind::ScriptInterpreter,
            format!("`{interpreter}` in the image, as the first line of the script says"),
            "nothing there".to_owned(),
            Some(elsewhere(view, interpreter)),
        ));
        return;
    };
    let chain = [scripts, &[real]].concat();
    if chain.len() > SCRIPTS {
        let mut finding = finding(
            Kind::ScriptLine,
            format!("an interpreter that is a program after {SCRIPTS} scripts"),
            "another script".to_owned(),
            None,
        );
        finding.subject = Subject::File(chain[0].to_owned());
        start.findings.push(finding);
        return;
    }
    start.program(view, &next, user, &chain);
    if name(interpreter) == "env" {
        env(start, view, argument, user, &chain);
    }
}

/// What `env` starts: it gets all that stands behind its name as one argument.
fn env(start: &mut Start, view: &View<'_>, argument: &str, user: &User, chain: &[&str]) {
    let real = chain.last().copied().unwrap_or_default();
    let split = argument
        .strip_prefix("-S")
        .or_else(|| argument.strip_prefix("--split-string="))
        .or_else(|| argument.strip_prefix("--split-string "))
        .or_else(|| argument.strip_prefix("-vS"));
    let wanted = match split {
        Some(rest) => {
            let words = rest.split_whitespace();
            let mut words = words.skip_while(|word| word.starts_with('-') || word.contains('='));
            words.next().unwrap_or_default()
        }
        None => argument,
    };
    if wanted.is_empty() || (split.is_none() && wanted.starts_with('-')) {
        return;
    }
    if split.is_none() && wanted.contains([' ', '\t']) {
        start.findings.push(Finding {
            hint: Some(format!("`#!/usr/bin/env -S {argument}`")),
            ..view.finding(
                Kind::ScriptLine,
                Severity::Error,
                real,
                "one word behind `env`, which gets the rest of the line as a whole",
                format!("`{argument}`"),
            )
        });
        return;
    }
    match lookup(view, wanted) {
        Some(next) => {
            start.program(view, &next, user, chain);
        }
        None => start.findings.push(Finding {
            hint: Some(elsewhere(view, wanted)),
            ..view.finding(
                Kind::ScriptInterpreter,
                Severity::Error,
                real,
                format!("`{wanted}` on the `PATH` of the image, for `env`"),
                "nothing there",
            )
        }),
    }
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Where the interpreter is, if it is anywhere.
fn elsewhere(view: &View<'_>, interpreter: &str) -> String {
    let wanted = name(interpreter);
    let found = view
        .rootfs
        .iter()
        .find(|(path, node)| name(path) == wanted && node.mode & 0o111 != 0);
    if let Some((path, _)) = found {
        format!("it is `/{path}` in this image: begin the script with `#!/{path}`")
    } else {
        let other = ["bin/sh", "bin/busybox", "usr/bin/bash"];
        let has = other.iter().find(|path| view.rootfs.follow(path).is_some());
        match has {
            Some(path) => {
                format!("add `{wanted}` to the image, or write the script for `/{path}`")
            }
            None => format!(
                "take a base that has `{wanted}`, or a program in place of the script: `entrypoint` under `[image]`"
            ),
        }
    }
}
