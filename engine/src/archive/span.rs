//! A range of bytes or items.

use std::ops::Range;

use rkyv::{Archive, Serialize};

/// A range of bytes or items of something archived; the context says of what.
#[derive(Archive, Serialize, Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    /// How many bytes or items there are.
    pub(crate) fn length(self) -> u32 {
        self.end - self.start
    }

    pub(crate) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

impl ArchivedSpan {
    pub(crate) fn range(&self) -> Range<usize> {
        self.start.to_native() as usize..self.end.to_native() as usize
    }
}

/// The length of a collection. An archive has 32-bit offsets, so a longer one cannot be archived.
pub(crate) fn length<T>(items: &[T]) -> u32 {
    u32::try_from(items.len()).unwrap_or(u32::MAX)
}
