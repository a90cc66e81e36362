//! The way to upstream: straight, or through a proxy that the process environment names, as curl and Python's clients
//! read it.
//!
//! Only one variable counts, because there is one upstream: that of the scheme of `api_url`, else `ALL_PROXY`.

use std::fmt;

use hyper::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;
use thiserror::Error;

use crate::source::api_url::ApiUrl;

/// The port of SOCKS where the variable names none.
const SOCKS_PORT: u16 = 1080;

/// The way to upstream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Way {
    /// No variable names a proxy.
    Straight,
    /// Upstream is on this machine, which no proxy could reach, whatever this variable says.
    Loopback(&'static str),
    /// The second variable takes the host of `api_url` out of what the first one says.
    Excepted(&'static str, &'static str),
    /// Through a proxy.
    Through(ForwardProxy),
}

/// A proxy on the way to upstream. User name and password are never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct ForwardProxy {
    variable: &'static str,
    /// Boxed, because errors hold it too.
    url: Box<Url>,
}

/// What a variable holds is no proxy. The value is not shown, because it may hold a password.
#[derive(Debug, Error)]
#[error(
    "{variable}: found {found}, expected the URL of a proxy: http://, https://, socks5:// or socks5h://, \
     a host and a port"
)]
pub struct WayError {
    variable: &'static str,
    found: String,
}

impl Way {
    /// The way to `api_url` with these variables. Names in small letters win, and an empty value means no proxy.
    ///
    /// # Errors
    ///
    /// If the variable that counts names no proxy: going straight instead would lead a key past the proxy that the
    /// operator wants.
    pub fn to(
        api_url: &ApiUrl,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, WayError> {
        let set = |names: [&'static str; 2]| {
            let (name, value) = names
                .into_iter()
                .find_map(|name| Some((name, variable(name)?)))?;
            let value = value.trim().to_owned();
            (!value.is_empty()).then_some((name, value))
        };
        let of_scheme = match api_url.is_encrypted() {
            true => ["https_proxy", "HTTPS_PROXY"],
            false => ["http_proxy", "HTTP_PROXY"],
        };
        let Some((name, value)) = set(of_scheme).or_else(|| set(["all_proxy", "ALL_PROXY"])) else {
            return Ok(Self::Straight);
        };
        if api_url.is_loopback() {
            return Ok(Self::Loopback(name));
        }
        if let Some((exception, list)) = set(["no_proxy", "NO_PROXY"])
            && is_excepted(api_url, &list)
        {
            return Ok(Self::Excepted(name, exception));
        }
        ForwardProxy::parse(name, &value).map(Self::Through)
    }

    /// The proxy on the way, if there is one.
    pub(crate) fn proxy(&self) -> Option<&ForwardProxy> {
        match self {
            Self::Through(proxy) => Some(proxy),
            _ => None,
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Straight => formatter.write_str("straight: no variable names a proxy"),
            Self::Loopback(variable) => {
                write!(
                    formatter,
                    "straight, whatever {variable} says: it is on this machine"
                )
            }
            Self::Excepted(variable, exception) => {
                write!(
                    formatter,
                    "straight: {exception} excepts it from {variable}"
                )
            }
            Self::Through(proxy) => write!(formatter, "through the proxy {proxy}"),
        }
    }
}

impl ForwardProxy {
    fn parse(variable: &'static str, value: &str) -> Result<Self, WayError> {
        let refused = |found: &str| WayError {
            variable,
            found: found.to_owned(),
        };
        let with_scheme = match value.contains("://") {
            true => value.to_owned(),
            false => format!("http://{value}"),
        };
        let mut url =
            Url::parse(&with_scheme).map_err(|error| refused(&format!("no URL ({error})")))?;
        let is_socks = match url.scheme() {
            "http" | "https" => false,
            "socks4" | "socks4a" | "socks5" | "socks5h" => true,
            other => return Err(refused(&format!("the scheme {other}://"))),
        };
        if url.host_str().is_none_or(str::is_empty) {
            return Err(refused("no host"));
        }
        if is_socks && url.port().is_none() {
            // It fails only for URLs without a host.
            let _ = url.set_port(Some(SOCKS_PORT));
        }
        let url = Box::new(url);
        Ok(Self { variable, url })
    }

    /// With user name and password: for the HTTP library alone.
    pub(super) fn url(&self) -> Url {
        (*self.url).clone()
    }

    /// The host and the port that connections go to.
    pub(crate) fn host_and_port(&self) -> (&str, u16) {
        let host = self.url.host_str().unwrap_or_default();
        let port = self.url.port_or_known_default().unwrap_or(SOCKS_PORT);
        (host.trim_matches(['[', ']']), port)
    }

    /// Whether this machine, and not the proxy, looks up the name of upstream.
    pub(crate) fn resolves_here(&self) -> bool {
        matches!(self.url.scheme(), "socks4" | "socks5")
    }
}

impl fmt::Display for ForwardProxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.url.scheme();
        let host = self.url.host_str().unwrap_or_default();
        let (_, port) = self.host_and_port();
        write!(formatter, "{scheme}://{host}:{port} ({})", self.variable)
    }
}

impl fmt::Debug for ForwardProxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ForwardProxy({self})")
    }
}

/// Whether a list of exceptions names the host of `api_url`: itself, a domain above it with or without a leading dot, a
/// network that it is in, or `*`. As in Python's clients, an entry may have a scheme or a port, which must then match.
fn is_excepted(api_url: &ApiUrl, list: &str) -> bool {
    let Ok(uri) = api_url.origin().parse::<Uri>() else {
        return false;
    };
    let entries = list.split(',').filter_map(|entry| {
        let entry = entry.trim();
        let (scheme, entry) = entry.split_once("://").unwrap_or(("", entry));
        let has_port = |(_, port): &(&str, &str)| port.parse::<u16>().is_ok();
        // More than one colon is an IPv6 address without a port.
        let split = entry
            .rsplit_once(':')
            .filter(|(host, _)| !host.contains(':') || host.ends_with(']'));
        let (host, port) = split.filter(has_port).unwrap_or((entry, ""));
        let matches = (scheme.is_empty() || Some(scheme) == uri.scheme_str())
            && (port.is_empty() || port == api_url.port().to_string());
        matches.then(|| host.trim_matches(['[', ']']))
    });
    let entries: Vec<_> = entries.collect();
    let matcher = Matcher::builder()
        .all("http://proxy")
        .no(entries.join(","))
        .build();
    matcher.intercept(&uri).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(api_url: &str, variables: &[(&str, &str)]) -> Result<Way, WayError> {
        let api_url = ApiUrl::parse(api_url).unwrap();
        Way::to(&api_url, |name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    fn shown(api_url: &str, variables: &[(&str, &str)]) -> String {
        match way(api_url, variables).unwrap() {
            Way::Through(proxy) => proxy.to_string(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn the_variable_of_the_scheme_counts_before_that_of_all() {
        let all = [
            ("HTTP_PROXY", "http://plain:1"),
            ("HTTPS_PROXY", "http://tls:2"),
            ("ALL_PROXY", "socks5h://any:3"),
        ];
        assert_eq!(shown("https://api/v1", &all), "http://tls:2 (HTTPS_PROXY)");
        assert_eq!(shown("http://api/v1", &all), "http://plain:1 (HTTP_PROXY)");
        assert_eq!(
            shown("https://api/v1", &all[2..]),
            "socks5h://any:3 (ALL_PROXY)"
        );
        assert_eq!(shown("https://api/v1", &all[..1]), "Straight");
    }

    #[test]
    fn small_letters_win_and_an_empty_value_means_none() {
        let both = [("HTTPS_PROXY", "http://a:1"), ("https_proxy", "http://b:2")];
        assert_eq!(shown("https://api/", &both), "http://b:2 (https_proxy)");
        let empty = [("HTTPS_PROXY", "http://a:1"), ("https_proxy", " ")];
        assert_eq!(shown("https://api/", &empty), "Straight");
    }

    #[test]
    fn a_proxy_without_scheme_or_port_is_understood() {
        for (value, expected) in [
            ("proxy:3128", "http://proxy:3128 (ALL_PROXY)"),
            ("proxy", "http://proxy:80 (ALL_PROXY)"),
            ("https://proxy", "https://proxy:443 (ALL_PROXY)"),
            ("socks5://proxy", "socks5://proxy:1080 (ALL_PROXY)"),
            ("http://[fd00::1]:8/", "http://[fd00::1]:8 (ALL_PROXY)"),
        ] {
            assert_eq!(shown("https://api/", &[("ALL_PROXY", value)]), expected);
        }
    }

    #[test]
    fn user_name_and_password_are_not_shown() {
        for value in ["http://user:secret@proxy:1", "user:secret@proxy:1"] {
            let way = way("https://api/", &[("HTTPS_PROXY", value)]).unwrap();
            let shown = format!("{way:?} {}", way.proxy().unwrap());
            assert!(
                !shown.contains("secret") && !shown.contains("user"),
                "{shown}"
            );
        }
        for value in [
            "ftp://user:secret@proxy",
            "http://user:secret@",
            "http://user:secret@:99999",
        ] {
            let error = way("https://api/", &[("https_proxy", value)]).unwrap_err();
            let error = format!("{error} {error:?}");
            assert!(error.starts_with("https_proxy: found "), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn exceptions_are_names_domains_networks_and_all() {
        let is_excepted = |host: &str, list| {
            let api_url = format!("https://{host}/api/v1");
            let variables = [("HTTPS_PROXY", "proxy:1"), ("NO_PROXY", list)];
            match way(&api_url, &variables).unwrap() {
                Way::Excepted("HTTPS_PROXY", "NO_PROXY") => true,
                Way::Through(_) => false,
                other => panic!("{other:?}"),
            }
        };
        for (host, list) in [
            ("flags.example.com", "flags.example.com"),
            ("flags.example.com", "localhost, Example.com"),
            ("flags.example.com", ".example.com"),
            ("example.com", ".example.com"),
            ("flags.example.com", "*"),
            ("flags.example.com", "other,*"),
            ("flags.example.com", "https://flags.example.com"),
            ("flags.example.com", "flags.example.com:443"),
            ("flags.example.com:8443", "example.com:8443"),
            ("10.1.2.3", "10.0.0.0/8"),
            ("10.1.2.3", "10.1.2.3"),
            ("[fd00::1]", "fd00::/8"),
            ("[fd00::1]", "fd00::1"),
            ("[fd00::1]:8443", "[fd00::1]:8443"),
        ] {
            assert!(is_excepted(host, list), "{host} {list}");
        }
        for (host, list) in [
            ("flags.example.com", "example.org"),
            ("notexample.com", "example.com"),
            ("flags.example.com", "http://flags.example.com"),
            ("flags.example.com", "flags.example.com:8443"),
            ("10.1.2.3", "11.0.0.0/8"),
            ("flags.example.com", " ,, "),
        ] {
            assert!(!is_excepted(host, list), "{host} {list}");
        }
    }

    #[test]
    fn no_proxy_leads_to_this_machine() {
        let proxy = [("HTTP_PROXY", "proxy:1")];
        assert_eq!(
            shown("http://localhost:8000/", &proxy),
            r#"Loopback("HTTP_PROXY")"#
        );
    }
}
