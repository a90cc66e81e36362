//! `api_url`: whose API it names, and whether it can be that of an API at all.

use super::finding::Finding;
use crate::source::api_url::ApiUrl;

const ID: &str = "upstream.address";
/// The hosts of Flagsmith's own APIs, and of its dashboard.
const EDGE: &str = "edge.api.flagsmith.com";
const CORE: &str = "api.flagsmith.com";
const DASHBOARDS: [&str; 2] = ["app.flagsmith.com", "flagsmith.com"];
const PATH: &str = "/api/v1";

pub(super) fn check(api_url: &ApiUrl) -> Finding {
    let host = api_url.host();
    let has_path = api_url.path().trim_end_matches('/').ends_with(PATH);
    if DASHBOARDS.contains(&host) {
        return Finding::failed(
            ID,
            format!("{api_url} is Flagsmith's dashboard, not its API"),
            format!("set api_url to https://{EDGE}{PATH}"),
        );
    }
    let is_hosted = [EDGE, CORE].contains(&host);
    if !has_path {
        return Finding::warning(
            ID,
            format!("{api_url} does not end in {PATH}, as the address of a Flagsmith API does"),
            format!("set api_url to {}{PATH}", api_url.origin()),
        );
    }
    if is_hosted && !api_url.is_encrypted() {
        return Finding::failed(
            ID,
            format!("{api_url} would send server-side keys without encryption"),
            format!("set api_url to https://{host}{PATH}"),
        );
    }
    if host == CORE {
        return Finding::warning(
            ID,
            format!("{api_url} is Flagsmith's core API: documents come from one region"),
            format!("set api_url to https://{EDGE}{PATH}, unless Flagsmith told you otherwise"),
        );
    }
    let whose = if is_hosted {
        "Flagsmith's hosted API"
    } else {
        "a self-hosted API"
    };
    Finding::ok(ID, format!("{api_url} is {whose}"))
}

#[cfg(test)]
mod tests {
    use super::super::finding::Status;
    use super::*;

    #[test]
    fn addresses_of_no_api_are_told_apart() {
        for (text, status, word) in [
            (
                "https://edge.api.flagsmith.com/api/v1/",
                Status::Ok,
                "hosted API",
            ),
            (
                "http://flags.example.com:8000/api/v1",
                Status::Ok,
                "self-hosted",
            ),
            (
                "https://flags.example.com/prefix/api/v1",
                Status::Ok,
                "self-hosted",
            ),
            (
                "https://flags.example.com",
                Status::Warning,
                "does not end in /api/v1",
            ),
            (
                "https://edge.api.flagsmith.com/",
                Status::Warning,
                "does not end",
            ),
            (
                "https://api.flagsmith.com/api/v1",
                Status::Warning,
                "core API",
            ),
            (
                "http://edge.api.flagsmith.com/api/v1",
                Status::Failed,
                "without encryption",
            ),
            (
                "https://app.flagsmith.com/api/v1",
                Status::Failed,
                "dashboard",
            ),
        ] {
            let finding = check(&ApiUrl::parse(text).unwrap());
            assert_eq!(finding.status, status, "{text}");
            assert!(finding.words.contains(word), "{}", finding.words);
            assert_eq!(finding.advice.is_some(), status != Status::Ok, "{text}");
        }
    }
}
