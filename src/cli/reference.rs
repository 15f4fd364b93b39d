//! The reference pages under `docs/`, made from the types they describe.
//!
//! A test compares them with the files and rewrites those with `UPDATE_DOCS=1 cargo test
//! reference`.

use std::fmt::Write as _;

use serde_json::Value;

use crate::fault::Exit;
use crate::settings::config::{Config, UserConfig};

/// `docs/configuration.md`.
pub fn configuration() -> String {
    let mut page = String::from(
        "# Configuration reference\n\n\
         <!-- Generated from the types in src/settings/config.rs; do not edit by hand. -->\n\n\
         `polyarch.toml` stands in the project's folder. Everything in it is optional, and so is the\n\
         file. A key that does not exist is an error that names the line and the nearest key.\n\n\
         Strings may have placeholders: `{name}`, `{version}`, `{commit}` and `{date}` everywhere,\n\
         `{os}`, `{arch}`, `{variant}` and `{platform}` where the value may differ by platform.\n\
         `{platform}` is written with dashes (`linux-arm-v7`), so that it can stand in a file name.\n\
         Braces around anything else are left alone.\n",
    );
    let schema = schemars::schema_for!(Config).to_value();
    section(&mut page, &schema, &schema, "");
    page.push_str(
        "\n# The user's configuration\n\n\
         `$XDG_CONFIG_HOME/polyarch/config.toml`, else `~/.config/polyarch/config.toml`.\n",
    );
    let schema = schemars::schema_for!(UserConfig).to_value();
    section(&mut page, &schema, &schema, "");
    page
}

/// `docs/exit-codes.md`.
pub fn exit_codes() -> String {
    let mut page = String::from(
        "# Exit codes\n\n\
         <!-- Generated from src/fault.rs; do not edit by hand. -->\n\n\
         | code | meaning |\n|---|---|\n",
    );
    for (exit, meaning) in Exit::TABLE {
        let _ = writeln!(page, "| {} | {meaning} |", exit.code());
    }
    page.push_str(
        "\nAn error is one line on standard error that starts with `error:`, its causes below it,\n\
         and where there is a way out a line that starts with `hint:`. With `--quiet` that stays so.\n",
    );
    page
}

/// `docs/commands.md`: the help of every command.
pub fn commands() -> String {
    let mut page = String::from(
        "# Commands\n\n<!-- Generated from the program's own help; do not edit by hand. -->\n",
    );
    let mut root = super::command().term_width(100);
    root.build();
    let _ = write!(
        page,
        "\n```text\n{}```\n",
        trimmed(&root.render_help().to_string())
    );
    for command in root
        .get_subcommands_mut()
        .filter(|command| !command.is_hide_set())
    {
        command_help(&mut page, command);
    }
    page
}

fn command_help(page: &mut String, command: &mut clap::Command) {
    let help = trimmed(&command.render_long_help().to_string());
    let title = command
        .get_bin_name()
        .unwrap_or_else(|| command.get_name())
        .to_owned();
    let _ = write!(page, "\n## {title}\n\n```text\n{help}```\n");
    for inner in command
        .get_subcommands_mut()
        .filter(|inner| !inner.is_hide_set())
    {
        command_help(page, inner);
    }
}

fn trimmed(help: &str) -> String {
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    lines.join(
        "
",
    ) + "
"
}

/// The keys of a table, then the tables inside it.
fn section(page: &mut String, schema: &Value, root: &Value, path: &str) {
    let schema = resolved(schema, root);
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return;
    };
    let (tables, keys): (Vec<_>, Vec<_>) = properties
        .iter()
        .partition(|(_, value)| table_of(value, root).is_some());
    if !keys.is_empty() {
        page.push_str("\n| key | type | meaning |\n|---|---|---|\n");
        for (key, value) in keys {
            let _ = writeln!(
                page,
                "| `{key}` | {} | {} |",
                kind(value, root),
                description(value, root)
            );
        }
    }
    for (key, value) in tables {
        let Some((inner, repeated)) = table_of(value, root) else {
            continue;
        };
        let path = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        let title = match repeated {
            Repeated::No => format!("`[{path}]`"),
            Repeated::ByName => format!("`[{path}.NAME]`"),
            Repeated::List => format!("`[[{path}]]`"),
        };
        let level = "#".repeat(2 + path.matches('.').count().min(2));
        let _ = write!(page, "\n{level} {title}\n\n{}\n", description(value, root));
        // What repeats another table's keys is not written out twice.
        let again = path.contains("images") || path.starts_with("platform");
        if !again {
            section(page, inner, root, &path);
        }
    }
}

enum Repeated {
    No,
    ByName,
    List,
}

fn table_of<'a>(value: &'a Value, root: &'a Value) -> Option<(&'a Value, Repeated)> {
    let schema = resolved(value, root);
    if schema.get("properties").is_some() {
        return Some((schema, Repeated::No));
    }
    let has_keys = |inner: &&Value| resolved(inner, root).get("properties").is_some();
    let by_name = schema.get("additionalProperties").filter(has_keys);
    let list = schema.get("items").filter(has_keys);
    by_name
        .map(|inner| (inner, Repeated::ByName))
        .or(list.map(|inner| (inner, Repeated::List)))
}

fn kind(value: &Value, root: &Value) -> String {
    if let Some(target) = referred(value, root) {
        return kind(target, root);
    }
    if let Some(options) = value.get("anyOf").and_then(Value::as_array) {
        let is_null = |option: &&Value| option.get("type").and_then(Value::as_str) == Some("null");
        let kinds = options.iter().filter(|option| !is_null(option));
        let kinds: Vec<String> = kinds.map(|option| kind(option, root)).collect();
        return kinds.join(" or ");
    }
    let schema = value;
    let of =
        |inner: Option<&Value>| inner.map_or_else(|| "value".to_owned(), |inner| kind(inner, root));
    let name = match schema.get("type") {
        Some(Value::Array(names)) => names
            .iter()
            .find_map(|name| name.as_str().filter(|name| *name != "null")),
        Some(name) => name.as_str(),
        None => None,
    };
    match name {
        Some("array") => format!("list of {}", of(schema.get("items"))),
        Some("object") if schema.get("properties").is_some() => "table".to_owned(),
        Some("object") => format!("table of {}", of(schema.get("additionalProperties"))),
        Some(name) => name.to_owned(),
        None => "string".to_owned(),
    }
}

/// What a `$ref` stands for.
fn referred<'a>(value: &Value, root: &'a Value) -> Option<&'a Value> {
    let reference = value.get("$ref").and_then(Value::as_str)?;
    root.pointer(reference.strip_prefix('#')?)
}

fn description(value: &Value, root: &Value) -> String {
    let own = value
        .get("description")
        .or_else(|| resolved(value, root).get("description"));
    let text = own.and_then(Value::as_str).unwrap_or_default();
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}

fn resolved<'a>(value: &'a Value, root: &'a Value) -> &'a Value {
    crate::settings::parse::resolve(value, root)
}
