//! Operations on values: whether a condition holds.

use std::cmp::Ordering;

use rkyv::string::ArchivedString;

use super::property_value::PropertyValue;
use crate::archive::{
    ArchivedComparand, ArchivedOperation, ArchivedRelation, ArchivedTextComparand,
};
use crate::bucket::bucket;
use crate::version::Version;

/// Whether `operation` holds for `value`. `is_match` tells whether the pattern of that index matches a text.
#[inline]
pub(super) fn holds(
    operation: &ArchivedOperation,
    value: &PropertyValue<'_>,
    is_match: impl FnOnce(usize, &str) -> bool,
) -> bool {
    match (operation, value) {
        (ArchivedOperation::Never, _) => false,
        (ArchivedOperation::IsSet, value) => *value != PropertyValue::Null,
        (ArchivedOperation::IsNotSet, value) => *value == PropertyValue::Null,
        (_, PropertyValue::Null) => false,
        (ArchivedOperation::Compare(relation, comparand), value) => {
            satisfies(relation, compare(value, comparand))
        }
        (ArchivedOperation::Contains(part), PropertyValue::Text(text)) => {
            text.contains(part.as_str())
        }
        (ArchivedOperation::ContainsVersionPart(part), PropertyValue::Text(text)) => {
            Version::parse(text).is_some_and(|version| version.has_part(part))
        }
        (ArchivedOperation::NotContains(part), PropertyValue::Text(text)) => {
            !text.contains(part.as_str())
        }
        (ArchivedOperation::Regex(pattern), value) => is_match(pattern.index(), &value.text()),
        (ArchivedOperation::In(members), PropertyValue::Text(text)) => is_member(members, text),
        (ArchivedOperation::In(members), PropertyValue::Integer(_)) => {
            is_member(members, &value.text())
        }
        (ArchivedOperation::Modulo { divisor, remainder }, value) => {
            let dividend = match value {
                PropertyValue::Integer(integer) => integer.to_double(),
                PropertyValue::Float(float) => *float,
                PropertyValue::Boolean(boolean) => f64::from(u8::from(*boolean)),
                _ => return false,
            };
            floored_modulo(dividend, divisor.to_native()) == remainder.to_native()
        }
        (ArchivedOperation::PercentageSplit { salt, threshold }, value) => {
            bucket(salt.as_bytes(), value.text().as_bytes()) <= threshold.to_native()
        }
        _ => false,
    }
}

/// How a value compares with an operand.
enum Comparison {
    Ordered(Ordering),
    /// One of them is NaN.
    Unordered,
    /// The operand cannot be read as the type of the value.
    Impossible,
}

fn satisfies(relation: &ArchivedRelation, comparison: Comparison) -> bool {
    let ordering = match comparison {
        Comparison::Ordered(ordering) => ordering,
        Comparison::Unordered => return matches!(relation, ArchivedRelation::NotEqual),
        Comparison::Impossible => return false,
    };
    match relation {
        ArchivedRelation::Equal => ordering.is_eq(),
        ArchivedRelation::NotEqual => ordering.is_ne(),
        ArchivedRelation::Greater => ordering.is_gt(),
        ArchivedRelation::GreaterOrEqual => ordering.is_ge(),
        ArchivedRelation::Less => ordering.is_lt(),
        ArchivedRelation::LessOrEqual => ordering.is_le(),
    }
}

fn compare(value: &PropertyValue<'_>, operand: &ArchivedComparand) -> Comparison {
    let ordering = match value {
        PropertyValue::Null => None,
        PropertyValue::Boolean(boolean) => Some(boolean.cmp(&operand.boolean)),
        PropertyValue::Integer(integer) => {
            let operand = operand.integer.as_ref();
            operand.map(|operand| integer.cmp(&operand.get()))
        }
        PropertyValue::Float(float) => match operand.float.as_ref() {
            None => None,
            Some(operand) => match float.partial_cmp(&operand.to_native()) {
                None => return Comparison::Unordered,
                ordering => ordering,
            },
        },
        PropertyValue::Text(text) => match &operand.text {
            // UTF-8 sorts in the order of code points.
            ArchivedTextComparand::Plain(operand) => Some(text.as_ref().cmp(operand.as_str())),
            ArchivedTextComparand::Version(operand) => {
                Version::parse(text).map(|version| version.precedence(&operand.get()))
            }
            ArchivedTextComparand::BadVersion => None,
        },
    };
    ordering.map_or(Comparison::Impossible, Comparison::Ordered)
}

fn is_member(members: &[ArchivedString], text: &str) -> bool {
    let found = members.binary_search_by(|member| member.as_str().cmp(text));
    found.is_ok()
}

/// Python's `%`: the result has the sign of the divisor. NaN if the dividend is infinite.
fn floored_modulo(dividend: f64, divisor: f64) -> f64 {
    let remainder = dividend % divisor;
    if remainder != 0.0 && (remainder < 0.0) != (divisor < 0.0) {
        remainder + divisor
    } else {
        remainder
    }
}
