//! Which redirects are followed: a few, and only to where the key may go.

use reqwest::Url;
use reqwest::redirect::{Action, Attempt};

use super::MOST_REDIRECTS;

#[derive(Debug, thiserror::Error)]
pub(super) enum RedirectRefused {
    #[error("redirected to another origin: {0}")]
    CrossOrigin(String),
    #[error("redirected too often")]
    TooMany,
}

pub(super) fn within_origin(attempt: Attempt<'_>) -> Action {
    let asked = attempt.previous().first().map(Url::origin);
    let target = attempt.url().origin();
    if asked.as_ref() != Some(&target) {
        attempt.error(RedirectRefused::CrossOrigin(target.ascii_serialization()))
    } else if attempt.previous().len() > MOST_REDIRECTS {
        attempt.error(RedirectRefused::TooMany)
    } else {
        attempt.follow()
    }
}
