//! Which endpoint a request is for. Knows paths and methods, nothing of what is answered.

use actix_http::Method;
use percent_encoding::percent_decode_str;

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// Every flag of an environment, or one by its feature.
    Flags,
    /// The flags of one identity.
    Identities,
    /// The environment document.
    Document,
    /// Whether every environment has a snapshot and none is stale.
    Health,
    /// Whether this process answers.
    Liveness,
}

/// What a request asks of an endpoint. HEAD asks what GET asks; HTTP leaves the body out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Get,
    Post,
}

impl Endpoint {
    /// The endpoint of a path, with or without its trailing slash.
    pub(crate) fn of_path(path: &str) -> Option<Self> {
        if let Some(endpoint) = Self::of_decoded_path(path) {
            return Some(endpoint);
        }
        if !path.contains('%') {
            return None;
        }
        let decoded = percent_decode_str(path).decode_utf8().ok()?;
        Self::of_decoded_path(&decoded)
    }

    fn of_decoded_path(path: &str) -> Option<Self> {
        match path.strip_suffix('/').unwrap_or(path) {
            "/api/v1/flags" => Some(Self::Flags),
            "/api/v1/identities" => Some(Self::Identities),
            "/api/v1/environment-document" => Some(Self::Document),
            "/proxy/health" | "/proxy/health/readiness" | "/health" => Some(Self::Health),
            "/proxy/health/liveness" => Some(Self::Liveness),
            _ => None,
        }
    }

    /// What `method` asks of this endpoint; `None` if it does not offer that.
    pub(crate) fn act(self, method: &Method) -> Option<Act> {
        match *method {
            Method::GET | Method::HEAD => Some(Act::Get),
            Method::POST if self == Self::Identities => Some(Act::Post),
            _ => None,
        }
    }

    /// The methods it offers, for `Allow`.
    pub(crate) fn methods(self) -> &'static str {
        match self {
            Self::Identities => "GET, HEAD, POST",
            _ => "GET, HEAD",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serves_every_path_with_and_without_its_trailing_slash() {
        for (path, endpoint) in [
            ("/api/v1/flags", Endpoint::Flags),
            ("/api/v1/identities", Endpoint::Identities),
            ("/api/v1/environment-document", Endpoint::Document),
            ("/proxy/health", Endpoint::Health),
            ("/proxy/health/readiness", Endpoint::Health),
            ("/health", Endpoint::Health),
            ("/proxy/health/liveness", Endpoint::Liveness),
        ] {
            assert_eq!(Endpoint::of_path(path), Some(endpoint), "{path}");
            let slashed = format!("{path}/");
            assert_eq!(Endpoint::of_path(&slashed), Some(endpoint), "{slashed}");
        }
    }

    #[test]
    fn reads_percent_encoded_paths() {
        assert_eq!(Endpoint::of_path("/api/v1/%66lags/"), Some(Endpoint::Flags));
        assert_eq!(Endpoint::of_path("/api/v1/%ff"), None);
        assert_eq!(Endpoint::of_path("/api/v1/flags%"), None);
    }

    #[test]
    fn knows_no_other_path() {
        for path in [
            "",
            "/",
            "//",
            "*",
            "/api/v1/flags//",
            "/api/v1/Flags/",
            "/api/v1/",
            "/health/x",
            "/api/v2/flags/",
        ] {
            assert_eq!(Endpoint::of_path(path), None, "{path}");
        }
    }

    #[test]
    fn offers_the_methods_it_says_it_allows() {
        let methods = [
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
            Method::OPTIONS,
        ];
        for endpoint in [
            Endpoint::Flags,
            Endpoint::Identities,
            Endpoint::Document,
            Endpoint::Health,
            Endpoint::Liveness,
        ] {
            let allowed: Vec<&str> = endpoint.methods().split(", ").collect();
            for method in &methods {
                assert_eq!(
                    endpoint.act(method).is_some(),
                    allowed.contains(&method.as_str()),
                    "{method} {endpoint:?}"
                );
            }
        }
    }
}
