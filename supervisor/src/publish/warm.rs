//! Warm start: what an earlier run published is served until upstream answers, with the age it has. Knows neither
//! upstream nor workers.
//!
//! Everything found is checked to the last byte, for it may have been left by a crash, a full disk or another release;
//! workers then trust it as they trust what this run publishes.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, SystemTime};

use contract::{BoardWords, Index, IndexEntry, counted, with_causes};
use engine::Environment;
use log::{info, warn};
use snapshot::{Adopted, Adoption, Publisher};
use xxhash_rust::xxh3::xxh3_128;

use crate::schedule::Seconds;

/// Another release may refuse the files of ten thousand environments: so many are told one by one.
const TOLD: usize = 100;

/// A document of an earlier run that is served.
#[derive(Debug)]
pub(crate) struct Warm {
    /// Tells whether upstream still has the same document; `None` if its snapshot is to be made anew anyway.
    pub(crate) digest: Option<u128>,
    pub(crate) updated_at: Option<String>,
}

/// Serves what there is of the environments of `index`. To be called before it is published. Returns what was found,
/// by row.
pub(crate) fn start(publisher: &Publisher, index: &Index) -> HashMap<usize, Warm> {
    let fetches = fetches(publisher);
    let environments = &index.environments;
    let mut warm = HashMap::new();
    let mut oldest = None;
    let mut refused = 0;
    each_in_parallel(
        environments.len(),
        |place| Found::adopt(publisher, &environments[place], &fetches),
        |place, found| {
            let row = environments[place].row as usize;
            for reason in found.refused {
                refused += 1;
                if refused <= TOLD {
                    let name = &environments[place].name;
                    warn!("environment {name}: snapshot refused: {reason}");
                }
            }
            if let Some((document, fetched)) = found.warm {
                publisher.board().set_fetched(row, fetched);
                oldest = Some(oldest.map_or(fetched, |oldest: SystemTime| oldest.min(fetched)));
                warm.insert(row, document);
            }
        },
    );
    if refused > TOLD {
        warn!("{} more snapshots refused", refused - TOLD);
    }
    if let Some(oldest) = oldest {
        let age = SystemTime::now().duration_since(oldest).unwrap_or_default();
        info!(
            "serving {} of {} as an earlier run left them, fetched up to {} ago",
            warm.len(),
            counted(environments.len(), "environment"),
            Seconds(Duration::from_millis(
                u64::try_from(age.as_millis()).unwrap_or(u64::MAX)
            ))
        );
    }
    warm
}

struct Found {
    /// The document, and when it was last known to be upstream's.
    warm: Option<(Warm, SystemTime)>,
    refused: Vec<String>,
}

impl Found {
    fn adopt(
        publisher: &Publisher,
        entry: &IndexEntry,
        fetches: &HashMap<String, SystemTime>,
    ) -> Self {
        let (adopted, refused) =
            match publisher.adopt::<Environment>(entry.row as usize, &entry.file) {
                Ok(Adoption { adopted, refused }) => (adopted, refused),
                Err(error) => (None, vec![error]),
            };
        // What was fetched last may be what is damaged.
        let fetched = fetches
            .get(&entry.file)
            .copied()
            .filter(|_| refused.is_empty());
        Self {
            warm: adopted.map(|adopted| {
                let fetched = fetched.unwrap_or(adopted.published);
                // A clock that was set back must not make it look fresh for long.
                (warm(&adopted), fetched.min(SystemTime::now()))
            }),
            refused: refused.iter().map(|error| with_causes(error)).collect(),
        }
    }
}

fn warm(adopted: &Adopted<Environment>) -> Warm {
    let document = adopted.map.document();
    Warm {
        // A run that was killed before it had compressed everything has left that to do.
        digest: document.is_complete().then(|| xxh3_128(document.body())),
        updated_at: adopted.map.updated_at().map(str::to_owned),
    }
}

/// When each environment was last fetched, by the name of its snapshots, as the earlier run's board and index say.
fn fetches(publisher: &Publisher) -> HashMap<String, SystemTime> {
    let Some(board) = publisher.earlier_board() else {
        return HashMap::new();
    };
    match publisher.earlier_index::<Index>() {
        Ok(Some(index)) => {
            let entries = index.environments.iter();
            let rows = entries.map(|entry| (entry.row.to_native() as usize, entry));
            rows.filter(|(row, _)| *row < board.shape().rows)
                .filter_map(|(row, entry)| Some((entry.file.to_string(), board.fetched(row)?)))
                .collect()
        }
        Ok(None) => HashMap::new(),
        Err(error) => {
            let reason = with_causes(&error);
            warn!("documents count as fetched when they were published: {reason}");
            HashMap::new()
        }
    }
}

/// Calls `act` for each number below `count`, in as many threads as there are cores, and `take` with what comes of it.
fn each_in_parallel<T: Send>(
    count: usize,
    act: impl Fn(usize) -> T + Sync,
    mut take: impl FnMut(usize, T),
) {
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    let work = |sender: mpsc::Sender<(usize, T)>| {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count || sender.send((number, act(number))).is_err() {
                return;
            }
        }
    };
    thread::scope(|scope| {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        for _ in 1..cores.min(count) {
            let sender = sender.clone();
            // Without another thread it only takes longer.
            let _ = thread::Builder::new().spawn_scoped(scope, || work(sender));
        }
        work(sender);
        receiver
            .iter()
            .for_each(|(number, done)| take(number, done));
    });
}
