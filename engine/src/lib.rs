//! What an environment document means: parse, compile, evaluate. No clock, file or socket.
//!
//! [`Pages`] puts together what comes in several pages. [`compile`] turns a document into an [`Environment`], which is
//! archived and mapped elsewhere; [`evaluate`] chooses the flags of one identity from that archive, in place, and
//! [`Flags`] writes them. What does not depend on an identity is in the archive as whole answers. The outcomes are those of the official Python proxy,
//! save where that fails or departs from the core API.

mod archive;
mod bucket;
mod compile;
mod document;
mod evaluate;
mod json;
mod pattern;
mod python;
mod request;
mod side;
mod version;

pub use archive::{
    ArchivedConstantAnswer, ArchivedEnvironment, CompileOptions, ConstantAnswer, Environment,
    FORMAT,
};
pub use compile::{Compiled, compile, compile_with};
pub use document::{DocumentError, Edition, Pages};
pub use evaluate::{Flags, Patterns, Scratch, evaluate};
pub use python::python_repr;
pub use request::{
    BodyError, BodyKind, Identity, IdentityRequest, missing_identifier, read_identity,
};
pub use side::Side;
