//! From the bytes of a document to the snapshot that workers map.

mod compile;
mod failure;
mod outage;
mod publication;
mod served;
mod settle;
mod state_directory;
mod warm;

#[cfg(test)]
pub(crate) use compile::{Compile, Compress};
pub use compile::{CompileCommand, CompileError, run as compile};
pub(crate) use compile::{Compiled, Compiler, Uncompressed};
pub(crate) use failure::Failure;
pub(crate) use outage::Outage;
#[cfg(test)]
pub(crate) use publication::Publication;
pub(crate) use served::ServedDocument;
pub(crate) use settle::settle;
pub use state_directory::StateDirectory;
pub(crate) use warm::open;
