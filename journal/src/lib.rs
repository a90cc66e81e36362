//! The journal: what clients report (evaluations, traits, events), on its way from workers to the supervisor.
//!
//! A **ring** is a mapped file of fixed size. One worker process at a time appends **records** to it, and the
//! supervisor reads behind it. A record that was appended is *accepted*: the client may be told so. Neither process
//! waits for the other one, and no record is lost when either is killed.
//!
//! # How a record is accepted
//!
//! 1. The worker writes a frame behind the last one: length, checksum, time, payload. All of them are atomic words.
//! 2. It stores the new end of the records, the **head** (Release). That store is the act of accepting. A worker that
//!    is killed before leaves nothing; one that is killed afterwards leaves a whole record.
//!
//! # How it is read
//!
//! The supervisor loads the head (Acquire) and reads the records up to it. When they are safe elsewhere, it stores
//! their end as the **tail** (Release), which makes room. A worker that has no room for a record does not write it.
//!
//! Positions count words since the ring was made and never fall. A position is also part of each checksum, so bytes of
//! an earlier lap are never taken for a record.
//!
//! # Who may write
//!
//! A worker locks its ring for as long as it lives ([`Writer::open`]), and the kernel unlocks it however the worker
//! ends. The next worker goes on where the last one ended. A supervisor whose predecessor was killed may meet workers
//! that still finish their requests: it removes a ring of an earlier run only when it can lock it ([`Reader::close`]).
//!
//! # What is lost
//!
//! A kill loses nothing: the pages belong to the kernel. A power cut loses records that the kernel has not written to
//! the disk yet, which it does within about half a minute. What a power cut leaves torn, the checksum reveals.

mod clock;
mod error;
mod frame;
mod layout;
mod reader;
mod record;
mod writer;

pub use clock::now;
pub use error::Error;
pub use layout::{RING_BYTES, create, directory, ring_file, ring_number};
pub use reader::{Damage, Entry, Reader};
pub use record::{Change, Evaluation, Labels, Record, Report, TraitChange, Usage};
pub use writer::{Refused, Writer};
