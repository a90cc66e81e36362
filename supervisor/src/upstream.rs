//! The client side of the Flagsmith API: one fetch is one request for one environment document. Decides neither when
//! to fetch nor what a document means.
//!
//! A server-side key leaves this process in one header, to the origin of the API URL and no other; redirects are
//! followed within that origin only. Errors carry no URL and no header.

mod error;

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use reqwest::header::{
    ACCEPT, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, RETRY_AFTER,
};
use reqwest::redirect::{Action, Attempt, Policy};
use reqwest::{Client, Response, StatusCode, Url};
use rustls::{ClientConfig, RootCertStore};

use crate::api_url::ApiUrl;
use crate::keys::{KeyPair, ServerSideKey};
use crate::schedule::read_retry_after;

pub use error::Error;
pub(crate) use error::FetchError;

const ENVIRONMENT_KEY: HeaderName = HeaderName::from_static("x-environment-key");
const USER_AGENT: &str = concat!("edge-proxy/", env!("CARGO_PKG_VERSION"));
const MOST_REDIRECTS: usize = 5;
/// The timeout bounds silence. A large document on a slow line is not silent, yet must end: after this many timeouts.
const TIMEOUTS_IN_ALL: u32 = 12;

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
    NotModified,
}

/// A body as it came, and what tells how old it is.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) body: Vec<u8>,
    /// When it was asked for.
    pub(crate) asked: Instant,
    /// How long the head of the answer took.
    pub(crate) elapsed: Duration,
    /// Upstream's clock in that head.
    pub(crate) date: Option<SystemTime>,
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
            .tls_backend_preconfigured(tls(api_url)?)
            .user_agent(USER_AGENT)
            .redirect(Policy::custom(within_origin))
            .referer(false)
            .connect_timeout(timeout)
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
        since: Option<SystemTime>,
    ) -> Result<Answer, FetchError> {
        let asked = Instant::now();
        let response = self.get(&self.document, credential, since).await?;
        let elapsed = asked.elapsed();
        let headers = response.headers();
        let date = text(headers, &DATE).and_then(|date| httpdate::parse_http_date(date).ok());
        match response.status() {
            StatusCode::OK => Ok(Answer::Document(Document {
                asked,
                elapsed,
                date,
                body: self.body(response, asked).await?,
            })),
            StatusCode::NOT_MODIFIED if since.is_some() => Ok(Answer::NotModified),
            StatusCode::NOT_MODIFIED => Err(FetchError::NothingToModify),
            status => Err(FetchError::Status {
                status,
                retry_after: text(headers, &RETRY_AFTER).and_then(|value| {
                    read_retry_after(value, date.unwrap_or_else(SystemTime::now))
                }),
            }),
        }
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
            self.timed_out(&error, asked)
                .unwrap_or_else(|| FetchError::Unreachable(root(&error)))
        })
    }

    async fn body(&self, mut response: Response, asked: Instant) -> Result<Vec<u8>, FetchError> {
        let expected = response.content_length().unwrap_or(0);
        let expected = usize::try_from(expected).unwrap_or(usize::MAX);
        if expected > self.largest_document {
            return Err(FetchError::TooLarge(self.largest_document));
        }
        let mut body = Vec::with_capacity(expected);
        while let Some(piece) = response.chunk().await.map_err(|error| {
            self.timed_out(&error, asked)
                .unwrap_or_else(|| FetchError::BrokeOff(root(&error)))
        })? {
            if body.len() + piece.len() > self.largest_document {
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

/// With the machine's certificates, read at every start; without any where none are needed.
fn tls(api_url: &ApiUrl) -> Result<ClientConfig, Error> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() && api_url.is_encrypted() {
        return Err(Error::NoCertificates {
            api_url: api_url.clone(),
            reasons: found.errors.iter().map(ToString::to_string).collect(),
        });
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(Error::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

#[derive(Debug, thiserror::Error)]
enum RedirectRefused {
    #[error("redirected to another origin: {0}")]
    CrossOrigin(String),
    #[error("redirected too often")]
    TooMany,
}

fn within_origin(attempt: Attempt<'_>) -> Action {
    let asked = attempt.previous().first().map(Url::origin);
    let target = attempt.url().origin();
    if asked.as_ref() != Some(&target) {
        attempt.error(RedirectRefused::CrossOrigin(target.ascii_serialization()))
    } else if attempt.previous().len() > MOST_REDIRECTS {
        attempt.error(RedirectRefused::TooMany)
    } else {
        attempt.follow()
    }
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
