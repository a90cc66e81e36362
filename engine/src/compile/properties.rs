//! Properties: where the value that a condition looks at comes from.

use serde_json_path::JsonPath;

use super::dependencies::{DependencyOrder, flag_read};
use super::path::{Path, Selector, canonical};
use crate::archive::{FlagProperty, Interner, Property, PropertyId, QueryId};

/// The properties of an environment, while its segments are compiled.
pub(super) struct PropertiesBuilder<'d> {
    features: &'d Interner,
    order: &'d DependencyOrder,
    pub(super) properties: Vec<Property>,
    /// By `PropertyId`.
    pub(super) names: Interner,
    pub(super) queries: Vec<String>,
    /// By `PrerequisiteId`.
    pub(super) flag_properties: Vec<Vec<FlagProperty>>,
}

impl<'d> PropertiesBuilder<'d> {
    /// No properties yet.
    pub(super) fn new(features: &'d Interner, order: &'d DependencyOrder) -> PropertiesBuilder<'d> {
        PropertiesBuilder {
            features,
            order,
            properties: Vec::new(),
            names: Interner::new(),
            queries: Vec::new(),
            flag_properties: vec![Vec::new(); order.prerequisites.len()],
        }
    }

    /// The id of the property of that name.
    pub(super) fn id(&mut self, name: &str) -> PropertyId {
        let index = self.names.intern(name.as_bytes());
        if index == self.properties.len() {
            // It has its id before its source is known: the source may be another property.
            self.properties.push(Property::Trait);
            self.properties[index] = self.source(name, PropertyId::new(index));
        }
        PropertyId::new(index)
    }

    fn source(&mut self, name: &str, id: PropertyId) -> Property {
        if !name.starts_with("$.") {
            return Property::Trait;
        }
        let selectors = match Path::read(name) {
            Path::Simple(selectors) => selectors,
            Path::Invalid => return Property::Trait,
            Path::Other => return self.query(name.to_owned()),
        };
        if let Some((flag, member)) = flag_read(&selectors) {
            let feature = self.features.get(flag.as_bytes());
            let flag = feature.and_then(|feature| self.order.prerequisite(feature));
            return flag.map_or(Property::Trait, |flag| {
                let property = FlagProperty {
                    property: id,
                    member,
                };
                self.flag_properties[flag.index()].push(property);
                Property::Flag(flag)
            });
        }
        let names: Vec<Option<&str>> = selectors.iter().map(Selector::name).collect();
        match names[..] {
            [Some("identity"), Some("identifier")] => Property::Identifier,
            [Some("identity"), Some("key")] => Property::IdentityKey,
            [Some("environment"), Some("name")] => Property::EnvironmentName,
            [Some("environment"), Some("key")] => Property::EnvironmentKey,
            // The value of a property that is a path is not always that of a trait.
            [Some("identity"), Some("traits"), Some(name)] if !name.starts_with("$.") => {
                Property::TraitOfPath(self.id(name))
            }
            _ => self.query(canonical(&selectors)),
        }
    }

    fn query(&mut self, query: String) -> Property {
        if JsonPath::parse(&query).is_err() {
            return Property::Trait;
        }
        self.queries.push(query);
        Property::Query(QueryId::new(self.queries.len() - 1))
    }
}
