//! What an environment document means: parse, compile, evaluate. Pure functions without clock, file or socket.
//!
//! - `document`: [`Pages`] joins a document that comes in pages; the document as typed values.
//! - `compile`: [`compile`] turns a document into an [`Environment`].
//! - `archive`: the parts of an [`Environment`], which is archived, published and mapped by others.
//! - `request`: [`read_identity`] reads the body of a request.
//! - `evaluate`: [`evaluate`] chooses the flags of an identity from the archive, and [`Flags`] writes them.
//! - `ofrep`: [`read_context`] reads the body of an OFREP request, and [`evaluate_for_ofrep`] answers it.
//! - [`explain`]: says why flags are what they are; it looks on while `evaluate` chooses them.
//! - `json`, `python`, `pattern`, `version`, `bucket`: the rules of formats and languages that answers follow.
//!
//! Answers are those of the official Python proxy, except where that fails or differs from the core API.

mod archive;
mod bucket;
mod compile;
mod document;
mod evaluate;
pub mod explain;
mod json;
mod ofrep;
mod pattern;
mod python;
mod reason;
mod request;
mod side;
mod version;

pub use archive::{
    ArchivedConstantAnswer, ArchivedEnvironment, CompileOptions, ConstantAnswer, Environment,
    FORMAT,
};
pub use compile::{Compiled, compile, compile_with};
pub use document::{DocumentError, Edition, Pages, api_key, document_digest};
pub use evaluate::{Flags, Patterns, Scratch, evaluate, evaluate_one};
pub use ofrep::{
    ContextError, EvaluationContext, OfrepFlags, OfrepMemory, entity_tag, evaluate_for_ofrep,
    read_context,
};
pub use python::python_repr;
pub use request::{
    BodyError, BodyKind, Identity, IdentityRequest, missing_identifier, read_identity,
};
pub use side::Side;
