//! What the operator chose for what goes back upstream.

use std::time::Duration;

use crate::source::api_url::ApiUrl;

/// What the operator chose for what goes back upstream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ForwardSettings {
    /// How many bytes of files may wait to be sent.
    pub max_bytes: u64,
    /// The longest time from the answer to a client until its report is in the outbox.
    pub frequency: Duration,
    /// Where events go; `None` if they are not accepted.
    pub events_url: Option<ApiUrl>,
}
