//! The client of the Flagsmith API. One fetch is one request for an environment document, and one for each further
//! page.
//!
//! A server-side key leaves this process in one header, to the origin of the API URL and no other. Redirects are
//! followed within that origin only, and of links only the query is used. Errors show no URL path and no header.

mod credential;
mod error;
mod http;
mod link;
mod list;
mod pages;
mod probe;
mod redirect;
mod retry_after;
mod settings;
mod tls;
mod way;

use std::time::{Duration, Instant, SystemTime};

use reqwest::header::{AGE, DATE, LAST_MODIFIED};
use reqwest::{StatusCode, Url};

use super::fetch::{Document, FetchOutcome, Timing};
use http::{Http, date, require_ok};
use pages::FirstPage;

pub(crate) use credential::Credential;
pub use error::Error;
pub(crate) use error::FetchError;
pub(crate) use http::{PROXY_KEY, client_builder, innermost, proxy_key};
pub(crate) use probe::Probe;
pub use settings::UpstreamSettings;
pub(crate) use tls::{Presented, Witness, is_ca_as_end_entity};
pub use way::{ForwardProxy, Way, WayError};

/// A document that changes between two of its pages is fetched again. Once is a coincidence, so often is something
/// else.
const MAX_ATTEMPTS: usize = 3;
/// All pages together may take so many times as long as one request.
const PAGES_TIMEOUT_FACTOR: u32 = 10;

/// The API to fetch from.
pub(crate) struct Upstream {
    http: Http,
    document: Url,
    /// Where environments are listed.
    list: Url,
    pages_timeout: Duration,
}

impl Upstream {
    /// A client with these settings.
    pub(crate) fn new(settings: &UpstreamSettings) -> Result<Self, Error> {
        Self::witnessed(settings, None)
    }

    /// A client whose witness sees the certificates of upstream.
    pub(crate) fn witnessed(
        settings: &UpstreamSettings,
        witness: Option<Witness>,
    ) -> Result<Self, Error> {
        let http = Http::new(settings, witness)?;
        Ok(Self {
            document: settings.api_url.document(),
            list: settings.api_url.below("proxy/config/"),
            pages_timeout: http.request_timeout().saturating_mul(PAGES_TIMEOUT_FACTOR),
            http,
        })
    }

    /// Fetches the document of one environment, only if it changed after the second `if_modified_since`. Where upstream
    /// refuses the key that was accepted last, the others are tried.
    pub(crate) async fn fetch(
        &self,
        credential: &Credential,
        if_modified_since: Option<SystemTime>,
    ) -> Result<FetchOutcome, FetchError> {
        let mut outcome = self.fetch_with_key(credential, if_modified_since).await;
        for _ in 1..credential.count() {
            if !outcome.as_ref().is_err_and(FetchError::is_refused_key) {
                break;
            }
            credential.use_next();
            outcome = self.fetch_with_key(credential, None).await;
        }
        outcome
    }

    async fn fetch_with_key(
        &self,
        credential: &Credential,
        mut if_modified_since: Option<SystemTime>,
    ) -> Result<FetchOutcome, FetchError> {
        for _ in 0..MAX_ATTEMPTS {
            if let Some(outcome) = self.fetch_once(credential, if_modified_since).await? {
                return Ok(outcome);
            }
            if_modified_since = None;
        }
        Err(FetchError::ChangedTooOften(MAX_ATTEMPTS))
    }

    /// Returns `None` if the document changed between two of its pages.
    async fn fetch_once(
        &self,
        credential: &Credential,
        if_modified_since: Option<SystemTime>,
    ) -> Result<Option<FetchOutcome>, FetchError> {
        let sent = Instant::now();
        let key = credential.header_value().ok_or(FetchError::NoKey)?;
        let response = self.http.get(&self.document, Some(key), if_modified_since);
        let response = response.await?;
        let headers = response.headers();
        let timing = Timing {
            sent,
            elapsed: sent.elapsed(),
            date: date(headers, &DATE).filter(|_| !headers.contains_key(AGE)),
        };
        if response.status() == StatusCode::NOT_MODIFIED && if_modified_since.is_some() {
            return Ok(Some(FetchOutcome::NotModified(timing)));
        }
        require_ok(&response)?;
        let last_modified = date(headers, &LAST_MODIFIED);
        let next = pages::next(&response, &self.document)?;
        let max_bytes = self.http.max_document_bytes();
        let body = self.http.body(response, sent, max_bytes).await?;
        let body = match next {
            None => Some((body, 1)),
            Some(next) => {
                let first = FirstPage {
                    url: &self.document,
                    body,
                    next,
                    sent,
                    timeout: self.pages_timeout,
                    last_modified,
                };
                pages::fetch(&self.http, credential, first).await?
            }
        };
        Ok(body.map(|(body, pages)| {
            FetchOutcome::Document(Document {
                body,
                pages,
                timing,
                last_modified,
                stamp: None,
            })
        }))
    }
}

#[cfg(test)]
mod tests;
