//! Segments, rules and conditions.

use super::feature_state::{FeatureState, Origin};
use super::node::{Node, Parsed, last_of_each};
use crate::json::Value;
use crate::python::python_str;

/// A set of identities, and the feature states that it overrides.
pub(crate) struct Segment<'v> {
    pub(crate) id: String,
    /// The id as the document has it.
    pub(crate) id_value: &'v Value<'v>,
    pub(crate) name: &'v Value<'v>,
    pub(crate) rules: Vec<Rule<'v>>,
    pub(crate) feature_states: Vec<FeatureState<'v>>,
}

impl<'v> Segment<'v> {
    /// The same, whose feature states have one value each.
    pub(crate) fn without_multivariate_values(&self) -> Segment<'v> {
        let states = self.feature_states.iter();
        Segment {
            id: self.id.clone(),
            rules: self.rules.clone(),
            feature_states: states
                .map(FeatureState::without_multivariate_values)
                .collect(),
            ..*self
        }
    }
}

/// A node of the tree that decides who is in a segment: ALL, ANY or NONE of its conditions and nested rules.
#[derive(Clone)]
pub(crate) struct Rule<'v> {
    /// ALL, ANY or NONE in a valid document.
    pub(crate) kind: &'v Value<'v>,
    pub(crate) conditions: Vec<Condition<'v>>,
    pub(crate) rules: Vec<Rule<'v>>,
}

/// A leaf of that tree: an operator, a property and an operand.
#[derive(Clone)]
pub(crate) struct Condition<'v> {
    pub(crate) operator: &'v Value<'v>,
    pub(crate) property: &'v str,
    pub(crate) value: &'v Value<'v>,
}

/// Reads the segments of a project. A repeated id keeps its first position and its last content.
pub(super) fn read_segments<'v>(project: &Node<'v, '_>) -> Parsed<Vec<Segment<'v>>> {
    let list = project.or_empty("segments")?;
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
            rules: read_rules(&node.or_empty("rules")?)?,
            feature_states,
        };
        segments.push((id, segment));
    }
    Ok(last_of_each(segments))
}

fn read_rules<'v>(list: &Node<'v, '_>) -> Parsed<Vec<Rule<'v>>> {
    let read = |(index, rule)| {
        let node = list.element(index, rule);
        let conditions = node.or_empty("conditions")?;
        Ok(Rule {
            kind: node.member("type")?.value,
            conditions: conditions
                .list()?
                .iter()
                .enumerate()
                .map(|(index, condition)| Condition::read(conditions.element(index, condition)))
                .collect::<Parsed<_>>()?,
            rules: read_rules(&node.or_empty("rules")?)?,
        })
    };
    list.list()?.iter().enumerate().map(read).collect()
}

impl<'v> Condition<'v> {
    fn read(node: Node<'v, '_>) -> Parsed<Condition<'v>> {
        Ok(Condition {
            operator: node.member("operator")?.value,
            property: match node.optional("property_") {
                None => "",
                Some(_) => node.member("property_")?.text()?,
            },
            value: node.or_null("value"),
        })
    }
}
