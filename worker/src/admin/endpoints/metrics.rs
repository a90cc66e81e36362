//! Metrics of the whole proxy, for Prometheus.

use actix_http::RequestHead;

use crate::admin::Admin;
use crate::http::refusal::Refusal;
use crate::http::response::{self, Response};
use crate::metrics;

pub(super) fn answer(admin: &Admin, _: &RequestHead) -> Result<Response, Refusal> {
    let text = metrics::text(&admin.environments, admin.metrics.max_environments);
    Ok(response::metrics(text))
}
