//! Prerequisites: the flags that conditions read, each with what decides it.

use super::dependencies::DependencyOrder;
use super::seen::SeenFlags;
use super::segments::CompiledCircular;
use crate::archive::{
    CircularSegmentId, ContestId, Contests, Dependencies, FlagProperty, Prerequisite, Rival,
    SegmentId, length,
};

/// Puts the dependencies of an environment together.
pub(super) fn dependencies(
    order: &DependencyOrder,
    contests: &Contests,
    circular: CompiledCircular,
    flag_properties: Vec<Vec<FlagProperty>>,
    seen: SeenFlags,
) -> Dependencies {
    let mut prerequisites = Vec::new();
    let flags = order.prerequisites.iter().zip(flag_properties).enumerate();
    for (number, (feature, properties)) in flags {
        let contest = contests
            .contests
            .binary_search_by_key(feature, |contest| contest.feature)
            .unwrap_or_default();
        let precedence = &contests.precedences[contests.contests[contest].precedence.index()];
        prerequisites.push(Prerequisite {
            contest: ContestId::new(contest),
            properties,
            rivals: if number < order.acyclic {
                Vec::new()
            } else {
                rivals(precedence, &circular)
            },
            cycle: order.cycle_of_feature(feature.index()),
        });
    }
    let (seen, scalars) = seen.finish();
    Dependencies {
        acyclic: length(&order.prerequisites[..order.acyclic]),
        prerequisites,
        seen,
        scalars,
        segments: circular.segments,
        steps: circular.steps,
    }
}

/// The segments of a precedence in the order of the document.
fn rivals(precedence: &[SegmentId], circular: &CompiledCircular) -> Vec<Rival> {
    let rival = |(rank, segment): (u32, &SegmentId)| Rival {
        segment: *segment,
        circular: circular
            .segments
            .binary_search_by_key(segment, |circular| circular.segment)
            .ok()
            .map(CircularSegmentId::new),
        rank,
    };
    let mut rivals: Vec<Rival> = (0..).zip(precedence).map(rival).collect();
    rivals.sort_by_key(|rival| (rival.segment, rival.rank));
    // A segment that overrides a feature twice is evaluated twice, and its stronger override wins each time.
    for place in 1..rivals.len() {
        if rivals[place].segment == rivals[place - 1].segment {
            rivals[place].rank = rivals[place - 1].rank;
        }
    }
    rivals
}
