//! The status of the whole proxy as JSON, for the status page.

use actix_http::RequestHead;

use crate::admin::{Admin, status};
use crate::endpoints::query;
use crate::http::refusal::Refusal;
use crate::http::response::{self, Response};

pub(super) fn answer(admin: &Admin, head: &RequestHead) -> Result<Response, Refusal> {
    let search = query::last(head, "search").unwrap_or_default();
    let status = status::told(&admin.environments, &search);
    Ok(response::json(status.to_string()))
}
