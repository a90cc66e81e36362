//! The document model: an environment document as typed values, or an error that names the member.
//!
//! As in the official proxy's mapper (flagsmith 5.0.3), a member must be valid if an answer needs it; others are not
//! looked at.

mod digest;
mod feature_state;
mod node;
mod overrides;
mod owner;
mod pages;
mod segment;

use std::collections::{HashMap, HashSet};

pub use digest::document_digest;
pub(crate) use feature_state::{FeatureState, MultivariateValue};
pub use node::DocumentError;
pub(crate) use overrides::{IdentityOverrides, Tree};
pub use owner::api_key;
pub use pages::{Edition, Pages};
pub(crate) use segment::{Condition, Rule, Segment};

use crate::json::Value;
use crate::python::equality_key;
use feature_state::Origin;
use node::{Node, Parsed, last_of_each};
use segment::read_segments;

/// The members of an environment document that answers depend on.
pub(crate) struct Document<'v> {
    pub(crate) api_key: &'v str,
    pub(crate) name: Option<&'v str>,
    pub(crate) updated_at: Option<&'v str>,
    /// By name: a repeated name keeps its first position and its last content.
    pub(crate) feature_states: Vec<FeatureState<'v>>,
    /// By id, in the same way.
    pub(crate) segments: Vec<Segment<'v>>,
    pub(crate) identity_overrides: IdentityOverrides<'v>,
    /// Traits from a client-side key count.
    pub(crate) allow_client_traits: bool,
    pub(crate) hide_disabled_flags: bool,
    /// The API leaves traits out of its answers.
    pub(crate) hides_sensitive_data: bool,
    /// The API computes buckets from its own ids of identities, not from their identifiers.
    pub(crate) hashes_ids: bool,
    /// By [`equality_key`].
    pub(crate) server_key_only_feature_ids: HashSet<String>,
    /// The type of each feature, by the [`equality_key`] of its id; `None` means "STANDARD".
    pub(crate) feature_types: HashMap<String, Option<&'v Value<'v>>>,
}

impl<'v> Document<'v> {
    /// Reads the model from a parsed document, except what is wrong with identity overrides.
    pub(crate) fn read(tree: &'v Tree<'v>) -> Parsed<Document<'v>> {
        let root = Node::root(&tree.root);
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
        let allow_client_traits = root
            .optional("allow_client_traits_in_evaluation")
            .or_else(|| root.optional("allow_client_traits"));
        let list = root.or_empty("feature_states")?;
        let mut feature_states = Vec::new();
        let mut feature_types = HashMap::new();
        for (index, state) in list.list()?.iter().enumerate() {
            let kind = state
                .member("feature")
                .and_then(|feature| feature.member("type"));
            let state = FeatureState::read(list.element(index, state), Origin::Environment)?;
            feature_types.insert(equality_key(state.feature_id), kind);
            feature_states.push((state.feature_name.to_owned(), state));
        }
        Ok(Document {
            api_key: root.member("api_key")?.text()?,
            name: match root.optional("name") {
                None => None,
                Some(_) => Some(root.member("name")?.text()?),
            },
            updated_at: match root.optional("updated_at") {
                Some(Value::Text(text)) => Some(text.as_str()),
                _ => None,
            },
            feature_types,
            feature_states: last_of_each(feature_states),
            segments: read_segments(&project)?,
            identity_overrides: tree.identity_overrides(),
            allow_client_traits: allow_client_traits.is_none_or(Value::is_truthy),
            hide_disabled_flags: hide.is_truthy(),
            hides_sensitive_data: root.or_null("hide_sensitive_data").is_truthy(),
            hashes_ids: root
                .optional("use_identity_composite_key_for_hashing")
                .is_some_and(|composite| !composite.is_truthy()),
            server_key_only_feature_ids: match project.optional("server_key_only_feature_ids") {
                Some(_) => {
                    let list = project.member("server_key_only_feature_ids")?;
                    list.list()?.iter().map(equality_key).collect()
                }
                None => HashSet::new(),
            },
        })
    }
}

impl<'v> Document<'v> {
    /// The same with these segments, without identity overrides, and with one value of each feature.
    pub(crate) fn with_segments_alone(&self, segments: Vec<Segment<'v>>) -> Document<'v> {
        let states = self.feature_states.iter();
        Document {
            feature_states: states
                .map(FeatureState::without_multivariate_values)
                .collect(),
            segments,
            identity_overrides: IdentityOverrides::NONE,
            server_key_only_feature_ids: self.server_key_only_feature_ids.clone(),
            feature_types: self.feature_types.clone(),
            ..*self
        }
    }
}
