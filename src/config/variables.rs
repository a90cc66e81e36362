//! Variables of the process environment that override the file.
//!
//! Each setting is a variable, in any case: `API_URL`, `SERVER_PORT`; and so is each section, as JSON: `SERVER='{…}'`.
//! An official proxy reads those of sections and of settings outside of them, and fails if one is wrong. Here the same
//! is an error for settings outside of sections, whose names are distinctive. Names such as `SERVER_PORT` or `LOGGING`
//! are not: Kubernetes sets the first one, and many programs read one or the other. Where such a variable holds what no
//! setting can have, it is left alone.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use contract::settings::Definition;
use contract::settings::Wrong;
use serde_json::Value;

use super::definitions::{Definitions, KEY_PAIRS, variable_name};
use super::error::{ConfigError, shown_path};
use super::given::{Given, Place};

/// What a place is called that is a variable.
const SOURCE: &str = "process environment";

/// The variables of a process.
pub(super) struct Variables {
    /// Their names and values, by their names in capitals.
    by_name: BTreeMap<String, (String, String)>,
}

impl Variables {
    /// Of several names that differ only in case, the one in capitals counts. An empty variable counts as none.
    pub(super) fn new(all: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut by_name = BTreeMap::new();
        for (name, value) in all {
            let in_capitals = name.to_uppercase();
            if !value.is_empty() && (name == in_capitals || !by_name.contains_key(&in_capitals)) {
                by_name.insert(in_capitals, (name, value));
            }
        }
        Self { by_name }
    }

    /// The variables of this process.
    pub(super) fn of_process() -> Self {
        let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        Self::new(std::env::vars_os().map(|(name, value)| (text(name), text(value))))
    }

    /// Whether one of them says which environments there are.
    pub(super) fn name_environments(&self) -> bool {
        [KEY_PAIRS, "proxy_key", "environment_documents"]
            .iter()
            .any(|setting| {
                let name = variable_name(setting);
                self.by_name.contains_key(&name) || self.by_name.contains_key(&in_file(&name))
            })
    }

    /// Takes all that are settings. They count more than what was given before.
    ///
    /// # Errors
    ///
    /// Names the variable that is no doubt a setting and wrong.
    pub(super) fn add_to(
        &self,
        given: &mut Given,
        definitions: &Definitions,
    ) -> Result<(), ConfigError> {
        for section in definitions
            .sections()
            .into_iter()
            .filter(|section| !section.is_empty())
        {
            if let Some((name, value)) = self.get(section) {
                add_section(given, definitions, section, name, value)?;
            }
        }
        for definition in definitions.all() {
            // The newest name is the last one, so it counts.
            let mut names: Vec<&str> = definition.names.all().collect();
            names.reverse();
            for path in names {
                self.add_setting(given, definition, path)?;
            }
        }
        // Uvicorn's name, which is outside of sections.
        if let Some((name, trusted)) = self.get("forwarded_allow_ips") {
            let place = Place {
                source: SOURCE.to_owned(),
                path: name.to_owned(),
            };
            given.set("server.forwarded_allow_ips", place, trusted.into());
        }
        Ok(())
    }

    fn get(&self, path: &str) -> Option<(&str, &str)> {
        let (name, value) = self.by_name.get(&variable_name(path))?;
        Some((name, value))
    }

    fn add_setting(
        &self,
        given: &mut Given,
        definition: &Definition,
        path: &str,
    ) -> Result<(), ConfigError> {
        let (section, _) = definition.section();
        // Without a secret that somebody chose, more would be open than should be.
        let is_distinctive = section.is_empty() || definition.is_secret;
        let file = if is_distinctive {
            self.by_name.get(&in_file(&variable_name(path)))
        } else {
            None
        };
        let (place, text) = match (self.get(path), file) {
            (Some((name, text)), file) => {
                if let Some((file, _)) = file {
                    given.warnings.push(format!(
                        "{SOURCE}: {file}: {name} is set, too, and counts; ignoring {file}"
                    ));
                }
                let place = Place {
                    source: SOURCE.to_owned(),
                    path: name.to_owned(),
                };
                (place, text.to_owned())
            }
            (None, Some((name, file))) => {
                let text = fs::read_to_string(file.trim()).map_err(|error| {
                    ConfigError::new(
                        SOURCE,
                        name,
                        format!("read {}: {error}", shown_path(Path::new(file.trim()))),
                    )
                })?;
                let place = Place {
                    source: file.trim().to_owned(),
                    path: path.to_owned(),
                };
                (place, text.trim().to_owned())
            }
            (None, None) => return Ok(()),
        };
        let json = definition
            .is_json
            .then(|| serde_json::from_str::<Value>(&text));
        let (value, not_json) = match json {
            Some(Ok(value)) => (value, None),
            Some(Err(error)) => (Value::String(text), Some(error)),
            None => (Value::String(text), None),
        };
        if (definition.accepts)(&value) {
            given.set(&definition.names.path, place, value);
        } else if !is_distinctive {
            given
                .warnings
                .push(foreign(&place.path, &value, &definition.expected));
        } else if let Some(error) = not_json {
            let found = format!("text that is not JSON ({error})");
            return Err(ConfigError::of_value(
                &place.source,
                &place.path,
                &found,
                &definition.expected,
            ));
        } else {
            given.set(&definition.names.path, place, value);
            let wrong = Wrong {
                path: definition.names.path.clone(),
                expected: definition.expected.clone(),
                is_secret: definition.is_secret,
            };
            return Err(given.refuse(&wrong));
        }
        Ok(())
    }
}

/// The name of the variable that names a file with the value.
fn in_file(name: &str) -> String {
    format!("{name}_FILE")
}

fn add_section(
    given: &mut Given,
    definitions: &Definitions,
    section: &str,
    name: &str,
    value: &str,
) -> Result<(), ConfigError> {
    match serde_json::from_str(value) {
        Ok(Value::Object(members)) => {
            given.add(definitions, &format!("{SOURCE}: {name}"), section, members)
        }
        Err(error) if value.trim_start().starts_with('{') => {
            let found = format!("text that is not JSON ({error})");
            Err(ConfigError::of_value(SOURCE, name, &found, "an object"))
        }
        _ => {
            let value = Value::String(value.to_owned());
            given
                .warnings
                .push(foreign(name, &value, "an object in JSON"));
            Ok(())
        }
    }
}

/// The line about a variable that seems to belong to something else. Its value may be anything, also a secret.
fn foreign(name: &str, value: &Value, expected: &str) -> String {
    let is_service = value
        .as_str()
        .is_some_and(|text| text.starts_with("tcp://") || text.starts_with("udp://"));
    let reason = match is_service {
        true => "holds the address of a Kubernetes service",
        false => "seems to be meant for another program",
    };
    format!("{SOURCE}: {name} {reason}, expected {expected}; leaving it alone")
}
