//! How structs of settings are read, written and listed, member by member.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use serde_json::Value;

use super::definition::{Definition, Names};
use super::kind::Kind;

/// Values of settings by their path.
pub type Values = BTreeMap<String, Value>;

/// A value that a setting cannot have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The path of the setting.
    pub path: String,
    /// What is accepted: the words after `expected`.
    pub expected: String,
    /// Nobody may see the value.
    pub is_secret: bool,
}

/// A struct of [`settings!`](crate::settings!).
pub trait Settings: Default {
    /// Lists the settings of the struct, which is the section of that name; the root is `""`.
    fn define(section: &str, definitions: &mut Vec<Definition>);

    /// Reads the struct. A setting without a value has its default.
    ///
    /// # Errors
    ///
    /// Names the first setting whose value it cannot have.
    fn read(section: &str, values: &Values) -> Result<Self, Wrong>;

    /// Writes the value of each setting.
    fn write(&self, section: &str, values: &mut Values);
}

/// What a field of a struct of settings is: a value of some [`Kind`], or a [`Section`].
pub trait Member {
    /// The type of the field.
    type Field;

    /// Lists the settings of the field. `field` is the default.
    fn define(
        names: Names,
        documentation: &str,
        field: &Self::Field,
        definitions: &mut Vec<Definition>,
    );

    /// Changes the field to what the values say.
    ///
    /// # Errors
    ///
    /// Names the setting whose value it cannot have.
    fn update(field: &mut Self::Field, names: Names, values: &Values) -> Result<(), Wrong>;

    /// Writes the values of the field.
    fn write(field: &Self::Field, names: Names, values: &mut Values);
}

impl<K: Kind> Member for K {
    type Field = K::Value;

    fn define(
        names: Names,
        documentation: &str,
        field: &K::Value,
        definitions: &mut Vec<Definition>,
    ) {
        definitions.push(Definition {
            names,
            documentation: documentation.trim().to_owned(),
            expected: K::expected(),
            is_secret: K::IS_SECRET,
            accepts: |value| K::read(value).is_some(),
            default: K::write(field),
            is_json: K::IS_JSON,
        });
    }

    fn update(field: &mut K::Value, names: Names, values: &Values) -> Result<(), Wrong> {
        if let Some(value) = values.get(&names.path) {
            *field = K::read(value).ok_or_else(|| Wrong {
                path: names.path,
                expected: K::expected(),
                is_secret: K::IS_SECRET,
            })?;
        }
        Ok(())
    }

    fn write(field: &K::Value, names: Names, values: &mut Values) {
        values.insert(names.path, K::write(field));
    }
}

/// A field that is a section: another struct of settings.
#[derive(Debug)]
pub struct Section<T>(PhantomData<T>);

impl<T: Settings> Member for Section<T> {
    type Field = T;

    fn define(names: Names, _: &str, _: &T, definitions: &mut Vec<Definition>) {
        T::define(&names.path, definitions);
    }

    fn update(field: &mut T, names: Names, values: &Values) -> Result<(), Wrong> {
        *field = T::read(&names.path, values)?;
        Ok(())
    }

    fn write(field: &T, names: Names, values: &mut Values) {
        field.write(&names.path, values);
    }
}

/// How serde writes and reads a struct of settings: as its [`Values`]. For `#[serde(with = …)]`.
pub mod as_values {
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::{Serialize, Serializer};

    use super::{Settings, Values};

    /// # Errors
    ///
    /// Those of the serializer.
    pub fn serialize<T: Settings, S: Serializer>(
        settings: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let mut values = Values::new();
        settings.write("", &mut values);
        values.serialize(serializer)
    }

    /// # Errors
    ///
    /// If it is no object, or a setting has a value that it cannot have.
    pub fn deserialize<'de, T: Settings, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        let values = Values::deserialize(deserializer)?;
        T::read("", &values).map_err(|wrong| {
            Error::custom(format_args!("{}: expected {}", wrong.path, wrong.expected))
        })
    }
}
