//! The endpoint of a path, and what a method asks of it.

use actix_http::Method;
use percent_encoding::percent_decode_str;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// All flags of an environment, or the flag of one feature.
    Flags,
    /// The flags of one identity.
    Identities,
    /// The environment document.
    Document,
    /// Readiness: every environment has a document and none is stale.
    Health,
    /// Liveness: this process answers.
    Liveness,
}

/// What a method asks for. HEAD is answered like GET, without the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Get,
    Post,
}

impl Endpoint {
    /// The endpoint of a path, with or without its trailing slash.
    pub(super) fn of_path(path: &str) -> Option<Self> {
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

    /// What `method` asks of this endpoint; `None` if it is not allowed.
    pub(super) fn action(self, method: &Method) -> Option<Action> {
        match *method {
            Method::GET | Method::HEAD => Some(Action::Get),
            Method::POST if self == Self::Identities => Some(Action::Post),
            _ => None,
        }
    }

    /// The allowed methods, for `Allow`.
    pub(super) fn methods(self) -> &'static str {
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
    fn no_other_path_is_an_endpoint() {
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
    fn every_endpoint_has_the_methods_that_it_says_it_allows() {
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
                    endpoint.action(method).is_some(),
                    allowed.contains(&method.as_str()),
                    "{method} {endpoint:?}"
                );
            }
        }
    }
}
