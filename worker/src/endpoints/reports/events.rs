//! Events of experiments, which go to the events host as they are.

use actix_http::RequestHead;
use actix_http::header::CONTENT_TYPE;
use actix_web::web::Bytes;
use journal::Report;

use super::{Reporter, Reports};
use crate::environments::Environments;
use crate::http::refusal::Refusal;
use crate::http::response::{self, Response};

impl Reports {
    /// Answers `POST /v1/events` with a 202.
    pub(in crate::endpoints) fn event(
        &self,
        environments: &Environments,
        head: &RequestHead,
        body: &Bytes,
    ) -> Result<Response, Refusal> {
        let reporter = Reporter::open(environments, head)?;
        let content_type = head.headers.get(CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default();
        self.accept(&reporter, Report::Event { content_type, body })?;
        Ok(response::accepted())
    }
}
