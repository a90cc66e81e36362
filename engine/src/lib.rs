//! What an environment document means: parse, compile, evaluate. No clock, file or socket.
//!
//! [`compile`] turns a document into an [`Environment`], which is archived and mapped elsewhere;
//! [`write_identity`] answers for one identity from that archive, in place. What does not depend on an
//! identity is in the archive as whole answers. The outcomes are those of the official Python proxy,
//! save where that fails or departs from the core API.

mod answer;
mod bucket;
mod compile;
mod document;
mod environment;
mod evaluate;
mod identity;
mod index;
mod json;
mod number;
mod operation;
mod pattern;
mod patterns;
mod property_value;
mod python;
mod request;
mod side;
mod version;

pub use answer::{Answer, ArchivedAnswer};
pub use compile::{Compiled, compile};
pub use document::DocumentError;
pub use environment::{ArchivedEnvironment, Environment, FORMAT};
pub use evaluate::write_identity;
pub use identity::Identity;
pub use index::{ArchivedIndex, ArchivedIndexEntry, Index, IndexEntry, Rows};
pub use patterns::Patterns;
pub use python::python_repr;
#[doc(hidden)]
pub use request::read_identity_slowly;
pub use request::{BodyError, BodyKind, IdentityRequest, missing_identifier, read_identity};
pub use side::Side;
