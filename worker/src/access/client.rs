//! Who the client of a request is. The proxy before this one may name it in `X-Forwarded-For`, if it is trusted. The
//! rules are those of uvicorn, the server of the official proxy, which reads the variable `FORWARDED_ALLOW_IPS` too.

use std::net::IpAddr;

use actix_http::header::{HeaderMap, X_FORWARDED_FOR};
use ipnet::IpNet;

/// The proxies that may name a client.
pub(super) enum TrustedProxies {
    /// Whoever it is.
    All,
    These(Vec<Proxy>),
}

pub(super) enum Proxy {
    Network(IpNet),
    /// What a proxy may call itself instead of an address.
    Name(String),
}

impl TrustedProxies {
    /// `*`, or addresses, networks and names with commas between them.
    pub(super) fn parse(list: &str) -> Self {
        match list.trim() {
            "*" => Self::All,
            list => Self::These(
                list.split(',')
                    .map(|item| Proxy::parse(item.trim()))
                    .collect(),
            ),
        }
    }

    /// The client that the proxy at `peer` names; `None` if it names none, or is not trusted.
    ///
    /// Each proxy appends the address that it got the request from. So the client is the last one that is no trusted
    /// proxy: what comes before it, it may have sent itself.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Option<String> {
        if !self.has_address(peer) {
            return None;
        }
        // Of a repeated header, uvicorn reads the last one.
        let header = headers.get_all(X_FORWARDED_FOR).last()?;
        let header = String::from_utf8_lossy(header.as_bytes());
        let mut hosts = header.split(',').map(str::trim);
        let first = hosts.clone().next();
        let client = match self {
            Self::All => first,
            Self::These(_) => hosts.rfind(|host| !self.has(host)).or(first),
        };
        client
            .filter(|client| !client.is_empty())
            .map(str::to_owned)
    }

    fn has(&self, host: &str) -> bool {
        match host.parse() {
            Ok(address) => self.has_address(address),
            Err(_) => self.any(|proxy| matches!(proxy, Proxy::Name(name) if name == host)),
        }
    }

    fn has_address(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.any(|proxy| matches!(proxy, Proxy::Network(network) if network.contains(&address)))
    }

    fn any(&self, is_meant: impl Fn(&Proxy) -> bool) -> bool {
        match self {
            Self::All => true,
            Self::These(proxies) => proxies.iter().any(is_meant),
        }
    }
}

impl Proxy {
    fn parse(item: &str) -> Self {
        let network = match item.parse::<IpNet>() {
            // Like Python: 10.0.0.1/8 is no network.
            Ok(network) => (network == network.trunc()).then_some(network),
            Err(_) => item.parse::<IpAddr>().ok().map(IpNet::from),
        };
        network.map_or_else(|| Self::Name(item.to_owned()), Self::Network)
    }
}

#[cfg(test)]
mod tests {
    use actix_http::header::HeaderValue;

    use super::*;

    fn client(trusted: &str, peer: &str, forwarded: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            let value = HeaderValue::from_bytes(value.as_bytes()).expect("value");
            headers.append(X_FORWARDED_FOR, value);
        }
        TrustedProxies::parse(trusted).client(peer.parse().expect("address"), &headers)
    }

    #[test]
    fn a_proxy_that_is_not_trusted_names_nobody() {
        assert_eq!(client("127.0.0.1", "10.0.0.1", &["203.0.113.5"]), None);
        assert_eq!(client("", "10.0.0.1", &["203.0.113.5"]), None);
        assert_eq!(client("10.0.0.9/8", "10.0.0.1", &["203.0.113.5"]), None);
    }

    #[test]
    fn proxies_are_trusted_by_address_network_and_star() {
        for (trusted, peer) in [
            ("127.0.0.1", "127.0.0.1"),
            ("127.0.0.1", "::ffff:127.0.0.1"),
            ("10.1.2.3, 127.0.0.1", "127.0.0.1"),
            ("10.0.0.0/8", "10.200.0.1"),
            ("fd00::/8,::1", "fd00::1"),
            ("fd00:0::1", "fd00::1"),
            (" * ", "192.0.2.1"),
        ] {
            let client = client(trusted, peer, &["203.0.113.5"]);
            assert_eq!(client.as_deref(), Some("203.0.113.5"), "{trusted}");
        }
    }

    #[test]
    fn the_client_is_the_last_one_that_is_no_trusted_proxy() {
        for (trusted, forwarded, expected) in [
            (
                "10.0.0.0/8",
                "1.1.1.1, 203.0.113.5, 10.0.0.2",
                Some("203.0.113.5"),
            ),
            ("10.0.0.0/8", "10.0.0.3, 10.0.0.2", Some("10.0.0.3")),
            ("10.0.0.0/8", "1.1.1.1,unknown", Some("unknown")),
            ("10.0.0.0/8,unknown", "1.1.1.1,unknown", Some("1.1.1.1")),
            ("10.0.0.0/8", "1.1.1.1:80", Some("1.1.1.1:80")),
            ("10.0.0.0/8", "1.1.1.1, ", None),
            ("10.0.0.0/8", "", None),
            ("*", "1.1.1.1, 203.0.113.5", Some("1.1.1.1")),
        ] {
            let client = client(trusted, "10.0.0.1", &[forwarded]);
            assert_eq!(client.as_deref(), expected, "{trusted}: {forwarded}");
        }
        assert_eq!(client("*", "10.0.0.1", &[]), None);
        let repeated = client("*", "10.0.0.1", &["1.1.1.1", "203.0.113.5"]);
        assert_eq!(repeated.as_deref(), Some("203.0.113.5"));
    }
}
