//! What the supervisor and a compile process tell each other.
//!
//! A compile process is the supervisor's own executable, started for one document as `edge-proxy compile --task
//! <JSON>`.
//!
//! | descriptor | what it is |
//! |---|---|
//! | stdin | the body of the document, sealed in memory |
//! | stdout | the staging file, which becomes the snapshot |
//! | stderr | a pipe: the report, as a line of JSON; before it, whatever a process says that fails |

use std::path::PathBuf;

use engine::CompileOptions;
use serde::{Deserialize, Serialize};

use crate::dates::DateRange;

/// What a compile process is to do.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Task {
    /// The process that started it, which it must not outlive.
    pub(super) supervisor: u32,
    /// The path of the staging file, for errors.
    pub(super) file: PathBuf,
    pub(super) effort: Effort,
    pub(super) dates: DateRange,
    #[serde(with = "Options")]
    pub(super) options: CompileOptions,
}

/// How much time compression may take.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub(super) enum Effort {
    /// Constants that take little time are compressed.
    Least,
    /// All constants are.
    Most,
}

/// The options as JSON.
#[derive(Deserialize, Serialize)]
#[serde(remote = "CompileOptions")]
struct Options {
    official_proxy_fields_only: bool,
    apply_environment_segments: bool,
    ofrep_values_of_disabled: bool,
}

/// How it went.
#[derive(Debug, Deserialize, Serialize)]
pub(super) enum Report {
    /// The file is whole.
    Written(Written),
    /// The document does not compile.
    Refused(String),
    /// The file could not be written.
    Unwritten(String),
}

/// What is to be known of an environment that was compiled.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Written {
    pub(super) updated_at: Option<String>,
    pub(super) warnings: Vec<String>,
}
