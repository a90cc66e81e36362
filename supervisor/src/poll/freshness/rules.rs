//! When fetches are conditional, as the operator chooses.

use std::time::Duration;

use contract::settings::Choice;

/// When fetches are conditional.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FetchRules {
    /// Whether a fetch may be conditional at all.
    pub conditional_fetch: ConditionalFetch,
    /// The longest time between two unconditional fetches of a document that is not large; `None` for any time.
    pub whole_fetch: Option<Duration>,
}

/// Whether a fetch may be conditional.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConditionalFetch {
    /// Unless upstream has answered 304 for a document that had changed.
    Auto,
    /// No fetch.
    Never,
    /// Whatever upstream answered.
    Always,
}

impl Choice for ConditionalFetch {
    const CHOICES: &'static [(&'static str, Self)] = &[
        ("auto", Self::Auto),
        ("never", Self::Never),
        ("always", Self::Always),
    ];
}
