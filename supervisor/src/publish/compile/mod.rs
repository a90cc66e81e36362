//! Compiles documents and publishes the result. For any thread but the poller's, because it takes long.
//!
//! Most documents are compiled here, large ones in a process of their own, which leaves nothing behind.

mod elsewhere;
mod process;
mod task;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use engine::{CompileOptions, Environment};
use snapshot::{Publisher, Sealed};

use super::failure::Failure;
use super::publication::{self, Publication};
use super::served::{Fingerprint, ServedDocument};
use crate::dates::DateRange;
use crate::notice::{Notice, Notifier};
use crate::source::Body;
use contract::{IndexEntry, with_causes};
use task::{Effort, Written};

pub use elsewhere::CompileCommand;
pub use process::{CompileError, run};

/// A document of so many bytes or more is compiled in a process of its own. To start one takes some 6 ms, which smaller
/// documents would feel; what larger ones leave in the heaps of threads would add up to tens of mebibytes.
const ELSEWHERE: usize = 3 << 20;

/// [`engine::compile_with`], except in a test that needs another outcome.
pub(crate) type Compile =
    fn(&Bytes, CompileOptions) -> Result<engine::Compiled, engine::DocumentError>;

/// [`Environment::compress`], except in a test that needs another outcome.
pub(crate) type Compress = fn(&mut Environment) -> bool;

/// Compiles and publishes.
pub(crate) struct Compiler {
    pub(crate) compile: Compile,
    pub(crate) compress: Compress,
    pub(crate) command: CompileCommand,
    pub(crate) publication: Arc<Publication>,
    pub(crate) notifier: Notifier,
}

/// A document that was compiled and published.
pub(crate) struct Compiled {
    pub(crate) uncompressed: Uncompressed,
    pub(crate) generation: u64,
    pub(crate) served: ServedDocument,
    /// How long it took to compile and publish it.
    pub(crate) took: Duration,
    pub(crate) warnings: Vec<String>,
}

/// What is published and can be compressed.
pub(crate) enum Uncompressed {
    Here(Box<Environment>),
    Elsewhere(Recipe),
}

/// All that a large document is compiled from.
pub(crate) struct Recipe {
    pub(super) body: Sealed,
    pub(super) options: CompileOptions,
    pub(super) dates: DateRange,
}

impl Compiler {
    /// Compiles a document and publishes it; `None` if its fingerprint is `served`. If its `updated_at` is in `dates`,
    /// it is dated: see [`Environment::set_is_dated`].
    pub(crate) fn publish(
        &self,
        row: usize,
        body: Body,
        options: CompileOptions,
        served: Option<Fingerprint>,
        dates: DateRange,
    ) -> Result<Option<Compiled>, Failure> {
        let fingerprint = Fingerprint::new(&body, options);
        if served == Some(fingerprint) {
            return Ok(None);
        }
        let begun = Instant::now();
        let (generation, written, uncompressed) = match body {
            Body::Large(body) if body.len() >= ELSEWHERE => {
                let recipe = Recipe {
                    body,
                    options,
                    dates,
                };
                let (generation, written) = self.publish_elsewhere(row, &recipe, Effort::Least)?;
                (generation, written, Uncompressed::Elsewhere(recipe))
            }
            body => {
                let compiled = (self.compile)(&body.bytes(), options);
                let compiled = compiled.map_err(|error| Failure::Compile(with_causes(&error)))?;
                let (environment, written) = finish(compiled, dates);
                let generation = self.publish_here(row, &environment)?;
                (generation, written, Uncompressed::Here(environment.into()))
            }
        };
        Ok(Some(Compiled {
            uncompressed,
            generation,
            served: ServedDocument {
                fingerprint: Some(fingerprint),
                updated_at: written.updated_at,
            },
            took: begun.elapsed(),
            warnings: written.warnings,
        }))
    }

    /// Compresses the constants of an environment and publishes it again. Compressing takes longer than compiling, so
    /// the environment is first published without. Returns the generation; `None` if there was nothing to compress.
    pub(crate) fn publish_compressed(
        &self,
        row: usize,
        uncompressed: Uncompressed,
    ) -> Result<Option<u64>, Failure> {
        match uncompressed {
            Uncompressed::Here(mut environment) => (self.compress)(&mut environment)
                .then(|| self.publish_here(row, &environment))
                .transpose(),
            Uncompressed::Elsewhere(recipe) => {
                let (generation, _) = self.publish_elsewhere(row, &recipe, Effort::Most)?;
                Ok(Some(generation))
            }
        }
    }

    fn publish_here(&self, row: usize, environment: &Environment) -> Result<u64, Failure> {
        let published = self.publication.publish(row, environment);
        self.published(published)
    }

    fn publish_elsewhere(
        &self,
        row: usize,
        recipe: &Recipe,
        effort: Effort,
    ) -> Result<(u64, Written), Failure> {
        let staging = self.publication.stage();
        let staging = staging.map_err(|error| Failure::Publish(with_causes(&error)))?;
        let written = elsewhere::compile(self.command, recipe, effort, &staging);
        // An orphan may wait behind the process that has ended.
        self.notifier.notify(Notice::ChildExited);
        let written = written?;
        let published = self.publication.publish_staged(row, staging);
        Ok((self.published(published)?, written))
    }

    fn published(&self, published: Result<u64, publication::Error>) -> Result<u64, Failure> {
        let generation = published.map_err(|error| Failure::Publish(with_causes(&error)))?;
        self.notifier.notify(Notice::Published);
        Ok(generation)
    }
}

/// Compiles a document of an earlier run again, and publishes it. For the start, when nobody else publishes.
pub(super) fn publish_again(
    publisher: &Publisher,
    entry: &IndexEntry,
    document: &[u8],
    options: CompileOptions,
    command: CompileCommand,
) -> Result<(), Failure> {
    let (row, file) = (entry.row as usize, &entry.file);
    let unpublished = |error| Failure::Publish(with_causes(&error));
    let body = Body::copy_of(document);
    let body = body.map_err(|error| Failure::Process(format!("copy the document: {error}")))?;
    let published = match body {
        Body::Large(body) if body.len() >= ELSEWHERE => {
            let recipe = Recipe {
                body,
                options,
                dates: DateRange::default(),
            };
            let staging = publisher.stage().map_err(unpublished)?;
            elsewhere::compile(command, &recipe, Effort::Least, &staging)?;
            publisher.publish_staged::<Environment>(row, file, staging)
        }
        body => {
            let compiled = engine::compile_with(&body.bytes(), options);
            let compiled = compiled.map_err(|error| Failure::Compile(with_causes(&error)))?;
            publisher.publish(row, file, &compiled.environment)
        }
    };
    published.map(drop).map_err(unpublished)
}

/// Says of an environment whether it is dated, and what is to be known of it.
fn finish(compiled: engine::Compiled, dates: DateRange) -> (Environment, Written) {
    let engine::Compiled {
        mut environment,
        warnings,
    } = compiled;
    let updated_at = environment.updated_at().map(str::to_owned);
    if updated_at
        .as_ref()
        .is_some_and(|updated_at| dates.contains(updated_at))
    {
        environment.set_is_dated();
    }
    (
        environment,
        Written {
            updated_at,
            warnings,
        },
    )
}

#[cfg(test)]
mod tests;
