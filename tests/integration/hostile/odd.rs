//! Odd requests: old and new protocols, odd methods, paths and bytes, and too much of anything.

use super::{KEY, Target, answers, check, flags, head, identities};

#[test]
fn what_is_odd_but_plain_is_answered_or_refused() {
    let target = Target::start();
    let bytes = |text: String| text.into_bytes();
    let line = |line: &str| head(line, "", "").into_bytes();
    let ok: &[u16] = &[200];
    let refused: &[u16] = &[400];
    let unknown: &[u16] = &[404];
    let chunked = "12\r\n{\"identifier\":\"a\"}\r\n0\r\n\r\n";
    let body = r#"{"identifier":"a"}"#;
    let header = |size: usize| flags(&format!("X-Long: {}\r\n", "a".repeat(size)));
    let many = |count: usize| flags(&"X-Many: a\r\n".repeat(count));
    let url = |size: usize| {
        line(&format!(
            "GET /api/v1/flags/?a={} HTTP/1.1",
            "b".repeat(size)
        ))
    };
    let raw = |line: &[u8], headers: &[u8]| [line, b" HTTP/1.1\r\n", headers, b"\r\n"].concat();
    let key = b"Host: a\r\nX-Environment-Key: test\r\n";
    let chunks = |chunks: &str| bytes(identities("Transfer-Encoding: chunked\r\n", chunks));
    let trailer = chunked.replace("0\r\n", "0\r\nX-Environment-Key: ser.test\r\n");
    let upgrade = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n";
    let shapes = [
        ("a good one", bytes(flags("")), ok),
        (
            "the other case",
            bytes(flags("").replace("X-Environment-Key", "x-eNvironment-kEY")),
            ok,
        ),
        ("bare line feeds", bytes(flags("").replace('\r', "")), ok),
        (
            "empty lines before it",
            bytes(format!("\r\n\r\n{}", flags(""))),
            ok,
        ),
        ("HTTP/1.0", line("GET /api/v1/flags/ HTTP/1.0"), ok),
        ("HTTP/0.9", b"GET /api/v1/flags/\r\n".to_vec(), refused),
        ("HTTP/1.2", line("GET /api/v1/flags/ HTTP/1.2"), refused),
        ("HTTP/2.0", line("GET /api/v1/flags/ HTTP/2.0"), refused),
        (
            "HTTP/2's preface",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec(),
            refused,
        ),
        (
            "TLS",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".repeat(20),
            refused,
        ),
        (
            "no host",
            format!("GET /api/v1/flags/ HTTP/1.1\r\n{KEY}\r\n").into_bytes(),
            refused,
        ),
        (
            "a whole URL",
            line("GET http://other.test/api/v1/flags/ HTTP/1.1"),
            ok,
        ),
        (
            "another scheme",
            line("GET gopher://a/api/v1/flags/ HTTP/1.1"),
            ok,
        ),
        ("an asterisk", line("OPTIONS * HTTP/1.1"), &[204]),
        ("no path", line("GET  HTTP/1.1"), refused),
        (
            "a path without its slash",
            line("GET api/v1/flags/ HTTP/1.1"),
            refused,
        ),
        ("two spaces", line("GET  /api/v1/flags/ HTTP/1.1"), refused),
        ("a tab", line("GET\t/api/v1/flags/ HTTP/1.1"), refused),
        (
            "a space in the path",
            line("GET /api/v1/flags/ x HTTP/1.1"),
            refused,
        ),
        (
            "a zero byte in the path",
            line("GET /api/v1/flags/\0 HTTP/1.1"),
            refused,
        ),
        // Its path is empty, as that of the root.
        ("CONNECT", line("CONNECT other.test:443 HTTP/1.1"), &[405]),
        (
            "CONNECT to a path",
            line("CONNECT /api/v1/flags/ HTTP/1.1"),
            &[405],
        ),
        ("TRACE", line("TRACE /api/v1/flags/ HTTP/1.1"), &[405]),
        (
            "a method of one's own",
            line("FROB /api/v1/flags/ HTTP/1.1"),
            &[405],
        ),
        (
            "a method in lower case",
            line("get /api/v1/flags/ HTTP/1.1"),
            &[405],
        ),
        (
            "a method that is none",
            line("G@T( /api/v1/flags/ HTTP/1.1"),
            refused,
        ),
        ("no method", line("/api/v1/flags/ HTTP/1.1"), refused),
        (
            "an upgrade to WebSocket",
            bytes(flags("Connection: Upgrade\r\nUpgrade: websocket\r\n")),
            ok,
        ),
        ("an upgrade to HTTP/2", bytes(flags(upgrade)), ok),
        (
            "a body for GET",
            bytes(head(
                "GET /api/v1/flags/ HTTP/1.1",
                "Content-Length: 5\r\n",
                "hello",
            )),
            ok,
        ),
        (
            "chunks for GET",
            bytes(head(
                "GET /api/v1/flags/ HTTP/1.1",
                "Transfer-Encoding: chunked\r\n",
                chunked,
            )),
            ok,
        ),
        (
            "chunks in capitals",
            bytes(identities("Transfer-Encoding: CHUNKED\r\n", chunked)),
            ok,
        ),
        (
            "a chunk with an extension",
            chunks(&chunked.replace("12", "12;a=b")),
            ok,
        ),
        ("a trailer", chunks(&trailer), ok),
        (
            "an expectation",
            bytes(identities(
                "Expect: 100-continue\r\nContent-Length: 18\r\n",
                body,
            )),
            &[100, 200],
        ),
        (
            "another expectation",
            bytes(identities(
                "Expect: a miracle\r\nContent-Length: 18\r\n",
                body,
            )),
            ok,
        ),
        (
            "two keys",
            bytes(flags("X-Environment-Key: ser.test\r\n")),
            ok,
        ),
        ("a header of 60 KB", bytes(header(60_000)), ok),
        ("a header of 200 KB", bytes(header(200_000)), &[431]),
        ("a header of 5 MB", bytes(header(5_000_000)), &[431]),
        ("90 headers", bytes(many(90)), ok),
        ("97 headers", bytes(many(97)), &[431]),
        ("50,000 headers", bytes(many(50_000)), &[431]),
        ("a URL of 20 KB", url(20_000), ok),
        ("a URL of 100 KB", url(100_000), refused),
        ("a URL of 5 MB", url(5_000_000), &[431]),
        (
            "a header that is not UTF-8",
            raw(
                b"GET /api/v1/flags/",
                b"Host: a\r\nX-Environment-Key: \xff\xfe\x80\r\n",
            ),
            &[401],
        ),
        (
            "a host that is not UTF-8",
            raw(b"GET /proxy/health/liveness", b"Host: \xff\xfe\r\n"),
            ok,
        ),
        (
            "a path that is not UTF-8",
            raw(b"GET /api/v1/fl\xff\xfegs/", b"Host: a\r\n"),
            unknown,
        ),
        (
            "a query that is not UTF-8",
            raw(b"GET /api/v1/flags/?feature=\xff\xfe", key),
            unknown,
        ),
        (
            "encoded bytes that are not UTF-8",
            line("GET /api/v1/fl%FF%FEgs/ HTTP/1.1"),
            unknown,
        ),
        (
            "an encoded query that is not UTF-8",
            line("GET /api/v1/flags/?feature=%FF%FE%80 HTTP/1.1"),
            unknown,
        ),
        (
            "half a percent sign",
            line("GET /api/v1/flags/?feature=%&feature=%G1&feature=%1 HTTP/1.1"),
            unknown,
        ),
        (
            "an encoded slash",
            line("GET /api%2Fv1%2Fflags/ HTTP/1.1"),
            ok,
        ),
        (
            "an encoded zero byte",
            line("GET /api/v1/flags/%00 HTTP/1.1"),
            unknown,
        ),
        (
            "a feature of a zero byte",
            line("GET /api/v1/flags/?feature=%00 HTTP/1.1"),
            unknown,
        ),
        (
            "a path upwards",
            line("GET /api/v1/../../etc/passwd HTTP/1.1"),
            unknown,
        ),
        (
            "an encoded path upwards",
            line("GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1"),
            unknown,
        ),
        (
            "line ends in a query",
            line("GET /api/v1/flags/?feature=%0d%0aSet-Cookie:%20a=b HTTP/1.1"),
            unknown,
        ),
        (
            "line ends in an origin",
            bytes(flags("Origin: http://a%0d%0a\r\n")),
            ok,
        ),
        (
            "an endless range",
            bytes(flags(&format!("Range: bytes={}\r\n", "0-,".repeat(5000)))),
            ok,
        ),
        (
            "many codings",
            bytes(flags(&format!(
                "Accept-Encoding: {}\r\n",
                "gzip;q=0.5,".repeat(5000)
            ))),
            ok,
        ),
        (
            "many tags",
            bytes(flags(&format!(
                "If-None-Match: {}\r\n",
                "\"a\",".repeat(10_000)
            ))),
            ok,
        ),
        ("nothing", Vec::new(), &[]),
        ("half a head", b"GET /api/v1/fla".to_vec(), &[]),
        (
            "half a body",
            bytes(identities("Content-Length: 18\r\n", "{\"iden")),
            refused,
        ),
        ("zero bytes", vec![0; 5000], refused),
        ("line ends", b"\r\n".repeat(5000), &[]),
    ];
    check(&target, &shapes);
}

#[test]
fn requests_in_one_packet_are_all_answered_in_order() {
    let target = Target::start();
    let requests: String = (0..500)
        .map(|number| match number % 3 {
            0 => head(
                &format!("GET /api/v1/identities/?identifier=number-{number} HTTP/1.1"),
                "",
                "",
            ),
            1 => identities(
                "Content-Length: 24\r\n",
                &format!(r#"{{"identifier":"no-{number:04}"}}"#),
            ),
            _ => head(
                &format!("GET /api/v1/flags/?feature=number-{number} HTTP/1.1"),
                "",
                "",
            ),
        })
        .collect();
    let answers = answers(&target.exchange(requests.as_bytes()));
    assert_eq!(answers.len(), 500);
    for (number, (status, body)) in answers.iter().enumerate() {
        let (expected, name) = match number % 3 {
            0 => (200, format!("number-{number}")),
            1 => (200, format!("no-{number:04}")),
            _ => (404, format!("number-{number}")),
        };
        assert_eq!(*status, expected, "{number}: {body}");
        assert!(body.contains(&name), "{number}: {body}");
    }
    target.is_well("500 requests in one packet");
}
