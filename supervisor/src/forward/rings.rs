//! The rings of a run: made at the start, given to one worker each, and taken back when it has exited. Rings that an
//! earlier run left are emptied and removed.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use contract::{counted, with_causes};
use journal::{RING_BYTES, Reader};
use log::{debug, info, warn};

/// All rings.
pub(crate) struct Rings {
    directory: PathBuf,
    rings: Mutex<Vec<Arc<Ring>>>,
    /// The last ring could not be made, which was logged.
    lacks_room: AtomicBool,
}

/// One ring.
pub(super) struct Ring {
    pub(super) number: u64,
    pub(super) reader: Reader,
    /// This run has made it.
    pub(super) is_ours: bool,
    is_lent: AtomicBool,
}

/// A ring that a worker may append to, until this is dropped.
pub(crate) struct Lease(Arc<Ring>);

impl Rings {
    /// Makes a ring for each slot, beside those that an earlier run left. A ring that cannot be made is made later,
    /// when a worker needs it.
    pub(crate) fn open(directory: &Path, slots: usize) -> Result<Self, io::Error> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
        let rings = Self {
            directory: directory.to_owned(),
            rings: Mutex::default(),
            lacks_room: AtomicBool::new(false),
        };
        rings.find_left()?;
        for _ in 0..slots {
            if rings.make().is_none() {
                break;
            }
        }
        Ok(rings)
    }

    /// No rings, and no directory to make one in.
    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Self {
            directory: PathBuf::from("/nowhere"),
            rings: Mutex::default(),
            lacks_room: AtomicBool::new(false),
        }
    }

    /// A ring that no worker has; `None` if there is none and none can be made, which is logged. For the main thread,
    /// which is the only one that starts workers.
    pub(crate) fn lend(&self) -> Option<Lease> {
        let rings = self.all();
        let mut free = rings
            .into_iter()
            .filter(|ring| ring.is_ours && !ring.is_lent.load(Relaxed));
        let ring = free.next().or_else(|| self.make())?;
        ring.is_lent.store(true, Relaxed);
        Some(Lease(ring))
    }

    /// Those that may hold records: first the ones of earlier runs.
    pub(super) fn all(&self) -> Vec<Arc<Ring>> {
        self.rings().clone()
    }

    /// Removes the rings of earlier runs that are empty and that no process appends to.
    pub(super) fn remove_left(&self) {
        self.rings().retain(|ring| {
            if ring.is_ours {
                return true;
            }
            match ring.reader.close() {
                Ok(is_removed) => !is_removed,
                Err(error) => {
                    warn!("{}", with_causes(&error));
                    false
                }
            }
        });
    }

    /// Removes all rings that are empty and that no process appends to, so that the next run finds none. For the end.
    pub(super) fn remove_empty(&self) {
        for ring in self.all() {
            if let Err(error) = ring.reader.close() {
                debug!("{}", with_causes(&error));
            }
        }
    }

    fn make(&self) -> Option<Arc<Ring>> {
        let number = fastrand::u64(..);
        let path = journal::ring_file(&self.directory, number);
        let made = journal::create(&path, RING_BYTES).and_then(|()| Reader::open(&path));
        match made {
            Ok(reader) => {
                self.lacks_room.store(false, Relaxed);
                let ring = Arc::new(Ring {
                    number,
                    reader,
                    is_ours: true,
                    is_lent: AtomicBool::new(false),
                });
                self.rings().push(Arc::clone(&ring));
                Some(ring)
            }
            Err(error) => {
                if !self.lacks_room.swap(true, Relaxed) {
                    warn!(
                        "{}; workers without a ring refuse what clients report until they are replaced",
                        with_causes(&error)
                    );
                }
                None
            }
        }
    }

    fn find_left(&self) -> io::Result<()> {
        let mut rings = self.rings();
        for entry in fs::read_dir(&self.directory)? {
            let name = entry?.file_name();
            let Some(number) = name.to_str().and_then(journal::ring_number) else {
                continue;
            };
            let path = journal::ring_file(&self.directory, number);
            match Reader::open(&path) {
                Ok(reader) => rings.push(Arc::new(Ring {
                    number,
                    reader,
                    is_ours: false,
                    is_lent: AtomicBool::new(false),
                })),
                Err(error) => {
                    warn!("{}; what it holds is lost", with_causes(&error));
                    fs::remove_file(&path)?;
                }
            }
        }
        match rings.len() {
            0 => {}
            left => info!("found {} of an earlier run", counted(left, "ring")),
        }
        Ok(())
    }

    fn rings(&self) -> MutexGuard<'_, Vec<Arc<Ring>>> {
        self.rings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    /// Whether a process may append to it at this moment.
    pub(super) fn may_grow(&self) -> bool {
        self.is_ours || self.reader.is_locked()
    }
}

impl Lease {
    /// The number of the ring.
    pub(crate) fn number(&self) -> u64 {
        self.0.number
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        debug!("ring {:016x} is free", self.0.number);
        self.0.is_lent.store(false, Relaxed);
    }
}
