//! The values of settings that were given, and where.

use std::collections::BTreeMap;

use contract::settings::{Values, Wrong};
use serde_json::{Map, Value};

use super::definitions::{Definitions, UNNECESSARY};
use super::error::{ConfigError, kind, shown, shown_name};

/// Values of settings, the place that gave each, and what is to be said of them.
pub(super) struct Given {
    /// Where a missing setting could be given.
    source: String,
    pub(super) values: Values,
    places: BTreeMap<String, Place>,
    /// Names that are no setting, and the setting that each may be meant for.
    misspelt: Vec<(String, String)>,
    /// A line for each name that is no setting.
    pub(super) warnings: Vec<String>,
}

/// Where a value was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The file, or the variable.
    pub(super) source: String,
    /// The path there, which may be an older name.
    pub(super) path: String,
}

impl Given {
    /// No values. The `source` is where a missing setting could be given.
    pub(super) fn new(source: &str) -> Self {
        Self {
            source: source.to_owned(),
            values: Values::new(),
            places: BTreeMap::new(),
            misspelt: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Takes the values of an object, which is the whole file or a section of it. They count more than those before.
    ///
    /// # Errors
    ///
    /// If a section in it is no object.
    pub(super) fn add(
        &mut self,
        definitions: &Definitions,
        source: &str,
        section: &str,
        members: Map<String, Value>,
    ) -> Result<(), ConfigError> {
        let mut given: Vec<(usize, &str, Place, Value)> = Vec::new();
        for (name, value) in members {
            let path = match section {
                "" => name,
                section => format!("{section}.{name}"),
            };
            if let Some(definition) = definitions.find(&path) {
                let age = definition.names.all().position(|name| name == path);
                let place = Place {
                    source: source.to_owned(),
                    path,
                };
                given.push((age.unwrap_or(0), &definition.names.path, place, value));
            } else if definitions.is_section(&path) {
                match value {
                    Value::Object(members) => self.add(definitions, source, &path, members)?,
                    // A section that is null has all defaults.
                    Value::Null => {}
                    value => {
                        let found = kind(&value);
                        return Err(ConfigError::of_value(source, &path, found, "an object"));
                    }
                }
            } else {
                if let Some(nearest) = definitions.nearest(&path) {
                    self.misspelt.push((path.clone(), nearest.to_owned()));
                }
                self.warnings.push(unknown(definitions, source, &path));
            }
        }
        // Of several names of one setting the newest counts.
        given.sort_by_key(|(age, ..)| std::cmp::Reverse(*age));
        for (_, name, place, value) in given {
            self.set(name, place, value);
        }
        Ok(())
    }

    /// Takes one value. It counts more than the one before; of objects, each member does.
    pub(super) fn set(&mut self, name: &str, place: Place, value: Value) {
        let before = self.values.remove(name).unwrap_or_default();
        self.values.insert(name.to_owned(), updated(before, value));
        self.places.insert(name.to_owned(), place);
    }

    /// The place of a value; `None` for a default.
    pub(super) fn place(&self, path: &str) -> Option<&Place> {
        self.places.get(path)
    }

    /// What is wrong with the value of a setting, in words.
    pub(super) fn refuse(&self, wrong: &Wrong) -> ConfigError {
        let found = self.values.get(&wrong.path);
        let found = found.map_or_else(String::new, |found| shown(found, wrong.is_secret));
        match self.place(&wrong.path) {
            Some(place) => {
                ConfigError::of_value(&place.source, &place.path, &found, &wrong.expected)
            }
            None => {
                let mut misspelt = self.misspelt.iter();
                let found = misspelt.find(|(_, nearest)| *nearest == wrong.path);
                let found = found.map_or("", |(name, _)| name);
                let problem = missing(found, &wrong.expected);
                ConfigError::new(&self.source, &wrong.path, problem)
            }
        }
    }
}

/// The words about a setting that must be there; a misspelt name may have been `found`.
pub(super) fn missing(found: &str, expected: &str) -> String {
    match found {
        "" => format!("missing, expected {expected}"),
        found => format!("missing, found {}; expected {expected}", shown_name(found)),
    }
}

/// As pydantic-settings merges the file and variables: objects member by member.
fn updated(before: Value, value: Value) -> Value {
    match (before, value) {
        (Value::Object(mut members), Value::Object(newer)) => {
            for (name, value) in newer {
                let before = members.remove(&name).unwrap_or_default();
                members.insert(name, updated(before, value));
            }
            Value::Object(members)
        }
        (_, value) => value,
    }
}

/// The line about a name that is no setting.
pub(super) fn unknown(definitions: &Definitions, source: &str, path: &str) -> String {
    let name = shown_name(path);
    if let Some((_, reason)) = UNNECESSARY.iter().find(|(known, _)| *known == path) {
        return format!("{source}: {name} is not needed here: {reason}; ignoring it");
    }
    match definitions.nearest(path) {
        Some(nearest) => {
            format!("{source}: {name} is not a setting (did you mean {nearest}?); ignoring it")
        }
        None => format!("{source}: {name} is not a setting; ignoring it"),
    }
}
