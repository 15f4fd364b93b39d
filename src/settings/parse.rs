//! Reading configuration text, with errors that point at the place.
//!
//! Serde refuses an unknown key; which key was probably meant is found by walking the document
//! beside the JSON schema of the same types.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;
use toml::de::{DeTable, DeValue};

use crate::fault::{Exit, Fault};

/// Why a configuration file is not used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// It could not be read.
    #[error("can't read the configuration")]
    Read(#[from] std::io::Error),
    /// A key that does not exist.
    #[error("{}:{line}:{column}: unknown key `{key}` in {table}", file.display())]
    UnknownKey {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1, in characters.
        column: usize,
        /// The key.
        key: String,
        /// The table it stands in, as `[build]`.
        table: String,
        /// The nearest key that exists, if one is near.
        nearest: Option<String>,
        /// All keys that exist there.
        known: Vec<String>,
    },
    /// A syntax error or a value of the wrong type.
    #[error("{}:{line}:{column}: {message}", file.display())]
    Malformed {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1, in characters.
        column: usize,
        /// What the parser says.
        message: String,
    },
}

impl Fault for ConfigError {
    fn exit(&self) -> Exit {
        match self {
            Self::Read(_) => Exit::Io,
            Self::UnknownKey { .. } | Self::Malformed { .. } => Exit::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownKey {
                nearest: Some(nearest),
                ..
            } => Some(format!("did you mean `{nearest}`?")),
            Self::UnknownKey { known, .. } => Some(format!("known keys: {}", known.join(", "))),
            Self::Read(_) | Self::Malformed { .. } => None,
        }
    }
}

/// Reads a file of type `T`; `None` where it does not exist.
pub fn read<T: DeserializeOwned + JsonSchema>(file: &Path) -> Result<Option<T>, ConfigError> {
    match fs_err::read_to_string(file) {
        Ok(text) => parse(&text, file).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Parses text that stands in `file`.
pub fn parse<T: DeserializeOwned + JsonSchema>(text: &str, file: &Path) -> Result<T, ConfigError> {
    let error = match toml::from_str(text) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    if let Ok(document) = DeTable::parse(text) {
        let schema = schemars::schema_for!(T).to_value();
        let unknown = find_unknown(document.get_ref(), &schema, &schema, "");
        if let Some(unknown) = unknown {
            let (line, column) = position(text, unknown.at);
            return Err(ConfigError::UnknownKey {
                file: file.to_owned(),
                line,
                column,
                nearest: nearest(&unknown.key, &unknown.known),
                key: unknown.key,
                table: match unknown.table.as_str() {
                    "" => "the top level".to_owned(),
                    table => format!("[{table}]"),
                },
                known: unknown.known,
            });
        }
    }
    let (line, column) = position(text, error.span().map_or(0, |span| span.start));
    Err(ConfigError::Malformed {
        file: file.to_owned(),
        line,
        column,
        message: error.message().trim_end().replace('\n', ", "),
    })
}

struct Unknown {
    key: String,
    at: usize,
    table: String,
    known: Vec<String>,
}

fn find_unknown(table: &DeTable<'_>, schema: &Value, root: &Value, name: &str) -> Option<Unknown> {
    let schema = resolve(schema, root);
    let properties = schema.get("properties").and_then(Value::as_object);
    let any = schema
        .get("additionalProperties")
        .filter(|value| value.is_object());
    for (key, value) in table {
        let inner = match properties
            .and_then(|map| map.get(key.get_ref().as_ref()))
            .or(any)
        {
            Some(inner) => inner,
            None if properties.is_none() => return None,
            None => {
                return Some(Unknown {
                    key: key.get_ref().to_string(),
                    at: key.span().start,
                    table: name.to_owned(),
                    known: properties?.keys().cloned().collect(),
                });
            }
        };
        let path = match name {
            "" => key.get_ref().to_string(),
            _ => format!("{name}.{}", key.get_ref()),
        };
        let found = match value.get_ref() {
            DeValue::Table(table) => find_unknown(table, inner, root, &path),
            DeValue::Array(items) => items.iter().find_map(|item| match item.get_ref() {
                DeValue::Table(table) => {
                    let item_schema = resolve(inner, root).get("items")?;
                    find_unknown(table, item_schema, root, &path)
                }
                _ => None,
            }),
            _ => None,
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

/// Follows `$ref` and takes the member of an optional value that is not null.
pub(crate) fn resolve<'a>(schema: &'a Value, root: &'a Value) -> &'a Value {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let target = reference
            .strip_prefix('#')
            .and_then(|path| root.pointer(path));
        return target.map_or(schema, |target| resolve(target, root));
    }
    let members = schema.get("anyOf").and_then(Value::as_array);
    let member = members.and_then(|members| {
        members
            .iter()
            .find(|member| member.get("type").and_then(Value::as_str) != Some("null"))
    });
    member.map_or(schema, |member| resolve(member, root))
}

/// The candidate nearest to a misspelt word, if one is near enough to be meant.
pub fn nearest<S: AsRef<str>>(word: &str, candidates: &[S]) -> Option<String> {
    candidates
        .iter()
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(word, candidate.as_ref()),
                candidate,
            )
        })
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= 1 + word.chars().count() / 4)
        .map(|(_, candidate)| candidate.as_ref().to_owned())
}

fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (line, before[start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::super::config::Config;
    use super::*;

    fn refused(text: &str) -> ConfigError {
        parse::<Config>(text, Path::new("polyarch.toml")).expect_err("must be refused")
    }

    #[test]
    fn an_unknown_key_is_named_with_its_place_and_the_nearest_key() {
        let error = refused("[build]\n  plattforms = [\"linux/amd64\"]\n");
        assert_eq!(
            error.to_string(),
            "polyarch.toml:2:3: unknown key `plattforms` in [build]"
        );
        assert_eq!(error.hint().as_deref(), Some("did you mean `platforms`?"));
    }

    #[test]
    fn unknown_keys_are_found_in_nested_tables_and_arrays() {
        let error = refused("[images.api]\nentrypont = []\n");
        assert_eq!(
            error.to_string(),
            "polyarch.toml:2:1: unknown key `entrypont` in [images.api]"
        );
        let error = refused("[[image.files]]\nsrc = 'a'\ndst = '/a'\nmod = '0644'\n");
        assert_eq!(
            error.to_string(),
            "polyarch.toml:4:1: unknown key `mod` in [image.files]"
        );
        let error = refused("imag = 1\n");
        assert_eq!(
            error.to_string(),
            "polyarch.toml:1:1: unknown key `imag` in the top level"
        );
    }

    #[test]
    fn a_value_of_the_wrong_type_points_at_the_value() {
        let error = refused("[build]\nplatforms = 'linux/amd64'\n");
        assert!(
            error
                .to_string()
                .starts_with("polyarch.toml:2:13: invalid type"),
            "{error}"
        );
    }

    #[test]
    fn a_syntax_error_has_a_place() {
        assert!(
            refused("[build\n")
                .to_string()
                .starts_with("polyarch.toml:1:")
        );
    }

    #[test]
    fn per_platform_keys_are_read() {
        let config: Config = parse(
            "[platform.'linux/arm/v7'.build]\nflags = ['-tags=x']\n",
            Path::new("polyarch.toml"),
        )
        .expect("valid");
        assert_eq!(
            config.platform["linux/arm/v7"].build.flags.as_deref(),
            Some(&["-tags=x".to_owned()][..])
        );
    }
}
