//! What clients send cannot make the log say what is not so.

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use testing::{Stub, document, scale, seed};

use crate::harness::Start;
use crate::harness::exchange::{connect, exchange};

/// Bytes that a terminal, a reader of lines or one of JSON would mind.
const NASTY: [&[u8]; 14] = [
    b"\"",
    b"\\",
    b"\\n",
    b"\t",
    b"\x1b[2J",
    b"\xc2\x9b31m",
    b"\xc2\x85",
    b"\xe2\x80\xa8",
    b"\xe2\x80\xae",
    b"\xff\xfe",
    b"}{",
    b"'",
    b"a",
    b"%0a[2026-11-29T10:00:00Z ERROR x] ",
];

#[test]
fn no_client_writes_a_line_or_a_sequence_of_its_own() {
    let upstream = Stub::start([("one", document("one", "hello"))]);
    let mut random = fastrand::Rng::with_seed(seed(7));
    for format in ["generic", "json"] {
        let logging = json!({"enable_access_log": true, "log_format": format, "log_event_field_name": "event"});
        let start = Start::new(&upstream, &["one"])
            .set("logging", logging)
            .server("proxy_headers", json!(true));
        let mut proxy = start.start();
        let mut answered = 0;
        let mut nasty = || -> Vec<u8> {
            let most = if random.u8(..10) == 0 { 1000 } else { 6 };
            let length = random.usize(..most);
            (0..length)
                .flat_map(|_| random.choice(NASTY).unwrap())
                .copied()
                .collect()
        };
        for _ in 0..300 * scale() {
            let [path, agent, client] = std::array::from_fn(|_| nasty());
            let request = [
                &b"GET /nowhere?"[..],
                &path,
                b" HTTP/1.1\r\nHost: a\r\nUser-Agent: ",
                &agent,
                b"\r\nX-Forwarded-For: ",
                &client,
                b"\r\n\r\n",
            ];
            let mut stream = connect(proxy.address).unwrap();
            exchange(&mut stream, &request.concat()).unwrap();
            answered += 1;
        }
        proxy.signal(Signal::SIGTERM);
        proxy.wait();
        let log = proxy.log();
        let mut seen = 0;
        for line in log.lines() {
            assert!(!line.contains(char::is_control), "{line:?}");
            let is_access = if format == "json" {
                let line: Value =
                    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"));
                line["logger"] == "access"
            } else {
                assert!(line.starts_with("[20"), "{line}");
                line.contains("Z INFO  access] ")
            };
            seen += usize::from(is_access);
        }
        assert_eq!(seen, answered);
    }
}
