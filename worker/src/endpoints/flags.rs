//! Every flag of an environment, or one by its feature: constants of the document, chosen and handed over. Knows
//! nothing of how a flag comes about.

use std::borrow::Cow;

use actix_http::RequestHead;

use crate::environments::Current;
use crate::http::refusal::Refusal;
use crate::http::response::{self, Response};

/// Answers `GET /api/v1/flags/`.
pub(crate) fn answer(current: &Current, head: &RequestHead) -> Result<Response, Refusal> {
    let generation = current.generation();
    let (held, side) = generation.open(head)?;
    let Some(feature) = head.uri.query().and_then(feature) else {
        return Ok(response::kept(head, held.flags(side), held.updated_at()));
    };
    let Some(flag) = held.flag(side, &feature) else {
        return Err(Refusal::UnknownFeature(feature.into_owned()));
    };
    Ok(response::kept(head, &flag, held.updated_at()))
}

/// The feature that a query names: the last one if several, none if that is empty.
fn feature(query: &str) -> Option<Cow<'_, str>> {
    form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| name == "feature")
        .last()
        .map(|(_, feature)| feature)
        .filter(|feature| !feature.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_last_feature_of_a_query() {
        for (query, expected) in [
            ("feature=a", Some("a")),
            ("feature=a&feature=b", Some("b")),
            ("x=1&feature=a+b%20c%C3%A9&y", Some("a b cé")),
            ("feature=", None),
            ("feature", None),
            ("feature=a&feature=", None),
            ("Feature=a", None),
            ("", None),
        ] {
            assert_eq!(feature(query).as_deref(), expected, "{query}");
        }
    }
}
