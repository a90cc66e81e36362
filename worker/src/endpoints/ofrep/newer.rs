//! A client that was told by an event, most likely of another host, of a document that is newer than the one that is
//! served here. Its request waits a moment for that document.

use std::cell::RefCell;
use std::collections::HashMap;
use std::pin::Pin;
use std::rc::Rc;
use std::time::{Duration, Instant};

use actix_http::RequestHead;
use actix_rt::time::timeout;
use contract::{BoardWords, knock};
use jiff::Timestamp;

use super::client_side_key;
use crate::endpoints::query;
use crate::environments::Environments;
use crate::environments::mapped::MappedEnvironment;
use crate::http::environment_key::ofrep_key;

/// How the parameters begin by which a request names the document of an event.
pub(crate) const NEWER: &str = "flagConfig";
const ETAG: &str = "flagConfigEtag";
const LAST_MODIFIED: &str = "flagConfigLastModified";

/// How long a request waits.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// How long nobody waits again, nor has the supervisor fetch again. Anybody may claim to know of a newer document.
const REST: Duration = Duration::from_secs(5);

/// What a request waits for before it is answered.
pub(crate) type Waiting = Pin<Box<dyn Future<Output = ()>>>;

/// When the supervisor was last asked to fetch the document of each row.
#[derive(Default)]
pub(super) struct Asked(RefCell<HashMap<usize, Instant>>);

/// The document of an event.
struct Newer {
    digest: Option<String>,
    /// In seconds since 1970.
    date: Option<f64>,
}

impl Asked {
    /// Has the supervisor fetch what a request knows of and this worker does not, unless it was asked lately, and says
    /// what to wait for; `None` if for nothing.
    pub(super) fn waits_for(
        &self,
        environments: &Rc<Environments>,
        head: &RequestHead,
    ) -> Option<Waiting> {
        let newer = Newer::named_by(head);
        let key = ofrep_key(head).ok()?;
        let (row, tag) = {
            let index = environments.index();
            let (environment, side) = index.open(key).ok()?;
            if !newer.is_newer_than(&environment) {
                return None;
            }
            let row = index.row(client_side_key(&index, key, &environment, side)?)?;
            (row, environment.archive().document().etag().to_owned())
        };
        let mut asked = self.0.borrow_mut();
        let since = asked.get(&row).map(Instant::elapsed);
        let wait = match since {
            Some(since) if since < LONGEST_WAIT => LONGEST_WAIT - since,
            Some(since) if since < REST => return None,
            _ => {
                asked.insert(row, Instant::now());
                environments.board().environment(row).want_fetch();
                knock();
                LONGEST_WAIT
            }
        };
        let (environments, key) = (Rc::clone(environments), key.to_owned());
        Some(Box::pin(async move {
            // If it does not arrive, the client gets what there is.
            let _ = timeout(wait, another_arrives(&environments, &key, &tag)).await;
        }))
    }
}

impl Newer {
    fn named_by(head: &RequestHead) -> Self {
        let date = query::last(head, LAST_MODIFIED);
        Self {
            digest: query::last(head, ETAG).map(|digest| digest.trim_matches('"').to_owned()),
            date: date.and_then(|date| seconds_since_1970(&date)),
        }
    }

    /// Whether it may be newer. A document of the same date may be another one, because not every edit moves the date.
    fn is_newer_than(&self, environment: &MappedEnvironment) -> bool {
        let served = environment.archive().document().etag().trim_matches('"');
        let served_date = environment.updated_at();
        let served_date = served_date.and_then(|date| date.to_str().ok()?.parse::<f64>().ok());
        match (&self.digest, self.date, served_date) {
            (Some(digest), ..) if digest == served => false,
            (None, Some(date), Some(served)) => date > served,
            (Some(_), Some(date), Some(served)) => date >= served,
            (digest, date, _) => digest.is_some() || date.is_some(),
        }
    }
}

/// Ready when the key opens another document than the one with this tag.
async fn another_arrives(environments: &Environments, key: &[u8], tag: &str) {
    loop {
        let changed = environments.changed();
        let opened = environments.index().open(key);
        match opened {
            Ok((environment, _)) if environment.archive().document().etag() == tag => changed.await,
            _ => return,
        }
    }
}

/// A time as OFREP has it: in seconds since 1970, or as ISO 8601 has it.
fn seconds_since_1970(text: &str) -> Option<f64> {
    match text.parse::<f64>() {
        Ok(seconds) => Some(seconds),
        Err(_) => {
            let timestamp = text.parse::<Timestamp>().ok()?;
            #[expect(
                clippy::cast_precision_loss,
                reason = "microseconds since 1970 fit into the 53 bits of a double until the year 2255"
            )]
            let seconds = timestamp.as_microsecond() as f64 / 1e6;
            Some(seconds)
        }
    }
}
