//! One request to upstream and the body of its answer.

use std::error::Error as StdError;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use contract::ProxyKey;
use reqwest::header::{
    ACCEPT, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, RETRY_AFTER,
};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, RequestBuilder, Response, StatusCode, Url};

use super::error::{Error, FetchError, Through};
use super::redirect::{RedirectRefused, within_origin};
use super::settings::UpstreamSettings;
use super::{retry_after, tls};
use crate::source::body::{Arriving, Body};

const ENVIRONMENT_KEY: HeaderName = HeaderName::from_static("x-environment-key");
/// Which proxy asks.
pub(crate) const PROXY_KEY: HeaderName = HeaderName::from_static("x-proxy-key");
/// `poll_timeout` bounds silence. A large document on a slow line is not silent, yet its fetch must end: after so many
/// times that timeout.
const TIMEOUTS_PER_REQUEST: u32 = 12;

/// HTTP clients and their limits.
pub(super) struct Http {
    client: Client,
    /// Opens a connection for each request.
    unpooled: Client,
    /// Sent with each request, if there is one.
    proxy_key: Option<HeaderValue>,
    /// Whether upstream may have kept a connection of `client`, which it may close at any moment.
    may_have_kept: AtomicBool,
    through: Through,
    poll_timeout: Duration,
    max_document_bytes: usize,
}

impl Http {
    pub(super) fn new(
        settings: &UpstreamSettings,
        witness: Option<tls::Witness>,
    ) -> Result<Self, Error> {
        let poll_timeout = settings.poll_timeout;
        let base = client_builder(settings, witness)?;
        let builder = || {
            base()
                .redirect(Policy::custom(within_origin))
                .timeout(poll_timeout.saturating_mul(TIMEOUTS_PER_REQUEST))
        };
        let unpooled = builder().pool_max_idle_per_host(0);
        Ok(Self {
            proxy_key: settings.proxy_key.as_ref().and_then(proxy_key),
            client: builder().build().map_err(Error::Client)?,
            unpooled: unpooled.build().map_err(Error::Client)?,
            may_have_kept: AtomicBool::new(false),
            through: Through(settings.way.proxy().cloned()),
            poll_timeout,
            max_document_bytes: settings.max_document_bytes,
        })
    }

    /// Whether upstream knows which proxy asks.
    pub(super) fn has_proxy_key(&self) -> bool {
        self.proxy_key.is_some()
    }

    /// The longest time that one request may take.
    pub(super) fn request_timeout(&self) -> Duration {
        self.poll_timeout.saturating_mul(TIMEOUTS_PER_REQUEST)
    }

    /// The largest document, in bytes.
    pub(super) fn max_document_bytes(&self) -> usize {
        self.max_document_bytes
    }

    /// Sends a request and receives the head of its answer. A kept connection that ends without an answer says nothing
    /// about upstream, so the request is sent once more on a new one.
    pub(super) async fn get(
        &self,
        url: &Url,
        environment_key: Option<HeaderValue>,
        if_modified_since: Option<SystemTime>,
    ) -> Result<Response, FetchError> {
        let mut sent = Instant::now();
        let request = |client: &Client| -> RequestBuilder {
            let mut request = client.get(url.clone()).header(ACCEPT, "application/json");
            for (name, key) in [
                (ENVIRONMENT_KEY, &environment_key),
                (PROXY_KEY, &self.proxy_key),
            ] {
                if let Some(key) = key {
                    request = request.header(name, key);
                }
            }
            match if_modified_since {
                Some(since) => request.header(IF_MODIFIED_SINCE, httpdate::fmt_http_date(since)),
                None => request,
            }
        };
        let mut answer = request(&self.client).send().await;
        if answer.as_ref().is_err_and(has_ended) && self.may_have_kept.load(Ordering::Relaxed) {
            sent = Instant::now();
            answer = request(&self.unpooled).send().await;
        }
        match &answer {
            Ok(_) => self.may_have_kept.store(true, Ordering::Relaxed),
            Err(error) if has_ended(error) => self.may_have_kept.store(false, Ordering::Relaxed),
            Err(_) => {}
        }
        answer.map_err(|error| {
            if let Some(refused) = cause::<RedirectRefused>(&error) {
                return match refused {
                    RedirectRefused::CrossOrigin(origin) => FetchError::CrossOrigin(origin.clone()),
                    RedirectRefused::TooMany => FetchError::TooManyRedirects,
                };
            }
            if error.is_connect() && error.is_timeout() {
                return FetchError::ConnectTimeout {
                    limit: self.poll_timeout,
                    through: self.through.clone(),
                };
            }
            if let Some(refused) = tls::failure(causes(&error)) {
                return FetchError::tls(refused);
            }
            self.timeout(&error, sent)
                .unwrap_or_else(|| FetchError::Unreachable(innermost(&error), self.through.clone()))
        })
    }

    /// Receives a body of at most `max_bytes`, which must be a JSON object.
    pub(super) async fn body(
        &self,
        response: Response,
        sent: Instant,
        max_bytes: usize,
    ) -> Result<Body, FetchError> {
        let content_type = text(response.headers(), &CONTENT_TYPE)
            .map(|content_type| format!(" (content type {content_type})"))
            .unwrap_or_default();
        let body = self.receive(response, sent, max_bytes).await?;
        match body.trim_ascii_start().starts_with(b"{") {
            true => Ok(body),
            false => Err(FetchError::NotJson(content_type)),
        }
    }

    /// Receives a body of at most `max_bytes`.
    pub(super) async fn receive(
        &self,
        mut response: Response,
        sent: Instant,
        max_bytes: usize,
    ) -> Result<Body, FetchError> {
        let expected = response.content_length().unwrap_or(0);
        let expected = usize::try_from(expected).unwrap_or(usize::MAX);
        if expected > max_bytes {
            return Err(FetchError::TooLarge(self.max_document_bytes));
        }
        let mut arriving = Arriving::default();
        while let Some(piece) = response.chunk().await.map_err(|error| {
            self.timeout(&error, sent)
                .unwrap_or_else(|| FetchError::BrokeOff(innermost(&error)))
        })? {
            if arriving.length() + piece.len() > max_bytes {
                return Err(FetchError::TooLarge(self.max_document_bytes));
            }
            arriving.append(&piece).map_err(FetchError::Unkept)?;
        }
        arriving.end().map_err(FetchError::Unkept)
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

/// Makes clients with what the settings say of all requests to this upstream. They follow no redirect.
///
/// # Errors
///
/// If there is nothing to check the certificate of upstream against, no TLS, or no way.
pub(crate) fn client_builder(
    settings: &UpstreamSettings,
    witness: Option<tls::Witness>,
) -> Result<impl Fn() -> ClientBuilder, Error> {
    let tls = tls::config(&settings.api_url, witness)?;
    let poll_timeout = settings.poll_timeout;
    let proxy = settings.way.proxy();
    let forward = proxy.map(|proxy| reqwest::Proxy::all(proxy.url()));
    let forward = forward.transpose().map_err(Error::Client)?;
    // HTTP/2 would gain nothing for one request at a time, and a connection that died unnoticed would fail every fetch
    // until the kernel gives it up. HTTP/1.1 drops it after the first failure.
    Ok(move || {
        let client = Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .user_agent(settings.user_agent.as_str())
            .redirect(Policy::none())
            .referer(false)
            // Shorter than the read timeout, which also runs while connecting, so that the error tells which it was.
            .connect_timeout(poll_timeout.mul_f64(0.95))
            .read_timeout(poll_timeout);
        // The library would read the process environment by itself.
        let client = client.no_proxy();
        match &forward {
            Some(forward) => client.proxy(forward.clone()),
            None => client,
        }
    })
}

/// The value of [`PROXY_KEY`]. Every proxy key is one.
pub(crate) fn proxy_key(key: &ProxyKey) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(key.expose()).ok()?;
    value.set_sensitive(true);
    Some(value)
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

pub(super) fn text<'headers>(
    headers: &'headers HeaderMap,
    name: &HeaderName,
) -> Option<&'headers str> {
    headers.get(name)?.to_str().ok()
}

/// Whether the connection ended, with or without a reset, before an answer.
fn has_ended(error: &reqwest::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    let incomplete = cause(error).is_some_and(hyper::Error::is_incomplete_message);
    let ended = cause(error).is_some_and(|error: &io::Error| {
        matches!(
            error.kind(),
            BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof
        )
    });
    !error.is_connect() && (incomplete || ended)
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(error.source(), |error| (*error).source())
}

fn cause<T: StdError + 'static>(error: &reqwest::Error) -> Option<&T> {
    causes(error).find_map(|error| error.downcast_ref())
}

/// The innermost cause alone: the outer ones show the URL, and each says "error" in its own way.
pub(crate) fn innermost(error: &reqwest::Error) -> String {
    match causes(error).last() {
        Some(cause) => cause.to_string(),
        None => "the request could not be made".to_owned(),
    }
}
