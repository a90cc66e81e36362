//! What the proxy runs with, and in which words it differs from what it is to run with. Changes nothing.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use contract::counted;
use log::warn;

use crate::environments::roster::{Roster, Turnover};
use crate::schedule::Seconds;
use crate::{Settings, Source};

/// What the proxy runs with.
pub(super) struct Current {
    pub(super) roster: Roster,
    pub(super) source: Source,
    pub(super) poll_interval: Duration,
    pub(super) stale_after: Option<Duration>,
    pub(super) directory: PathBuf,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) workers: NonZeroUsize,
    pub(super) drain_delay: Duration,
    pub(super) drain_timeout: Duration,
    pub(super) worker: Rc<dyn Fn(usize) -> Command>,
}

impl Current {
    pub(super) fn of(settings: Settings, roster: Roster) -> Self {
        Self {
            roster,
            source: settings.source,
            poll_interval: settings.poll_interval,
            stale_after: settings.stale_after,
            directory: settings.directory,
            host: settings.host,
            port: settings.port,
            workers: settings.workers,
            drain_delay: settings.drain_delay,
            drain_timeout: settings.drain_timeout,
            worker: settings.worker,
        }
    }

    pub(super) fn keep_workers_of(&mut self, before: &Self) {
        self.worker = Rc::clone(&before.worker);
        self.host.clone_from(&before.host);
        self.port = before.port;
        self.drain_timeout = before.drain_timeout;
    }

    /// What these settings change of polling and of readiness. How old documents may get depends on how many there
    /// are, too: that goes without saying.
    pub(super) fn described(&self, settings: &Settings, as_many: bool) -> Option<String> {
        let polling =
            self.source != settings.source || self.poll_interval != settings.poll_interval;
        match &settings.source {
            Source::Upstream { api_url, .. } if polling => Some(format!(
                "polling {api_url} every {}",
                Seconds(settings.poll_interval)
            )),
            _ => (as_many && self.stale_after != settings.stale_after).then(|| {
                match settings.stale_after {
                    Some(age) => format!("stale after {}", Seconds(age)),
                    None => "never stale".to_owned(),
                }
            }),
        }
    }

    pub(super) fn warn_of_what_stays(&self, settings: &Settings) {
        if settings.directory != self.directory {
            warn!(
                "the state directory changes with a restart only: still publishing in {}",
                self.directory.display()
            );
        }
        if settings.workers != self.workers {
            warn!(
                "the number of workers changes with a restart only: still {}",
                self.workers
            );
        }
    }
}

pub(super) fn described(turnover: &Turnover) -> Vec<String> {
    let (added, removed, rotated) = (
        turnover.added.len(),
        turnover.removed.len(),
        turnover.rotated.len(),
    );
    let mut changes = Vec::new();
    if added > 0 {
        changes.push(format!("{} added", counted(added, "environment")));
    }
    match (added, removed) {
        (_, 0) => {}
        (0, removed) => changes.push(format!("{} removed", counted(removed, "environment"))),
        (_, removed) => changes.push(format!("{removed} removed")),
    }
    if rotated > 0 {
        changes.push(format!("{} rotated", counted(rotated, "key pair")));
    }
    changes
}

/// All that a worker is told by its command, to compare it by.
pub(super) fn words(worker: &dyn Fn(usize) -> Command) -> Vec<OsString> {
    let command = worker(0);
    let program = [command.get_program()].into_iter();
    program
        .chain(command.get_args())
        .map(ToOwned::to_owned)
        .collect()
}
