//! What a record says: one report of a client, as the worker accepted it.
//!
//! The bytes are those of `postcard`. Whoever changes these types must raise the layout of rings, so that a supervisor
//! never reads records of another release.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// One report of a client, or of the worker about its clients.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Record<'a> {
    /// The client-side key of the environment, also if the request had a server-side key.
    pub environment: &'a str,
    /// What the client says of itself.
    #[serde(borrow)]
    pub labels: Labels<'a>,
    /// What it reports.
    pub report: Report<'a>,
}

/// The headers by which upstream tells clients apart; empty for those that a request did not have.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug, Serialize, Deserialize)]
pub struct Labels<'a> {
    /// `User-Agent`.
    pub user_agent: &'a str,
    /// `Flagsmith-SDK-User-Agent`.
    pub sdk_user_agent: &'a str,
    /// `Flagsmith-Application-Name`.
    pub application_name: &'a str,
    /// `Flagsmith-Application-Version`.
    pub application_version: &'a str,
}

/// What a client reports.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Report<'a> {
    /// How often it evaluated each feature.
    #[serde(borrow)]
    Counts(Vec<(&'a str, u64)>),
    /// As [`Counts`](Self::Counts), with more detail.
    Evaluations(Vec<Evaluation<'a>>),
    /// How traits of identities change, in this order.
    Traits(Vec<TraitChange<'a>>),
    /// How many requests this environment has answered since the worker reported that last.
    Usage(Usage),
    /// An event for the events host, which is forwarded as it is.
    Event {
        /// Its `Content-Type`.
        content_type: &'a str,
        /// Its body.
        body: &'a [u8],
    },
}

/// How many requests an environment has answered, by what they were for.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Usage {
    /// Flags, all or one.
    pub flags: u64,
    /// The flags of an identity.
    pub identities: u64,
    /// The environment document.
    pub document: u64,
}

/// How often a client evaluated one feature with one outcome.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Evaluation<'a> {
    /// The name of the feature.
    pub feature: &'a str,
    /// Whom it was evaluated for.
    pub identifier: Option<Cow<'a, str>>,
    /// Whether it was enabled.
    pub enabled: bool,
    /// How often.
    pub count: u64,
}

/// What happens to one trait of an identity.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TraitChange<'a> {
    /// Names the identity.
    #[serde(borrow)]
    pub identifier: Cow<'a, str>,
    /// Names the trait.
    #[serde(borrow)]
    pub key: Cow<'a, str>,
    /// What happens to it.
    pub change: Change<'a>,
}

/// What happens to a trait.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Change<'a> {
    /// It gets this value, as JSON; `null` deletes it.
    #[serde(borrow)]
    Set(Cow<'a, str>),
    /// It is increased by this number.
    Increment(i64),
}

impl<'a> Record<'a> {
    /// Writes the bytes of the record behind those that are in `buffer`.
    ///
    /// # Errors
    ///
    /// None that these types can cause.
    pub fn write(&self, buffer: Vec<u8>) -> postcard::Result<Vec<u8>> {
        postcard::to_extend(self, buffer)
    }

    /// Reads the bytes of a record.
    ///
    /// # Errors
    ///
    /// If they are not those of a record.
    pub fn read(bytes: &'a [u8]) -> postcard::Result<Self> {
        postcard::from_bytes(bytes)
    }
}
