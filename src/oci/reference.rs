//! Names of images as people type them: `app`, `ghcr.io/me/app:1.2`, `[::1]:5000/app@sha256:…`.
//!
//! The grammar is the distribution project's, as `oci-spec` parses it. Added here: IPv6 hosts, the
//! other names of Docker Hub, and the refusal of names that look like an image's id.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A full name: registry, repository, and a tag or digest or both.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<String>,
}

/// Why a string is not an image's name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ParseNameError {
    /// It does not follow the grammar.
    #[error("`{name}` is not an image name: {reason}")]
    Grammar {
        /// What was typed.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// A host that the grammar accepts where an IPv6 address stands.
const STAND_IN: &str = "ipv6.invalid";
const HUB: &str = "docker.io";

impl Name {
    /// The registry's host, `docker.io` where none was typed.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The repository, with `library/` in front of Docker Hub's own.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag, `latest` where neither tag nor digest was typed.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, if one was typed.
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl FromStr for Name {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, plain) = split_address(text)?;
        let parsed: oci_spec::distribution::Reference =
            plain.parse().map_err(|_| grammar(text, explain(text)))?;
        let registry = match (parsed.registry(), address) {
            (registry, Some(address)) => registry.replacen(STAND_IN, address, 1),
            ("docker.io" | "index.docker.io" | "registry-1.docker.io", None) => HUB.to_owned(),
            (registry, None) => registry.to_owned(),
        };
        let mut repository = parsed.repository().to_owned();
        if registry == HUB && !repository.contains('/') {
            repository = format!("library/{repository}");
        }
        if is_id(text) {
            return Err(grammar(
                text,
                "64 hex digits are an image's id, not its name",
            ));
        }
        Ok(Self {
            registry,
            repository,
            tag: parsed.tag().map(str::to_owned),
            digest: parsed.digest().map(str::to_owned),
        })
    }
}

/// Takes an IPv6 host out of a name.
fn split_address(text: &str) -> Result<(Option<&str>, String), ParseNameError> {
    let Some(rest) = text.strip_prefix('[') else {
        return Ok((None, text.to_owned()));
    };
    let (inside, behind) = rest
        .split_once(']')
        .ok_or_else(|| grammar(text, "`]` is missing after the IPv6 address"))?;
    if inside.parse::<std::net::Ipv6Addr>().is_err() {
        return Err(grammar(
            text,
            "what stands in brackets is not an IPv6 address",
        ));
    }
    if !behind.starts_with([':', '/']) {
        return Err(grammar(
            text,
            "expected `/` or `:port` after the IPv6 address",
        ));
    }
    let address = &text[..inside.len() + 2];
    Ok((Some(address), format!("{STAND_IN}{behind}")))
}

fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn explain(text: &str) -> &'static str {
    if text.is_empty() {
        "it is empty"
    } else if text.contains("://") {
        "a name has no `https://` in front"
    } else if text.chars().any(char::is_whitespace) {
        "it contains white space"
    } else if text.split([':', '@']).next()
        != Some(&text.split([':', '@']).next().unwrap_or("").to_lowercase())
    {
        "repositories are written in lower case"
    } else {
        "expected `[registry/]repository[:tag][@sha256:…]`"
    }
}

fn grammar(name: &str, reason: impl Into<String>) -> ParseNameError {
    ParseNameError::Grammar {
        name: name.to_owned(),
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_completed_as_docker_completes_them() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (given, full) in [
            ("app", "docker.io/library/app:latest"),
            ("app:1", "docker.io/library/app:1"),
            ("me/app", "docker.io/me/app:latest"),
            ("docker.io/app", "docker.io/library/app:latest"),
            ("index.docker.io/me/app:2", "docker.io/me/app:2"),
            (
                "registry-1.docker.io/library/app",
                "docker.io/library/app:latest",
            ),
            ("ghcr.io/me/app:1.2", "ghcr.io/me/app:1.2"),
            ("localhost/app", "localhost/app:latest"),
            ("localhost:5000/app:x", "localhost:5000/app:x"),
            ("[::1]:5000/app", "[::1]:5000/app:latest"),
            ("[fe80::1]/a/b:c", "[fe80::1]/a/b:c"),
            (&format!("r.io/a@{digest}"), &format!("r.io/a@{digest}")),
            (&format!("r.io/a:t@{digest}"), &format!("r.io/a:t@{digest}")),
        ] {
            let name: Name = given.parse().expect(given);
            assert_eq!(name.to_string(), full, "{given}");
            assert_eq!(full.parse::<Name>().expect(full), name);
        }
    }

    #[test]
    fn what_is_no_name_is_refused_with_a_reason() {
        for (given, reason) in [
            ("", "empty"),
            ("https://ghcr.io/a", "https"),
            ("ghcr.io/Me/app", "lower case"),
            ("a b", "white space"),
            ("a:", "expected"),
            ("[::1", "`]` is missing"),
            ("[::g]/a", "not an IPv6 address"),
            ("[::1]a", "after the IPv6 address"),
            (&"a".repeat(64), "id"),
        ] {
            let error = given.parse::<Name>().expect_err(given);
            assert!(error.to_string().contains(reason), "{error}");
        }
    }
}
