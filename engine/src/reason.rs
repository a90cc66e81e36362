//! Why a flag has its value, in the words of OpenFeature.

use rkyv::{Archive, Serialize};

/// Why a flag has its value.
#[derive(Archive, Serialize, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// It is the environment default.
    Static,
    /// A segment or an identity override gives it.
    TargetingMatch,
    /// It is one of several values, chosen by a bucket or by an allocation of 100 %.
    Split,
    /// The feature is disabled.
    Disabled,
    /// It depends on itself, so what it should be is not defined.
    Unknown,
}

impl Reason {
    /// Its name in answers.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Reason::Static => "STATIC",
            Reason::TargetingMatch => "TARGETING_MATCH",
            Reason::Split => "SPLIT",
            Reason::Disabled => "DISABLED",
            Reason::Unknown => "UNKNOWN",
        }
    }
}

impl ArchivedReason {
    pub(crate) fn get(&self) -> Reason {
        match self {
            ArchivedReason::Static => Reason::Static,
            ArchivedReason::TargetingMatch => Reason::TargetingMatch,
            ArchivedReason::Split => Reason::Split,
            ArchivedReason::Disabled => Reason::Disabled,
            ArchivedReason::Unknown => Reason::Unknown,
        }
    }
}
