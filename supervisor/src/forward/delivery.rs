//! One request to upstream, ready to be sent: what the outbox keeps.

use journal::Labels;
use serde::{Deserialize, Serialize};

/// The longest body that is made of several reports, in bytes. Servers in front of upstream often refuse a megabyte.
pub(super) const MAX_BODY_BYTES: usize = 128 * 1024;

/// One request to upstream. It is sent again unchanged until upstream has taken it or refused it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Delivery {
    /// The value of `Idempotency-Key`: no other delivery has it.
    pub(super) key: String,
    pub(super) destination: Destination,
    /// The client-side key of the environment; empty if it is of many.
    pub(super) environment: String,
    pub(super) headers: Headers,
    pub(super) body: Vec<u8>,
}

/// Where a delivery goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Destination {
    /// `POST analytics/flags/`
    Counts,
    /// `POST analytics/flags/` of version 2 of the API.
    Evaluations,
    /// `PUT traits/bulk/`
    Traits,
    /// `POST traits/increment-value/`
    Increment,
    /// `POST v1/events` of the events host.
    Events,
    /// `POST proxy/usage/`, for the proxy key and not for an environment.
    Usage,
}

/// Deliveries that do not wait for those of other lanes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Lane {
    Analytics,
    /// In the order in which clients were answered.
    Traits,
    Events,
    Usage,
}

/// The headers of a client that go upstream with its reports; empty for those that it did not send.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub(super) struct Headers {
    pub(super) content_type: String,
    pub(super) user_agent: String,
    pub(super) sdk_user_agent: String,
    pub(super) application_name: String,
    pub(super) application_version: String,
}

impl Lane {
    pub(super) const ALL: [Self; 4] = [Self::Analytics, Self::Traits, Self::Events, Self::Usage];

    /// Its name in file names and logs.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Analytics => "analytics",
            Self::Traits => "traits",
            Self::Events => "events",
            Self::Usage => "usage",
        }
    }
}

impl Destination {
    pub(super) fn lane(self) -> Lane {
        match self {
            Self::Counts | Self::Evaluations => Lane::Analytics,
            Self::Traits | Self::Increment => Lane::Traits,
            Self::Events => Lane::Events,
            Self::Usage => Lane::Usage,
        }
    }
}

impl Headers {
    /// Those of a JSON body.
    pub(super) fn of_json(labels: Labels<'_>) -> Self {
        Self::new("application/json", labels)
    }

    pub(super) fn new(content_type: &str, labels: Labels<'_>) -> Self {
        Self {
            content_type: content_type.to_owned(),
            user_agent: labels.user_agent.to_owned(),
            sdk_user_agent: labels.sdk_user_agent.to_owned(),
            application_name: labels.application_name.to_owned(),
            application_version: labels.application_version.to_owned(),
        }
    }
}

impl Delivery {
    /// With a key of its own.
    pub(super) fn new(
        destination: Destination,
        environment: &str,
        headers: Headers,
        body: Vec<u8>,
    ) -> Self {
        Self {
            key: format!("{:032x}", fastrand::u128(..)),
            destination,
            environment: environment.to_owned(),
            headers,
            body,
        }
    }
}

/// A text as JSON.
pub(super) fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
