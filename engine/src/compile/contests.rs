//! Contests: per feature the strength of its segment overrides, and the values that may win.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::dependencies::DependencyOrder;
use super::render::Renderer;
use crate::archive::{
    Allocation, Candidate, CandidateId, Choosable, Contest, ContestId, Contests, FeatureId,
    Interner, PieceId, PrecedenceId, SaltId, SegmentId, Split, SplitId,
};
use crate::document::{Document, FeatureState, Segment};

/// The candidates of all contests, while they are rendered.
pub(super) struct ContestsBuilder<'b, 'd> {
    document: &'d Document<'d>,
    features: &'b Interner,
    renderer: &'b mut Renderer<'d>,
    salts: &'b mut Interner,
    splits: Vec<Split>,
    defaults: Vec<Candidate>,
    default_pieces: Vec<PieceId>,
    /// By feature.
    overrides: Vec<Vec<SegmentOverride>>,
}

/// The feature state of one segment.
struct SegmentOverride {
    priority: f64,
    segment: SegmentId,
    candidate: Candidate,
}

/// The priority of a segment override: lower is stronger, and none is the weakest.
pub(super) fn strength(state: &FeatureState<'_>) -> f64 {
    state
        .priority
        .map_or(f64::INFINITY, |(priority, _)| priority)
}

/// Sorts the segment overrides of a feature. Of equal priorities the first in the document is the stronger one. Zeros
/// of both signs are equal, and no document contains a NaN.
pub(super) fn strongest_first<T>(overrides: &mut [T], strength: impl Fn(&T) -> f64) {
    overrides.sort_by(|left, right| {
        let order = strength(left).partial_cmp(&strength(right));
        order.unwrap_or(Ordering::Equal)
    });
}

impl<'b, 'd> ContestsBuilder<'b, 'd> {
    /// Renders the environment defaults.
    pub(super) fn new(
        document: &'d Document<'d>,
        features: &'b Interner,
        renderer: &'b mut Renderer<'d>,
        salts: &'b mut Interner,
    ) -> ContestsBuilder<'b, 'd> {
        let mut builder = ContestsBuilder {
            document,
            features,
            renderer,
            salts,
            splits: Vec::new(),
            defaults: Vec::new(),
            default_pieces: Vec::new(),
            overrides: Vec::new(),
        };
        let states = &document.feature_states;
        builder.overrides.resize_with(states.len(), Vec::new);
        // The pieces of the defaults lie end to end, because answers copy runs of them. They differ, as their names do,
        // so the default of a feature is the piece with its number.
        for (index, state) in states.iter().enumerate() {
            let value = state.certain_value().flatten();
            let piece = builder.renderer.piece(state, FeatureId::new(index), value);
            debug_assert_eq!(piece.index(), index);
            builder.default_pieces.push(piece);
        }
        for (index, state) in states.iter().enumerate() {
            let default = match state.certain_value() {
                Some(_) => Candidate::piece(builder.default_pieces[index]),
                None => builder.split(state, FeatureId::new(index)),
            };
            builder.defaults.push(default);
        }
        builder
    }

    /// Renders the overrides of a segment.
    pub(super) fn add(&mut self, id: SegmentId, segment: &Segment<'_>) {
        for state in &segment.feature_states {
            let Some(feature) = self.features.get(state.feature_name.as_bytes()) else {
                continue;
            };
            let candidate = self.candidate(state, FeatureId::new(feature));
            self.overrides[feature].push(SegmentOverride {
                priority: strength(state),
                segment: id,
                candidate,
            });
        }
    }

    /// How many texts the buckets of segments and contests are computed from.
    pub(super) fn salt_count(&self) -> usize {
        self.salts.len()
    }

    /// The contests, and the pieces of the environment defaults by feature.
    pub(super) fn finish(self, order: &DependencyOrder) -> (Contests, Vec<PieceId>) {
        let mut contests = Contests {
            contests: Vec::new(),
            splits_among: Vec::new(),
            precedences: Vec::new(),
            candidates: Vec::new(),
            splits: self.splits,
        };
        let mut known_precedences = HashMap::new();
        let features = self.defaults.into_iter().zip(self.overrides).enumerate();
        for (feature, (default, mut overrides)) in features {
            let is_split = |candidate: &Candidate| matches!(candidate.get(), Choosable::Split(_));
            // What is read has a contest, so that all that is read is decided in the same way.
            let is_read = order.prerequisite(feature).is_some();
            if overrides.is_empty() && !is_split(&default) && !is_read {
                continue;
            }
            strongest_first(&mut overrides, |state| state.priority);
            let precedence: Vec<SegmentId> = overrides.iter().map(|state| state.segment).collect();
            // In a cycle the same segments may match for one feature and not for another.
            let alone = order.is_circular(feature).then_some(feature);
            let precedence = *known_precedences
                .entry((precedence, alone))
                .or_insert_with_key(|(new, _)| {
                    contests.precedences.push(new.clone());
                    PrecedenceId::new(contests.precedences.len() - 1)
                });
            let first = contests.candidates.len();
            let candidates = overrides.iter().map(|state| state.candidate);
            contests.candidates.extend(candidates.chain([default]));
            if contests.candidates[first..].iter().any(is_split) {
                let contest = ContestId::new(contests.contests.len());
                contests.splits_among.push(contest);
            }
            contests.contests.push(Contest {
                feature: FeatureId::new(feature),
                precedence,
                candidates: CandidateId::new(first),
            });
        }
        (contests, self.default_pieces)
    }

    /// Renders a feature state with each value that an identity can get.
    pub(super) fn candidate(&mut self, state: &FeatureState<'_>, feature: FeatureId) -> Candidate {
        match state.certain_value() {
            Some(value) => Candidate::piece(self.renderer.piece(state, feature, value)),
            None => self.split(state, feature),
        }
    }

    /// Renders a feature state with each of its values.
    fn split(&mut self, state: &FeatureState<'_>, feature: FeatureId) -> Candidate {
        let own = self.renderer.piece(state, feature, None);
        let mut start = 0.0;
        let mut allocations = Vec::with_capacity(state.multivariate_values.len());
        for value in &state.multivariate_values {
            let limit = value.allocation + start;
            let piece = self.renderer.piece(state, feature, Some(value));
            allocations.push(Allocation {
                start,
                limit,
                piece,
            });
            start = limit;
        }
        let salt = format!("{},{}_", state.key, self.document.api_key);
        self.splits.push(Split {
            salt: SaltId::new(self.salts.intern(salt.as_bytes())),
            own,
            allocations,
        });
        Candidate::split(SplitId::new(self.splits.len() - 1))
    }
}
