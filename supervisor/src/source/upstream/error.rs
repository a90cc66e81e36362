//! What can go wrong between us and upstream, in words that show neither a URL's credentials nor a key.

use std::time::Duration;

use engine::DocumentError;
use reqwest::StatusCode;
use thiserror::Error;

use super::pages::MOST_PAGES;
use super::{MOST_BEGINNINGS, MOST_REDIRECTS};
use crate::schedule::Seconds;
use crate::source::api_url::ApiUrl;

/// Why there is no client.
#[derive(Debug, Error)]
pub enum Error {
    /// An encrypted upstream, and nothing to check its certificate against.
    #[error(
        "load the certificates to verify {api_url} with: found none; install a CA bundle (package ca-certificates) \
         or name one in SSL_CERT_FILE{}", because(.reasons)
    )]
    NoCertificates {
        /// Whom they are for.
        api_url: ApiUrl,
        /// What was met on the way.
        reasons: Vec<String>,
    },
    /// The TLS library would not start.
    #[error("prepare TLS")]
    Tls(#[source] rustls::Error),
    /// The HTTP library would not start.
    #[error("make an HTTP client")]
    Client(#[source] reqwest::Error),
}

fn because(reasons: &[String]) -> String {
    match reasons {
        [] => String::new(),
        reasons => format!(" ({})", reasons.join("; ")),
    }
}

/// Why a fetch brought nothing.
#[derive(Debug, Error)]
pub(crate) enum FetchError {
    #[error("upstream answered {}{}", status.as_u16(), hint(*status))]
    Status {
        status: StatusCode,
        retry_after: Option<Duration>,
    },
    #[error("could not reach upstream: {0}")]
    Unreachable(String),
    #[error("could not connect to upstream within {}", Seconds(*.0))]
    Unconnected(Duration),
    #[error("no TLS with upstream: {0}{1}")]
    Tls(String, &'static str),
    #[error("upstream did not answer within {}", Seconds(*.0))]
    Silent(Duration),
    #[error("the document did not arrive within {}", Seconds(*.0))]
    Endless(Duration),
    #[error("the document broke off: {0}")]
    BrokeOff(String),
    #[error("upstream redirects to {0}, which is not the origin of api_url")]
    CrossOrigin(String),
    #[error("upstream redirects more than {MOST_REDIRECTS} times")]
    RedirectsEndlessly,
    #[error("upstream's next page is at {0}, which is not the origin of api_url")]
    PageCrossOrigin(String),
    #[error("upstream's next page has an address that is no URL: {0}")]
    PageAddress(String),
    #[error("upstream's pages do not end: the one after page {0} came before")]
    PagesRepeat(usize),
    #[error("upstream's pages do not end: there are more than {MOST_PAGES}")]
    PagesEndlessly,
    #[error("page {0} of the document is none: {1}")]
    Page(usize, DocumentError),
    #[error("putting its pages together failed: {0}")]
    Panicked(String),
    #[error("the document changed while its pages came, {MOST_BEGINNINGS} times in a row")]
    ChangesEndlessly,
    #[error("upstream answered 304 although nothing was held against it")]
    NothingToModify,
    #[error("the document is larger than api_max_document_bytes, which is {0}")]
    TooLarge(usize),
    #[error("upstream answered something other than a JSON object{0}")]
    NotJson(String),
}

impl FetchError {
    pub(super) fn tls(error: &rustls::Error) -> Self {
        let hint = match error {
            rustls::Error::InvalidMessage(_) => "; does api_url mean http://?",
            rustls::Error::InvalidCertificate(_) => {
                "; a CA bundle of your own is named in SSL_CERT_FILE"
            }
            _ => "",
        };
        Self::Tls(error.to_string(), hint)
    }

    /// How long upstream asks to be left alone.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

fn hint(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ": check the server-side key",
        StatusCode::NOT_FOUND => ": check api_url",
        _ => "",
    }
}
