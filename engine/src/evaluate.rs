//! Evaluation: a compiled environment and an identity make flags. A pure function over an archive in place.
//!
//! Costs one look-up for identity overrides, one per trait sent, and the conditions of those segments that
//! decide something; features that cannot differ between identities are copied as one run.

use std::borrow::Cow;

use rkyv::rend::u32_le;

use crate::bucket::bucket;
use crate::environment::{
    ArchivedCondition, ArchivedContest, ArchivedEnvironment, ArchivedProperty, ArchivedQuantifier,
    ArchivedRule, ArchivedSpan, ArchivedSplit, ArchivedState,
};
use crate::flags::{Choices, Flags};
use crate::identity::Identity;
use crate::patterns::{Patterns, property_value};
use crate::property_value::PropertyValue;
use crate::scratch::{Known, Scratch, Values};
use crate::side::Side;

/// Evaluates an identity: chooses its flags, which can then be written, or known again by their choices.
pub fn evaluate<'e, 's>(
    environment: &'e ArchivedEnvironment,
    patterns: &Patterns,
    side: Side,
    identity: &Identity<'_>,
    scratch: &'s mut Scratch,
) -> Flags<'e, 's> {
    let Scratch {
        spare,
        known,
        choices,
    } = scratch;
    let mut values = spare.take(environment);
    read_traits(environment, identity, &mut values);
    known.forget(environment);
    let mut evaluation = Evaluation {
        environment,
        patterns,
        identity,
        values,
        known,
        key: None,
    };
    let mut choices = Choices::new(environment, side, choices);
    let mut overrides = environment.overrides_of(identity.identifier()).iter();
    let feature_of = |place: &u32_le| environment.fragment(place.to_native()).feature;
    let mut next = overrides.next();
    for contest in environment.contests.iter() {
        while let Some(place) = next.filter(|place| feature_of(place) < contest.feature) {
            choices.choose(place.to_native());
            next = overrides.next();
        }
        match next.filter(|place| feature_of(place) == contest.feature) {
            Some(place) => {
                choices.choose(place.to_native());
                next = overrides.next();
            }
            None => choices.choose(evaluation.decide(contest)),
        }
    }
    for place in next.into_iter().chain(overrides) {
        choices.choose(place.to_native());
    }
    spare.keep(evaluation.values);
    choices.finish()
}

/// Writes the whole answer to an identities request:
/// `{"identifier":...,"traits":[...],"flags":[...]}`.
pub fn write_identity(
    environment: &ArchivedEnvironment,
    patterns: &Patterns,
    side: Side,
    identity: &Identity<'_>,
    scratch: &mut Scratch,
    out: &mut Vec<u8>,
) {
    let flags = evaluate(environment, patterns, side, identity, scratch);
    out.reserve(identity.most_head_bytes() + flags.byte_length() + 1);
    identity.write_head(out);
    flags.write(out);
    out.push(b'}');
}

/// Puts the traits sent among the values of properties.
fn read_traits<'r>(
    environment: &ArchivedEnvironment,
    identity: &'r Identity<'_>,
    values: &mut Values<'r>,
) {
    if values.is_empty() {
        return;
    }
    for trait_ in identity.traits() {
        let name = trait_.key.as_str().as_bytes();
        if let Some(place) = environment.property_names.get(name) {
            // A trait sent as null counts as not sent.
            let value = property_value(&trait_.value);
            let sent = value != PropertyValue::Null;
            values[place as usize] = sent.then_some(value);
        }
    }
}

/// One identity's evaluation: what is looked up or decided once is kept.
struct Evaluation<'r, 's> {
    environment: &'r ArchivedEnvironment,
    patterns: &'r Patterns,
    identity: &'r Identity<'r>,
    values: Values<'r>,
    known: &'s mut Known,
    key: Option<String>,
}

impl<'r> Evaluation<'r, '_> {
    /// The flag that holds for this identity, among fragments.
    fn decide(&mut self, contest: &ArchivedContest) -> u32 {
        let rank = self.rank(contest.precedence.to_native());
        let place = contest.states.to_native() + rank;
        match &self.environment.states[place as usize] {
            ArchivedState::Plain(fragment) => fragment.to_native(),
            ArchivedState::Split(split) => {
                self.choose(&self.environment.splits[split.to_native() as usize])
            }
        }
    }

    /// How many segments of a precedence come before the first that matches.
    fn rank(&mut self, place: u32) -> u32 {
        let place = place as usize;
        if let Some(known) = self.known.ranks[place] {
            return known;
        }
        let segments = self.environment.precedences[place].iter();
        let before = segments.take_while(|segment| !self.segment_matches(segment.to_native()));
        let rank = before.fold(0, |rank, _| rank + 1);
        self.known.ranks[place] = Some(rank);
        rank
    }

    /// The multivariate value whose allocation holds the identity's bucket, else the state's own.
    fn choose(&self, split: &ArchivedSplit) -> u32 {
        let bucket = bucket(&split.salt, self.identity.identifier());
        let mut values = split.multivariate_values.iter();
        let chosen = values.find(|value| value.start <= bucket && value.limit > bucket);
        chosen.map_or(split.own, |value| value.fragment).to_native()
    }

    fn segment_matches(&mut self, place: u32) -> bool {
        let place = place as usize;
        if let Some(known) = self.known.matches[place] {
            return known;
        }
        let rules = &self.environment.segments[place].rules;
        let matches = self.rules(rules).iter().all(|rule| self.rule_matches(rule));
        self.known.matches[place] = Some(matches);
        matches
    }

    fn rules(&self, span: &ArchivedSpan) -> &'r [ArchivedRule] {
        &self.environment.rules[span.range()]
    }

    fn rule_matches(&mut self, rule: &'r ArchivedRule) -> bool {
        let conditions = &self.environment.rule_conditions[rule.conditions.range()];
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
        if let Some(known) = self.known.outcomes[place] {
            return known;
        }
        let matches = self.decide_condition(&self.environment.conditions[place]);
        self.known.outcomes[place] = Some(matches);
        matches
    }

    #[inline(never)]
    fn decide_condition(&mut self, condition: &'r ArchivedCondition) -> bool {
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
    fn look_up(&mut self, property: &'r ArchivedProperty) -> PropertyValue<'r> {
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
