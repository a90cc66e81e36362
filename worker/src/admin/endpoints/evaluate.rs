//! Which flags an identity gets, and why: `docs/explain.md` has the question and the answer.

use actix_http::RequestHead;
use contract::key::{is_server_side, masked};
use engine::explain::{ExplainError, Question, explain};
use engine::{ArchivedEnvironment, BodyKind, Side, read_identity};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

use super::Work;
use crate::admin::Admin;
use crate::environments::CurrentIndex;
use crate::http::content_type::{body_kind, refuse_compressed};
use crate::http::refusal::Refusal;

/// The body of a request.
#[derive(Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "an object with the member `environment`"
)]
struct Body<'b> {
    environment: Name,
    #[serde(default)]
    side: KindOfKey,
    #[serde(borrow)]
    identifier: Option<&'b RawValue>,
    #[serde(borrow)]
    traits: Option<&'b RawValue>,
    /// SDKs send it. No flag depends on it.
    #[serde(rename = "transient")]
    _transient: Option<bool>,
    feature: Option<String>,
}

/// What names an environment.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "`environment` is neither a client-side key nor an id"
)]
enum Name {
    /// Its row, which the status page shows.
    Row(usize),
    ClientSideKey(String),
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum KindOfKey {
    #[default]
    Client,
    Server,
}

/// Reads the question. To answer it, the whole document is read again, which is why another thread does so.
pub(super) fn prepare(admin: &Admin, head: &RequestHead, body: &[u8]) -> Result<Work, Refusal> {
    refuse_compressed(&head.headers)?;
    // A page of another origin may send other types without asking.
    if body_kind(&head.headers) == BodyKind::Other {
        return Err(bad("Content-Type is not application/json"));
    }
    let body: Body<'_> = serde_json::from_slice(body).map_err(bad)?;
    let map = {
        let index = admin.environments.index();
        let row = row(&index, &body.environment)?;
        index.open_row(row).ok_or(Refusal::NoDocument)?.map()
    };
    let identity = identity_body(&body)?;
    // What is wrong with it is said at once.
    if let Some(identity) = &identity {
        read_identity(identity.as_bytes(), BodyKind::Json)?;
    }
    let side = match body.side {
        KindOfKey::Client => Side::Client,
        KindOfKey::Server => Side::Server,
    };
    let feature = body.feature;
    Ok(Box::new(move || {
        explained(&map, side, identity.as_deref(), feature.as_deref())
    }))
}

/// The body of the answer.
fn explained(
    environment: &ArchivedEnvironment,
    side: Side,
    identity: Option<&str>,
    feature: Option<&str>,
) -> Result<Vec<u8>, Refusal> {
    let identity = identity.map(|body| read_identity(body.as_bytes(), BodyKind::Json));
    let question = Question {
        side,
        identity: identity.transpose()?,
        feature,
    };
    let explanation = explain(environment, question).map_err(|error| match error {
        ExplainError::UnknownFeature(feature) => Refusal::UnknownFeature(feature),
        other => Refusal::Unexplained(other.to_string()),
    })?;
    serde_json::to_vec(&explanation).map_err(|error| Refusal::Unexplained(error.to_string()))
}

fn bad(what: impl ToString) -> Refusal {
    Refusal::BadQuestion(what.to_string())
}

fn row(index: &CurrentIndex, name: &Name) -> Result<usize, Refusal> {
    let (row, shown) = match name {
        Name::Row(row) => (Some(*row), row.to_string()),
        Name::ClientSideKey(key) if is_server_side(key.as_bytes()) => {
            let problem = "`environment` is a server-side key; name it by its client-side key";
            return Err(bad(problem));
        }
        Name::ClientSideKey(key) => (index.row(key), masked(key)),
    };
    let row = row.filter(|row| index.lists(*row));
    row.ok_or(Refusal::UnknownEnvironment(shown))
}

/// The body of an identities request that asks the same; `None` if no identity is asked for.
fn identity_body(body: &Body<'_>) -> Result<Option<String>, Refusal> {
    if body.identifier.is_none() && body.traits.is_none() {
        return Ok(None);
    }
    let identifier = body.identifier.map_or("null", RawValue::get);
    let traits = match body.traits.map_or("[]", RawValue::get) {
        object if object.starts_with('{') => {
            let traits: BTreeMap<String, &RawValue> = serde_json::from_str(object).map_err(bad)?;
            let traits = traits.iter().map(|(key, value)| {
                let key = serde_json::Value::from(key.as_str());
                format!(r#"{{"trait_key":{key},"trait_value":{value}}}"#)
            });
            format!("[{}]", traits.collect::<Vec<_>>().join(","))
        }
        list => list.to_owned(),
    };
    Ok(Some(format!(
        r#"{{"identifier":{identifier},"traits":{traits}}}"#
    )))
}
