//! How upstream is reached.

use std::time::Duration;

use contract::ProxyKey;

use super::way::Way;
use crate::source::api_url::ApiUrl;

/// How upstream is reached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UpstreamSettings {
    /// Its address.
    pub api_url: ApiUrl,
    /// Secret: which proxy this is. Upstream lists its environments and does not bill its fetches.
    pub proxy_key: Option<ProxyKey>,
    /// The way there.
    pub way: Way,
    /// The longest silence: before a connection, before an answer, between two pieces of it.
    pub poll_timeout: Duration,
    /// The largest document that is accepted, in bytes.
    pub max_document_bytes: usize,
    /// The `User-Agent` of requests: visible ASCII characters.
    pub user_agent: String,
}
