//! OFREP: flags for providers of OpenFeature, in any language.

mod fault;
mod newer;

use std::cell::RefCell;
use std::rc::Rc;

use actix_http::RequestHead;
use actix_http::header::{HeaderMap, HeaderValue, IF_NONE_MATCH};
use actix_web::web::Bytes;
use contract::OfrepSettings;
use engine::{ArchivedEnvironment, ContextError, Identity, OfrepFlags, OfrepMemory, Side};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::route::Endpoint;
use crate::environments::mapped::MappedEnvironment;
use crate::environments::usage::Resource;
use crate::environments::{CurrentIndex, Environments};
use crate::http::buffers::Buffer;
use crate::http::environment_key::ofrep_key;
use crate::http::refusal::Refusal;
use crate::http::response::{self, Response};
use fault::Fault;
use newer::Asked;
pub(crate) use newer::{NEWER, Waiting};

/// What OFREP requests are answered with.
pub(super) struct Ofrep {
    settings: OfrepSettings,
    memory: RefCell<OfrepMemory>,
    asked: Asked,
}

/// The characters that are not in the path of a stream as they are.
const NOT_IN_PATHS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

impl Ofrep {
    pub(super) fn new(settings: OfrepSettings) -> Self {
        Self {
            settings,
            memory: RefCell::default(),
            asked: Asked::default(),
        }
    }

    /// Answers `POST /ofrep/v1/evaluate/flags/{key}`: one flag.
    pub(super) fn single(
        &self,
        environments: &Environments,
        head: &RequestHead,
        body: Result<Bytes, Refusal>,
    ) -> Response {
        let key = Endpoint::flag_key(head.uri.path()).unwrap_or_default();
        let answer = self.flag(environments, head, body, &key);
        answer.unwrap_or_else(|fault| fault.into_response(Some(&key)))
    }

    /// What a request for all flags waits for; `None` if for nothing.
    pub(super) fn waits_for(
        &self,
        environments: &Rc<Environments>,
        head: &RequestHead,
    ) -> Option<Waiting> {
        self.asked.waits_for(environments, head)
    }

    /// Answers `POST /ofrep/v1/evaluate/flags`: all flags. Paths may have `base_path` before them.
    pub(super) fn bulk(
        &self,
        environments: &Environments,
        head: &RequestHead,
        body: Result<Bytes, Refusal>,
        base_path: Option<&str>,
    ) -> Response {
        let answer = self.flags(environments, head, body, base_path);
        answer.unwrap_or_else(|fault| fault.into_response(None))
    }

    fn flag(
        &self,
        environments: &Environments,
        head: &RequestHead,
        body: Result<Bytes, Refusal>,
        key: &str,
    ) -> Result<Response, Fault> {
        let (environment, side) = environments.index().open(ofrep_key(head)?)?;
        environment.count(Resource::Identities);
        let body = body?;
        let identity = self.identity(environment.archive(), side, &body)?;
        let mut memory = self.memory.borrow_mut();
        let flags = evaluate(&environment, side, identity.as_ref(), &mut memory);
        let mut answer = Buffer::take();
        if !flags.write_one(key, &mut answer.0) {
            return Err(Fault::FlagNotFound);
        }
        let updated_at = environment.updated_at();
        Ok(response::evaluated(answer.into(), false, updated_at))
    }

    fn flags(
        &self,
        environments: &Environments,
        head: &RequestHead,
        body: Result<Bytes, Refusal>,
        base_path: Option<&str>,
    ) -> Result<Response, Fault> {
        let index = environments.index();
        let key = ofrep_key(head)?;
        let (environment, side) = index.open(key)?;
        environment.count(Resource::Identities);
        let body = body?;
        let identity = self.identity(environment.archive(), side, &body)?;
        let updated_at = environment.updated_at();
        let tag = engine::entity_tag(environment.archive(), side, identity.as_ref());
        let response = if is_known(&head.headers, &tag) {
            response::not_modified(updated_at)
        } else {
            let mut memory = self.memory.borrow_mut();
            let flags = evaluate(&environment, side, identity.as_ref(), &mut memory);
            let mut answer = Buffer::take();
            flags.write_all(&mut answer.0);
            if let Some(key) = client_side_key(&index, key, &environment, side) {
                let base_path = base_path.filter(|base| head.uri.path().starts_with(base));
                write_event_streams(base_path.unwrap_or_default(), key, &mut answer.0);
            }
            answer.0.push(b'}');
            response::evaluated(answer.into(), false, updated_at)
        };
        let mut quoted = Vec::with_capacity(tag.len() + 2);
        quoted.push(b'"');
        quoted.extend_from_slice(tag.as_bytes());
        quoted.push(b'"');
        Ok(match HeaderValue::from_maybe_shared(Bytes::from(quoted)) {
            Ok(tag) => response::with_entity_tag(response, tag),
            Err(_) => response,
        })
    }

    /// The identity that a body describes; `None` for the flags of the environment.
    fn identity<'b>(
        &self,
        archive: &ArchivedEnvironment,
        side: Side,
        body: &'b [u8],
    ) -> Result<Option<Identity<'b>>, Fault> {
        let context = engine::read_context(body)?;
        let context = match archive.allows_traits(side) {
            true => context,
            false => context.without_traits(),
        };
        match context.into_identity() {
            None if self.settings.require_targeting_key => Err(Fault::NoTargetingKey),
            identity => Ok(identity),
        }
    }
}

/// The flags of an identity, or those without one.
fn evaluate<'e, 'm>(
    environment: &'e MappedEnvironment,
    side: Side,
    identity: Option<&Identity<'_>>,
    memory: &'m mut OfrepMemory,
) -> OfrepFlags<'e, 'm> {
    let (archive, patterns) = (environment.archive(), environment.patterns());
    engine::evaluate_for_ofrep(archive, patterns, side, identity, memory)
}

/// The client-side key of the environment that a key opens, which may be in a URL.
fn client_side_key<'k>(
    index: &CurrentIndex,
    key: &'k [u8],
    environment: &'k MappedEnvironment,
    side: Side,
) -> Option<&'k str> {
    match side {
        Side::Client => std::str::from_utf8(key).ok(),
        Side::Server => {
            let key = environment.archive().api_key();
            index.row(key).is_some().then_some(key)
        }
    }
}

/// Appends where a provider learns of changes. It puts the path behind the origin of the URL that it was given.
fn write_event_streams(base_path: &str, key: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"eventStreams\":[{\"type\":\"sse\",\"endpoint\":{\"requestUri\":\"");
    out.extend_from_slice(base_path.as_bytes());
    out.extend_from_slice(b"/ofrep/v1/environments/");
    for part in utf8_percent_encode(key, NOT_IN_PATHS) {
        out.extend_from_slice(part.as_bytes());
    }
    out.extend_from_slice(b"/stream\"}}]");
}

/// The client has the answer with this tag. Providers send a tag as they got it, without its quotes, or as a weak one.
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    headers.get_all(IF_NONE_MATCH).any(|value| {
        value.as_bytes().split(|&byte| byte == b',').any(|known| {
            let known = known.trim_ascii();
            let known = known.strip_prefix(b"W/").unwrap_or(known);
            let quoted = known
                .strip_prefix(b"\"")
                .and_then(|known| known.strip_suffix(b"\""));
            let known = quoted.unwrap_or(known);
            known == tag.as_bytes() || known == b"*"
        })
    })
}

impl From<ContextError> for Fault {
    fn from(error: ContextError) -> Self {
        match error {
            ContextError::Unparsable(what) => Self::Unparsable(what),
            ContextError::Invalid(what) => Self::InvalidContext(what),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_known_however_it_is_written() {
        for (value, known) in [
            ("\"tag\"", true),
            ("tag", true),
            ("W/\"tag\"", true),
            ("W/tag", true),
            ("\"other\", \"tag\"", true),
            ("*", true),
            ("\"other\"", false),
            ("\"tag", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(IF_NONE_MATCH, HeaderValue::from_static(value));
            assert_eq!(is_known(&headers, "tag"), known, "{value}");
        }
        assert!(!is_known(&HeaderMap::new(), "tag"));
    }
}
