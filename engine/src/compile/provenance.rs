//! Where the parts of an archive come from: which rule and condition of the document each segment and condition is.
//!
//! An archive holds no words that evaluation does not need. But compiling is deterministic, so compiling the segments
//! of the same document again gives each the id that it has in the archive.

use super::contests::{strength, strongest_first};
use super::dependencies::{DependencyOrder, feature_read};
use super::operation::defect;
use super::segments::{CompiledSegments, SegmentProvenance, SegmentsBuilder};
use super::steps::{CompiledRule, unknown_kind};
use super::{add_segments, feature_names};
use crate::archive::{CompiledCondition, ConditionId, Interner, SegmentId};
use crate::document::{Document, FeatureState, Segment};
use crate::python::python_str;

/// A document, and the ids that its parts have in the archive that it compiles to.
pub(crate) struct Provenance<'s, 'v> {
    document: &'s Document<'v>,
    features: Interner,
    order: DependencyOrder,
    /// By the number of the segment in the document; `None` if the archive does not have it.
    ids: Vec<Option<SegmentId>>,
    conditions: Vec<CompiledCondition>,
    segments: SegmentProvenance,
    /// By feature.
    overrides: Vec<Vec<SegmentOverride<'s, 'v>>>,
}

/// A segment override of a feature.
pub(crate) struct SegmentOverride<'s, 'v> {
    /// The number of the segment in the document.
    pub(crate) segment: usize,
    /// `None` if the segment can never match.
    pub(crate) id: Option<SegmentId>,
    pub(crate) state: &'s FeatureState<'v>,
}

impl<'s, 'v> Provenance<'s, 'v> {
    /// Compiles the segments of the document that an archive was compiled from.
    pub(crate) fn of(document: &'s Document<'v>) -> Provenance<'s, 'v> {
        let features = feature_names(document);
        let order = DependencyOrder::of(document, &features);
        let builder = SegmentsBuilder::new(document.api_key, &features, &order);
        let mut builder = builder.with_provenance();
        let ids = add_segments(&mut builder, document);
        let CompiledSegments {
            segments,
            provenance,
            ..
        } = builder.finish();
        Provenance {
            overrides: overrides(document, &features, &ids),
            document,
            ids,
            conditions: segments.conditions,
            segments: provenance.unwrap_or_default(),
            features,
            order,
        }
    }

    pub(crate) fn document(&self) -> &'s Document<'v> {
        self.document
    }

    /// The name of a feature.
    pub(crate) fn feature_name(&self, feature: usize) -> &'s str {
        self.document.feature_states[feature].feature_name
    }

    /// The segment overrides of a feature, strongest first. Those with an id are the precedence of its contest.
    pub(crate) fn overrides(&self, feature: usize) -> &[SegmentOverride<'s, 'v>] {
        &self.overrides[feature]
    }

    /// The segment of that number in the document.
    pub(crate) fn segment(&self, number: usize) -> &'s Segment<'v> {
        &self.document.segments[number]
    }

    /// The id of the segment of that number; `None` if the archive does not have it.
    pub(crate) fn segment_id(&self, number: usize) -> Option<SegmentId> {
        self.ids[number]
    }

    /// The compiled rules of a segment, in the order of the document.
    pub(crate) fn rules(&self, segment: SegmentId) -> &[CompiledRule] {
        &self.segments.rules[segment.index()]
    }

    /// Why a segment can never match, as far as that does not depend on its conditions.
    pub(crate) fn segment_problem(&self, number: usize) -> Option<String> {
        let segment = self.segment(number);
        if let Some(kind) = unknown_kind(&segment.rules) {
            let kind = python_str(kind);
            return Some(format!("never matches: rule type {kind:?} is unknown"));
        }
        let is_empty = segment.rules.is_empty();
        is_empty.then(|| "never matches: it has no rules".to_owned())
    }

    /// Why a condition can never match, or matches less than it says.
    pub(crate) fn condition_problem(&self, condition: ConditionId) -> Option<String> {
        match self.segments.problems.get(&condition) {
            Some(problem) => Some(format!("never matches: {problem}")),
            None => defect(&self.conditions[condition.index()].operation).map(str::to_owned),
        }
    }

    /// The feature whose flag a property reads.
    pub(crate) fn feature_read(&self, property: &str) -> Option<usize> {
        feature_read(property, &self.features)
    }

    /// The features of the cycle that a feature is in; none if it is in no cycle.
    pub(crate) fn cycle(&self, feature: usize) -> &[usize] {
        self.order.cycle(feature)
    }
}

/// The segment overrides of each feature, strongest first.
fn overrides<'s, 'v>(
    document: &'s Document<'v>,
    features: &Interner,
    ids: &[Option<SegmentId>],
) -> Vec<Vec<SegmentOverride<'s, 'v>>> {
    let mut overrides = Vec::new();
    overrides.resize_with(features.len(), Vec::new);
    for (number, segment) in document.segments.iter().enumerate() {
        for state in &segment.feature_states {
            if let Some(feature) = features.get(state.feature_name.as_bytes()) {
                overrides[feature].push(SegmentOverride {
                    segment: number,
                    id: ids[number],
                    state,
                });
            }
        }
    }
    for overrides in &mut overrides {
        strongest_first(overrides, |found| strength(found.state));
    }
    overrides
}
