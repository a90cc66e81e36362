//! Server-side keys as a request carries them.

use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::header::HeaderValue;

use super::error::Error;
use contract::{KeyPair, ServerSideKey};

/// The server-side keys of one environment, one of which is in use if there is one.
pub(crate) struct Credential {
    /// Values of the header, the newest key first.
    keys: Vec<HeaderValue>,
    in_use: AtomicUsize,
}

impl Credential {
    /// The credential of an environment.
    ///
    /// # Errors
    ///
    /// A key holds a character that no header can carry.
    pub(crate) fn of(pair: &KeyPair) -> Result<Self, Error> {
        let keys = pair.server_side_keys.iter();
        let keys = keys.filter_map(ServerSideKey::expose).map(|key| {
            let mut value = HeaderValue::from_str(key).map_err(|_| Error::Key {
                environment: pair.client_side_key.clone(),
            })?;
            value.set_sensitive(true);
            Ok(value)
        });
        Ok(Self {
            keys: keys.collect::<Result<_, Error>>()?,
            in_use: AtomicUsize::new(0),
        })
    }

    /// The header of the key in use; `None` if there is no key.
    pub(super) fn header_value(&self) -> Option<HeaderValue> {
        self.keys.get(self.in_use.load(Ordering::Relaxed)).cloned()
    }

    /// How many keys there are.
    pub(super) fn count(&self) -> usize {
        self.keys.len()
    }

    /// From now on the next older key is used; after the oldest one the newest.
    pub(super) fn use_next(&self) {
        let next = (self.in_use.load(Ordering::Relaxed) + 1) % self.keys.len();
        self.in_use.store(next, Ordering::Relaxed);
    }
}
