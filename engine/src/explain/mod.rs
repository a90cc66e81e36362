//! Explaining: why flags are what they are. It looks on while the evaluation that serves requests chooses them, and
//! says what that decided in the words of the document.

mod account;
mod explanation;
mod flags;
mod question;
mod segments;
mod values;

use std::fmt;

use bytes::Bytes;
use rkyv::rancor;
use rkyv::util::AlignedVec;

pub use explanation::{
    Allocation, Candidate, ExplainedCondition, ExplainedEnvironment, ExplainedFlag,
    ExplainedIdentity, ExplainedRule, ExplainedSegment, ExplainedTrait, Explanation, Hidden, Json,
    Origin, Outcome, Split,
};
pub use question::Question;

use crate::archive::{ArchivedEnvironment, CompileOptions, Environment};
use crate::compile::{Provenance, compile_with, without_identity};
use crate::document::{Document, DocumentError, Tree};
use crate::evaluate::{Patterns, Scratch, evaluate_observed};
use crate::request::Identity;
use account::Account;
use values::json;

/// Why nothing was explained.
#[derive(Debug)]
pub enum ExplainError {
    /// No feature has exactly this name.
    UnknownFeature(String),
    /// The document cannot be compiled.
    Document(DocumentError),
    /// What it compiles to cannot be archived.
    Archive(rancor::Error),
}

impl fmt::Display for ExplainError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExplainError::UnknownFeature(name) => write!(formatter, "feature {name:?} not found"),
            ExplainError::Document(error) => error.fmt(formatter),
            ExplainError::Archive(error) => write!(formatter, "archive the document: {error}"),
        }
    }
}

impl std::error::Error for ExplainError {}

impl From<DocumentError> for ExplainError {
    fn from(error: DocumentError) -> ExplainError {
        ExplainError::Document(error)
    }
}

/// Explains the flags that an environment document gives.
///
/// # Errors
/// It cannot be compiled, or has no feature of that name.
pub fn explain_document(
    document: &Bytes,
    options: CompileOptions,
    question: Question<'_>,
) -> Result<Explanation, ExplainError> {
    let compiled = compile_with(document, options)?;
    explain(access(&archive(&compiled.environment)?)?, question)
}

fn archive(environment: &Environment) -> Result<AlignedVec, ExplainError> {
    rkyv::to_bytes(environment).map_err(ExplainError::Archive)
}

fn access(archive: &AlignedVec) -> Result<&ArchivedEnvironment, ExplainError> {
    rkyv::access(archive).map_err(ExplainError::Archive)
}

/// Explains the flags that a compiled environment gives. It reads the whole document again, so it takes milliseconds
/// where an evaluation takes microseconds.
///
/// # Errors
/// There is no feature of that name.
pub fn explain(
    environment: &ArchivedEnvironment,
    question: Question<'_>,
) -> Result<Explanation, ExplainError> {
    let text = std::str::from_utf8(environment.document().body());
    let text = text.map_err(|error| DocumentError::not_utf8(&error))?;
    let tree = Tree::read(text).map_err(DocumentError::from)?;
    let document = Document::read(&tree)?;
    let about = Explanation {
        environment: ExplainedEnvironment {
            name: environment.name().map(str::to_owned),
            key: environment.api_key().to_owned(),
            updated_at: environment.updated_at().map(str::to_owned),
        },
        side: question.side_name(),
        identity: None,
        flags: Vec::new(),
        segments: Vec::new(),
    };
    let Some(request) = question.identity.clone() else {
        let (document, compiled) = without_identity(&document, environment.options())?;
        let archive = archive(&compiled)?;
        let environment = access(&archive)?;
        let nobody = Identity::new("".into());
        return explain_identity(environment, &document, &question, &nobody, about);
    };
    let traits_ignored = !environment.allows_traits(question.side) && request.has_traits();
    let request = match environment.allows_traits(question.side) {
        true => request,
        false => request.without_traits(),
    };
    // A request without identifier and traits is named at random.
    let identity = request.into_identity(|| "0".repeat(32));
    let traits = identity.traits().iter().map(|trait_| ExplainedTrait {
        key: trait_.key.as_str().to_owned(),
        value: json(|out| trait_.value.write(out)),
    });
    let about = Explanation {
        identity: Some(ExplainedIdentity {
            identifier: identity.identifier().to_owned(),
            traits: traits.collect(),
            traits_ignored,
        }),
        ..about
    };
    explain_identity(environment, &document, &question, &identity, about)
}

/// Adds flags and segments to an explanation. `environment` was compiled from `document`.
fn explain_identity(
    environment: &ArchivedEnvironment,
    document: &Document<'_>,
    question: &Question<'_>,
    identity: &Identity<'_>,
    about: Explanation,
) -> Result<Explanation, ExplainError> {
    let provenance = Provenance::of(document);
    let features = flags::asked_for(&provenance, environment, question.feature)?;
    let mut account = Account::new(
        environment,
        &provenance,
        question.side,
        identity,
        features,
        about,
    );
    let (patterns, mut scratch) = (Patterns::new(environment), Scratch::new());
    evaluate_observed(
        environment,
        &patterns,
        question.side,
        identity,
        &mut scratch,
        &mut account,
    );
    Ok(account.explanation)
}
