//! What the API answers otherwise, because it knows what no document contains.

use crate::document::{Document, Rule, Segment};
use crate::python::python_str;

/// How the keys of traits begin by which the API marks who belongs to a cohort. No request contains them.
const COHORT: &str = "flagsmith_cohort_";

/// A line for each difference, with its reason.
pub(super) fn differences(document: &Document<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    if document.hides_sensitive_data {
        lines.push(
            "hide_sensitive_data is true: the API answers no traits, and this proxy repeats those \
             of the request"
                .to_owned(),
        );
    }
    if document.hashes_ids {
        lines.push(
            "use_identity_composite_key_for_hashing is false: multivariate values and percentage \
             splits differ from the API's, which computes them from its own id of an identity; \
             no document contains that"
                .to_owned(),
        );
    }
    let mut of_cohorts = document
        .segments
        .iter()
        .filter(|segment| !segment.feature_states.is_empty() && asks_for_cohort(&segment.rules));
    if let Some(first) = of_cohorts.next() {
        lines.push(format!(
            "{}: the API knows who belongs to a cohort, and no document contains it; here nobody does",
            named(first, of_cohorts.count())
        ));
    }
    lines
}

fn asks_for_cohort(rules: &[Rule<'_>]) -> bool {
    rules.iter().any(|rule| {
        let mut conditions = rule.conditions.iter();
        conditions.any(|condition| condition.property.starts_with(COHORT))
            || asks_for_cohort(&rule.rules)
    })
}

fn named(segment: &Segment<'_>, more: usize) -> String {
    let name = python_str(segment.name);
    match more {
        0 => format!("segment {} {name}", segment.id),
        more => format!("segment {} {name} and {more} more", segment.id),
    }
}
