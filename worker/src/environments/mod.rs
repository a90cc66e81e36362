//! What a worker answers from: the index, and of its environments those that requests asked for. Follows the board.
//! Knows nothing of what is answered.
//!
//! Nothing here is done for all environments, of which there may be many thousands: keys are looked up in the index
//! where it is mapped, and an environment is mapped when a request first opens it.

pub(crate) mod mapped;
mod row;

use std::cell::{Cell, Ref, RefCell};
use std::collections::HashMap;
use std::hash::BuildHasher;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_http::RequestHead;
use actix_http::header::{HeaderName, HeaderValue};
use contract::{ArchivedIndexEntry, Index, key, with_causes};
use engine::Side;
use foldhash::fast::RandomState;
use snapshot::{Board, Error, Map, Reader};

use crate::environments::mapped::Held;
use crate::http::refusal::Refusal;
use row::{PATIENCE, Place};

static ENVIRONMENT_KEY: HeaderName = HeaderName::from_static("x-environment-key");

/// The newest of everything that this worker could map.
pub(crate) struct Current {
    reader: Arc<Reader>,
    generation: RefCell<Generation>,
    /// When the newest index could not be mapped.
    failed: Cell<Option<Instant>>,
}

/// One generation of the index, and what was asked for since it is current.
pub(crate) struct Generation {
    number: u64,
    reader: Arc<Reader>,
    index: Map<Index>,
    asked: RefCell<Asked>,
}

/// What keys opened, so far.
#[derive(Default)]
struct Asked {
    /// Keys that were presented and found good, by their hash: a server-side key is digested once.
    keys: HashMap<u64, Known, RandomState>,
    /// Hashes keys, in another way in every process. A wrong key is compared with a good one when all 64 bits happen to
    /// be the same, so that no client learns from the time of a refusal how much of a key it has right.
    hashes: RandomState,
    places: Vec<Place>,
    /// Each place's position, by its row.
    positions: HashMap<usize, usize, RandomState>,
}

/// A good key.
struct Known {
    key: Box<[u8]>,
    opens: Opens,
}

/// What a key opens.
#[derive(Clone, Copy)]
struct Opens {
    position: usize,
    side: Side,
}

impl Current {
    /// Maps the index that the board names.
    pub(crate) fn open(reader: Arc<Reader>) -> Result<Self, Error> {
        Ok(Self {
            generation: RefCell::new(Generation::map(&reader)?),
            failed: Cell::new(None),
            reader,
        })
    }

    /// The board of the state directory.
    pub(crate) fn board(&self) -> &Board {
        self.reader.board()
    }

    /// The generation to answer from. One atomic load, unless it moved.
    #[inline]
    pub(crate) fn generation(&self) -> Ref<'_, Generation> {
        let generation = self.generation.borrow();
        if self.board().index_generation() == generation.number {
            return generation;
        }
        drop(generation);
        self.follow_index();
        self.generation.borrow()
    }

    /// Follows the board without a request: maps anew what was published of the environments that are held, so that no
    /// request waits for that and retired maps are let go of.
    #[cold]
    pub(crate) fn follow_patiently(&self) {
        self.generation().follow();
    }

    /// Maps the newest index; if it cannot be, that is told in the log, and tried again.
    #[cold]
    fn follow_index(&self) {
        let tried = self.failed.get();
        if tried.is_some_and(|at| at.elapsed() < PATIENCE) {
            return;
        }
        match Generation::map(&self.reader) {
            Ok(next) => {
                log::debug!("index {} is current", next.number);
                self.failed.set(None);
                let before = self.generation.replace(next);
                self.generation.borrow().keep(before);
            }
            Err(error) => {
                self.failed.set(Some(Instant::now()));
                log::error!(
                    "index {} not served: {}; still serving {}",
                    self.board().index_generation(),
                    with_causes(&error),
                    self.generation.borrow().number
                );
            }
        }
    }
}

impl Generation {
    /// The newest index, of which nothing was asked yet.
    fn map(reader: &Arc<Reader>) -> Result<Self, Error> {
        loop {
            let number = reader.board().index_generation();
            match reader.index::<Index>(number) {
                Ok(index) => {
                    return Ok(Self {
                        number,
                        reader: Arc::clone(reader),
                        index,
                        asked: RefCell::default(),
                    });
                }
                // A newer one replaced it meanwhile.
                Err(Error::Retired { .. }) if reader.board().index_generation() != number => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes over what is held of the environments that are still there. Keys have to be presented again.
    fn keep(&self, before: Self) {
        let mut asked = self.asked.borrow_mut();
        for place in before.asked.into_inner().places {
            let file = |index: &Map<Index>| Some(index.environment(place.row())?.file.to_string());
            // A row means the same for a whole run; should it not, nothing is served under another's name.
            if file(&self.index).is_some_and(|now| Some(now) == file(&before.index)) {
                asked.add(place);
            }
        }
    }

    /// Maps anew what is held of rows that were published since.
    fn follow(&self) {
        let mut asked = self.asked.borrow_mut();
        for place in &mut asked.places {
            if place.is_outdated(self.reader.board()) {
                self.refresh(place);
            }
        }
    }

    fn refresh(&self, place: &mut Place) {
        if let Some(entry) = self.entry(place.row()) {
            place.follow(&self.reader, entry);
        }
    }

    fn entry(&self, row: usize) -> Option<&ArchivedIndexEntry> {
        self.index.environment(row)
    }

    /// The rows that count: those of environments. The board has many more.
    pub(crate) fn rows(&self) -> impl Iterator<Item = usize> {
        let rows = self.reader.board().shape().rows;
        let entries = self.index.environments.iter();
        let entries = entries.map(|entry| entry.row.to_native() as usize);
        entries.filter(move |row| *row < rows)
    }

    /// Whether every environment has a document.
    pub(crate) fn is_complete(&self) -> bool {
        let board = self.reader.board();
        self.rows().all(|row| board.row_generation(row) != 0)
    }

    /// Age of the oldest successful fetch from which the proxy is not ready; `None` for never.
    pub(crate) fn stale_after(&self) -> Option<Duration> {
        self.index.stale_after()
    }

    /// The environment that a request's key opens, and as what. One look-up and one atomic load, unless the key or
    /// the document is new here.
    #[inline]
    pub(crate) fn open(&self, head: &RequestHead) -> Result<(Rc<Held>, Side), Refusal> {
        let Some(key) = head.headers.get(&ENVIRONMENT_KEY) else {
            return Err(Refusal::UnknownKey(None));
        };
        let asked = self.asked.borrow();
        if let Some(opens) = asked.opens(key.as_bytes())
            && let Some(held) = asked.places[opens.position].current(self.reader.board())
        {
            return Ok((Rc::clone(held), opens.side));
        }
        drop(asked);
        self.open_anew(key)
    }

    #[cold]
    fn open_anew(&self, key: &HeaderValue) -> Result<(Rc<Held>, Side), Refusal> {
        let mut asked = self.asked.borrow_mut();
        let opens = match asked.opens(key.as_bytes()) {
            Some(opens) => opens,
            None => {
                // What opens nothing is not remembered, or strangers could fill this process's memory.
                let Some((row, side)) = self.find(key.as_bytes()) else {
                    return Err(Refusal::UnknownKey(Some(text(key))));
                };
                let position = match asked.positions.get(&row) {
                    Some(position) => *position,
                    None => asked.add(Place::of_row(row)),
                };
                let opens = Opens { position, side };
                asked.remember(key.as_bytes(), opens);
                opens
            }
        };
        let place = &mut asked.places[opens.position];
        self.refresh(place);
        match place.held() {
            Some(held) => Ok((Rc::clone(held), opens.side)),
            None => Err(Refusal::NoDocument),
        }
    }

    /// The row that a key opens. Only a digest of each server-side key is known.
    fn find(&self, key: &[u8]) -> Option<(usize, Side)> {
        let (row, side) = if key::is_server_side(key) {
            let digest = key::digest(key);
            (self.index.open_server_side(&digest)?, Side::Server)
        } else {
            let key = std::str::from_utf8(key).ok()?;
            (self.index.open_client_side(key)?, Side::Client)
        };
        (row < self.reader.board().shape().rows).then_some((row, side))
    }
}

impl Asked {
    #[inline]
    fn opens(&self, key: &[u8]) -> Option<Opens> {
        let known = self.keys.get(&self.hashes.hash_one(key))?;
        (*known.key == *key).then_some(known.opens)
    }

    fn remember(&mut self, key: &[u8], opens: Opens) {
        let known = Known {
            key: key.into(),
            opens,
        };
        self.keys.insert(self.hashes.hash_one(key), known);
    }

    /// Returns its position.
    fn add(&mut self, place: Place) -> usize {
        let position = self.places.len();
        self.positions.insert(place.row(), position);
        self.places.push(place);
        position
    }
}

/// A header's value as Python's servers read it: a byte is a character.
fn text(value: &HeaderValue) -> String {
    value.as_bytes().iter().copied().map(char::from).collect()
}
