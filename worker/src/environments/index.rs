//! One generation of the index, and the environments that requests have opened since it is current.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use contract::{ArchivedIndexEntry, Index, ReadyWhen};
use engine::Side;
use foldhash::fast::RandomState;
use journal::Usage;
use snapshot::{Error, Map, Reader};

use super::keys::{self, KeyCache, Target};
use super::mapped::MappedEnvironment;
use super::row::Row;
use super::status::Status;
use crate::http::refusal::Refusal;

/// The index that requests are answered from.
pub(crate) struct CurrentIndex {
    generation: u64,
    reader: Arc<Reader>,
    index: Map<Index>,
    opened: RefCell<Opened>,
}

/// What requests have opened so far.
#[derive(Default)]
struct Opened {
    keys: KeyCache,
    rows: Vec<Row>,
    /// The position of each row in `rows`.
    positions: HashMap<usize, usize, RandomState>,
}

impl CurrentIndex {
    /// Maps the newest index.
    pub(super) fn map(reader: &Arc<Reader>) -> Result<Self, Error> {
        loop {
            let generation = reader.board().index_generation();
            match reader.index::<Index>(generation) {
                Ok(index) => {
                    return Ok(Self {
                        generation,
                        reader: Arc::clone(reader),
                        index,
                        opened: RefCell::default(),
                    });
                }
                // It was replaced meanwhile.
                Err(Error::Retired { .. }) if reader.board().index_generation() != generation => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Takes over the maps of environments that are in this index too. Keys are looked up again.
    pub(super) fn take_over(&self, previous: Self) {
        let mut opened = self.opened.borrow_mut();
        for row in previous.opened.into_inner().rows {
            let file = |index: &Map<Index>| Some(index.environment(row.number())?.file.to_string());
            // The supervisor uses a row for one environment only. Should it ever not, no environment is served for
            // another.
            if file(&self.index).is_some_and(|file_now| Some(file_now) == file(&previous.index)) {
                opened.add(row);
            }
        }
    }

    /// Maps the environments anew that were opened and have been published since. Looks at the row of each opened one:
    /// 13 µs for 10,000 of them, 0.2 ms if nothing of that is in the processor's caches.
    pub(super) fn remap_outdated(&self) {
        let mut opened = self.opened.borrow_mut();
        for row in &mut opened.rows {
            if row.is_outdated(self.reader.board()) {
                self.remap(row);
            }
        }
    }

    fn remap(&self, row: &mut Row) {
        if let Some(entry) = self.entry(row.number()) {
            row.remap(&self.reader, entry);
        }
    }

    fn entry(&self, row: usize) -> Option<&ArchivedIndexEntry> {
        self.index.environment(row)
    }

    /// Gives what each environment has answered since the last time to `report`, with its client-side key. What could
    /// not be reported is given again.
    pub(crate) fn report_usage(&self, report: impl Fn(&str, Usage) -> bool) {
        for row in &self.opened.borrow().rows {
            if let Some(usage) = row.usage().unreported()
                && let Some(entry) = self.entry(row.number())
                && report(&entry.name, usage)
            {
                row.usage().reported();
            }
        }
    }

    /// How each environment does, in the order of the rows.
    pub(crate) fn statuses(&self, now: SystemTime) -> impl Iterator<Item = Status<'_>> {
        let board = self.reader.board();
        let stale_after = self.index.readiness().stale_after;
        let entries = self.index.environments.iter();
        let entries = entries.filter(|entry| (entry.row.to_native() as usize) < board.shape().rows);
        entries.map(move |entry| Status::of(entry, board, stale_after, now))
    }

    /// How many environments have to be current for the proxy to be ready.
    pub(crate) fn ready_when(&self) -> ReadyWhen {
        self.index.readiness().ready_when
    }

    /// The row of an environment, by its client-side key.
    pub(crate) fn row(&self, client_side_key: &str) -> Option<usize> {
        let row = self.index.open_client_side(client_side_key)?;
        (row < self.reader.board().shape().rows).then_some(row)
    }

    /// The environment that a key opens, and the key's side. Costs one look-up and one atomic load, unless the key or
    /// the document is new to this worker.
    #[inline]
    pub(crate) fn open(&self, key: &[u8]) -> Result<(Rc<MappedEnvironment>, Side), Refusal> {
        let opened = self.opened.borrow();
        if let Some(target) = opened.keys.get(key)
            && !target.expiry.is_over()
            && let Some(environment) = opened.rows[target.position].current(self.reader.board())
        {
            return Ok((Rc::clone(environment), target.side));
        }
        drop(opened);
        self.open_anew(key)
    }

    /// The environment of a row that the index lists; `None` if it has no document. It stays mapped, as if a request
    /// had opened it.
    pub(crate) fn open_row(&self, row: usize) -> Option<Rc<MappedEnvironment>> {
        let mut opened = self.opened.borrow_mut();
        let position = opened.position(row);
        let row = &mut opened.rows[position];
        self.remap(row);
        row.environment().map(Rc::clone)
    }

    #[cold]
    fn open_anew(&self, key: &[u8]) -> Result<(Rc<MappedEnvironment>, Side), Refusal> {
        let mut opened = self.opened.borrow_mut();
        let target = match opened.keys.get(key) {
            Some(target) => target,
            None => {
                // Unknown keys are not kept: strangers could fill this process's memory with them.
                let found = keys::find(&self.index, key)
                    .filter(|found| found.row < self.reader.board().shape().rows);
                let Some(found) = found else {
                    return Err(Refusal::unknown_key(key));
                };
                let target = Target {
                    position: opened.position(found.row),
                    side: found.side,
                    expiry: found.expiry,
                };
                opened.keys.insert(key, target);
                target
            }
        };
        if target.expiry.is_over() {
            return Err(Refusal::unknown_key(key));
        }
        let row = &mut opened.rows[target.position];
        self.remap(row);
        match row.environment() {
            Some(environment) => Ok((Rc::clone(environment), target.side)),
            None => Err(Refusal::NoDocument),
        }
    }

    /// Whether the index lists an environment for this row.
    pub(crate) fn lists(&self, row: usize) -> bool {
        row < self.reader.board().shape().rows && self.entry(row).is_some()
    }
}

impl Opened {
    /// The position of a row, which is added if it is not there.
    fn position(&mut self, row: usize) -> usize {
        match self.positions.get(&row) {
            Some(position) => *position,
            None => self.add(Row::new(row)),
        }
    }

    /// Returns the position of the row.
    fn add(&mut self, row: Row) -> usize {
        let position = self.rows.len();
        self.positions.insert(row.number(), position);
        self.rows.push(row);
        position
    }
}
