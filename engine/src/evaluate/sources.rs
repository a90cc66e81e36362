//! Who gave each flag its value: an observer of the evaluation.

use super::evaluation::Evaluation;
use super::observe::Observer;
use crate::archive::{Choosable, Source};

/// A flag of an identity that need not be the environment default.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SourcedFlag {
    pub(crate) feature: usize,
    pub(crate) piece: usize,
    pub(crate) source: Source,
}

/// Notes who gave each flag its value. In the order of the features; those that are missing have their environment
/// default.
pub(crate) struct Sources<'m>(pub(crate) &'m mut Vec<SourcedFlag>);

impl Observer for Sources<'_> {
    #[inline(always)]
    fn chosen(&mut self, feature: usize, identity_override: Option<Choosable>, piece: usize) {
        let source = match identity_override {
            Some(_) => Source::Override,
            None => Source::Default,
        };
        self.0.push(SourcedFlag {
            feature,
            piece,
            source,
        });
    }

    #[inline(always)]
    fn finished(&mut self, evaluation: &mut Evaluation<'_, '_>) {
        let contests = evaluation.contests;
        let mut flags = self.0.iter_mut();
        for contest in contests.contests.iter() {
            // Each contest has a flag. Between these are those of features that only identities override.
            let flag = flags.find(|flag| flag.feature == contest.feature.index());
            if let Some(flag) = flag
                && flag.source == Source::Default
                && evaluation.rank(contest) < contests.precedences[contest.precedence.index()].len()
            {
                flag.source = Source::Override;
            }
        }
    }
}
