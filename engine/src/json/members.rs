//! The names of an object that is being read: a repeated name replaces the value of the first one.

use std::borrow::Cow;
use std::collections::HashMap;

use super::text::Text;
use super::value::Value;

/// The names of the members read so far.
#[derive(Default)]
pub(super) struct Names<'a> {
    /// Indices by name; `None` while the object is small enough to be searched.
    indices: Option<HashMap<Cow<'a, str>, usize>>,
}

/// From this many members on a look-up table is faster than a search.
const LARGE: usize = 32;

impl<'a> Names<'a> {
    /// The index of the member of that name. If there is none, the caller has to add one.
    #[inline]
    pub(super) fn find(
        &mut self,
        name: &Text<'a>,
        members: &[(Text<'a>, Value<'a>)],
    ) -> Option<usize> {
        if members.len() < LARGE {
            return members.iter().position(|(known, _)| known == name);
        }
        let indices = self.indices.get_or_insert_with(|| {
            let names = members.iter().map(|(name, _)| name.to_cow());
            names.zip(0..).collect()
        });
        let index = indices.get(name.as_str()).copied();
        if index.is_none() {
            indices.insert(name.to_cow(), members.len());
        }
        index
    }
}
