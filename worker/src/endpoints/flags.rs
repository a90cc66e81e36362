//! All flags of an environment, or the flag of one feature: constants, rendered when the document was compiled.

use std::borrow::Cow;

use actix_http::RequestHead;

use crate::environments::Environments;
use crate::http::environment_key::environment_key;
use crate::http::refusal::Refusal;
use crate::http::response::{self, Response};

/// Answers `GET /api/v1/flags/`.
pub(super) fn answer(environments: &Environments, head: &RequestHead) -> Result<Response, Refusal> {
    let (environment, side) = environments.index().open(environment_key(head)?)?;
    let updated_at = environment.updated_at();
    let Some(feature) = head.uri.query().and_then(feature) else {
        return Ok(response::constant(
            head,
            environment.flags(side),
            updated_at,
        ));
    };
    let Some(flag) = environment.flag(side, &feature) else {
        return Err(Refusal::UnknownFeature(feature.into_owned()));
    };
    Ok(response::constant(head, &flag, updated_at))
}

/// The feature that a query names: the last one if there are several, `None` if that is empty.
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
