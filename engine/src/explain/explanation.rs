//! An explanation: flags, and for each the feature states that could have decided it. It is written as JSON with the
//! names that it has here; `docs/explain.md` describes it.

use serde::Serialize;
use serde_json::value::RawValue;

/// JSON, exactly as the proxy answers it or the document has it.
pub type Json = Box<RawValue>;

/// Why the flags of an identity, or those without one, are what they are.
#[derive(Debug, Serialize)]
pub struct Explanation {
    /// The environment that was evaluated.
    pub environment: ExplainedEnvironment,
    /// Which kind of key would get these flags: `client` or `server`.
    pub side: &'static str,
    /// Whom they were evaluated for; `None` for flags without an identity.
    pub identity: Option<ExplainedIdentity>,
    /// The flags in the order of the document. For one feature alone: its flag, then those that it depends on.
    pub flags: Vec<ExplainedFlag>,
    /// The segments that override these features, in the order of the document.
    pub segments: Vec<ExplainedSegment>,
}

/// The environment that was evaluated.
#[derive(Debug, Serialize)]
pub struct ExplainedEnvironment {
    /// Its name, if the document says one.
    pub name: Option<String>,
    /// Its client-side key.
    pub key: String,
    /// When upstream last changed the document, in its words.
    pub updated_at: Option<String>,
}

/// Whom flags were evaluated for.
#[derive(Debug, Serialize)]
pub struct ExplainedIdentity {
    /// The identifier. An identity that was sent without one is named by its traits.
    pub identifier: String,
    /// The traits that counted.
    pub traits: Vec<ExplainedTrait>,
    /// The traits that were sent did not count: the environment does not take them from a client-side key.
    pub traits_ignored: bool,
}

/// A trait.
#[derive(Debug, Serialize)]
pub struct ExplainedTrait {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: Json,
}

/// A flag and the way to it.
#[derive(Debug, Serialize)]
pub struct ExplainedFlag {
    /// The name of the feature.
    pub feature: String,
    /// The flag as an SDK gets it.
    pub flag: Json,
    /// Where the value comes from, in one line.
    pub summary: String,
    /// Why no answer to this side contains the flag; empty if answers do.
    pub hidden: Vec<Hidden>,
    /// The feature states that could have decided, strongest first. One of them is chosen.
    pub candidates: Vec<Candidate>,
    /// The features whose flags its segments read.
    pub depends_on: Vec<String>,
    /// The features of the cycle of dependent flags that it is in; empty if it is in none. In a cycle each is null to
    /// conditions.
    pub cycle: Vec<String>,
}

/// Why a flag is hidden from client-side keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Hidden {
    /// The feature is for server-side keys only.
    ServerKeyOnly,
    /// It is disabled, and `hide_disabled_flags` is set.
    Disabled,
}

/// A feature state that could have decided a flag.
#[derive(Debug, Serialize)]
pub struct Candidate {
    /// Where the feature state is.
    pub origin: Origin,
    /// What became of it.
    pub outcome: Outcome,
    /// Of a segment override, the index of the segment in the explanation.
    pub segment: Option<usize>,
    /// Of a segment override, its priority as the document has it: lower is stronger, and null is the weakest.
    pub priority: Option<Json>,
    /// The flag that it gives, or would have given; `None` if its segment can never match.
    pub flag: Option<Json>,
    /// How a bucket chose among its multivariate values; `None` if no bucket does.
    pub split: Option<Split>,
}

/// Where a feature state is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// At the identity itself.
    IdentityOverride,
    /// At a segment.
    SegmentOverride,
    /// At the environment.
    EnvironmentDefault,
}

/// What became of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It decided the flag.
    Chosen,
    /// A stronger one decided.
    Beaten,
    /// Its segment does not match.
    NoMatch,
    /// The rules of its segment hold, but one of them reads a flag that depends on this segment, so it does not match.
    Cut,
}

/// A choice among multivariate values.
#[derive(Debug, Serialize)]
pub struct Split {
    /// The text whose hash is the bucket.
    pub hash_key: String,
    /// From 0 to 100.
    pub bucket: f64,
    /// The values by the buckets that they get, and at last the feature state's own for all other buckets.
    pub allocations: Vec<Allocation>,
}

/// One of several multivariate values.
#[derive(Debug, Serialize)]
pub struct Allocation {
    /// The first bucket that gets it; `None` for the own value.
    pub from: Option<f64>,
    /// The first bucket behind `from` that does not get it; `None` for the own value.
    pub to: Option<f64>,
    /// The bucket of this identity gets it.
    pub chosen: bool,
    /// The flag with this value.
    pub flag: Json,
}

/// A segment and what its rules came to.
#[derive(Debug, Serialize)]
pub struct ExplainedSegment {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The identity is in it.
    pub matches: bool,
    /// Why it can never match, whoever asks.
    pub problem: Option<String>,
    /// All of these must match.
    pub rules: Vec<ExplainedRule>,
}

/// A rule: ALL, ANY or NONE of its conditions, and of its rules.
#[derive(Debug, Serialize)]
pub struct ExplainedRule {
    /// `ALL`, `ANY` or `NONE`.
    #[serde(rename = "type")]
    pub kind: String,
    /// It matches.
    pub matches: bool,
    /// Its conditions.
    pub conditions: Vec<ExplainedCondition>,
    /// The rules inside it.
    pub rules: Vec<ExplainedRule>,
}

/// A condition and what it came to.
#[derive(Debug, Serialize)]
pub struct ExplainedCondition {
    /// What it looks at: the key of a trait, or a path such as `$.identity.identifier`.
    pub property: String,
    /// What it does with the value.
    pub operator: String,
    /// What it compares the value with, as the document has it.
    pub operand: Json,
    /// The value of the property; null if it is not set.
    pub value: Json,
    /// It holds.
    pub holds: bool,
    /// Of a percentage split, the bucket: at most the operand if the condition holds.
    pub bucket: Option<f64>,
    /// The feature whose flag it reads.
    pub flag: Option<String>,
    /// Why it can never match, or matches less than it says.
    pub problem: Option<String>,
}
