//! The endpoint of a path, and what a method asks of it.

use std::borrow::Cow;

use actix_http::Method;
use percent_encoding::percent_decode_str;

use crate::http::caching::CacheRules;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// All flags of an environment, or the flag of one feature.
    Flags,
    /// The flags of one identity.
    Identities,
    /// The environment document.
    Document,
    /// How often features were evaluated.
    Counts,
    /// The same with more detail.
    Evaluations,
    /// One trait of an identity.
    Trait,
    /// Many traits.
    Traits,
    /// A trait that is increased.
    Increment,
    /// Many identities with their traits.
    BulkIdentities,
    /// An event of an experiment.
    Events,
    /// One flag by OFREP.
    OfrepSingle,
    /// All flags by OFREP.
    OfrepBulk,
    /// A stream that tells of changes.
    Stream,
    /// The same by OFREP.
    OfrepStream,
    /// Word that a document has changed.
    QueueChange,
    /// Whether there are streams.
    StreamHealth,
    /// Readiness: every environment has a document and none is stale.
    Health,
    /// Liveness: this process answers.
    Liveness,
    /// What this server is. Load balancers ask there unless they are told a better path.
    Root,
}

/// The path of all flags of OFREP. That of one of them is below it.
const OFREP_FLAGS: &str = "/ofrep/v1/evaluate/flags";

/// The methods of any endpoint, for `Allow`.
pub(super) const ALL_METHODS: &str = "GET, HEAD, OPTIONS, POST, PUT";

/// What a method asks for. HEAD is answered like GET, without the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Get,
    Post,
    Put,
    /// OPTIONS: which methods there are.
    Options,
}

impl Endpoint {
    /// The endpoint of a path, with or without its trailing slash. Several slashes in a row count as one, because many
    /// clients put a path behind a base URL that ends with a slash.
    ///
    /// Paths may have `base_path` before them. Those without it are served as well, as behind other servers that are
    /// told such a path (`root_path` of uvicorn): whoever asks past the ingress, as a health check does, omits it.
    pub(super) fn of_path(path: &str, base_path: Option<&str>) -> Option<Self> {
        if let Some(endpoint) = Self::of_plain_path(path) {
            return Some(endpoint);
        }
        if !path.contains('%') && !path.contains("//") {
            return Self::below(base_path?, path);
        }
        let mut plain = percent_decode_str(path).decode_utf8().ok()?.into_owned();
        let mut before = ' ';
        plain.retain(|char| std::mem::replace(&mut before, char) != '/' || char != '/');
        Self::of_plain_path(&plain).or_else(|| Self::below(base_path?, &plain))
    }

    fn below(base_path: &str, path: &str) -> Option<Self> {
        let rest = path.strip_prefix(base_path)?;
        let is_whole = rest.is_empty() || rest.starts_with('/');
        is_whole.then(|| Self::of_plain_path(rest)).flatten()
    }

    fn of_plain_path(path: &str) -> Option<Self> {
        match path.strip_suffix('/').unwrap_or(path) {
            "/api/v1/flags" => Some(Self::Flags),
            "/api/v1/identities" => Some(Self::Identities),
            "/api/v1/environment-document" => Some(Self::Document),
            "/api/v1/analytics/flags" => Some(Self::Counts),
            "/api/v2/analytics/flags" => Some(Self::Evaluations),
            "/api/v1/traits" => Some(Self::Trait),
            "/api/v1/traits/bulk" => Some(Self::Traits),
            "/api/v1/traits/increment-value" => Some(Self::Increment),
            "/api/v1/bulk-identities" => Some(Self::BulkIdentities),
            "/v1/events" | "/api/v1/events" => Some(Self::Events),
            OFREP_FLAGS => Some(Self::OfrepBulk),
            "/sse/health" => Some(Self::StreamHealth),
            "/proxy/health" | "/proxy/health/readiness" | "/health" => Some(Self::Health),
            "/proxy/health/liveness" => Some(Self::Liveness),
            "" => Some(Self::Root),
            path if is_ofrep_flag(path) => Some(Self::OfrepSingle),
            path => {
                let (before, rest) = path.split_once("/environments/")?;
                let (key, last) = rest.split_once('/')?;
                match (before, last) {
                    _ if key.is_empty() => None,
                    ("/sse", "stream") => Some(Self::Stream),
                    ("/sse", "queue-change") => Some(Self::QueueChange),
                    ("/ofrep/v1", "stream") => Some(Self::OfrepStream),
                    _ => None,
                }
            }
        }
    }

    /// The key of the flag that a path of [`OfrepSingle`](Self::OfrepSingle) names: all that is behind the endpoint's
    /// own path, decoded, because some clients leave slashes in it as they are. `None` if that is no text.
    pub(super) fn flag_key(path: &str) -> Option<Cow<'_, str>> {
        let (_, key) = path.split_once(OFREP_FLAGS)?;
        let key = key.strip_prefix('/')?;
        let key = key.strip_suffix('/').unwrap_or(key);
        percent_decode_str(key).decode_utf8().ok()
    }

    /// What `method` asks of this endpoint; `None` if it is not allowed.
    pub(super) fn action(self, method: &Method) -> Option<Action> {
        let action = match *method {
            Method::GET | Method::HEAD => Action::Get,
            Method::POST => Action::Post,
            Method::PUT => Action::Put,
            Method::OPTIONS => Action::Options,
            _ => return None,
        };
        let is_allowed = match action {
            Action::Options => true,
            Action::Get => !self.is_report() && !self.is_posted(),
            Action::Post => match self {
                Self::Identities => true,
                Self::Traits => false,
                endpoint => endpoint.is_report() || endpoint.is_posted(),
            },
            Action::Put => self == Self::Traits,
        };
        is_allowed.then_some(action)
    }

    /// What clients send here is a report.
    fn is_report(self) -> bool {
        self.counted() == contract::Endpoint::Reports
    }

    /// What clients ask here they ask by a POST alone.
    fn is_posted(self) -> bool {
        matches!(
            self,
            Self::OfrepSingle | Self::OfrepBulk | Self::QueueChange
        )
    }

    /// The allowed methods, for `Allow`.
    pub(super) fn methods(self) -> &'static str {
        match self {
            Self::Identities => "GET, HEAD, OPTIONS, POST",
            Self::Traits => "OPTIONS, PUT",
            post if post.is_report() || post.is_posted() => "OPTIONS, POST",
            _ => "GET, HEAD, OPTIONS",
        }
    }

    /// The endpoint as which its requests count.
    pub(super) fn counted(self) -> contract::Endpoint {
        match self {
            Self::Flags => contract::Endpoint::Flags,
            Self::Identities => contract::Endpoint::Identities,
            Self::Document => contract::Endpoint::Document,
            Self::Stream | Self::OfrepStream => contract::Endpoint::Streams,
            Self::Health | Self::Liveness | Self::StreamHealth => contract::Endpoint::Health,
            Self::Counts
            | Self::Evaluations
            | Self::Trait
            | Self::Traits
            | Self::Increment
            | Self::BulkIdentities
            | Self::Events => contract::Endpoint::Reports,
            Self::OfrepSingle => contract::Endpoint::OfrepSingle,
            Self::OfrepBulk => contract::Endpoint::OfrepBulk,
            Self::QueueChange | Self::Root => contract::Endpoint::Other,
        }
    }

    /// What caches may do with its answers.
    pub(super) fn cache_rules(self) -> CacheRules {
        match self {
            Self::Flags | Self::Identities => CacheRules::Revalidate,
            Self::Document
            | Self::OfrepSingle
            | Self::OfrepBulk
            | Self::OfrepStream
            | Self::Stream => CacheRules::Nothing,
            _ => CacheRules::Open,
        }
    }
}

/// Whether a path is that of one flag of OFREP.
fn is_ofrep_flag(path: &str) -> bool {
    let key = path.strip_prefix(OFREP_FLAGS);
    key.and_then(|key| key.strip_prefix('/'))
        .is_some_and(|key| !key.is_empty())
}

/// The client-side key in the path of an endpoint that has one: the part before the last.
pub(super) fn environment_key(path: &str) -> String {
    let path = percent_decode_str(path).decode_utf8_lossy();
    let mut parts = path.rsplit('/').filter(|part| !part.is_empty());
    parts.nth(1).unwrap_or_default().to_owned()
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
            ("/api/v1/analytics/flags", Endpoint::Counts),
            ("/api/v2/analytics/flags", Endpoint::Evaluations),
            ("/api/v1/traits", Endpoint::Trait),
            ("/api/v1/traits/bulk", Endpoint::Traits),
            ("/api/v1/traits/increment-value", Endpoint::Increment),
            ("/api/v1/bulk-identities", Endpoint::BulkIdentities),
            ("/v1/events", Endpoint::Events),
            ("/api/v1/events", Endpoint::Events),
            ("/ofrep/v1/evaluate/flags", Endpoint::OfrepBulk),
            ("/ofrep/v1/evaluate/flags/a", Endpoint::OfrepSingle),
            ("/ofrep/v1/evaluate/flags/a/b%20c", Endpoint::OfrepSingle),
            ("/proxy/health", Endpoint::Health),
            ("/proxy/health/readiness", Endpoint::Health),
            ("/health", Endpoint::Health),
            ("/proxy/health/liveness", Endpoint::Liveness),
            ("/sse/environments/key/stream", Endpoint::Stream),
            ("/ofrep/v1/environments/key/stream", Endpoint::OfrepStream),
            ("/sse/environments/key/queue-change", Endpoint::QueueChange),
            ("/sse/health", Endpoint::StreamHealth),
            ("", Endpoint::Root),
        ] {
            assert_eq!(Endpoint::of_path(path, None), Some(endpoint), "{path}");
            let slashed = format!("{path}/");
            assert_eq!(
                Endpoint::of_path(&slashed, None),
                Some(endpoint),
                "{slashed}"
            );
        }
    }

    #[test]
    fn reads_percent_encoded_paths() {
        assert_eq!(
            Endpoint::of_path("/api/v1/%66lags/", None),
            Some(Endpoint::Flags)
        );
        assert_eq!(
            Endpoint::of_path("/%2fapi/v1/flags", None),
            Some(Endpoint::Flags)
        );
        assert_eq!(Endpoint::of_path("/api/v1/%ff", None), None);
        assert_eq!(Endpoint::of_path("/api/v1/flags%", None), None);
    }

    #[test]
    fn the_key_of_a_flag_is_all_that_is_behind_the_path() {
        for (key, expected) in [
            ("/a", Some("a")),
            ("/a/", Some("a")),
            ("/a%2F/", Some("a/")),
            ("/a/b%20c", Some("a/b c")),
            ("/%C3%A9+", Some("é+")),
            ("/%ff", None),
        ] {
            for before in ["", "/base", "//"] {
                let path = format!("{before}{OFREP_FLAGS}{key}");
                assert_eq!(Endpoint::flag_key(&path).as_deref(), expected, "{path}");
            }
        }
    }

    #[test]
    fn several_slashes_count_as_one() {
        for path in ["//api/v1/flags/", "/api//v1///flags", "/api/v1/flags//"] {
            assert_eq!(
                Endpoint::of_path(path, None),
                Some(Endpoint::Flags),
                "{path}"
            );
        }
    }

    #[test]
    fn a_base_path_may_stand_before_every_path() {
        let of_path = |path| Endpoint::of_path(path, Some("/flags/edge"));
        for (path, endpoint) in [
            ("/flags/edge/api/v1/flags/", Some(Endpoint::Flags)),
            ("//flags//edge/api/v1/flags", Some(Endpoint::Flags)),
            ("/flags/%65dge/api/v1/flags", Some(Endpoint::Flags)),
            ("/flags/edge", Some(Endpoint::Root)),
            ("/flags/edge/", Some(Endpoint::Root)),
            ("/api/v1/flags/", Some(Endpoint::Flags)),
            ("/health", Some(Endpoint::Health)),
            ("/flags/edgeapi/v1/flags/", None),
            ("/flags/edge/flags/edge/health", None),
            ("/flags", None),
            ("/edge/api/v1/flags", None),
        ] {
            assert_eq!(of_path(path), endpoint, "{path}");
        }
    }

    #[test]
    fn no_other_path_is_an_endpoint() {
        for path in [
            "*",
            "/api/v1/fla/gs",
            "api/v1/flags/",
            "/api/v1/Flags/",
            "/api/v1/",
            "/health/x",
            "/api/v2/flags/",
            "/sse/environments/key",
            "/sse/environments//stream",
            "/sse/environments/stream",
            "/sse/environments/key/stream/x",
        ] {
            assert_eq!(Endpoint::of_path(path, None), None, "{path}");
        }
    }

    #[test]
    fn a_path_may_have_a_key_in_it() {
        for path in [
            "/sse/environments/AbC-1/stream",
            "/base//sse/environments/AbC%2D1/stream/",
        ] {
            assert_eq!(environment_key(path), "AbC-1", "{path}");
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
            Endpoint::Counts,
            Endpoint::Evaluations,
            Endpoint::Trait,
            Endpoint::Traits,
            Endpoint::Increment,
            Endpoint::BulkIdentities,
            Endpoint::Events,
            Endpoint::OfrepSingle,
            Endpoint::OfrepBulk,
            Endpoint::OfrepStream,
            Endpoint::Health,
            Endpoint::Liveness,
            Endpoint::Root,
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
