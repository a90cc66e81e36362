//! Origins, as browsers write them in the header `Origin` (RFC 6454).

/// The origin as a browser writes it: scheme and host in lower case, no default port, no slash at the end. `None` if
/// the text is no origin.
pub fn normalised(text: &str) -> Option<String> {
    if text == "null" {
        return Some(text.to_owned());
    }
    let text = text.strip_suffix('/').unwrap_or(text).to_ascii_lowercase();
    let (scheme, authority) = text.split_once("://")?;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let colon = authority.rfind(':').filter(|_| !authority.ends_with(']'));
    let (host, port) = match colon {
        Some(colon) => (&authority[..colon], &authority[colon + 1..]),
        None => (authority, ""),
    };
    let is_host = match host.strip_prefix('[') {
        Some(address) => address
            .strip_suffix(']')
            .is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok()),
        // Browsers write a name in other letters as `xn--…`.
        None => host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)),
    };
    if !is_scheme || host.is_empty() || !is_host {
        return None;
    }
    let default = match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    };
    let port = match port {
        "" => None,
        digits if digits.bytes().all(|digit| digit.is_ascii_digit()) => {
            Some(digits.parse::<u16>().ok()?)
        }
        _ => return None,
    };
    Some(match port.filter(|port| Some(*port) != default) {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_written_as_browsers_write_them() {
        for (text, origin) in [
            ("https://app.example.com", "https://app.example.com"),
            ("https://app.example.com/", "https://app.example.com"),
            ("HTTPS://App.Example.COM:443/", "https://app.example.com"),
            ("http://localhost:80", "http://localhost"),
            ("http://localhost:08080", "http://localhost:8080"),
            ("https://a.test:80", "https://a.test:80"),
            ("https://a.test:", "https://a.test"),
            ("http://[::1]:3000", "http://[::1]:3000"),
            ("http://[::1]", "http://[::1]"),
            ("capacitor://localhost", "capacitor://localhost"),
            ("null", "null"),
        ] {
            assert_eq!(normalised(text).as_deref(), Some(origin), "{text}");
        }
    }

    #[test]
    fn other_texts_are_no_origins() {
        for text in [
            "",
            "app.example.com",
            "localhost:3000",
            "https://",
            "https://a.test/path",
            "https://a.test//",
            "https://a.test?query",
            "https://user@a.test",
            "https://*.example.com",
            "https://bücher.example",
            "https://a.test:99999",
            "https://a.test:+1",
            "https://[::x]",
            "https://a b.test",
            "://a.test",
            "1://a.test",
            "https:/a.test",
        ] {
            assert_eq!(normalised(text), None, "{text}");
        }
    }
}
