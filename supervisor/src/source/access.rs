//! How the document of one environment is reached, in whatever source.

use contract::KeyPair;

use super::Error;
use super::upstream::Credential;

/// How the document of one environment is reached.
pub(crate) struct Access {
    environment: String,
    credential: Credential,
}

impl Access {
    /// That of an environment with these keys.
    ///
    /// # Errors
    ///
    /// A key holds a character that no header can carry.
    pub(crate) fn of(pair: &KeyPair) -> Result<Self, Error> {
        Ok(Self {
            environment: pair.client_side_key.clone(),
            credential: Credential::of(pair)?,
        })
    }

    /// The client-side key, which documents in files have.
    pub(super) fn environment(&self) -> &str {
        &self.environment
    }

    /// The server-side keys, for upstream.
    pub(super) fn credential(&self) -> &Credential {
        &self.credential
    }
}
