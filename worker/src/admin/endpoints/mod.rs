//! The endpoints of the admin listener: one line of a table for each, which the list of them is made from.

mod health;
mod list;
mod metrics;
mod status;

use actix_http::RequestHead;

use super::Admin;
use crate::http::refusal::Refusal;
use crate::http::response::Response;

/// An endpoint of the admin listener.
pub(super) struct Endpoint {
    path: &'static str,
    /// What it answers, for the list.
    meaning: &'static str,
    /// It needs no token: what asks for health often cannot send one.
    pub(super) is_open: bool,
    /// Answers GET.
    pub(super) answer: fn(&Admin, &RequestHead) -> Result<Response, Refusal>,
}

const ENDPOINTS: [Endpoint; 5] = [
    Endpoint {
        path: "/endpoints",
        meaning: "this list",
        is_open: false,
        answer: list::answer,
    },
    Endpoint {
        path: "/status",
        meaning: "how the proxy does, as the page shows it; with ?search= environments by key",
        is_open: false,
        answer: status::answer,
    },
    Endpoint {
        path: "/metrics",
        meaning: "metrics of the whole proxy, for Prometheus",
        is_open: false,
        answer: metrics::answer,
    },
    Endpoint {
        path: "/proxy/health/readiness",
        meaning: "200 when every environment has been fetched lately",
        is_open: true,
        answer: health::readiness,
    },
    Endpoint {
        path: "/proxy/health/liveness",
        meaning: "200 while the process answers",
        is_open: true,
        answer: health::liveness,
    },
];

impl Endpoint {
    /// The endpoint of a path, with or without its trailing slash.
    pub(super) fn of_path(path: &str) -> Option<&'static Self> {
        let plain = |path: &str| path.strip_suffix('/').unwrap_or(path).len();
        let is_at = |it: &&Self| it.path[..plain(it.path)] == path[..plain(path)];
        ENDPOINTS.iter().find(is_at)
    }
}
