//! One file over HTTP into the store, in one piece or several.
//!
//! What broke off goes on where it stopped if the server can do that, and begins again if not. The
//! digest is that of the whole, so a file that changed on the server in between is noticed; it is
//! then fetched once more in one piece. RFC 9110 sections 13.1.5 (`If-Range`) and 14 (ranges).

use std::io::Read;
use std::time::Duration;

use reqwest::blocking::{Client, Response};
use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_RANGE, RANGE,
};
use reqwest::{StatusCode, Url};

use super::http::{Failure, Pace, Retry, broken, fatal, header, later, refusal, send};
use super::url::{admit, commit};
use super::{Address, Error, Fetcher, Wanted};
use crate::digest::BLOCK;
use crate::interrupt;
use crate::progress::Meter;
use crate::store::BlobWriter;

/// One download over all its tries.
struct Transfer<'f, 'w> {
    url: &'w Url,
    address: Address,
    wanted: &'w Wanted<'w>,
    writer: BlobWriter<'f>,
    meter: Option<Box<dyn Meter>>,
    /// The entity tag of what was begun.
    tag: Option<HeaderValue>,
    /// Whether the bytes come from more than one answer.
    pieced: bool,
    resume: bool,
}

impl Fetcher<'_> {
    /// Downloads into the store.
    pub(super) fn download(&self, url: &Url, wanted: &Wanted<'_>) -> Result<(), Error> {
        match self.download_in_pieces(url, wanted, true) {
            // The pieces may be of different files; whole it may be right.
            Err((Error::Mismatch { .. }, true)) => self
                .download_in_pieces(url, wanted, false)
                .map_err(|(error, _)| error),
            result => result.map_err(|(error, _)| error),
        }
    }

    fn download_in_pieces(
        &self,
        url: &Url,
        wanted: &Wanted<'_>,
        resume: bool,
    ) -> Result<(), (Error, bool)> {
        let whole = |error: Error| (error, false);
        let store = self.store.get().map_err(|error| whole(error.into()))?;
        let writer = store.writer().map_err(|error| whole(error.into()))?;
        let mut transfer = Transfer {
            url,
            address: Address::of(url),
            wanted,
            writer: writer.expecting(wanted.size),
            meter: None,
            tag: None,
            pieced: false,
            resume,
        };
        let client = self.client().map_err(whole)?;
        self.insist(|mark| {
            let found = transfer.writer.written();
            let result = transfer.attempt(client, self);
            *mark = transfer.writer.written().saturating_sub(found);
            result
        })
        .map_err(whole)?;
        let pieced = transfer.pieced;
        commit(&transfer.address, wanted, transfer.writer).map_err(|error| (error, pieced))
    }
}

impl Transfer<'_, '_> {
    fn attempt(&mut self, client: &Client, fetcher: &Fetcher<'_>) -> Result<(), Failure> {
        let begun = self.writer.written();
        let response = send(client, self.url, &self.address, self.headers())?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT if begun > 0 && starts_at(&response, begun) => {
                self.pieced = true;
            }
            StatusCode::OK => self.begin(&response, fetcher)?,
            // The server has another idea of where we are: from the beginning, then.
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE if begun > 0 => {
                self.writer.restart().map_err(fatal)?;
                self.resume = false;
                return Err(Failure {
                    error: self.truncated("the server can't resume".to_owned()),
                    retry: Retry::Later {
                        wait: Some(Duration::ZERO),
                    },
                });
            }
            _ => return Err(refusal(&self.address, &response)),
        }
        self.receive(response, fetcher.options.patience.stall)
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        // The digest is that of the file as it lies there.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let begun = self.writer.written();
        if begun > 0
            && self.resume
            && let Ok(range) = HeaderValue::from_str(&format!("bytes={begun}-"))
        {
            headers.insert(RANGE, range);
            if let Some(tag) = &self.tag {
                headers.insert(IF_RANGE, tag.clone());
            }
        }
        headers
    }

    /// A whole file comes: what was there is forgotten, what is announced is compared.
    fn begin(&mut self, response: &Response, fetcher: &Fetcher<'_>) -> Result<(), Failure> {
        if self.writer.written() > 0 {
            self.writer.restart().map_err(fatal)?;
        }
        self.pieced = false;
        self.tag = response
            .headers()
            .get(ETAG)
            // A weak tag can't vouch for bytes.
            .filter(|tag| !tag.as_bytes().starts_with(b"W/"))
            .cloned();
        let announced = response.content_length();
        if let (Some(expected), Some(announced)) = (self.wanted.size, announced)
            && expected != announced
        {
            return Err(fatal(Error::Different {
                address: self.address.clone(),
                expected,
                announced,
                kind: header(response, CONTENT_TYPE.as_str()),
            }));
        }
        if let Some(announced) = announced {
            admit(&self.address, self.wanted, announced).map_err(fatal)?;
        }
        let total = self.wanted.size.or(announced);
        self.meter = None;
        self.meter = Some(fetcher.observer.begin(self.wanted.label, total));
        Ok(())
    }

    fn receive(&mut self, mut response: Response, stall: Duration) -> Result<(), Failure> {
        let mut buffer = vec![0; BLOCK];
        let begun = self.writer.written();
        let mut pace = Pace::new(stall);
        loop {
            interrupt::check().map_err(|_| fatal(Error::Interrupted))?;
            let written = self.writer.written();
            let read = response
                .read(&mut buffer)
                .map_err(|error| broken(&self.address, self.wanted.size, written, &error))?;
            if read == 0 {
                break;
            }
            admit(&self.address, self.wanted, written + read as u64).map_err(fatal)?;
            self.writer.put(&buffer[..read]).map_err(fatal)?;
            if let Some(meter) = &self.meter {
                meter.advance(read as u64);
            }
            pace.keeps(self.writer.written() - begun)
                .map_err(|reason| later(self.truncated(reason)))?;
        }
        if self
            .wanted
            .size
            .is_some_and(|size| self.writer.written() < size)
        {
            return Err(later(
                self.truncated("the server closed the connection".to_owned()),
            ));
        }
        Ok(())
    }

    fn truncated(&self, reason: String) -> Error {
        Error::Truncated {
            address: self.address.clone(),
            expected: self.wanted.size,
            found: self.writer.written(),
            attempts: 1,
            reason,
        }
    }
}

/// Whether a partial answer continues where we are: `bytes 100-199/200`.
fn starts_at(response: &Response, begun: u64) -> bool {
    header(response, CONTENT_RANGE.as_str())
        .strip_prefix("bytes ")
        .and_then(|range| range.split_once('-'))
        .is_some_and(|(first, _)| first.parse() == Ok(begun))
}
