//! Reloads: HUP reads the settings again and applies them to the running proxy, without dropping a request.
//!
//! First everything is tried that can fail, before anything changes: the settings, room for added environments, keys,
//! the client, new sockets. Then the poller applies its [`Change`] and answers with a notice. Then the workers are
//! rolled, if their command or their sockets change.
//!
//! What the source lists takes the same way (`listed.rs`): it changes environments and keys, and nothing else.

mod listed;

use std::time::SystemTime;

use log::{error, info};

use super::{changes, listeners};
use crate::environments::{Roster, Turnover};
use crate::error::Error;
use crate::forward::{Forwarding, Prepared};
use crate::poll::{Change, Polling};
use crate::pool::listener::SlotListeners;
use crate::pool::{Pool, Rolled, Workplace};
use crate::settings::Settings;
use crate::source::realtime::Realtime;
use crate::source::{Access, OpenSource, Source};
use contract::{BoardWords, KeyPair, Readiness, counted, with_causes};
use listed::Lists;

/// Where settings are read again.
pub struct Reload {
    /// The name of what is read, for the log.
    pub name: String,
    /// Reads the settings; an error is the reason, in one line.
    pub read: Box<dyn Fn() -> Result<Settings, String>>,
    /// Called when the settings that were read last are in use.
    pub applied: Box<dyn Fn()>,
}

/// Applies reloads, one at a time.
pub(super) struct Reloader {
    reload: Option<Reload>,
    /// The settings in use.
    settings: Settings,
    workplace: Workplace,
    lists: Lists,
    /// The environments that are configured or listed.
    roster: Roster,
    polling: Polling,
    forwarding: Forwarding,
    /// A reload was requested and has not begun.
    requested: bool,
    in_progress: Option<InProgress>,
}

/// A change that was not refused.
struct InProgress {
    /// `None`: it is a list that changes.
    settings: Option<Settings>,
    /// What the source lists.
    listed: Vec<KeyPair>,
    roster: Roster,
    /// The new sockets, if a listener moves.
    sockets: Option<Vec<SlotListeners>>,
    /// What goes back upstream goes there from now on, if that changes.
    forwarding: Option<Prepared>,
    rolls: bool,
    /// What it changes, in words.
    changes: Vec<String>,
}

impl Reloader {
    /// For a proxy that has started with these settings and this list, and publishes in this state directory.
    pub(super) fn new(
        reload: Option<Reload>,
        settings: Settings,
        listed: Vec<KeyPair>,
        workplace: Workplace,
        roster: Roster,
        polling: Polling,
        forwarding: Forwarding,
    ) -> Self {
        Self {
            reload,
            settings,
            workplace,
            lists: Lists::new(listed),
            roster,
            polling,
            forwarding,
            requested: false,
            in_progress: None,
        }
    }

    /// Requests a reload. Requests before it begins are one.
    pub(super) fn request(&mut self) {
        self.requested = true;
    }

    /// The poller has applied its part of the reload, or nothing of it.
    pub(super) fn change_applied(&mut self, outcome: Result<(), String>, pool: &mut Pool) {
        match outcome {
            Ok(()) => self.roll(pool),
            Err(reason) => {
                let reason = format!("publish the new index: {reason}");
                match self.in_progress.take() {
                    Some(InProgress { settings: None, .. }) => self.lists.refuse(&reason),
                    _ => refuse(&reason, pool),
                }
            }
        }
    }

    /// Concludes a reload whose roll is over, and begins the next one if it was requested, or else what a list changes.
    pub(super) fn tend(&mut self, pool: &mut Pool) {
        if let Some(rolled) = pool.take_rolled() {
            self.conclude(Some(rolled), pool);
        }
        while self.requested && self.in_progress.is_none() {
            self.requested = false;
            self.begin(pool);
        }
        if self.in_progress.is_none() {
            self.begin_listed();
        }
    }

    /// Forwards what was accepted last. Returns the poller, to ask why it ended. To be called when no worker is left.
    pub(super) fn finish(self) -> Polling {
        self.forwarding.finish();
        self.polling
    }

    fn begin(&mut self, pool: &mut Pool) {
        let Some(reload) = &self.reload else {
            info!("nothing to reload: these environments are built in");
            return;
        };
        let prepared = (reload.read)().and_then(|settings| {
            self.prepare(settings, pool)
                .map_err(|error| with_causes(&error))
        });
        match prepared {
            Err(reason) => refuse(&reason, pool),
            Ok((in_progress, change)) => {
                self.in_progress = Some(in_progress);
                match change {
                    Some(change) => self.polling.change(change),
                    None => self.roll(pool),
                }
            }
        }
    }

    /// Does all that can fail, and changes nothing.
    fn prepare(
        &self,
        mut settings: Settings,
        pool: &Pool,
    ) -> Result<(InProgress, Option<Change>), Error> {
        let current = &self.settings;
        let source = self.open_source(&settings.source)?;
        let listed = self.listed_by(&settings.source, source.as_ref());
        let environments = settings
            .source
            .environments(&settings.environments, &listed);
        let turnover = self.roster.change_to(environments);
        let turnover = turnover.map_err(Error::Environments)?;
        let change = self.change(&turnover, &settings, source)?;
        let moved = listeners::moved(current, &settings, pool.sockets())?;

        let forwards_elsewhere =
            (&settings.source, &settings.forward) != (&current.source, &current.forward);
        let forwarding = forwards_elsewhere
            .then(|| Forwarding::prepare(&settings.source, &settings.forward))
            .transpose()?;

        let mut changes = changes::of_environments(&turnover);
        let same_number = turnover.added.len() == turnover.removed.len();
        let readiness = same_number.then(|| settings.readiness(turnover.roster.len()));
        let readiness = readiness.filter(|next| *next != self.readiness());
        changes.extend(changes::of_polling(current, &settings, readiness));
        changes.extend(changes::of_realtime(current, &settings));
        changes.extend(changes::of_compiling(current, &settings));
        if settings.forward != current.forward {
            changes.push("other settings for what clients report".to_owned());
        }
        let sockets = moved.map(|moved| {
            changes.extend(moved.changes);
            moved.sockets
        });
        changes::warn_of_restart(current, &settings, &self.workplace.directory);
        // The next reload is compared with what is in use.
        settings.directory.clone_from(&current.directory);
        settings.workers = current.workers;
        settings.worker = settings.worker.at(&self.workplace);

        let in_progress = InProgress {
            rolls: sockets.is_some() || settings.worker != current.worker,
            settings: Some(settings),
            listed,
            forwarding,
            roster: turnover.roster,
            sockets,
            changes,
        };
        Ok((in_progress, change))
    }

    /// The source, if it is another one, or if it is to be read again.
    fn open_source(&self, next: &Source) -> Result<Option<OpenSource>, Error> {
        let opens = *next != self.settings.source || matches!(next, Source::Files(_));
        Ok(opens.then(|| next.open()).transpose()?)
    }

    /// When the proxy is ready, as of now.
    fn readiness(&self) -> Readiness {
        self.settings.readiness(self.roster.len())
    }

    /// The poller's part, if it has one.
    fn change(
        &self,
        turnover: &Turnover,
        settings: &Settings,
        source: Option<OpenSource>,
    ) -> Result<Option<Change>, Error> {
        let current = &self.settings;
        let readiness = settings.readiness(turnover.roster.len());
        let realtime = (settings.realtime != current.realtime)
            .then(|| settings.realtime.as_ref().map(Realtime::new).transpose())
            .transpose()
            .map_err(|error| Error::Source(error.into()))?;
        let poll_frequency = settings.api_poll_frequency;
        let poll_frequency =
            (poll_frequency != current.api_poll_frequency).then_some(poll_frequency);
        let readiness_changes = readiness != self.readiness();
        let polling_changes = source.is_some()
            || poll_frequency.is_some()
            || realtime.is_some()
            || settings.fetch_rules != current.fetch_rules
            || settings.compile_options != current.compile_options;
        if turnover.is_empty() && !polling_changes && !readiness_changes {
            return Ok(None);
        }
        let with_accesses = |rows: &[usize]| {
            let entries = rows
                .iter()
                .filter_map(|row| Some((*row, turnover.roster.entry(*row)?.clone())));
            entries
                .map(|(row, entry)| {
                    let access = Access::of(&entry.pair)?;
                    Ok((row, entry, access))
                })
                .collect::<Result<Vec<_>, Error>>()
        };
        let served_change =
            readiness_changes || !turnover.removed.is_empty() || !turnover.rotated.is_empty();
        let index = |without: &[usize]| turnover.roster.index(readiness, without);
        Ok(Some(Change {
            is_elsewhere: settings.source.api_url() != current.source.api_url(),
            source,
            poll_frequency,
            realtime,
            fetch_rules: settings.fetch_rules,
            compile_options: settings.compile_options,
            added: with_accesses(&turnover.added)?,
            rotated: with_accesses(&turnover.rotated)?,
            removed: turnover.removed.clone(),
            index_at_once: served_change.then(|| index(&turnover.added)),
            index_with_added: (!turnover.added.is_empty()).then(|| index(&[])),
        }))
    }

    /// The pool's part, after the poller's.
    fn roll(&mut self, pool: &mut Pool) {
        let Some(in_progress) = &mut self.in_progress else {
            return;
        };
        match &in_progress.settings {
            Some(settings) if in_progress.rolls => {
                let command = settings.worker.clone();
                pool.roll(command, in_progress.sockets.take());
            }
            _ => self.conclude(None, pool),
        }
    }

    fn conclude(&mut self, rolled: Option<Rolled>, pool: &mut Pool) {
        let Some(InProgress {
            settings,
            listed,
            roster,
            mut changes,
            forwarding,
            ..
        }) = self.in_progress.take()
        else {
            return;
        };
        self.roster = roster;
        let Some(mut settings) = settings else {
            return self.lists.applied(listed, &changes);
        };
        self.lists.replace(listed);
        if let Some(forwarding) = forwarding {
            self.forwarding.change(forwarding);
        }
        pool.set_shutdown_delay(settings.shutdown_delay);
        let is_whole = rolled
            .as_ref()
            .is_none_or(|rolled| rolled.failure.is_none());
        pool.board()
            .proxy()
            .count_reload(is_whole, SystemTime::now());
        if let Some(Rolled { workers, failure }) = rolled {
            let all = self.settings.workers;
            match failure {
                None => {
                    pool.set_shutdown_timeout(settings.shutdown_timeout);
                    changes.push(format!("{} rolled", counted(workers, "worker")));
                }
                Some(reason) => {
                    error!(
                        error:% = reason;
                        "{reason}: {workers} of {} rolled, the others serve as before",
                        counted(all.get(), "worker")
                    );
                    changes.push(format!("{workers} of {all} workers rolled"));
                    // With the previous values the next reload tries again.
                    settings.worker = self.settings.worker.clone();
                    settings.public.clone_from(&self.settings.public);
                    settings.admin.clone_from(&self.settings.admin);
                    settings.shutdown_timeout = self.settings.shutdown_timeout;
                }
            }
        }
        let name = self.reload.as_ref().map_or("", |reload| {
            (reload.applied)();
            &reload.name
        });
        if changes.is_empty() {
            info!("reloaded {name}: nothing changed");
        } else {
            info!("reloaded {name}: {}", changes.join(", "));
        }
        self.settings = settings;
    }
}

fn refuse(reason: &str, pool: &Pool) {
    pool.board().proxy().count_reload(false, SystemTime::now());
    error!(error:% = reason; "not reloaded, nothing changes: {reason}");
}
