//! What HUP does: reads the settings again and makes of the running proxy what they say, without dropping a request.
//! Does not know where settings are read from.
//!
//! Whatever can be refused is tried before anything changes: the settings themselves, room for added environments,
//! keys, the client, new sockets. Then the poller does its part (`poll::change`), which answers with a ring, and after
//! it the workers are rolled (`pool::roll`), if they are started in another way than before.

use std::net::TcpListener;
use std::rc::Rc;

use contract::{counted, with_causes};
use log::{error, info};

use super::changes::{Current, described, words};
use crate::environments::roster::{Roster, Turnover};
use crate::poll::{Change, Polling};
use crate::pool::{Pool, Rolled, Told, listener};
use crate::schedule::Seconds;
use crate::source::upstream::{Credential, Upstream};
use crate::{Error, Settings, Source};

/// Where settings are read again.
pub struct Reload {
    /// What is read, for the log.
    pub name: String,
    /// Reads it; an error is what is wrong with it, in one line.
    pub read: Box<dyn Fn() -> Result<Settings, String>>,
}

/// Reloads, one at a time.
pub(crate) struct Reloader {
    reload: Option<Reload>,
    current: Current,
    polling: Polling,
    /// It was asked for and has not begun.
    asked: bool,
    under_way: Option<UnderWay>,
}

/// A reload that was not refused.
struct UnderWay {
    next: Current,
    listeners: Option<Vec<TcpListener>>,
    rolls: bool,
    /// What it changes, in words.
    changes: Vec<String>,
}

impl Reloader {
    /// Of a proxy that has just started with these settings.
    pub(crate) fn new(
        reload: Option<Reload>,
        settings: Settings,
        roster: Roster,
        polling: Polling,
    ) -> Self {
        Self {
            reload,
            current: Current::of(settings, roster),
            polling,
            asked: false,
            under_way: None,
        }
    }

    /// Goes on from where the pool has paused.
    pub(crate) fn told(&mut self, told: Told, pool: &mut Pool) {
        self.asked |= told.reload;
        if told.changed {
            match self.polling.outcome() {
                Some(Ok(())) => self.roll(pool),
                Some(Err(reason)) => {
                    self.under_way = None;
                    self.refuse(&format!("publish the new index: {reason}"));
                }
                None => {}
            }
        }
        if let Some(rolled) = pool.take_rolled() {
            self.conclude(Some(rolled), pool);
        }
        while self.asked && self.under_way.is_none() {
            self.asked = false;
            self.begin(pool);
        }
    }

    /// The poller, for whoever asks why it ended.
    pub(crate) fn into_polling(self) -> Polling {
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
            Err(reason) => self.refuse(&reason),
            Ok((under_way, change)) => {
                self.under_way = Some(under_way);
                match change {
                    Some(change) => self.polling.change(change),
                    None => self.roll(pool),
                }
            }
        }
    }

    /// Everything that may fail, and nothing that changes anything.
    fn prepare(
        &self,
        mut settings: Settings,
        pool: &Pool,
    ) -> Result<(UnderWay, Option<Change>), Error> {
        let current = &self.current;
        let environments = std::mem::take(&mut settings.environments);
        let turnover = current
            .roster
            .change_to(environments)
            .map_err(Error::Environments)?;
        let upstream = match &settings.source {
            Source::Upstream {
                api_url,
                timeout,
                largest_document,
            } if settings.source != current.source => {
                Some(Upstream::new(api_url, *timeout, *largest_document)?)
            }
            _ => None,
        };
        let moved = (&settings.host, settings.port) != (&current.host, current.port);
        let listeners = moved
            .then(|| {
                let (host, port) = (&settings.host, settings.port);
                listener::open_beside(pool.listeners(), host, port, current.workers)
            })
            .transpose()?;
        let rolls = moved || words(&*settings.worker) != words(&*current.worker);

        let mut changes = described(&turnover);
        let as_many = turnover.added.len() == turnover.removed.len();
        changes.extend(current.described(&settings, as_many));
        if settings.drain_delay != current.drain_delay {
            let delay = Seconds(settings.drain_delay);
            changes.push(format!("readiness fails {delay} before accepting stops"));
        }
        let address = listeners
            .iter()
            .flatten()
            .next()
            .map(TcpListener::local_addr);
        if let Some(Ok(address)) = address {
            changes.push(format!("listening on http://{address}"));
        }
        let change = self.change(&turnover, &settings, upstream)?;
        current.warn_of_what_stays(&settings);
        // What stays is what the next reload is compared with, too.
        settings.directory.clone_from(&current.directory);
        settings.workers = current.workers;

        let under_way = UnderWay {
            next: Current::of(settings, turnover.roster),
            listeners,
            rolls,
            changes,
        };
        Ok((under_way, change))
    }

    /// The poller's part, if it has one.
    fn change(
        &self,
        turnover: &Turnover,
        settings: &Settings,
        upstream: Option<Upstream>,
    ) -> Result<Option<Change>, Error> {
        let current = &self.current;
        let interval = settings.poll_interval;
        let interval = (interval != current.poll_interval).then_some(interval);
        let stale = settings.stale_after != current.stale_after;
        if turnover.is_empty() && upstream.is_none() && interval.is_none() && !stale {
            return Ok(None);
        }
        let with_credentials = |rows: &[usize]| {
            let seats = rows.iter().filter_map(|row| {
                let seat = turnover.roster.seat(*row)?.clone();
                Some((*row, seat))
            });
            seats
                .map(|(row, seat)| {
                    let credential = Credential::of_pair(&seat.pair)?;
                    Ok((row, seat, credential))
                })
                .collect::<Result<Vec<_>, Error>>()
        };
        let others_change = stale || !turnover.removed.is_empty() || !turnover.rotated.is_empty();
        let index = |without: &[usize]| turnover.roster.index(settings.stale_after, without);
        Ok(Some(Change {
            elsewhere: settings.source.api_url() != current.source.api_url(),
            upstream,
            interval,
            added: with_credentials(&turnover.added)?,
            rotated: with_credentials(&turnover.rotated)?,
            removed: turnover.removed.clone(),
            at_once: others_change.then(|| index(&turnover.added)),
            in_the_end: (!turnover.added.is_empty()).then(|| index(&[])),
        }))
    }

    /// The pool's part, after the poller's.
    fn roll(&mut self, pool: &mut Pool) {
        let Some(under_way) = &mut self.under_way else {
            return;
        };
        let next = &under_way.next;
        if under_way.rolls {
            let worker = Rc::clone(&next.worker);
            let worker = Box::new(move |slot| worker(slot));
            pool.roll(worker, under_way.listeners.take());
        } else {
            self.conclude(None, pool);
        }
    }

    fn conclude(&mut self, rolled: Option<Rolled>, pool: &mut Pool) {
        let Some(UnderWay {
            mut next,
            mut changes,
            ..
        }) = self.under_way.take()
        else {
            return;
        };
        pool.set_drain_delay(next.drain_delay);
        if let Some(Rolled { workers, failure }) = rolled {
            let all = self.current.workers;
            match failure {
                None => {
                    pool.set_drain_timeout(next.drain_timeout);
                    changes.push(format!("{} rolled", counted(workers, "worker")));
                }
                Some(reason) => {
                    error!(
                        "{reason}: {workers} of {} rolled, the others serve as before",
                        counted(all.get(), "worker")
                    );
                    changes.push(format!("{workers} of {all} workers rolled"));
                    // The next reload tries again.
                    next.keep_workers_of(&self.current);
                }
            }
        }
        let name = self.name();
        if changes.is_empty() {
            info!("reloaded {name}: nothing changed");
        } else {
            info!("reloaded {name}: {}", changes.join(", "));
        }
        self.current = next;
    }

    fn refuse(&self, reason: &str) {
        error!("not reloaded, nothing changes: {reason}");
    }

    fn name(&self) -> &str {
        self.reload.as_ref().map_or("", |reload| &reload.name)
    }
}
