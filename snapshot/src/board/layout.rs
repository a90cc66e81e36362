//! Where the words of the board are, and how a board is recognised.
//!
//! The layout follows from the [`Shape`] alone. It is in lines of 128 bytes, so that two processes never write to one
//! cache line (processors often fetch two neighbouring lines of 64 bytes as a pair):
//!
//! ```text
//! line 0     magic, layout, caller's format, rows, slots: written before the board has its name
//! line 1     the generation of the index
//! line 2..   the caller's common words
//! then       a word for each row: the generation of its file, 0 for none
//! then       lines for each row: the caller's words
//! then       lines for each slot: the caller's words
//! ```
//!
//! The generations lie together, because every request reads one of them. The whole board is allocated at the start,
//! also the rows that are not used.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::Defect;

/// Words in a line.
const LINE: usize = 16;
pub(super) const INDEX_GENERATION: usize = LINE;
const COMMON: usize = 2 * LINE;
const MAGIC: u64 = u64::from_ne_bytes(*b"board\0\0\0");
const LAYOUT: u32 = 5;

/// What a board has room for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shape {
    /// The caller's version of its archived types and of its words. Readers of another one refuse the directory.
    pub format: u32,
    /// How many values can be published, each on its own; fewer than 2³² - 1.
    pub rows: usize,
    /// How many processes have words of their own.
    pub slots: usize,
    /// How many words the caller has in common, for each row and for each slot. Each is rounded up to whole lines.
    pub words: CallersWords,
}

/// How many words of 64 bits the caller has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CallersWords {
    /// For the directory as a whole.
    pub common: usize,
    /// For each row.
    pub row: usize,
    /// For each slot.
    pub slot: usize,
}

impl Shape {
    pub(super) fn common_words(self) -> Range<usize> {
        COMMON..COMMON + self.words.common
    }

    #[inline]
    pub(super) fn generation_of(self, row: usize) -> usize {
        assert!(
            row < self.rows,
            "row {row} of a board with {} rows",
            self.rows
        );
        self.generations() + row
    }

    pub(super) fn words_of_row(self, row: usize) -> Range<usize> {
        let generation = self.generation_of(row);
        let words = self.words.row;
        let rows = self.generations() + lines(self.rows);
        let start = rows + (generation - self.generations()) * lines(words);
        start..start + words
    }

    pub(super) fn words_of_slot(self, slot: usize) -> Range<usize> {
        let slots = self.slots;
        assert!(slot < slots, "slot {slot} of a board with {slots} slots");
        let words = self.words.slot;
        let rows = self.generations() + lines(self.rows);
        let start = rows + self.rows * lines(self.words.row) + slot * lines(words);
        start..start + words
    }

    /// Where the generations of the rows begin.
    fn generations(self) -> usize {
        COMMON + lines(self.words.common)
    }

    /// The words of a board of this shape; `None` if their bytes cannot be counted, or rows in 32 bits.
    fn count(self) -> Option<usize> {
        u32::try_from(self.rows)
            .ok()
            .filter(|rows| *rows < u32::MAX)?;
        let whole = |words: usize| words.checked_next_multiple_of(LINE);
        let rows = self.rows.checked_mul(whole(self.words.row)?)?;
        let slots = self.slots.checked_mul(whole(self.words.slot)?)?;
        let words = COMMON
            .checked_add(whole(self.words.common)?)?
            .checked_add(whole(self.rows)?)?
            .checked_add(rows)?
            .checked_add(slots)?;
        words.checked_mul(size_of::<u64>())?;
        Some(words)
    }

    /// The length of a board of this shape; `None` if it cannot be counted.
    pub(super) fn bytes(self) -> Option<usize> {
        Some(self.count()? * size_of::<u64>())
    }
}

/// So many words, and those that fill their last line.
fn lines(words: usize) -> usize {
    words.next_multiple_of(LINE)
}

/// The first bytes of a board.
pub(super) fn header(shape: Shape) -> Vec<u8> {
    let words = [
        MAGIC,
        u64::from(LAYOUT),
        u64::from(shape.format),
        shape.rows as u64,
        shape.slots as u64,
        shape.words.common as u64,
        shape.words.row as u64,
        shape.words.slot as u64,
    ];
    words.map(u64::to_ne_bytes).concat()
}

/// The shape of a board, if it is one of ours and as long as it says.
pub(super) fn check(words: &[AtomicU64], format: u32) -> Result<Shape, Defect> {
    let bytes = |count: usize| (count as u64).saturating_mul(size_of::<u64>() as u64);
    if words.len() < COMMON {
        return Err(Defect::Truncated {
            found: bytes(words.len()),
            expected: bytes(COMMON),
        });
    }
    let word = |position: usize| words[position].load(Ordering::Relaxed);
    let number = |position: usize| u32::try_from(word(position)).unwrap_or(u32::MAX);
    let size = |position: usize| usize::try_from(word(position)).unwrap_or(usize::MAX);
    if word(0) != MAGIC {
        return Err(Defect::Foreign);
    }
    if number(1) != LAYOUT {
        return Err(Defect::HeaderFormat {
            found: number(1),
            expected: LAYOUT,
        });
    }
    if number(2) != format {
        return Err(Defect::Format {
            found: number(2),
            expected: format,
        });
    }
    let shape = Shape {
        format,
        rows: size(3),
        slots: size(4),
        words: CallersWords {
            common: size(5),
            row: size(6),
            slot: size(7),
        },
    };
    let expected = shape.count().unwrap_or(usize::MAX);
    if words.len() != expected {
        return Err(Defect::Length {
            found: bytes(words.len()),
            expected: bytes(expected),
        });
    }
    Ok(shape)
}
