//! Feature states, wherever they are in a document.

use super::node::{Node, Parsed};
use crate::json::{Integer, Value};
use crate::python::python_str;

/// The value of a feature in one place: environment, segment or identity override.
pub(crate) struct FeatureState<'v> {
    /// The text that multivariate buckets are computed from.
    pub(crate) key: String,
    pub(crate) feature_id: &'v Value<'v>,
    pub(crate) feature_name: &'v str,
    pub(crate) enabled: &'v Value<'v>,
    pub(crate) value: &'v Value<'v>,
    /// What the API says of the feature state besides; `None` if that is empty.
    pub(crate) metadata: Option<&'v Value<'v>>,
    /// In the order in which they get their share of the buckets.
    pub(crate) multivariate_values: Vec<MultivariateValue<'v>>,
    /// Lower is stronger, `None` is weakest. The number, and the same as the document has it.
    pub(crate) priority: Option<(f64, &'v Value<'v>)>,
}

/// One of several values, and its allocation.
pub(crate) struct MultivariateValue<'v> {
    pub(crate) value: &'v Value<'v>,
    /// The key of the option.
    pub(crate) key: Option<&'v Value<'v>>,
    /// In percent.
    pub(crate) allocation: f64,
    /// The allocation as the document has it.
    pub(crate) allocation_value: &'v Value<'v>,
    /// Its index in the list of the document.
    pub(crate) position: usize,
    sort_key: SortKey,
}

impl<'v> FeatureState<'v> {
    /// The same with its own value alone.
    pub(crate) fn without_multivariate_values(&self) -> FeatureState<'v> {
        FeatureState {
            key: self.key.clone(),
            multivariate_values: Vec::new(),
            ..*self
        }
    }

    /// The multivariate value that each identity gets, whatever its bucket, which is from 0 to less than 100; inner
    /// `None` for the state's own value. Outer `None` if it depends on the bucket.
    pub(crate) fn certain_value(&self) -> Option<Option<&MultivariateValue<'v>>> {
        let mut start = 0.0;
        for value in &self.multivariate_values {
            let limit = value.allocation + start;
            if start <= 0.0 && limit >= 100.0 {
                return Some(Some(value));
            }
            if start < 100.0 && limit > 0.0 && start < limit {
                return None;
            }
            start = limit;
        }
        Some(None)
    }
}

impl MultivariateValue<'_> {
    /// Its priority in the evaluation context: the id, or the UUID as a number.
    pub(crate) fn priority(&self) -> String {
        match self.sort_key {
            (true, number) => number.to_string(),
            (false, number) => format!("-{}", u128::MAX - number),
        }
    }
}

/// What multivariate values are sorted by: the id, or the UUID as a number. It begins with whether it is positive;
/// negative ids come first, and the number is then `u128::MAX` less their magnitude.
type SortKey = (bool, u128);

/// The place of a feature state. It decides which members count.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Origin {
    Environment,
    Segment,
    Identity,
}

impl<'v> FeatureState<'v> {
    pub(super) fn read(node: Node<'v, '_>, origin: Origin) -> Parsed<FeatureState<'v>> {
        let feature = node.member("feature")?;
        let multivariate_values = read_multivariate_values(&node)?;
        // No answer depends on the key of a feature state with one value.
        let needs_key = !multivariate_values.is_empty();
        let key = match node.optional("django_id") {
            _ if origin == Origin::Identity && !needs_key => String::new(),
            Some(id) if id.is_truthy() => python_str(id),
            _ if !needs_key && node.value.member("featurestate_uuid").is_none() => String::new(),
            _ => node.member("featurestate_uuid")?.text()?.to_owned(),
        };
        Ok(FeatureState {
            key,
            feature_id: feature.member("id")?.value,
            feature_name: feature.member("name")?.text()?,
            enabled: node.member("enabled")?.value,
            value: node.or_null("feature_state_value"),
            metadata: node.optional("metadata").filter(|value| value.is_truthy()),
            multivariate_values,
            priority: match origin {
                Origin::Segment => read_priority(&node)?,
                Origin::Environment | Origin::Identity => None,
            },
        })
    }
}

/// The number, and the same as the document has it; `None` for the weakest.
fn read_priority<'v>(node: &Node<'v, '_>) -> Parsed<Option<(f64, &'v Value<'v>)>> {
    if !node
        .optional("feature_segment")
        .is_some_and(Value::is_truthy)
    {
        return Ok(None);
    }
    let segment = node.member("feature_segment")?;
    match segment.optional("priority") {
        None => Ok(None),
        Some(value) => Ok(Some((segment.member("priority")?.number()?, value))),
    }
}

fn read_multivariate_values<'v>(node: &Node<'v, '_>) -> Parsed<Vec<MultivariateValue<'v>>> {
    let mut values = Vec::new();
    if node.optional("multivariate_feature_state_values").is_some() {
        let list = node.member("multivariate_feature_state_values")?;
        for (index, value) in list.list()?.iter().enumerate() {
            let node = list.element(index, value);
            let option = node.member("multivariate_feature_option")?;
            values.push(MultivariateValue {
                value: option.member("value")?.value,
                key: option.optional("key"),
                allocation: node.member("percentage_allocation")?.number()?,
                allocation_value: node.member("percentage_allocation")?.value,
                position: index,
                sort_key: read_sort_key(&node)?,
            });
        }
    }
    values.sort_by_key(|value| value.sort_key);
    Ok(values)
}

fn read_sort_key(node: &Node<'_, '_>) -> Parsed<SortKey> {
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
                Ok(number) if plain => Ok((true, number)),
                _ => uuid.refuse("expected a UUID"),
            }
        }
    }
}
