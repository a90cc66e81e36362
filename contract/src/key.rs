//! The two keys of an environment: how they are told apart, and what is written to disk in place of each.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::expiry::Expiry;

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
    /// Public: names the environment in requests and logs.
    pub client_side_key: String,
    /// Secret, the newest first: each opens the environment, and older ones fetch while upstream refuses newer ones. An
    /// environment whose document is a file may have none.
    pub server_side_keys: Vec<ServerSideKey>,
}

impl KeyPair {
    /// An environment with these server-side keys, the newest first.
    pub fn new(
        client_side_key: impl Into<String>,
        server_side_keys: impl IntoIterator<Item = ServerSideKey>,
    ) -> Self {
        Self {
            client_side_key: client_side_key.into(),
            server_side_keys: server_side_keys.into_iter().collect(),
        }
    }
}

/// A secret that fetches the document of its environment, and shows everything to the client that presents it. Neither
/// `Debug` nor `Display` shows it. Of a key of an earlier run only the digest may be known, which fetches nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerSideKey {
    key: Option<String>,
    digest: [u8; 32],
    expiry: Expiry,
}

impl ServerSideKey {
    /// Takes the key unchecked, for ever. Who reads it checks its prefix.
    pub fn new(key: impl Into<String>) -> Self {
        Self::until(key, Expiry::NEVER)
    }

    /// The same, until then.
    pub fn until(key: impl Into<String>, expiry: Expiry) -> Self {
        let key = key.into();
        Self {
            digest: digest(key.as_bytes()),
            key: Some(key),
            expiry,
        }
    }

    /// The key with this [digest](digest()), until then.
    pub fn of_digest(digest: [u8; 32], expiry: Expiry) -> Self {
        Self {
            key: None,
            digest,
            expiry,
        }
    }

    /// The key itself if it is known, to be sent upstream and nowhere else.
    pub fn expose(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Its [digest](digest()).
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// When it stops opening the environment.
    pub fn expiry(&self) -> Expiry {
        self.expiry
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
        let keys = ["ser.verysecret", "ser.verysecrettoo"].map(ServerSideKey::new);
        let pair = KeyPair::new("public", keys);
        let shown = format!("{pair:?} {}", pair.server_side_keys[0]);
        assert!(!shown.contains("verysecret"), "{shown}");
        assert!(shown.contains("public"), "{shown}");
        assert_eq!(pair.server_side_keys[0].expose(), Some("ser.verysecret"));
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
