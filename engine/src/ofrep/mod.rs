//! OFREP, OpenFeature's protocol for evaluating flags remotely: the context of a request, and the flags of an answer.
//!
//! The evaluation is that of identities requests. An answer has the same flags in other words: with the reason of each
//! value, and without a value where the client's own default counts.

mod context;
mod entity_tag;
mod flags;

pub use context::{ContextError, EvaluationContext, read_context};
pub use entity_tag::entity_tag;
pub use flags::{OfrepFlags, OfrepMemory, evaluate_for_ofrep};
