//! Which environments are served: their keys, and the row of the board that each one has.

mod keys;
mod roster;

pub use keys::{KeyPair, ServerSideKey};
pub use roster::Full;
pub(crate) use roster::{Entry, Roster, Turnover, capacity};
