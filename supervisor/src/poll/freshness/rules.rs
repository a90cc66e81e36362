//! When fetches are conditional, as the operator chooses.

use std::time::Duration;

use contract::settings::values;
use serde::{Deserialize, Deserializer, Serialize};

/// When fetches are conditional.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FetchRules {
    /// Whether a fetch may be conditional at all.
    pub conditional_fetch: ConditionalFetch,
    /// The longest time between two unconditional fetches of a document that is not large; `None` for any time.
    pub whole_fetch: Option<Duration>,
}

/// Whether a fetch may be conditional.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ConditionalFetch {
    /// Unless upstream has answered 304 for a document that had changed.
    Auto,
    /// No fetch.
    Never,
    /// Whatever upstream answered.
    Always,
}

impl<'de> Deserialize<'de> for ConditionalFetch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "\"auto\", \"never\" or \"always\"";
        values::parse(deserializer, expected, |value| match value.as_str()? {
            "auto" => Some(Self::Auto),
            "never" => Some(Self::Never),
            "always" => Some(Self::Always),
            _ => None,
        })
    }
}
