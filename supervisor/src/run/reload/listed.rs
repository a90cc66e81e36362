//! What the source lists: upstream for a proxy key, or a directory of documents. A list that changes something is
//! applied like a reload. What is listed is known when the change is applied, so that the next list tries again what
//! could not be.

use log::{error, info};

use super::{InProgress, Reloader};
use crate::error::Error;
use crate::poll::Change;
use crate::run::changes;
use crate::source::{OpenSource, Source};
use contract::{KeyPair, with_causes};

/// The lists of the source.
pub(super) struct Lists {
    /// The one in use.
    current: Vec<KeyPair>,
    /// The newest one, if it was not looked at.
    next: Option<Vec<KeyPair>>,
    /// Why the last one was refused.
    refused: Option<String>,
}

impl Lists {
    pub(super) fn new(current: Vec<KeyPair>) -> Self {
        Self {
            current,
            next: None,
            refused: None,
        }
    }

    /// A reload has put this one in place, perhaps that of another source.
    pub(super) fn replace(&mut self, current: Vec<KeyPair>) {
        *self = Self::new(current);
    }

    /// This one is in use from now on.
    pub(super) fn applied(&mut self, current: Vec<KeyPair>, changes: &[String]) {
        self.current = current;
        self.refused = None;
        info!("listed: {}", changes.join(", "));
    }

    /// Says why nothing changes. The same list comes again and again, so the same reason is told once.
    pub(super) fn refuse(&mut self, reason: &str) {
        if self.refused.as_deref() != Some(reason) {
            error!(error:% = reason; "environments that are listed are not served, nothing changes: {reason}");
            self.refused = Some(reason.to_owned());
        }
    }
}

impl Reloader {
    /// The source lists these environments.
    pub(in crate::run) fn listed(&mut self, environments: Vec<KeyPair>) {
        self.lists.next = Some(environments);
    }

    /// What is listed once this source is in use: what it knows, else what is listed now, if upstream listed that and
    /// will list again.
    pub(super) fn listed_by(&self, next: &Source, opened: Option<&OpenSource>) -> Vec<KeyPair> {
        let known = opened.and_then(OpenSource::known_environments);
        known.unwrap_or_else(|| {
            let is_upstream = |source| matches!(source, &Source::Upstream(_));
            let stays = is_upstream(next) == is_upstream(&self.settings.source);
            match stays && next.lists_environments() {
                true => self.lists.current.clone(),
                false => Vec::new(),
            }
        })
    }

    /// Begins what the newest list changes.
    pub(super) fn begin_listed(&mut self) {
        let Some(listed) = self
            .lists
            .next
            .take()
            .filter(|next| *next != self.lists.current)
        else {
            return;
        };
        match self.prepare_listed(listed) {
            Err(error) => self.lists.refuse(&with_causes(&error)),
            Ok((in_progress, Some(change))) => {
                self.in_progress = Some(in_progress);
                self.polling.change(change);
            }
            // It lists what is configured otherwise.
            Ok((in_progress, None)) => self.lists.replace(in_progress.listed),
        }
    }

    fn prepare_listed(&self, listed: Vec<KeyPair>) -> Result<(InProgress, Option<Change>), Error> {
        let settings = &self.settings;
        let environments = settings
            .source
            .environments(&settings.environments, &listed);
        let turnover = self.roster.change_to(environments);
        let turnover = turnover.map_err(Error::Environments)?;
        let change = self.change(&turnover, settings, None)?;
        let in_progress = InProgress {
            settings: None,
            listed,
            changes: changes::of_environments(&turnover),
            roster: turnover.roster,
            sockets: None,
            forwarding: None,
            rolls: false,
        };
        Ok((in_progress, change))
    }
}
