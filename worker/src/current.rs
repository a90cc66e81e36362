//! The generation that a worker answers from: which keys there are, and the maps behind them. Follows the board.
//! Knows nothing of what is answered.

use std::cell::{Cell, Ref, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_http::RequestHead;
use actix_http::header::{HeaderName, HeaderValue};
use engine::{ArchivedIndexKey, Index, Side};
use foldhash::fast::RandomState;
use sha2::{Digest, Sha256};
use snapshot::{Board, Reader};

use crate::held::Held;
use crate::refusal::Refusal;

/// How long the generation in hand is served before one that could not be mapped is tried again.
const PATIENCE: Duration = Duration::from_secs(1);

static ENVIRONMENT_KEY: HeaderName = HeaderName::from_static("x-environment-key");

/// The newest generation this worker could map.
pub(crate) struct Current {
    reader: Arc<Reader>,
    number: Cell<u64>,
    generation: RefCell<Generation>,
    failed: Cell<Option<Instant>>,
}

/// What one generation consists of.
#[derive(Default)]
pub(crate) struct Generation {
    environments: Vec<Place>,
    /// Client-side keys, and every server-side key that was presented and found good: it is digested once.
    keys: RefCell<HashMap<Box<[u8]>, Opens, RandomState>>,
    digests: HashMap<[u8; 32], Opens>,
}

/// What a key opens.
#[derive(Clone, Copy)]
struct Opens {
    environment: usize,
    side: Side,
}

/// One environment's place in a generation.
struct Place {
    file: String,
    generation: Option<u64>,
    held: Option<Rc<Held>>,
}

impl Current {
    /// Maps what the board names.
    pub(crate) fn open(reader: Arc<Reader>) -> Result<Self, snapshot::Error> {
        let current = Self {
            reader,
            number: Cell::new(0),
            generation: RefCell::default(),
            failed: Cell::new(None),
        };
        current.follow()?;
        Ok(current)
    }

    /// The board of the state directory.
    pub(crate) fn board(&self) -> &Board {
        self.reader.board()
    }

    /// The generation to answer from. One atomic load, unless it moved.
    #[inline]
    pub(crate) fn generation(&self) -> Ref<'_, Generation> {
        if self.board().generation() != self.number.get() {
            self.follow_patiently();
        }
        self.generation.borrow()
    }

    /// Looks whether the generation moved; what cannot be mapped is told in the log, and tried again.
    #[cold]
    pub(crate) fn follow_patiently(&self) {
        let tried = self.failed.get();
        if tried.is_some_and(|at| at.elapsed() < PATIENCE) {
            return;
        }
        match self.follow() {
            Ok(()) => self.failed.set(None),
            Err(error) => {
                self.failed.set(Some(Instant::now()));
                let (next, in_hand) = (self.board().generation(), self.number.get());
                log::error!(
                    "generation {next} not served: {}; still serving {in_hand}",
                    chain(&error)
                );
            }
        }
    }

    /// Maps what changed and lets go of what is no longer named.
    fn follow(&self) -> Result<(), snapshot::Error> {
        loop {
            let number = self.board().generation();
            if number == self.number.get() {
                return Ok(());
            }
            let next = Generation::map(&self.reader, number, &self.generation.borrow());
            match next {
                Ok(next) => {
                    log::debug!("generation {number} is current");
                    self.generation.replace(next);
                    self.number.set(number);
                    return Ok(());
                }
                // Newer ones were published meanwhile, and a name of this one is gone.
                Err(snapshot::Error::Retired { .. }) if self.board().generation() != number => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Generation {
    /// Maps a generation; what the one before holds already is taken from there.
    fn map(reader: &Reader, number: u64, before: &Self) -> Result<Self, snapshot::Error> {
        let index = reader.index::<Index>(number)?;
        let mut environments = Vec::with_capacity(index.environments.len());
        for (position, entry) in index.environments.iter().enumerate() {
            let file = entry.file.as_str();
            let generation = entry.generation.as_ref().map(|number| number.to_native());
            let held = match generation {
                None => None,
                Some(generation) => match before.held(position, file, generation) {
                    Some(held) => Some(held),
                    None => Some(Rc::new(Held::new(reader.map(file, generation)?))),
                },
            };
            environments.push(Place {
                file: file.to_owned(),
                generation,
                held,
            });
        }
        let mut keys = HashMap::default();
        let mut digests = HashMap::new();
        for key in index.keys.iter() {
            match key {
                ArchivedIndexKey::Client { key, environment } => {
                    let opens = Opens {
                        environment: environment.to_native() as usize,
                        side: Side::Client,
                    };
                    keys.insert(key.as_bytes().into(), opens);
                }
                ArchivedIndexKey::Server {
                    digest,
                    environment,
                } => {
                    let opens = Opens {
                        environment: environment.to_native() as usize,
                        side: Side::Server,
                    };
                    digests.insert(*digest, opens);
                }
            }
        }
        Ok(Self {
            environments,
            keys: RefCell::new(keys),
            digests,
        })
    }

    /// What is held of a file, most likely in its old position.
    fn held(&self, position: usize, file: &str, generation: u64) -> Option<Rc<Held>> {
        let is_it = |place: &&Place| place.generation == Some(generation) && place.file == file;
        let place = self.environments.get(position).filter(is_it);
        let place = place.or_else(|| self.environments.iter().find(is_it))?;
        place.held.clone()
    }

    /// How many environments there are, and so how many rows of the board count.
    pub(crate) fn environment_count(&self) -> usize {
        self.environments.len()
    }

    /// Whether every environment has a document.
    pub(crate) fn is_complete(&self) -> bool {
        self.environments.iter().all(|place| place.held.is_some())
    }

    /// The environment that a request's key opens, and as what.
    pub(crate) fn open(&self, head: &RequestHead) -> Result<(&Held, Side), Refusal> {
        let Some(key) = head.headers.get(&ENVIRONMENT_KEY) else {
            return Err(Refusal::UnknownKey(None));
        };
        let place = self.find(key.as_bytes()).and_then(|opens| {
            let place = self.environments.get(opens.environment)?;
            Some((place, opens.side))
        });
        match place {
            Some((
                Place {
                    held: Some(held), ..
                },
                side,
            )) => Ok((held, side)),
            Some(_) => Err(Refusal::NoDocument),
            None => Err(Refusal::UnknownKey(Some(text(key)))),
        }
    }

    fn find(&self, key: &[u8]) -> Option<Opens> {
        let found = self.keys.borrow().get(key).copied();
        found.or_else(|| self.verify(key))
    }

    /// Only a digest of each server-side key is known. What is not among them is not remembered, or strangers could
    /// fill this process's memory.
    #[cold]
    fn verify(&self, key: &[u8]) -> Option<Opens> {
        if !key.starts_with(b"ser.") {
            return None;
        }
        let opens = *self
            .digests
            .get(<[u8; 32]>::from(Sha256::digest(key)).as_slice())?;
        self.keys.borrow_mut().insert(key.into(), opens);
        Some(opens)
    }
}

/// A header's value as Python's servers read it: a byte is a character.
fn text(value: &HeaderValue) -> String {
    value.as_bytes().iter().copied().map(char::from).collect()
}

/// An error and what lies behind it, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        line.push_str(": ");
        line.push_str(&error.to_string());
        source = error.source();
    }
    line
}
