//! Which environments are served, and the row of the board that each one has.

mod roster;

pub use roster::Full;
pub(crate) use roster::{Entry, Roster, Turnover, capacity};
