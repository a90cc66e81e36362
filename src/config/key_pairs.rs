//! The environments of the configuration: the only setting without a default.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs;
use std::path::PathBuf;

use contract::key::is_server_side;
use contract::settings::{Definition, Kind, Path, Required, Settings as _, Values, Wrong, text};
use contract::{KeyPair, ServerSideKey};
use serde_json::{Map, Value};

use super::definitions::{KEY_PAIRS, key_pairs, nearest};
use super::error::{ConfigError, kind, shown, shown_name, shown_path};
use super::given::{self, Given, Place};

contract::settings! {
    /// The two keys of one environment.
    struct Pair {
        /// The secret key of the environment. It fetches the document, and is never shown anywhere.
        server_side_key: Option<ServerSideKey> as Required<ServerSide> = None,
        /// A file that holds the server-side key, in place of the key. It is read again with each reload.
        server_side_key_file: Option<PathBuf> as Required<Path> = None,
        /// The public key that names the environment.
        client_side_key: Option<String> as Required<ClientSide> = None,
    }
}

struct ServerSide;

impl Kind for ServerSide {
    type Value = ServerSideKey;
    const IS_SECRET: bool = true;

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
/// If there is none though there has to be one, or one lacks a key or has one that is no key. Never shows a
/// server-side key.
pub(super) fn read(given: &mut Given, is_required: bool) -> Result<Vec<KeyPair>, ConfigError> {
    let Some(place) = given.place(KEY_PAIRS).cloned() else {
        if !is_required {
            return Ok(Vec::new());
        }
        let path = KEY_PAIRS.to_owned();
        let expected = key_pairs().expected;
        return Err(given.refuse(&Wrong {
            path,
            expected,
            is_secret: false,
        }));
    };
    let empty = Vec::new();
    let list = given.values.get(KEY_PAIRS).unwrap_or(&Value::Null);
    let list = list.as_array().unwrap_or(&empty).clone();
    if list.is_empty() && is_required {
        let found = given.values.get(KEY_PAIRS).map_or("null", kind);
        let expected = key_pairs().expected;
        return Err(ConfigError::of_value(
            &place.source,
            &place.path,
            found,
            &expected,
        ));
    }
    let mut pairs: Vec<KeyPair> = Vec::new();
    let mut by_client_side_key = HashMap::new();
    for (index, value) in list.iter().enumerate() {
        let path = format!("{}[{index}]", place.path);
        let pair = read_pair(&place, &path, value, &mut given.warnings)?;
        match by_client_side_key.entry(pair.client_side_key.clone()) {
            Entry::Vacant(entry) => {
                entry.insert(pairs.len());
                pairs.push(pair);
            }
            Entry::Occupied(entry) => renew(&mut pairs[*entry.get()], pair),
        }
    }
    Ok(pairs)
}

/// Takes the newer server-side key of the same environment: a later pair is the newer one.
fn renew(pair: &mut KeyPair, newer: KeyPair) {
    let older = std::mem::replace(&mut pair.server_side_keys, newer.server_side_keys);
    let newest = pair.server_side_keys.clone();
    let older = older.into_iter().filter(|key| !newest.contains(key));
    pair.server_side_keys.extend(older);
}

fn read_pair(
    place: &Place,
    path: &str,
    value: &Value,
    warnings: &mut Vec<String>,
) -> Result<KeyPair, ConfigError> {
    let source = &place.source;
    let refuse = |name: &str, found: &str, expected: &str| {
        ConfigError::of_value(source, &format!("{path}{name}"), found, expected)
    };
    let members = value.as_object();
    let members = members.ok_or_else(|| refuse("", kind(value), "an object"))?;
    let missing = |name: &str, expected: String| {
        let mut names = members.keys().map(String::as_str);
        let found = names.find(|found| {
            let is_near = || nearest(found, [name].into_iter()).is_some();
            self::members("")
                .iter()
                .all(|member| member.names.path != *found)
                && is_near()
        });
        let problem = given::missing(found.unwrap_or_default(), &expected);
        ConfigError::new(source, &format!("{path}.{name}"), problem)
    };
    warn_of_unknown(source, path, members, warnings);
    let values: Values = members.clone().into_iter().collect();
    let pair = Pair::read("", &values).map_err(|wrong| {
        let found = shown(&values[&wrong.path], wrong.is_secret);
        refuse(&format!(".{}", wrong.path), &found, &wrong.expected)
    })?;
    let server_side_key = match (pair.server_side_key, pair.server_side_key_file) {
        (Some(key), None) => key,
        (None, Some(file)) => read_key(&file).map_err(|problem| {
            ConfigError::new(source, &format!("{path}.server_side_key_file"), problem)
        })?,
        (None, None) => return Err(missing("server_side_key", ServerSide::expected())),
        (Some(_), Some(_)) => {
            let expected = "either this or server_side_key";
            return Err(refuse(".server_side_key_file", "both", expected));
        }
    };
    let client_side_key = pair.client_side_key;
    let client_side_key =
        client_side_key.ok_or_else(|| missing("client_side_key", ClientSide::expected()))?;
    Ok(KeyPair::new(client_side_key, [server_side_key]))
}

fn warn_of_unknown(
    source: &str,
    path: &str,
    members: &Map<String, Value>,
    warnings: &mut Vec<String>,
) {
    let definitions = self::members("");
    let known = || definitions.iter().map(|member| member.names.path.as_str());
    for name in members
        .keys()
        .filter(|name| known().all(|known| known != *name))
    {
        let hint = nearest(name, known())
            .map_or_else(String::new, |name| format!(" (did you mean {name}?)"));
        let name = shown_name(name);
        warnings.push(format!(
            "{source}: {path}.{name} is not a setting{hint}; ignoring it"
        ));
    }
}

/// Reads the server-side key in a file.
fn read_key(file: &std::path::Path) -> Result<ServerSideKey, String> {
    let text =
        fs::read_to_string(file).map_err(|error| format!("read {}: {error}", shown_path(file)))?;
    ServerSide::read(&Value::String(text)).ok_or_else(|| {
        format!(
            "found another text in {}, expected {}",
            shown_path(file),
            ServerSide::expected()
        )
    })
}
