//! From the bytes of a document to the snapshot that workers map.

pub(crate) mod compile;
pub(crate) mod failure;
pub(crate) mod outage;
pub(crate) mod publication;
mod warm;
