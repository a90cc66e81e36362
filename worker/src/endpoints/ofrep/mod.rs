//! OFREP: flags for providers of OpenFeature, in any language.

mod fault;

use std::cell::RefCell;

use actix_http::RequestHead;
use actix_http::header::{HeaderMap, HeaderValue, IF_NONE_MATCH};
use actix_web::web::Bytes;
use contract::OfrepSettings;
use engine::{ArchivedEnvironment, ContextError, Identity, OfrepMemory, Side};

use super::route::Endpoint;
use crate::environments::Environments;
use crate::environments::usage::Resource;
use crate::http::buffers::Buffer;
use crate::http::environment_key::ofrep_key;
use crate::http::refusal::Refusal;
use crate::http::response::{self, Response};
use fault::Fault;

/// What OFREP requests are answered with.
pub(super) struct Ofrep {
    settings: OfrepSettings,
    memory: RefCell<OfrepMemory>,
}

impl Ofrep {
    pub(super) fn new(settings: OfrepSettings) -> Self {
        Self {
            settings,
            memory: RefCell::default(),
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

    /// Answers `POST /ofrep/v1/evaluate/flags`: all flags.
    pub(super) fn bulk(
        &self,
        environments: &Environments,
        head: &RequestHead,
        body: Result<Bytes, Refusal>,
    ) -> Response {
        let answer = self.flags(environments, head, body);
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
        let flags = engine::evaluate_for_ofrep(
            environment.archive(),
            environment.patterns(),
            side,
            identity.as_ref(),
            &mut memory,
        );
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
    ) -> Result<Response, Fault> {
        let (environment, side) = environments.index().open(ofrep_key(head)?)?;
        environment.count(Resource::Identities);
        let body = body?;
        let identity = self.identity(environment.archive(), side, &body)?;
        let updated_at = environment.updated_at();
        let tag = engine::entity_tag(environment.archive(), side, identity.as_ref());
        let response = if is_known(&head.headers, &tag) {
            response::not_modified(updated_at)
        } else {
            let mut memory = self.memory.borrow_mut();
            let flags = engine::evaluate_for_ofrep(
                environment.archive(),
                environment.patterns(),
                side,
                identity.as_ref(),
                &mut memory,
            );
            let mut answer = Buffer::take();
            flags.write_all(&mut answer.0);
            answer.0.push(b'}');
            response::evaluated(answer.into(), false, updated_at)
        };
        Ok(match HeaderValue::try_from(format!("\"{tag}\"")) {
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
