//! The address of the Flagsmith API, checked once.

use std::fmt;

use contract::settings::{Kind, text};
use reqwest::Url;
use serde_json::Value;
use thiserror::Error;

/// The hosted API.
const DEFAULT: &str = "https://edge.api.flagsmith.com/api/v1";

/// The address of upstream: `http` or `https`, a host, an optional port and path, an optional trailing slash.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiUrl(Url);

/// Why a text is not an API URL.
#[derive(Debug, Error)]
pub enum ApiUrlError {
    /// It is not a URL.
    #[error("not a URL: {0}")]
    Unreadable(String),
    /// Its scheme is neither `http` nor `https`.
    #[error("expected http:// or https://, found {0}://")]
    Scheme(String),
    /// It has a query or a fragment. The path of the document is appended, so nothing may follow its own path.
    #[error("expected nothing after the path, found a query or a fragment")]
    Trailing,
}

impl ApiUrl {
    /// Reads and checks an address.
    ///
    /// # Errors
    ///
    /// The reason never repeats the text, which may hold a password.
    pub fn parse(text: &str) -> Result<Self, ApiUrlError> {
        let url = Url::parse(text).map_err(|error| ApiUrlError::Unreadable(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(ApiUrlError::Scheme(url.scheme().to_owned()));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(ApiUrlError::Trailing);
        }
        Ok(Self(url))
    }

    /// The address of the environment document.
    pub(crate) fn document(&self) -> Url {
        self.below("environment-document/")
    }

    /// The address of a path below this one.
    pub(crate) fn below(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path.split('/'));
        }
        url
    }

    /// The address of another version of the same API, whose path ends with that version.
    pub(crate) fn of_version(&self, version: &str) -> Self {
        let mut url = self.0.clone();
        let is_versioned = url.path().trim_end_matches('/').ends_with("/v1");
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty();
            if is_versioned {
                segments.pop();
            }
            segments.push(version);
        }
        Self(url)
    }

    /// Scheme, host and port.
    pub(crate) fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// The host, an IPv6 address without brackets.
    pub(crate) fn host(&self) -> &str {
        let host = self.0.host_str().unwrap_or_default();
        host.trim_matches(['[', ']'])
    }

    /// The path in which the API is.
    pub(crate) fn path(&self) -> &str {
        self.0.path()
    }

    /// The port that connections go to.
    pub(crate) fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or_default()
    }

    /// Whether upstream's certificate is checked.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Whether it is this machine, which no HTTP proxy could reach.
    pub(crate) fn is_loopback(&self) -> bool {
        match self.0.host_str() {
            Some("localhost") => true,
            Some(host) => host
                .trim_matches(['[', ']'])
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback()),
            None => false,
        }
    }
}

impl Default for ApiUrl {
    fn default() -> Self {
        Self::parse(DEFAULT).expect("the address of the hosted API is one")
    }
}

impl Kind for ApiUrl {
    type Value = Self;

    fn expected() -> String {
        "a URL that starts with http:// or https:// and has no query".to_owned()
    }

    fn read(value: &Value) -> Option<Self> {
        Self::parse(&text(value)?).ok()
    }

    /// Without user name and password.
    fn write(url: &Self) -> Value {
        url.to_string().into()
    }
}

impl fmt::Display for ApiUrl {
    /// Without user name and password.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.origin(), self.0.path())
    }
}

impl fmt::Debug for ApiUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ApiUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trailing_slash_changes_nothing() {
        for text in [
            "https://edge.api.flagsmith.com/api/v1",
            "https://edge.api.flagsmith.com/api/v1/",
        ] {
            assert_eq!(
                ApiUrl::parse(text).unwrap().document().as_str(),
                "https://edge.api.flagsmith.com/api/v1/environment-document/"
            );
        }
        assert_eq!(
            ApiUrl::parse("http://127.0.0.1:9")
                .unwrap()
                .document()
                .as_str(),
            "http://127.0.0.1:9/environment-document/"
        );
    }

    #[test]
    fn another_version_is_beside_this_one() {
        for (text, expected) in [
            (
                "https://host/api/v1",
                "https://host/api/v2/analytics/flags/",
            ),
            (
                "https://host/api/v1/",
                "https://host/api/v2/analytics/flags/",
            ),
            ("https://host", "https://host/v2/analytics/flags/"),
        ] {
            let url = ApiUrl::parse(text).unwrap().of_version("v2");
            assert_eq!(url.below("analytics/flags/").as_str(), expected);
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let wrong = |text| ApiUrl::parse(text).unwrap_err().to_string();
        assert_eq!(
            wrong("ftp://host/"),
            "expected http:// or https://, found ftp://"
        );
        assert!(wrong("edge.api.flagsmith.com").starts_with("not a URL: "));
        assert!(wrong("https://host/?page=1").contains("query"));
    }

    #[test]
    fn credentials_are_not_shown() {
        let url = ApiUrl::parse("https://user:password@host:8443/api/v1").unwrap();
        assert_eq!(url.to_string(), "https://host:8443/api/v1");
        assert_eq!(format!("{url:?}"), "ApiUrl(https://host:8443/api/v1)");
    }

    #[test]
    fn this_machine_is_recognised() {
        for (text, expected) in [
            ("http://localhost:1/", true),
            ("http://127.1.2.3/", true),
            ("http://[::1]:80/", true),
            ("http://10.0.0.1/", false),
            ("http://local.example/", false),
        ] {
            assert_eq!(
                ApiUrl::parse(text).unwrap().is_loopback(),
                expected,
                "{text}"
            );
        }
    }
}
