//! What is known of the document that workers serve.

use engine::{CompileOptions, document_digest};

/// The document that workers serve of an environment, from this run or an earlier one.
#[derive(Debug)]
pub(crate) struct ServedDocument {
    /// `None`: it is to be published again even if it is the same.
    pub(crate) fingerprint: Option<Fingerprint>,
    /// The document's `updated_at`.
    pub(crate) updated_at: Option<String>,
}

/// Tells what was compiled from what would be compiled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Fingerprint {
    /// The [digest](document_digest) of the body.
    body: u128,
    options: CompileOptions,
}

impl Fingerprint {
    /// The fingerprint of a body that is compiled with these options.
    pub(crate) fn new(body: &[u8], options: CompileOptions) -> Self {
        Self {
            body: document_digest(body),
            options,
        }
    }
}
