//! Sending one delivery to upstream.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT};
use reqwest::{Client, Method, StatusCode, Url};

use super::delivery::{Delivery, Destination};
use crate::source::api_url::ApiUrl;
use crate::source::upstream::{
    Error, PROXY_KEY, UpstreamSettings, client_builder, innermost, proxy_key,
};

/// The longest answer that is read, in bytes. It is not looked at.
const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// Connections are used again within a burst; later, upstream may have closed them.
const KEPT: Duration = Duration::from_secs(1);

const ENVIRONMENT_KEY: HeaderName = HeaderName::from_static("x-environment-key");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const SDK_USER_AGENT: HeaderName = HeaderName::from_static("flagsmith-sdk-user-agent");
const APPLICATION_NAME: HeaderName = HeaderName::from_static("flagsmith-application-name");
const APPLICATION_VERSION: HeaderName = HeaderName::from_static("flagsmith-application-version");

/// The API and the events host.
pub(super) struct Upstream {
    api: Client,
    api_url: ApiUrl,
    events: Option<(Client, Url)>,
    /// Secret: whose usage is reported.
    proxy_key: Option<HeaderValue>,
}

/// What became of a delivery.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Upstream has it.
    Taken,
    /// Upstream will never take it.
    Refused(String),
    /// It is to be sent again.
    Failed(Failure),
}

/// Why a delivery is to be sent again.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) reason: String,
    /// The wait that upstream asks for.
    pub(super) retry_after: Option<Duration>,
    /// The answer was 500, which may be this delivery's fault.
    pub(super) is_500: bool,
}

impl Failure {
    pub(super) fn of(reason: String) -> Self {
        Self {
            reason,
            retry_after: None,
            is_500: false,
        }
    }
}

impl Upstream {
    pub(super) fn new(
        settings: &UpstreamSettings,
        events: Option<&UpstreamSettings>,
    ) -> Result<Self, Error> {
        let client = |settings: &UpstreamSettings| {
            client_builder(settings, None)?()
                .pool_idle_timeout(KEPT)
                .timeout(settings.poll_timeout)
                .build()
                .map_err(Error::Client)
        };
        let events = events
            .map(|events| Ok::<_, Error>((client(events)?, events_endpoint(&events.api_url))))
            .transpose()?;
        Ok(Self {
            api: client(settings)?,
            api_url: settings.api_url.clone(),
            proxy_key: settings.proxy_key.as_ref().and_then(proxy_key),
            events,
        })
    }

    /// Sends a delivery and waits for the end of the answer.
    pub(super) async fn send(&self, delivery: &Delivery) -> Outcome {
        let environment = HeaderValue::from_str(&delivery.environment).ok();
        let mut key = environment.map(|environment| (ENVIRONMENT_KEY, environment));
        let (client, method, url) = match delivery.destination {
            Destination::Usage => {
                let Some(proxy_key) = &self.proxy_key else {
                    return Outcome::Refused("proxy_key is not set any more".to_owned());
                };
                key = Some((PROXY_KEY, proxy_key.clone()));
                (&self.api, Method::POST, self.api_url.below("proxy/usage/"))
            }
            Destination::Events => match &self.events {
                Some((client, url)) => (client, Method::POST, url.clone()),
                None => return Outcome::Refused("events_url is not set any more".to_owned()),
            },
            Destination::Counts => (
                &self.api,
                Method::POST,
                self.api_url.below("analytics/flags/"),
            ),
            Destination::Evaluations => {
                let url = self.api_url.of_version("v2").below("analytics/flags/");
                (&self.api, Method::POST, url)
            }
            Destination::Traits => (&self.api, Method::PUT, self.api_url.below("traits/bulk/")),
            Destination::Increment => {
                let url = self.api_url.below("traits/increment-value/");
                (&self.api, Method::POST, url)
            }
        };
        let headers = &delivery.headers;
        let Some((name, key)) = key else {
            return Outcome::Refused("no request can carry the key".to_owned());
        };
        let mut request = client
            .request(method, url)
            .header(name, key)
            .header(IDEMPOTENCY_KEY, &delivery.key)
            .body(delivery.body.clone());
        for (name, value) in [
            (CONTENT_TYPE, &headers.content_type),
            (USER_AGENT, &headers.user_agent),
            (SDK_USER_AGENT, &headers.sdk_user_agent),
            (APPLICATION_NAME, &headers.application_name),
            (APPLICATION_VERSION, &headers.application_version),
        ] {
            if let Some(value) = HeaderValue::from_str(value)
                .ok()
                .filter(|value| !value.is_empty())
            {
                request = request.header(name, value);
            }
        }
        match request.send().await {
            Ok(response) => answered(response).await,
            Err(error) => failed(&error),
        }
    }
}

async fn answered(mut response: reqwest::Response) -> Outcome {
    let status = response.status();
    let retry_after = response.headers().get(RETRY_AFTER);
    let retry_after = retry_after.and_then(|value| value.to_str().ok()?.trim().parse().ok());
    // An answer that breaks off may be that of a server that dies before it has stored anything.
    let mut length = 0;
    loop {
        match response.chunk().await {
            Ok(Some(piece)) if length < MAX_ANSWER_BYTES => length += piece.len(),
            Ok(_) => break,
            Err(error) => return failed(&error),
        }
    }
    let is_temporary =
        status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::REQUEST_TIMEOUT;
    if status.is_success() {
        Outcome::Taken
    } else if status.is_client_error() && !is_temporary {
        Outcome::Refused(format!("upstream answered {}", status.as_u16()))
    } else {
        Outcome::Failed(Failure {
            reason: format!("upstream answered {}", status.as_u16()),
            retry_after: retry_after.map(Duration::from_secs),
            is_500: status == StatusCode::INTERNAL_SERVER_ERROR,
        })
    }
}

fn failed(error: &reqwest::Error) -> Outcome {
    Outcome::Failed(Failure::of(match error.is_timeout() {
        true => "upstream did not answer in time".to_owned(),
        false => innermost(error),
    }))
}

/// `events_url` may be the host, its `v1` or the endpoint itself.
fn events_endpoint(events_url: &ApiUrl) -> Url {
    let url = events_url.below("");
    let path = url.path().trim_end_matches('/');
    let missing = match path.rsplit('/').next() {
        Some("events") => "",
        Some("v1") => "events",
        _ => "v1/events",
    };
    events_url.below(missing)
}
