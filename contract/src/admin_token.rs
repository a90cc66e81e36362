//! The token that opens the admin listener. Only its digest is kept, so nothing can show the token.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::settings::values;

/// The SHA-256 of an admin token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminToken([u8; 32]);

impl AdminToken {
    /// That of the token as the operator writes it.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// Whether a request carries this token. The time that it takes says nothing of the token.
    #[must_use]
    pub fn is(&self, presented: &[u8]) -> bool {
        let presented: [u8; 32] = Sha256::digest(presented).into();
        self.0.ct_eq(&presented).into()
    }

    /// Reads the token itself, as it stands in the configuration. `null` means that there is none.
    ///
    /// # Errors
    ///
    /// If it is neither `null` nor a text of visible ASCII characters; the error does not show it.
    pub fn from_setting<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Self>, D::Error> {
        let expected = "a text of visible ASCII characters without blanks, or null for no token";
        let valid =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        let text = values::parse_secret_or_null(deserializer, expected, valid)?;
        Ok(text.map(|text| Self::of(&text)))
    }
}

impl fmt::Debug for AdminToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("AdminToken(redacted)")
    }
}
