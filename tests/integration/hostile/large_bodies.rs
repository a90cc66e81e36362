//! Bodies that are longer than the limit, and many bodies at the limit at once.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use serde_json::json;
use testing::eventually;

use super::{KEY, Target, post, read_to_end, statuses};

const MIB: u64 = 1024 * 1024;

#[test]
fn a_body_that_is_announced_too_long_is_not_waited_for() {
    let target = Target::start_as(|start| start.server("max_body_bytes", json!(1000)));
    let head = |headers: &str| {
        format!(
            "POST /api/v1/identities/ HTTP/1.1\r\nHost: a\r\n{KEY}Content-Type: application/json\r\n{headers}\r\n"
        )
    };
    for (name, headers, rest) in [
        ("announced", "Content-Length: 1001\r\n", "{"),
        (
            "announced by far",
            "Content-Length: 18446744073709551615\r\n",
            "{",
        ),
        (
            "asked about",
            "Content-Length: 1001\r\nExpect: 100-continue\r\n",
            "",
        ),
    ] {
        let mut stream = target.connect();
        stream.write_all(head(headers).as_bytes()).expect("request");
        // This is a packet of its own, so that the proxy has to wait for it.
        stream.write_all(rest.as_bytes()).expect("request");
        stream.shutdown(Shutdown::Write).ok();
        assert_eq!(statuses(&read_to_end(&mut stream)), [413], "{name}");
        target.is_well(name);
    }
    // A client that goes on sending can still read the refusal.
    let chunk = format!("400\r\n{}\r\n", "x".repeat(0x400)).repeat(2000);
    for (name, headers, body) in [
        ("chunks", "Transfer-Encoding: chunked\r\n", chunk.clone()),
        (
            "a length",
            "Content-Length: 2000000\r\n",
            "x".repeat(2_000_000),
        ),
    ] {
        let answer = target.exchange(format!("{}{body}", head(headers)).as_bytes());
        assert_eq!(statuses(&answer), [413], "{name}");
        target.is_well(name);
    }
    let within = format!("{{\"identifier\":\"{}\"}}", "a".repeat(984));
    let answer =
        target.exchange(format!("{}{within}", head("Content-Length: 1001\r\n")).as_bytes());
    assert_eq!(statuses(&answer), [413]);
    let within = &within.replacen('a', "", 1);
    let asked = "Content-Length: 1000\r\nExpect: 100-continue\r\n";
    let answer = target.exchange(format!("{}{within}", head(asked)).as_bytes());
    assert_eq!(statuses(&answer), [100, 200]);
}

#[test]
fn many_large_bodies_at_once_hold_a_bounded_amount() {
    const CLIENTS: usize = 400;
    let target = Target::start_as(|start| start.server("body_timeout_seconds", json!(20)));
    let before = target.private();
    let almost = post(" ".repeat(MIB as usize).as_bytes());
    let almost = &almost[..almost.len() - 1];
    let mut cut = 0;
    let clients: Vec<TcpStream> = (0..CLIENTS)
        .map(|_| {
            let mut stream = target.connect();
            stream
                .set_write_timeout(Some(Duration::from_secs(10)))
                .expect("a deadline");
            cut += usize::from(stream.write_all(almost).is_err());
            stream
        })
        .collect();
    // Small bodies are answered meanwhile, in one packet or in two.
    for _ in 0..20 {
        target.is_well("400 bodies of a mebibyte");
        let small = post(br#"{"identifier":"small"}"#);
        let mut stream = target.connect();
        let (first, second) = small.split_at(small.len() - 5);
        stream.write_all(first).expect("request");
        stream.write_all(second).expect("request");
        stream.shutdown(Shutdown::Write).expect("shutdown");
        assert_eq!(statuses(&read_to_end(&mut stream)), [200]);
    }
    let peak = target.private() - before;
    println!(
        "{CLIENTS} bodies of a mebibyte hold {} KiB, {cut} clients cut off while they sent",
        peak / 1024
    );
    assert!(peak < 200 * MIB, "{peak} bytes");
    drop(clients);
    eventually("the memory's return", || {
        target.private() < before + 100 * MIB
    });
    assert_eq!(
        statuses(&target.exchange(&post(&[b" ".repeat(500_000), b"{}".to_vec()].concat()))),
        [200]
    );
}
