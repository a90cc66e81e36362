//! What a check finds.

use serde::Serialize;

/// What one check finds. No part of it holds a server-side key or a password.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// What was checked: `upstream.dns`.
    pub id: &'static str,
    /// The client-side key of the environment that it is about, masked.
    pub environment: Option<String>,
    /// Whether that is well.
    pub status: Status,
    /// What was found, in words.
    pub words: String,
    /// What to do.
    pub advice: Option<String>,
}

/// Whether something is well.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It is.
    Ok,
    /// It works, and may surprise.
    Warning,
    /// The proxy cannot do its work.
    Failed,
}

impl Finding {
    /// All is well.
    pub fn ok(id: &'static str, words: impl Into<String>) -> Self {
        Self {
            id,
            environment: None,
            status: Status::Ok,
            // Upstream and its certificates put in words of their own, and a terminal may show them.
            words: words.into().replace(char::is_control, " "),
            advice: None,
        }
    }

    /// It works, and may surprise.
    pub fn warning(id: &'static str, words: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            status: Status::Warning,
            advice: Some(advice.into()),
            ..Self::ok(id, words)
        }
    }

    /// The proxy cannot do its work.
    pub fn failed(id: &'static str, words: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            status: Status::Failed,
            ..Self::warning(id, words, advice)
        }
    }

    /// The same, of one environment.
    pub(super) fn of(self, masked_key: &str) -> Self {
        Self {
            environment: Some(masked_key.to_owned()),
            ..self
        }
    }
}
