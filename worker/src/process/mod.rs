//! This process among the others of the proxy: its supervisor, its slot, the doorbell, its limits and privileges.

pub(crate) mod descriptors;
pub(crate) mod doorbell;
pub(crate) mod privilege;
pub(crate) mod slot;
pub(crate) mod supervisor;
