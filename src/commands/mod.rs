//! What the executable can do: a file for each command.

pub(crate) mod check_config;
pub(crate) mod compile;
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod evaluate;
pub(crate) mod health;
pub(crate) mod man;
pub(crate) mod render_config;
pub(crate) mod serve;
pub(crate) mod snapshot;
mod table;
pub(crate) mod worker;
