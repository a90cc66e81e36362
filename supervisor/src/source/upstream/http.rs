//! One request to upstream and the body of its answer.

use std::error::Error as StdError;
use std::time::{Duration, Instant, SystemTime};

use reqwest::header::{
    ACCEPT, CONTENT_TYPE, DATE, HeaderMap, HeaderName, IF_MODIFIED_SINCE, RETRY_AFTER,
};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};

use super::credential::Credential;
use super::error::{Error, FetchError};
use super::redirect::{RedirectRefused, within_origin};
use super::{retry_after, tls};
use crate::source::api_url::ApiUrl;

const ENVIRONMENT_KEY: HeaderName = HeaderName::from_static("x-environment-key");
pub(super) const USER_AGENT: &str = concat!("edge-proxy/", env!("CARGO_PKG_VERSION"));
/// `poll_timeout` bounds silence. A large document on a slow line is not silent, yet its fetch must end: after so many
/// times that timeout.
const TIMEOUTS_PER_REQUEST: u32 = 12;

/// An HTTP client and its limits.
pub(super) struct Http {
    client: Client,
    poll_timeout: Duration,
    max_document_bytes: usize,
}

impl Http {
    pub(super) fn new(
        api_url: &ApiUrl,
        poll_timeout: Duration,
        max_document_bytes: usize,
    ) -> Result<Self, Error> {
        // HTTP/2 would gain nothing for one request at a time, and a connection that died unnoticed would fail every
        // fetch until the kernel gives it up. HTTP/1.1 drops it after the first failure.
        let mut client = Client::builder()
            .tls_backend_preconfigured(tls::config(api_url)?)
            .user_agent(USER_AGENT)
            .redirect(Policy::custom(within_origin))
            .referer(false)
            // Shorter than the read timeout, which also runs while connecting, so that the error tells which it was.
            .connect_timeout(poll_timeout.mul_f64(0.95))
            .read_timeout(poll_timeout)
            .timeout(poll_timeout.saturating_mul(TIMEOUTS_PER_REQUEST));
        if api_url.is_loopback() {
            client = client.no_proxy();
        }
        Ok(Self {
            client: client.build().map_err(Error::Client)?,
            poll_timeout,
            max_document_bytes,
        })
    }

    /// The longest time that one request may take.
    pub(super) fn request_timeout(&self) -> Duration {
        self.poll_timeout.saturating_mul(TIMEOUTS_PER_REQUEST)
    }

    /// The largest document, in bytes.
    pub(super) fn max_document_bytes(&self) -> usize {
        self.max_document_bytes
    }

    /// Sends a request and receives the head of its answer.
    pub(super) async fn get(
        &self,
        url: &Url,
        credential: &Credential,
        if_modified_since: Option<SystemTime>,
    ) -> Result<Response, FetchError> {
        let sent = Instant::now();
        let mut request = self
            .client
            .get(url.clone())
            .header(ACCEPT, "application/json")
            .header(ENVIRONMENT_KEY, credential.header_value());
        if let Some(since) = if_modified_since {
            request = request.header(IF_MODIFIED_SINCE, httpdate::fmt_http_date(since));
        }
        request.send().await.map_err(|error| {
            if let Some(refused) = cause::<RedirectRefused>(&error) {
                return match refused {
                    RedirectRefused::CrossOrigin(origin) => FetchError::CrossOrigin(origin.clone()),
                    RedirectRefused::TooMany => FetchError::TooManyRedirects,
                };
            }
            if error.is_connect() && error.is_timeout() {
                return FetchError::ConnectTimeout(self.poll_timeout);
            }
            if let Some(refused) = tls::failure(causes(&error)) {
                return FetchError::tls(refused);
            }
            self.timeout(&error, sent)
                .unwrap_or_else(|| FetchError::Unreachable(innermost(&error)))
        })
    }

    /// Receives a body of at most `max_bytes`, which must be a JSON object.
    pub(super) async fn body(
        &self,
        mut response: Response,
        sent: Instant,
        max_bytes: usize,
    ) -> Result<Vec<u8>, FetchError> {
        let expected = response.content_length().unwrap_or(0);
        let expected = usize::try_from(expected).unwrap_or(usize::MAX);
        if expected > max_bytes {
            return Err(FetchError::TooLarge(self.max_document_bytes));
        }
        let mut body = Vec::with_capacity(expected);
        while let Some(piece) = response.chunk().await.map_err(|error| {
            self.timeout(&error, sent)
                .unwrap_or_else(|| FetchError::BrokeOff(innermost(&error)))
        })? {
            if body.len() + piece.len() > max_bytes {
                return Err(FetchError::TooLarge(self.max_document_bytes));
            }
            body.extend_from_slice(&piece);
        }
        if body.trim_ascii_start().starts_with(b"{") {
            return Ok(body);
        }
        let content_type = text(response.headers(), &CONTENT_TYPE)
            .map(|content_type| format!(" (content type {content_type})"))
            .unwrap_or_default();
        Err(FetchError::NotJson(content_type))
    }

    fn timeout(&self, error: &reqwest::Error, sent: Instant) -> Option<FetchError> {
        error.is_timeout().then(|| {
            if sent.elapsed() >= self.request_timeout() {
                FetchError::TooSlow(self.request_timeout())
            } else {
                FetchError::Silent(self.poll_timeout)
            }
        })
    }
}

/// Refuses every status but 200.
pub(super) fn require_ok(response: &Response) -> Result<(), FetchError> {
    let headers = response.headers();
    match response.status() {
        StatusCode::OK => Ok(()),
        StatusCode::NOT_MODIFIED => Err(FetchError::UnexpectedNotModified),
        status => Err(FetchError::Status {
            status,
            retry_after: text(headers, &RETRY_AFTER).and_then(|value| {
                let now = date(headers, &DATE).unwrap_or_else(SystemTime::now);
                retry_after::parse(value, now)
            }),
        }),
    }
}

/// The date in a header.
pub(super) fn date(headers: &HeaderMap, name: &HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(text(headers, name)?).ok()
}

fn text<'headers>(headers: &'headers HeaderMap, name: &HeaderName) -> Option<&'headers str> {
    headers.get(name)?.to_str().ok()
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(error.source(), |error| (*error).source())
}

fn cause<T: StdError + 'static>(error: &reqwest::Error) -> Option<&T> {
    causes(error).find_map(|error| error.downcast_ref())
}

/// The innermost cause alone: the outer ones show the URL, and each says "error" in its own way.
fn innermost(error: &reqwest::Error) -> String {
    match causes(error).last() {
        Some(cause) => cause.to_string(),
        None => "the request could not be made".to_owned(),
    }
}
