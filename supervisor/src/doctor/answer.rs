//! What upstream answers to the first key: whether it is the API at all, and what time it thinks it is.

use std::time::{Duration, SystemTime};

use contract::{KeyPair, with_causes};
use reqwest::StatusCode;

use super::certificates;
use super::finding::{Finding, Status};
use crate::source::upstream::{Credential, FetchError, Probe, Upstream, UpstreamSettings, Witness};
use crate::words::Seconds;

pub(super) const ANSWER: &str = "upstream.answer";
const CLOCK: &str = "upstream.clock";
/// `Date` has whole seconds, and the answer took its time.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(5);

/// Whether one can get further.
pub(super) async fn check(
    settings: &UpstreamSettings,
    environments: &[KeyPair],
    findings: &mut Vec<Finding>,
) -> bool {
    let witness = Witness::default();
    let client = Upstream::witnessed(settings, Some(witness.clone()));
    let credential = environments.first().map(Credential::of).transpose();
    let (client, credential) = match (client, credential) {
        (Ok(client), Ok(Some(credential))) => (client, credential),
        (Err(error), _) | (_, Err(error)) => {
            let words = with_causes(&error);
            findings.push(Finding::failed(ANSWER, words, "mend that first"));
            return false;
        }
        (_, Ok(None)) => return false,
    };
    let probe = client.probe(&credential).await;
    if settings.api_url.is_encrypted() {
        let handshake = certificates::handshake(
            witness.presented().as_ref(),
            probe.as_ref().err(),
            &settings.way,
        );
        let has_failed = handshake.status == Status::Failed;
        findings.push(handshake);
        if has_failed {
            return false;
        }
    }
    let probe = match probe {
        Ok(probe) => probe,
        Err(error) => {
            findings.push(Finding::failed(ANSWER, error.to_string(), advice(&error)));
            return false;
        }
    };
    let finding = judged(&probe);
    let is_api = finding.status != Status::Failed;
    findings.push(finding);
    if let Some(date) = probe.date {
        findings.push(clock(date, SystemTime::now()));
    }
    is_api
}

fn advice(error: &FetchError) -> &'static str {
    match error {
        FetchError::CrossOrigin(_) => {
            "set api_url to where upstream redirects to, if that is an API of yours"
        }
        FetchError::TooManyRedirects => "set api_url to where the redirects should end",
        FetchError::Silent(_) | FetchError::TooSlow(_) => {
            "raise api_poll_timeout_seconds, or find out why upstream is slow"
        }
        _ => "check the port and the scheme of api_url, and what is in the way",
    }
}

/// Whether an answer is one of the API.
fn judged(probe: &Probe) -> Finding {
    let status = probe.status;
    let code = status.as_u16();
    let start = probe.start.trim_ascii_start();
    let is_json = start.starts_with(b"{");
    let content_type = probe.content_type.as_deref().unwrap_or_default();
    let is_page = start.starts_with(b"<") || content_type.contains("html");
    let answers = format!("upstream answers in {} ms", probe.elapsed.as_millis());
    let failed = |words: String, advice: &str| Finding::failed(ANSWER, words, advice);
    match status {
        StatusCode::OK if is_json => Finding::ok(ANSWER, answers),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if is_json => {
            Finding::ok(ANSWER, format!("{answers}, and refuses the first key"))
        }
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => failed(
            format!("the proxy on the way answers {code}: it asks for a user name and a password"),
            "put them into its URL: http://user:password@host:port",
        ),
        StatusCode::TOO_MANY_REQUESTS => failed(
            format!("upstream answers {code}: too many requests"),
            "raise api_poll_frequency_seconds, and count who else polls",
        ),
        _ if status.is_server_error() => failed(
            format!("upstream answers {code}: it, or a load balancer before it, is not well"),
            "look at the logs of the API; the proxy goes on trying, and serves what it has",
        ),
        _ if is_page => failed(
            format!("upstream answers {code} with a web page, not with JSON"),
            "set api_url to the API, not to the dashboard or a login page: it ends in /api/v1",
        ),
        StatusCode::NOT_FOUND => failed(
            format!("upstream answers {code}: no environment documents at this address"),
            "check the path of api_url: it ends in /api/v1",
        ),
        _ => failed(
            format!("upstream answers {code}, and not with a document"),
            "check api_url, and gateways that stand before the API",
        ),
    }
}

fn clock(upstream: SystemTime, now: SystemTime) -> Finding {
    let (difference, direction) = match now.duration_since(upstream) {
        Ok(ahead) => (ahead, "ahead of"),
        Err(behind) => (behind.duration(), "behind"),
    };
    if difference <= CLOCK_TOLERANCE {
        return Finding::ok(CLOCK, "the clocks of this machine and of upstream agree");
    }
    Finding::warning(
        CLOCK,
        format!(
            "the clock of this machine is {} {direction} that of upstream",
            Seconds(difference)
        ),
        "let both follow a time server (NTP): ages of documents and validity of certificates depend on it",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(status: u16, content_type: &str, start: &str) -> Probe {
        Probe {
            status: StatusCode::from_u16(status).unwrap(),
            content_type: Some(content_type.to_owned()),
            date: None,
            elapsed: Duration::from_millis(120),
            start: start.into(),
        }
    }

    #[test]
    fn answers_of_no_api_are_told_apart() {
        for (status, content_type, start, expected) in [
            (200, "application/json", " {}", "answers in 120 ms"),
            (403, "application/json", "{}", "refuses the first key"),
            (200, "text/html", "", "web page"),
            (200, "", "<!DOCTYPE html>", "web page"),
            (404, "text/html", "<html>", "web page"),
            (404, "application/json", "{}", "no environment documents"),
            (403, "text/plain", "blocked", "not with a document"),
            (407, "text/html", "<html>", "asks for a user name"),
            (429, "application/json", "{}", "too many requests"),
            (502, "text/html", "<html>", "is not well"),
            (200, "application/json", "[]", "not with a document"),
        ] {
            let words = judged(&probe(status, content_type, start)).words;
            assert!(words.contains(expected), "{status} {start}: {words}");
        }
    }

    #[test]
    fn clocks_that_differ_are_told() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_768_473_000);
        let words = |other| clock(other, now).words;
        assert!(words(now - Duration::from_secs(5)).contains("agree"));
        assert!(words(now - Duration::from_secs(60)).contains("60 s ahead of"));
        assert!(words(now + Duration::from_secs(3600)).contains("3600 s behind"));
    }
}
