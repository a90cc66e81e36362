//! Flags, and the candidates of each: what they would have given, and why one of them was chosen.

use super::ExplainError;
use super::explanation::{
    Allocation, Candidate, ExplainedFlag, ExplainedSegment, Hidden, Origin, Outcome, Split,
};
use super::segments::rules_hold;
use super::values::{flag, flag_text, json};
use crate::archive::{ArchivedContest, ArchivedEnvironment, Choosable};
use crate::compile::{Provenance, SegmentOverride};
use crate::evaluate::Evaluation;
use crate::json::{Dialect, Reader, Value, write_value};
use crate::python::equality_key;
use crate::request::Identity;
use crate::side::Side;

/// The features to explain: all, or one, and behind it those that its flag depends on.
pub(super) fn asked_for(
    provenance: &Provenance<'_, '_>,
    environment: &ArchivedEnvironment,
    name: Option<&str>,
) -> Result<Vec<usize>, ExplainError> {
    let Some(name) = name else {
        return Ok((0..environment.feature_count()).collect());
    };
    let unknown = || ExplainError::UnknownFeature(name.to_owned());
    let feature = environment.features.get(name.as_bytes());
    let mut features = vec![feature.ok_or_else(unknown)?];
    let mut explored = 0;
    while let Some(feature) = features.get(explored) {
        explored += 1;
        for needed in dependencies(provenance, *feature) {
            if !features.contains(&needed) {
                features.push(needed);
            }
        }
    }
    Ok(features)
}

/// The features whose flags the segments read that override a feature, each once.
fn dependencies(provenance: &Provenance<'_, '_>, feature: usize) -> Vec<usize> {
    let mut found = Vec::new();
    for state in provenance.overrides(feature) {
        let mut rules: Vec<_> = provenance
            .segment(state.segment)
            .rules
            .iter()
            .rev()
            .collect();
        while let Some(rule) = rules.pop() {
            for condition in &rule.conditions {
                let read = provenance.feature_read(condition.property);
                found.extend(read.filter(|read| !found.contains(read)));
            }
            rules.extend(rule.rules.iter().rev());
        }
    }
    found
}

/// What was chosen for a feature.
#[derive(Clone, Copy)]
pub(super) struct Chosen {
    pub(super) piece: usize,
    /// The feature state of the identity itself.
    pub(super) identity_override: Option<Choosable>,
}

/// What flags are explained from.
pub(super) struct Flags<'w, 'v> {
    pub(super) environment: &'w ArchivedEnvironment,
    pub(super) provenance: &'w Provenance<'w, 'v>,
    pub(super) side: Side,
    pub(super) identity: &'w Identity<'w>,
    /// The numbers of the explained segments in the document, ascending.
    pub(super) overriding: &'w [usize],
    pub(super) segments: &'w [ExplainedSegment],
}

impl Flags<'_, '_> {
    /// The flag of a feature, and the way to it.
    pub(super) fn explained(
        &self,
        feature: usize,
        chosen: Chosen,
        evaluation: &mut Evaluation<'_, '_>,
    ) -> ExplainedFlag {
        let provenance = self.provenance;
        let name = |feature: &usize| provenance.feature_name(*feature).to_owned();
        let candidates = self.candidates(feature, chosen, evaluation);
        let hidden = self.hidden(chosen.piece);
        ExplainedFlag {
            feature: name(&feature),
            flag: flag(self.environment, chosen.piece),
            summary: self.summary(&candidates, &hidden),
            hidden,
            candidates,
            depends_on: dependencies(provenance, feature).iter().map(name).collect(),
            cycle: provenance.cycle(feature).iter().map(name).collect(),
        }
    }

    /// All feature states of a feature that could have decided, strongest first.
    fn candidates(
        &self,
        feature: usize,
        chosen: Chosen,
        evaluation: &mut Evaluation<'_, '_>,
    ) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        if let Some(own) = chosen.identity_override {
            let own = self.candidate(Origin::IdentityOverride, Outcome::Chosen, own, evaluation);
            candidates.push(own);
        }
        let contests = &self.environment.contests;
        let place = contests
            .contests
            .binary_search_by_key(&feature, |contest| contest.feature.index());
        let Ok(place) = place else {
            // All its segments, if it has any, can never match.
            let never = self.provenance.overrides(feature);
            candidates.extend(never.iter().map(|found| self.never(found)));
            let default = Choosable::Piece(feature);
            let outcome = match chosen.identity_override {
                Some(_) => Outcome::Beaten,
                None => Outcome::Chosen,
            };
            let origin = Origin::EnvironmentDefault;
            candidates.push(self.candidate(origin, outcome, default, evaluation));
            return candidates;
        };
        let contest = &contests.contests[place];
        let rank = evaluation.rank(contest);
        let won = match chosen.identity_override {
            Some(_) => Outcome::Beaten,
            None => Outcome::Chosen,
        };
        let mut place = 0;
        for found in self.provenance.overrides(feature) {
            let Some(id) = found.id else {
                candidates.push(self.never(found));
                continue;
            };
            let segment = self.index(found.segment);
            let holds = rules_hold(&self.segments[segment]);
            let outcome = match place {
                _ if place == rank => won,
                _ if place > rank && evaluation.matches(id.index()) => Outcome::Beaten,
                _ if holds => Outcome::Cut,
                _ => Outcome::NoMatch,
            };
            let state = self.choosable(contest, place);
            let origin = Origin::SegmentOverride;
            candidates.push(Candidate {
                segment: Some(segment),
                priority: priority(found),
                ..self.candidate(origin, outcome, state, evaluation)
            });
            place += 1;
        }
        let outcome = match place {
            _ if place == rank => won,
            _ => Outcome::Beaten,
        };
        let default = self.choosable(contest, place);
        candidates.push(self.candidate(Origin::EnvironmentDefault, outcome, default, evaluation));
        candidates
    }

    fn choosable(&self, contest: &ArchivedContest, place: usize) -> Choosable {
        self.environment.contests.candidates[contest.candidates.index() + place].get()
    }

    /// The index of the segment of that number among the explained ones, which it is one of.
    fn index(&self, number: usize) -> usize {
        self.overriding.binary_search(&number).unwrap_or_default()
    }

    /// An override by a segment that can never match.
    fn never(&self, found: &SegmentOverride<'_, '_>) -> Candidate {
        Candidate {
            origin: Origin::SegmentOverride,
            outcome: Outcome::NoMatch,
            segment: Some(self.index(found.segment)),
            priority: priority(found),
            flag: None,
            split: None,
        }
    }

    fn candidate(
        &self,
        origin: Origin,
        outcome: Outcome,
        state: Choosable,
        evaluation: &mut Evaluation<'_, '_>,
    ) -> Candidate {
        let piece = evaluation.piece(state);
        Candidate {
            origin,
            outcome,
            segment: None,
            priority: None,
            flag: Some(flag(self.environment, piece)),
            split: match state {
                Choosable::Piece(_) => None,
                Choosable::Split(split) => Some(self.split(split, evaluation)),
            },
        }
    }

    fn split(&self, split: usize, evaluation: &mut Evaluation<'_, '_>) -> Split {
        let split = &self.environment.contests.splits[split];
        let salt = self.environment.salts.texts.text(split.salt.index());
        let salt = String::from_utf8_lossy(salt.unwrap_or_default());
        let bucket = evaluation.bucket(&split.salt);
        let mut allocations = split.allocations.iter();
        let chosen = allocations.position(|allocation| allocation.contains(bucket));
        let allocations = split.allocations.iter().enumerate();
        let allocations = allocations.map(|(position, allocation)| Allocation {
            from: Some(allocation.start.to_native()),
            to: Some(allocation.limit.to_native()),
            chosen: chosen == Some(position),
            flag: flag(self.environment, allocation.piece.index()),
        });
        let own = Allocation {
            from: None,
            to: None,
            chosen: chosen.is_none(),
            flag: flag(self.environment, split.own.index()),
        };
        Split {
            hash_key: format!("{salt}{}", self.identity.identifier()),
            bucket,
            allocations: allocations.chain([own]).collect(),
        }
    }

    /// Why answers to this side do not contain a piece.
    fn hidden(&self, piece: usize) -> Vec<Hidden> {
        let shown = &self.environment.side(self.side).pieces[piece].text;
        let mut hidden = Vec::new();
        if !shown.range().is_empty() {
            return hidden;
        }
        let document = self.provenance.document();
        let text = std::str::from_utf8(flag_text(self.environment, piece)).unwrap_or_default();
        let flag = Reader::new(text, Dialect::Document).value();
        let flag = flag.unwrap_or(Value::Null);
        let id = flag
            .member("feature")
            .and_then(|feature| feature.member("id"));
        let is_secret = |id| {
            document
                .server_key_only_feature_ids
                .contains(&equality_key(id))
        };
        if id.is_some_and(is_secret) {
            hidden.push(Hidden::ServerKeyOnly);
        }
        let is_enabled = flag.member("enabled").is_some_and(Value::is_truthy);
        if document.hide_disabled_flags && !is_enabled {
            hidden.push(Hidden::Disabled);
        }
        hidden
    }

    /// Where a flag comes from, in one line.
    fn summary(&self, candidates: &[Candidate], hidden: &[Hidden]) -> String {
        let Some(chosen) = candidates
            .iter()
            .find(|candidate| candidate.outcome == Outcome::Chosen)
        else {
            return String::new();
        };
        let segment = chosen.segment.map(|index| &self.segments[index]);
        let mut summary = match (chosen.origin, segment) {
            (Origin::IdentityOverride, _) => "override of this identity".to_owned(),
            (Origin::SegmentOverride, Some(segment)) => {
                format!("segment {} matches", segment.name)
            }
            _ if candidates.len() > 1 => {
                "environment default: no segment that overrides it matches".to_owned()
            }
            _ => "environment default".to_owned(),
        };
        if let Some(split) = &chosen.split {
            summary += &format!("; bucket {:.2} of 100", split.bucket);
        }
        for reason in hidden {
            summary += match reason {
                Hidden::ServerKeyOnly => "; hidden: for server-side keys only",
                Hidden::Disabled => "; hidden: disabled",
            };
        }
        summary
    }
}

fn priority(found: &SegmentOverride<'_, '_>) -> Option<super::Json> {
    let (_, priority) = found.state.priority?;
    Some(json(|out| write_value(priority, out)))
}
