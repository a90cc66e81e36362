//! Rendering: feature states as the JSON of their flags, and the evaluation context for queries.

use crate::archive::{MultivariateValue, Span, Split, State};
use crate::archive::{Places, length};
use crate::document::{Document, DocumentError, FeatureState, Rule};
use crate::json::{Value, write_text, write_value};

/// Flag objects, each once, and what is needed to render one more. A fragment's place is that of its [`Piece`].
///
/// [`Piece`]: crate::archive::Piece
pub(super) struct Fragments<'d> {
    /// Each with a comma behind it.
    flags: Places,
    pub(super) list: Vec<Fragment>,
    pub(super) splits: Vec<Split>,
    document: &'d Document<'d>,
    /// By position of the feature.
    features: Vec<Feature<'d>>,
    /// Memory to render in.
    rendered: Vec<u8>,
}

/// What the flags of a feature have in common, as long as its id is the same.
struct Feature<'d> {
    id: &'d Value<'d>,
    /// A flag's JSON up to `"enabled":`.
    start: Vec<u8>,
    server_key_only: bool,
}

/// A flag object, with the comma behind it.
pub(super) struct Fragment {
    pub(super) bytes: Span,
    /// The position of its feature.
    pub(super) feature: u32,
    pub(super) visible_to_client: bool,
}

impl<'d> Fragments<'d> {
    pub(super) fn new(document: &'d Document<'d>) -> Fragments<'d> {
        let states = document.feature_states.iter();
        Fragments {
            flags: Places::new(),
            list: Vec::new(),
            splits: Vec::new(),
            document,
            features: states.map(|state| Feature::new(document, state)).collect(),
            rendered: Vec::new(),
        }
    }

    /// The bytes of all fragments.
    pub(super) fn finish(self) -> Result<Vec<u8>, DocumentError> {
        let bytes = self.flags.into_texts();
        if u32::try_from(bytes.len()).is_err() {
            return Err(DocumentError::whole("its flags take more than 4 GiB"));
        }
        Ok(bytes)
    }

    /// The JSON of one flag, without a comma.
    pub(super) fn flag_of(&self, place: u32) -> &[u8] {
        let flag = self.flags.text(place);
        flag.strip_suffix(b",").unwrap_or(flag)
    }

    /// Renders a feature state's own value and each of its multivariate values.
    /// Its salt goes to `salts`.
    pub(super) fn state(
        &mut self,
        state: &FeatureState<'_>,
        feature: u32,
        salts: &mut Places,
    ) -> State {
        let own = self.own(state, feature);
        if state.multivariate_values.is_empty() {
            return State::Plain(own);
        }
        let mut start = 0.0;
        let mut multivariate_values = Vec::with_capacity(state.multivariate_values.len());
        for value in &state.multivariate_values {
            let limit = value.allocation + start;
            let piece = self.add(state, feature, value.value);
            multivariate_values.push(MultivariateValue {
                start,
                limit,
                piece,
            });
            start = limit;
        }
        self.splits.push(Split {
            salt: salts.add(format!("{},{}_", state.key, self.document.api_key).as_bytes()),
            own,
            multivariate_values,
        });
        State::Split(length(&self.splits) - 1)
    }

    /// Renders a feature state's own value and returns its place.
    pub(super) fn own(&mut self, state: &FeatureState<'_>, feature: u32) -> u32 {
        self.add(state, feature, state.value)
    }

    /// The place of a feature state's own value.
    pub(super) fn own_of(&self, state: State) -> u32 {
        match state {
            State::Plain(own) => own,
            State::Split(split) => self.splits[split as usize].own,
        }
    }

    fn add(&mut self, state: &FeatureState<'_>, feature: u32, value: &Value<'_>) -> u32 {
        let other;
        let of_feature = match &self.features[feature as usize] {
            known if is_same_integer(known.id, state.feature_id) => known,
            _ => {
                other = Feature::new(self.document, state);
                &other
            }
        };
        self.rendered.clear();
        self.rendered.extend_from_slice(&of_feature.start);
        write_value(state.enabled, &mut self.rendered);
        self.rendered
            .extend_from_slice(b",\"feature_state_value\":");
        write_value(value, &mut self.rendered);
        self.rendered.extend_from_slice(b"},");
        let place = self.flags.add(&self.rendered);
        if place == length(&self.list) {
            let enabled = state.enabled.is_truthy() || !self.document.hide_disabled_flags;
            self.list.push(Fragment {
                bytes: self.flags.span(place),
                feature,
                visible_to_client: enabled && !of_feature.server_key_only,
            });
        }
        place
    }
}

impl Feature<'_> {
    /// The feature of that feature state, by the state's own id.
    fn new<'v>(document: &Document<'_>, state: &FeatureState<'v>) -> Feature<'v> {
        let mut start = b"{\"feature\":{\"id\":".to_vec();
        write_value(state.feature_id, &mut start);
        start.extend_from_slice(b",\"name\":");
        write_text(state.feature_name, &mut start);
        start.extend_from_slice(b",\"type\":");
        let key = state.feature_id.equality_key();
        match document.feature_types.get(&key).copied().flatten() {
            Some(kind) => write_value(kind, &mut start),
            None => start.extend_from_slice(b"\"STANDARD\""),
        }
        start.extend_from_slice(b"},\"enabled\":");
        Feature {
            id: state.feature_id,
            start,
            server_key_only: document.server_key_only_feature_ids.contains(&key),
        }
    }
}

fn is_same_integer(left: &Value<'_>, right: &Value<'_>) -> bool {
    matches!((left, right), (Value::Integer(left), Value::Integer(right)) if left == right)
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
