//! Events of experiments, which go to the events host as they are.

use actix_http::header::CONTENT_TYPE;
use journal::Report;

use super::{Reporter, Reports};
use crate::http::refusal::Refusal;
use crate::http::response::{self, Response};

impl Reports {
    /// Answers `POST /v1/events` with a 202.
    pub(in crate::endpoints) fn event(&self, reporter: &Reporter<'_>) -> Result<Response, Refusal> {
        let content_type = reporter.head.headers.get(CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default();
        let body = &reporter.body;
        self.accept(reporter, Report::Event { content_type, body })?;
        Ok(response::accepted())
    }
}
