//! Rendering: feature states as the JSON of their flags, and the evaluation context for queries.

use super::length;
use crate::document::{Document, DocumentError, FeatureState, Rule};
use crate::environment::{Fragment, MultivariateValue, State};
use crate::json::{Value, write_float, write_text, write_value};

/// Flag objects end to end, and what is needed to render one more.
pub(super) struct Fragments<'d> {
    bytes: Vec<u8>,
    document: &'d Document<'d>,
}

impl<'d> Fragments<'d> {
    pub(super) fn new(document: &'d Document<'d>) -> Fragments<'d> {
        Fragments {
            bytes: Vec::new(),
            document,
        }
    }

    /// The bytes that every [`Fragment`] points into.
    pub(super) fn finish(self) -> Result<Vec<u8>, DocumentError> {
        if u32::try_from(self.bytes.len()).is_err() {
            return Err(DocumentError::whole("its flags take more than 4 GiB"));
        }
        Ok(self.bytes)
    }

    /// Renders a feature state's own value and each of its multivariate values.
    pub(super) fn state(&mut self, state: &FeatureState<'_>) -> State {
        let mut start = 0.0;
        let mut multivariate_values = Vec::with_capacity(state.multivariate_values.len());
        for value in &state.multivariate_values {
            let limit = value.allocation + start;
            let fragment = self.add(state, value.value);
            multivariate_values.push(MultivariateValue {
                start,
                limit,
                fragment,
            });
            start = limit;
        }
        State {
            key: state.key.clone(),
            own: self.add(state, state.value),
            multivariate_values,
            visible_to_client: self.is_visible_to_client(state),
        }
    }

    /// Whether a client-side key sees this feature state's flag.
    pub(super) fn is_visible_to_client(&self, state: &FeatureState<'_>) -> bool {
        let hidden = &self.document.server_key_only_feature_ids;
        !hidden.iter().any(|id| id.python_equals(state.feature_id))
            && (state.enabled.is_truthy() || !self.document.hide_disabled_flags)
    }

    /// The JSON of one flag: the feature state's feature with `value`.
    pub(super) fn flag(&self, state: &FeatureState<'_>, value: &Value<'_>) -> Vec<u8> {
        let mut out = b"{\"feature\":{\"id\":".to_vec();
        write_value(state.feature_id, &mut out);
        out.extend_from_slice(b",\"name\":");
        write_text(state.feature_name, &mut out);
        out.extend_from_slice(b",\"type\":");
        match self.feature_type(state.feature_id) {
            Some(kind) => write_value(kind, &mut out),
            None => out.extend_from_slice(b"\"STANDARD\""),
        }
        out.extend_from_slice(b"},\"enabled\":");
        write_value(state.enabled, &mut out);
        out.extend_from_slice(b",\"feature_state_value\":");
        write_value(value, &mut out);
        out.push(b'}');
        out
    }

    fn add(&mut self, state: &FeatureState<'_>, value: &Value<'_>) -> Fragment {
        let start = length(&self.bytes);
        let flag = self.flag(state, value);
        self.bytes.extend_from_slice(&flag);
        Fragment {
            start,
            end: length(&self.bytes),
        }
    }

    /// The type that the environment's own feature states give the feature of that id.
    fn feature_type(&self, id: &Value<'_>) -> Option<&'d Value<'d>> {
        let states = self.document.feature_states.iter().rev();
        let state = states
            .into_iter()
            .find(|state| state.feature_id.python_equals(id))?;
        state.feature_type
    }
}

/// The evaluation context that JSONPath properties look into, without its identity: the members and their
/// order are those of flagsmith-flag-engine's mapper.
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
        match segment.id.parse::<i64>() {
            Ok(_) => out.extend_from_slice(segment.id.as_bytes()),
            Err(_) => write_text(&segment.id, &mut out),
        }
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
    out.extend_from_slice(b"},\"variants\":[");
    for (position, value) in state.multivariate_values.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"value\":");
        write_value(value.value, out);
        out.extend_from_slice(b",\"weight\":");
        write_float(value.allocation, out);
        out.push(b'}');
    }
    out.push(b']');
    if state.priority.is_finite() {
        out.extend_from_slice(b",\"priority\":");
        write_float(state.priority, out);
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
