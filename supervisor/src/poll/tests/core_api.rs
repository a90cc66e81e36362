//! The habits of Flagsmith's core API, over HTTP. Its clock runs ahead when a test lets time pass there.

use testing::{Core, Habits};

use super::*;

/// More than the margins of `freshness`.
const LONG_AFTER: Duration = Duration::from_secs(15);
const MINUTE: Duration = Duration::from_secs(60);

fn stub(core: &Core) -> Stub {
    let stub = Stub::start([]);
    stub.set("0", core.answer());
    stub
}

fn trial(stub: &Stub, conditional_fetch: ConditionalFetch, whole_fetch: Option<Duration>) -> Trial {
    let rules = FetchRules {
        conditional_fetch,
        whole_fetch,
    };
    let poll_frequency = Duration::from_millis(10);
    let source = upstream(stub);
    let compile = engine::compile_with;
    Trial::with_rules(rules, poll_frequency, pairs(1), &source, compile, |_| false)
}

impl Trial {
    #[track_caller]
    fn wait_until_served(&self, value: &str) {
        let value = format!("\"feature_state_value\":\"{value}\"");
        eventually(&value, || {
            self.document(0)
                .is_some_and(|document| document.contains(&value))
        });
    }
}

/// The number of requests so far that were conditional.
fn conditional(stub: &Stub) -> usize {
    let heads = stub.heads("0");
    let since = |head: &&String| header(head, "if-modified-since").is_some();
    heads.iter().filter(since).count()
}

#[test]
fn an_edit_is_served_with_the_next_poll_although_upstream_caches_its_date() {
    let core = Core::new("client-0", "first", Habits::default());
    let stub = stub(&core);
    let trial = trial(&stub, ConditionalFetch::Auto, None);
    trial.wait_until_served("first");
    eventually("conditional fetches", || conditional(&stub) >= 3);

    // The first edit is hidden until the date is read anew.
    core.edit("second");
    let asked = conditional(&stub);
    core.pass(LONG_AFTER);
    eventually("304 for an edit", || conditional(&stub) >= asked + 3);
    core.pass(MINUTE);
    trial.wait_until_served("second");

    core.pass(LONG_AFTER);
    for value in ["third", "fourth", "fifth", "sixth"] {
        let (polled, asked) = (stub.count("0"), conditional(&stub));
        core.edit(value);
        trial.wait_until_served(value);
        println!("{value}: {} polls", stub.count("0") - polled);
        assert_eq!(conditional(&stub), asked, "{value}");
        core.pass(LONG_AFTER);
    }

    // Somebody sets ENVIRONMENT_CACHE_SECONDS to 0.
    core.cache_dates_for(Duration::ZERO);
    for value in ["seventh", "eighth", "ninth"] {
        core.edit(value);
        trial.wait_until_served(value);
        core.pass(LONG_AFTER);
    }
    let asked = conditional(&stub);
    eventually("conditional fetches again", || {
        conditional(&stub) >= asked + 3
    });
}

#[test]
fn a_change_without_a_date_is_served_with_the_next_whole_fetch() {
    let habits = Habits {
        date_cache: Duration::ZERO,
        ..Habits::default()
    };
    let core = Core::new("client-0", "first", habits);
    let stub = stub(&core);
    let whole_fetch = Duration::from_millis(500);
    let trial = trial(&stub, ConditionalFetch::Auto, Some(whole_fetch));
    for value in ["second", "third"] {
        let asked = conditional(&stub);
        eventually("conditional fetches", || conditional(&stub) >= asked + 3);
        core.edit_without_date(value);
        trial.wait_until_served(value);
    }
}

#[test]
fn identity_uuids_alone_are_no_change() {
    let core = Core::new("client-0", "first", Habits::default());
    let stub = stub(&core);
    let trial = trial(&stub, ConditionalFetch::Never, None);
    trial.wait_until_served("first");
    let generation = newest(trial.reader.board());
    let (polled, document) = (stub.count("0"), trial.document(0));
    eventually("100 whole answers", || stub.count("0") >= polled + 100);
    assert_eq!(newest(trial.reader.board()), generation);
    assert_eq!(trial.document(0), document);
    assert_eq!(conditional(&stub), 0);
    core.edit("second");
    trial.wait_until_served("second");
    assert_eq!(newest(trial.reader.board()), generation + 1);
}

#[test]
fn pages_are_joined_although_upstream_does_not_know_its_address() {
    let habits = Habits {
        pages_at: Some("https://internal/environment-document/".to_owned()),
        ..Habits::default()
    };
    let core = Core::new("client-0", "first", habits);
    let stub = stub(&core);
    let trial = trial(&stub, ConditionalFetch::Auto, None);
    trial.wait_until_served("first");
    let document = trial.document(0).unwrap();
    assert!(document.contains("\"alice\"") && document.contains("\"zoe\""));
}
