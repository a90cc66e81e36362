//! What a client says of itself, by which upstream tells clients apart.

use actix_http::header::{HeaderMap, HeaderName, USER_AGENT};
use journal::Labels;

static SDK_USER_AGENT: HeaderName = HeaderName::from_static("flagsmith-sdk-user-agent");
static APPLICATION_NAME: HeaderName = HeaderName::from_static("flagsmith-application-name");
static APPLICATION_VERSION: HeaderName = HeaderName::from_static("flagsmith-application-version");

/// A longer label is left out: labels are names and versions.
const LONGEST: usize = 200;
/// How the `User-Agent` of an SDK begins. Upstream knows no others, and those of browsers are countless.
const SDK: &str = "flagsmith-";

/// The labels of a request.
pub(super) fn labels(headers: &HeaderMap) -> Labels<'_> {
    let label = |name: &HeaderName| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value
            .filter(|value| value.len() <= LONGEST)
            .unwrap_or_default()
    };
    let user_agent = label(&USER_AGENT);
    Labels {
        user_agent: if user_agent.starts_with(SDK) {
            user_agent
        } else {
            ""
        },
        sdk_user_agent: label(&SDK_USER_AGENT),
        application_name: label(&APPLICATION_NAME),
        application_version: label(&APPLICATION_VERSION),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_http::header::HeaderValue;

    #[test]
    fn labels_are_those_that_upstream_knows() {
        let mut headers = HeaderMap::new();
        let mut set = |name: &HeaderName, value: &str| {
            headers.insert(name.clone(), HeaderValue::from_str(value).expect("a value"));
        };
        set(&USER_AGENT, "Mozilla/5.0");
        set(&SDK_USER_AGENT, "flagsmith-js-sdk/12.1.0");
        set(&APPLICATION_NAME, &"x".repeat(201));
        let found = labels(&headers);
        assert_eq!((found.user_agent, found.application_name), ("", ""));
        assert_eq!(found.sdk_user_agent, "flagsmith-js-sdk/12.1.0");
        headers.insert(
            USER_AGENT,
            HeaderValue::from_static("flagsmith-go-sdk/5.2.0"),
        );
        assert_eq!(labels(&headers).user_agent, "flagsmith-go-sdk/5.2.0");
    }
}
