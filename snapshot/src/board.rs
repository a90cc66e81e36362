//! The board: one small file of atomics that writer and readers share. Knows nothing of what a row
//! or a slot stands for.
//!
//! Its layout follows from its [`Shape`] alone, in lines of 128 bytes so that two processes never
//! write to one cache line (two neighbouring lines of 64 bytes are often fetched as a pair):
//!
//! ```text
//! line 0      magic, layout, caller's format, rows, slots: written before the board has its name
//! line 1      the newest generation of all, the generation of the index
//! line 2      whether the writer drains
//! line 3..7   a word for each of the newest generations: which row it was published for
//! line 7..    a word for each row: the generation of its file, 0 for none
//! then        a word for each row: microseconds since 1970 of its last fetch, 0 for never
//! then        a line for each slot: the process that holds it with its state, its heartbeat
//! ```
//!
//! A row's two words are in two runs, because every request reads the one and every fetch writes
//! the other. There may be many more rows than anybody uses: those are room on disk, and memory
//! only once they are looked at.
//!
//! A slot is held by one process, and what another says about it is not heard: a worker that still drains while its
//! successor boots cannot overwrite what that one says.
//!
//! Generations are stored with Release and loaded with Acquire: they publish files. Every other
//! word stands for itself alone and is relaxed.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use crate::directory::Directory;
use crate::error::{Defect, Error};
use crate::map::Words;
use crate::slot::{Heartbeat, Holder, WorkerState};

const LINE: usize = 16;
const GENERATION: usize = LINE;
const INDEX_GENERATION: usize = LINE + 1;
const DRAINING: usize = 2 * LINE;
const RECENT: usize = 3 * LINE;
/// How many of the newest generations are remembered.
const REMEMBERED: u64 = 64;
const ROWS: usize = RECENT + 4 * LINE;
const MAGIC: u64 = u64::from_ne_bytes(*b"board\0\0\0");
const LAYOUT: u32 = 3;
/// Stands for the index where a row is expected.
const NO_ROW: u32 = u32::MAX;

const _: () = assert!(RECENT + REMEMBERED as usize == ROWS);

/// What a board has room for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shape {
    /// The caller's layout number of its archived types: readers of another refuse the directory.
    pub format: u32,
    /// What is published, each on its own; fewer than 2³² - 1.
    pub rows: usize,
    /// Workers.
    pub slots: usize,
}

/// What a generation was published for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Published {
    /// The index.
    Index,
    /// This row's file.
    Row(usize),
}

/// A small shared file of atomics. Cheap to look at on every request.
pub struct Board {
    words: Words,
    shape: Shape,
}

impl Board {
    /// The newest generation of all, 0 for none in this run: tells whether anything was published
    /// since, and [`published`](Self::published) what.
    #[inline]
    pub fn generation(&self) -> u64 {
        self.words[GENERATION].load(Ordering::Acquire)
    }

    /// The generation of the index, 0 for none in this run. It can be mapped after this (Acquire).
    #[inline]
    pub fn index_generation(&self) -> u64 {
        self.words[INDEX_GENERATION].load(Ordering::Acquire)
    }

    /// The generation of this row's file, published or adopted in this run; 0 for none. It can be
    /// mapped after this (Acquire).
    ///
    /// # Panics
    ///
    /// If there is no such row.
    #[inline]
    pub fn row_generation(&self, row: usize) -> u64 {
        self.row(row).load(Ordering::Acquire)
    }

    /// What a generation was published for; `None` for one of another run, or too long ago: the
    /// newest 64 are remembered. To be asked for generations up to [`generation`](Self::generation).
    pub fn published(&self, generation: u64) -> Option<Published> {
        let word = self.recent(generation).load(Ordering::Acquire);
        // A newer one may have taken its place, even since the caller looked.
        if word >> 32 != generation & u64::from(u32::MAX) || generation == 0 {
            return None;
        }
        Some(match word as u32 {
            NO_ROW => Published::Index,
            row => Published::Row(row as usize),
        })
    }

    /// When the fetch of this row last succeeded, to the microsecond; `None` for never.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    pub fn fetched(&self, row: usize) -> Option<SystemTime> {
        match self.fetch(row).load(Ordering::Relaxed) {
            0 => None,
            microseconds => SystemTime::UNIX_EPOCH.checked_add(Duration::from_micros(microseconds)),
        }
    }

    /// Notes a successful fetch. For the writer alone.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    pub fn set_fetched(&self, row: usize, at: SystemTime) {
        let since = at
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let microseconds = u64::try_from(since.as_micros()).unwrap_or(u64::MAX);
        // 0 stands for never, so a clock set to 1970 counts as a microsecond later.
        self.fetch(row)
            .store(microseconds.max(1), Ordering::Relaxed);
    }

    /// Whether the writer has begun to drain: readiness fails from here on.
    pub fn draining(&self) -> bool {
        self.words[DRAINING].load(Ordering::Relaxed) != 0
    }

    /// Begins to drain, for good. For the writer alone.
    pub fn set_draining(&self) {
        self.words[DRAINING].store(1, Ordering::Relaxed);
    }

    /// What the process that holds this slot is doing.
    ///
    /// # Panics
    ///
    /// If there is no such slot.
    pub fn worker_state(&self, slot: usize) -> WorkerState {
        Holder::of(self.slot(slot).load(Ordering::Relaxed)).state
    }

    /// The process that holds this slot, or held it last; 0 for none so far.
    ///
    /// # Panics
    ///
    /// If there is no such slot.
    pub fn worker_process(&self, slot: usize) -> u32 {
        Holder::of(self.slot(slot).load(Ordering::Relaxed)).process
    }

    /// Gives the slot to a process, which has yet to boot; nothing, if it holds it. For that process, and for whoever
    /// started it.
    ///
    /// # Panics
    ///
    /// If there is no such slot.
    pub fn claim_slot(&self, slot: usize, process: u32) {
        self.replace(slot, |holder| {
            (holder.process != process).then_some(Holder {
                process,
                state: WorkerState::Starting,
            })
        });
        self.heartbeat(slot)
            .store(Heartbeat::now().word(), Ordering::Relaxed);
    }

    /// Says what the process is doing, unless another holds the slot by now. For that process, and for whoever saw it
    /// end.
    ///
    /// # Panics
    ///
    /// If there is no such slot.
    pub fn set_worker_state(&self, slot: usize, process: u32, state: WorkerState) {
        self.replace(slot, |holder| {
            (holder.process == process).then_some(Holder { process, state })
        });
    }

    /// Says that the process is alive and takes its turns, unless another holds the slot by now. For that process.
    ///
    /// # Panics
    ///
    /// If there is no such slot.
    pub fn beat(&self, slot: usize, process: u32) {
        if self.worker_process(slot) == process {
            self.heartbeat(slot)
                .store(Heartbeat::now().word(), Ordering::Relaxed);
        }
    }

    /// How long ago the process that holds this slot last said that it is alive. Time in which the machine was
    /// suspended does not count.
    ///
    /// # Panics
    ///
    /// If there is no such slot.
    pub fn heartbeat_age(&self, slot: usize) -> Duration {
        Heartbeat::of(self.heartbeat(slot).load(Ordering::Relaxed)).age()
    }

    /// The slot whose socket this slot's worker takes connections from while nobody else does; `None` if there is but
    /// one slot.
    pub fn neighbour(&self, slot: usize) -> Option<usize> {
        (self.shape.slots > 1).then(|| (slot + 1) % self.shape.slots)
    }

    /// What there is room for.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Puts a new board in place of whatever is there. Who maps the old one keeps it.
    pub(crate) fn create(directory: &Directory, shape: Shape) -> Result<Self, Error> {
        let path = directory.board();
        let header = header(shape);
        let count = count(shape).ok_or_else(|| too_large(&path))?;
        let header = header.map(u64::to_ne_bytes).concat();
        directory.stage_with_room(&header, count * size_of::<u64>(), &path)?;
        Self::open(directory, shape.format)
    }

    /// Maps the board that is there.
    pub(crate) fn open(directory: &Directory, format: u32) -> Result<Self, Error> {
        let path = directory.board();
        let words = Words::open(&path)?;
        let shape = check(&words, format).map_err(Error::defective(&path))?;
        Ok(Self { words, shape })
    }

    /// Publishes: the file that was named before is there for who loads this (Release).
    pub(crate) fn publish(&self, published: Published, generation: u64) {
        let (row, word) = match published {
            Published::Index => (NO_ROW, &self.words[INDEX_GENERATION]),
            Published::Row(row) => (u32::try_from(row).unwrap_or(NO_ROW), self.row(row)),
        };
        let recent = generation << 32 | u64::from(row);
        self.recent(generation).store(recent, Ordering::Release);
        word.store(generation, Ordering::Release);
        // Last: who sees it sees what it was published for.
        self.words[GENERATION].store(generation, Ordering::Release);
    }

    /// Names a file of an earlier run as this row's. Before any reader has mapped the board, for
    /// nobody is told.
    pub(crate) fn adopt(&self, row: usize, generation: u64) {
        self.row(row).store(generation, Ordering::Release);
    }

    fn recent(&self, generation: u64) -> &AtomicU64 {
        &self.words[RECENT + (generation % REMEMBERED) as usize]
    }

    #[inline]
    fn row(&self, row: usize) -> &AtomicU64 {
        &self.words[ROWS + self.checked(row)]
    }

    fn fetch(&self, row: usize) -> &AtomicU64 {
        &self.words[ROWS + run(self.shape.rows) + self.checked(row)]
    }

    #[inline]
    fn checked(&self, row: usize) -> usize {
        let rows = self.shape.rows;
        assert!(row < rows, "row {row} of a board with {rows} rows");
        row
    }

    fn replace(&self, slot: usize, next: impl Fn(Holder) -> Option<Holder>) {
        // An error only says that nothing was to be replaced.
        let _ = self
            .slot(slot)
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |word| {
                next(Holder::of(word)).map(Holder::word)
            });
    }

    fn heartbeat(&self, slot: usize) -> &AtomicU64 {
        &self.words[self.slot_place(slot) + 1]
    }

    fn slot(&self, slot: usize) -> &AtomicU64 {
        &self.words[self.slot_place(slot)]
    }

    fn slot_place(&self, slot: usize) -> usize {
        assert!(
            slot < self.shape.slots,
            "slot {slot} of a board with {} slots",
            self.shape.slots
        );
        ROWS + 2 * run(self.shape.rows) + slot * LINE
    }
}

impl fmt::Debug for Board {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Board")
            .field("shape", &self.shape)
            .field("generation", &self.generation())
            .field("index_generation", &self.index_generation())
            .field("draining", &self.draining())
            .finish_non_exhaustive()
    }
}

fn header(shape: Shape) -> [u64; 5] {
    [
        MAGIC,
        u64::from(LAYOUT),
        u64::from(shape.format),
        shape.rows as u64,
        shape.slots as u64,
    ]
}

/// The length of a run of one word for each row.
fn run(rows: usize) -> usize {
    rows.next_multiple_of(LINE)
}

/// The words a board of this shape has, if that can be counted in bytes.
fn count(shape: Shape) -> Option<usize> {
    u32::try_from(shape.rows)
        .ok()
        .filter(|rows| *rows < NO_ROW)?;
    let rows = shape.rows.checked_next_multiple_of(LINE)?.checked_mul(2)?;
    let slots = shape.slots.checked_mul(LINE)?;
    let count = ROWS.checked_add(rows)?.checked_add(slots)?;
    count.checked_mul(size_of::<u64>())?;
    Some(count)
}

/// The shape of a board, if it is one of ours and as long as it says.
fn check(words: &[AtomicU64], format: u32) -> Result<Shape, Defect> {
    let bytes = |count: usize| (count as u64).saturating_mul(size_of::<u64>() as u64);
    if words.len() < ROWS {
        return Err(Defect::Truncated {
            found: bytes(words.len()),
            expected: bytes(ROWS),
        });
    }
    let word = |place: usize| words[place].load(Ordering::Relaxed);
    let number = |place: usize| u32::try_from(word(place)).unwrap_or(u32::MAX);
    let size = |place: usize| usize::try_from(word(place)).unwrap_or(usize::MAX);
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
    let expected = count(shape).unwrap_or(usize::MAX);
    if words.len() != expected {
        return Err(Defect::Length {
            found: bytes(words.len()),
            expected: bytes(expected),
        });
    }
    Ok(shape)
}

fn too_large(path: &Path) -> Error {
    Error::io("create", path)(std::io::ErrorKind::FileTooLarge.into())
}
