//! What is known of the document that workers serve.

use xxhash_rust::xxh3::xxh3_128;

/// The document that workers serve of an environment, from this run or an earlier one.
#[derive(Debug)]
pub(crate) struct ServedDocument {
    /// The [`digest`] of its body. `None`: it is to be published again even if it is the same.
    pub(crate) digest: Option<u128>,
    /// The document's `updated_at`.
    pub(crate) updated_at: Option<String>,
}

/// Tells one body from another. It is not cryptographic, because nobody has a reason to forge a body.
pub(crate) fn digest(body: &[u8]) -> u128 {
    xxh3_128(body)
}
