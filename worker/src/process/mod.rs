//! This process among the others of the proxy: its slot on the board, its limits, its privileges.

pub(crate) mod descriptors;
pub(crate) mod privilege;
pub(crate) mod slot;
