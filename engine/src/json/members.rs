//! An object being read: what becomes of repeated names.

use std::borrow::Cow;
use std::collections::HashMap;

use super::{Text, Value};

/// An object being read: members in order of first appearance, the last value of each name.
#[derive(Default)]
pub(super) struct Members<'a> {
    pub(super) list: Vec<(Text<'a>, Value<'a>)>,
    /// Places by name, kept only for objects too large to search one by one.
    places: HashMap<Cow<'a, str>, usize>,
}

/// From here on a look-up table beats a search.
const LARGE: usize = 32;

impl<'a> Members<'a> {
    /// Sets the value of a name.
    pub(super) fn set(&mut self, name: Text<'a>, value: Value<'a>) {
        if self.list.len() == LARGE && self.places.is_empty() {
            for (place, (name, _)) in self.list.iter().enumerate() {
                self.places.insert(name.to_cow(), place);
            }
        }
        let place = if self.list.len() < LARGE {
            self.list.iter().position(|(known, _)| *known == name)
        } else {
            self.places.get(name.as_str()).copied()
        };
        match place {
            Some(place) => self.list[place].1 = value,
            None => {
                if self.list.len() >= LARGE {
                    self.places.insert(name.to_cow(), self.list.len());
                }
                self.list.push((name, value));
            }
        }
    }
}
