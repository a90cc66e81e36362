//! The flags of one identity: the only answer that is written for each request.

use std::cell::RefCell;

use actix_http::RequestHead;
use actix_web::web::Bytes;
use engine::{ArchivedEnvironment, BodyError, Identity, Scratch, Side};

use super::gzip::{FlagList, Gzip, WORTH_COMPRESSING};
use super::query;
use crate::environments::Environments;
use crate::environments::usage::Resource;
use crate::http::accept_encoding::prefers_gzip;
use crate::http::buffers::Buffer;
use crate::http::content_type::body_kind;
use crate::http::environment_key::environment_key;
use crate::http::refusal::Refusal;
use crate::http::response::{self, Response};

/// Memory that is used again for each identity.
#[derive(Default)]
pub(super) struct Identities {
    scratch: RefCell<Scratch>,
    gzip: RefCell<Gzip>,
}

impl Identities {
    /// Answers `GET /api/v1/identities/`: an identity without traits.
    pub(super) fn get(
        &self,
        environments: &Environments,
        head: &RequestHead,
    ) -> Result<Response, Refusal> {
        match query::last(head, "identifier") {
            Some(identifier) => self.answer(environments, head, |_, _| Identity::new(identifier)),
            None => Err(Refusal::Invalid(engine::missing_identifier())),
        }
    }

    /// Answers `POST /api/v1/identities/`. The body is read first, so an invalid one is refused whatever the key.
    pub(super) fn post(
        &self,
        environments: &Environments,
        head: &RequestHead,
        body: &[u8],
    ) -> Result<Response, Refusal> {
        let request = engine::read_identity(body, body_kind(&head.headers))?;
        self.answer(environments, head, |archive, side| {
            let request = match archive.allows_traits(side) {
                true => request,
                false => request.without_traits(),
            };
            request.into_identity(random_digits)
        })
    }

    /// Answers for the identity that `identity` makes of a request to that environment with a key of that side: with
    /// all flags, or with the one of the feature that the query names.
    fn answer<'a>(
        &self,
        environments: &Environments,
        head: &RequestHead,
        identity: impl FnOnce(&ArchivedEnvironment, Side) -> Identity<'a>,
    ) -> Result<Response, Refusal> {
        let (environment, side) = environments.index().open(environment_key(head)?)?;
        environment.count(Resource::Identities);
        let updated_at = environment.updated_at();
        let mut scratch = self.scratch.borrow_mut();
        let (archive, patterns) = (environment.archive(), environment.patterns());
        let identity = &identity(archive, side);
        if let Some(feature) = query::feature(head) {
            let flag =
                engine::evaluate_one(archive, patterns, side, identity, &feature, &mut scratch);
            let Some(flag) = flag else {
                return Err(Refusal::UnknownFeature(feature.into_owned()));
            };
            let body = Bytes::copy_from_slice(flag);
            return Ok(response::evaluated(body, false, updated_at));
        }
        let flags = engine::evaluate(archive, patterns, side, identity, &mut scratch);
        let mut body = Buffer::take();
        body.0
            .reserve(identity.most_head_bytes() + flags.byte_length() + 1);
        identity.write_head(&mut body.0);
        let length = body.0.len() + flags.byte_length() + 1;
        if length >= WORTH_COMPRESSING && prefers_gzip(&head.headers) {
            let mut compressed = Buffer::take();
            let list = FlagList {
                generation: environment.generation(),
                side,
                flags: &flags,
            };
            let mut gzip = self.gzip.borrow_mut();
            if gzip.write(&body.0, &list, &mut compressed.0) {
                let body = compressed.into();
                return Ok(response::evaluated(body, true, updated_at));
            }
        }
        flags.write(&mut body.0);
        body.0.push(b'}');
        Ok(response::evaluated(body.into(), false, updated_at))
    }
}

/// 32 hexadecimal digits that no other request gets: the name of an identity without identifier and traits.
fn random_digits() -> String {
    format!("{:032x}", fastrand::u128(..))
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::Unparsable(body) => Self::Unparsable(body),
            BodyError::Invalid(body) => Self::Invalid(body),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_up_other_digits_each_time() {
        let digits = random_digits();
        assert_eq!(digits.len(), 32);
        assert!(digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        assert_ne!(digits, random_digits());
    }
}
