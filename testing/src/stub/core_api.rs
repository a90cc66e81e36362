//! An environment as Flagsmith's core API serves it, with the habits of that API. Its clock is real time, and what a
//! test lets pass.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::answer::{Answer, clock_time, http_date, message};
use super::header;
use crate::documents::document;

/// What the core API does beyond sending the document. The default is what it does with its default settings.
pub struct Habits {
    /// `Last-Modified`, and the date that `If-Modified-Since` is compared with, are cached for so long. Bodies are not.
    pub date_cache: Duration,
    /// Makes up each `identity_uuid` anew for each answer.
    pub new_identity_uuids: bool,
    /// Sends each identity override in a page of its own. Links begin with this, e.g. with another scheme and host.
    pub pages_at: Option<String>,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            date_cache: Duration::from_secs(60),
            new_identity_uuids: true,
            pages_at: None,
        }
    }
}

/// An environment of the core API.
#[derive(Clone)]
pub struct Core(Arc<Mutex<Site>>);

struct Site {
    habits: Habits,
    document: Value,
    started: Instant,
    passed: Duration,
    /// Times are since midnight.
    updated_at: Duration,
    /// When a date was read, and that date.
    cached: Option<(Duration, Duration)>,
    identity_uuids: u64,
}

impl Core {
    /// An environment whose document is [`document`], for the identities `alice` and `zoe`. It was edited an hour ago.
    #[must_use]
    pub fn new(environment: &str, value: &str, habits: Habits) -> Core {
        let mut document: Value =
            serde_json::from_str(&document(environment, value)).expect("a document");
        let mut other = document["identity_overrides"][0].clone();
        other["identifier"] = json!("zoe");
        let overrides = document["identity_overrides"].as_array_mut();
        overrides.expect("a list").push(other);
        Core(Arc::new(Mutex::new(Site {
            habits,
            document,
            started: Instant::now(),
            passed: Duration::ZERO,
            updated_at: Duration::from_secs(11 * 3600),
            cached: None,
            identity_uuids: 0,
        })))
    }

    /// The answer to each request for the document.
    #[must_use]
    pub fn answer(&self) -> Answer {
        let core = self.clone();
        Answer::made(move |head| core.site().answer(head))
    }

    /// Sets the value of `greeting`, as somebody does in the dashboard.
    pub fn edit(&self, value: &str) {
        let mut site = self.site();
        site.updated_at = site.now();
        site.set_value(value);
    }

    /// Sets the value of `greeting` without a new `updated_at`, as a scheduled change does.
    pub fn edit_without_date(&self, value: &str) {
        self.site().set_value(value);
    }

    /// Caches dates for so long from now on.
    pub fn cache_dates_for(&self, time: Duration) {
        self.site().habits.date_cache = time;
    }

    /// Lets this time pass.
    pub fn pass(&self, time: Duration) {
        self.site().passed += time;
    }

    fn site(&self) -> MutexGuard<'_, Site> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Site {
    fn now(&self) -> Duration {
        Duration::from_secs(12 * 3600) + self.passed + self.started.elapsed()
    }

    fn set_value(&mut self, value: &str) {
        self.document["feature_states"][0]["feature_state_value"] = json!(value);
    }

    /// The date that is sent and compared.
    fn date(&mut self) -> Duration {
        let now = self.now();
        match self.cached {
            Some((read, date)) if now < read + self.habits.date_cache => date,
            _ => {
                self.cached = Some((now, self.updated_at));
                self.updated_at
            }
        }
    }

    fn answer(&mut self, head: &str) -> Answer {
        let last_modified = self.date().as_secs();
        let date = format!("Date: {}", http_date(self.now().as_secs()));
        let modified = format!("Last-Modified: {}", http_date(last_modified));
        // Dates of one day in this form are in the order of their texts.
        let since = header(head, "if-modified-since");
        if since.is_some_and(|since| &*http_date(last_modified) <= since) {
            return Answer::Kept(kept(&["304 Not Modified", &date, &modified], ""));
        }
        let page = match head.split_once("?page_id=") {
            Some((_, rest)) => rest.split(' ').next().and_then(|page| page.parse().ok()),
            None => Some(0),
        };
        let page: usize = page.expect("the number of a page");
        let mut headers = vec!["200 OK", &date, &modified];
        let link;
        if let Some(address) = &self.habits.pages_at
            && page == 0
        {
            link = format!("Link: <{address}?page_id=1>; rel=\"next\"");
            headers.push(&link);
        }
        Answer::Kept(kept(&headers, &self.body(page)))
    }

    fn body(&mut self, page: usize) -> String {
        let mut document = self.document.clone();
        let (time, micros) = (
            clock_time(self.updated_at.as_secs()),
            self.updated_at.subsec_micros(),
        );
        document["updated_at"] = json!(format!("2026-02-02T{time}.{micros:06}+00:00"));
        let overrides = document["identity_overrides"].as_array_mut();
        let overrides = overrides.expect("a list");
        if self.habits.pages_at.is_some() {
            *overrides = vec![overrides.swap_remove(page)];
        }
        if self.habits.new_identity_uuids {
            for identity in overrides {
                self.identity_uuids += 1;
                let uuid = format!("0b5e4f5c-0000-4000-8000-{:012}", self.identity_uuids);
                identity["identity_uuid"] = json!(uuid);
            }
        }
        document.to_string()
    }
}

/// An answer on a connection that is kept.
fn kept(head: &[&str], body: &str) -> Vec<u8> {
    let length = format!("Content-Length: {}", body.len());
    let bytes = message(&[head, &[&length]].concat(), body);
    let text = String::from_utf8(bytes).expect("text");
    text.replacen("Connection: close\r\n", "", 1).into_bytes()
}
