//! The client side of the Flagsmith API: one fetch is one request for one environment document, and one for each further
//! page of it. Decides neither when to fetch nor what a document means.
//!
//! A server-side key leaves this process in one header, to the origin of the API URL and no other; redirects and links
//! are followed within that origin only. Errors carry no URL and no header.

mod error;
mod link;
mod pages;
mod redirect;
mod tls;

use std::error::Error as StdError;
use std::time::{Duration, Instant, SystemTime};

use contract::{KeyPair, ServerSideKey};
use reqwest::header::{
    ACCEPT, AGE, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE,
    LAST_MODIFIED, RETRY_AFTER,
};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};

use crate::poll::freshness::Timing;
use crate::schedule::read_retry_after;
use crate::source::api_url::ApiUrl;

use redirect::{RedirectRefused, within_origin};

pub use error::Error;
pub(crate) use error::FetchError;

const ENVIRONMENT_KEY: HeaderName = HeaderName::from_static("x-environment-key");
const USER_AGENT: &str = concat!("edge-proxy/", env!("CARGO_PKG_VERSION"));
const MOST_REDIRECTS: usize = 5;
/// The timeout bounds silence. A large document on a slow line is not silent, yet must end: after this many timeouts.
const TIMEOUTS_IN_ALL: u32 = 12;
/// A document that changes while its pages come is begun anew. That is a coincidence; so many in a row are something else.
const MOST_BEGINNINGS: usize = 3;

/// A server-side key in the form in which it goes out.
pub(crate) struct Credential(HeaderValue);

impl Credential {
    /// `None`: the key has a character that no header can carry.
    pub(crate) fn of(key: &ServerSideKey) -> Option<Self> {
        let mut value = HeaderValue::from_str(key.expose()).ok()?;
        value.set_sensitive(true);
        Some(Self(value))
    }

    /// That of an environment, or an error that names it.
    pub(crate) fn of_pair(pair: &KeyPair) -> Result<Self, crate::Error> {
        Self::of(&pair.server_side_key).ok_or_else(|| crate::Error::Key {
            environment: pair.client_side_key.clone(),
        })
    }
}

/// What a fetch brings.
#[derive(Debug)]
pub(crate) enum Answer {
    Document(Document),
    /// The document that we have is still the newest.
    NotModified(Timing),
}

/// A body as it came, its pages put together, and what tells how old it is.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) body: Vec<u8>,
    pub(crate) timing: Timing,
    /// What upstream compares `If-Modified-Since` with.
    pub(crate) last_modified: Option<SystemTime>,
}

/// The API to fetch from.
pub(crate) struct Upstream {
    client: Client,
    document: Url,
    timeout: Duration,
    largest_document: usize,
}

impl Upstream {
    /// `timeout` bounds each silence: before a connection, before an answer, between two pieces of it.
    pub(crate) fn new(
        api_url: &ApiUrl,
        timeout: Duration,
        largest_document: usize,
    ) -> Result<Self, Error> {
        // Without HTTP/2: one request at a time gains nothing from it, and a connection that died unnoticed would fail
        // every fetch until the kernel gives it up, where HTTP/1.1 drops it with the first.
        let mut client = Client::builder()
            .tls_backend_preconfigured(tls::config(api_url)?)
            .user_agent(USER_AGENT)
            .redirect(Policy::custom(within_origin))
            .referer(false)
            // A little sooner than silence is noticed, which begins before there is a connection: the reason is told apart.
            .connect_timeout(timeout.mul_f64(0.95))
            .read_timeout(timeout)
            .timeout(timeout.saturating_mul(TIMEOUTS_IN_ALL));
        if api_url.is_loopback() {
            client = client.no_proxy();
        }
        Ok(Self {
            client: client.build().map_err(Error::Client)?,
            document: api_url.document(),
            timeout,
            largest_document,
        })
    }

    /// Asks for the document of one environment; `since`: only if it changed after that second.
    pub(crate) async fn fetch(
        &self,
        credential: &Credential,
        mut since: Option<SystemTime>,
    ) -> Result<Answer, FetchError> {
        for _ in 0..MOST_BEGINNINGS {
            if let Some(answer) = self.fetch_once(credential, since).await? {
                return Ok(answer);
            }
            since = None;
        }
        Err(FetchError::ChangesEndlessly)
    }

    /// `None`: the document changed while its pages came.
    async fn fetch_once(
        &self,
        credential: &Credential,
        since: Option<SystemTime>,
    ) -> Result<Option<Answer>, FetchError> {
        let asked = Instant::now();
        let response = self.get(&self.document, credential, since).await?;
        let headers = response.headers();
        let timing = Timing {
            asked,
            elapsed: asked.elapsed(),
            date: date(headers, &DATE).filter(|_| !headers.contains_key(AGE)),
        };
        if response.status() == StatusCode::NOT_MODIFIED && since.is_some() {
            return Ok(Some(Answer::NotModified(timing)));
        }
        refuse_other_than_ok(&response)?;
        let last_modified = date(headers, &LAST_MODIFIED);
        let next = self.next_page(&response)?;
        let first = self.body(response, asked, self.largest_document).await?;
        let body = match next {
            None => Some(first),
            Some(next) => {
                let beginning = pages::Beginning {
                    first,
                    next,
                    asked,
                    last_modified,
                };
                self.pages(credential, beginning).await?
            }
        };
        Ok(body.map(|body| {
            Answer::Document(Document {
                body,
                timing,
                last_modified,
            })
        }))
    }

    async fn get(
        &self,
        url: &Url,
        credential: &Credential,
        since: Option<SystemTime>,
    ) -> Result<Response, FetchError> {
        let asked = Instant::now();
        let mut request = self
            .client
            .get(url.clone())
            .header(ACCEPT, "application/json")
            .header(ENVIRONMENT_KEY, credential.0.clone());
        if let Some(since) = since {
            request = request.header(IF_MODIFIED_SINCE, httpdate::fmt_http_date(since));
        }
        request.send().await.map_err(|error| {
            if let Some(refused) = cause::<RedirectRefused>(&error) {
                return match refused {
                    RedirectRefused::CrossOrigin(origin) => FetchError::CrossOrigin(origin.clone()),
                    RedirectRefused::TooMany => FetchError::RedirectsEndlessly,
                };
            }
            if error.is_connect() && error.is_timeout() {
                return FetchError::Unconnected(self.timeout);
            }
            if let Some(refused) = tls::failure(chain(&error)) {
                return FetchError::tls(refused);
            }
            self.timed_out(&error, asked)
                .unwrap_or_else(|| FetchError::Unreachable(root(&error)))
        })
    }

    /// Reads a body that may have as many bytes as there is `room` for.
    async fn body(
        &self,
        mut response: Response,
        asked: Instant,
        room: usize,
    ) -> Result<Vec<u8>, FetchError> {
        let expected = response.content_length().unwrap_or(0);
        let expected = usize::try_from(expected).unwrap_or(usize::MAX);
        if expected > room {
            return Err(FetchError::TooLarge(self.largest_document));
        }
        let mut body = Vec::with_capacity(expected);
        while let Some(piece) = response.chunk().await.map_err(|error| {
            self.timed_out(&error, asked)
                .unwrap_or_else(|| FetchError::BrokeOff(root(&error)))
        })? {
            if body.len() + piece.len() > room {
                return Err(FetchError::TooLarge(self.largest_document));
            }
            body.extend_from_slice(&piece);
        }
        if body.trim_ascii_start().starts_with(b"{") {
            return Ok(body);
        }
        let kind = text(response.headers(), &CONTENT_TYPE)
            .map(|kind| format!(" (content type {kind})"))
            .unwrap_or_default();
        Err(FetchError::NotJson(kind))
    }

    fn timed_out(&self, error: &reqwest::Error, asked: Instant) -> Option<FetchError> {
        let in_all = self.timeout.saturating_mul(TIMEOUTS_IN_ALL);
        error.is_timeout().then(|| {
            if asked.elapsed() >= in_all {
                FetchError::Endless(in_all)
            } else {
                FetchError::Silent(self.timeout)
            }
        })
    }
}

/// Anything but a document.
fn refuse_other_than_ok(response: &Response) -> Result<(), FetchError> {
    let headers = response.headers();
    match response.status() {
        StatusCode::OK => Ok(()),
        StatusCode::NOT_MODIFIED => Err(FetchError::NothingToModify),
        status => Err(FetchError::Status {
            status,
            retry_after: text(headers, &RETRY_AFTER).and_then(|value| {
                let now = date(headers, &DATE).unwrap_or_else(SystemTime::now);
                read_retry_after(value, now)
            }),
        }),
    }
}

fn date(headers: &HeaderMap, name: &HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(text(headers, name)?).ok()
}

fn text<'headers>(headers: &'headers HeaderMap, name: &HeaderName) -> Option<&'headers str> {
    headers.get(name)?.to_str().ok()
}

fn chain(error: &reqwest::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(error.source(), |error| (*error).source())
}

fn cause<T: StdError + 'static>(error: &reqwest::Error) -> Option<&T> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// The innermost reason: the ones around it name the URL, and say "error" in different ways.
fn root(error: &reqwest::Error) -> String {
    match chain(error).last() {
        Some(root) => root.to_string(),
        None => "the request could not be made".to_owned(),
    }
}

#[cfg(test)]
mod tests;
