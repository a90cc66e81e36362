//! Compiles documents and publishes the result. For any thread but the poller's, because it takes long.

use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::{CompileOptions, Environment};

use super::failure::Failure;
use super::publication::Publication;
use super::served::{Fingerprint, ServedDocument};
use crate::notice::{Notice, Notifier};
use contract::with_causes;

/// [`engine::compile_with`], except in a test that needs another outcome.
pub(crate) type Compile =
    fn(&[u8], CompileOptions) -> Result<engine::Compiled, engine::DocumentError>;

/// [`Environment::compress`], except in a test that needs another outcome.
pub(crate) type Compress = fn(&mut Environment) -> bool;

/// Compiles and publishes.
pub(crate) struct Compiler {
    pub(crate) compile: Compile,
    pub(crate) compress: Compress,
    pub(crate) publication: Arc<Publication>,
    pub(crate) notifier: Notifier,
}

/// A document that was compiled and published.
pub(crate) struct Compiled {
    pub(crate) environment: Environment,
    pub(crate) generation: u64,
    pub(crate) served: ServedDocument,
    /// The length of the body, in bytes.
    pub(crate) length: usize,
    /// How long it took to compile and publish it.
    pub(crate) took: Duration,
    pub(crate) warnings: Vec<String>,
}

impl Compiler {
    /// Compiles a document and publishes it; `None` if its fingerprint is `served`. `is_dated` decides about its
    /// `updated_at`: see [`Environment::set_is_dated`].
    pub(crate) fn publish(
        &self,
        row: usize,
        body: &[u8],
        options: CompileOptions,
        served: Option<Fingerprint>,
        is_dated: impl FnOnce(&str) -> bool,
    ) -> Result<Option<Compiled>, Failure> {
        let fingerprint = Fingerprint::new(body, options);
        if served == Some(fingerprint) {
            return Ok(None);
        }
        let begun = Instant::now();
        let engine::Compiled {
            mut environment,
            warnings,
        } = (self.compile)(body, options).map_err(|error| Failure::Compile(with_causes(&error)))?;
        if environment.updated_at().is_some_and(is_dated) {
            environment.set_is_dated();
        }
        let generation = self.publish_environment(row, &environment)?;
        Ok(Some(Compiled {
            generation,
            served: ServedDocument {
                fingerprint: Some(fingerprint),
                updated_at: environment.updated_at().map(str::to_owned),
            },
            environment,
            length: body.len(),
            took: begun.elapsed(),
            warnings,
        }))
    }

    /// Compresses the constants of an environment and publishes it again. Compressing takes longer than compiling, so
    /// the environment is first published without. Returns the generation; `None` if there was nothing to compress.
    pub(crate) fn publish_compressed(
        &self,
        row: usize,
        mut environment: Environment,
    ) -> Result<Option<u64>, Failure> {
        if (self.compress)(&mut environment) {
            self.publish_environment(row, &environment).map(Some)
        } else {
            Ok(None)
        }
    }

    fn publish_environment(&self, row: usize, environment: &Environment) -> Result<u64, Failure> {
        let generation = self
            .publication
            .publish(row, environment)
            .map_err(|error| Failure::Publish(with_causes(&error)))?;
        self.notifier.notify(Notice::Published);
        Ok(generation)
    }
}
