//! Which environments are served: their keys, and the row of the board that each one has.

pub(crate) mod roster;
