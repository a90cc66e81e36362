//! The life of a supervisor, from its settings to its end.

mod changes;
pub(crate) mod reload;
#[cfg(test)]
mod tests;
