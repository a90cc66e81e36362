//! Who looks on while flags are chosen. The compiler makes a copy of the evaluation for each kind of observer, so the
//! one that serves requests, which nobody observes, pays nothing.

use super::evaluation::Evaluation;
use crate::archive::Choosable;

/// Looks on while the flags of an identity are chosen.
pub(crate) trait Observer {
    /// The flag of a feature is this piece: that of an identity override, or else of the winner of a contest. Features
    /// come in their order; one that is never mentioned has its environment default.
    fn chosen(&mut self, feature: usize, identity_override: Option<Choosable>, piece: usize);

    /// All flags are chosen. What `evaluation` has decided by now decided them.
    fn finished(&mut self, evaluation: &mut Evaluation<'_, '_>);
}

/// Nobody looks on.
pub(super) struct Unobserved;

impl Observer for Unobserved {
    #[inline(always)]
    fn chosen(&mut self, _: usize, _: Option<Choosable>, _: usize) {}

    #[inline(always)]
    fn finished(&mut self, _: &mut Evaluation<'_, '_>) {}
}
