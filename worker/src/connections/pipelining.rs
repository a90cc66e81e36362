//! Where the first of several pipelined requests ends. Looks for the empty line that ends a head and for nothing else.

use memchr::memchr_iter;

/// How many of these bytes to show HTTP in one turn: up to the end of the first head if a second head ends after it,
/// otherwise all. A body with empty lines is divided too, which costs turns and nothing else.
#[inline]
pub(super) fn first_request_length(bytes: &[u8]) -> usize {
    let mut ends = memchr_iter(b'\n', bytes).filter_map(|line| match bytes[line + 1..] {
        [b'\n', ..] => Some(line + 2),
        [b'\r', b'\n', ..] => Some(line + 3),
        _ => None,
    });
    match (ends.next(), ends.next()) {
        (Some(first), Some(_)) => first,
        _ => bytes.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_request_is_not_divided() {
        for request in [
            "",
            "GET / HT",
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
            "GET / HTTP/1.1\n\nGET / HTTP/1.1\r\nHost: a\r\n",
        ] {
            assert_eq!(
                first_request_length(request.as_bytes()),
                request.len(),
                "{request:?}"
            );
        }
    }

    #[test]
    fn of_several_requests_the_first_one_comes_first() {
        let one = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        assert_eq!(first_request_length(one.repeat(300).as_bytes()), one.len());
        let bare = "GET / HTTP/1.1\n\n";
        assert_eq!(first_request_length(bare.repeat(2).as_bytes()), bare.len());
        let body = "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n";
        let both = format!("{body}{{}}{one}");
        assert_eq!(first_request_length(both.as_bytes()), body.len());
    }
}
