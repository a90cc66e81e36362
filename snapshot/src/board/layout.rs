//! Where the words of the board are, and how a board is recognised.
//!
//! The layout follows from the [`Shape`] alone. It is in lines of 128 bytes, so that two processes never write to one
//! cache line (processors often fetch two neighbouring lines of 64 bytes as a pair):
//!
//! ```text
//! line 0     magic, layout, caller's format, rows, slots: written before the board has its name
//! line 1     the generation of the index
//! line 2     the caller's common words
//! line 3..   a word for each row: the generation of its file, 0 for none
//! then       a word for each row: the caller's
//! then       a line for each slot: the caller's
//! ```
//!
//! There may be many more rows than are used. They take room on disk, and memory only when they are looked at.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::Defect;

/// Words in a line.
const LINE: usize = 16;
pub(super) const INDEX_GENERATION: usize = LINE;
pub(super) const COMMON_WORDS: Range<usize> = 2 * LINE..3 * LINE;
const ROWS: usize = 3 * LINE;
const MAGIC: u64 = u64::from_ne_bytes(*b"board\0\0\0");
const LAYOUT: u32 = 4;

/// What a board has room for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shape {
    /// The caller's version of its archived types and of its words. Readers of another one refuse the directory.
    pub format: u32,
    /// How many values can be published, each on its own; fewer than 2³² - 1.
    pub rows: usize,
    /// How many processes have words of their own.
    pub slots: usize,
}

impl Shape {
    #[inline]
    pub(super) fn generation_of(self, row: usize) -> usize {
        assert!(
            row < self.rows,
            "row {row} of a board with {} rows",
            self.rows
        );
        ROWS + row
    }

    pub(super) fn word_of(self, row: usize) -> usize {
        self.generation_of(row) + self.run()
    }

    pub(super) fn words_of_slot(self, slot: usize) -> Range<usize> {
        let slots = self.slots;
        assert!(slot < slots, "slot {slot} of a board with {slots} slots");
        let start = ROWS + 2 * self.run() + slot * LINE;
        start..start + LINE
    }

    /// The length of one word for each row, in whole lines.
    fn run(self) -> usize {
        self.rows.next_multiple_of(LINE)
    }

    /// The words of a board of this shape; `None` if their bytes cannot be counted, or rows in 32 bits.
    fn words(self) -> Option<usize> {
        u32::try_from(self.rows)
            .ok()
            .filter(|rows| *rows < u32::MAX)?;
        let rows = self.rows.checked_next_multiple_of(LINE)?.checked_mul(2)?;
        let slots = self.slots.checked_mul(LINE)?;
        let words = ROWS.checked_add(rows)?.checked_add(slots)?;
        words.checked_mul(size_of::<u64>())?;
        Some(words)
    }

    /// The length of a board of this shape; `None` if it cannot be counted.
    pub(super) fn bytes(self) -> Option<usize> {
        Some(self.words()? * size_of::<u64>())
    }
}

/// The first bytes of a board.
pub(super) fn header(shape: Shape) -> Vec<u8> {
    let words = [
        MAGIC,
        u64::from(LAYOUT),
        u64::from(shape.format),
        shape.rows as u64,
        shape.slots as u64,
    ];
    words.map(u64::to_ne_bytes).concat()
}

/// The shape of a board, if it is one of ours and as long as it says.
pub(super) fn check(words: &[AtomicU64], format: u32) -> Result<Shape, Defect> {
    let bytes = |count: usize| (count as u64).saturating_mul(size_of::<u64>() as u64);
    if words.len() < ROWS {
        return Err(Defect::Truncated {
            found: bytes(words.len()),
            expected: bytes(ROWS),
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
    };
    let expected = shape.words().unwrap_or(usize::MAX);
    if words.len() != expected {
        return Err(Defect::Length {
            found: bytes(words.len()),
            expected: bytes(expected),
        });
    }
    Ok(shape)
}
