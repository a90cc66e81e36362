//! What clients report: what they are answered, and what is in the ring by then.

use journal::{Change, Labels, Reader, Record, Report, TraitChange, Usage, Writer};
use tempfile::TempDir;
use testing::eventually;

use super::*;
use crate::endpoints::reports::{Forwards, Reports};

/// A worker with a ring, and the supervisor's end of that.
struct Reporting {
    supervisor: StubSupervisor,
    worker: Worker,
    ring: Reader,
    _directory: TempDir,
}

impl Reporting {
    fn new(bytes: usize, forwards: Forwards) -> Self {
        let directory = TempDir::new().expect("a directory");
        let path = directory.path().join("ring");
        journal::create(&path, bytes).expect("a ring");
        let mut supervisor = StubSupervisor::new(&["one"]);
        supervisor.publish("one", &document("one", 0, ONE));
        let writer = Writer::open(&path).expect("a writer");
        let reports = Reports::new(Some(writer), forwards);
        let worker = Worker::start_reporting(&supervisor, reports);
        Self {
            supervisor,
            worker,
            ring: Reader::open(&path).expect("a reader"),
            _directory: directory,
        }
    }

    /// The answer to a request, and the records that it made, which are acknowledged.
    fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> (Answer, Vec<Vec<u8>>) {
        let answer = self.worker.ask(request(method, path, headers, body));
        (answer, self.records())
    }

    /// The records that are not acknowledged yet.
    fn records(&self) -> Vec<Vec<u8>> {
        let (head, mut position) = (self.ring.head(), self.ring.tail());
        let (mut records, mut payload) = (Vec::new(), Vec::new());
        while let Some(entry) = self.ring.read(position, head, &mut payload).expect("whole") {
            records.push(payload.clone());
            position = entry.next;
        }
        self.ring.acknowledge(head);
        records
    }
}

/// What clients report, and nothing of the worker itself.
const CLIENTS: Forwards = Forwards {
    traits: true,
    events: true,
    usage: false,
};

fn reporting() -> Reporting {
    Reporting::new(1 << 16, CLIENTS)
}

/// The only record.
fn only(records: &[Vec<u8>]) -> Record<'_> {
    assert_eq!(records.len(), 1);
    Record::read(&records[0]).expect("a record")
}

const COUNTS: &str = "/api/v1/analytics/flags/";

#[test]
fn counts_of_known_features_are_in_the_ring_when_the_client_is_answered() {
    let reporting = reporting();
    let body = r#"{"first": 3, "unknown": 1, "second": 2.0, "\u0066irst": 4, "second": true,
        "second": "5", "second": [1], "second": {"a": 1}, "second": null, "second": -1, "second": 0,
        "second": 2147483648, "second": 2147483647}"#;
    let headers =
        "Flagsmith-SDK-User-Agent: flagsmith-js-sdk/12.1.0\r\nUser-Agent: Mozilla/5.0\r\n";
    for key in [CLIENT, SERVER] {
        let (answer, records) = reporting.ask("POST", COUNTS, &format!("{key}{headers}"), body);
        assert_eq!((answer.status, answer.body.as_slice()), (200, &b""[..]));
        let labels = Labels {
            sdk_user_agent: "flagsmith-js-sdk/12.1.0",
            ..Labels::default()
        };
        let expected = Record {
            // A server-side key is not written.
            environment: "client_one",
            labels,
            report: Report::Counts(vec![("first", 3), ("first", 4), ("second", 2_147_483_647)]),
        };
        assert_eq!(only(&records), expected);
    }
}

#[test]
fn evaluations_of_known_features_are_in_the_ring_when_the_client_is_answered() {
    let reporting = reporting();
    let item = |feature: &str, rest: &str| {
        format!(r#"{{"feature_name":"{feature}","enabled_when_evaluated":true{rest}}}"#)
    };
    let items = [
        item("first", r#","count":2,"identity_identifier":"a\nb""#),
        item("unknown", r#","count":2"#),
        item("second", r#","count":1.5"#),
        item("second", r#","count":1,"identity_identifier":null"#),
    ];
    let body = format!(r#"{{"evaluations":[{}]}}"#, items.join(","));
    let (answer, records) = reporting.ask("POST", "/api/v2/analytics/flags", CLIENT, &body);
    assert_eq!((answer.status, answer.body.as_slice()), (204, &b""[..]));
    let Report::Evaluations(found) = only(&records).report else {
        panic!("{records:?}")
    };
    let found: Vec<_> = found
        .iter()
        .map(|one| {
            (
                one.feature,
                one.identifier.as_deref(),
                one.enabled,
                one.count,
            )
        })
        .collect();
    assert_eq!(
        found,
        [("first", Some("a\nb"), true, 2), ("second", None, true, 1)]
    );
}

#[test]
fn a_report_without_anything_to_forward_makes_no_record() {
    let reporting = reporting();
    for (path, body) in [
        (COUNTS, "{}"),
        (COUNTS, r#"{"unknown":1}"#),
        ("/api/v2/analytics/flags/", r#"{"evaluations":[]}"#),
        ("/api/v1/bulk-identities/", r#"{"data":[]}"#),
    ] {
        let (answer, records) = reporting.ask("POST", path, CLIENT, body);
        assert!(answer.status < 300, "{path}");
        assert!(records.is_empty(), "{path}");
    }
}

#[test]
fn what_is_no_report_or_has_no_key_is_refused_and_makes_no_record() {
    let reporting = reporting();
    let refused = |status: u16, method: &str, path: &str, headers: &str, body: &str| {
        let (answer, records) = reporting.ask(method, path, headers, body);
        assert_eq!(
            answer.status,
            status,
            "{method} {path} {body}: {}",
            answer.text()
        );
        assert!(records.is_empty());
        answer.text().to_owned()
    };
    for body in [
        "",
        "[]",
        "5",
        r#"{"first":1"#,
        r#"{"first":1}x"#,
        "{first:1}",
        "\u{1}",
    ] {
        let text = refused(400, "POST", COUNTS, CLIENT, body);
        assert!(text.starts_with(r#"{"detail":""#), "{text}");
    }
    refused(401, "POST", COUNTS, "", r#"{"first":1}"#);
    refused(
        401,
        "POST",
        COUNTS,
        "X-Environment-Key: nobody\r\n",
        r#"{"first":1}"#,
    );
    refused(
        401,
        "POST",
        "/v1/events",
        "X-Environment-Key: nobody\r\n",
        "event",
    );
    refused(405, "GET", COUNTS, CLIENT, "");
    refused(405, "POST", "/api/v1/traits/bulk/", CLIENT, "[]");
    let gzip = format!("{CLIENT}Content-Encoding: gzip\r\n");
    refused(415, "POST", COUNTS, &gzip, "{}");
    refused(413, "POST", COUNTS, CLIENT, &" ".repeat(70_000));
    refused(
        400,
        "POST",
        "/api/v2/analytics/flags/",
        CLIENT,
        r#"{"evaluations":[{}]}"#,
    );
}

fn set(identifier: &'static str, key: &'static str, value: &'static str) -> TraitChange<'static> {
    TraitChange {
        identifier: identifier.into(),
        key: key.into(),
        change: Change::Set(value.into()),
    }
}

#[test]
fn traits_are_answered_as_the_core_api_does_and_forwarded() {
    let reporting = reporting();
    let increment = TraitChange {
        change: Change::Increment(-2),
        ..set("alice", "visits", "")
    };
    for (method, path, body, answer, changes) in [
        (
            "POST",
            "/api/v1/traits/",
            r#"{"identity":{"identifier":" alice "},"trait_key":"plan","trait_value":"premium"}"#,
            r#"{"identity":{"identifier":"alice"},"trait_key":"plan","trait_value":"premium"}"#,
            vec![set("alice", "plan", r#""premium""#)],
        ),
        (
            "PUT",
            "/api/v1/traits/bulk/",
            r#"[{"identity":{"identifier":7},"trait_key":"a","trait_value":1.5},
                {"identity":{"identifier":"b"},"trait_key":"gone","trait_value":null}]"#,
            r#"[{"identity":{"identifier":"7"},"trait_key":"a","trait_value":1.5}]"#,
            vec![set("7", "a", "1.5"), set("b", "gone", "null")],
        ),
        (
            "POST",
            "/api/v1/traits/increment-value/",
            r#"{"identifier":"alice","trait_key":"visits","increment_by":-2}"#,
            r#"{"identifier":"alice","trait_key":"visits","trait_value":-2}"#,
            vec![increment],
        ),
        (
            "POST",
            "/api/v1/bulk-identities/",
            r#"{"data":[{"identifier":"a","traits":[{"trait_key":"k","trait_value":true},
                {"trait_key":"t","trait_value":1,"transient":true}]},
                {"identifier":"b","transient":true,"traits":[{"trait_key":"k","trait_value":1}]}]}"#,
            "",
            vec![set("a", "k", "true")],
        ),
    ] {
        let (found, records) = reporting.ask(method, path, CLIENT, body);
        let expected = if answer.is_empty() { 204 } else { 200 };
        assert_eq!(found.status, expected, "{path}: {}", found.text());
        let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
        assert_eq!(json(found.text()), json(answer), "{path}");
        assert_eq!(only(&records).report, Report::Traits(changes), "{path}");
    }
}

#[test]
fn wrong_traits_are_refused_as_by_the_core_api() {
    let reporting = reporting();
    let long = "x".repeat(2001);
    let long =
        format!(r#"{{"identity":{{"identifier":"a"}},"trait_key":"k","trait_value":"{long}"}}"#);
    for (path, body, answer) in [
        (
            "traits",
            r#"{"identity":{"identifier":"a"},"trait_value":1}"#,
            r#"{"trait_key":["This field is required."]}"#,
        ),
        (
            "traits",
            r#"{"identity":{"identifier":""},"trait_key":"k","trait_value":1}"#,
            r#"{"identifier":["This field may not be blank."]}"#,
        ),
        (
            "traits",
            r#"{"identity":{"identifier":"a"},"trait_key":"k","trait_value":null}"#,
            r#"{"trait_value":["This field may not be null."]}"#,
        ),
        (
            "traits",
            &long,
            r#"{"trait_value":["Value string is too long. Must be less than 2000 character"]}"#,
        ),
        (
            "traits/increment-value",
            r#"{"identifier":"a","trait_key":"k","increment_by":1.5}"#,
            r#"{"increment_by":["A valid integer is required."]}"#,
        ),
        ("traits", "[]", r#"{"detail":"Invalid request data"}"#),
    ] {
        let (found, records) = reporting.ask("POST", &format!("/api/v1/{path}/"), CLIENT, body);
        assert_eq!((found.status, found.text()), (400, answer));
        assert!(records.is_empty());
    }
}

#[test]
fn where_clients_may_not_set_traits_only_a_server_side_key_does() {
    let mut reporting = reporting();
    let document = document("one", 0, ONE).replacen('{', r#"{"allow_client_traits":false,"#, 1);
    reporting.supervisor.publish("one", &document);
    let body = r#"{"identity":{"identifier":"a"},"trait_key":"k","trait_value":1}"#;
    let (client, records) = reporting.ask("POST", "/api/v1/traits/", CLIENT, body);
    assert_eq!(client.status, 400);
    assert_eq!(
        client.text(),
        r#"{"non_field_errors":["Setting traits not allowed with client key."]}"#
    );
    assert!(records.is_empty());
    let (server, records) = reporting.ask("POST", "/api/v1/traits/", SERVER, body);
    assert_eq!(server.status, 200);
    assert_eq!(only(&records).environment, "client_one");
}

#[test]
fn traits_of_an_identities_request_are_forwarded_unless_they_are_transient() {
    let reporting = reporting();
    let traits = r#""traits":[{"trait_key":"k","trait_value":"v"},{"trait_key":"n","trait_value":null},
        {"trait_key":"t","trait_value":1,"transient":true}]"#;
    let path = "/api/v1/identities/";
    let (answer, records) = reporting.ask(
        "POST",
        path,
        CLIENT,
        &format!(r#"{{"identifier":"a",{traits}}}"#),
    );
    assert_eq!(answer.status, 200);
    let expected = vec![set("a", "k", r#""v""#), set("a", "n", "null")];
    assert_eq!(only(&records).report, Report::Traits(expected));
    for body in [
        format!(r#"{{"identifier":"a","transient":true,{traits}}}"#),
        format!("{{{traits}}}"),
        r#"{"identifier":"a"}"#.to_owned(),
    ] {
        let (answer, records) = reporting.ask("POST", path, CLIENT, &body);
        assert_eq!(answer.status, 200);
        assert!(records.is_empty(), "{body}");
    }
}

#[test]
fn events_are_forwarded_as_they_are_and_only_if_they_have_somewhere_to_go() {
    let reporting = reporting();
    for path in [
        "/v1/events",
        "/v1/events/",
        "/api/v1/events",
        "/api/v1/events/",
    ] {
        let headers = format!("{SERVER}Content-Type: text/odd\r\n");
        let (answer, records) = reporting.ask("POST", path, &headers, "{not: JSON");
        assert_eq!(
            (answer.status, answer.body.as_slice()),
            (202, &b""[..]),
            "{path}"
        );
        let record = only(&records);
        assert_eq!(record.environment, "client_one");
        let event = Report::Event {
            content_type: "text/odd",
            body: b"{not: JSON",
        };
        assert_eq!(record.report, event);
    }
    let forwards = Forwards {
        events: false,
        ..CLIENTS
    };
    let nowhere = Reporting::new(1 << 16, forwards);
    for method in ["POST", "GET"] {
        let (answer, records) = nowhere.ask(method, "/v1/events", CLIENT, "{}");
        assert_eq!(answer.status, 404);
        assert!(records.is_empty());
    }
}

#[test]
fn without_room_in_the_ring_reports_are_refused_and_flags_are_answered() {
    let reporting = Reporting::new(4096, CLIENTS);
    let event = "x".repeat(500);
    let ask = |path: &str, body: &str| reporting.worker.post(path, CLIENT, body);
    while ask("/v1/events", &event).status == 202 {}
    let full = ask("/v1/events", &event);
    assert_eq!((full.status, full.header("retry-after")), (503, Some("1")));
    let large = "x".repeat(10_000);
    assert_eq!(ask("/v1/events", &large).status, 413);
    let identity =
        format!(r#"{{"identifier":"a","traits":[{{"trait_key":"k","trait_value":"{event}"}}]}}"#);
    assert_eq!(ask("/api/v1/identities/", &identity).status, 200);
    reporting.ring.acknowledge(reporting.ring.head());
    assert_eq!(ask("/v1/events", &event).status, 202);

    let (_supervisor, without_a_ring) = one_environment();
    let refused = without_a_ring.post(COUNTS, CLIENT, r#"{"first":1}"#);
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (503, Some("1"))
    );
}

/// The sum of all that is reported of usage.
fn sum(records: &[Vec<u8>]) -> Usage {
    let mut sum = Usage::default();
    for record in records {
        let record = Record::read(record).expect("a record");
        assert_eq!(
            (record.environment, record.labels),
            ("client_one", Labels::default())
        );
        let Report::Usage(usage) = record.report else {
            panic!("{record:?}");
        };
        sum.flags += usage.flags;
        sum.identities += usage.identities;
        sum.document += usage.document;
    }
    sum
}

#[test]
fn a_worker_reports_what_each_environment_has_answered_and_the_rest_at_its_end() {
    let forwards = Forwards {
        usage: true,
        ..Forwards::default()
    };
    let mut reporting = Reporting::new(1 << 16, forwards);
    let (flags, identities) = ("/api/v1/flags/", "/api/v1/identities/");
    let document_path = "/api/v1/environment-document/";
    let status = |path: &str, headers: &str| reporting.worker.get(path, headers).status;
    for (path, headers, expected) in [
        (flags, CLIENT, 200),
        (flags, SERVER, 200),
        ("/api/v1/identities/?identifier=a", CLIENT, 200),
        (document_path, SERVER, 200),
        // These are not answered from the environment.
        (document_path, CLIENT, 403),
        (flags, "X-Environment-Key: nobody\r\n", 401),
        ("/health", "", 200),
    ] {
        assert_eq!(status(path, headers), expected, "{path}");
    }
    // What is counted outlives the map that it was counted with.
    reporting
        .supervisor
        .publish("one", &document("one", 1, ONE));
    let identity = reporting
        .worker
        .post(identities, CLIENT, r#"{"identifier":"a"}"#);
    assert_eq!(identity.status, 200);
    let mut records = Vec::new();
    let expected = Usage {
        flags: 2,
        identities: 2,
        document: 1,
    };
    eventually("all of it", || {
        records.extend(reporting.records());
        sum(&records) == expected
    });
    assert_eq!(reporting.worker.get(flags, CLIENT).status, 200);
    let other = Worker::start(&reporting.supervisor, &["*"]);
    let worker = std::mem::replace(&mut reporting.worker, other);
    worker.stop().expect("a drain");
    records.extend(reporting.records());
    assert_eq!(sum(&records).flags, 3);
}

#[test]
fn usage_that_finds_no_room_is_reported_later() {
    let forwards = Forwards {
        usage: true,
        ..CLIENTS
    };
    let reporting = Reporting::new(4096, forwards);
    let event = "x".repeat(500);
    let fill = || while reporting.worker.post("/v1/events", CLIENT, &event).status == 202 {};
    fill();
    // Small records may still find some.
    let small = || {
        reporting
            .worker
            .post(COUNTS, CLIENT, r#"{"first":1}"#)
            .status
    };
    while small() == 200 {}
    for _ in 0..10 {
        assert_eq!(reporting.worker.get("/api/v1/flags/", CLIENT).status, 200);
    }
    reporting.ring.acknowledge(reporting.ring.head());
    let mut flags = 0;
    eventually("all ten", || {
        for record in reporting.records() {
            if let Report::Usage(usage) = Record::read(&record).expect("a record").report {
                flags += usage.flags;
            }
        }
        flags == 10
    });
}

#[test]
fn browsers_may_report() {
    let reporting = reporting();
    let origin = format!("{CLIENT}Origin: https://app.example\r\n");
    let (answer, _) = reporting.ask("POST", COUNTS, &origin, r#"{"first":1}"#);
    assert_eq!(
        answer.header("access-control-allow-origin"),
        Some("https://app.example")
    );
    let (options, _) = reporting.ask("OPTIONS", "/api/v1/traits/bulk/", "", "");
    assert_eq!(
        (options.status, options.header("allow")),
        (204, Some("OPTIONS, PUT"))
    );
}
