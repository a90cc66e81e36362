//! The two kinds of keys.

/// The kind of key that a request carries. It decides what the request may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// A client-side key, which is public and names the environment.
    Client,
    /// A server-side key, which is secret and may see server-key-only features and the document.
    Server,
}
