//! 143 raw requests, and the answers that were recorded from the official Python proxy.

use std::collections::BTreeMap;

use engine::CompileOptions;
use serde::Deserialize;

use super::{Answer, StubSupervisor, Worker, document};

/// A recorded request and its answer.
#[derive(Deserialize)]
struct Case {
    case: String,
    request: String,
    status: String,
    headers: BTreeMap<String, String>,
    body: String,
}

/// How this proxy answers differently on purpose.
enum Deviation {
    /// Status and whole body.
    Body(u16, &'static str),
    /// Status and how the body starts.
    Prefix(u16, &'static str),
    /// Status alone.
    Status(u16),
    /// `Allow` contains all methods of the path.
    Allow(&'static str),
    /// A 204 with `Allow`.
    Options(&'static str),
    /// The recorded answer without its coding.
    Uncompressed,
}

const UNKNOWN_NONE: &str = r#"{"status":"unauthorized","message":"unknown key None"}"#;
const UNAVAILABLE: &str =
    r#"{"status":"unavailable","message":"the environment document has not arrived yet"}"#;

fn deviation(case: &str) -> Option<Deviation> {
    use Deviation::{Allow, Body, Options, Prefix, Status, Uncompressed};
    Some(match case {
        // A request without a key is refused; Python fails.
        "flags_missing_key"
        | "flags_key_in_query"
        | "flags_missing_key_origin"
        | "identities_post_missing_key"
        | "identities_get_missing_key" => Body(401, UNKNOWN_NONE),
        // Every path is served with and without its trailing slash; Python redirects.
        "flags_no_slash" => Prefix(200, r#"[{"feature":{"id":1,"#),
        "flags_no_slash_query" => Body(
            404,
            r#"{"status":"not_found","message":"feature 'a b' not found"}"#,
        ),
        "identities_post_no_slash" | "identities_get_no_slash" => {
            Prefix(200, r#"{"identifier":"user-1","traits":[],"flags":[{"#)
        }
        "envdoc_trailing_slash" => Prefix(200, r#"{"id":6,"api_key":"client_small","#),
        "proxy_health_slash" => Prefix(200, r#"{"status":"ok","reason":null,"#),
        // After the members of the official proxy, readiness names the environments that are not current.
        "unloaded_health" => Prefix(
            503,
            r#"{"status":"error","reason":"environment document(s) not updated.","last_successful_update":null,"environments":["#,
        ),
        // Load balancers ask there.
        "root" => Prefix(200, "Flagsmith Edge Proxy"),
        // HEAD is served like GET.
        "flags_head" | "health_head" => Body(200, ""),
        "flags_post" | "flags_delete" | "envdoc_post" | "health_post" => {
            Allow("GET, HEAD, OPTIONS")
        }
        "identities_put" => Allow("GET, HEAD, OPTIONS, POST"),
        // OPTIONS without a preflight names the methods.
        "flags_options_plain" => Options("GET, HEAD, OPTIONS"),
        "options_origin_only" => Options("GET, HEAD, OPTIONS, POST"),
        // Several slashes count as one.
        "flags_double_slash" => Prefix(200, r#"[{"feature":{"id":1,"#),
        // A weight of 0 means that gzip is not accepted.
        "flags_gzip_q0" => Uncompressed,
        // An identity without an identifier is anonymous, as in the core API; then the key counts.
        "identities_post_missing_id_missing_key" => Body(401, UNKNOWN_NONE),
        "identities_post_missing_identifier" | "identities_post_identifier_null" => {
            Prefix(200, r#"{"identifier":""#)
        }
        // A blank one counts as none, and a number as its digits. A list or an object counts as its text as the value
        // of a trait.
        "identities_post_identifier_empty" => Prefix(200, r#"{"identifier":""#),
        "identities_post_identifier_int" => Prefix(200, r#"{"identifier":"123","traits":[],"#),
        "identities_post_trait_key_int" => Prefix(
            200,
            r#"{"identifier":"a","traits":[{"trait_key":"5","trait_value":1}],"#,
        ),
        "identities_post_trait_value_object" => Prefix(
            200,
            r#"{"identifier":"a","traits":[{"trait_key":"k","trait_value":"{'value': 1, 'transient': True}"}],"#,
        ),
        "identities_post_trait_value_list" => Prefix(
            200,
            r#"{"identifier":"a","traits":[{"trait_key":"k","trait_value":"[1, 2]"}],"#,
        ),
        // A missing identifier is no error, so two of three errors are left.
        "identities_post_two_errors" => Prefix(
            422,
            r#"{"detail":[{"type":"missing","loc":["body","traits",0,"trait_key"]"#,
        ),
        // Python cannot write these: they are echoed as received, or refused.
        "identities_post_trait_int_huge" => Prefix(
            200,
            r#"{"identifier":"a","traits":[{"trait_key":"big","trait_value":123456789012345678901234567890}],"#,
        ),
        "identities_post_lone_surrogate" => Status(422),
        // What clients report is taken; a body without a count holds nothing.
        "analytics_flags_post" => Body(200, ""),
        // The document is for server-side keys alone.
        "envdoc_client_key" => Body(403, r#"{"detail":"Invalid or missing Environment Key"}"#),
        // The time has an offset, which Python omits.
        "health" | "proxy_health" | "readiness" => Prefix(
            200,
            r#"{"status":"ok","reason":null,"last_successful_update":"20"#,
        ),
        // These are endpoints of the Python framework.
        "docs" | "openapi" => Body(404, r#"{"detail":"Not Found"}"#),
        // It is no HTTP.
        "no_host_header" => Body(400, r#"{"detail":"Invalid HTTP request"}"#),
        // The key is known and the document has not arrived, so the client may try again.
        "unloaded_flags"
        | "unloaded_flags_serverkey"
        | "unloaded_identities"
        | "unloaded_envdoc" => Body(503, UNAVAILABLE),
        _ => return None,
    })
}

#[test]
fn answers_as_the_python_proxy_does_except_for_the_deviations() {
    let recording = testing::file("tests/golden/wire_python_proxy.jsonl.gz");
    let profile = |name: &str| testing::file(&format!("benches/profiles/{name}.json.gz"));
    let mut supervisor = StubSupervisor::new(&["small", "readme", "compat", "empty"]);
    let options = CompileOptions {
        official_proxy_fields_only: true,
        ..CompileOptions::default()
    };
    for (name, document) in [
        ("small", profile("small")),
        ("readme", profile("readme")),
        ("compat", compat()),
        ("empty", document("empty", 0, &[])),
    ] {
        supervisor.publish_with(name, &document, options);
    }
    let usual = Worker::start(&supervisor, &["*"]);
    let listed = Worker::start(&supervisor, &["https://app.example.com"]);
    let nothing_yet = StubSupervisor::new(&["nosuch"]);
    let unloaded = Worker::start(&nothing_yet, &["*"]);

    let mut failures = Vec::new();
    let mut count = 0;
    for line in recording.lines() {
        let case: Case = serde_json::from_str(line).expect("case");
        let worker = match &case.case {
            case if case.starts_with("unloaded_") => &unloaded,
            case if case.starts_with("origins_") => &listed,
            _ => &usual,
        };
        let answer = worker.ask(raw(&case));
        let mut differences = compare(&case, &answer, worker);
        if !differences.is_empty() {
            differences.insert(0, format!("{}:", case.case));
            failures.push(differences.join("\n    "));
        }
        count += 1;
    }
    assert_eq!(count, 143);
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

/// The differences in words.
fn compare(case: &Case, answer: &Answer, worker: &Worker) -> Vec<String> {
    let mut differences = Vec::new();
    let mut expect = |what: &str, found: &str, expected: &str| {
        if found != expected {
            differences.push(format!("{what}: {found:?}, expected {expected:?}"));
        }
    };
    let deviation = deviation(&case.case);
    let status = match deviation {
        Some(
            Deviation::Body(status, _) | Deviation::Prefix(status, _) | Deviation::Status(status),
        ) => status.to_string(),
        Some(Deviation::Options(_)) => "204".to_owned(),
        _ => case.status[9..12].to_owned(),
    };
    expect("status", &answer.status.to_string(), &status);
    let body = answer.decoded();
    let body = String::from_utf8_lossy(&body);
    match deviation {
        Some(Deviation::Body(_, expected)) => {
            expect("body", &body, expected);
            return differences;
        }
        Some(Deviation::Prefix(_, expected)) => {
            expect(
                "body",
                body.get(..expected.len()).unwrap_or(&body),
                expected,
            );
            return differences;
        }
        Some(Deviation::Status(_)) => return differences,
        Some(Deviation::Uncompressed) => {
            expect(
                "coding",
                &format!("{:?}", answer.header("content-encoding")),
                "None",
            );
            return differences;
        }
        Some(Deviation::Options(methods)) => {
            expect("allow", answer.header("allow").unwrap_or("none"), methods);
            expect("body", &body, "");
            return differences;
        }
        Some(Deviation::Allow(methods)) => {
            expect("allow", answer.header("allow").unwrap_or("none"), methods);
        }
        None => {}
    }
    for (name, value) in &case.headers {
        let found = answer.header(name).unwrap_or("none");
        match name.as_str() {
            "server" | "connection" | "content-length" => {}
            "allow" if deviation.is_some() => {}
            // Answers vary by the key too, and by headers that this request has not.
            "vary" if value.split(", ").all(|name| found.contains(name)) => {}
            // Python allows any origin without its name, which does not do for requests with credentials.
            "access-control-allow-origin" if value == "*" => {
                let origin = case
                    .request
                    .lines()
                    .find_map(|line| line.strip_prefix("Origin: "));
                expect(name, found, origin.unwrap_or("none"));
            }
            _ => expect(name, found, value),
        }
    }
    if case.headers.contains_key("content-type") || !body.is_empty() {
        compare_body(case, answer, &body, worker, &mut expect);
    }
    differences
}

/// A long body was recorded as its start and its length, a compressed one as its length.
fn compare_body(
    case: &Case,
    answer: &Answer,
    body: &str,
    worker: &Worker,
    expect: &mut impl FnMut(&str, &str, &str),
) {
    if case.body.starts_with("(binary, ") {
        let plain = raw(case);
        let plain = String::from_utf8_lossy(&plain).replace("Accept-Encoding", "X-Ignored");
        expect("decoded body", body, worker.ask(plain).text());
        expect(
            "coding",
            answer.header("content-encoding").unwrap_or("none"),
            "gzip",
        );
    } else if let Some((start, length)) = case
        .body
        .strip_suffix(" bytes in all)")
        .and_then(|body| body.rsplit_once("...("))
    {
        expect(
            "start of body",
            body.get(..start.len()).unwrap_or(body),
            start,
        );
        // The whole of that document is not known.
        if !case.case.contains("compat") {
            expect("length of body", &body.len().to_string(), length);
        }
    } else {
        expect("body", body, &case.body);
    }
}

/// The bytes of a request. The recording has escapes for bytes that are no text, and only the start of one request.
fn raw(case: &Case) -> Vec<u8> {
    if case.case == "identities_post_identifier_3000" {
        let (head, _) = case.request.split_once("xxx").expect("identifier");
        return format!("{head}{}\"}}", "x".repeat(3000)).into_bytes();
    }
    if case.case == "identities_post_invalid_utf8" {
        let (head, _) = case.request.split_once(r"\xff\xfe").expect("escapes");
        return [head.as_bytes(), b"\xff\xfe\"}"].concat();
    }
    case.request.clone().into_bytes()
}

/// What is known of the environment that the recording calls `compat`.
fn compat() -> String {
    document(
        "compat",
        0,
        &[
            (1, "v_int", true, "7"),
            (2, "v_float_int", true, "2.0"),
            (3, "v_float", true, "2.35"),
            (4, "and so on", true, "null"),
            (90, "disabled flag", false, r#""off""#),
            (91, "server_only", true, r#""secret""#),
        ],
    )
    .replacen(
        concat!(
            r#"{"id":1,"api_key":"client_compat","name":"compat","#,
            r#""updated_at":"2026-01-15T10:30:00.123456Z","project":{"id":1,"name":"project","#,
            r#""hide_disabled_flags":true,"segments":[],"#,
        ),
        concat!(
            r#"{"id":7,"api_key":"client_compat","project":{"id":1,"name":"project compat","#,
            r#""organisation":{"id":1,"name":"Org","feature_analytics":false,"#,
            r#""stop_serving_flags":false,"persist_trait_data":true},"#,
            r#""hide_disabled_flags":true,"segments":[],"enable_realtime_updates":false,"#,
        ),
        1,
    )
    .replacen(
        r#""feature_states":["#,
        r#""name":"compat","feature_states":["#,
        1,
    )
}
