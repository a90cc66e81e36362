//! What cannot lie in an archive: compiled patterns and JSONPath queries, each made when first needed.
//!
//! One set belongs to one map of one environment, in one thread. Knows nothing of how flags are chosen.

use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};

use serde_json::Value as Json;
use serde_json_path::{JsonPath, PathElement};

use super::property_value::PropertyValue;
use crate::archive::ArchivedEnvironment;
use crate::json::Integer;
use crate::pattern::Pattern;
use crate::request::{Identity, TraitValue};

/// The compiled patterns and queries of one environment.
pub struct Patterns {
    patterns: Vec<Pattern>,
    queries: Vec<OnceCell<Option<JsonPath>>>,
    /// The evaluation context that queries run over; the identity is put in for each query.
    context: RefCell<Option<serde_json::Map<String, Json>>>,
}

impl Patterns {
    /// Nothing is compiled yet: the first condition that needs a pattern does it.
    pub fn new(environment: &ArchivedEnvironment) -> Patterns {
        Patterns {
            patterns: environment
                .patterns
                .iter()
                .map(|_| Pattern::default())
                .collect(),
            queries: environment
                .queries
                .iter()
                .map(|_| OnceCell::new())
                .collect(),
            context: RefCell::new(None),
        }
    }

    /// Reads the archived context; `None` when it nests too deep.
    pub(crate) fn read_context(text: &str) -> Option<serde_json::Map<String, Json>> {
        serde_json::from_str(text).ok()
    }

    /// Whether the environment's pattern of that place matches `text`.
    pub(crate) fn is_match(
        &self,
        environment: &ArchivedEnvironment,
        place: u32,
        text: &str,
    ) -> bool {
        let place = place as usize;
        self.patterns[place].is_match(&environment.patterns[place], text)
    }

    /// The first thing that the environment's query of that place finds, if it is a scalar.
    pub(crate) fn query<'a>(
        &self,
        environment: &ArchivedEnvironment,
        place: u32,
        identity: &'a Identity<'_>,
    ) -> PropertyValue<'a> {
        let place = place as usize;
        let query = self.queries[place]
            .get_or_init(|| JsonPath::parse(environment.queries[place].as_str()).ok());
        let Some(query) = query else {
            return PropertyValue::Null;
        };
        let mut held = self.context.borrow_mut();
        let mut context = held.take().unwrap_or_else(|| {
            let context = environment.context.as_deref();
            context.and_then(Patterns::read_context).unwrap_or_default()
        });
        context.insert(
            "identity".to_owned(),
            identity_context(environment, identity),
        );
        let context = Json::Object(context);
        let found = query.query_located(&context).first().map(|node| {
            let steps: Vec<&PathElement<'_>> = node.location().iter().collect();
            match steps[..] {
                // A trait's own value is exact where the tree's is not: integers beyond 64 bits.
                [
                    PathElement::Name("identity"),
                    PathElement::Name("traits"),
                    PathElement::Name(name),
                ] => identity
                    .trait_value(name)
                    .map_or(PropertyValue::Null, property_value),
                _ => scalar(node.node()),
            }
        });
        if let Json::Object(context) = context {
            *held = Some(context);
        }
        found.unwrap_or(PropertyValue::Null)
    }
}

/// A trait's value as a condition sees it.
#[inline]
pub(crate) fn property_value<'a>(value: &'a TraitValue<'_>) -> PropertyValue<'a> {
    match value {
        TraitValue::Null => PropertyValue::Null,
        TraitValue::Boolean(boolean) => PropertyValue::Boolean(*boolean),
        TraitValue::Integer(Integer::Small(small)) => {
            PropertyValue::Integer(Integer::Small(*small))
        }
        TraitValue::Integer(Integer::Big { negative, digits }) => {
            let digits = Cow::Borrowed(digits.as_ref());
            PropertyValue::Integer(Integer::Big {
                negative: *negative,
                digits,
            })
        }
        TraitValue::Float(float) => PropertyValue::Float(*float),
        TraitValue::Text(text) => PropertyValue::coerce(text.as_str()),
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
    let mut traits = serde_json::Map::new();
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
    let mut context = serde_json::Map::new();
    context.insert("identifier".to_owned(), Json::from(identity.identifier()));
    context.insert("traits".to_owned(), Json::Object(traits));
    let key = format!("{}_{}", environment.api_key(), identity.identifier());
    context.insert("key".to_owned(), Json::from(key));
    Json::Object(context)
}
