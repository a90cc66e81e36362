//! Identity overrides, read one by one: they are most of a large document, and their trees together would take several
//! times its memory.

use super::feature_state::{FeatureState, Origin};
use super::node::{Node, Parsed};
use crate::json::{Dialect, Read, Reader, Value};

const LIST: &str = "identity_overrides";

/// A document as JSON: a tree in which the list of identity overrides is empty, and the text of that list.
pub(crate) struct Tree<'t> {
    pub(super) root: Value<'t>,
    overrides: &'t str,
}

/// The identity overrides of a document.
#[derive(Clone, Copy)]
pub(crate) struct IdentityOverrides<'v> {
    root: &'v Value<'v>,
    /// The list, which has been read once, so that it is known to be JSON; empty if there is none.
    text: &'v str,
}

/// The feature states of one identifier.
pub(crate) struct IdentityOverride<'v> {
    pub(crate) identifier: &'v str,
    pub(crate) feature_states: Vec<FeatureState<'v>>,
}

impl<'t> Tree<'t> {
    /// Reads a whole document by the rules of orjson.
    pub(crate) fn read(text: &'t str) -> Read<Tree<'t>> {
        let mut reader = Reader::new(text, Dialect::Document);
        let mut overrides = "";
        let root = reader.value_by_member(|reader, name| {
            if name.as_str() != LIST {
                return reader.value();
            }
            // Of a repeated name the last one counts.
            overrides = "";
            if reader.peek() != Some(b'[') {
                return reader.value();
            }
            let start = reader.position();
            reader.skip()?;
            overrides = &text[start..reader.position()];
            Ok(Value::List(Vec::new()))
        })?;
        reader.end()?;
        Ok(Tree { root, overrides })
    }

    pub(super) fn identity_overrides(&self) -> IdentityOverrides<'_> {
        IdentityOverrides {
            root: &self.root,
            text: self.overrides,
        }
    }
}

impl IdentityOverrides<'_> {
    pub(super) const NONE: IdentityOverrides<'static> = IdentityOverrides {
        root: &Value::Null,
        text: "",
    };

    /// Calls `act` with each that overrides a feature.
    pub(crate) fn try_for_each(self, mut act: impl FnMut(&IdentityOverride<'_>)) -> Parsed<()> {
        let root = Node::root(self.root);
        if root.optional(LIST).is_none() {
            return Ok(());
        }
        let list = root.member(LIST)?;
        list.list()?;
        let mut reader = Reader::new(self.text, Dialect::Document);
        let mut another = reader.take(b'[') && !reader.take(b']');
        for index in 0.. {
            if !another {
                break;
            }
            let value = reader.value()?;
            if let Some(read) = IdentityOverride::read(&list.element(index, &value))? {
                act(&read);
            }
            another = reader.another(b']')?;
        }
        Ok(())
    }
}

impl<'v> IdentityOverride<'v> {
    /// `None` if it overrides nothing.
    fn read(node: &Node<'v, '_>) -> Parsed<Option<IdentityOverride<'v>>> {
        let features = node.or_empty("identity_features")?;
        if features.list()?.is_empty() {
            return Ok(None);
        }
        Ok(Some(IdentityOverride {
            identifier: node.member("identifier")?.text()?,
            feature_states: features
                .list()?
                .iter()
                .enumerate()
                .map(|(index, state)| {
                    FeatureState::read(features.element(index, state), Origin::Identity)
                })
                .collect::<Parsed<_>>()?,
        }))
    }
}
