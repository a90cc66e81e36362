//! Properties: what conditions look at, for one identity. Each is looked up when a condition first asks.
//!
//! Knows nothing of segments or features.

use super::buckets::Buckets;
use super::patterns::{Patterns, property_value};
use super::property_value::PropertyValue;
use super::scratch::{Spare, Values};
use crate::archive::ArchivedOperation;
use crate::archive::{ArchivedEnvironment, ArchivedProperty};
use crate::request::Identity;

/// The properties of one identity in one environment.
pub(crate) struct Properties<'r, 's> {
    environment: &'r ArchivedEnvironment,
    patterns: &'r Patterns,
    identity: &'r Identity<'r>,
    values: Values<'r>,
    pub(crate) buckets: Buckets<'r, 's>,
}

impl<'r, 's> Properties<'r, 's> {
    /// Puts each trait that was sent where conditions look for it. `spare` and `buckets` are memory to use.
    pub(crate) fn new(
        environment: &'r ArchivedEnvironment,
        patterns: &'r Patterns,
        identity: &'r Identity<'r>,
        spare: &mut Spare,
        buckets: &'s mut Vec<Option<u16>>,
    ) -> Properties<'r, 's> {
        let mut values = spare.take(environment.properties.len());
        if !values.is_empty() {
            for trait_ in identity.traits() {
                let name = trait_.key.as_str().as_bytes();
                if let Some(place) = environment.property_names.get(name) {
                    // A trait sent as null counts as not sent.
                    let value = property_value(&trait_.value);
                    let sent = value != PropertyValue::Null;
                    values[place as usize] = sent.then_some(value);
                }
            }
        }
        Properties {
            environment,
            patterns,
            identity,
            values,
            buckets: Buckets::new(
                &environment.salts,
                environment.segment_salts.to_native() as usize,
                identity.identifier(),
                buckets,
            ),
        }
    }

    /// Gives the memory back.
    pub(crate) fn finish(self, spare: &mut Spare) {
        spare.keep(self.values);
    }

    /// Whether the environment's condition of that place holds.
    #[inline(never)]
    pub(crate) fn satisfy(&mut self, condition: usize) -> bool {
        let (environment, patterns) = (self.environment, self.patterns);
        let condition = &environment.conditions[condition];
        if let ArchivedOperation::IdentitySplit { salt, threshold } = &condition.operation {
            return self.buckets.get(salt.to_native()) <= threshold.to_native();
        }
        let place = condition.property.to_native() as usize;
        if self.values[place].is_none() {
            self.values[place] = Some(self.look_up(&environment.properties[place]));
        }
        let value = self.values[place].as_ref().unwrap_or(&PropertyValue::Null);
        condition.operation.matches(value, |pattern, text| {
            patterns.is_match(environment, pattern, text)
        })
    }

    /// The value of a property that no trait of its own name supplied.
    fn look_up(&self, property: &'r ArchivedProperty) -> PropertyValue<'r> {
        let environment = self.environment;
        let identifier = self.identity.identifier();
        match property {
            ArchivedProperty::Trait => PropertyValue::Null,
            ArchivedProperty::TraitOfPath(place) => {
                let value = self.values[place.to_native() as usize].clone();
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
            ArchivedProperty::Query(place) => {
                self.patterns
                    .query(environment, place.to_native(), self.identity)
            }
        }
    }
}
