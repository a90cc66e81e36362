//! Settings that decide how old flags may get, and when the proxy says so.

use std::time::Duration;

use super::finding::Finding;
use crate::poll::ConditionalFetch;
use crate::settings::Settings;
use crate::source::Source;
use crate::words::Seconds;

const FRESHNESS: &str = "settings.freshness";
const STALENESS: &str = "settings.staleness";

pub(super) fn check(settings: &Settings) -> Vec<Finding> {
    match &settings.source {
        Source::Upstream(upstream) => {
            vec![
                freshness(settings),
                staleness(settings, upstream.poll_timeout),
            ]
        }
        Source::Files(_) => Vec::new(),
    }
}

fn freshness(settings: &Settings) -> Finding {
    let every = Seconds(settings.api_poll_frequency);
    let rules = settings.fetch_rules;
    match (rules.conditional_fetch, rules.whole_fetch) {
        (ConditionalFetch::Always, _) => Finding::warning(
            FRESHNESS,
            format!(
                "documents are asked for every {every}, and any 304 is believed: a self-hosted API answers 304 for \
                 edited documents as long as its cache holds the old date (ENVIRONMENT_CACHE_SECONDS, 60 s by default)"
            ),
            "set api_conditional_fetch to auto",
        ),
        (ConditionalFetch::Auto, None) => Finding::warning(
            FRESHNESS,
            format!(
                "documents are asked for every {every}, and are never fetched whole without need: changes that move no \
                 date, such as a scheduled one that goes live, are not seen until the next edit"
            ),
            "set api_whole_fetch_seconds to 60",
        ),
        (ConditionalFetch::Auto, Some(limit)) => Finding::ok(
            FRESHNESS,
            format!(
                "an edit is seen within {every} or, where upstream's cache hides it, within {}",
                Seconds(limit.max(settings.api_poll_frequency))
            ),
        ),
        (ConditionalFetch::Never, _) => Finding::ok(
            FRESHNESS,
            format!("an edit is seen within {every}: every fetch is whole"),
        ),
    }
}

fn staleness(settings: &Settings, timeout: Duration) -> Finding {
    let Some(limit) = settings.readiness(settings.environments.len()).stale_after else {
        return Finding::warning(
            STALENESS,
            "readiness never fails for old documents",
            "watch the age of documents, or set health_check.environment_update_grace_period_seconds",
        );
    };
    // One poll, varied by a tenth, and one fetch that takes as long as upstream may be silent.
    let needed = settings
        .api_poll_frequency
        .mul_f64(1.1)
        .saturating_add(timeout);
    if limit < needed {
        return Finding::warning(
            STALENESS,
            format!(
                "documents are stale after {}, and a slow fetch may take {}: readiness may fail without need",
                Seconds(limit),
                Seconds(needed)
            ),
            "raise health_check.environment_update_grace_period_seconds",
        );
    }
    Finding::ok(
        STALENESS,
        format!(
            "readiness fails when a document is older than {}",
            Seconds(limit)
        ),
    )
}
