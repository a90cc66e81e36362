//! What lies in a snapshot: everything that can be worked out once per document.

mod answer;
mod environment;
mod interner;
mod operation;
mod span;

pub use answer::{Answer, ArchivedAnswer};
pub(crate) use environment::{
    ArchivedContest, ArchivedPiece, ArchivedProperty, ArchivedSideAnswers, ArchivedSplit,
    ArchivedState, ArchivedStep, Condition, Contest, IdentityOverride, MATCHES, MATCHES_NOT,
    MultivariateValue, NO_PIECE, Piece, Property, SideAnswers, Split, State, Step,
};
pub use environment::{ArchivedEnvironment, Environment, FORMAT};
pub(crate) use interner::{ArchivedPlaces, Places, length};
pub(crate) use operation::{ArchivedOperation, Operation};
pub(crate) use span::Span;
