//! What can go wrong between us and upstream. No message shows a key, or the user name and password of a URL.

use std::fmt;
use std::io;
use std::time::Duration;

use engine::DocumentError;
use reqwest::StatusCode;
use rustls::CertificateError;
use rustls::client::VerifierBuilderError;
use thiserror::Error;

use super::redirect::MAX_REDIRECTS;
use super::tls;
use super::way::ForwardProxy;
use crate::source::api_url::ApiUrl;
use crate::source::files::FileError;
use crate::words::Seconds;

/// Why there is no client.
#[derive(Debug, Error)]
pub enum Error {
    /// Upstream is encrypted, and this machine has nothing to check its certificate against.
    #[error(
        "load the certificates to verify {api_url} with: found none; install a CA bundle (package ca-certificates) \
         or name one in SSL_CERT_FILE{}", because(.reasons)
    )]
    NoCertificates {
        /// The address of upstream.
        api_url: ApiUrl,
        /// The errors while reading the machine's certificates.
        reasons: Vec<String>,
    },
    /// The TLS library would not start.
    #[error("prepare TLS")]
    Tls(#[source] rustls::Error),
    /// The certificates of this machine cannot be used.
    #[error("prepare the verification of certificates")]
    Verifier(#[source] VerifierBuilderError),
    /// The HTTP library would not start.
    #[error("make an HTTP client")]
    Client(#[source] reqwest::Error),
    /// No request can carry a server-side key.
    #[error(
        "use the server-side key of environment {environment}: it holds a character that an HTTP header cannot carry"
    )]
    Key {
        /// The client-side key of the environment.
        environment: String,
    },
}

/// The proxy on the way, in the words of an error.
#[derive(Clone, Debug)]
pub(crate) struct Through(pub(super) Option<ForwardProxy>);

impl fmt::Display for Through {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(proxy) => write!(formatter, " through the proxy {proxy}"),
            None => Ok(()),
        }
    }
}

fn because(reasons: &[String]) -> String {
    match reasons {
        [] => String::new(),
        reasons => format!(" ({})", reasons.join("; ")),
    }
}

/// Why a fetch brought no document.
#[derive(Debug, Error)]
pub(crate) enum FetchError {
    #[error("upstream answered {}{}", status.as_u16(), hint(*status))]
    Status {
        status: StatusCode,
        retry_after: Option<Duration>,
    },
    #[error("could not reach upstream{1}: {0}")]
    Unreachable(String, Through),
    #[error("could not connect to upstream{through} within {}", Seconds(*limit))]
    ConnectTimeout { limit: Duration, through: Through },
    #[error("no TLS with upstream: {0}{1}")]
    Tls(String, &'static str),
    #[error("upstream did not answer within {}", Seconds(*.0))]
    Silent(Duration),
    #[error("the document did not arrive within {}", Seconds(*.0))]
    TooSlow(Duration),
    #[error("the document broke off: {0}")]
    BrokeOff(String),
    #[error("there is no memory for the document: {0}")]
    Unkept(#[source] io::Error),
    #[error("upstream redirects to {0}, which is not the origin of api_url")]
    CrossOrigin(String),
    #[error("upstream redirects more than {MAX_REDIRECTS} times")]
    TooManyRedirects,
    #[error("upstream's link to the next page has no query")]
    PageWithoutQuery,
    #[error("upstream's pages do not end: the page after page {0} came before")]
    PagesRepeat(usize),
    #[error("upstream's pages do not end: there are more than {0}")]
    TooManyPages(usize),
    #[error("page {0} of the document cannot be read: {1}")]
    Page(usize, DocumentError),
    #[error("the pages of the document could not be put together: {0}")]
    Panicked(String),
    #[error("the document changed between two of its pages, {0} times in a row")]
    ChangedTooOften(usize),
    #[error("upstream answered 304 to an unconditional request")]
    UnexpectedNotModified,
    #[error("the document is larger than api_max_document_bytes, which is {0}")]
    TooLarge(usize),
    #[error("upstream answered something other than a JSON object{0}")]
    NotJson(String),
    #[error("no server-side key of it is listed that is active")]
    NoKey,
    #[error("upstream answered {}: check proxy_key", .0.as_u16())]
    ProxyKey(StatusCode),
    #[error("upstream lists no environments that could be read: {0}")]
    List(String),
    #[error(transparent)]
    File(#[from] FileError),
}

impl FetchError {
    /// An error of the TLS library, with what may mend it.
    pub(super) fn tls(error: &rustls::Error) -> Self {
        if tls::is_ca_as_end_entity(error) {
            return Self::Tls(
                "upstream's certificate is that of a CA, not of a server".to_owned(),
                "; SSL_CERT_FILE can name this very certificate to trust it",
            );
        }
        let hint = match error {
            rustls::Error::InvalidMessage(_) => "; should api_url begin with http://?",
            rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
                "; SSL_CERT_FILE can name a CA bundle of your own"
            }
            _ => "",
        };
        Self::Tls(error.to_string(), hint)
    }

    /// Whether upstream does not accept the server-side key.
    pub(super) fn is_refused_key(&self) -> bool {
        let Self::Status { status, .. } = self else {
            return false;
        };
        matches!(*status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
    }

    /// Whether this says that upstream is away, so that all environments fail: nobody answers, the answer breaks off,
    /// or it is not the API's, as from a load balancer or a maintenance page. It is otherwise an answer for this
    /// environment alone: its key is refused, or its document is of no use.
    pub(crate) fn is_outage(&self) -> bool {
        match self {
            Self::Status { .. } => !self.is_refused_key(),
            Self::Unreachable(..)
            | Self::ConnectTimeout { .. }
            | Self::Tls(..)
            | Self::Silent(_)
            | Self::TooSlow(_)
            | Self::BrokeOff(_)
            | Self::CrossOrigin(_)
            | Self::TooManyRedirects
            | Self::NotJson(_) => true,
            Self::PageWithoutQuery
            | Self::PagesRepeat(_)
            | Self::TooManyPages(_)
            | Self::Page(..)
            | Self::Panicked(_)
            | Self::ChangedTooOften(_)
            | Self::UnexpectedNotModified
            | Self::TooLarge(_)
            | Self::NoKey
            | Self::ProxyKey(_)
            | Self::List(_)
            | Self::File(_)
            | Self::Unkept(_) => false,
        }
    }

    /// As the board tells it.
    pub(crate) fn kind(&self) -> contract::Failure {
        use contract::Failure;
        match self {
            Self::Status { status, .. } => Failure::Status(status.as_u16()),
            Self::ConnectTimeout { .. } | Self::Silent(_) | Self::TooSlow(_) => Failure::Timeout,
            Self::Unreachable(..) => Failure::Unreachable,
            Self::Tls(..) => Failure::Tls,
            Self::BrokeOff(_) => Failure::BrokenOff,
            Self::CrossOrigin(_) | Self::TooManyRedirects => Failure::Redirect,
            Self::PageWithoutQuery
            | Self::PagesRepeat(_)
            | Self::TooManyPages(_)
            | Self::Page(..)
            | Self::ChangedTooOften(_) => Failure::Pages,
            Self::Panicked(_) => Failure::Defect,
            Self::UnexpectedNotModified | Self::NotJson(_) | Self::List(_) => Failure::NotADocument,
            Self::NoKey => Failure::NoKey,
            Self::ProxyKey(status) => Failure::Status(status.as_u16()),
            Self::File(_) => Failure::File,
            Self::TooLarge(_) => Failure::TooLarge,
            Self::Unkept(_) => Failure::Publish,
        }
    }

    /// The wait that upstream asks for.
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
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            ": the proxy on the way asks for a user name and a password"
        }
        _ => "",
    }
}
