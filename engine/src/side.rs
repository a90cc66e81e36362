//! Which kind of key a request carried.

/// The kind of key a request carries, which decides what it may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// A client-side key: public, names the environment.
    Client,
    /// A server-side key: secret, sees server-key-only features and the document.
    Server,
}
