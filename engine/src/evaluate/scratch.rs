//! Memory that evaluations use one after the other, so that most of them allocate nothing.
//!
//! Holds nothing that outlives an evaluation. Knows nothing of how one is made.

use super::property_value::PropertyValue;
use crate::archive::ArchivedEnvironment;

/// Memory for evaluations: one set serves one thread, whatever the environment.
#[derive(Default)]
pub struct Scratch {
    pub(crate) spare: Spare,
    pub(crate) known: Known,
    /// By salt, what buckets are computed from; `None` until it is needed.
    pub(crate) buckets: Vec<Option<u16>>,
    pub(crate) choices: Vec<u32>,
}

impl Scratch {
    /// Memory for nothing yet.
    pub fn new() -> Scratch {
        Scratch::default()
    }
}

/// By property; `None` until it is looked at.
pub(crate) type Values<'v> = Vec<Option<PropertyValue<'v>>>;

/// Room for values between evaluations.
#[derive(Default)]
pub(crate) struct Spare(Values<'static>);

impl Spare {
    /// Room for the values of so many properties.
    pub(crate) fn take<'v>(&mut self, count: usize) -> Values<'v> {
        let mut values = recycle(std::mem::take(&mut self.0));
        values.resize(count, None);
        values
    }

    pub(crate) fn keep(&mut self, values: Values<'_>) {
        self.0 = recycle(values);
    }
}

/// What an evaluation has decided so far.
#[derive(Default)]
pub(crate) struct Known {
    /// By condition; `None` until it is needed.
    pub(crate) outcomes: Vec<Option<bool>>,
    /// By segment, likewise.
    pub(crate) matches: Vec<Option<bool>>,
    /// By precedence, likewise: how many of its segments come before the first that matches.
    pub(crate) ranks: Vec<Option<u32>>,
}

impl Known {
    /// Forgets everything, and has room for what `environment` has.
    pub(crate) fn forget(&mut self, environment: &ArchivedEnvironment) {
        reset(&mut self.outcomes, environment.conditions.len());
        reset(&mut self.matches, environment.segments.len());
        reset(&mut self.ranks, environment.precedences.len());
    }
}

fn reset<T: Clone>(items: &mut Vec<Option<T>>, count: usize) {
    items.clear();
    items.resize(count, None);
}

/// The same memory, empty, for values that borrow from elsewhere: collecting a vector's own elements leaves them in it.
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
        let place = values.as_ptr().addr();
        let again: Values<'static> = recycle(values);
        assert_eq!(
            (again.as_ptr().addr(), again.len(), again.capacity()),
            (place, 0, 5)
        );
    }
}
