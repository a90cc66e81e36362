//! What each setting is and where it comes from, as `check-config` shows it.

use contract::settings::{Settings as _, Values};
use contract::{KeyPair, WorkerSettings};
use serde_json::Value;
use supervisor::Options;

use super::Config;
use super::definitions::{Definitions, KEY_PAIRS};
use super::error::holds_secret;
use super::given::{Given, Place};

/// What stands in place of a secret.
const MASK: &str = "(secret)";

/// One setting.
#[derive(Debug)]
pub(crate) struct Effective {
    /// Its name in the file.
    pub(crate) name: String,
    /// Its value; that of a secret is masked.
    pub(crate) value: Value,
    /// What said so: `default`, a file or a variable.
    pub(crate) from: String,
}

/// All settings, in the order of the reference.
pub(super) fn settings(given: &Given, config: &Config) -> Vec<Effective> {
    let mut values = Values::new();
    Options::write(&config.supervisor, "", &mut values);
    WorkerSettings::write(&config.worker, "", &mut values);
    let mut settings = Vec::new();
    for definition in Definitions::gather().all() {
        let path = &definition.names.path;
        let from = from(given.place(path), path);
        if path == KEY_PAIRS {
            let given = given.values.get(path).and_then(Value::as_array);
            let given = given.map_or(&[][..], Vec::as_slice);
            settings.extend(key_pairs(&config.environment_key_pairs, given, &from));
            continue;
        }
        let value = values.remove(path).unwrap_or_default();
        // Somebody may have put a secret in the wrong place.
        let is_masked = match &value {
            Value::Null => false,
            value => definition.is_secret || holds_secret(&value.to_string()),
        };
        settings.push(Effective {
            name: path.clone(),
            value: if is_masked { MASK.into() } else { value },
            from,
        });
    }
    settings
}

/// A row for each key. A server-side key may come from a file that the given pair names.
fn key_pairs(pairs: &[KeyPair], given: &[Value], from: &str) -> Vec<Effective> {
    let row = |index: usize, name: &str, value: &str, from: &str| Effective {
        name: format!("{KEY_PAIRS}[{index}].{name}"),
        value: value.into(),
        from: from.to_owned(),
    };
    let mut rows = Vec::new();
    for (index, pair) in pairs.iter().enumerate() {
        let server_side_keys = pair.server_side_keys.iter().map(|_| MASK);
        let server_side_keys: Vec<_> = server_side_keys.collect();
        let client_side_key = &pair.client_side_key;
        let files = given
            .iter()
            .filter(|one| one["client_side_key"] == **client_side_key)
            .filter_map(|one| one["server_side_key_file"].as_str());
        let mut places = vec![from];
        places.extend(files);
        let server_side_keys = server_side_keys.join(", ");
        rows.push(row(index, "client_side_key", client_side_key, from));
        rows.push(row(
            index,
            "server_side_key",
            &server_side_keys,
            &places.join(", "),
        ));
    }
    rows
}

fn from(place: Option<&Place>, path: &str) -> String {
    match place {
        None => "default".to_owned(),
        Some(place) if place.path == path => place.source.clone(),
        Some(place) => format!("{}: {}", place.source, place.path),
    }
}
