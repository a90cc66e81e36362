//! Records as bytes.

use journal::{Change, Evaluation, Labels, Record, Report, TraitChange};

fn records() -> Vec<Record<'static>> {
    let record = |report| Record {
        environment: "environment",
        labels: Labels {
            user_agent: "agent",
            application_version: "1",
            ..Labels::default()
        },
        report,
    };
    let change = |change| TraitChange {
        identifier: "alice".into(),
        key: "plan".into(),
        change,
    };
    vec![
        record(Report::Counts(vec![("one", 1), ("two", u64::MAX)])),
        record(Report::Evaluations(vec![Evaluation {
            feature: "one",
            identifier: Some("alice".into()),
            enabled: true,
            count: 3,
        }])),
        record(Report::Traits(vec![
            change(Change::Set("\"premium\"".into())),
            change(Change::Increment(-5)),
        ])),
        record(Report::Event {
            content_type: "application/json",
            body: b"\0\xff",
        }),
    ]
}

#[test]
fn a_record_is_read_as_it_was_written() {
    for record in records() {
        let bytes = record.write(Vec::new()).unwrap();
        assert_eq!(Record::read(&bytes).unwrap(), record);
    }
}

#[test]
fn bytes_that_are_no_record_are_an_error() {
    assert!(Record::read(b"").is_err());
    for record in records() {
        let bytes = record.write(Vec::new()).unwrap();
        assert!(Record::read(&bytes[..bytes.len() - 1]).is_err());
    }
}

#[test]
fn a_report_of_ten_features_takes_little_more_than_their_names() {
    let names: Vec<String> = (0..10)
        .map(|number| format!("feature_{number:06}"))
        .collect();
    let counts = names.iter().map(|name| (name.as_str(), 7)).collect();
    let record = Record {
        environment: "n9fbf9h3v4fFgH3U3ngWhb",
        labels: Labels {
            sdk_user_agent: "flagsmith-js-sdk/12.1.0",
            ..Labels::default()
        },
        report: Report::Counts(counts),
    };
    let bytes = record.write(Vec::new()).unwrap();
    assert_eq!(bytes.len(), 10 * (14 + 2) + 23 + 24 + 3 + 2);
}
