//! The environments of the configuration: the only setting without a default.

use std::collections::HashSet;
use std::fmt;

use contract::KeyPair;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

use super::error::ConfigError;

/// The setting `environment_key_pairs`.
#[derive(serde::Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct Environments {
    #[serde(deserialize_with = "at_least_one")]
    pub(super) environment_key_pairs: Vec<KeyPair>,
}

fn at_least_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<KeyPair>, D::Error> {
    deserializer.deserialize_seq(AtLeastOne)
}

struct AtLeastOne;

impl<'de> Visitor<'de> for AtLeastOne {
    type Value = Vec<KeyPair>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list with at least one object")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        let pairs = Vec::deserialize(SeqAccessDeserializer::new(list))?;
        if pairs.is_empty() {
            return Err(Error::invalid_length(0, &self));
        }
        Ok(pairs)
    }
}

/// Checks that no key is in two pairs.
pub(super) fn check(file: &str, pairs: &[KeyPair]) -> Result<(), ConfigError> {
    let mut server_side_keys = HashSet::new();
    let mut client_side_keys = HashSet::new();
    for (index, pair) in pairs.iter().enumerate() {
        let name = if !client_side_keys.insert(&pair.client_side_key) {
            "client_side_key"
        } else if !server_side_keys.insert(&pair.server_side_key) {
            "server_side_key"
        } else {
            continue;
        };
        return Err(ConfigError::new(
            file,
            &format!("environment_key_pairs[{index}].{name}"),
            "found a key that an earlier pair has, expected each environment once",
        ));
    }
    Ok(())
}
