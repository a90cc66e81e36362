//! Prerequisites: flags that conditions read. They are decided before everything else.

use super::evaluation::Evaluation;
use super::property_value::PropertyValue;
use crate::archive::{
    ArchivedDependencies, ArchivedEnvironment, ArchivedFlagMember, ArchivedOverriddenFlag,
    ArchivedPrerequisite, ArchivedScalar,
};

/// The prerequisites of an environment, for one identity.
pub(super) struct Prerequisites<'r> {
    pub(super) environment: &'r ArchivedEnvironment,
    pub(super) dependencies: &'r ArchivedDependencies,
    /// The identity overrides, in the order of the features.
    overrides: &'r [ArchivedOverriddenFlag],
}

impl<'r> Prerequisites<'r> {
    pub(super) fn new(
        environment: &'r ArchivedEnvironment,
        overrides: &'r [ArchivedOverriddenFlag],
    ) -> Prerequisites<'r> {
        Prerequisites {
            environment,
            dependencies: &environment.dependencies,
            overrides,
        }
    }

    /// Those that reach no cycle, each after those that it depends on.
    fn acyclic(&self) -> &'r [ArchivedPrerequisite] {
        &self.dependencies.prerequisites[..self.acyclic_count()]
    }

    /// Those that reach a cycle.
    pub(super) fn circular(&self) -> &'r [ArchivedPrerequisite] {
        &self.dependencies.prerequisites[self.acyclic_count()..]
    }

    pub(super) fn acyclic_count(&self) -> usize {
        self.dependencies.acyclic.to_native() as usize
    }

    /// Decides those that reach no cycle.
    pub(super) fn decide_acyclic(&self, evaluation: &mut Evaluation<'r, '_>) {
        for prerequisite in self.acyclic() {
            self.decide(prerequisite, evaluation);
        }
    }

    /// Decides a flag, all that it depends on being decided, and shows it to conditions.
    pub(super) fn decide(
        &self,
        prerequisite: &ArchivedPrerequisite,
        evaluation: &mut Evaluation<'r, '_>,
    ) {
        let contest = &self.environment.contests.contests[prerequisite.contest.index()];
        let feature = contest.feature.index();
        let found = self
            .overrides
            .binary_search_by_key(&feature, |flag| flag.feature.index());
        let candidate = match found {
            Ok(place) => self.overrides[place].candidate.get(),
            Err(_) => evaluation.winner(contest),
        };
        let seen = &self.dependencies.seen[evaluation.piece(candidate)];
        for property in prerequisite.properties.iter() {
            let scalar = match property.member {
                ArchivedFlagMember::Enabled => Some(&seen.enabled),
                ArchivedFlagMember::Value => Some(&seen.value),
                ArchivedFlagMember::Variant => Some(&seen.variant),
                ArchivedFlagMember::Unknown => None,
            };
            let value = scalar.map_or(PropertyValue::Null, |scalar| {
                value_of(&self.dependencies.scalars[scalar.index()])
            });
            evaluation.properties.set(property.property.index(), value);
        }
    }
}

fn value_of(scalar: &ArchivedScalar) -> PropertyValue<'_> {
    match scalar {
        ArchivedScalar::Null => PropertyValue::Null,
        ArchivedScalar::Boolean(boolean) => PropertyValue::Boolean(*boolean),
        ArchivedScalar::Integer(integer) => PropertyValue::Integer(integer.get()),
        ArchivedScalar::Float(float) => PropertyValue::Float(float.to_native()),
        ArchivedScalar::Text(text) => PropertyValue::coerce(text),
    }
}
