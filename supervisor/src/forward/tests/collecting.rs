//! From the rings to the outbox.

use std::collections::HashMap;
use std::fs;

use journal::Evaluation;
use testing::eventually;

use super::*;
use crate::forward::collect::Collector;
use crate::forward::delivery::{Delivery, Destination};
use crate::forward::outbox::Outbox;

/// A collector without its thread.
struct Collecting {
    rings: Arc<Rings>,
    outbox: Arc<Outbox>,
    collector: Collector,
}

impl Collecting {
    fn begin(trial: &Trial) -> Self {
        let directory = journal::directory(trial.state_directory());
        let rings = Arc::new(Rings::open(&directory, 2).unwrap());
        let outbox = Arc::new(Outbox::open(&directory, 1 << 20).unwrap());
        let (rings_too, outbox_too) = (Arc::clone(&rings), Arc::clone(&outbox));
        let collector = Collector::new(rings_too, outbox_too, Arc::default(), true, Duration::ZERO);
        Self {
            rings,
            outbox,
            collector,
        }
    }

    fn worker(&self, trial: &Trial) -> Worker {
        Worker::with(self.rings.lend().unwrap(), trial.state_directory())
    }

    /// All that is in the outbox.
    fn deliveries(&self) -> Vec<Delivery> {
        let mut all = Vec::new();
        for lane in Lane::ALL {
            let mut number = self.outbox.oldest(lane);
            while let Some(batch) = number {
                all.extend(self.outbox.load(lane, batch).unwrap());
                number = self.outbox.after(lane, batch).filter(|next| *next > batch);
            }
        }
        all
    }

    fn sum(&self, feature: &str) -> u64 {
        let counts = self.deliveries().into_iter().filter_map(|delivery| {
            let body: Value = serde_json::from_slice(&delivery.body).unwrap();
            body[feature].as_u64()
        });
        counts.sum()
    }
}

fn counts(feature: &str, count: u64) -> Report<'_> {
    Report::Counts(vec![(feature, count)])
}

fn bodies(deliveries: &[Delivery]) -> Vec<String> {
    let bodies = deliveries.iter().map(|delivery| delivery.body.clone());
    bodies
        .map(|body| String::from_utf8(body).unwrap())
        .collect()
}

#[test]
fn evaluations_of_all_workers_are_added_up_for_each_environment_labels_and_feature() {
    let trial = Trial::new();
    let mut collecting = Collecting::begin(&trial);
    let mut workers = [collecting.worker(&trial), collecting.worker(&trial)];
    let labels = Labels {
        sdk_user_agent: "flagsmith-js-sdk/12.1.0",
        ..Labels::default()
    };
    for worker in &mut workers {
        worker.append(counts("one", 2));
        worker.append(counts("one", 3));
        worker.append_labelled(labels, counts("one", 100));
    }
    assert!(collecting.collector.collect());
    let mut deliveries = collecting.deliveries();
    deliveries.sort_by_key(|delivery| delivery.body.len());
    assert_eq!(bodies(&deliveries), [r#"{"one":10}"#, r#"{"one":200}"#]);
    assert_eq!(deliveries[0].headers.sdk_user_agent, "");
    assert_eq!(deliveries[1].headers.sdk_user_agent, labels.sdk_user_agent);
    assert!(!collecting.collector.collect());
}

#[test]
fn evaluations_with_details_are_added_up_for_each_outcome() {
    let trial = Trial::new();
    let mut collecting = Collecting::begin(&trial);
    let mut worker = collecting.worker(&trial);
    let evaluation = |identifier: Option<&'static str>, enabled, count| Evaluation {
        feature: "one",
        identifier: identifier.map(Into::into),
        enabled,
        count,
    };
    worker.append(Report::Evaluations(vec![
        evaluation(None, true, 1),
        evaluation(Some("a\"b"), true, 2),
        evaluation(None, true, 3),
        evaluation(None, false, 4),
    ]));
    collecting.collector.collect();
    let deliveries = collecting.deliveries();
    assert_eq!(deliveries.len(), 1);
    assert_eq!(deliveries[0].destination, Destination::Evaluations);
    let body: Value = serde_json::from_slice(&deliveries[0].body).unwrap();
    let mut items: Vec<String> = body["evaluations"]
        .as_array()
        .unwrap()
        .iter()
        .map(Value::to_string)
        .collect();
    items.sort();
    assert_eq!(
        items,
        [
            r#"{"feature_name":"one","enabled_when_evaluated":false,"count":4}"#,
            r#"{"feature_name":"one","enabled_when_evaluated":true,"count":4}"#,
            r#"{"feature_name":"one","identity_identifier":"a\"b","enabled_when_evaluated":true,"count":2}"#,
        ]
    );
}

#[test]
fn a_supervisor_that_ends_before_it_acknowledges_counts_nothing_twice() {
    let trial = Trial::new();
    let mut first = Collecting::begin(&trial);
    let mut worker = first.worker(&trial);
    worker.append(counts("one", 5));
    first.collector.collect();
    worker.append(counts("one", 7));
    // As if the first one had been killed between commit and acknowledgement, and a worker of it lived on.
    first
        .rings
        .all()
        .iter()
        .for_each(|ring| ring.reader.acknowledge(0));

    let mut second = Collecting::begin(&trial);
    second.collector.collect();
    assert_eq!(second.sum("one"), 12);
    worker.append(counts("one", 1));
    drop(worker);
    second.collector.collect();
    assert_eq!(second.sum("one"), 13);
    // The rings of the first run are gone, those of the second are there.
    second.collector.collect();
    assert_eq!(second.rings.all().len(), 2);
    let rings = fs::read_dir(journal::directory(trial.state_directory())).unwrap();
    let is_ring = |name: &str| journal::ring_number(name).is_some();
    let rings =
        rings.filter(|entry| is_ring(entry.as_ref().unwrap().file_name().to_str().unwrap()));
    assert_eq!(rings.count(), 2);
}

#[test]
fn what_cannot_be_committed_waits_in_the_rings() {
    let trial = Trial::new();
    let mut collecting = Collecting::begin(&trial);
    let mut worker = collecting.worker(&trial);
    worker.append(counts("one", 5));
    worker.set("alice", "plan", r#""premium""#);
    let obstacle = journal::directory(trial.state_directory()).join("committed.staging");
    fs::create_dir(&obstacle).unwrap();
    assert!(!collecting.collector.collect());
    assert_eq!(collecting.sum("one"), 0);
    fs::remove_dir(&obstacle).unwrap();
    worker.append(counts("one", 6));
    assert!(collecting.collector.collect());
    assert_eq!(collecting.sum("one"), 11);
    assert_eq!(collecting.outbox.waiting(Lane::Traits), 1);
}

#[test]
fn strangers_names_and_labels_do_not_grow_memory_and_every_count_is_kept() {
    let trial = Trial::new();
    let mut collecting = Collecting::begin(&trial);
    let mut worker = collecting.worker(&trial);
    let number = 100_000 * testing::scale() as u64;
    for stranger in 0..number {
        let name = format!("application {stranger}");
        let labels = Labels {
            application_name: &name,
            ..Labels::default()
        };
        worker.append_labelled(labels, counts("one", 1));
        if stranger % 10_000 == 0 {
            collecting.collector.collect();
        }
    }
    collecting.collector.collect();
    assert_eq!(collecting.sum("one"), number);
    let collections = number / 10_000 + 1;
    let most = usize::try_from(257 * collections).unwrap();
    assert!(collecting.deliveries().len() <= most);
}

#[test]
fn requests_are_split_by_length_and_by_what_upstream_can_store() {
    let trial = Trial::new();
    let mut collecting = Collecting::begin(&trial);
    let mut worker = collecting.worker(&trial);
    let names: Vec<String> = (0..20_000)
        .map(|number| format!("feature {number}"))
        .collect();
    worker.append(Report::Counts(
        names.iter().map(|name| (name.as_str(), 1)).collect(),
    ));
    worker.append(counts("many", 3_000_000_000));
    worker.append(counts("many", 3_000_000_000));
    collecting.collector.collect();
    let deliveries = collecting.deliveries();
    assert!(deliveries.len() >= 3);
    assert!(
        deliveries
            .iter()
            .all(|delivery| delivery.body.len() <= 129 * 1024)
    );
    assert_eq!(collecting.sum("many"), 6_000_000_000);
    let bodies = deliveries.iter().map(|delivery| -> HashMap<String, u64> {
        serde_json::from_slice(&delivery.body).unwrap()
    });
    let mut counted: Vec<String> = bodies.flat_map(HashMap::into_keys).collect();
    counted.retain(|name| name != "many");
    counted.sort();
    let mut expected = names.clone();
    expected.sort();
    assert_eq!(counted, expected);
}

#[test]
fn of_traits_the_last_value_goes_upstream_once_and_in_order_with_increments() {
    let trial = Trial::new();
    let mut collecting = Collecting::begin(&trial);
    let mut workers = [collecting.worker(&trial), collecting.worker(&trial)];
    // One client that asks one worker after the other.
    workers[0].set("alice", "plan", r#""free""#);
    workers[1].set("alice", "plan", r#""premium""#);
    workers[0].set("alice", "visits", "5");
    workers[1].change("alice", "visits", Change::Increment(2));
    workers[0].set("alice", "visits", "1");
    collecting.collector.collect();
    let item = |key: &str, value: &str| {
        format!(
            r#"{{"identity":{{"identifier":"alice"}},"trait_key":"{key}","trait_value":{value}}}"#
        )
    };
    let expected = [
        format!("[{},{}]", item("plan", r#""premium""#), item("visits", "5")),
        r#"{"identifier":"alice","trait_key":"visits","increment_by":2}"#.to_owned(),
        format!("[{}]", item("visits", "1")),
    ];
    assert_eq!(bodies(&collecting.deliveries()), expected);

    // What upstream knows is not sent again, until it refuses something.
    workers[1].set("alice", "plan", r#""premium""#);
    workers[1].set("alice", "visits", "1");
    collecting.collector.collect();
    assert_eq!(collecting.deliveries().len(), expected.len());
    workers[1].set("alice", "visits", "null");
    collecting.collector.collect();
    assert_eq!(
        bodies(&collecting.deliveries())[3],
        format!("[{}]", item("visits", "null"))
    );
}

#[test]
fn a_full_ring_has_room_again_long_before_the_next_collection_is_due() {
    let trial = Trial::new();
    let settings = ForwardSettings {
        frequency: Duration::from_secs(3600),
        ..trial.settings(1 << 20)
    };
    let forwarding = trial.start_as(&settings);
    let mut worker = Worker::of(&forwarding, trial.state_directory());
    let record = Record {
        environment: ENVIRONMENT,
        labels: Labels::default(),
        report: counts("one", 1),
    };
    let payload = record.write(Vec::new()).unwrap();
    let mut accepted = 0;
    while worker.writer.append(&payload).is_ok() {
        accepted += 1;
    }
    eventually("room", || worker.writer.append(&payload).is_ok());
    accepted += 1;
    let often = Forwarding::prepare(&trial.source(), &trial.settings(1 << 20));
    forwarding.change(often.unwrap());
    let path = "/api/v1/analytics/flags/";
    eventually("every count", || {
        sum(&trial.received(path), "one") == accepted
    });
    forwarding.finish();
}
