//! What one generation consists of: which key opens which environment, and where its snapshot lies.
//!
//! Knows nothing of files: a snapshot is a name and a generation.

use rkyv::{Archive, Serialize};

/// Every environment and every key of one generation.
#[derive(Archive, Serialize, Debug, Default)]
pub struct Index {
    /// The environments; entry `i` has row `i` of the board.
    pub environments: Vec<IndexEntry>,
    /// Every key that is answered.
    pub keys: Vec<IndexKey>,
}

/// One environment.
#[derive(Archive, Serialize, Debug)]
pub struct IndexEntry {
    /// Its client-side key, which is also its name in logs.
    pub name: String,
    /// The name of its snapshot.
    pub file: String,
    /// The generation of its snapshot; `None` while its document has not arrived.
    pub generation: Option<u64>,
}

/// One key and the environment it opens.
#[derive(Archive, Serialize, Debug)]
pub enum IndexKey {
    /// A client-side key.
    Client {
        /// The key itself.
        key: String,
        /// Place among the environments.
        environment: u32,
    },
    /// A server-side key, known by its digest alone: the key itself is never written anywhere.
    Server {
        /// SHA-256 of the key.
        digest: [u8; 32],
        /// Place among the environments.
        environment: u32,
    },
}
