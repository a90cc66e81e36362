//! The document model: an environment document as typed values, or an error that names the member.
//!
//! Strict where an answer needs the member, tolerant elsewhere, as the official proxy's mapper
//! (flagsmith 5.0.3) is. Knows nothing of how flags are evaluated or archived.

mod node;
mod pages;

use std::collections::{HashMap, HashSet};

use crate::json::Integer;
use crate::json::Value;
use crate::python::python_str;

pub use node::DocumentError;
use node::{Node, Parsed};
pub use pages::{Edition, Pages};

/// What an environment document says, as far as answers depend on it.
pub(crate) struct Document<'v> {
    pub(crate) api_key: &'v str,
    pub(crate) name: Option<&'v str>,
    pub(crate) updated_at: Option<&'v str>,
    /// By name: a repeated name keeps the first one's place and the last one's content.
    pub(crate) feature_states: Vec<FeatureState<'v>>,
    /// By id, likewise.
    pub(crate) segments: Vec<Segment<'v>>,
    pub(crate) identity_overrides: Vec<IdentityOverride<'v>>,
    pub(crate) hide_disabled_flags: bool,
    /// By [`Value::equality_key`].
    pub(crate) server_key_only_feature_ids: HashSet<String>,
    /// Feature id, by [`Value::equality_key`] -> its type; "STANDARD" where that is `None`.
    pub(crate) feature_types: HashMap<String, Option<&'v Value<'v>>>,
}

/// A feature's value in one place.
pub(crate) struct FeatureState<'v> {
    /// What multivariate buckets are computed from.
    pub(crate) key: String,
    pub(crate) feature_id: &'v Value<'v>,
    pub(crate) feature_name: &'v str,
    pub(crate) enabled: &'v Value<'v>,
    pub(crate) value: &'v Value<'v>,
    /// In the order in which buckets are given out.
    pub(crate) multivariate_values: Vec<MultivariateValue<'v>>,
    /// Lower is stronger, none is weakest; the number, and as it stands in the document.
    pub(crate) priority: Option<(f64, &'v Value<'v>)>,
}

/// An alternative value and its allocation.
pub(crate) struct MultivariateValue<'v> {
    pub(crate) value: &'v Value<'v>,
    /// Percent.
    pub(crate) allocation: f64,
    /// The allocation as it stands in the document.
    pub(crate) allocation_value: &'v Value<'v>,
    /// Where among its siblings it stands in the document.
    pub(crate) position: usize,
    order: Order,
}

impl MultivariateValue<'_> {
    /// Its rank among its siblings, as the evaluation context shows it: the id, or the UUID as a number.
    pub(crate) fn priority(&self) -> String {
        match self.order {
            (true, rank) => rank.to_string(),
            (false, rank) => format!("-{}", u128::MAX - rank),
        }
    }
}

/// A multivariate value's place: by id, then by UUID. Negative ids come first.
type Order = (bool, u128);

/// A rule over identities with the feature states it sets.
pub(crate) struct Segment<'v> {
    pub(crate) id: String,
    /// The id as it stands in the document.
    pub(crate) id_value: &'v Value<'v>,
    pub(crate) name: &'v Value<'v>,
    pub(crate) rules: Vec<Rule<'v>>,
    pub(crate) feature_states: Vec<FeatureState<'v>>,
}

/// ALL, ANY or NONE of its conditions and nested rules.
pub(crate) struct Rule<'v> {
    pub(crate) kind: &'v Value<'v>,
    pub(crate) conditions: Vec<Condition<'v>>,
    pub(crate) rules: Vec<Rule<'v>>,
}

/// An operator over a property.
pub(crate) struct Condition<'v> {
    pub(crate) operator: &'v Value<'v>,
    pub(crate) property: &'v str,
    pub(crate) value: &'v Value<'v>,
}

/// Feature states for one identifier.
pub(crate) struct IdentityOverride<'v> {
    pub(crate) identifier: &'v str,
    pub(crate) feature_states: Vec<FeatureState<'v>>,
}

impl<'v> Document<'v> {
    /// Reads the model out of a parsed document.
    pub(crate) fn read(root: &'v Value<'v>) -> Parsed<Document<'v>> {
        let root = Node::root(root);
        if !matches!(root.value, Value::Object(_)) {
            return root.refuse(&format!("expected an object, found {}", root.value.kind()));
        }
        let project = root.member("project")?;
        let hide = match root.optional("hide_disabled_flags") {
            Some(own) => own,
            None => project
                .optional("hide_disabled_flags")
                .unwrap_or(&Value::Boolean(false)),
        };
        let list = root.member("feature_states")?;
        let mut feature_states = Vec::new();
        let mut feature_types = HashMap::new();
        for (index, state) in list.list()?.iter().enumerate() {
            let kind = state
                .member("feature")
                .and_then(|feature| feature.member("type"));
            let state = FeatureState::read(list.element(index, state), Origin::Environment)?;
            feature_types.insert(state.feature_id.equality_key(), kind);
            feature_states.push((state.feature_name.to_owned(), state));
        }
        Ok(Document {
            api_key: root.member("api_key")?.text()?,
            name: match root.member("name")?.value {
                Value::Null => None,
                _ => Some(root.member("name")?.text()?),
            },
            updated_at: match root.optional("updated_at") {
                Some(Value::Text(text)) => Some(text.as_str()),
                _ => None,
            },
            feature_types,
            feature_states: last_of_each_name(feature_states),
            segments: read_segments(&project)?,
            identity_overrides: read_identity_overrides(&root)?,
            hide_disabled_flags: hide.is_truthy(),
            server_key_only_feature_ids: match project.optional("server_key_only_feature_ids") {
                Some(_) => {
                    let list = project.member("server_key_only_feature_ids")?;
                    list.list()?.iter().map(Value::equality_key).collect()
                }
                None => HashSet::new(),
            },
        })
    }
}

fn read_segments<'v>(project: &Node<'v, '_>) -> Parsed<Vec<Segment<'v>>> {
    let list = project.member("segments")?;
    let mut segments = Vec::new();
    for (index, segment) in list.list()?.iter().enumerate() {
        let node = list.element(index, segment);
        let mut feature_states = Vec::new();
        if node.optional("feature_states").is_some() {
            let states = node.member("feature_states")?;
            for (index, state) in states.list()?.iter().enumerate() {
                feature_states.push(FeatureState::read(
                    states.element(index, state),
                    Origin::Segment,
                )?);
            }
        }
        let id_value = node.member("id")?.value;
        let id = python_str(id_value);
        let segment = Segment {
            id: id.clone(),
            id_value,
            name: node.member("name")?.value,
            rules: read_rules(&node.member("rules")?)?,
            feature_states,
        };
        segments.push((id, segment));
    }
    Ok(last_of_each_name(segments))
}

fn read_rules<'v>(list: &Node<'v, '_>) -> Parsed<Vec<Rule<'v>>> {
    let read = |(index, rule)| {
        let node = list.element(index, rule);
        let nested = |name| match node.value.member(name) {
            None => Ok(None),
            Some(_) => node.member(name).map(Some),
        };
        Ok(Rule {
            kind: node.member("type")?.value,
            conditions: match nested("conditions")? {
                None => Vec::new(),
                Some(conditions) => conditions
                    .list()?
                    .iter()
                    .enumerate()
                    .map(|(index, condition)| Condition::read(conditions.element(index, condition)))
                    .collect::<Parsed<_>>()?,
            },
            rules: match nested("rules")? {
                None => Vec::new(),
                Some(rules) => read_rules(&rules)?,
            },
        })
    };
    list.list()?.iter().enumerate().map(read).collect()
}

fn read_identity_overrides<'v>(root: &Node<'v, '_>) -> Parsed<Vec<IdentityOverride<'v>>> {
    let mut overrides = Vec::new();
    if root.optional("identity_overrides").is_none() {
        return Ok(overrides);
    }
    let list = root.member("identity_overrides")?;
    for (index, entry) in list.list()?.iter().enumerate() {
        let node = list.element(index, entry);
        let features = node.member("identity_features")?;
        if features.list()?.is_empty() {
            continue;
        }
        overrides.push(IdentityOverride {
            identifier: node.member("identifier")?.text()?,
            feature_states: features
                .list()?
                .iter()
                .enumerate()
                .map(|(index, state)| {
                    FeatureState::read(features.element(index, state), Origin::Identity)
                })
                .collect::<Parsed<_>>()?,
        });
    }
    Ok(overrides)
}

impl<'v> Condition<'v> {
    fn read(node: Node<'v, '_>) -> Parsed<Condition<'v>> {
        Ok(Condition {
            operator: node.member("operator")?.value,
            property: match node.optional("property_") {
                None => "",
                Some(_) => node.member("property_")?.text()?,
            },
            value: node.member("value")?.value,
        })
    }
}

/// Where a feature state stands, which decides what of it counts.
#[derive(Clone, Copy, PartialEq)]
enum Origin {
    Environment,
    Segment,
    /// An identity override: always its plain value, so neither key nor multivariate values count.
    Identity,
}

impl<'v> FeatureState<'v> {
    fn read(node: Node<'v, '_>, origin: Origin) -> Parsed<FeatureState<'v>> {
        let feature = node.member("feature")?;
        let mut multivariate_values = Vec::new();
        let mut key = String::new();
        if origin != Origin::Identity {
            key = match node.optional("django_id") {
                Some(id) if id.is_truthy() => python_str(id),
                _ => node.member("featurestate_uuid")?.text()?.to_owned(),
            };
            multivariate_values = read_multivariate_values(&node)?;
        }
        Ok(FeatureState {
            key,
            feature_id: feature.member("id")?.value,
            feature_name: feature.member("name")?.text()?,
            enabled: node.member("enabled")?.value,
            value: node.member("feature_state_value")?.value,
            multivariate_values,
            priority: match origin {
                Origin::Segment => read_priority(&node)?,
                Origin::Environment | Origin::Identity => None,
            },
        })
    }
}

/// The priority as it stands in the document; `None` for the weakest.
fn read_priority<'v>(node: &Node<'v, '_>) -> Parsed<Option<(f64, &'v Value<'v>)>> {
    if !node
        .optional("feature_segment")
        .is_some_and(Value::is_truthy)
    {
        return Ok(None);
    }
    let segment = node.member("feature_segment")?;
    let priority = segment.member("priority")?;
    match priority.value {
        Value::Null => Ok(None),
        value => Ok(Some((priority.number()?, value))),
    }
}

fn read_multivariate_values<'v>(node: &Node<'v, '_>) -> Parsed<Vec<MultivariateValue<'v>>> {
    let mut values = Vec::new();
    if node.optional("multivariate_feature_state_values").is_some() {
        let list = node.member("multivariate_feature_state_values")?;
        for (index, value) in list.list()?.iter().enumerate() {
            let node = list.element(index, value);
            values.push(MultivariateValue {
                value: node
                    .member("multivariate_feature_option")?
                    .member("value")?
                    .value,
                allocation: node.member("percentage_allocation")?.number()?,
                allocation_value: node.member("percentage_allocation")?.value,
                position: index,
                order: read_order(&node)?,
            });
        }
    }
    values.sort_by_key(|value| value.order);
    Ok(values)
}

fn read_order(node: &Node<'_, '_>) -> Parsed<Order> {
    match node.optional("id") {
        Some(Value::Integer(Integer::Small(id))) if *id > 0 => {
            Ok((true, u128::from(id.unsigned_abs())))
        }
        Some(Value::Integer(Integer::Small(id))) if *id < 0 => {
            Ok((false, u128::MAX - u128::from(id.unsigned_abs())))
        }
        Some(id) if id.is_truthy() => node
            .member("id")?
            .refuse(&format!("expected an integer, found {}", id.kind())),
        _ => {
            let uuid = node.member("mv_fs_value_uuid")?;
            let text = uuid.text()?.replace("urn:", "").replace("uuid:", "");
            let digits = text.trim_matches(['{', '}']).replace('-', "");
            let plain = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            match u128::from_str_radix(&digits, 16) {
                Ok(order) if plain => Ok((true, order)),
                _ => uuid.refuse("expected a UUID"),
            }
        }
    }
}

/// Each name once: at the first one's place, with the last one's content.
fn last_of_each_name<T>(items: Vec<(String, T)>) -> Vec<T> {
    let mut places = HashMap::new();
    let mut values: Vec<T> = Vec::with_capacity(items.len());
    for (name, item) in items {
        match places.get(&name) {
            Some(place) => values[*place] = item,
            None => {
                places.insert(name, values.len());
                values.push(item);
            }
        }
    }
    values
}
