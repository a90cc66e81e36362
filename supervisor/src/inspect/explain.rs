//! Explaining flags from what is published in a state directory, or from a file with a document.

use std::io;
use std::path::{Path, PathBuf};

use contract::key::{file_name, is_server_side, masked};
use engine::explain::{ExplainError as EngineError, Question, explain, explain_document};
use engine::{BodyError, BodyKind, CompileOptions, Environment, Side, read_identity};
use serde_json::Value;
use snapshot::{Error, Inspected, Inspector};
use thiserror::Error as ThisError;

use super::{newest, published};

pub use engine::explain::{
    Candidate, ExplainedCondition, ExplainedFlag, ExplainedRule, ExplainedSegment, Explanation,
    Hidden, Json, Origin, Outcome, Split,
};

/// What is to be explained.
#[derive(Debug, Default)]
pub struct Asked {
    /// Whether a server-side key would ask.
    pub of_server: bool,
    /// Whom flags are evaluated for. Without this and traits: nobody, and flags are those of the environment.
    pub identifier: Option<String>,
    /// The traits, each with its value as JSON.
    pub traits: Vec<(String, String)>,
    /// The feature to explain alone, with the flags that it depends on.
    pub feature: Option<String>,
}

/// Why nothing was explained.
#[derive(Debug, ThisError)]
pub enum ExplainError {
    /// Command lines are for everybody to read.
    #[error("find the environment: name it by its client-side key, not by a server-side key")]
    ServerSideKey,
    /// The state directory cannot be read.
    #[error(transparent)]
    Directory(#[from] Error),
    /// No environment has this key.
    #[error(
        "find the environment {key}: {} has none with this client-side key; edge-proxy snapshot shows those it has",
        directory.display()
    )]
    UnknownEnvironment {
        /// The key, masked.
        key: String,
        /// The state directory.
        directory: PathBuf,
    },
    /// The environment has no snapshot.
    #[error("explain the environment {0}: its document has not arrived yet")]
    NoDocument(String),
    /// The file with the document cannot be read.
    #[error("read document {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The document is another environment's.
    #[error("explain {}: its environment is {found}, not {asked}", path.display())]
    OtherEnvironment {
        /// The file.
        path: PathBuf,
        /// The key that it has, masked.
        found: String,
        /// The key that was asked for, masked.
        asked: String,
    },
    /// The identity is none. The text is that of the proxy's answer.
    #[error("read the identity: {0}")]
    Identity(String),
    /// There is no such feature, or no such document.
    #[error("explain the flags")]
    Engine(#[source] EngineError),
}

/// Explains flags from the published snapshot of the environment with this client-side key. `directory` is the state
/// directory of a proxy, which may run.
///
/// # Errors
///
/// Those of [`ExplainError`].
pub fn explain_published(
    directory: &Path,
    key: &str,
    asked: &Asked,
) -> Result<Explanation, ExplainError> {
    refuse_server_side(key)?;
    let found = environment(&Inspector::open(directory, engine::FORMAT)?, key)?;
    let found = found.ok_or_else(|| ExplainError::UnknownEnvironment {
        key: masked(key),
        directory: directory.to_owned(),
    })?;
    let found = found.ok_or_else(|| ExplainError::NoDocument(masked(key)))?;
    asked.put(|question| explain(&found.map, question))
}

/// Explains flags from a file with a document. It is refused if it is not that of the environment with this client-side
/// key, where one is given.
///
/// # Errors
///
/// Those of [`ExplainError`].
pub fn explain_file(
    path: &Path,
    key: Option<&str>,
    asked: &Asked,
) -> Result<Explanation, ExplainError> {
    key.map_or(Ok(()), refuse_server_side)?;
    let document = std::fs::read(path).map_err(|source| ExplainError::File {
        path: path.to_owned(),
        source,
    })?;
    let options = CompileOptions::default();
    let explanation =
        asked.put(|question| explain_document(&document.into(), options, question))?;
    match key {
        Some(key) if key != explanation.environment.key => Err(ExplainError::OtherEnvironment {
            path: path.to_owned(),
            found: masked(&explanation.environment.key),
            asked: masked(key),
        }),
        _ => Ok(explanation),
    }
}

fn refuse_server_side(key: &str) -> Result<(), ExplainError> {
    match is_server_side(key.as_bytes()) {
        true => Err(ExplainError::ServerSideKey),
        false => Ok(()),
    }
}

/// The newest snapshot of an environment. Outer `None` if it is unknown, inner `None` if it has none yet.
fn environment(
    inspector: &Inspector,
    key: &str,
) -> Result<Option<Option<Inspected<Environment>>>, Error> {
    let Some(published) = published(inspector)? else {
        // Without an index, snapshots are found by their names.
        let name = file_name(key);
        let contents = inspector.contents()?;
        let newest = contents.rows.get(&name).and_then(|found| found.last());
        return newest
            .map(|newest| inspector.row(&name, *newest).map(Some))
            .transpose();
    };
    let index = &published.index.map;
    let row = index.open_client_side(key);
    let row = row.filter(|row| *row < published.board.shape().rows);
    let Some(entry) = row.and_then(|row| index.environment(row)) else {
        return Ok(None);
    };
    let row = entry.row.to_native() as usize;
    let found = newest(
        || published.board.row_generation(row),
        |generation| inspector.row(&entry.file, generation),
    )?;
    Ok(Some(found.map(|(_, snapshot)| snapshot)))
}

impl Asked {
    /// Puts the question.
    fn put(
        &self,
        explain: impl FnOnce(Question<'_>) -> Result<Explanation, EngineError>,
    ) -> Result<Explanation, ExplainError> {
        let is_of_identity = self.identifier.is_some() || !self.traits.is_empty();
        let quoted = |text: &str| Value::from(text).to_string();
        let traits = self.traits.iter().map(|(key, value)| {
            let key = quoted(key);
            format!(r#"{{"trait_key":{key},"trait_value":{value}}}"#)
        });
        let traits = traits.collect::<Vec<_>>().join(",");
        let identifier = self.identifier.as_deref().map_or("null".to_owned(), quoted);
        let body = format!(r#"{{"identifier":{identifier},"traits":[{traits}]}}"#);
        let identity = is_of_identity.then(|| read_identity(body.as_bytes(), BodyKind::Json));
        let identity = identity.transpose().map_err(|error| {
            ExplainError::Identity(match error {
                BodyError::Unparsable(answer) => answer.to_owned(),
                BodyError::Invalid(answer) => answer,
            })
        })?;
        let question = Question {
            side: match self.of_server {
                true => Side::Server,
                false => Side::Client,
            },
            identity,
            feature: self.feature.as_deref(),
        };
        explain(question).map_err(ExplainError::Engine)
    }
}
