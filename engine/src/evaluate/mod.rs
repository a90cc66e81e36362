//! Evaluation: a compiled environment and an identity make flags. A pure function that reads the archive in place.
//!
//! It takes one look-up for identity overrides, one for each trait, and the conditions of those segments that decide
//! a contest. Features that cannot differ between identities are copied in runs.

mod buckets;
mod circular;
mod evaluation;
mod flags;
mod observe;
mod operation;
mod patterns;
mod prerequisites;
mod properties;
mod property_value;
mod scratch;
mod sources;

pub(crate) use evaluation::Evaluation;
pub use flags::Flags;
pub(crate) use observe::Observer;
pub use patterns::Patterns;
pub(crate) use property_value::PropertyValue;
pub use scratch::Scratch;
pub(crate) use sources::{SourcedFlag, Sources};

use crate::archive::{ArchivedEnvironment, ArchivedOverriddenFlag};
use crate::request::Identity;
use crate::side::Side;
use circular::Circular;
use flags::Choices;
use observe::Unobserved;
use prerequisites::Prerequisites;
use properties::Properties;
use scratch::CircularDecisions;

/// Chooses the flags of an identity. They can then be written, or recognised by their choices.
pub fn evaluate<'e, 's>(
    environment: &'e ArchivedEnvironment,
    patterns: &Patterns,
    side: Side,
    identity: &Identity<'_>,
    scratch: &'s mut Scratch,
) -> Flags<'e, 's> {
    evaluate_observed(
        environment,
        patterns,
        side,
        identity,
        scratch,
        &mut Unobserved,
    )
}

/// [`evaluate`] with somebody who looks on.
#[inline(always)]
pub(crate) fn evaluate_observed<'e, 's>(
    environment: &'e ArchivedEnvironment,
    patterns: &Patterns,
    side: Side,
    identity: &Identity<'_>,
    scratch: &'s mut Scratch,
    observer: &mut impl Observer,
) -> Flags<'e, 's> {
    let Scratch {
        values,
        decisions,
        remainders,
        choices,
        circular,
    } = scratch;
    decisions.clear(environment);
    let mut evaluation = Evaluation {
        contests: &environment.contests,
        segments: &environment.segments,
        properties: Properties::new(environment, patterns, identity, values, remainders),
        decisions,
    };
    let overrides = environment.overrides.of(identity.identifier());
    let mut circular_flags = None;
    if !environment.dependencies.prerequisites.is_empty() {
        circular_flags = Some(decide(environment, overrides, &mut evaluation, circular));
    }
    evaluation.find_buckets();
    let mut choices = Choices::new(environment, side, choices);
    let mut overrides = overrides.iter();
    let mut next = overrides.next();
    for contest in environment.contests.contests.iter() {
        let mut decided = false;
        while let Some(flag) = next.filter(|flag| flag.feature <= contest.feature) {
            let candidate = flag.candidate.get();
            let piece = evaluation.piece(candidate);
            observer.chosen(flag.feature.index(), Some(candidate), piece);
            choices.choose(piece);
            decided = flag.feature == contest.feature;
            next = overrides.next();
        }
        if !decided {
            let winner = evaluation.winner(contest);
            let piece = evaluation.piece(winner);
            observer.chosen(contest.feature.index(), None, piece);
            choices.choose(piece);
        }
    }
    for flag in next.into_iter().chain(overrides) {
        let candidate = flag.candidate.get();
        let piece = evaluation.piece(candidate);
        observer.chosen(flag.feature.index(), Some(candidate), piece);
        choices.choose(piece);
    }
    observer.finished(&mut evaluation);
    evaluation.properties.finish(values);
    choices.finish(circular_flags)
}

/// Chooses the flag of one feature for an identity: the same bytes as in the list of all. `None` if there is no feature
/// with exactly that name or that side may not see it.
pub fn evaluate_one<'e>(
    environment: &'e ArchivedEnvironment,
    patterns: &Patterns,
    side: Side,
    identity: &Identity<'_>,
    feature: &str,
    scratch: &mut Scratch,
) -> Option<&'e [u8]> {
    let feature = environment.features.get(feature.as_bytes())?;
    let Scratch {
        values,
        decisions,
        remainders,
        circular,
        ..
    } = scratch;
    decisions.clear(environment);
    let mut evaluation = Evaluation {
        contests: &environment.contests,
        segments: &environment.segments,
        properties: Properties::new(environment, patterns, identity, values, remainders),
        decisions,
    };
    let overrides = environment.overrides.of(identity.identifier());
    if !environment.dependencies.prerequisites.is_empty() {
        decide(environment, overrides, &mut evaluation, circular);
    }
    let overridden = overrides
        .iter()
        .find(|flag| flag.feature.index() == feature);
    let mut contests = environment.contests.contests.iter();
    let candidate = match overridden {
        Some(flag) => Some(flag.candidate.get()),
        None => contests
            .find(|contest| contest.feature.index() == feature)
            .map(|contest| evaluation.winner(contest)),
    };
    // The pieces begin with the defaults, in the order of the features.
    let piece = candidate.map_or(feature, |candidate| evaluation.piece(candidate));
    evaluation.properties.finish(values);
    let pieces = &environment.side(side).pieces;
    let text = match pieces[piece].choice.number() {
        Some(choice) => &pieces[choice as usize].text,
        None => &pieces[piece].default_range,
    };
    environment.flags[text.range()].strip_suffix(b",")
}

/// Decides the flags that conditions read.
#[cold]
#[inline(never)]
fn decide<'r, 'c>(
    environment: &'r ArchivedEnvironment,
    overrides: &'r [ArchivedOverriddenFlag],
    evaluation: &mut Evaluation<'r, '_>,
    circular: &'c mut CircularDecisions,
) -> &'c CircularDecisions {
    let prerequisites = Prerequisites::new(environment, overrides);
    prerequisites.decide_acyclic(evaluation);
    Circular::new(prerequisites, evaluation, circular).decide()
}
