//! How a worker follows the board: generations, the index, the doorbell, readiness.

use std::time::{Duration, Instant, SystemTime};

use contract::{BoardWords, Expiry};
use testing::eventually;

use super::*;

#[test]
fn answers_from_each_generation_as_soon_as_it_is_published() {
    let mut supervisor = StubSupervisor::new(&["one", "two"]);
    let worker = Worker::start(&supervisor, &["*"]);
    let flags = |name: &str| {
        worker.get(
            "/api/v1/flags/",
            &format!("X-Environment-Key: client_{name}\r\n"),
        )
    };
    let early = flags("one");
    assert_eq!(early.status, 503);
    assert_eq!(early.header("retry-after"), Some("1"));
    supervisor.publish("one", &document("one", 0, ONE));
    assert_eq!(flags("one").status, 200);
    assert_eq!(flags("two").status, 503);
    for value in 0..20 {
        let value = value.to_string();
        supervisor.publish("two", &document("two", 0, &[(1, "first", true, &value)]));
        assert_eq!(
            flags("two").json()[0]["feature_state_value"].to_string(),
            value
        );
    }
    assert_eq!(flags("one").json()[1]["feature"]["name"], "second");
}

#[test]
fn serves_the_map_before_while_a_generation_cannot_be_mapped() {
    let (mut supervisor, worker) = one_environment();
    let first_value = || {
        let flags = worker.get("/api/v1/flags/", CLIENT);
        assert_eq!(flags.status, 200);
        flags.json()[0]["feature_state_value"].to_string()
    };
    assert_eq!(first_value(), "1");
    let generation = supervisor.publish("one", &document("one", 0, &[(1, "first", true, "2")]));
    let name = format!("state/environments/one.{generation}");
    let path = supervisor.directory.path().join(name);
    let elsewhere = path.with_extension("elsewhere");
    std::fs::rename(&path, &elsewhere).expect("moved");
    assert_eq!(first_value(), "1");
    std::fs::rename(&elsewhere, &path).expect("moved back");
    eventually("another attempt to map the generation", || {
        first_value() == "2"
    });
}

#[test]
fn server_side_keys_are_recognised_by_their_digest() {
    let (mut supervisor, worker) = one_environment();
    let document_of = |key: &str| {
        worker
            .get(
                "/api/v1/environment-document/",
                &format!("X-Environment-Key: {key}\r\n"),
            )
            .status
    };
    for _ in 0..2 {
        assert_eq!(document_of("ser.one"), 200);
        assert_eq!(document_of("ser.on"), 401);
        assert_eq!(document_of("client_one"), 403);
        assert_eq!(document_of("one"), 401);
    }
    // A key that opened an environment in one index may not open it in the next.
    supervisor.environments[0] = "renamed";
    supervisor.publish_index();
    assert_eq!(document_of("ser.one"), 401);
    assert_eq!(document_of("ser.renamed"), 503);
    supervisor.publish("renamed", &document("renamed", 0, ONE));
    assert_eq!(document_of("ser.renamed"), 200);
}

#[test]
fn a_server_side_key_stops_opening_its_environment_when_its_time_is_over() {
    let (mut supervisor, worker) = one_environment();
    let status = |key: &str| {
        let head = format!("X-Environment-Key: {key}\r\n");
        worker.get("/api/v1/flags/", &head).status
    };
    supervisor.expiry = Expiry::at(SystemTime::now() + Duration::from_millis(500));
    supervisor.publish_index();
    let at = Instant::now();
    let first = status("ser.one");
    assert!(
        first == 200 || at.elapsed() > Duration::from_millis(400),
        "{first}"
    );
    // Nothing else happens: no other index, no other key.
    eventually("the end of the key", || status("ser.one") == 401);
    assert_eq!(status("client_one"), 200);
    supervisor.expiry = Expiry::NEVER;
    supervisor.publish_index();
    assert_eq!(status("ser.one"), 200);
}

#[test]
fn maps_are_kept_when_the_index_changes() {
    let mut supervisor = StubSupervisor::new(&["one", "two"]);
    supervisor.publish("one", &document("one", 0, ONE));
    let generation = supervisor.publish("two", &document("two", 0, ONE));
    let worker = Worker::start(&supervisor, &["*"]);
    let status = |key: &str| {
        let header = format!("X-Environment-Key: client_{key}\r\n");
        worker.get("/api/v1/flags/", &header).status
    };
    assert_eq!((status("one"), status("two")), (200, 200));
    let path = format!("state/environments/two.{generation}");
    std::fs::remove_file(supervisor.directory.path().join(path)).expect("removed");
    supervisor.environments[0] = "three";
    supervisor.publish_index();
    assert_eq!((status("one"), status("three")), (401, 503));
    // The file is gone, so this is the map from before.
    assert_eq!(status("two"), 200);
    eventually("the map of the removed environment to go", || {
        supervisor.mapped() == (0, 1)
    });
}

#[test]
fn rows_of_no_environment_do_not_count() {
    let mut supervisor = StubSupervisor::new(&["one", "", "three"]);
    supervisor.publish("three", &document("three", 0, ONE));
    let worker = Worker::start(&supervisor, &["*"]);
    let ready = || worker.get("/proxy/health/readiness", "").status;
    let status = |key: &str| {
        let header = format!("X-Environment-Key: {key}\r\n");
        worker.get("/api/v1/flags/", &header).status
    };
    assert_eq!(ready(), 503);
    supervisor.publish("one", &document("one", 0, ONE));
    assert_eq!(ready(), 200);
    assert_eq!((status("client_one"), status("ser.three")), (200, 200));
    // One environment goes, another comes, and its row is a new one.
    supervisor.environments[0] = "";
    supervisor.environments.push("four");
    supervisor.publish_index();
    assert_eq!(ready(), 503);
    assert_eq!((status("client_one"), status("ser.one")), (401, 401));
    assert_eq!((status("client_three"), status("client_four")), (200, 503));
    supervisor.publish("four", &document("four", 0, ONE));
    assert_eq!(ready(), 200);
    assert_eq!(status("ser.four"), 200);
}

#[test]
fn environments_are_mapped_when_they_are_asked_for() {
    let _alone = DOORBELL.lock();
    let mut supervisor = StubSupervisor::new(&["one", "two", "three"]);
    for name in ["one", "two", "three"] {
        supervisor.publish(name, &document(name, 0, ONE));
    }
    let worker = Worker::start(&supervisor, &["*"]);
    assert_eq!(worker.get("/proxy/health/readiness", "").status, 200);
    assert_eq!(supervisor.mapped(), (0, 0));
    assert_eq!(worker.get("/api/v1/flags/", CLIENT).status, 200);
    assert_eq!(supervisor.mapped(), (1, 0));
    supervisor.publish("two", &document("two", 1, ONE));
    ring();
    supervisor.publish("one", &document("one", 1, ONE));
    eventually("the worker to follow the doorbell", || {
        ring();
        supervisor.mapped() == (1, 0)
    });
    assert_eq!(worker.get("/api/v1/flags/", SERVER).status, 200);
    assert_eq!(supervisor.mapped(), (1, 0));
}

#[test]
fn maps_are_renewed_without_a_request_when_the_doorbell_rings() {
    let _alone = DOORBELL.lock();
    let (mut supervisor, worker) = one_environment();
    assert_eq!(worker.get("/api/v1/flags/", CLIENT).status, 200);
    // Until the worker follows the board, it has the map before, whose file is gone.
    for changes in [1, 1, 2, 100] {
        for second in 0..changes {
            supervisor.publish("one", &document("one", second % 60, ONE));
        }
        eventually("the newest map and no other", || {
            ring();
            supervisor.mapped() == (1, 0)
        });
    }
}

#[test]
fn is_ready_when_every_document_is_fresh_and_until_the_proxy_drains() {
    let mut supervisor = StubSupervisor::new(&["one", "two"]);
    let worker = Worker::start(&supervisor, &["*"]);
    let health = || {
        let answer = worker.get("/proxy/health/readiness", "");
        (
            answer.status,
            answer.json()["reason"].as_str().map(str::to_owned),
        )
    };
    let not_updated = Some("environment document(s) not updated.".to_owned());
    supervisor.publish("one", &document("one", 0, ONE));
    assert_eq!(health(), (503, not_updated));
    supervisor.publish("two", &document("two", 0, ONE));
    assert_eq!(health(), (200, None));
    let long_ago = SystemTime::now() - Duration::from_secs(61);
    supervisor.board().environment(0).set_fetched(long_ago);
    assert_eq!(
        health(),
        (503, Some("environment document(s) stale.".to_owned()))
    );
    supervisor
        .board()
        .environment(0)
        .set_fetched(SystemTime::now());
    supervisor.board().set_draining();
    assert_eq!(health(), (503, Some("draining.".to_owned())));
    assert_eq!(worker.get("/proxy/health/liveness/", "").status, 200);
}
