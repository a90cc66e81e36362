//! Contests: per feature the strength of its segment overrides, and the values that may win.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::render::Renderer;
use crate::archive::{
    Allocation, Candidate, CandidateId, Contest, ContestId, Contests, FeatureId, Interner, PieceId,
    PrecedenceId, SaltId, SegmentId, Split, SplitId,
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
    /// By feature.
    overrides: Vec<Vec<Override>>,
}

/// The feature state of one segment.
struct Override {
    priority: f64,
    segment: SegmentId,
    candidate: Candidate,
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
            overrides: Vec::new(),
        };
        let count = document.feature_states.len();
        builder.overrides.resize_with(count, Vec::new);
        for (index, state) in document.feature_states.iter().enumerate() {
            let default = builder.candidate(state, FeatureId::new(index));
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
            let priority = state.priority.map(|(priority, _)| priority);
            let candidate = self.candidate(state, FeatureId::new(feature));
            self.overrides[feature].push(Override {
                priority: priority.unwrap_or(f64::INFINITY),
                segment: id,
                candidate,
            });
        }
    }

    /// The pieces of the environment defaults, by feature.
    pub(super) fn default_pieces(&self) -> Vec<PieceId> {
        let piece = |default: &Candidate| match default {
            Candidate::Plain(piece) => *piece,
            Candidate::Split(split) => self.splits[split.index()].own,
        };
        self.defaults.iter().map(piece).collect()
    }

    pub(super) fn into_contests(self) -> Contests {
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
            if overrides.is_empty() && matches!(default, Candidate::Plain(_)) {
                continue;
            }
            // The sort is stable: of equal priorities the first in the document is the stronger one. Zeros of both
            // signs are equal, and no document contains a NaN.
            overrides.sort_by(|left, right| {
                let order = left.priority.partial_cmp(&right.priority);
                order.unwrap_or(Ordering::Equal)
            });
            let precedence: Vec<SegmentId> = overrides.iter().map(|state| state.segment).collect();
            let precedence = *known_precedences
                .entry(precedence)
                .or_insert_with_key(|new| {
                    contests.precedences.push(new.clone());
                    PrecedenceId::new(contests.precedences.len() - 1)
                });
            let first = contests.candidates.len();
            let candidates = overrides.iter().map(|state| state.candidate);
            contests.candidates.extend(candidates.chain([default]));
            let is_split = |candidate: &Candidate| matches!(candidate, Candidate::Split(_));
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
        contests
    }

    /// Renders a feature state with each of its values.
    fn candidate(&mut self, state: &FeatureState<'_>, feature: FeatureId) -> Candidate {
        let own = self.renderer.piece(state, feature, state.value);
        if state.multivariate_values.is_empty() {
            return Candidate::Plain(own);
        }
        let mut start = 0.0;
        let mut allocations = Vec::with_capacity(state.multivariate_values.len());
        for value in &state.multivariate_values {
            let limit = value.allocation + start;
            let piece = self.renderer.piece(state, feature, value.value);
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
        Candidate::Split(SplitId::new(self.splits.len() - 1))
    }
}
