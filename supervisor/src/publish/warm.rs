//! The warm start: snapshots of an earlier run are served, with their age, until upstream answers.
//!
//! Every snapshot is checked to its last byte, because a crash, a full disk or another release may have left it.
//! Workers then trust it like one of this run.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::SystemTime;

use contract::{BoardWords, Index, IndexEntry};
use engine::{CompileOptions, Environment};
use log::{info, warn};
use snapshot::{Adopted, Adoption, Publisher};

use super::compile::{CompileCommand, publish_again};
use super::publication::Publication;
use super::served::{Fingerprint, ServedDocument};
use crate::words::Seconds;
use contract::{counted, with_causes};

/// Another release may refuse the snapshots of ten thousand environments. So many are logged one by one, and then their
/// number: a limit of lines per second would lose the first ones, which are all logged within one.
const MAX_LOGGED: usize = 100;

/// Adopts the snapshots of an earlier run and then publishes the index, so that workers know every key. What was
/// compiled with other options is compiled again.
pub(crate) fn open(
    publisher: Publisher,
    index: &Index,
    options: CompileOptions,
    command: CompileCommand,
) -> Result<Publication, snapshot::Error> {
    for warning in publisher.warnings() {
        warn!("{}", with_causes(warning));
    }
    let warm = start(&publisher, index, options, command);
    Publication::new(publisher, index, warm)
}

/// Adopts the snapshots of the environments in `index`, which is not published yet. Returns their documents, by row.
///
/// Of those that were compiled with other options than `options`, the document is compiled again.
fn start(
    publisher: &Publisher,
    index: &Index,
    options: CompileOptions,
    command: CompileCommand,
) -> HashMap<usize, ServedDocument> {
    let fetches = fetches(publisher);
    let environments = &index.environments;
    let mut warm = HashMap::new();
    let mut oldest = None;
    let mut refused = 0;
    each_in_parallel(
        environments.len(),
        |number| Found::adopt(publisher, &environments[number], &fetches, options, command),
        |number, found| {
            let row = environments[number].row as usize;
            for reason in found.refused {
                refused += 1;
                if refused <= MAX_LOGGED {
                    let name = &environments[number].name;
                    warn!(environment:% = name, error:% = reason; "environment {name}: snapshot refused: {reason}");
                }
            }
            if let Some((document, fetched, bytes)) = found.warm {
                let words = publisher.board().environment(row);
                words.set_fetched(fetched);
                words.set_document(bytes, 0);
                oldest = Some(oldest.map_or(fetched, |oldest: SystemTime| oldest.min(fetched)));
                warm.insert(row, document);
            }
        },
    );
    if refused > MAX_LOGGED {
        warn!("{} more snapshots refused", refused - MAX_LOGGED);
    }
    if let Some(oldest) = oldest {
        let age = SystemTime::now().duration_since(oldest).unwrap_or_default();
        info!(
            environments = warm.len(), age_seconds = age.as_secs_f64();
            "serving {} of {} from an earlier run, fetched up to {} ago",
            warm.len(),
            counted(environments.len(), "environment"),
            Seconds(age)
        );
    }
    warm
}

/// The outcome of adopting one environment's snapshots.
struct Found {
    /// The document, the time of its last successful fetch, and its length in bytes.
    warm: Option<(ServedDocument, SystemTime, usize)>,
    refused: Vec<String>,
}

impl Found {
    fn adopt(
        publisher: &Publisher,
        entry: &IndexEntry,
        fetches: &HashMap<String, SystemTime>,
        options: CompileOptions,
        command: CompileCommand,
    ) -> Self {
        let (adopted, refused) =
            match publisher.adopt::<Environment>(entry.row as usize, &entry.file) {
                Ok(Adoption { adopted, refused }) => (adopted, refused),
                Err(error) => (None, vec![error]),
            };
        // The last fetch may have been of a snapshot that was refused.
        let fetched = fetches
            .get(&entry.file)
            .copied()
            .filter(|_| refused.is_empty());
        // If that fails, the next fetch publishes it again.
        if let Some(adopted) = &adopted
            && adopted.map.options() != options
            && let Err(reason) = publish_again(
                publisher,
                entry,
                adopted.map.document().body(),
                options,
                command,
            )
        {
            warn!(
                environment:% = entry.name, error:% = reason;
                "environment {}: until it is fetched, it is served as the settings were before: {reason}",
                entry.name
            );
        }
        Self {
            warm: adopted.map(|adopted| {
                let fetched = fetched.unwrap_or(adopted.published);
                // The clock may have been set back: a time in the future would look fresh for long.
                let fetched = fetched.min(SystemTime::now());
                let bytes = adopted.map.document().body().len();
                (served(&adopted, options), fetched, bytes)
            }),
            refused: refused.iter().map(|error| with_causes(error)).collect(),
        }
    }
}

fn served(adopted: &Adopted<Environment>, options: CompileOptions) -> ServedDocument {
    let document = adopted.map.document();
    // The earlier run may have ended before it compressed the environment. One that was compiled again is not.
    let is_complete = document.is_complete() && adopted.map.options() == options;
    ServedDocument {
        fingerprint: is_complete.then(|| Fingerprint::new(document.body(), options)),
        updated_at: adopted.map.updated_at().map(str::to_owned),
    }
}

/// The last successful fetch of each environment according to the earlier run's board and index, by the name of its
/// snapshots.
fn fetches(publisher: &Publisher) -> HashMap<String, SystemTime> {
    let Some(board) = publisher.earlier_board() else {
        return HashMap::new();
    };
    match publisher.earlier_index::<Index>() {
        Ok(Some(index)) => {
            let entries = index.environments.iter();
            let rows = entries.map(|entry| (entry.row.to_native() as usize, entry));
            rows.filter(|(row, _)| *row < board.shape().rows)
                .filter_map(|(row, entry)| {
                    Some((entry.file.to_string(), board.environment(row).fetched()?))
                })
                .collect()
        }
        Ok(None) => HashMap::new(),
        Err(error) => {
            let reason = with_causes(&error);
            warn!(error:% = reason; "using the times of publication as times of fetch: {reason}");
            HashMap::new()
        }
    }
}

/// Calls `act` for each number below `count`, in as many threads as there are cores, and `take` with each result.
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
            // With fewer threads it only takes longer.
            let _ = thread::Builder::new().spawn_scoped(scope, || work(sender));
        }
        work(sender);
        receiver
            .iter()
            .for_each(|(number, done)| take(number, done));
    });
}
