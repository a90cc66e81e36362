//! A range of what is archived.

use std::ops::Range;

use rkyv::{Archive, Serialize};

/// A range of bytes, or of `overrides`.
#[derive(Archive, Serialize, Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl ArchivedSpan {
    pub(crate) fn range(&self) -> Range<usize> {
        self.start.to_native() as usize..self.end.to_native() as usize
    }
}
