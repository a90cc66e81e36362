//! Good requests with random mutations: some thousand in a usual run, `TEST_SCALE` times as many in a long one.
//! `TEST_SEED` repeats a run.

use std::time::Instant;

use fastrand::Rng;

use super::{KEY, Target, post};

fn good() -> Vec<Vec<u8>> {
    let get = |path: &str, headers: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: proxy.test\r\n{KEY}{headers}\r\n").into_bytes()
    };
    let body = br#"{"identifier":"bob","traits":[{"trait_key":"plan","trait_value":"premium"},{"trait_key":"age","trait_value":41.5}]}"#;
    let chunked = format!(
        "POST /api/v1/identities/ HTTP/1.1\r\nHost: a\r\n{KEY}Content-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\n\r\n\
         9\r\n{{\"identif\r\n9\r\nier\":\"a\"}}\r\n0\r\n\r\n"
    );
    vec![
        get("/api/v1/flags/", ""),
        get("/api/v1/flags/?feature=greeting", "Accept-Encoding: gzip, br;q=0.5\r\n"),
        get("/api/v1/identities/?identifier=alice%20b", "Origin: http://a.test\r\n"),
        b"GET /api/v1/environment-document/ HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"a\", W/\"b\"\r\n\
          X-Environment-Key: ser.test\r\n\r\n"
            .to_vec(),
        get("/proxy/health/readiness", "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"),
        b"OPTIONS /api/v1/flags/ HTTP/1.1\r\nHost: a\r\nOrigin: http://a\r\n\
          Access-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: x-a, x-b\r\n\r\n"
            .to_vec(),
        post(body),
        post(body).repeat(3),
        chunked.into_bytes(),
    ]
}

/// Texts with a meaning in HTTP or JSON, which are inserted anywhere.
const TOKENS: [&[u8]; 34] = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b" ",
    b"\t",
    b":",
    b"\r\n\r\n",
    b"\r\n ",
    b"%",
    b"%00",
    b"%ff",
    b"\xff",
    b"\xc3\x28",
    b"\x80",
    b"Content-Length: 5\r\n",
    b"Content-Length: 99999999999999999999\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Expect: 100-continue\r\n",
    b"Connection: close\r\n",
    b"Upgrade: websocket\r\n",
    b"Host: b\r\n",
    b"X-Environment-Key: test\r\n",
    b"HTTP/1.0",
    b"0\r\n\r\n",
    b"ffffffffffffffff\r\n",
    b"-1",
    b"1e999",
    b"\\ud800",
    b"\\u0000",
    b"[[[[[[",
    b"{\"a\":",
    b"\"",
    b"GET / HTTP/1.1\r\n",
];

fn mutated(random: &mut Rng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut request = pick(random, seeds).clone();
    for _ in 0..=random.usize(..5) {
        let place = random.usize(..request.len() + 1);
        match random.usize(..8) {
            0 if place < request.len() => request[place] ^= 1 << random.usize(..8),
            1 if place < request.len() => request[place] = random.u8(..),
            2 => {
                let end = (place + random.usize(..20)).min(request.len());
                request.drain(place..end);
            }
            3 => {
                let end = (place + random.usize(..60)).min(request.len());
                let again = request[place..end].repeat(1 + random.usize(..30));
                request.splice(place..place, again);
            }
            4 => request.truncate(place),
            5 => {
                let other = pick(random, seeds).clone();
                let from = random.usize(..other.len());
                request.splice(place.., other[from..].iter().copied());
            }
            _ => {
                let token = *pick(random, &TOKENS);
                request.splice(place..place, token.iter().copied());
            }
        }
    }
    request
}

fn pick<'a, T>(random: &mut Rng, several: &'a [T]) -> &'a T {
    random.choice(several).expect("something to pick from")
}

#[test]
fn mutated_requests_never_get_a_5xx_and_harm_nobody() {
    let count = 3000 * testing::scale();
    let mut random = Rng::with_seed(testing::seed(fastrand::u64(..)));
    let target = Target::start();
    let seeds = good();
    for seed in &seeds {
        let raw = target.exchange(seed);
        assert!(
            raw.starts_with(b"HTTP/1.1 20"),
            "{:?}",
            String::from_utf8_lossy(&raw)
        );
    }
    let mut kinds = std::collections::BTreeMap::<String, usize>::new();
    let (begun, mut peak) = (Instant::now(), 0);
    for number in 0..count {
        let request = mutated(&mut random, &seeds);
        let raw = target.exchange(&request);
        let status = raw
            .get(..10)
            .map(|start| String::from_utf8_lossy(start).into_owned());
        let status = status.unwrap_or_default();
        let said = String::from_utf8_lossy(&raw);
        assert!(
            (raw.is_empty()
                || ["1", "2", "3", "4"]
                    .iter()
                    .any(|kind| status.ends_with(kind)))
                && !said.contains("HTTP/1.1 5"),
            "request {number}: {:?} was answered with {said:?}",
            String::from_utf8_lossy(&request)
        );
        *kinds.entry(format!("{status}xx")).or_default() += 1;
        target.is_well(&format!(
            "request {number}: {:?}",
            String::from_utf8_lossy(&request)
        ));
        if number % 100 == 0 {
            peak = peak.max(target.private());
        }
    }
    println!(
        "{count} mutated requests in {:?}: {kinds:?}; worker's private memory at most {} KiB",
        begun.elapsed(),
        peak / 1024
    );
    // With a single kind of answer, the mutations would be too weak to find anything.
    assert!(
        kinds.len() >= 2 && kinds.values().sum::<usize>() == count,
        "{kinds:?}"
    );
    let log = target.proxy.log();
    assert!(!log.contains("panicked"), "{log}");
    assert!(
        log.lines().count() < 50,
        "the log grows with bad requests: {log:.2000}"
    );
}
