//! The proxy key: the secret by which upstream knows this proxy.

use std::fmt;

use serde_json::Value;

use crate::settings::{Kind, text};

/// What every proxy key starts with.
pub const PROXY_KEY_PREFIX: &str = "pk.";

/// A secret that lists the environments and keys of a project or an organisation. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyKey(String);

impl ProxyKey {
    /// The key itself, to be sent upstream and nowhere else. It consists of visible ASCII characters.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Kind for ProxyKey {
    type Value = Self;
    const IS_SECRET: bool = true;

    fn expected() -> String {
        format!("a key that starts with \"{PROXY_KEY_PREFIX}\" and is plain ASCII")
    }

    fn read(value: &Value) -> Option<Self> {
        let key = text(value).filter(|key| key.starts_with(PROXY_KEY_PREFIX))?;
        key.bytes()
            .all(|byte| byte.is_ascii_graphic())
            .then_some(Self(key))
    }

    fn write(_: &Self) -> Value {
        "(redacted)".into()
    }
}

impl fmt::Debug for ProxyKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ProxyKey(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_key_has_its_prefix_and_is_never_shown() {
        let key = ProxyKey::read(&" pk.secret ".into()).unwrap();
        assert_eq!(key.expose(), "pk.secret");
        let shown = format!("{key:?} {}", ProxyKey::write(&key));
        assert!(!shown.contains("secret"), "{shown}");
        for wrong in ["ser.secret", "secret", "pk.a b", "pk.\u{e9}", ""] {
            assert!(ProxyKey::read(&wrong.into()).is_none(), "{wrong}");
        }
    }
}
