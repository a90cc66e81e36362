//! The two keys of an environment: how they are told apart, and what is written to disk in place of each.

use std::fmt;

use sha2::{Digest, Sha256};

/// What every server-side key starts with, and no client-side key.
pub const SERVER_SIDE_PREFIX: &str = "ser.";

/// Whether a key that a request carries is a server-side key. Every other key is a client-side key.
pub fn is_server_side(key: &[u8]) -> bool {
    key.starts_with(SERVER_SIDE_PREFIX.as_bytes())
}

/// SHA-256 of a server-side key. Workers recognise the key by it, and nothing else of the key is written to disk.
pub fn digest(server_side_key: &[u8]) -> [u8; 32] {
    Sha256::digest(server_side_key).into()
}

/// The name of the snapshots of an environment: 16 hexadecimal digits of its client-side key's SHA-256, because a key
/// may contain characters that a file name may not.
pub fn file_name(client_side_key: &str) -> String {
    let digest = Sha256::digest(client_side_key.as_bytes());
    let digits = digest[..8].iter().map(|byte| format!("{byte:02x}"));
    digits.collect()
}

/// A client-side key for people to recognise: its first 4 characters, or only 1 of a short one.
pub fn masked(client_side_key: &str) -> String {
    let shown = if client_side_key.chars().count() > 8 {
        4
    } else {
        1
    };
    client_side_key.chars().take(shown).chain(['…']).collect()
}

/// The keys of one environment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyPair {
    /// Secret: fetches the document, and shows everything to the client that presents it.
    pub server_side_key: ServerSideKey,
    /// Older ones, the newest first. They open the environment, too, and fetch while upstream refuses newer ones.
    pub older_server_side_keys: Vec<ServerSideKey>,
    /// Public: names the environment in requests and logs.
    pub client_side_key: String,
}

impl KeyPair {
    /// All server-side keys, the newest first.
    pub fn server_side_keys(&self) -> impl Iterator<Item = &ServerSideKey> {
        std::iter::once(&self.server_side_key).chain(&self.older_server_side_keys)
    }
}

/// A secret that neither `Debug` nor `Display` shows.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ServerSideKey(String);

impl ServerSideKey {
    /// Takes the key unchecked. The configuration checks its prefix.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// The key itself, to be sent upstream and nowhere else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Its [digest](digest()).
    pub fn digest(&self) -> [u8; 32] {
        digest(self.0.as_bytes())
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
            older_server_side_keys: vec![ServerSideKey::new("ser.verysecrettoo")],
            client_side_key: "public".to_owned(),
        };
        let shown = format!("{pair:?} {}", pair.server_side_key);
        assert!(!shown.contains("verysecret"), "{shown}");
        assert!(shown.contains("public"), "{shown}");
        assert_eq!(pair.server_side_key.expose(), "ser.verysecret");
    }

    #[test]
    fn a_file_name_is_16_hex_digits_of_the_client_side_key_s_digest() {
        assert_eq!(file_name("abc"), "ba7816bf8f01cfea");
    }

    #[test]
    fn a_masked_key_shows_its_beginning() {
        assert_eq!(masked("FDyUcfs5G2rWQcJcDTLkqu"), "FDyU…");
        assert_eq!(masked("ééééé"), "é…");
        assert_eq!(masked(""), "…");
    }

    #[test]
    fn a_key_is_of_the_server_side_by_its_prefix() {
        let of_server = |key: &str| is_server_side(key.as_bytes());
        assert!(of_server("ser.abc") && of_server("ser."));
        assert!(!of_server("abc") && !of_server("ser") && !of_server("SER.abc") && !of_server(""));
    }
}
