//! Evaluation: a compiled environment and an identity make flags. A pure function over an archive in place.
//!
//! Costs one look-up for identity overrides, one per trait sent, and the conditions of those segments that
//! decide something; features that cannot differ between identities are copied as one run.

use std::borrow::Cow;

use crate::bucket::bucket;
use crate::environment::{
    ArchivedCondition, ArchivedContest, ArchivedEnvironment, ArchivedFragment,
    ArchivedIdentityOverride, ArchivedProperty, ArchivedQuantifier, ArchivedRule, ArchivedSpan,
    ArchivedState,
};
use crate::identity::Identity;
use crate::patterns::{Patterns, property_value};
use crate::property_value::PropertyValue;
use crate::side::Side;

/// Writes the whole answer to an identities request:
/// `{"identifier":...,"traits":[...],"flags":[...]}`.
pub fn write_identity(
    environment: &ArchivedEnvironment,
    patterns: &Patterns,
    side: Side,
    identity: &Identity<'_>,
    out: &mut Vec<u8>,
) {
    out.push(b'{');
    identity.write(out);
    out.extend_from_slice(b",\"flags\":");
    write_flags(environment, patterns, side, identity, out);
    out.push(b'}');
}

/// Writes the flags of an identity as a JSON list, in the environment's order of features.
fn write_flags(
    environment: &ArchivedEnvironment,
    patterns: &Patterns,
    side: Side,
    identity: &Identity<'_>,
    out: &mut Vec<u8>,
) {
    let mut evaluation = Evaluation::new(environment, patterns, identity);
    let mut answer = Answer::new(environment, side, out);
    let overrides = environment.identity_overrides.get(identity.identifier());
    let mut overrides = overrides.map_or(&[][..], |overrides| overrides.as_slice());
    for contest in environment.contests.iter() {
        while let Some((first, rest)) = overrides.split_first() {
            if first.feature > contest.feature {
                break;
            }
            answer.identity_override(first);
            overrides = rest;
        }
        if !answer.has(contest.feature.to_native()) {
            let (state, fragment) = evaluation.decide(contest);
            answer.flag(
                contest.feature.to_native(),
                fragment,
                state.visible_to_client,
            );
        }
    }
    for rest in overrides {
        answer.identity_override(rest);
    }
    answer.finish();
}

/// A list of flags being written: runs of environment defaults, and between them what differs.
struct Answer<'e, 'o> {
    environment: &'e ArchivedEnvironment,
    side: Side,
    out: &'o mut Vec<u8>,
    /// Features before this position are written.
    position: u32,
    empty: bool,
}

impl<'e, 'o> Answer<'e, 'o> {
    fn new(
        environment: &'e ArchivedEnvironment,
        side: Side,
        out: &'o mut Vec<u8>,
    ) -> Answer<'e, 'o> {
        out.push(b'[');
        Answer {
            environment,
            side,
            out,
            position: 0,
            empty: true,
        }
    }

    /// Whether the flag of that feature is written already.
    fn has(&self, feature: u32) -> bool {
        feature < self.position
    }

    fn identity_override(&mut self, entry: &ArchivedIdentityOverride) {
        self.flag(
            entry.feature.to_native(),
            &entry.fragment,
            entry.visible_to_client,
        );
    }

    /// Writes the defaults of the features before `feature`, then its flag.
    fn flag(&mut self, feature: u32, fragment: &ArchivedFragment, visible_to_client: bool) {
        if feature > self.position {
            self.defaults_until(feature);
        }
        if visible_to_client || self.side == Side::Server {
            self.push(self.environment.fragment(fragment));
        }
        self.position = feature + 1;
    }

    fn defaults_until(&mut self, feature: u32) {
        let answers = self.environment.side(self.side);
        let start = answers.starts[self.position as usize].to_native() as usize;
        let end = answers.starts[feature as usize].to_native() as usize;
        let run = &answers.flags.body()[start..end];
        self.push(run.strip_prefix(b",").unwrap_or(run));
    }

    fn push(&mut self, flags: &[u8]) {
        if flags.is_empty() {
            return;
        }
        if !self.empty {
            self.out.push(b',');
        }
        self.out.extend_from_slice(flags);
        self.empty = false;
    }

    fn finish(mut self) {
        let features = self.environment.side(self.side).starts.len() - 1;
        self.defaults_until(features as u32);
        self.out.push(b']');
    }
}

/// One identity's evaluation: what is looked up or decided once is kept.
struct Evaluation<'e> {
    environment: &'e ArchivedEnvironment,
    patterns: &'e Patterns,
    identity: &'e Identity<'e>,
    /// By property; `None` until it is looked at.
    values: Vec<Option<PropertyValue<'e>>>,
    /// By condition; `None` until it is needed.
    outcomes: Vec<Option<bool>>,
    /// By segment; `None` until it is needed.
    matches: Vec<Option<bool>>,
    key: Option<String>,
}

impl<'e> Evaluation<'e> {
    fn new(
        environment: &'e ArchivedEnvironment,
        patterns: &'e Patterns,
        identity: &'e Identity<'e>,
    ) -> Evaluation<'e> {
        let mut values = Vec::new();
        if !environment.properties.is_empty() {
            values.resize(environment.properties.len(), None);
            for trait_ in identity.traits() {
                let Some(place) = environment.trait_names.get(trait_.key.as_str()) else {
                    continue;
                };
                // A trait sent as null counts as not sent.
                let value = property_value(&trait_.value);
                let sent = value != PropertyValue::Null;
                values[place.to_native() as usize] = sent.then_some(value);
            }
        }
        let matches = vec![None; environment.segments.len()];
        Evaluation {
            environment,
            patterns,
            identity,
            values,
            outcomes: vec![None; environment.conditions.len()],
            matches,
            key: None,
        }
    }

    /// The feature state that holds for this identity, and the value chosen of it.
    fn decide(
        &mut self,
        contest: &'e ArchivedContest,
    ) -> (&'e ArchivedState, &'e ArchivedFragment) {
        let strongest = contest
            .overrides
            .iter()
            .find(|segment_override| self.segment_matches(segment_override.segment.to_native()));
        let place = strongest.map_or(contest.default, |segment_override| segment_override.state);
        let state = &self.environment.states[place.to_native() as usize];
        (state, self.choose(state))
    }

    /// The multivariate value whose allocation holds the identity's bucket, else the state's own.
    fn choose(&mut self, state: &'e ArchivedState) -> &'e ArchivedFragment {
        if state.multivariate_values.is_empty() {
            return &state.own;
        }
        let bucket = bucket(&state.key, self.identity_key());
        let mut values = state.multivariate_values.iter();
        let chosen = values.find(|value| value.start <= bucket && value.limit > bucket);
        chosen.map_or(&state.own, |value| &value.fragment)
    }

    fn segment_matches(&mut self, place: u32) -> bool {
        let place = place as usize;
        if let Some(known) = self.matches[place] {
            return known;
        }
        let rules = &self.environment.segments[place].rules;
        let matches = self.rules(rules).iter().all(|rule| self.rule_matches(rule));
        self.matches[place] = Some(matches);
        matches
    }

    fn rules(&self, span: &ArchivedSpan) -> &'e [ArchivedRule] {
        &self.environment.rules[span.start.to_native() as usize..span.end.to_native() as usize]
    }

    fn rule_matches(&mut self, rule: &'e ArchivedRule) -> bool {
        let span = &rule.conditions;
        let range = span.start.to_native() as usize..span.end.to_native() as usize;
        let conditions = &self.environment.rule_conditions[range];
        let rules = self.rules(&rule.rules);
        // A part that is empty holds, whatever the rule's type.
        match rule.quantifier {
            ArchivedQuantifier::All => {
                conditions
                    .iter()
                    .all(|condition| self.condition_matches(condition.to_native()))
                    && rules.iter().all(|rule| self.rule_matches(rule))
            }
            ArchivedQuantifier::Any => {
                (conditions.is_empty()
                    || conditions
                        .iter()
                        .any(|condition| self.condition_matches(condition.to_native())))
                    && (rules.is_empty() || rules.iter().any(|rule| self.rule_matches(rule)))
            }
            ArchivedQuantifier::None => {
                !conditions
                    .iter()
                    .any(|condition| self.condition_matches(condition.to_native()))
                    && !rules.iter().any(|rule| self.rule_matches(rule))
            }
        }
    }

    /// Most conditions stand in many rules: this is for the second time and on.
    #[inline]
    fn condition_matches(&mut self, place: u32) -> bool {
        let place = place as usize;
        if let Some(known) = self.outcomes[place] {
            return known;
        }
        let matches = self.decide_condition(&self.environment.conditions[place]);
        self.outcomes[place] = Some(matches);
        matches
    }

    #[inline(never)]
    fn decide_condition(&mut self, condition: &'e ArchivedCondition) -> bool {
        let place = condition.property.to_native() as usize;
        if self.values[place].is_none() {
            self.values[place] = Some(self.look_up(&self.environment.properties[place]));
        }
        let (environment, patterns) = (self.environment, self.patterns);
        let value = self.values[place].as_ref().unwrap_or(&PropertyValue::Null);
        condition.operation.matches(value, |pattern, text| {
            patterns.is_match(environment, pattern, text)
        })
    }

    /// The value of a property that no trait of its own name supplied.
    fn look_up(&mut self, property: &'e ArchivedProperty) -> PropertyValue<'e> {
        let environment = self.environment;
        match property {
            ArchivedProperty::Trait => PropertyValue::Null,
            ArchivedProperty::TraitOfPath(place) => {
                let value = self.values[place.to_native() as usize].clone();
                value.unwrap_or(PropertyValue::Null)
            }
            ArchivedProperty::Identifier => PropertyValue::coerce(self.identity.identifier()),
            ArchivedProperty::IdentityKey => {
                PropertyValue::coerce_owned(self.identity_key().to_owned())
            }
            ArchivedProperty::RawIdentityKey => {
                PropertyValue::Text(Cow::Owned(self.identity_key().to_owned()))
            }
            ArchivedProperty::EnvironmentName => environment
                .name()
                .map_or(PropertyValue::Null, PropertyValue::coerce),
            ArchivedProperty::EnvironmentKey => PropertyValue::coerce(environment.api_key()),
            ArchivedProperty::Query(place) => {
                self.patterns
                    .query(environment, place.to_native(), self.identity)
            }
        }
    }

    /// What buckets are computed from: the environment's key and the identifier.
    fn identity_key(&mut self) -> &str {
        self.key.get_or_insert_with(|| {
            let identifier = self.identity.identifier();
            [self.environment.api_key(), "_", identifier].concat()
        })
    }
}
