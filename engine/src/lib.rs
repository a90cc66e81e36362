//! What an environment document means: parse, compile, evaluate. No clock, file or socket.
//!
//! [`Pages`] puts together what comes in several pages. [`compile`] turns a document into an [`Environment`], which is
//! archived and mapped elsewhere; [`evaluate`] chooses the flags of one identity from that archive, in place, and
//! [`Flags`] writes them. What does not depend on an identity is in the archive as whole answers. The outcomes are those of the official Python proxy,
//! save where that fails or departs from the core API.

mod answer;
mod bucket;
mod compile;
mod document;
mod environment;
mod evaluate;
mod flags;
mod identity;
mod json;
mod md5_lanes;
mod number;
mod operation;
mod pages;
mod pattern;
mod patterns;
mod places;
mod properties;
mod property_value;
mod python;
mod request;
mod scratch;
mod side;
mod version;

pub use answer::{Answer, ArchivedAnswer};
pub use compile::{Compiled, compile};
pub use document::DocumentError;
pub use environment::{ArchivedEnvironment, Environment, FORMAT};
pub use evaluate::{evaluate, write_identity};
pub use flags::Flags;
pub use identity::Identity;
pub use pages::{Edition, Pages};
pub use patterns::Patterns;
pub use python::python_repr;
#[doc(hidden)]
pub use request::read_identity_slowly;
pub use request::{BodyError, BodyKind, IdentityRequest, missing_identifier, read_identity};
pub use scratch::Scratch;
pub use side::Side;
