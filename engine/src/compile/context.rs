//! The evaluation context that JSONPath properties search, as JSON.

use crate::document::{Document, FeatureState, Rule};
use crate::json::{write_text, write_value};

/// Whether the context nests too deep to be read and searched.
pub(super) fn is_too_deep(context: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(context).is_err()
}

/// The evaluation context without its identity. The members and their order are those of flagsmith-flag-engine's
/// mapper.
pub(super) fn context(document: &Document<'_>) -> String {
    let mut out = b"{\"environment\":{\"key\":".to_vec();
    write_text(document.api_key, &mut out);
    out.extend_from_slice(b",\"name\":");
    match document.name {
        Some(name) => write_text(name, &mut out),
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b"},\"features\":{");
    for (position, state) in document.feature_states.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        write_text(state.feature_name, &mut out);
        out.push(b':');
        write_feature(state, &mut out);
    }
    out.extend_from_slice(b"},\"segments\":{");
    for (position, segment) in document.segments.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        write_text(&segment.id, &mut out);
        out.extend_from_slice(b":{\"key\":");
        write_text(&segment.id, &mut out);
        out.extend_from_slice(b",\"name\":");
        write_value(segment.name, &mut out);
        out.extend_from_slice(b",\"rules\":");
        write_rules(&segment.rules, &mut out);
        out.extend_from_slice(b",\"overrides\":[");
        for (position, state) in segment.feature_states.iter().enumerate() {
            if position > 0 {
                out.push(b',');
            }
            write_feature(state, &mut out);
        }
        out.extend_from_slice(b"],\"metadata\":{\"id\":");
        write_value(segment.id_value, &mut out);
        out.extend_from_slice(b",\"source\":\"api\"}}");
    }
    out.extend_from_slice(b"}}");
    String::from_utf8_lossy(&out).into_owned()
}

fn write_feature(state: &FeatureState<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"key\":");
    write_text(&state.key, out);
    out.extend_from_slice(b",\"name\":");
    write_text(state.feature_name, out);
    out.extend_from_slice(b",\"enabled\":");
    write_value(state.enabled, out);
    out.extend_from_slice(b",\"value\":");
    write_value(state.value, out);
    out.extend_from_slice(b",\"metadata\":{\"id\":");
    write_value(state.feature_id, out);
    out.push(b'}');
    let mut values: Vec<_> = state.multivariate_values.iter().collect();
    values.sort_by_key(|value| value.position);
    for (position, value) in values.into_iter().enumerate() {
        out.extend_from_slice(if position == 0 {
            b",\"variants\":[".as_slice()
        } else {
            b","
        });
        out.extend_from_slice(b"{\"value\":");
        write_value(value.value, out);
        out.extend_from_slice(b",\"weight\":");
        write_value(value.allocation_value, out);
        out.extend_from_slice(b",\"priority\":");
        out.extend_from_slice(value.priority().as_bytes());
        out.push(b'}');
    }
    if !state.multivariate_values.is_empty() {
        out.push(b']');
    }
    if let Some((_, priority)) = state.priority {
        out.extend_from_slice(b",\"priority\":");
        write_value(priority, out);
    }
    out.push(b'}');
}

fn write_rules(rules: &[Rule<'_>], out: &mut Vec<u8>) {
    out.push(b'[');
    for (position, rule) in rules.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"type\":");
        write_value(rule.kind, out);
        out.extend_from_slice(b",\"conditions\":[");
        for (position, condition) in rule.conditions.iter().enumerate() {
            if position > 0 {
                out.push(b',');
            }
            out.extend_from_slice(b"{\"property\":");
            write_text(condition.property, out);
            out.extend_from_slice(b",\"operator\":");
            write_value(condition.operator, out);
            out.extend_from_slice(b",\"value\":");
            write_value(condition.value, out);
            out.push(b'}');
        }
        out.extend_from_slice(b"],\"rules\":");
        write_rules(&rule.rules, out);
        out.push(b'}');
    }
    out.push(b']');
}
