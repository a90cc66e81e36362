//! Memory that evaluations use one after the other, so that most of them allocate nothing.

use super::property_value::PropertyValue;
use crate::archive::ArchivedEnvironment;

/// Memory for evaluations. One serves all environments of a thread; nothing in it outlives an evaluation.
#[derive(Default)]
pub struct Scratch {
    pub(super) values: SpareValues,
    pub(super) decisions: Decisions,
    /// By salt, the remainders that buckets are computed from; `None` until one is needed.
    pub(super) remainders: Vec<Option<u16>>,
    /// The ids of the chosen pieces.
    pub(super) choices: Vec<u32>,
    pub(super) circular: CircularDecisions,
}

impl Scratch {
    /// Allocates nothing yet.
    pub fn new() -> Scratch {
        Scratch::default()
    }
}

/// By property; `None` until it is looked up.
pub(super) type Values<'v> = Vec<Option<PropertyValue<'v>>>;

/// Memory for values between evaluations.
#[derive(Default)]
pub(super) struct SpareValues(Values<'static>);

impl SpareValues {
    /// Memory for the values of `count` properties.
    pub(super) fn take<'v>(&mut self, count: usize) -> Values<'v> {
        let mut values = recycle(std::mem::take(&mut self.0));
        values.resize(count, None);
        values
    }

    pub(super) fn keep(&mut self, values: Values<'_>) {
        self.0 = recycle(values);
    }
}

/// What an evaluation has decided so far; `None` for what it has not needed yet.
#[derive(Default)]
pub(super) struct Decisions {
    /// By condition: it holds.
    pub(super) outcomes: Vec<Option<bool>>,
    /// By segment: it matches.
    pub(super) matches: Vec<Option<bool>>,
    /// By precedence: how many of its segments come before the first that matches.
    pub(super) ranks: Vec<Option<u32>>,
}

impl Decisions {
    /// Forgets all decisions and makes room for those on `environment`.
    #[inline(always)]
    pub(super) fn clear(&mut self, environment: &ArchivedEnvironment) {
        reset(&mut self.outcomes, environment.segments.conditions.len());
        reset(&mut self.matches, environment.segments.segments.len());
        reset(&mut self.ranks, environment.contests.precedences.len());
    }
}

/// What an evaluation has decided so far of circular flags.
#[derive(Default)]
pub(super) struct CircularDecisions {
    /// The flags that are being decided, each because the one before it needs it.
    pub(super) pending: Vec<PendingFlag>,
    /// What was kept of rules whose nested rules are being evaluated.
    pub(super) kept: Vec<bool>,
    pub(super) segments: Vec<CircularSegmentState>,
    pub(super) flags: Vec<CircularFlagState>,
    /// The features whose flags were found in a cycle.
    pub(super) in_cycles: Vec<usize>,
}

/// A flag that is being decided.
pub(super) struct PendingFlag {
    /// Its index among the circular flags.
    pub(super) flag: usize,
    /// The index of the next segment that overrides it.
    pub(super) rival: usize,
    /// The best rank of those that match.
    pub(super) rank: u32,
    /// How many cuts there were before that segment.
    pub(super) cuts: u32,
    /// The lowest index among the pending flags that was read since.
    pub(super) lowest: usize,
    /// The index of the step that reads it.
    pub(super) step: usize,
}

/// A segment that reads circular flags.
#[derive(Clone, Copy, Default)]
pub(super) struct CircularSegmentState {
    /// It matches; `None` if it was not evaluated without a cut.
    pub(super) matches: Option<bool>,
    pub(super) was_cut: bool,
}

/// A circular flag.
#[derive(Clone, Copy, Default)]
pub(super) struct CircularFlagState {
    /// Its index among the pending flags.
    pub(super) pending: Option<usize>,
    pub(super) in_cycle: bool,
}

impl CircularDecisions {
    /// Forgets all decisions and makes room for those on so many segments and flags.
    pub(super) fn clear(&mut self, segments: usize, flags: usize) {
        self.pending.clear();
        self.kept.clear();
        self.segments.clear();
        self.segments.resize_with(segments, Default::default);
        self.flags.clear();
        self.flags.resize_with(flags, Default::default);
        self.in_cycles.clear();
    }
}

fn reset<T: Clone>(items: &mut Vec<Option<T>>, count: usize) {
    items.clear();
    items.resize(count, None);
}

/// The same memory, empty, with another lifetime: a vector that collects its own elements keeps its memory.
fn recycle<'v>(mut values: Values<'_>) -> Values<'v> {
    values.clear();
    values.into_iter().map(|_| None).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uses_the_same_memory_again() {
        let text = "text".to_owned();
        let mut values: Values<'_> = Vec::with_capacity(5);
        values.push(Some(PropertyValue::coerce(&text)));
        let address = values.as_ptr().addr();
        let again: Values<'static> = recycle(values);
        assert_eq!(
            (again.as_ptr().addr(), again.len(), again.capacity()),
            (address, 0, 5)
        );
    }
}
