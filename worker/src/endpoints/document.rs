//! The environment document as upstream sent it, for server-side keys alone.

use actix_http::RequestHead;
use engine::Side;

use crate::environments::Environments;
use crate::environments::usage::Resource;
use crate::http::environment_key::environment_key;
use crate::http::refusal::Refusal;
use crate::http::response::{self, Response};

/// Answers `GET /api/v1/environment-document/`.
pub(super) fn answer(environments: &Environments, head: &RequestHead) -> Result<Response, Refusal> {
    let (environment, side) = environments.index().open(environment_key(head)?)?;
    match side {
        // The document contains all segments and overrides, and the values of server-key-only features.
        Side::Client => Err(Refusal::ClientSideKey),
        Side::Server => {
            environment.count(Resource::Document);
            let (document, updated_at) = (environment.document(), environment.updated_at());
            Ok(response::constant(head, document, updated_at))
        }
    }
}
