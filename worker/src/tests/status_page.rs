//! The status page: its files, and the status that it shows.

use std::time::SystemTime;

use contract::{BoardWords, Failure, Token, WorkerSettings};
use serde_json::{Value, json};

use super::*;

#[test]
fn the_page_and_all_that_it_names_are_there_and_it_may_use_nothing_else() {
    let mut supervisor = StubSupervisor::new(&["one"]);
    supervisor.publish("one", &document("one", 0, ONE));
    let token = Some(Token::of("open-sesame"));
    let worker = Worker::start_with(&supervisor, WorkerSettings::default(), token);
    let mut paths = vec!["/".to_owned()];
    let mut seen = 0;
    while seen < paths.len() {
        let path = paths[seen].clone();
        seen += 1;
        let file = worker.ask_admin("GET", &path, "");
        assert_eq!(file.status, 200, "{path}");
        assert_eq!(worker.ask_admin("POST", &path, "").status, 405, "{path}");
        let policy = file.header("content-security-policy").expect("a policy");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self';"),
            "{policy}"
        );
        assert_eq!(file.header("x-content-type-options"), Some("nosniff"));
        let kind = match path.rsplit('.').next() {
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("svg") => "image/svg+xml",
            _ => "text/html; charset=utf-8",
        };
        assert_eq!(file.header("content-type"), Some(kind), "{path}");
        let text = file.text().replace("http://www.w3.org/2000/svg", "");
        assert!(!text.contains("://"), "{path} names another host");
        for quoted in text.split('"').skip(1).step_by(2) {
            let name = quoted.strip_prefix("./").unwrap_or(quoted);
            let is_file = [".js", ".css", ".svg"]
                .iter()
                .any(|end| name.ends_with(end));
            let named = format!("/{name}");
            if is_file && !paths.contains(&named) {
                paths.push(named);
            }
        }
    }
    assert!(seen > 5, "{paths:?}");
}

#[test]
fn the_status_tells_how_everything_does_and_no_key() {
    let mut supervisor = StubSupervisor::new(&["one", "two", "three"]);
    supervisor.publish("one", &document("one", 0, ONE));
    supervisor.publish("two", &document("two", 0, ONE));
    let failure = Failure::Status(401);
    supervisor
        .board()
        .environment(1)
        .failed(SystemTime::now(), failure);
    supervisor.board().environment(0).set_realtime(Some(true));
    let worker = Worker::start(&supervisor, &["*"]);
    worker.get("/api/v1/flags/", "X-Environment-Key: client_two\r\n");
    let answer = worker.ask_admin("GET", "/status", "");
    assert!(!answer.text().contains("client_"), "{}", answer.text());
    let status = answer.json();
    assert_eq!(status["state"], "not ready");
    let environments = &status["environments"];
    let counts = ["count", "current", "stale", "missing", "failing", "found"];
    let counts = counts.map(|name| environments[name].as_u64().expect("a count"));
    assert_eq!(counts, [3, 2, 0, 1, 1, 3]);
    // What needs attention comes first.
    let listed = environments["listed"].as_array().expect("a list");
    let ids: Vec<_> = listed.iter().map(|it| it["id"].as_u64()).collect();
    assert_eq!(ids, [Some(2), Some(1), Some(0)]);
    assert_eq!(listed[0]["document"], Value::Null);
    assert_eq!(listed[1]["failure"], failure.to_string());
    assert_eq!(listed[2]["failure"], Value::Null);
    assert_eq!(listed[1]["realtime_connected"], Value::Null);
    assert_eq!(listed[2]["realtime_connected"], true);
    assert_eq!(listed[2]["key"], "clie…");
    assert_eq!(listed[2]["document"]["name"], "one");
    assert_eq!(listed[2]["document"]["features"], 2);
    let flags = &status["requests"]["endpoints"][0];
    assert_eq!(flags["endpoint"], "flags");
    assert_eq!(flags["statuses"]["2xx"], 1);
    let bounds = status["requests"]["duration_bounds_seconds"].as_array();
    let durations = flags["durations"].as_array().expect("durations");
    assert_eq!(durations.len(), bounds.expect("bounds").len() + 1);
    assert_eq!(durations.last(), Some(&json!(1)));
    let slot = &status["workers"][0];
    assert_eq!(
        (&slot["state"], &slot["restarts"]),
        (&json!("ready"), &json!(0))
    );
    assert!(slot["uptime_seconds"].as_f64().expect("uptime") < 600.0);
    assert_eq!(status["journal"], json!({"waiting_bytes": 0, "dropped": 0}));
}

#[test]
fn the_status_lists_the_environments_that_are_searched_for_up_to_a_bound() {
    let names: Vec<&'static str> = (0..300)
        .map(|number| &*format!("e{number}").leak())
        .collect();
    let mut supervisor = StubSupervisor::new(&names);
    supervisor.publish("e7", &document("e7", 0, ONE));
    let worker = Worker::start(&supervisor, &["*"]);
    let ask = |search: &str| {
        let path = format!("/status?search={search}");
        worker.ask_admin("GET", &path, "").json()["environments"].clone()
    };
    let all = ask("");
    let listed = |environments: &Value| environments["listed"].as_array().expect("a list").len();
    assert_eq!((all["found"].as_u64(), listed(&all)), (Some(300), 200));
    assert_eq!(all["names_are_searched"], false);
    let some = ask("%20Client_E29");
    assert_eq!((some["found"].as_u64(), listed(&some)), (Some(11), 11));
    assert_eq!(ask("nothing")["found"], 0);
    let (_supervisor, few) = one_environment();
    let named = few.ask_admin("GET", "/status?search=ONE", "").json();
    assert_eq!(named["environments"]["found"], 1);
}
