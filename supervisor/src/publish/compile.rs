//! A document's way from bytes to the workers, in any thread but the poller's. Knows neither where it came from nor when
//! the next one is due.

use contract::with_causes;
use engine::{Compiled, Environment};
use xxhash_rust::xxh3::xxh3_128;

use super::failure::Failure;
use crate::notice::{Bell, Notice};
use crate::publish::publication::Publication;

/// How a document becomes an environment: [`engine::compile`], but for a test that wants it to panic.
pub(crate) type Compile = fn(&[u8]) -> Result<engine::Compiled, engine::DocumentError>;

/// Makes the compressed forms that compiling left out, for they take longer than all the rest. Says whether it made any.
pub(crate) type Compress = fn(&mut engine::Environment) -> bool;

/// What it takes to adopt a document.
pub(crate) struct Adopter {
    pub(crate) compile: Compile,
    pub(crate) compress: Compress,
    pub(crate) publication: Publication,
    pub(crate) bell: Bell,
}

/// A document that is served.
pub(crate) struct Adopted {
    pub(crate) environment: Environment,
    pub(crate) generation: u64,
    /// Tells one document from another; nobody has a reason to forge it.
    pub(crate) digest: u128,
    pub(crate) length: usize,
    pub(crate) warnings: Vec<String>,
}

impl Adopter {
    /// Compiles and publishes a document; `None` if it is the one whose digest is `held`.
    pub(crate) fn adopt(
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
    pub(crate) fn complete(
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
