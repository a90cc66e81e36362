//! Operations: the operator of a condition with its operand, parsed for every type that a value can have.

use rkyv::{Archive, Serialize};

use super::ids::{PatternId, SaltId};
use crate::json::StoredInteger;
use crate::version::StoredVersion;

/// What a condition does with the value of its property.
#[derive(Archive, Serialize, Debug)]
pub(crate) enum Operation {
    /// Matches nothing: the operator is unknown or the operand is unusable.
    Never,
    IsSet,
    IsNotSet,
    Compare(Relation, Comparand),
    Contains(String),
    /// The version in the value has exactly this prerelease or build part.
    ContainsVersionPart(String),
    NotContains(String),
    Regex(PatternId),
    /// The value is one of these, which are sorted.
    In(Vec<String>),
    Modulo {
        divisor: f64,
        remainder: f64,
    },
    PercentageSplit {
        /// The text that the bucket is computed from, up to the value.
        salt: String,
        threshold: f64,
    },
    /// A percentage split by the key of the identity, whatever the property.
    IdentitySplit {
        salt: SaltId,
        threshold: f64,
    },
}

/// The ordering that a comparison asks for.
#[derive(Archive, Serialize, Clone, Copy, Debug, PartialEq)]
pub(crate) enum Relation {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// An operand as each type reads it; `None` for a type that cannot.
#[derive(Archive, Serialize, Debug)]
pub(crate) struct Comparand {
    pub(crate) boolean: bool,
    pub(crate) integer: Option<StoredInteger>,
    pub(crate) float: Option<f64>,
    pub(crate) text: TextComparand,
}

/// An operand as a text reads it.
#[derive(Archive, Serialize, Debug)]
pub(crate) enum TextComparand {
    Plain(String),
    Version(StoredVersion),
    /// It ends with `:semver` and is no version.
    BadVersion,
}
