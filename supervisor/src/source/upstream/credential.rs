//! A server-side key as a request carries it.

use reqwest::header::HeaderValue;

use super::error::Error;
use contract::KeyPair;

/// The value of the header that carries a server-side key.
pub(crate) struct Credential(HeaderValue);

impl Credential {
    /// The credential of an environment.
    ///
    /// # Errors
    ///
    /// The key holds a character that no header can carry.
    pub(crate) fn of(pair: &KeyPair) -> Result<Self, Error> {
        match HeaderValue::from_str(pair.server_side_key.expose()) {
            Ok(mut value) => {
                value.set_sensitive(true);
                Ok(Self(value))
            }
            Err(_) => Err(Error::Key {
                environment: pair.client_side_key.clone(),
            }),
        }
    }

    pub(super) fn header_value(&self) -> HeaderValue {
        self.0.clone()
    }
}
