//! The environments of the configuration: the only setting without a default.

use std::collections::HashSet;

use contract::key::is_server_side;
use contract::settings::{Definition, Kind, Names, Required, Settings as _, Values, Wrong, text};
use contract::{KeyPair, ServerSideKey};
use serde_json::Value;

use super::definitions::nearest;
use super::error::{ConfigError, kind, shown, shown_name};
use super::given::{Given, Place};

/// The setting.
const NAME: &str = "environment_key_pairs";

contract::settings! {
    /// The two keys of one environment.
    struct Pair {
        /// The secret key of the environment. It fetches the document, and is never shown anywhere.
        server_side_key: Option<ServerSideKey> as Required<ServerSide> = None,
        /// The public key that names the environment.
        client_side_key: Option<String> as Required<ClientSide> = None,
    }
}

struct ServerSide;

impl Kind for ServerSide {
    type Value = ServerSideKey;

    fn expected() -> String {
        "a key that starts with \"ser.\" and is plain ASCII".to_owned()
    }

    fn read(value: &Value) -> Option<ServerSideKey> {
        let is_plain = |key: &str| key.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        let key = text(value).filter(|key| is_server_side(key.as_bytes()) && is_plain(key));
        key.map(ServerSideKey::new)
    }

    fn write(key: &ServerSideKey) -> Value {
        key.to_string().into()
    }
}

struct ClientSide;

impl Kind for ClientSide {
    type Value = String;

    fn expected() -> String {
        "a key that is not empty and does not start with \"ser.\"".to_owned()
    }

    fn read(value: &Value) -> Option<String> {
        text(value).filter(|key| !is_server_side(key.as_bytes()))
    }

    fn write(key: &String) -> Value {
        key.as_str().into()
    }
}

/// The definition of the setting.
pub(super) fn definition() -> Definition {
    Definition {
        names: Names::new("", &[], NAME),
        documentation: "The keys of each environment.".to_owned(),
        expected: "a list with at least one object".to_owned(),
        default: Value::Null,
        is_json: true,
    }
}

/// The definitions of the members of one pair.
pub(super) fn members(pair: &str) -> Vec<Definition> {
    let mut members = Vec::new();
    Pair::define(pair, &mut members);
    members
}

/// Reads the pairs.
///
/// # Errors
///
/// If there is none, or one lacks a key or has one that is no key. Never shows a server-side key.
pub(super) fn read(given: &mut Given) -> Result<Vec<KeyPair>, ConfigError> {
    let Some(place) = given.place(NAME).cloned() else {
        let path = NAME.to_owned();
        let expected = definition().expected;
        return Err(given.refuse(&Wrong {
            path,
            expected,
            is_secret: false,
        }));
    };
    let empty = Vec::new();
    let list = given.values.get(NAME).unwrap_or(&Value::Null);
    let list = list.as_array().unwrap_or(&empty).clone();
    if list.is_empty() {
        let found = given.values.get(NAME).map_or("null", kind);
        let expected = definition().expected;
        return Err(ConfigError::of_value(
            &place.source,
            &place.path,
            found,
            &expected,
        ));
    }
    let pairs = list.iter().enumerate().map(|(index, value)| {
        let path = format!("{}[{index}]", place.path);
        read_pair(&place, &path, value, &mut given.warnings)
    });
    let pairs = pairs.collect::<Result<Vec<_>, _>>()?;
    check(&place, &pairs)?;
    Ok(pairs)
}

fn read_pair(
    place: &Place,
    path: &str,
    value: &Value,
    warnings: &mut Vec<String>,
) -> Result<KeyPair, ConfigError> {
    let refuse = |path: &str, found: &str, expected: &str| {
        ConfigError::of_value(&place.source, path, found, expected)
    };
    let members = value
        .as_object()
        .ok_or_else(|| refuse(path, kind(value), "an object"))?;
    let definitions = self::members("");
    let names = || definitions.iter().map(|member| member.names.path.as_str());
    for name in members
        .keys()
        .filter(|name| !names().any(|known| known == *name))
    {
        let nearest = nearest(name, names());
        let hint = nearest.map_or_else(String::new, |name| format!(" (did you mean {name}?)"));
        let source = &place.source;
        let name = shown_name(name);
        warnings.push(format!(
            "{source}: {path}.{name} is not a setting{hint}; ignoring it"
        ));
    }
    let values: Values = members.clone().into_iter().collect();
    let pair = Pair::read("", &values).map_err(|wrong| {
        let value = &values[&wrong.path];
        let found = match value {
            Value::String(_) if wrong.path != "client_side_key" => "another string".to_owned(),
            value => shown(value),
        };
        refuse(&format!("{path}.{}", wrong.path), &found, &wrong.expected)
    })?;
    let missing = |name: &str, expected: String| {
        let path = format!("{path}.{name}");
        ConfigError::new(
            &place.source,
            &path,
            format!("missing, expected {expected}"),
        )
    };
    let Some(server_side_key) = pair.server_side_key else {
        return Err(missing("server_side_key", ServerSide::expected()));
    };
    let Some(client_side_key) = pair.client_side_key else {
        return Err(missing("client_side_key", ClientSide::expected()));
    };
    Ok(KeyPair {
        server_side_key,
        client_side_key,
    })
}

/// Checks that no key is in two pairs.
fn check(place: &Place, pairs: &[KeyPair]) -> Result<(), ConfigError> {
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
        return Err(ConfigError::of_value(
            &place.source,
            &format!("{}[{index}].{name}", place.path),
            "a key that an earlier pair has",
            "each environment once",
        ));
    }
    Ok(())
}
