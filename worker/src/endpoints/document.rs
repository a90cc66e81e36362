//! The environment document, as upstream sent it, for server-side keys alone. Knows nothing of what it says.

use actix_http::RequestHead;
use engine::Side;

use crate::environments::Current;
use crate::http::refusal::Refusal;
use crate::http::response::{self, Response};

/// Answers `GET /api/v1/environment-document/`.
pub(crate) fn answer(current: &Current, head: &RequestHead) -> Result<Response, Refusal> {
    let generation = current.generation();
    let (held, side) = generation.open(head)?;
    match side {
        // It has every segment and override, and the values of server-key-only features.
        Side::Client => Err(Refusal::ClientSideKey),
        Side::Server => Ok(response::kept(head, held.document(), held.updated_at())),
    }
}
