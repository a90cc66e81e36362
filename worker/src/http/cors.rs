//! Cross-origin requests (CORS): the preflight request of a browser, and the headers without which it does not let a
//! page read an answer.

use actix_http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HeaderValue, ORIGIN, VARY,
};
use actix_http::{Method, RequestHead};

use super::refusal::Refusal;
use super::response::{self, Response};

static TRUE: HeaderValue = HeaderValue::from_static("true");
static MAX_AGE: HeaderValue = HeaderValue::from_static("600");
static METHODS: HeaderValue =
    HeaderValue::from_static("DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT");
static EXPOSED: HeaderValue =
    HeaderValue::from_static("x-flagsmith-document-updated-at, etag, retry-after");
static VARY_ORIGIN: HeaderValue = HeaderValue::from_static("Origin");

/// Which origins' pages may read answers.
pub(crate) enum Cors {
    Any,
    Listed(Vec<String>),
}

impl Cors {
    pub(crate) fn new(allow_origins: &[String]) -> Self {
        if allow_origins.iter().any(|origin| origin == "*") {
            Self::Any
        } else {
            Self::Listed(allow_origins.to_owned())
        }
    }

    /// The answer to a preflight request; `None` for any other request.
    pub(crate) fn preflight(&self, head: &RequestHead) -> Option<Response> {
        if head.method != Method::OPTIONS {
            return None;
        }
        let origin = head.headers.get(ORIGIN)?;
        let method = head.headers.get(ACCESS_CONTROL_REQUEST_METHOD)?;
        let origin_allowed = self.allows(origin);
        let method_allowed = METHODS
            .as_bytes()
            .split(|&byte| byte == b',')
            .any(|allowed| allowed.trim_ascii() == method.as_bytes());
        let mut response = match (origin_allowed, method_allowed) {
            (true, true) => response::text("OK"),
            (true, false) => {
                Refusal::DisallowedCrossOrigin("Disallowed CORS method").into_response()
            }
            (false, true) => {
                Refusal::DisallowedCrossOrigin("Disallowed CORS origin").into_response()
            }
            (false, false) => {
                Refusal::DisallowedCrossOrigin("Disallowed CORS origin, method").into_response()
            }
        };
        let headers = response.headers_mut();
        headers.insert(VARY, VARY_ORIGIN.clone());
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS.clone());
        headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE.clone());
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE.clone());
        if origin_allowed {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        }
        // SDKs and pages add headers of their own, so every header is allowed.
        if let Some(requested) = head.headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, requested.clone());
        }
        Some(response)
    }

    /// Adds the headers for the browser to an answer of any status. The origin is named and not `*`, which browsers
    /// refuse for requests with credentials; whether a request has them cannot be told from its headers.
    pub(crate) fn add_headers(&self, head: &RequestHead, response: &mut Response) {
        let Some(origin) = head.headers.get(ORIGIN) else {
            return;
        };
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE.clone());
        if self.allows(origin) {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED.clone());
        }
    }

    fn allows(&self, origin: &HeaderValue) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(origins) => origins
                .iter()
                .any(|allowed| allowed.as_bytes() == origin.as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_http::header::HeaderName;

    fn head(method: Method, headers: &[(HeaderName, &'static str)]) -> RequestHead {
        let mut head = RequestHead::default();
        head.method = method;
        for (name, value) in headers {
            head.headers
                .insert(name.clone(), HeaderValue::from_static(value));
        }
        head
    }

    fn listed() -> Cors {
        Cors::new(&["https://app.example.com".to_owned()])
    }

    fn with_headers(cors: &Cors, headers: &[(HeaderName, &'static str)]) -> Response {
        let mut response = response::empty();
        cors.add_headers(&head(Method::GET, headers), &mut response);
        response
    }

    fn value(response: &Response, name: &HeaderName) -> Option<String> {
        let value = response.headers().get(name)?;
        Some(value.to_str().expect("text").to_owned())
    }

    #[test]
    fn adds_nothing_to_answers_for_requests_without_an_origin() {
        for cors in [Cors::new(&["*".to_owned()]), listed()] {
            assert!(with_headers(&cors, &[]).headers().is_empty());
        }
    }

    #[test]
    fn any_origin_is_allowed_by_its_name() {
        let cors = Cors::new(&["https://a.example".to_owned(), "*".to_owned()]);
        let answer = with_headers(&cors, &[(ORIGIN, "https://b.example")]);
        assert_eq!(
            value(&answer, &ACCESS_CONTROL_ALLOW_ORIGIN).as_deref(),
            Some("https://b.example")
        );
        assert_eq!(
            value(&answer, &ACCESS_CONTROL_ALLOW_CREDENTIALS).as_deref(),
            Some("true")
        );
        assert_eq!(
            value(&answer, &ACCESS_CONTROL_EXPOSE_HEADERS).as_deref(),
            Some("x-flagsmith-document-updated-at, etag, retry-after")
        );
    }

    #[test]
    fn allows_listed_origins_alone() {
        let listed_origin = with_headers(&listed(), &[(ORIGIN, "https://app.example.com")]);
        assert_eq!(
            value(&listed_origin, &ACCESS_CONTROL_ALLOW_ORIGIN).as_deref(),
            Some("https://app.example.com")
        );
        let other = with_headers(&listed(), &[(ORIGIN, "https://evil.example")]);
        assert_eq!(value(&other, &ACCESS_CONTROL_ALLOW_ORIGIN), None);
    }

    #[test]
    fn a_preflight_request_is_options_with_origin_and_method() {
        let origin = (ORIGIN, "https://app.example.com");
        let method = (ACCESS_CONTROL_REQUEST_METHOD, "GET");
        let is_preflight = |head: &RequestHead| listed().preflight(head).is_some();
        assert!(is_preflight(&head(
            Method::OPTIONS,
            &[origin.clone(), method.clone()]
        )));
        assert!(!is_preflight(&head(
            Method::GET,
            &[origin.clone(), method.clone()]
        )));
        assert!(!is_preflight(&head(Method::OPTIONS, &[origin])));
        assert!(!is_preflight(&head(Method::OPTIONS, &[method])));
    }
}
