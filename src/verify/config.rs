//! Fields of an image's config that container engines refuse.
//!
//! Sources: OCI image specification 1.1, config.md, "Properties"; the Go types that engines parse it
//! into (`image-spec/specs-go/v1`), which fail on another JSON type; signal(7).

use serde_json::Value;

use super::finding::{Finding, Kind, Severity};
use super::graph::field;

/// Real-time signals count from SIGRTMIN up or from SIGRTMAX down.
const SIGNALS: [&str; 33] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "IOT", "BUS", "FPE", "KILL", "USR1", "SEGV",
    "USR2", "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CLD", "CONT", "STOP", "TSTP", "TTIN",
    "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];

/// Everything that is refused.
pub(super) fn check(config: &Value) -> Vec<Finding> {
    let mut checks = Checks(Vec::new());
    checks.created(config);
    if let Some(history) = config.get("history").filter(|history| !history.is_null()) {
        checks.is("history", history, "a list", Value::is_array);
    }
    let run = &config["config"];
    if run.is_null() {
        return checks.0;
    }
    if !checks.is("config", run, "an object", Value::is_object) {
        return checks.0;
    }
    for name in ["User", "WorkingDir", "StopSignal"] {
        checks.is(name, &run[name], "a string", |value| {
            value.is_null() || value.is_string()
        });
    }
    for name in ["Entrypoint", "Cmd", "Env", "Shell", "OnBuild"] {
        checks.is(name, &run[name], "a list of strings", is_strings);
    }
    for name in ["ExposedPorts", "Volumes", "Labels"] {
        checks.is(name, &run[name], "an object", |value| {
            value.is_null() || value.is_object()
        });
    }
    checks.environment(&run["Env"]);
    checks.ports(&run["ExposedPorts"]);
    checks.labels(&run["Labels"]);
    checks.directory(&run["WorkingDir"]);
    checks.signal(&run["StopSignal"]);
    checks.0
}

struct Checks(Vec<Finding>);

impl Checks {
    fn add(&mut self, name: &str, expected: &str, found: &str) {
        let subject = format!("config: {name}");
        self.0.push(field(
            Kind::ConfigField,
            Severity::Error,
            &subject,
            expected,
            found,
        ));
    }

    fn is(
        &mut self,
        name: &str,
        value: &Value,
        expected: &str,
        right: impl Fn(&Value) -> bool,
    ) -> bool {
        let right = right(value);
        if !right {
            self.add(name, expected, &shortened(value));
        }
        right
    }

    fn created(&mut self, config: &Value) {
        let Some(created) = config.get("created").filter(|created| !created.is_null()) else {
            return;
        };
        let valid = created.as_str().is_some_and(|text| {
            text.len() >= "2020-01-01T00:00:00Z".len()
                && humantime::parse_rfc3339(&in_utc(text)).is_ok()
        });
        if !valid {
            self.add("created", "a time as RFC 3339 has it", &shortened(created));
        }
    }

    fn environment(&mut self, value: &Value) {
        for entry in strings(value) {
            if entry
                .split_once('=')
                .is_none_or(|(name, _)| name.is_empty())
            {
                self.add("Env", "`NAME=VALUE`", &format!("`{entry}`"));
            }
        }
    }

    fn ports(&mut self, value: &Value) {
        for port in value.as_object().into_iter().flat_map(|ports| ports.keys()) {
            let (range, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let number = |text: &str| text.parse::<u16>().ok();
            let valid = matches!((number(first), number(last)), (Some(first), Some(last)) if first <= last)
                && matches!(protocol, "tcp" | "udp" | "sctp");
            if !valid {
                self.add(
                    "ExposedPorts",
                    "`PORT`, `PORT/tcp`, `PORT/udp` or `PORT/sctp`",
                    &format!("`{port}`"),
                );
            }
        }
    }

    fn labels(&mut self, value: &Value) {
        for (label, value) in value.as_object().into_iter().flatten() {
            if !value.is_string() {
                self.add(
                    "Labels",
                    &format!("a string for `{label}`"),
                    &shortened(value),
                );
            }
        }
    }

    fn directory(&mut self, value: &Value) {
        let text = value.as_str().unwrap_or_default();
        if !text.is_empty() && !text.starts_with('/') {
            self.add("WorkingDir", "an absolute path", &format!("`{text}`"));
        }
    }

    fn signal(&mut self, value: &Value) {
        let text = value.as_str().unwrap_or_default();
        let name = text.to_uppercase();
        let name = name.strip_prefix("SIG").unwrap_or(&name);
        let real_time = name
            .strip_prefix("RTMIN+")
            .or_else(|| name.strip_prefix("RTMAX-"));
        let valid = text.is_empty()
            || SIGNALS.contains(&name)
            || matches!(name, "RTMIN" | "RTMAX")
            || name
                .parse::<u8>()
                .is_ok_and(|number| (1..=64).contains(&number))
            || real_time
                .is_some_and(|number| number.parse::<u8>().is_ok_and(|number| number <= 30));
        if !valid {
            self.add(
                "StopSignal",
                "a signal of Linux, such as `SIGTERM`",
                &format!("`{text}`"),
            );
        }
    }
}

fn is_strings(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().all(Value::is_string),
        _ => false,
    }
}

/// The strings of a list.
pub(super) fn strings(value: &Value) -> impl Iterator<Item = &str> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

/// The time with `Z` in place of an offset, which changes nothing about whether it is one.
fn in_utc(text: &str) -> String {
    let offset = text
        .len()
        .checked_sub(6)
        .and_then(|at| text.split_at_checked(at));
    match offset {
        Some((time, offset)) if is_offset(offset) => format!("{time}Z"),
        _ => text.to_owned(),
    }
}

fn is_offset(text: &str) -> bool {
    let Some(rest) = text.strip_prefix(['+', '-']) else {
        return false;
    };
    let number = |text: &str, most| text.parse::<u8>().is_ok_and(|number| number <= most);
    rest.split_once(':')
        .is_some_and(|(hours, minutes)| number(hours, 23) && number(minutes, 59))
}

/// A value as it stands there, cut off where it is long.
fn shortened(value: &Value) -> String {
    const LONG: usize = 60;
    let text = value.to_string();
    match text.char_indices().nth(LONG) {
        Some((at, _)) => format!("`{}…`", &text[..at]),
        None => format!("`{text}`"),
    }
}
