//! Slow clients: there is a limit on the time of heads, bodies and answers, even when a few bytes move now and then.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use nix::sys::socket::{setsockopt, sockopt};
use serde_json::json;
use testing::{Answer, document, eventually};

use super::{KEY, Target, read_to_end, statuses};

/// The pause of clients that send one byte at a time.
const DRIP: Duration = Duration::from_millis(50);

fn target() -> Target {
    Target::start_as(|start| {
        start
            .server("header_timeout_seconds", json!(1))
            .server("body_timeout_seconds", json!(1))
            .server("keep_alive_seconds", json!(60))
    })
}

/// Sends `byte` again and again until the proxy answers or closes. Returns the answer and the time until then.
fn drip(stream: &mut TcpStream, byte: u8) -> (Vec<u8>, Duration) {
    let begun = Instant::now();
    stream.set_read_timeout(Some(DRIP)).expect("a deadline");
    let mut received = Vec::new();
    while begun.elapsed() < Duration::from_secs(25) {
        let mut bytes = [0; 4096];
        match stream.read(&mut bytes) {
            Ok(0) => return (received, begun.elapsed()),
            Ok(count) => received.extend_from_slice(&bytes[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                let _ = stream.write_all(&[byte]);
            }
            Err(_) => return (received, begun.elapsed()),
        }
    }
    panic!(
        "let drip on for {:?}; received {:?}",
        begun.elapsed(),
        String::from_utf8_lossy(&received)
    );
}

#[test]
fn heads_and_bodies_that_drip_are_cut_off() {
    let target = target();
    let post = "POST /api/v1/identities/ HTTP/1.1\r\nHost: a\r\n";
    let good = format!("GET /api/v1/flags/ HTTP/1.1\r\nHost: a\r\n{KEY}\r\n");
    let json = format!("{KEY}Content-Type: application/json\r\n");
    let cases: [(&str, bool, String, &[u16]); 8] = [
        (
            "a first head",
            false,
            "GET /api/v1/flags/ HTTP/1.1\r\nX-A: ".to_owned(),
            &[408],
        ),
        (
            "a later head",
            true,
            "GET /api/v1/flags/ HTTP/1.1\r\nX-A: ".to_owned(),
            &[],
        ),
        ("the first byte of a later head", true, String::new(), &[]),
        (
            "a head behind one that is answered",
            true,
            format!("{good}GET /api/v1/fl"),
            &[200],
        ),
        (
            "a body",
            false,
            format!("{post}{json}Content-Length: 5000\r\n\r\n{{"),
            &[408],
        ),
        (
            "a later body",
            true,
            format!("{post}{json}Content-Length: 5000\r\n\r\n{{"),
            &[408],
        ),
        (
            "chunks",
            false,
            format!("{post}{json}Transfer-Encoding: chunked\r\n\r\nfff\r\n"),
            &[408],
        ),
        (
            "a body that nobody wants",
            false,
            good.replace(
                "\r\n\r\n",
                "\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\n",
            ),
            &[200],
        ),
    ];
    std::thread::scope(|scope| {
        for (name, later, request, expected) in cases {
            let (target, good) = (&target, &good);
            scope.spawn(move || {
                let mut stream = target.connect();
                if later {
                    stream.write_all(good.as_bytes()).expect("request");
                    let mut answer = [0; 4096];
                    let count = stream.read(&mut answer).expect("answer");
                    assert_eq!(statuses(&answer[..count]), [200]);
                }
                stream.write_all(request.as_bytes()).expect("request");
                let (received, elapsed) = drip(&mut stream, b'x');
                println!(
                    "{name}: {:?} and closed after {elapsed:?}",
                    statuses(&received)
                );
                assert_eq!(statuses(&received), expected, "{name}");
                assert!(
                    elapsed > Duration::from_millis(500),
                    "{name}: cut off after {elapsed:?}"
                );
            });
        }
    });
    target.is_well("eight that drip");
}

/// Requests the document and reads its start.
fn ask_for_document(target: &Target) -> TcpStream {
    let mut stream = target.connect();
    let request = "GET /api/v1/environment-document/ HTTP/1.1\r\nHost: a\r\n\
        X-Environment-Key: ser.test\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("request");
    stream.read_exact(&mut [0; 12]).expect("its start");
    stream
}

fn holds_a_retired_map(target: &Target) -> bool {
    let maps = std::fs::read_to_string(format!("/proc/{}/maps", target.workers[0]));
    maps.expect("its maps").contains("(deleted)")
}

#[test]
fn a_document_that_is_not_read_is_let_go_of() {
    // The document is larger than the buffers of both ends of a connection.
    let large = document("test", &"0123456789abcdef".repeat(768 * 1024));
    let length = large.len();
    let target = Target::of(large, |start| start.server("keep_alive_seconds", json!(5)));
    // The next document is compiled only after this one is compressed.
    target.proxy.wait_for("the compressed form", |proxy| {
        let headers = [
            ("X-Environment-Key", "ser.test"),
            ("Accept-Encoding", "gzip"),
        ];
        let answer =
            proxy
                .connect()
                .request("HEAD", "/api/v1/environment-document/", &headers, b"");
        answer.headers.contains_key("content-encoding")
    });
    let silent = ask_for_document(&target);
    let mut slow = ask_for_document(&target);
    let mut fair = ask_for_document(&target);
    // The snapshot that they read from is replaced meanwhile.
    target
        .upstream
        .set("test", Answer::Document(document("test", "small")));
    eventually("a retired map", || holds_a_retired_map(&target));
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let fair = scope.spawn(move || {
            let (mut total, mut buffer) = (0, vec![0; 1 << 20]);
            while let Ok(count) = fair.read(&mut buffer)
                && count > 0
            {
                total += count;
                std::thread::sleep(Duration::from_millis(20));
            }
            total
        });
        eventually("the end of the retired map", || {
            // The client reads a hundred bytes at a time.
            slow.read_exact(&mut [0; 100]).expect("a little");
            !holds_a_retired_map(&target)
        });
        println!(
            "the retired document was let go of after {:?}",
            begun.elapsed()
        );
        assert!(fair.join().expect("the fair one") > length);
    });
    assert!(read_to_end(&mut slow).len() < length);
    target.is_well("slow readers");
    drop(silent);
}

#[test]
fn who_asks_and_asks_and_never_reads_costs_a_bounded_amount() {
    const CLIENTS: usize = 100;
    let target = target();
    let before = target.private();
    let requests = "GET / HTTP/1.1\r\nHost:a\r\n\r\n".repeat(1000);
    let deaf: Vec<TcpStream> = (0..CLIENTS)
        .map(|_| {
            let mut stream = target.connect();
            stream
                .set_write_timeout(Some(Duration::from_millis(20)))
                .expect("a deadline");
            setsockopt(&stream, sockopt::RcvBuf, &(8 * 1024)).expect("a small buffer");
            // The client sends until the proxy takes no more.
            while stream.write_all(requests.as_bytes()).is_ok() {}
            stream
        })
        .collect();
    let held = target.private() - before;
    println!(
        "{CLIENTS} clients that pipeline and do not read hold {} KiB",
        held / 1024
    );
    // That is a few buffers. Hundreds of requests that are read ahead would cost some 800 KiB.
    assert!(held < CLIENTS as u64 * 128 * 1024, "{held} bytes");
    target.is_well("those who do not read");
    drop(deaf);
}
