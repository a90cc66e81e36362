//! One request, and the beginning of its answer whatever it is: for those who explain what upstream says.

use std::time::{Duration, Instant, SystemTime};

use reqwest::StatusCode;
use reqwest::header::{AGE, CONTENT_TYPE, DATE};

use super::Upstream;
use super::credential::Credential;
use super::error::FetchError;
use super::http::{date, text};

/// So much of a body is read: an explanation is short.
const LONGEST_START: usize = 4096;

/// The beginning of an answer.
#[derive(Debug)]
pub(crate) struct Probe {
    pub(crate) status: StatusCode,
    pub(crate) content_type: Option<String>,
    /// The `Date`, unless it is that of a cache.
    pub(crate) date: Option<SystemTime>,
    /// The time from the request to the head of the answer.
    pub(crate) elapsed: Duration,
    /// The beginning of the body.
    pub(crate) start: Vec<u8>,
}

impl Upstream {
    /// Asks for a document as a fetch does.
    pub(crate) async fn probe(&self, credential: &Credential) -> Result<Probe, FetchError> {
        let sent = Instant::now();
        let mut response = self
            .http
            .get(&self.document, credential.header_value(), None)
            .await?;
        let elapsed = sent.elapsed();
        let mut start = Vec::new();
        // A body that breaks off is explained by what came of it.
        while let Ok(Some(piece)) = response.chunk().await
            && start.len() < LONGEST_START
        {
            start.extend_from_slice(&piece);
        }
        start.truncate(LONGEST_START);
        let headers = response.headers();
        Ok(Probe {
            status: response.status(),
            content_type: text(headers, &CONTENT_TYPE).map(str::to_owned),
            date: date(headers, &DATE).filter(|_| !headers.contains_key(AGE)),
            elapsed,
            start,
        })
    }
}
