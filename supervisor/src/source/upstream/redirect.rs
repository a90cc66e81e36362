//! Which redirects are followed: a few, within the origin that may see the key.

use reqwest::Url;
use reqwest::redirect::{Action, Attempt};
use thiserror::Error;

pub(super) const MAX_REDIRECTS: usize = 5;

/// Why a redirect is not followed.
#[derive(Debug, Error)]
pub(super) enum RedirectRefused {
    #[error("redirected to another origin: {0}")]
    CrossOrigin(String),
    #[error("redirected too often")]
    TooMany,
}

/// The policy of the HTTP client.
pub(super) fn within_origin(attempt: Attempt<'_>) -> Action {
    let origin = attempt.previous().first().map(Url::origin);
    let target = attempt.url().origin();
    if origin.as_ref() != Some(&target) {
        attempt.error(RedirectRefused::CrossOrigin(target.ascii_serialization()))
    } else if attempt.previous().len() > MAX_REDIRECTS {
        attempt.error(RedirectRefused::TooMany)
    } else {
        attempt.follow()
    }
}
