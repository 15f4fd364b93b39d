//! Asking over HTTP: one client, and a second try where that may help.
//!
//! Retried: no connection, silence, a broken body, 408, 429 and 5xx; with pauses that double, are
//! spread by chance, and follow `Retry-After` up to a minute. RFC 9110 sections 10.2.3
//! (`Retry-After`) and 15 (status codes).

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Read;
use std::time::{Duration, Instant};

use reqwest::blocking::{Client, Response};
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER,
};
use reqwest::{StatusCode, Url};

use super::{Address, Error, Fetcher};
use crate::digest::BLOCK;
use crate::interrupt;

/// A server that asks for a longer pause is taken to be unavailable.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// After this many new bytes the tries are counted from one again.
const PROGRESS: u64 = 1024 * 1024;

/// Fewer bytes than this in the time of a stall are a stall, too.
const TRICKLE: u64 = 1024;

/// What a failed try means for the next.
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) retry: Retry,
}

pub(super) enum Retry {
    Never,
    /// Once: a name that does not resolve or a closed port seldom changes within seconds.
    Once,
    Later {
        wait: Option<Duration>,
    },
}

/// A small answer, held in memory.
pub(super) struct Document {
    pub(super) body: Vec<u8>,
    pub(super) kind: String,
    /// Where it lay in the end, for relative links.
    pub(super) url: Url,
}

impl Fetcher<'_> {
    /// A small file, such as the page of an index.
    pub(super) fn document(
        &self,
        url: &Url,
        accept: &'static str,
        maximum: u64,
    ) -> Result<Document, Error> {
        let client = self.client()?;
        let address = Address::of(url);
        self.insist(|_| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            let response = send(client, url, &address, headers)?;
            if !response.status().is_success() {
                return Err(refusal(&address, &response));
            }
            let (kind, url) = (
                header(&response, CONTENT_TYPE.as_str()),
                response.url().clone(),
            );
            let body = self.body(response, &address, maximum)?;
            Ok(Document { body, kind, url })
        })
    }

    /// The whole of a small answer, no larger than that.
    pub(super) fn body(
        &self,
        response: Response,
        address: &Address,
        maximum: u64,
    ) -> Result<Vec<u8>, Failure> {
        let encoding = header(&response, CONTENT_ENCODING.as_str());
        if !matches!(&*encoding, "" | "identity") {
            return Err(fatal(Error::Encoded {
                address: address.clone(),
                encoding,
            }));
        }
        let expected = response.content_length();
        let mut pace = Pace::new(self.options.patience.stall);
        let mut reader = response.take(maximum + 1);
        let (mut body, mut buffer) = (Vec::new(), vec![0; BLOCK]);
        loop {
            interrupt::check().map_err(|_| fatal(Error::Interrupted))?;
            let found = body.len() as u64;
            let read = reader.read(&mut buffer);
            match read.map_err(|error| broken(address, expected, found, &error))? {
                0 => break,
                read => body.extend_from_slice(&buffer[..read]),
            }
            pace.keeps(body.len() as u64)
                .map_err(|reason| cut(address, expected, body.len() as u64, reason))?;
        }
        if body.len() as u64 > maximum {
            return Err(fatal(Error::TooLarge {
                address: address.clone(),
                maximum,
            }));
        }
        Ok(body)
    }

    /// Tries until it works, or trying again makes no sense. `attempt` writes how many bytes it
    /// brought.
    pub(super) fn insist<T>(
        &self,
        mut attempt: impl FnMut(&mut u64) -> Result<T, Failure>,
    ) -> Result<T, Error> {
        let patience = self.options.patience;
        let (mut tries, mut total, mut progress) = (0, 0, 0);
        loop {
            interrupt::check().map_err(|_| Error::Interrupted)?;
            let mut brought = 0;
            let Failure { mut error, retry } = match attempt(&mut brought) {
                Ok(result) => return Ok(result),
                Err(failure) => failure,
            };
            total += 1;
            tries += 1;
            progress += brought;
            if progress >= PROGRESS {
                (tries, progress) = (1, 0);
            }
            if let Error::Truncated { attempts, .. } = &mut error {
                *attempts = total;
            }
            let allowed = match retry {
                Retry::Never => 1,
                Retry::Once => patience.attempts.min(2),
                Retry::Later { .. } => patience.attempts,
            };
            if tries >= allowed {
                return Err(error);
            }
            let pause = match retry {
                Retry::Later { wait: Some(wait) } => wait,
                _ => spread(patience.pause * 2_u32.saturating_pow(tries - 1)),
            };
            sleep(pause)?;
        }
    }

    pub(super) fn client(&self) -> Result<&Client, Error> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        // Without one, building the client panics. Somebody else may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent(concat!("polyarch/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(self.options.patience.connect)
            // Of a blocking client this is the time between two reads, not that of the whole.
            .timeout(self.options.patience.stall)
            .build()
            .map_err(|error| Error::Client(reasons(&error)))?;
        Ok(self.client.get_or_init(|| client))
    }
}

pub(super) fn send(
    client: &Client,
    url: &Url,
    address: &Address,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    client
        .get(url.clone())
        .headers(headers)
        .send()
        .map_err(|error| {
            let retry = match () {
                () if error.is_connect() && error.is_timeout() => Retry::Never,
                () if error.is_connect() => Retry::Once,
                () if error.is_redirect() || error.is_builder() => Retry::Never,
                () => Retry::Later { wait: None },
            };
            let error = error.without_url();
            let address = address.clone();
            let error = if is_untimely(&error) {
                let reason = reasons(&error);
                Error::Untimely { address, reason }
            } else if error.is_timeout() {
                let reason = "no answer in time".to_owned();
                Error::Unreachable { address, reason }
            } else {
                let reason = reasons(&error);
                Error::Unreachable { address, reason }
            };
            Failure { error, retry }
        })
}

/// Whether by this machine's clock the server's certificate is out of date, or not valid yet.
fn is_untimely(error: &(dyn std::error::Error + 'static)) -> bool {
    use rustls::CertificateError as Certificate;
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(rustls::Error::InvalidCertificate(certificate)) = cause.downcast_ref() {
            return matches!(
                certificate,
                Certificate::Expired
                    | Certificate::ExpiredContext { .. }
                    | Certificate::NotValidYet
                    | Certificate::NotValidYetContext { .. }
            );
        }
        // What an `io::Error` was made from is none of its sources.
        let io = cause.downcast_ref::<std::io::Error>();
        next = match io.and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => cause.source(),
        };
    }
    false
}

/// An answer that is not the file.
pub(super) fn refusal(address: &Address, response: &Response) -> Failure {
    let status = response.status();
    // `Retry-After` may also be a date, which servers of files hardly use; the usual pause does.
    let asked = header(response, RETRY_AFTER.as_str())
        .parse()
        .ok()
        .map(Duration::from_secs);
    let too_long = asked.filter(|wait| *wait > LONGEST_WAIT);
    let again = status.is_server_error()
        || status == StatusCode::REQUEST_TIMEOUT
        || status == StatusCode::TOO_MANY_REQUESTS;
    Failure {
        error: Error::Status {
            address: address.clone(),
            status: status.to_string(),
            code: status.as_u16(),
            wait: too_long.map(|wait| wait.as_secs()),
        },
        retry: if again && too_long.is_none() {
            Retry::Later { wait: asked }
        } else {
            Retry::Never
        },
    }
}

/// A body that broke off.
pub(super) fn broken(
    address: &Address,
    expected: Option<u64>,
    found: u64,
    error: &std::io::Error,
) -> Failure {
    let timeout = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<reqwest::Error>())
        .is_some_and(reqwest::Error::is_timeout);
    let reason = if timeout || error.kind() == std::io::ErrorKind::TimedOut {
        "the server fell silent".to_owned()
    } else {
        reasons(error)
    };
    cut(address, expected, found, reason)
}

/// A body that goes no further.
pub(super) fn cut(address: &Address, expected: Option<u64>, found: u64, reason: String) -> Failure {
    later(Error::Truncated {
        address: address.clone(),
        expected,
        found,
        attempts: 1,
        reason,
    })
}

/// Whether bytes keep coming: a server that sends one now and then would keep us for ever.
pub(super) struct Pace {
    stall: Duration,
    since: Instant,
    mark: u64,
}

impl Pace {
    pub(super) fn new(stall: Duration) -> Self {
        Self {
            stall,
            since: Instant::now(),
            mark: 0,
        }
    }

    /// Looks at how many bytes have come; says why to give up.
    pub(super) fn keeps(&mut self, received: u64) -> Result<(), String> {
        if self.since.elapsed() <= self.stall {
            return Ok(());
        }
        if received.saturating_sub(self.mark) < TRICKLE {
            return Err("hardly any bytes came".to_owned());
        }
        (self.since, self.mark) = (Instant::now(), received);
        Ok(())
    }
}

pub(super) fn later(error: Error) -> Failure {
    Failure {
        error,
        retry: Retry::Later { wait: None },
    }
}

pub(super) fn fatal(error: impl Into<Error>) -> Failure {
    Failure {
        error: error.into(),
        retry: Retry::Never,
    }
}

pub(super) fn header(response: &Response, name: &str) -> String {
    let value = response.headers().get(name);
    let text = value.and_then(|value| value.to_str().ok());
    text.unwrap_or_default().to_owned()
}

/// The innermost of a chain of causes; the outer ones of an HTTP library say only that something
/// was being done.
fn reasons(error: &(dyn std::error::Error + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        texts.push(cause.to_string());
        next = cause.source();
    }
    match texts.len() {
        0 => error.to_string(),
        1 => texts.remove(0),
        many => texts[many - 2..].join(": "),
    }
}

/// Half to whole of a pause, so that many clients do not come back at the same moment.
fn spread(pause: Duration) -> Duration {
    let chance = RandomState::new().build_hasher().finish() % 1000;
    let half = pause / 2;
    half + half.mul_f64(f64::from(u32::try_from(chance).unwrap_or(0)) / 1000.0)
}

fn sleep(pause: Duration) -> Result<(), Error> {
    let end = Instant::now() + pause;
    while let Some(left) = end.checked_duration_since(Instant::now()) {
        interrupt::check().map_err(|_| Error::Interrupted)?;
        std::thread::sleep(left.min(Duration::from_millis(50)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_spread_but_never_longer() {
        let pause = Duration::from_secs(8);
        for _ in 0..100 {
            let spread = spread(pause);
            assert!(spread >= pause / 2 && spread <= pause);
        }
    }

    #[test]
    fn a_certificate_out_of_its_time_is_told_from_a_wrong_one() {
        use rustls::CertificateError as Certificate;
        let met = |certificate| {
            let tls = rustls::Error::InvalidCertificate(certificate);
            let io = std::io::Error::other(tls.clone());
            let around = std::io::Error::other(std::io::Error::other(tls));
            (is_untimely(&io), is_untimely(&around))
        };
        assert_eq!(met(Certificate::Expired), (true, true));
        assert_eq!(met(Certificate::NotValidYet), (true, true));
        assert_eq!(met(Certificate::UnknownIssuer), (false, false));
        assert!(!is_untimely(&std::io::Error::other("refused")));
    }

    #[test]
    fn only_the_inner_reasons_are_told() {
        #[derive(Debug, thiserror::Error)]
        #[error("{0}")]
        struct Layer(&'static str, #[source] Option<Box<Layer>>);
        let inner = Layer("refused", None);
        let middle = Layer("connect", Some(Box::new(inner)));
        let outer = Layer("client", Some(Box::new(middle)));
        assert_eq!(
            reasons(&Layer("sending", Some(Box::new(outer)))),
            "connect: refused"
        );
        assert_eq!(reasons(&Layer("alone", None)), "alone");
    }
}
