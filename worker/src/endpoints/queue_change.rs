//! Flagsmith's word that a document has changed, which the supervisor fetches then. What the request says of the change
//! does not matter: upstream is asked.

use actix_http::RequestHead;
use contract::{BoardWords, Token, knock};

use super::route;
use crate::environments::Environments;
use crate::http::authorization::{self, Scheme};
use crate::http::refusal::Refusal;
use crate::http::response::{self, Response};

/// Answers `POST /sse/environments/<key>/queue-change`.
pub(super) fn answer(
    environments: &Environments,
    token: Option<&Token>,
    head: &RequestHead,
) -> Result<Response, Refusal> {
    let token = token.ok_or(Refusal::NotFound)?;
    authorization::require(token, Scheme::Token, &head.headers)?;
    let key = route::environment_key(head.uri.path());
    let row = environments.index().row(&key);
    let row = row.ok_or_else(|| Refusal::unknown_key(key.as_bytes()))?;
    environments.board().environment(row).want_fetch();
    knock();
    Ok(response::accepted())
}
