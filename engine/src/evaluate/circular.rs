//! Circular flags: those that depend on themselves, or on one that does. They are decided by the rules of Flagsmith's
//! engine, without recursion.
//!
//! A condition that reads a flag has it decided first. Reading one that is being decided already is a cut: all flags
//! from there on are in a cycle, and what is read is null. A segment does not match if there was a cut while it was
//! evaluated, and is evaluated again when it is needed again. A flag in a cycle is null to conditions. Where the cycle
//! is cut, and so which flags are in one, depends on the order in which conditions read.
//!
//! This takes a time that is exponential in the size of a cycle, so there is a budget. When it is spent, a flag that is
//! known to be in a cycle is cut at once, and so is a segment that was cut before. A flag is then in a cycle if such a
//! segment is in the same one.

use super::evaluation::Evaluation;
use super::prerequisites::Prerequisites;
use super::scratch::{CircularDecisions, PendingFlag};
use crate::archive::{ArchivedCircularStep, ArchivedProperty, Next};

/// How many conditions and segments are evaluated before the budget is spent: enough for cycles of six flags of which
/// each depends on all, and some milliseconds.
const BUDGET: u32 = 100_000;

/// The circular flags of an environment, for one identity.
pub(super) struct Circular<'p, 'r, 's, 'c> {
    prerequisites: Prerequisites<'r>,
    evaluation: &'p mut Evaluation<'r, 's>,
    decisions: &'c mut CircularDecisions,
    cuts: u32,
    budget: u32,
}

/// What reading a flag leads to.
enum Read {
    /// The outcome of the condition.
    Outcome(bool),
    /// The circular flag of that index has to be decided first.
    Pending(usize),
}

impl<'p, 'r, 's, 'c> Circular<'p, 'r, 's, 'c> {
    pub(super) fn new(
        prerequisites: Prerequisites<'r>,
        evaluation: &'p mut Evaluation<'r, 's>,
        decisions: &'c mut CircularDecisions,
    ) -> Circular<'p, 'r, 's, 'c> {
        let segments = prerequisites.dependencies.segments.len();
        decisions.clear(segments, prerequisites.circular().len());
        Circular {
            prerequisites,
            evaluation,
            decisions,
            cuts: 0,
            budget: BUDGET,
        }
    }

    /// Decides the segments that read circular flags, and the flags that they read and that are in no cycle.
    pub(super) fn decide(mut self) -> &'c CircularDecisions {
        for segment in self.prerequisites.dependencies.segments.iter() {
            let cuts = self.cuts;
            let matches = self.run(segment.start.get()) && self.cuts == cuts;
            self.evaluation.decisions.matches[segment.segment.index()] = Some(matches);
        }
        let contests = &self.prerequisites.environment.contests.contests;
        for (number, prerequisite) in self.prerequisites.circular().iter().enumerate() {
            if self.decisions.flags[number].in_cycle {
                let feature = &contests[prerequisite.contest.index()].feature;
                self.decisions.in_cycles.push(feature.index());
            }
        }
        self.decisions
    }

    /// Evaluates a segment that begins with `next`, and whatever flags it reads.
    fn run(&mut self, mut next: Next) -> bool {
        let steps = &self.prerequisites.dependencies.steps;
        loop {
            let Some(step) = next.step() else {
                let matches = next == Next::MATCH;
                if self.decisions.pending.is_empty() {
                    return matches;
                }
                next = self.finish_segment(matches);
                continue;
            };
            let (holds, when_true, when_false) = match &steps[step] {
                ArchivedCircularStep::Keep {
                    matches,
                    next: following,
                } => {
                    self.decisions.kept.push(*matches);
                    next = following.get();
                    continue;
                }
                ArchivedCircularStep::TakeBack {
                    when_true,
                    when_false,
                } => (
                    self.decisions.kept.pop() == Some(true),
                    when_true,
                    when_false,
                ),
                ArchivedCircularStep::Ask {
                    condition,
                    when_true,
                    when_false,
                } => match self.ask(condition.index()) {
                    Read::Outcome(holds) => (holds, when_true, when_false),
                    Read::Pending(flag) => {
                        next = self.begin_flag(flag, step);
                        continue;
                    }
                },
            };
            next = if holds {
                when_true.get()
            } else {
                when_false.get()
            };
        }
    }

    /// Evaluates a condition, unless the flag that it reads has to be decided first.
    fn ask(&mut self, condition: usize) -> Read {
        self.budget = self.budget.saturating_sub(1);
        let segments = &self.prerequisites.environment.segments;
        let property = segments.conditions[condition].property.index();
        let ArchivedProperty::Flag(flag) = &segments.properties[property] else {
            return Read::Outcome(self.evaluation.holds(condition));
        };
        // Flags that reach no cycle are known, and so are those that are decided since.
        if self.evaluation.properties.is_known(property) {
            return Read::Outcome(self.evaluation.holds(condition));
        }
        let flag = flag.index() - self.prerequisites.acyclic_count();
        let state = self.decisions.flags[flag];
        match state.pending {
            Some(place) => {
                if let Some(last) = self.decisions.pending.last_mut() {
                    last.lowest = last.lowest.min(place);
                    let rivals = &self.prerequisites.circular()[last.flag].rivals;
                    if let Some(segment) = rivals[last.rival].circular.as_ref() {
                        self.decisions.segments[segment.index()].was_cut = true;
                    }
                }
            }
            None if self.budget == 0 && state.in_cycle => {}
            None => return Read::Pending(flag),
        }
        self.cuts = self.cuts.wrapping_add(1);
        Read::Outcome(self.evaluation.properties.satisfies_null(condition))
    }

    /// Begins to decide a flag that `step` reads. Returns where to go on.
    fn begin_flag(&mut self, flag: usize, step: usize) -> Next {
        let pending = &mut self.decisions.pending;
        let place = pending.len();
        self.decisions.flags[flag].pending = Some(place);
        let rivals = &self.prerequisites.circular()[flag].rivals;
        pending.push(PendingFlag {
            flag,
            rival: 0,
            rank: u32::try_from(rivals.len()).unwrap_or(u32::MAX),
            cuts: 0,
            lowest: usize::MAX,
            step,
        });
        self.go_on()
    }

    /// Takes the outcome of a segment that overrides the last pending flag. Returns where to go on.
    fn finish_segment(&mut self, matches: bool) -> Next {
        if let Some(pending) = self.decisions.pending.last_mut() {
            let rival = &self.prerequisites.circular()[pending.flag].rivals[pending.rival];
            let was_cut = pending.cuts != self.cuts;
            if let Some(segment) = rival.circular.as_ref() {
                let state = &mut self.decisions.segments[segment.index()];
                state.was_cut |= was_cut;
                if !was_cut {
                    state.matches = Some(matches);
                }
            }
            if matches && !was_cut {
                pending.rank = pending.rank.min(rival.rank.to_native());
            }
            pending.rival += 1;
        }
        self.go_on()
    }

    /// Goes on deciding the last pending flag. Returns the first step of the next segment to evaluate, or what follows
    /// the step that read the flag.
    fn go_on(&mut self) -> Next {
        let Some(pending) = self.decisions.pending.last_mut() else {
            return Next::NO_MATCH;
        };
        let prerequisite = &self.prerequisites.circular()[pending.flag];
        let segments = &self.prerequisites.dependencies.segments;
        while let Some(rival) = prerequisite.rivals.get(pending.rival) {
            self.budget = self.budget.saturating_sub(1);
            let matches = match rival.circular.as_ref() {
                None => self.evaluation.matches(rival.segment.index()),
                Some(segment) => {
                    let state = self.decisions.segments[segment.index()];
                    match state.matches {
                        Some(matches) => matches,
                        None if self.budget == 0 && state.was_cut => {
                            self.cuts = self.cuts.wrapping_add(1);
                            let cycle = prerequisite.cycle.as_ref();
                            if cycle.is_some() && cycle == segments[segment.index()].cycle.as_ref()
                            {
                                self.decisions.flags[pending.flag].in_cycle = true;
                            }
                            false
                        }
                        None => {
                            pending.cuts = self.cuts;
                            return segments[segment.index()].start.get();
                        }
                    }
                }
            };
            if matches {
                pending.rank = pending.rank.min(rival.rank.to_native());
            }
            pending.rival += 1;
        }
        self.finish_flag()
    }

    /// Decides the last pending flag unless it is in a cycle. Returns what follows the step that read it.
    fn finish_flag(&mut self) -> Next {
        let Some(pending) = self.decisions.pending.pop() else {
            return Next::NO_MATCH;
        };
        let place = self.decisions.pending.len();
        let state = &mut self.decisions.flags[pending.flag];
        state.pending = None;
        state.in_cycle |= pending.lowest <= place;
        let in_cycle = state.in_cycle;
        if let Some(last) = self.decisions.pending.last_mut()
            && pending.lowest < place
        {
            last.lowest = last.lowest.min(pending.lowest);
        }
        if !in_cycle {
            let prerequisite = &self.prerequisites.circular()[pending.flag];
            let contest = prerequisite.contest.index();
            let contest = &self.prerequisites.environment.contests.contests[contest];
            self.evaluation.decisions.ranks[contest.precedence.index()] = Some(pending.rank);
            self.prerequisites.decide(prerequisite, self.evaluation);
        }
        match &self.prerequisites.dependencies.steps[pending.step] {
            ArchivedCircularStep::Ask {
                condition,
                when_true,
                when_false,
            } => {
                let condition = condition.index();
                let holds = if in_cycle {
                    self.evaluation.properties.satisfies_null(condition)
                } else {
                    self.evaluation.holds(condition)
                };
                if holds {
                    when_true.get()
                } else {
                    when_false.get()
                }
            }
            _ => Next::NO_MATCH,
        }
    }
}
