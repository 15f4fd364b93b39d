//! The few lines of `go.mod` and `go.work` that are needed before there is a `go` to ask.
//!
//! Follows <https://go.dev/ref/mod#go-mod-file-lexical>: `//` comments, quoted and raw strings,
//! blocks in parentheses.

use std::path::{Path, PathBuf};

/// What a `go.mod` or `go.work` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GoMod {
    /// The module path (`go.mod` only).
    pub module: Option<String>,
    /// The `go` line: the language version, which is also the oldest toolchain that may build it.
    pub go: Option<String>,
    /// The `toolchain` line, without `go` in front; `default` and `local` are left out.
    pub toolchain: Option<String>,
    /// The folders a workspace uses (`go.work` only), as written.
    pub uses: Vec<PathBuf>,
}

/// Reads a file; a missing one says nothing.
pub fn read(file: &Path) -> std::io::Result<GoMod> {
    match fs_err::read_to_string(file) {
        Ok(text) => Ok(parse(&text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(GoMod::default()),
        Err(error) => Err(error),
    }
}

/// Parses the text. What is malformed is passed over: `go` itself reports it better.
pub fn parse(text: &str) -> GoMod {
    let mut found = GoMod::default();
    let mut block: Option<String> = None;
    for line in text.lines() {
        let mut words = words(line);
        if words.first().is_some_and(|word| word == ")") {
            block = None;
            continue;
        }
        if words.is_empty() {
            continue;
        }
        let verb = match &block {
            Some(verb) => verb.clone(),
            None => words.remove(0),
        };
        if block.is_none() && words.first().is_some_and(|word| word == "(") {
            // `module ()` opens and closes on one line.
            block = (words.last().map(String::as_str) != Some(")")).then_some(verb);
            continue;
        }
        let Some(value) = words.into_iter().next() else {
            continue;
        };
        match verb.as_str() {
            "module" => found.module = Some(value),
            "go" => found.go = Some(value),
            "toolchain" => {
                found.toolchain = value.strip_prefix("go").map(str::to_owned);
            }
            "use" => found.uses.push(PathBuf::from(value)),
            _ => {}
        }
    }
    found
}

fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() && !rest.starts_with("//") {
        let quote = rest
            .chars()
            .next()
            .filter(|first| matches!(first, '"' | '`'));
        let (word, after) = match quote {
            Some(quote) => {
                let inner = &rest[1..];
                let end = inner.find(quote).unwrap_or(inner.len());
                (&inner[..end], inner.get(end + 1..).unwrap_or(""))
            }
            None if rest.starts_with(['(', ')']) => rest.split_at(1),
            None => {
                let end = rest
                    .find(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '"' | '`'))
                    .unwrap_or(rest.len());
                let comment = rest.find("//").unwrap_or(rest.len());
                rest.split_at(end.min(comment))
            }
        };
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_that_matter_are_read_in_every_form() {
        let text = "// head\nmodule \"example.com/a b\" // why\n\ngo 1.24.1 // comment\r\n\
                    toolchain go1.25.0\nrequire (\n\tx.org/go v1.0.0 // indirect\n)\n";
        assert_eq!(
            parse(text),
            GoMod {
                module: Some("example.com/a b".to_owned()),
                go: Some("1.24.1".to_owned()),
                toolchain: Some("1.25.0".to_owned()),
                uses: Vec::new(),
            }
        );
    }

    #[test]
    fn blocks_and_empty_blocks_are_read() {
        let work = parse(
            "go 1.22\nuse (\n\t.\n\t./tools // t\n\t`./a`\n)\nuse ./b\nmodule ( )\nmodule (\n x/y\n)\n",
        );
        let uses: Vec<&str> = work.uses.iter().filter_map(|path| path.to_str()).collect();
        assert_eq!(uses, [".", "./tools", "./a", "./b"]);
        assert_eq!(work.module.as_deref(), Some("x/y"));
    }

    #[test]
    fn toolchain_default_asks_for_nothing() {
        assert_eq!(parse("toolchain default\n").toolchain, None);
    }

    #[test]
    fn nonsense_does_not_panic() {
        for text in [
            "module",
            "go (",
            "\"",
            "module \"x",
            "use ``",
            ")(",
            "é \"é",
        ] {
            parse(text);
        }
    }
}
