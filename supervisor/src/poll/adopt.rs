//! A document's way from bytes to the workers, in any thread but the poller's. Knows neither where it came from nor when
//! the next one is due.

use engine::{Compiled, Environment};
use xxhash_rust::xxh3::xxh3_128;

use super::environment::Failure;
use super::{Compile, Compress};
use crate::notice::{Bell, Notice};
use crate::publication::{Publication, with_causes};

/// What it takes to adopt a document.
pub(super) struct Adopter {
    pub(super) compile: Compile,
    pub(super) compress: Compress,
    pub(super) publication: Publication,
    pub(super) bell: Bell,
}

/// A document that is served.
pub(super) struct Adopted {
    pub(super) environment: Environment,
    pub(super) generation: u64,
    /// Tells one document from another; nobody has a reason to forge it.
    pub(super) digest: u128,
    pub(super) length: usize,
    pub(super) warnings: Vec<String>,
}

impl Adopter {
    /// Compiles and publishes a document; `None` if it is the one whose digest is `held`.
    pub(super) fn adopt(
        &self,
        row: usize,
        body: &[u8],
        held: Option<u128>,
    ) -> Result<Option<Adopted>, Failure> {
        let digest = xxh3_128(body);
        if held == Some(digest) {
            return Ok(None);
        }
        let Compiled {
            environment,
            warnings,
        } = (self.compile)(body).map_err(|error| Failure::Compile(with_causes(&error)))?;
        let generation = self.publish(row, &environment)?;
        Ok(Some(Adopted {
            environment,
            generation,
            digest,
            length: body.len(),
            warnings,
        }))
    }

    /// Publishes what was adopted once more, with the compressed forms that were left out at first. Returns that
    /// generation; `None` if nothing was left out.
    pub(super) fn complete(
        &self,
        row: usize,
        mut environment: Environment,
    ) -> Result<Option<u64>, Failure> {
        if (self.compress)(&mut environment) {
            self.publish(row, &environment).map(Some)
        } else {
            Ok(None)
        }
    }

    fn publish(&self, row: usize, environment: &Environment) -> Result<u64, Failure> {
        let generation = self
            .publication
            .publish(row, environment)
            .map_err(|error| Failure::Publish(with_causes(&error)))?;
        self.bell.ring(Notice::Published);
        Ok(generation)
    }
}
