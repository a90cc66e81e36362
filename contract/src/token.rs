//! Tokens that open what is not for everybody. Only their digests are kept, so nothing can show a token.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::settings::{Kind, text};

/// The SHA-256 of a token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token([u8; 32]);

impl Token {
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
}

impl Kind for Token {
    type Value = Self;
    const IS_SECRET: bool = true;

    fn expected() -> String {
        "a text of visible ASCII characters without blanks".to_owned()
    }

    fn read(value: &Value) -> Option<Self> {
        let text = text(value)?;
        let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        is_visible.then(|| Self::of(&text))
    }

    fn write(_: &Self) -> Value {
        "(redacted)".into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(redacted)")
    }
}
