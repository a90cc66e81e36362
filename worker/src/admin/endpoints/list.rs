//! The list of all endpoints of the admin listener.

use actix_http::{RequestHead, StatusCode};

use super::ENDPOINTS;
use crate::admin::Admin;
use crate::http::refusal::Refusal;
use crate::http::response::{self, Response};

pub(super) fn answer(_: &Admin, _: &RequestHead) -> Result<Response, Refusal> {
    let mut text = String::from("Edge Proxy, admin listener\n\n");
    for endpoint in &ENDPOINTS {
        text.push_str(&format!("{:<28}{}\n", endpoint.path, endpoint.meaning));
    }
    Ok(response::text_with(StatusCode::OK, text))
}
