//! Where requests end, compared with where HTTP finds their ends, and what is changed in them.

use actix_http::ServiceConfig;
use actix_http::h1::{Codec, Message, MessageType};
use tokio_util::codec::Decoder;

use super::*;

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// What HTTP is shown, and where requests end in it. `bytes` arrive in pieces that end at `cuts`.
fn follow(bytes: &[u8], cuts: &[usize]) -> (Vec<u8>, Vec<usize>) {
    let mut framing = Framing::default();
    let (mut shown, mut ends) = (Vec::new(), Vec::new());
    let mut unseen = BytesMut::new();
    let mut received = 0;
    for &cut in cuts.iter().chain([&bytes.len()]) {
        unseen.extend_from_slice(&bytes[received..cut]);
        received = cut;
        while !unseen.is_empty() {
            let next = framing.follow(&mut unseen);
            shown.extend_from_slice(&unseen.split_to(next.length(unseen.len())));
            match next {
                Shown::All => {}
                Shown::Request(_) => ends.push(shown.len()),
                Shown::UpToLine(_) => break,
                Shown::UpToTarget(_) => unseen = encode_target(&unseen),
            }
        }
    }
    (shown, ends)
}

fn shown(request: impl AsRef<[u8]>) -> String {
    let request = request.as_ref();
    let (whole, ends) = follow(request, &[]);
    assert_eq!(ends, [whole.len()]);
    // Byte by byte it comes out the same.
    let cuts: Vec<usize> = (0..request.len()).collect();
    let (in_pieces, ends) = follow(request, &cuts);
    assert_eq!(ends, [whole.len()]);
    let whole = String::from_utf8_lossy(&whole).into_owned();
    assert_eq!(String::from_utf8_lossy(&in_pieces), whole);
    whole
}

/// Where HTTP finds the ends, and whether it finds no fault.
fn ends_by_http(bytes: &[u8], config: &ServiceConfig) -> (Vec<usize>, bool) {
    let mut codec = Codec::new(config.clone());
    let mut rest = BytesMut::from(bytes);
    let mut ends = Vec::new();
    loop {
        match codec.decode(&mut rest) {
            Ok(Some(Message::Item(_))) if codec.message_type() != MessageType::None => {}
            Ok(Some(Message::Chunk(Some(_)))) => {}
            Ok(Some(Message::Item(_) | Message::Chunk(None))) => {
                ends.push(bytes.len() - rest.len());
            }
            Ok(None) => return (ends, true),
            Err(_) => return (ends, false),
        }
    }
}

#[test]
fn requests_end_where_http_finds_their_ends() {
    const STARTS: &[&str] = &[
        "GET / HTTP/1.1\r\nHost: a\r\n",
        "\r\n\nPOST /a?b=c HTTP/1.1\r\nHost: a\r\n",
        "POST / HTTP/1.0\r\n",
        "GET / HTTP/1.1\nhost:a\n",
    ];
    const HEADERS: &[&str] = &[
        "Connection: close\r\n",
        "Cookie: content-length: 5\r\n",
        "Content-Lengths: 5\r\n",
        "c:\n",
    ];
    const BODIES: &[&str] = &[
        "\r\n",
        "\n",
        "content-length: 5\r\n\r\nhello",
        "Content-Length:0\r\n\r\n",
        "CONTENT-LENGTH: \t12 \r\n\r\nhello, world",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "transfer-encoding:chunked\nA:b\n\nb ;extension=1\r\nhello\r\nyou\n\r\n0\r\nTrailer: a\r\n\r\n",
        "Transfer-Encoding: Chunked\r\n\r\n0A\r\n0\r\n\r\nGET \r\n\r\n00\r\nA: b\r\nOther\n\r\n\r\n",
    ];
    const FAULTS: &[&str] = &[
        "Content-Length: +5\r\n\r\nhello",
        "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        "Content-Length : 5\r\n\r\nhello",
        "Transfer-Encoding: identity\r\n\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        "\r\n\r\n",
        "\r",
        " ",
        "hello",
    ];
    let config = actix_rt::System::new().block_on(async { ServiceConfig::default() });
    let mut random = fastrand::Rng::with_seed(7);
    let (mut requests, mut faults) = (0, 0);
    for _ in 0..50_000 {
        let mut bytes = Vec::new();
        let mut add = |parts: &[&str]| {
            bytes.extend_from_slice(random.choice(parts).expect("part").as_bytes());
        };
        for request in 0..4 {
            add(STARTS);
            add(HEADERS);
            add(BODIES);
            if request == 2 {
                add(FAULTS);
            }
        }
        if random.bool() {
            let at = random.usize(..bytes.len());
            // Bytes that are not encoded, so that both see the same.
            bytes[at] = *random.choice(b"\r\n\t :;05aF").expect("byte");
        }
        let mut cuts: Vec<usize> = (0..random.usize(..6))
            .map(|_| random.usize(..bytes.len()))
            .collect();
        cuts.sort_unstable();
        let (by_http, faultless) = ends_by_http(&bytes, &config);
        let (_, mut ends) = follow(&bytes, &cuts);
        if !faultless {
            // HTTP looks at nothing after the fault.
            ends.truncate(by_http.len());
        }
        let text = String::from_utf8_lossy(&bytes);
        assert_eq!(ends, by_http, "{text:?} in pieces up to {cuts:?}");
        requests += by_http.len();
        faults += usize::from(!faultless);
    }
    assert!(requests > 50_000 && faults > 10_000, "{requests} {faults}");
}

#[test]
fn of_several_requests_each_is_shown_alone() {
    let (_, ends) = follow(GET.repeat(300).as_bytes(), &[]);
    let expected: Vec<usize> = (1..=300).map(|count| count * GET.len()).collect();
    assert_eq!(ends, expected);
    let body = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n\r\n\r\n{}";
    let (_, ends) = follow(format!("{body}{GET}").as_bytes(), &[]);
    assert_eq!(ends, [body.len(), body.len() + GET.len()]);
}

#[test]
fn requests_to_upgrade_are_spoiled_wherever_they_are_cut() {
    for (headers, expected) in [
        (
            "Connection: Upgrade, HTTP2-Settings",
            "Connection: -pgrade, HTTP2-Settings",
        ),
        (
            "CONNECTION:keep-alive,upgrade",
            "CONNECTION:keep-alive,-pgrade",
        ),
        ("connection: close, UPGRADE", "connection: close, -PGRADE"),
        ("Upgrade: WebSocket", "Upgrade: -ebSocket"),
        ("upgrade: h2c", "upgrade: h2c"),
        ("X-Upgrade: upgrade", "X-Upgrade: upgrade"),
        ("X-Environment-Key: upgrade", "X-Environment-Key: upgrade"),
    ] {
        let head = |headers: &str| format!("GET /upgrade HTTP/1.1\r\n{headers}\r\nHost: a\r\n\r\n");
        assert_eq!(shown(head(headers)), head(expected));
        let post = |headers: &str| {
            format!(
                "POST / HTTP/1.1\r\n{headers}\r\nContent-Length: 22\r\n\r\n\nUpgrade: websocket\r\n\r"
            )
        };
        assert_eq!(shown(post(headers)), post(expected));
    }
}

#[test]
fn bytes_of_a_target_are_encoded_wherever_they_are_cut_and_no_others() {
    for (target, expected) in [
        (&b"/?identifier=jos\xc3\xa9"[..], "/?identifier=jos%C3%A9"),
        (b"/?identifier=\"<7>\"", "/?identifier=%22%3C7%3E%22"),
        (b"/a`\xff/?b=`", "/a%60%FF/?b=%60"),
        (b"/?a={b}|^\\[~]'%20+", "/?a={b}|^\\[~]'%20+"),
    ] {
        let request = |target: &[u8]| {
            let rest = b" HTTP/1.1\r\nHost: \xc3\xa9\r\nContent-Length: 4\r\n\r\n\"\xc3\xa9\"";
            [b"\r\nGET ", target, rest].concat()
        };
        let expected = String::from_utf8(request(expected.as_bytes())).expect("text");
        assert_eq!(shown(request(target)), expected);
    }
}

#[test]
fn the_start_of_a_line_that_has_no_end_is_not_held_for_ever() {
    let long = format!(
        "GET / HTTP/1.1\r\nConnection: {}",
        "x".repeat(MAX_HELD_LINE)
    );
    let (shown, _) = follow(long.as_bytes(), &[]);
    assert_eq!(shown.len(), long.len());
    // The length may be in the line: from here on nothing is certain, and nothing is changed.
    let rest = "\r\n\r\nGET /?< HTTP/1.1\r\nUpgrade: websocket\r\n\r\n";
    let (shown, ends) = follow(format!("{long}{rest}").as_bytes(), &[long.len()]);
    assert!(shown.ends_with(rest.as_bytes()) && ends.is_empty());
}
