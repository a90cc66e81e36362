//! One environment's task: ask, adopt, wait, for ever. Knows nothing of the other environments but their bound.

use std::error::Error as StdError;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use log::{info, warn};
use sha2::{Digest, Sha256};
use thiserror::Error;
use tokio::task::spawn_blocking;

use super::{Compile, Shared, Supply, message};
use crate::condition::Condition;
use crate::counted;
use crate::notice::Notice;
use crate::publication::Publication;
use crate::schedule::{Schedule, Seconds};
use crate::upstream::{Answer, Document, FetchError};

/// One environment and its task.
pub(super) struct Polled {
    row: usize,
    name: String,
    schedule: Schedule,
    condition: Condition,
    published: Option<Published>,
    shared: Rc<Shared>,
}

/// The document that is served.
struct Published {
    digest: [u8; 32],
    updated_at: Option<String>,
}

/// Why a document is not newer than before.
#[derive(Debug, Error)]
enum Failure {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("the document does not compile: {0}")]
    Compile(String),
    #[error("could not be published: {0}")]
    Publish(String),
    #[error("compiling the document failed: {0}")]
    Panicked(String),
}

impl Polled {
    pub(super) fn new(row: usize, name: String, interval: Duration, shared: Rc<Shared>) -> Self {
        Self {
            row,
            name,
            schedule: Schedule::new(interval),
            condition: Condition::default(),
            published: None,
            shared,
        }
    }

    pub(super) async fn keep(mut self) {
        loop {
            let result = match self.shared.clone().permits.acquire().await {
                Ok(_permit) => self.update().await,
                // Nobody closes the semaphore.
                Err(_) => return,
            };
            let chance = self.shared.dice.borrow_mut().f64();
            let delay = match result {
                Ok(()) => {
                    let failures = self.schedule.failures();
                    if failures > 0 {
                        info!(
                            "environment {} updated again after {}",
                            self.name,
                            counted(failures, "failure")
                        );
                    }
                    self.schedule.succeeded(chance)
                }
                Err(failure) => {
                    let retry_after = match &failure {
                        Failure::Fetch(error) => error.retry_after(),
                        _ => None,
                    };
                    let delay = self.schedule.failed(retry_after, chance);
                    warn!(
                        "environment {} not updated: {failure}; next try in {}",
                        self.name,
                        Seconds(delay)
                    );
                    delay
                }
            };
            actix_rt::time::sleep(delay).await;
        }
    }

    async fn update(&mut self) -> Result<(), Failure> {
        if let Answer::Document(document) = self.ask().await? {
            self.adopt(document).await?;
        }
        self.shared.board.set_fetched(self.row, SystemTime::now());
        Ok(())
    }

    async fn ask(&self) -> Result<Answer, FetchError> {
        match &self.shared.supply {
            Supply::Upstream(upstream, credentials) => {
                let since = self.condition.since(Instant::now());
                upstream.fetch(&credentials[self.row], since).await
            }
            Supply::Embedded(_) if self.published.is_some() => Ok(Answer::NotModified),
            Supply::Embedded(documents) => Ok(Answer::Document(Document {
                body: documents[self.row].clone(),
                asked: Instant::now(),
                elapsed: Duration::ZERO,
                date: None,
            })),
        }
    }

    async fn adopt(&mut self, document: Document) -> Result<(), Failure> {
        let row = self.row;
        let body = document.body;
        let held = self.published.as_ref().map(|published| published.digest);
        let compile = self.shared.compile;
        let publication = Arc::clone(&self.shared.publication);
        let adopted = spawn_blocking(move || adopt(compile, &publication, row, &body, held))
            .await
            .map_err(|error| Failure::Panicked(message(error)))??;
        if let Adopted::Published {
            published,
            generation,
            length,
            warnings,
        } = adopted
        {
            self.shared.bell.ring(Notice::Published);
            info!(
                "environment {} published: generation {generation}, {length} bytes",
                self.name
            );
            for warning in warnings {
                warn!("environment {}: {warning}", self.name);
            }
            self.published = Some(published);
        }
        let updated_at = self
            .published
            .as_ref()
            .and_then(|published| published.updated_at.as_deref());
        self.condition
            .received(updated_at, document.date, document.asked, document.elapsed);
        Ok(())
    }
}

enum Adopted {
    Unchanged,
    Published {
        published: Published,
        generation: u64,
        length: usize,
        warnings: Vec<String>,
    },
}

fn adopt(
    compile: Compile,
    publication: &Mutex<Publication>,
    row: usize,
    body: &[u8],
    held: Option<[u8; 32]>,
) -> Result<Adopted, Failure> {
    let digest: [u8; 32] = Sha256::digest(body).into();
    if held == Some(digest) {
        return Ok(Adopted::Unchanged);
    }
    let compiled = compile(body).map_err(|error| Failure::Compile(with_causes(&error)))?;
    // A publisher that panicked has staged something at most, and staging it again is no harm.
    let generation = publication
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .publish(row, &compiled.environment)
        .map_err(|error| Failure::Publish(with_causes(&error)))?;
    Ok(Adopted::Published {
        published: Published {
            digest,
            updated_at: compiled.environment.updated_at().map(str::to_owned),
        },
        generation,
        length: body.len(),
        warnings: compiled.warnings,
    })
}

fn with_causes(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    for cause in std::iter::successors(error.source(), |error| (*error).source()) {
        text.push_str(": ");
        text.push_str(&cause.to_string());
    }
    text
}
