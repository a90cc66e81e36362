//! The two keys of an environment, and how much of each may be shown.

use std::fmt;

use sha2::{Digest, Sha256};

/// The keys of one environment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyPair {
    /// Secret: it fetches the document, and a client that presents it sees everything.
    pub server_side_key: ServerSideKey,
    /// Public: it names the environment, in requests and in our logs.
    pub client_side_key: String,
}

impl KeyPair {
    /// The name of the environment's snapshots. A client-side key may hold characters that a file name may not.
    pub(crate) fn file_name(&self) -> String {
        let digest = Sha256::digest(self.client_side_key.as_bytes());
        digest[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

/// A secret that neither `Debug` nor `Display` shows.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ServerSideKey(String);

impl ServerSideKey {
    /// Takes the key as it is; the configuration checks its prefix.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// The key itself, which may go to upstream and nowhere else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The SHA-256 of the key, which recognises it. The key itself is never written to disk.
    pub(crate) fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

impl fmt::Debug for ServerSideKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ServerSideKey(redacted)")
    }
}

impl fmt::Display for ServerSideKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_side_key_is_never_shown() {
        let pair = KeyPair {
            server_side_key: ServerSideKey::new("ser.verysecret"),
            client_side_key: "public".to_owned(),
        };
        let shown = format!("{pair:?} {}", pair.server_side_key);
        assert!(!shown.contains("verysecret"), "{shown}");
        assert!(shown.contains("public"), "{shown}");
        assert_eq!(pair.server_side_key.expose(), "ser.verysecret");
    }

    #[test]
    fn a_file_name_is_16_hex_digits_of_the_client_side_key_s_digest() {
        let pair = KeyPair {
            server_side_key: ServerSideKey::new("ser.x"),
            client_side_key: "abc".to_owned(),
        };
        assert_eq!(pair.file_name(), "ba7816bf8f01cfea");
    }
}
