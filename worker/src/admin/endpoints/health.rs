//! Health, as the public listener tells it: here it answers also when that one is at its limits.

use actix_http::RequestHead;

use crate::admin::Admin;
use crate::endpoints::health;
use crate::http::refusal::Refusal;
use crate::http::response::{self, Response};

pub(super) fn readiness(admin: &Admin, _: &RequestHead) -> Result<Response, Refusal> {
    health::answer(&admin.environments)
}

pub(super) fn liveness(_: &Admin, _: &RequestHead) -> Result<Response, Refusal> {
    Ok(response::empty())
}
