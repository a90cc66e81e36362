//! All flags of an environment, or the flag of one feature: constants, rendered when the document was compiled.

use actix_http::RequestHead;

use super::query;
use crate::environments::Environments;
use crate::environments::usage::Resource;
use crate::http::environment_key::environment_key;
use crate::http::refusal::Refusal;
use crate::http::response::{self, Response};

/// Answers `GET /api/v1/flags/`.
pub(super) fn answer(environments: &Environments, head: &RequestHead) -> Result<Response, Refusal> {
    let (environment, side) = environments.index().open(environment_key(head)?)?;
    environment.count(Resource::Flags);
    let updated_at = environment.updated_at();
    let Some(feature) = query::feature(head) else {
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
