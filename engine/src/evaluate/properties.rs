//! The properties of one identity: the values that conditions look at. Each is looked up when it is first needed.

use super::buckets::Buckets;
use super::operation::holds;
use super::patterns::Patterns;
use super::property_value::PropertyValue;
use super::scratch::{SpareValues, Values};
use crate::archive::{ArchivedEnvironment, ArchivedOperation, ArchivedProperty};
use crate::request::Identity;

/// The properties of one identity in one environment.
pub(super) struct Properties<'r, 's> {
    environment: &'r ArchivedEnvironment,
    patterns: &'r Patterns,
    identity: &'r Identity<'r>,
    values: Values<'r>,
    pub(super) buckets: Buckets<'r, 's>,
}

impl<'r, 's> Properties<'r, 's> {
    /// Puts each trait where conditions look for it. `spare` and `remainders` are memory to use.
    #[inline(always)]
    pub(super) fn new(
        environment: &'r ArchivedEnvironment,
        patterns: &'r Patterns,
        identity: &'r Identity<'r>,
        spare: &mut SpareValues,
        remainders: &'s mut Vec<Option<u16>>,
    ) -> Properties<'r, 's> {
        let segments = &environment.segments;
        let mut values = spare.take(segments.properties.len());
        if !values.is_empty() {
            for trait_ in identity.traits() {
                let name = trait_.key.as_str().as_bytes();
                if let Some(property) = segments.property_names.get(name) {
                    // A null trait counts as one that was not sent.
                    let value = PropertyValue::of_trait(&trait_.value);
                    let sent = value != PropertyValue::Null;
                    values[property] = sent.then_some(value);
                }
            }
        }
        Properties {
            environment,
            patterns,
            identity,
            values,
            buckets: Buckets::new(&environment.salts, identity.identifier(), remainders),
        }
    }

    /// Gives the memory back.
    #[inline(always)]
    pub(super) fn finish(self, spare: &mut SpareValues) {
        spare.keep(self.values);
    }

    /// Whether the condition of that index holds.
    #[inline(never)]
    pub(super) fn satisfy(&mut self, condition: usize) -> bool {
        let (environment, patterns) = (self.environment, self.patterns);
        let condition = &environment.segments.conditions[condition];
        if let ArchivedOperation::IdentitySplit { salt, threshold } = &condition.operation {
            return self.buckets.get(salt) <= threshold.to_native();
        }
        let property = condition.property.index();
        if self.values[property].is_none() {
            let source = &environment.segments.properties[property];
            self.values[property] = Some(self.look_up(source));
        }
        let value = self.values[property].as_ref();
        let value = value.unwrap_or(&PropertyValue::Null);
        holds(&condition.operation, value, |pattern, text| {
            patterns.is_match(environment, pattern, text)
        })
    }

    /// Whether a condition holds if its property is null.
    pub(super) fn satisfies_null(&self, condition: usize) -> bool {
        let condition = &self.environment.segments.conditions[condition];
        holds(&condition.operation, &PropertyValue::Null, |_, _| false)
    }

    /// Whether the value of the property of that index is known.
    pub(super) fn is_known(&self, property: usize) -> bool {
        self.values[property].is_some()
    }

    /// The value of the property of that index, if it is known.
    pub(super) fn known(&self, property: usize) -> Option<&PropertyValue<'r>> {
        self.values[property].as_ref()
    }

    /// Sets the value of the property of that index, unless a trait has its name.
    pub(super) fn set(&mut self, property: usize, value: PropertyValue<'r>) {
        self.values[property].get_or_insert(value);
    }

    /// The value of a property if no trait has its name.
    fn look_up(&self, property: &'r ArchivedProperty) -> PropertyValue<'r> {
        let environment = self.environment;
        let identifier = self.identity.identifier();
        match property {
            ArchivedProperty::Trait | ArchivedProperty::Flag(_) => PropertyValue::Null,
            ArchivedProperty::TraitOfPath(property) => {
                let value = self.values[property.index()].clone();
                value.unwrap_or(PropertyValue::Null)
            }
            ArchivedProperty::Identifier => PropertyValue::coerce(identifier),
            ArchivedProperty::IdentityKey => {
                PropertyValue::coerce_owned([environment.api_key(), "_", identifier].concat())
            }
            ArchivedProperty::EnvironmentName => environment
                .name()
                .map_or(PropertyValue::Null, PropertyValue::coerce),
            ArchivedProperty::EnvironmentKey => PropertyValue::coerce(environment.api_key()),
            ArchivedProperty::Query(query) => {
                let patterns = self.patterns;
                patterns.query(environment, query.index(), self.identity)
            }
        }
    }
}
