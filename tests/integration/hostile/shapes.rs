//! Requests whose end is ambiguous. They are refused, and nothing behind them is read as a request.

use super::{Target, check, head, identities};

/// The request that is smuggled in. A proxy that reads it as a request answers it with 200.
const SMUGGLED: &str = "GET /proxy/health/liveness HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn what_could_be_two_requests_is_refused_and_read_no_further() {
    let target = Target::start();
    let body = r#"{"identifier":"a"}"#;
    let long = format!("{body}{SMUGGLED}");
    let chunked = format!("12\r\n{body}\r\n0\r\n\r\n{SMUGGLED}");
    let shape = |headers: &str, body: &str| identities(headers, body).into_bytes();
    let refused: &[u16] = &[400];
    let shapes = [
        (
            "a length and chunks",
            shape(
                "Content-Length: 18\r\nTransfer-Encoding: chunked\r\n",
                &chunked,
            ),
            refused,
        ),
        (
            "chunks and a length",
            shape(
                "Transfer-Encoding: chunked\r\nContent-Length: 18\r\n",
                &chunked,
            ),
            refused,
        ),
        (
            "two lengths",
            shape("Content-Length: 18\r\nContent-Length: 1\r\n", &long),
            refused,
        ),
        (
            "the same length twice",
            shape("Content-Length: 18\r\nContent-Length: 18\r\n", &long),
            refused,
        ),
        (
            "a list of lengths",
            shape("Content-Length: 18, 18\r\n", &long),
            refused,
        ),
        (
            "a length with a sign",
            shape("Content-Length: +18\r\n", &long),
            refused,
        ),
        (
            "a negative length",
            shape("Content-Length: -18\r\n", &long),
            refused,
        ),
        (
            "a length of minus zero",
            shape("Content-Length: -0\r\n", &long),
            refused,
        ),
        (
            "a hexadecimal length",
            shape("Content-Length: 0x12\r\n", &long),
            refused,
        ),
        (
            "a length with a space in it",
            shape("Content-Length: 1 8\r\n", &long),
            refused,
        ),
        (
            "a length with a tail",
            shape("Content-Length: 18a\r\n", &long),
            refused,
        ),
        (
            "a fractional length",
            shape("Content-Length: 18.0\r\n", &long),
            refused,
        ),
        (
            "an empty length",
            shape("Content-Length: \r\n", &long),
            refused,
        ),
        (
            "a length beyond 64 bits",
            shape("Content-Length: 18446744073709551634\r\n", &long),
            refused,
        ),
        (
            "a length in other digits",
            shape("Content-Length: \u{0661}\u{0668}\r\n", &long),
            refused,
        ),
        (
            "two encodings",
            shape(
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                &chunked,
            ),
            refused,
        ),
        (
            "identity, then chunked",
            shape(
                "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
                &chunked,
            ),
            refused,
        ),
        (
            "gzip, chunked",
            shape("Transfer-Encoding: gzip, chunked\r\n", &chunked),
            refused,
        ),
        (
            "chunked, identity",
            shape("Transfer-Encoding: chunked, identity\r\n", &chunked),
            refused,
        ),
        (
            "chunked, chunked",
            shape("Transfer-Encoding: chunked, chunked\r\n", &chunked),
            refused,
        ),
        (
            "an encoding with a tail",
            shape("Transfer-Encoding: chunkedx\r\n", &chunked),
            refused,
        ),
        (
            "an encoding with a vertical tab",
            shape("Transfer-Encoding: \x0bchunked\r\n", &chunked),
            refused,
        ),
        (
            "an encoding in quotes",
            shape("Transfer-Encoding: \"chunked\"\r\n", &chunked),
            refused,
        ),
        (
            "an encoding and a parameter",
            shape("Transfer-Encoding: chunked;q=1\r\n", &chunked),
            refused,
        ),
        (
            "identity",
            shape("Transfer-Encoding: identity\r\n", &long),
            refused,
        ),
        (
            "an unknown encoding and a length",
            shape(
                "Transfer-Encoding: xchunked\r\nContent-Length: 18\r\n",
                &long,
            ),
            refused,
        ),
        (
            "a space before the colon",
            shape("Content-Length : 18\r\n", &long),
            refused,
        ),
        (
            "a tab before the colon",
            shape("Transfer-Encoding\t: chunked\r\n", &chunked),
            refused,
        ),
        (
            "a folded line",
            shape("X-Folded: a\r\n Content-Length: 18\r\n", &long),
            refused,
        ),
        (
            "a folded length",
            shape("Content-Length:\r\n 18\r\n", &long),
            refused,
        ),
        (
            "a folded encoding",
            shape("Transfer-Encoding:\r\n chunked\r\n", &chunked),
            refused,
        ),
        (
            "a bare carriage return",
            shape("X-A: b\rContent-Length: 18\r\n", &long),
            refused,
        ),
        (
            "a zero byte in a name",
            shape("Content\0-Length: 18\r\n", &long),
            refused,
        ),
        (
            "a zero byte in a value",
            shape("X-A: b\0c\r\nContent-Length: 18\r\n", &long),
            refused,
        ),
        (
            "a name with a byte beyond ASCII",
            shape("Content-L\u{e9}ngth: 18\r\n", &long),
            refused,
        ),
        (
            "a name with an underscore for a hyphen",
            shape("Content_Length: 18\r\n", &long),
            &[422, 400],
        ),
        ("no name", shape(": 18\r\n", &long), refused),
        ("no colon", shape("Content-Length 18\r\n", &long), refused),
        (
            "two hosts",
            shape("Host: b\r\nContent-Length: 18\r\n", &long),
            refused,
        ),
        (
            "chunks in HTTP/1.0",
            head(
                "POST /api/v1/identities/ HTTP/1.0",
                "Transfer-Encoding: chunked\r\n",
                &chunked,
            )
            .into_bytes(),
            refused,
        ),
        (
            "no length in HTTP/1.0",
            head("POST /api/v1/identities/ HTTP/1.0", "", &long).into_bytes(),
            refused,
        ),
    ];
    check(&target, &shapes);
}

#[test]
fn chunks_of_a_wrong_form_end_the_connection() {
    let target = Target::start();
    let chunks = |chunks: &str| {
        identities(
            "Transfer-Encoding: chunked\r\n",
            &format!("{chunks}{SMUGGLED}"),
        )
        .into_bytes()
    };
    let refused: &[u16] = &[400];
    let shapes = [
        ("no size", chunks("\r\n{}\r\n0\r\n\r\n"), refused),
        (
            "a size that is no number",
            chunks("x\r\n{}\r\n0\r\n\r\n"),
            refused,
        ),
        (
            "a size with a sign",
            chunks("+2\r\n{}\r\n0\r\n\r\n"),
            refused,
        ),
        ("a negative size", chunks("-2\r\n{}\r\n0\r\n\r\n"), refused),
        (
            "a size with a prefix",
            chunks("0x2\r\n{}\r\n0\r\n\r\n"),
            refused,
        ),
        (
            "a size beyond 64 bits",
            chunks("10000000000000002\r\n{}\r\n0\r\n\r\n"),
            refused,
        ),
        (
            "a size with a space before it",
            chunks(" 2\r\n{}\r\n0\r\n\r\n"),
            refused,
        ),
        (
            "a size with a tail",
            chunks("2 2\r\n{}\r\n0\r\n\r\n"),
            refused,
        ),
        (
            "a line feed for a line end",
            chunks("2\n{}\n0\n\n"),
            refused,
        ),
        (
            "a carriage return for a line end",
            chunks("2\r{}\r0\r\r"),
            refused,
        ),
        ("a size too small", chunks("1\r\n{}\r\n0\r\n\r\n"), refused),
        ("a size too large", chunks("3\r\n{}\r\n0\r\n\r\n"), refused),
        (
            "a zero byte in an extension",
            chunks("2;a\0b\r\n{}\r\n0\r\n\r\n"),
            refused,
        ),
        (
            "a line feed in an extension",
            chunks("2;a\nb\r\n{}\r\n0\r\n\r\n"),
            refused,
        ),
    ];
    check(&target, &shapes);
}
