//! Compiled patterns and JSONPath queries. No archive can hold them, so each is compiled when it is first needed.

use std::cell::{OnceCell, RefCell};

use serde_json::{Map, Value as Json};
use serde_json_path::{JsonPath, PathElement};

use super::property_value::PropertyValue;
use crate::archive::ArchivedEnvironment;
use crate::json::Integer;
use crate::pattern::Pattern;
use crate::request::{Identity, TraitValue};

/// The compiled patterns and queries of one map of an environment, for one thread.
pub struct Patterns {
    patterns: Vec<Pattern>,
    queries: Vec<OnceCell<Option<JsonPath>>>,
    /// The evaluation context that queries search. Each query adds its identity.
    context: RefCell<Option<Map<String, Json>>>,
}

impl Patterns {
    /// Compiles nothing yet.
    pub fn new(environment: &ArchivedEnvironment) -> Patterns {
        let segments = &environment.segments;
        Patterns {
            patterns: segments
                .patterns
                .iter()
                .map(|_| Pattern::default())
                .collect(),
            queries: segments.queries.iter().map(|_| OnceCell::new()).collect(),
            context: RefCell::new(None),
        }
    }

    /// Whether the pattern of that index matches `text`.
    pub(super) fn is_match(
        &self,
        environment: &ArchivedEnvironment,
        pattern: usize,
        text: &str,
    ) -> bool {
        self.patterns[pattern].is_match(&environment.segments.patterns[pattern], text)
    }

    /// The first value that the query of that index finds, if it is a scalar.
    pub(super) fn query<'a>(
        &self,
        environment: &ArchivedEnvironment,
        query: usize,
        identity: &'a Identity<'_>,
    ) -> PropertyValue<'a> {
        let segments = &environment.segments;
        let query = self.queries[query]
            .get_or_init(|| JsonPath::parse(segments.queries[query].as_str()).ok());
        let Some(query) = query else {
            return PropertyValue::Null;
        };
        let mut held = self.context.borrow_mut();
        let mut context = held.take().unwrap_or_else(|| {
            let context = segments.context.as_deref();
            // The compiler warns of a context that nests too deep; nothing is found in it.
            let read = |text| serde_json::from_str(text).ok();
            context.and_then(read).unwrap_or_default()
        });
        context.insert(
            "identity".to_owned(),
            identity_context(environment, identity),
        );
        let context = Json::Object(context);
        let found = query.query_located(&context).first().map(|node| {
            let steps: Vec<&PathElement<'_>> = node.location().iter().collect();
            match steps[..] {
                // The trait is exact where the context is not: in integers beyond 64 bits.
                [
                    PathElement::Name("identity"),
                    PathElement::Name("traits"),
                    PathElement::Name(name),
                ] => identity
                    .trait_value(name)
                    .map_or(PropertyValue::Null, PropertyValue::of_trait),
                _ => scalar(node.node()),
            }
        });
        if let Json::Object(context) = context {
            *held = Some(context);
        }
        found.unwrap_or(PropertyValue::Null)
    }
}

fn scalar(value: &Json) -> PropertyValue<'static> {
    match value {
        Json::Null | Json::Array(_) | Json::Object(_) => PropertyValue::Null,
        Json::Bool(boolean) => PropertyValue::Boolean(*boolean),
        Json::String(text) => PropertyValue::coerce_owned(text.clone()),
        Json::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => PropertyValue::Float(float),
            _ => PropertyValue::coerce_owned(number.to_string()),
        },
    }
}

/// The `identity` member of the evaluation context.
fn identity_context(environment: &ArchivedEnvironment, identity: &Identity<'_>) -> Json {
    let mut traits = Map::new();
    for trait_ in identity.traits() {
        let value = match &trait_.value {
            TraitValue::Null => Json::Null,
            TraitValue::Boolean(boolean) => Json::Bool(*boolean),
            TraitValue::Integer(Integer::Small(small)) => Json::from(*small),
            TraitValue::Integer(big) => Json::from(big.to_double()),
            TraitValue::Float(float) => Json::from(*float),
            TraitValue::Text(text) => Json::from(text.as_str()),
        };
        traits.insert(trait_.key.as_str().to_owned(), value);
    }
    let mut context = Map::new();
    context.insert("identifier".to_owned(), Json::from(identity.identifier()));
    context.insert("traits".to_owned(), Json::Object(traits));
    let key = format!("{}_{}", environment.api_key(), identity.identifier());
    context.insert("key".to_owned(), Json::from(key));
    Json::Object(context)
}
