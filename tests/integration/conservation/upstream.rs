//! Upstream: how it fails, and what it has received.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use fastrand::Rng;
use serde_json::Value;
use testing::{Answer, Stub, message};

use super::clients::Sums;

/// How upstream answers reports at the moment.
pub(super) struct Manner(Arc<AtomicU8>);

const TAKES: u8 = 0;
const MANNERS: u8 = 6;

impl Manner {
    pub(super) fn of(upstream: &Stub) -> Self {
        let manner = Arc::new(AtomicU8::new(TAKES));
        let current = Arc::clone(&manner);
        upstream.receive(move |_| match current.load(Ordering::Relaxed) {
            TAKES => Answer::status("200 OK", ""),
            1 => Answer::status("500 Internal Server Error", ""),
            2 => Answer::status("503 Service Unavailable", ""),
            3 => Answer::silence(),
            4 => Answer::Closed(message(&["200 OK", "Content-Length: 100"], "cut")),
            _ => Answer::Closed(Vec::new()),
        });
        Self(manner)
    }

    /// Half of the time it takes what it gets.
    pub(super) fn change(&self, chance: &mut Rng) {
        let manner = match chance.bool() {
            true => TAKES,
            false => chance.u8(1..MANNERS),
        };
        self.0.store(manner, Ordering::Relaxed);
    }

    pub(super) fn mend(&self) {
        self.0.store(TAKES, Ordering::Relaxed);
    }
}

/// What upstream has received, each idempotency key counted once.
#[derive(Default)]
pub(super) struct Received {
    pub(super) counts: u64,
    pub(super) increments: u64,
    pub(super) events: HashSet<String>,
    /// How many requests came again.
    pub(super) repeated: usize,
}

impl Received {
    pub(super) fn by(upstream: &Stub) -> Self {
        let mut received = Self::default();
        let mut bodies: HashMap<String, Vec<u8>> = HashMap::new();
        for report in upstream.reports() {
            let key = report.header("idempotency-key").expect("a key").to_owned();
            if let Some(before) = bodies.get(&key) {
                assert_eq!(*before, report.body, "another body with the same key");
                received.repeated += 1;
                continue;
            }
            let number = |value: &Value| value.as_u64().expect("a number");
            match report.target().1 {
                "/api/v1/analytics/flags/" => received.counts += number(&report.json()["greeting"]),
                "/api/v1/traits/increment-value/" => {
                    received.increments += number(&report.json()["increment_by"]);
                }
                "/v1/events" => {
                    let event = String::from_utf8(report.body.clone()).expect("a text");
                    assert!(received.events.insert(event), "an event with two keys");
                }
                other => panic!("a report to {other}"),
            }
            bodies.insert(key, report.body);
        }
        received
    }

    /// Nothing is missing that was accepted, as far as sums tell.
    pub(super) fn has_all(&self, sums: &Sums) -> bool {
        self.counts >= sums.counts.accepted
            && self.increments >= sums.increments.accepted
            && self.events.is_superset(&sums.accepted_events)
    }

    /// Nothing more was received than what clients sent.
    pub(super) fn check(&self, sums: &Sums) {
        let (counts, increments) = (sums.counts, sums.increments);
        assert!(
            self.counts <= counts.accepted + counts.unseen,
            "{} of {counts:?}",
            self.counts
        );
        assert!(
            self.increments <= increments.accepted + increments.unseen,
            "{} of {increments:?}",
            self.increments
        );
        let is_known = |event: &&String| {
            sums.accepted_events.contains(*event) || sums.unseen_events.contains(*event)
        };
        assert_eq!(self.events.iter().find(|event| !is_known(event)), None);
        assert!(counts.accepted > 0 && increments.accepted > 0 && !sums.accepted_events.is_empty());
    }
}
