//! The address of the Flagsmith API, checked once. Knows no HTTP.

use std::fmt;

use reqwest::Url;
use thiserror::Error;

/// Where upstream is: `http` or `https`, a host, perhaps a port and a path; with or without a trailing slash.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiUrl(Url);

/// Why a text is no API URL.
#[derive(Debug, Error)]
pub enum ApiUrlError {
    /// It cannot be read as a URL at all.
    #[error("not a URL: {0}")]
    Unreadable(String),
    /// Another scheme than the two that upstream speaks.
    #[error("expected http:// or https://, found {0}://")]
    Scheme(String),
    /// The document's path is appended, so nothing may follow the path.
    #[error("expected nothing after the path, found a query or a fragment")]
    Trailing,
}

impl ApiUrl {
    /// Reads and checks an address.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the text, without repeating it: it may hold credentials.
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
        let mut url = self.0.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["environment-document", ""]);
        }
        url
    }

    /// Whether talking to it needs certificates.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Whether it is this machine itself, which no proxy on the way could reach.
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

impl fmt::Display for ApiUrl {
    /// Without the user name and password that it may hold.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}{}",
            self.0.origin().ascii_serialization(),
            self.0.path()
        )
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
