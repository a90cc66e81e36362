//! What is published in a state directory, beside a running proxy or without one. Nothing is changed, and what cannot
//! be read is named and does not hide the rest.

pub mod explain;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use contract::key::masked;
use contract::{BoardWords, Index, with_causes};
use engine::Environment;
use serde::Serialize;
use snapshot::{Board, Inspected, Inspector, Ownership};

pub use snapshot::Error;

/// How often a snapshot is looked for that a running proxy replaces meanwhile.
const MAX_ATTEMPTS: usize = 5;

/// What is published in a state directory.
#[derive(Debug, Serialize)]
pub struct Inspection {
    /// The state directory.
    pub directory: PathBuf,
    /// Whether a proxy runs that publishes there.
    pub is_in_use: bool,
    /// The process that publishes there, if it can be told.
    pub process: Option<u32>,
    /// The index; `None` if there is none, or it cannot be read.
    pub index: Option<IndexReport>,
    /// The environments of the index. Without an index: those whose snapshots are found.
    pub environments: Vec<EnvironmentReport>,
    /// What is damaged, or foreign.
    pub problems: Vec<Problem>,
}

/// The index: which environments there are.
#[derive(Debug, Serialize)]
pub struct IndexReport {
    /// Its generation.
    pub generation: u64,
    /// The length of its file.
    pub bytes: usize,
    /// The age of the oldest successful fetch above which the proxy is not ready; `None` for never.
    pub stale_after_seconds: Option<f64>,
}

/// One environment.
#[derive(Debug, Serialize)]
pub struct EnvironmentReport {
    /// Its client-side key, masked.
    pub key: String,
    /// The seconds since its document was last fetched successfully, also unchanged; `None` for never or unknown.
    pub fetched_seconds_ago: Option<f64>,
    /// The published snapshot; `None` if there is none yet, or it cannot be read.
    pub snapshot: Option<SnapshotReport>,
}

/// A published snapshot.
#[derive(Debug, Serialize)]
pub struct SnapshotReport {
    /// The name of the environment, if its document says one.
    pub name: Option<String>,
    /// Its generation.
    pub generation: u64,
    /// The seconds since it was published.
    pub published_seconds_ago: f64,
    /// When upstream last changed the document, in the document's words.
    pub updated_at: Option<String>,
    /// The length of the document as upstream sent it.
    pub document_bytes: usize,
    /// The length of the snapshot's file.
    pub snapshot_bytes: usize,
    /// How many features the document has.
    pub features: usize,
    /// How many segments the document has.
    pub segments: usize,
    /// How many identities have overrides of their own.
    pub identity_overrides: usize,
    /// How many warnings the log had when the document was compiled.
    pub warnings: usize,
}

/// Something that cannot be used.
#[derive(Debug, Serialize)]
pub struct Problem {
    /// Whether the proxy serves less because of it.
    pub is_published: bool,
    /// What it is and why, in words.
    pub problem: String,
}

impl Inspection {
    /// Whether all that is published can be read.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.problems.iter().all(|problem| !problem.is_published)
    }
}

/// Looks at a state directory.
///
/// # Errors
///
/// There is no such directory, or others could have written there.
pub fn inspect(directory: &Path) -> Result<Inspection, Error> {
    let inspector = Inspector::open(directory, engine::FORMAT)?;
    let ownership = inspector.ownership()?;
    let contents = inspector.contents()?;
    let mut inspection = Inspection {
        directory: directory.to_owned(),
        is_in_use: ownership != Ownership::Free,
        process: match ownership {
            Ownership::Held(process) => process,
            Ownership::Free => None,
        },
        index: None,
        environments: Vec::new(),
        problems: Vec::new(),
    };
    let published = published(&inspector).unwrap_or_else(|error| {
        inspection.add_problem(true, &error);
        None
    });
    match &published {
        Some(Published { board, index }) => inspection.add_published(&inspector, board, index),
        None => {
            for (name, generations) in &contents.rows {
                inspection.add_found(&inspector, name, generations);
            }
        }
    }
    for path in contents.foreign {
        inspection.problems.push(Problem {
            is_published: false,
            problem: format!("{}: foreign: no snapshot has such a name", path.display()),
        });
    }
    Ok(inspection)
}

/// What a run has published.
struct Published {
    board: Board,
    index: Inspected<Index>,
}

/// `None` if nothing was published yet.
fn published(inspector: &Inspector) -> Result<Option<Published>, Error> {
    let board = inspector.board()?;
    let index = newest(
        || board.index_generation(),
        |generation| inspector.index(generation),
    )?;
    Ok(index.map(|(_, index)| Published { board, index }))
}

/// Reads the file of the generation that the board names now; `None` if it names none.
fn newest<T>(
    generation: impl Fn() -> u64,
    read: impl Fn(u64) -> Result<T, Error>,
) -> Result<Option<(u64, T)>, Error> {
    let mut attempts = 1..=MAX_ATTEMPTS;
    loop {
        let current = generation();
        if current == 0 {
            return Ok(None);
        }
        attempts.next();
        match read(current) {
            // A newer one was published meanwhile.
            Err(Error::Retired { .. }) if !attempts.is_empty() && generation() != current => {}
            outcome => return outcome.map(|value| Some((current, value))),
        }
    }
}

impl Inspection {
    fn add_problem(&mut self, is_published: bool, error: &Error) {
        self.problems.push(Problem {
            is_published,
            problem: with_causes(error),
        });
    }

    /// Adds the index and its environments.
    fn add_published(
        &mut self,
        inspector: &Inspector,
        board: &Board,
        Inspected { map: index, .. }: &Inspected<Index>,
    ) {
        self.index = Some(IndexReport {
            generation: board.index_generation(),
            bytes: index.length(),
            stale_after_seconds: index.readiness().stale_after.map(|age| age.as_secs_f64()),
        });
        for entry in index.environments.iter() {
            let row = entry.row.to_native() as usize;
            if row >= board.shape().rows {
                self.problems.push(Problem {
                    is_published: true,
                    problem: format!("the index names row {row}, which the board does not have"),
                });
                continue;
            }
            let found = newest(
                || board.row_generation(row),
                |generation| inspector.row::<Environment>(&entry.file, generation),
            );
            let snapshot = found.unwrap_or_else(|error| {
                self.add_problem(true, &error);
                None
            });
            self.environments.push(EnvironmentReport {
                key: masked(&entry.name),
                fetched_seconds_ago: board.environment(row).fetched().map(seconds_since),
                snapshot: snapshot.map(|(generation, found)| report(generation, &found)),
            });
        }
    }

    /// Adds the newest whole snapshot of an environment that no index names.
    fn add_found(&mut self, inspector: &Inspector, name: &str, generations: &[u64]) {
        for generation in generations.iter().rev() {
            match inspector.row::<Environment>(name, *generation) {
                Ok(found) => {
                    self.environments.push(EnvironmentReport {
                        key: masked(found.map.api_key()),
                        fetched_seconds_ago: None,
                        snapshot: Some(report(*generation, &found)),
                    });
                    return;
                }
                Err(error) => self.add_problem(false, &error),
            }
        }
    }
}

fn report(generation: u64, found: &Inspected<Environment>) -> SnapshotReport {
    let environment = &found.map;
    SnapshotReport {
        name: environment.name().map(str::to_owned),
        generation,
        published_seconds_ago: seconds_since(found.written),
        updated_at: environment.updated_at().map(str::to_owned),
        document_bytes: environment.document().body().len(),
        snapshot_bytes: environment.length(),
        features: environment.feature_count(),
        segments: environment.segment_count(),
        identity_overrides: environment.identity_override_count(),
        warnings: environment.warnings(),
    }
}

/// A time in the future, from before the clock was set back, is now. In milliseconds, because more is noise.
fn seconds_since(time: SystemTime) -> f64 {
    let age = SystemTime::now().duration_since(time).unwrap_or_default();
    Duration::from_millis(age.as_millis() as u64).as_secs_f64()
}
