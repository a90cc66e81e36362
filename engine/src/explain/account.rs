//! An account of an evaluation: what was chosen is noted as it happens, and put into words when all is decided.

use super::explanation::Explanation;
use super::flags::{Chosen, Flags};
use super::segments;
use crate::archive::{ArchivedEnvironment, Choosable};
use crate::compile::Provenance;
use crate::evaluate::{Evaluation, Observer};
use crate::request::Identity;
use crate::side::Side;

/// Notes what an evaluation chooses.
pub(super) struct Account<'x, 'v> {
    environment: &'x ArchivedEnvironment,
    provenance: &'x Provenance<'x, 'v>,
    side: Side,
    identity: &'x Identity<'x>,
    /// The features to explain.
    features: Vec<usize>,
    /// By feature.
    chosen: Vec<Chosen>,
    pub(super) explanation: Explanation,
}

impl<'x, 'v> Account<'x, 'v> {
    /// Nothing is chosen yet. `explanation` has no flags and segments.
    pub(super) fn new(
        environment: &'x ArchivedEnvironment,
        provenance: &'x Provenance<'x, 'v>,
        side: Side,
        identity: &'x Identity<'x>,
        features: Vec<usize>,
        explanation: Explanation,
    ) -> Account<'x, 'v> {
        // The pieces begin with the defaults, in the order of the features.
        let defaults = 0..environment.feature_count();
        let defaults = defaults.map(|piece| Chosen {
            piece,
            identity_override: None,
        });
        Account {
            environment,
            provenance,
            side,
            identity,
            features,
            chosen: defaults.collect(),
            explanation,
        }
    }
}

impl Observer for Account<'_, '_> {
    fn chosen(&mut self, feature: usize, identity_override: Option<Choosable>, piece: usize) {
        self.chosen[feature] = Chosen {
            piece,
            identity_override,
        };
    }

    fn finished(&mut self, evaluation: &mut Evaluation<'_, '_>) {
        let overriding = segments::overriding(self.provenance, &self.features);
        let environment = self.environment;
        let explained = overriding
            .iter()
            .map(|number| segments::explained(environment, self.provenance, *number, evaluation));
        self.explanation.segments = explained.collect();
        let flags = Flags {
            environment,
            provenance: self.provenance,
            side: self.side,
            identity: self.identity,
            overriding: &overriding,
            segments: &self.explanation.segments,
        };
        let explained = self
            .features
            .iter()
            .map(|feature| flags.explained(*feature, self.chosen[*feature], evaluation));
        self.explanation.flags = explained.collect();
    }
}
