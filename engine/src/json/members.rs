//! An object being read: what becomes of repeated names.

use std::borrow::Cow;
use std::collections::HashMap;

use super::{Text, Value};

/// The names of an object being read. Knows nothing of their values.
#[derive(Default)]
pub(super) struct Names<'a> {
    /// One bit for each name, by its look: one whose bit is not set has not been there.
    seen: u64,
    /// Places by name, kept only for objects too large to search one by one.
    places: Option<HashMap<Cow<'a, str>, usize>>,
}

/// From here on a look-up table beats a search.
const LARGE: usize = 32;

impl<'a> Names<'a> {
    /// The place of `name` among `members` if it is there, else it will be the next.
    pub(super) fn place(
        &mut self,
        name: &Text<'a>,
        members: &[(Text<'a>, Value<'a>)],
    ) -> Option<usize> {
        if members.len() < LARGE {
            let bit = 1 << look(name.as_str().as_bytes());
            let seen = self.seen & bit != 0;
            self.seen |= bit;
            return seen
                .then(|| members.iter().position(|(known, _)| known == name))
                .flatten();
        }
        let places = self.places.get_or_insert_with(|| {
            let names = members.iter().map(|(name, _)| name.to_cow());
            names.zip(0..).collect()
        });
        let place = places.get(name.as_str()).copied();
        if place.is_none() {
            places.insert(name.to_cow(), members.len());
        }
        place
    }
}

/// A number below 64 that differs for most names that are not the same.
fn look(name: &[u8]) -> u8 {
    let byte = |place: usize| name.get(place).copied().unwrap_or_default();
    let sum = byte(0)
        .wrapping_add(byte(name.len() / 2).wrapping_mul(3))
        .wrapping_add(byte(name.len().wrapping_sub(1)).wrapping_mul(5));
    (sum ^ (name.len() as u8).wrapping_mul(7)) % 64
}
