//! Bodies that are too long, too deep, or no JSON: read within the limits, refused in a client's words beyond them.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;
use testing::eventually;

use super::{KEY, Target, answers, post, read_to_end, statuses};

const MIB: u64 = 1024 * 1024;

fn nested(open: &str, close: &str, depth: usize) -> String {
    format!("{}1{}", open.repeat(depth), close.repeat(depth))
}

fn traits(count: usize) -> String {
    let traits: Vec<String> = (0..count)
        .map(|number| format!(r#"{{"trait_key":"trait-{number}","trait_value":{number}}}"#))
        .collect();
    format!(r#"{{"identifier":"many","traits":[{}]}}"#, traits.join(","))
}

fn with_value(value: &str) -> String {
    format!(r#"{{"identifier":"a","traits":[{{"trait_key":"plan","trait_value":{value}}}]}}"#)
}

#[test]
fn bodies_of_any_kind_are_answered_or_refused() {
    let target = Target::start();
    let identified = |identifier: &str| format!(r#"{{"identifier":"{identifier}"}}"#);
    let ok: &[u16] = &[200];
    let unparsable: &[u16] = &[400];
    let invalid: &[u16] = &[422];
    let too_large: &[u16] = &[413];
    let bodies: Vec<(&str, Vec<u8>, &[u16])> = vec![
        ("a good one", identified("a").into(), ok),
        ("no JSON", b"hello".to_vec(), invalid),
        ("an empty one", Vec::new(), invalid),
        ("half an object", b"{\"identifier\":".to_vec(), invalid),
        ("two values", b"{\"identifier\":\"a\"} {}".to_vec(), invalid),
        ("a list", b"[]".to_vec(), invalid),
        ("a number", b"1".to_vec(), invalid),
        ("zero bytes", vec![0; 100], invalid),
        (
            "not UTF-8",
            b"{\"identifier\":\"\xff\xfe\"}".to_vec(),
            unparsable,
        ),
        (
            "half a character",
            b"{\"identifier\":\"\xe2\x82\"}".to_vec(),
            unparsable,
        ),
        (
            "an encoded surrogate",
            b"{\"identifier\":\"\xed\xa0\x80\"}".to_vec(),
            unparsable,
        ),
        (
            "UTF-16",
            "{\"identifier\":\"a\"}"
                .encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect(),
            &[200, 400, 422],
        ),
        (
            "half a surrogate pair",
            identified("\\ud800").into(),
            invalid,
        ),
        ("a surrogate pair", identified("\\ud83d\\ude00").into(), ok),
        ("a zero byte's escape", identified("\\u0000").into(), ok),
        ("a control character", identified("\u{1}").into(), invalid),
        ("an escape that is none", identified("\\x").into(), invalid),
        (
            "50,000 lists in lists",
            nested("[", "]", 50_000).into(),
            &[400, 422],
        ),
        (
            "500,000 lists that stay open",
            "[".repeat(500_000).into(),
            &[400, 422],
        ),
        (
            "100,000 objects in objects",
            nested("{\"a\":", "}", 100_000).into(),
            &[400, 422],
        ),
        (
            "a trait of lists in lists",
            with_value(&nested("[", "]", 50_000)).into(),
            &[200, 400, 422],
        ),
        (
            "a trait of an object",
            with_value(r#"{"a":{"b":[1,2,3]}}"#).into(),
            &[200, 400, 422],
        ),
        ("10,000 traits", traits(10_000).into(), ok),
        ("100,000 traits", traits(100_000).into(), too_large),
        (
            "the same trait 10,000 times",
            format!(
                r#"{{"identifier":"a","traits":[{}]}}"#,
                vec![r#"{"trait_key":"a","trait_value":1}"#; 10_000].join(",")
            )
            .into(),
            ok,
        ),
        (
            "a member 50,000 times",
            format!(
                "{{{}\"identifier\":\"a\"}}",
                r#""identifier":"b","#.repeat(50_000)
            )
            .into(),
            ok,
        ),
        (
            "50,000 unknown members",
            format!(
                "{{{}\"identifier\":\"a\"}}",
                (0..50_000)
                    .map(|number| format!("\"m{number}\":0,"))
                    .collect::<String>()
            )
            .into(),
            ok,
        ),
        (
            "an identifier of 900 KB",
            identified(&"a".repeat(900_000)).into(),
            &[200, 400, 422],
        ),
        (
            "a trait's name of 900 KB",
            format!(
                r#"{{"identifier":"a","traits":[{{"trait_key":"{}","trait_value":1}}]}}"#,
                "a".repeat(900_000)
            )
            .into(),
            &[200, 400, 422],
        ),
        (
            "an identifier of 100,000 escapes",
            identified(&"\\u0041".repeat(100_000)).into(),
            &[200, 400, 422],
        ),
        (
            "an identifier that is a number",
            br#"{"identifier":1}"#.to_vec(),
            invalid,
        ),
        (
            "a number of 100,000 digits",
            with_value(&"9".repeat(100_000)).into(),
            &[200, 400, 422],
        ),
        (
            "a fraction of 100,000 digits",
            with_value(&format!("0.{}", "1".repeat(100_000))).into(),
            &[200, 400, 422],
        ),
        (
            "an exponent beyond all",
            with_value("1e999999999").into(),
            &[200, 400, 422],
        ),
        (
            "an exponent below all",
            with_value("1e-999999999").into(),
            &[200, 400, 422],
        ),
        (
            "an exponent of 10,000 digits",
            with_value(&format!("1e{}", "9".repeat(10_000))).into(),
            &[200, 400, 422],
        ),
        ("no number", with_value("NaN").into(), &[200, 400, 422]),
        ("infinity", with_value("-Infinity").into(), &[200, 400, 422]),
        (
            "a number with a zero before it",
            with_value("007").into(),
            invalid,
        ),
        (
            "900 KB of spaces",
            format!("{}{}", " ".repeat(900_000), identified("a")).into(),
            ok,
        ),
        (
            "as much as is allowed",
            format!("{}{}", " ".repeat(1_048_576 - 18), identified("a")).into(),
            ok,
        ),
        (
            "one byte more",
            format!("{}{}", " ".repeat(1_048_576 - 17), identified("a")).into(),
            too_large,
        ),
    ];
    let mut wrong = Vec::new();
    for (name, body, expected) in &bodies {
        let found = answers(&target.exchange(&post(body)));
        if found.len() != 1 || !expected.contains(&found[0].0) {
            wrong.push(format!(
                "{name}: {found:.300?}, expected one of {expected:?}"
            ));
        }
        target.is_well(name);
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    println!(
        "{} bodies; worker's private memory {} KiB",
        bodies.len(),
        target.private() / 1024
    );
}

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
        // A packet of its own, so that the proxy has to wait for it.
        stream.write_all(rest.as_bytes()).expect("request");
        stream.shutdown(std::net::Shutdown::Write).ok();
        assert_eq!(statuses(&read_to_end(&mut stream)), [413], "{name}");
        target.is_well(name);
    }
    // Who goes on sending gets to read why it should not have.
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
    // Small ones pass meanwhile, in one piece or two.
    for _ in 0..20 {
        target.is_well("400 bodies of a mebibyte");
        let small = post(br#"{"identifier":"small"}"#);
        let mut stream = target.connect();
        let (first, second) = small.split_at(small.len() - 5);
        stream.write_all(first).expect("request");
        stream.write_all(second).expect("request");
        stream
            .shutdown(std::net::Shutdown::Write)
            .expect("shutdown");
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
