//! Upstream's events, and what becomes of polling while they are followed.

use std::sync::Mutex;

use super::changing::{change, pair};
use super::*;
use crate::source::realtime::RealtimeSettings;

const HEAD: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
const HOUR: Duration = Duration::from_secs(3600);

/// An upstream whose streams are as `stream` makes them, of their heads.
fn stub(stream: impl Fn(&str) -> Answer + Send + Sync + 'static) -> (Stub, Arc<AtomicUsize>) {
    let edition = Arc::new(AtomicUsize::new(0));
    let current = Arc::clone(&edition);
    let stub = Stub::answering(move |head| {
        if head.starts_with("GET /sse/environments/client-0/stream ") {
            return stream(head);
        }
        answer("200 OK", &[], &document(0, current.load(Ordering::SeqCst)))
    });
    (stub, edition)
}

fn realtime(stub: &Stub, poll_frequency: Duration) -> Realtime {
    let settings = RealtimeSettings {
        upstream: UpstreamSettings {
            api_url: ApiUrl::parse(&stub.origin()).unwrap(),
            ..upstream_settings(stub)
        },
        poll_frequency,
        fetch_spread: Duration::ZERO,
    };
    Realtime::new(&settings).unwrap()
}

fn stays_open(events: &str) -> Answer {
    Answer::Stalled(format!("{HEAD}{events}").into_bytes())
}

fn is_connected(trial: &Trial) -> bool {
    trial.reader.board().environment(0).realtime() == Some(true)
}

#[test]
fn a_connected_stream_has_polling_wait_longer_and_is_told_on_the_board() {
    let (stub, edition) = stub(|_| stays_open(": hello\n\n"));
    let trial = Trial::following(
        realtime(&stub, HOUR),
        Duration::from_millis(20),
        &upstream(&stub),
    );
    eventually("a stream", || is_connected(&trial));
    // One fetch at the start and one for what happened before the stream. Then an hour passes.
    eventually("both fetches", || stub.count("0") >= 2);
    let fetches = || stub.count("0");
    let mut before = 0;
    eventually("no more polling", || {
        let quiet = std::mem::replace(&mut before, fetches()) == fetches();
        std::thread::sleep(Duration::from_millis(100));
        quiet
    });
    edition.store(1, Ordering::SeqCst);
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(fetches(), before);
    // Without it, polling is as often as it was.
    stub.close();
    eventually("the end of the stream", || !is_connected(&trial));
    stub.open();
    eventually("the edit", || trial.document(0) == Some(document(0, 1)));
}

#[test]
fn each_event_asks_for_a_fetch_and_the_last_id_resumes() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let ids = Arc::clone(&told);
    // Each stream tells of one change and then ends after a while.
    let (stub, _) = stub(move |head| {
        let id = header(head, "last-event-id").map(str::to_owned);
        let mut ids = ids.lock().unwrap();
        ids.push(id);
        let next = ids.len();
        std::thread::sleep(Duration::from_millis(1100));
        let event = format!("id: {next}\nevent: environment_updated\ndata: {{}}\n\n");
        Answer::Closed(format!("{HEAD}{event}").into_bytes())
    });
    let trial = Trial::following(realtime(&stub, HOUR), HOUR, &upstream(&stub));
    eventually("three streams", || told.lock().unwrap().len() >= 3);
    let ids = told.lock().unwrap().clone();
    assert_eq!(ids[..2], [None, Some("1".to_owned())]);
    eventually("a fetch for each event", || stub.count("0") >= 3);
    assert!(trial.document(0).is_some());
}

#[test]
fn what_is_no_stream_is_tried_more_and_more_rarely() {
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    let (stub, edition) = stub(move |_| match counted.fetch_add(1, Ordering::SeqCst) {
        0 => answer("401 Unauthorized", &[], "{}"),
        1 => answer("200 OK", &["Content-Type: text/html"], "<p>"),
        _ => Answer::Closed(HEAD.as_bytes().to_vec()),
    });
    let trial = Trial::following(
        realtime(&stub, HOUR),
        Duration::from_millis(20),
        &upstream(&stub),
    );
    eventually("three tries", || tries.load(Ordering::SeqCst) >= 3);
    // Polling goes on meanwhile.
    edition.store(1, Ordering::SeqCst);
    eventually("the edit", || trial.document(0) == Some(document(0, 1)));
    eventually("a stream that is not connected", || {
        trial.reader.board().environment(0).realtime() == Some(false)
    });
    assert!(tries.load(Ordering::SeqCst) < 8);
}

#[test]
fn an_environment_with_a_new_client_side_key_is_followed_under_that() {
    let followed = Arc::new(Mutex::new(Vec::new()));
    let asked = Arc::clone(&followed);
    let stub = Stub::answering(
        move |head| match head.strip_prefix("GET /sse/environments/") {
            Some(rest) => {
                let key = rest.split('/').next().unwrap_or_default();
                asked.lock().unwrap().push(key.to_owned());
                stays_open("")
            }
            None => answer("200 OK", &[], &document(0, 0)),
        },
    );
    let trial = Trial::following(realtime(&stub, HOUR), HOUR, &upstream(&stub));
    eventually("a stream", || is_connected(&trial));
    let roster = Roster::new(pairs(1), 11);
    let turnover = roster.change_to(vec![pair("renamed", "ser.0")]).unwrap();
    trial.change(change(&turnover)).unwrap();
    eventually("another stream", || followed.lock().unwrap().len() == 2);
    assert_eq!(*followed.lock().unwrap(), ["client-0", "renamed"]);
}
