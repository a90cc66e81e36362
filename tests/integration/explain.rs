//! `edge-proxy evaluate` and `POST /evaluate`: which flags an identity gets, and why.

use std::fs;
use std::path::Path;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use testing::{Stub, document};

use crate::harness::{Connection, Proxy, Response, Start, executable, run};

const KEY: &str = "first_environment";
const SECRET: &str = "ser.first_environment";

fn upstream() -> Stub {
    Stub::start([(KEY, document(KEY, "good"))])
}

/// Two environments, one of which upstream does not know.
fn start(upstream: &Stub) -> Proxy {
    let proxy = Start::new(upstream, &[KEY, "missing"]).admin().start();
    proxy.wait_for("the first document", |proxy| {
        proxy.get("/api/v1/flags/", KEY).status == 200
    });
    proxy
}

/// What the command prints about an environment in a state directory.
fn evaluate(state: &Path, arguments: &[&str]) -> String {
    let (code, stdout, stderr) = run(executable()
        .arg("evaluate")
        .arg("--directory")
        .arg(state)
        .args(["--environment", KEY])
        .args(arguments));
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
    stdout
}

/// The one line with which the command fails.
fn refused(arguments: &[&str]) -> String {
    let (code, stdout, stderr) = run(executable().arg("evaluate").args(arguments));
    assert_eq!((code, stdout.as_str()), (Some(1), ""), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    stderr
}

fn post(proxy: &Proxy, body: &Value) -> Response {
    send(proxy, "POST", "application/json", &body.to_string())
}

fn send(proxy: &Proxy, method: &str, content_type: &str, body: &str) -> Response {
    let headers = [("Content-Type", content_type)];
    let mut connection = Connection::open(proxy.admin_address());
    connection.request(method, "/evaluate", &headers, body.as_bytes())
}

/// The explained flags as an answer lists them.
fn flags(explanation: &Value) -> Value {
    let flags = explanation["flags"].as_array().expect("a list").iter();
    let shown = flags.filter(|flag| flag["hidden"] == json!([]));
    shown.map(|flag| flag["flag"].clone()).collect()
}

#[test]
fn the_command_and_the_admin_listener_explain_the_flags_that_are_served() {
    let upstream = upstream();
    let mut proxy = start(&upstream);
    let state = proxy.state().to_owned();
    for (identifier, traits) in [
        ("alice", json!({})),
        ("bob", json!({"plan": "premium"})),
        ("bob", json!({"age": 7, "plan": "basic"})),
    ] {
        for (side, key) in [("client", KEY), ("server", SECRET)] {
            let list = traits.as_object().expect("an object").iter();
            let list = list.map(|(key, value)| json!({"trait_key": key, "trait_value": value}));
            let list = Value::from_iter(list);
            let body = json!({"identifier": identifier, "traits": list});
            let served = proxy.post("/api/v1/identities/", key, &body.to_string());
            let mut question = json!({"environment": KEY, "side": side, "identifier": identifier});
            for traits in [&traits, &list] {
                question["traits"] = traits.clone();
                let answer = post(&proxy, &question);
                assert_eq!(answer.status, 200, "{}", answer.text());
                assert!(!answer.text().contains("ser."), "{}", answer.text());
                assert_eq!(flags(&answer.json()), served.json()["flags"], "{question}");
                let traits = traits.as_object().into_iter().flatten();
                let mut arguments = vec!["--identifier", identifier, "--side", side, "--json"];
                let traits: Vec<_> = traits
                    .map(|(key, value)| format!("{key}={value}"))
                    .collect();
                traits
                    .iter()
                    .for_each(|it| arguments.extend(["--trait", it]));
                if question["traits"].is_object() {
                    let printed: Value =
                        serde_json::from_str(&evaluate(&state, &arguments)).expect("JSON");
                    assert_eq!(printed, answer.json());
                }
            }
        }
    }
    // Without an identity.
    for (side, key) in [("client", KEY), ("server", SECRET)] {
        let answer = post(&proxy, &json!({"environment": KEY, "side": side})).json();
        assert_eq!(flags(&answer), proxy.get("/api/v1/flags/", key).json());
        assert_eq!(answer["identity"], Value::Null);
    }
    // By the row, and one feature.
    let by_row = post(&proxy, &json!({"environment": 0, "feature": "greeting"})).json();
    assert_eq!(by_row["environment"]["key"], KEY);
    assert_eq!(by_row["flags"].as_array().map(Vec::len), Some(1));

    // The command needs no proxy that runs.
    proxy.signal(Signal::SIGTERM);
    proxy.wait();
    let text = evaluate(&state, &["--identifier", "bob", "--trait", "plan=premium"]);
    assert!(text.contains("segment premium matches"), "{text}");
    let condition = "✓ plan EQUAL \"premium\": \"premium\"\n";
    assert!(text.contains(condition), "{text}");
    assert!(text.contains("hidden: for server-side keys only"), "{text}");
}

#[test]
fn a_tree_shows_what_decided_and_what_it_beat() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("document.json");
    fs::write(&path, document(KEY, "good")).expect("write");
    let mut command = executable();
    command.arg("evaluate").arg("--document").arg(&path);
    let arguments = [
        "--identifier",
        "alice",
        "--trait",
        "plan=\u{1b}[31mred",
        "--feature",
        "greeting",
    ];
    let (code, stdout, stderr) = run(command.args(arguments));
    assert_eq!(code, Some(0), "{stderr}");
    let expected = "\
environment Test (first_environment), client side
identity alice
  plan = \"\\u001b[31mred\"

greeting: on, \"hello alice\"
  override of this identity
  ✓ override of the identity, chosen: on, \"hello alice\"
  ✗ segment premium (id 1, priority none), does not match: on, \"premium greeting\"
    ✗ ALL
      ✗ plan EQUAL \"premium\": \"\\u001b[31mred\"
  - environment default, beaten: on, \"good\"
";
    assert_eq!(stdout, expected);
}

#[test]
fn what_cannot_be_explained_is_one_line_that_names_it() {
    let upstream = upstream();
    let proxy = start(&upstream);
    let state = proxy.state().display().to_string();
    let of_state = |arguments: &[&str]| {
        let directory = ["--directory", &state];
        refused(&[&directory[..], arguments].concat())
    };
    let unknown = of_state(&["--environment", "unknown_environment"]);
    assert!(
        unknown.contains("unkn…") && unknown.contains(&state),
        "{unknown}"
    );
    assert!(!unknown.contains("unknown_environment"), "{unknown}");
    let secret = of_state(&["--environment", SECRET]);
    assert!(
        secret.contains("client-side key") && !secret.contains("ser.first"),
        "{secret}"
    );
    let missing = of_state(&["--environment", "missing"]);
    assert!(
        missing.contains("m… ") || missing.contains("m…:"),
        "{missing}"
    );
    assert!(missing.contains("has not arrived yet"), "{missing}");
    let feature = of_state(&["--environment", KEY, "--feature", "Greeting"]);
    assert!(
        feature.contains("feature \"Greeting\" not found"),
        "{feature}"
    );
    let nowhere = refused(&["--directory", "/nowhere", "--environment", KEY]);
    assert!(nowhere.contains("/nowhere"), "{nowhere}");

    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("document.json");
    let file = path.display().to_string();
    let of_file = |arguments: &[&str]| refused(&[&["--document", &file], arguments].concat());
    assert!(of_file(&[]).contains("No such file"));
    fs::write(&path, "{\"api_key\": 1}").expect("write");
    let garbage = of_file(&[]);
    assert!(
        garbage.contains("explain the flags: ") && garbage.contains("missing"),
        "{garbage}"
    );
    fs::write(&path, document(KEY, "good")).expect("write");
    let other = of_file(&["--environment", "another_environment"]);
    assert!(
        other.contains("firs…") && other.contains("anot…"),
        "{other}"
    );
    assert!(of_file(&["--environment", SECRET]).contains("client-side key"));

    for arguments in [&[][..], &["--environment", KEY, "--trait", "plan"]] {
        let (code, ..) = run(executable().arg("evaluate").args(arguments));
        assert_eq!(code, Some(2), "{arguments:?}");
    }
}

#[test]
fn a_wrong_question_is_refused_with_what_is_wrong_with_it() {
    let upstream = upstream();
    let proxy = start(&upstream);
    let check = |body: Value, status: u16, words: &str| {
        let answer = post(&proxy, &body);
        assert_eq!(answer.status, status, "{body}: {}", answer.text());
        assert!(answer.text().contains(words), "{body}: {}", answer.text());
        assert!(!answer.text().contains("ser.first"), "{}", answer.text());
    };
    check(json!({}), 400, "environment");
    check(json!([]), 400, "environment");
    check(
        json!({"environment": -1}),
        400,
        "neither a client-side key nor an id",
    );
    check(json!({"environment": SECRET}), 400, "client-side key");
    check(
        json!({"environment": KEY, "identifer": "a"}),
        400,
        "identifer",
    );
    check(json!({"environment": KEY, "side": "both"}), 400, "both");
    check(
        json!({"environment": "unknown_environment"}),
        404,
        "environment unkn… not found",
    );
    check(json!({"environment": 7}), 404, "environment 7 not found");
    check(json!({"environment": u64::MAX}), 404, "not found");
    check(
        json!({"environment": "missing"}),
        503,
        "has not arrived yet",
    );
    check(
        json!({"environment": KEY, "feature": "no"}),
        404,
        "feature 'no' not found",
    );
    check(json!({"environment": KEY, "traits": 7}), 422, "list");
    check(
        json!({"environment": KEY, "traits": [{"trait_value": 1}]}),
        422,
        "trait_key",
    );
    for (content_type, body, words) in [
        ("application/json", "{", "EOF"),
        ("application/json", "\u{0}", "expected value"),
        ("text/plain", "{}", "Content-Type"),
    ] {
        let answer = send(&proxy, "POST", content_type, body);
        assert_eq!(answer.status, 400);
        assert!(answer.text().contains(words), "{}", answer.text());
    }
    let answer = send(&proxy, "GET", "application/json", "");
    assert_eq!(
        (answer.status, answer.headers["allow"].as_str()),
        (405, "OPTIONS, POST")
    );
    assert_eq!(
        proxy.post("/evaluate", KEY, "{}").status,
        404,
        "the public listener has none"
    );
    // The worker that refused them all answers on.
    assert_eq!(post(&proxy, &json!({"environment": KEY})).status, 200);
}
