//! The endpoints of the admin listener: one line of a table for each, which the list of them is made from.

mod evaluate;
mod health;
mod list;
mod metrics;
mod status;

use actix_http::RequestHead;

use super::{Admin, METHODS_OF_GET};
use crate::http::refusal::Refusal;
use crate::http::response::Response;

/// An endpoint of the admin listener.
pub(super) struct Endpoint {
    path: &'static str,
    /// What it answers, for the list.
    meaning: &'static str,
    /// It needs no token: what asks for health often cannot send one.
    pub(super) is_open: bool,
    pub(super) answer: Answer,
}

/// Makes the JSON of an answer.
pub(super) type Work = Box<dyn FnOnce() -> Result<Vec<u8>, Refusal> + Send>;

/// How an endpoint answers, and the method that it answers.
pub(super) enum Answer {
    Get(fn(&Admin, &RequestHead) -> Result<Response, Refusal>),
    /// The last argument is the body. What takes a while is left to another thread.
    Post(fn(&Admin, &RequestHead, &[u8]) -> Result<Work, Refusal>),
}

impl Answer {
    /// Its methods, for `Allow`.
    pub(super) fn methods(&self) -> &'static str {
        match self {
            Self::Get(_) => METHODS_OF_GET,
            Self::Post(_) => "OPTIONS, POST",
        }
    }
}

const ENDPOINTS: [Endpoint; 6] = [
    Endpoint {
        path: "/endpoints",
        meaning: "this list",
        is_open: false,
        answer: Answer::Get(list::answer),
    },
    Endpoint {
        path: "/status",
        meaning: "how the proxy does, as the page shows it; with ?search= environments by key",
        is_open: false,
        answer: Answer::Get(status::answer),
    },
    Endpoint {
        path: "/metrics",
        meaning: "metrics of the whole proxy, for Prometheus",
        is_open: false,
        answer: Answer::Get(metrics::answer),
    },
    Endpoint {
        path: "/evaluate",
        meaning: "POST: which flags an identity gets, and why",
        is_open: false,
        answer: Answer::Post(evaluate::prepare),
    },
    Endpoint {
        path: "/proxy/health/readiness",
        meaning: "200 when every environment has been fetched lately",
        is_open: true,
        answer: Answer::Get(health::readiness),
    },
    Endpoint {
        path: "/proxy/health/liveness",
        meaning: "200 while the process answers",
        is_open: true,
        answer: Answer::Get(health::liveness),
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
