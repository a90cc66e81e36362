//! What the operator chose for what goes back upstream.

use std::time::Duration;

use crate::source::upstream::UpstreamSettings;

/// What the operator chose for what goes back upstream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ForwardSettings {
    /// How many bytes of files may wait to be sent.
    pub max_bytes: u64,
    /// The longest time from the answer to a client until its report is in the outbox.
    pub frequency: Duration,
    /// How the events host is reached; `None` if events are not accepted.
    pub events: Option<UpstreamSettings>,
}
