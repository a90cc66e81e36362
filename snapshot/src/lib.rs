//! Publishing archived values from one writer to many readers. Knows nothing of flags, keys or
//! HTTP.
//!
//! One process, the writer, owns a state directory through a [`Publisher`]. Any number of other
//! processes follow it through a [`Reader`]. A value is archived once, by the writer, and read in
//! place by everybody: a reader's [`Map`] is the page cache itself, so N readers of a document hold
//! it in memory once.
//!
//! # What lies in the directory
//!
//! ```text
//! lock                              held by the one writer while it lives (flock)
//! board                             times, states and the current generation, all of it atomics
//! index.<generation>                one archived value: what that generation consists of
//! environments/<name>.<generation>  one archived value: one part of it
//! staging                           what is being written and has no name yet
//! ```
//!
//! # How a generation comes to be
//!
//! 1. The writer **stages** each value that changed: archived in memory, written with its header to
//!    `staging`, synced, renamed to its own name. From then on nobody writes that file again; what
//!    replaces it has another name.
//! 2. It stages the index, which says by name and generation which file each part is in. Parts that
//!    did not change are named again, in the file they already have.
//! 3. It stores the generation on the board (Release). That store is the whole act of
//!    **publishing**.
//! 4. It unlinks every file that neither this generation nor the one before it names.
//!
//! # How a reader follows
//!
//! One load of [`Board::generation`] (Acquire) tells whether anything changed. If so, the reader
//! maps the index of that generation and the files in it that it does not hold yet, and drops the
//! maps it no longer needs. Release and Acquire make everything renamed before the store visible
//! after the load, so a reader sees a whole generation or none.
//!
//! There are no locks, no reader table and nothing to clean up after a reader that died: a map
//! keeps its pages when the file's name is gone, and the kernel frees them with the last map.
//!
//! A reader that is slow may find a name already unlinked, when two generations were published
//! between its load and its map. That is [`Error::Retired`]: load the generation again. The maps in
//! hand stay good meanwhile.
//!
//! **What staleness costs:** a reader that loaded the generation just before it moved answers from
//! the one before, for as long as it takes until it next looks at the board. It can never go back
//! to an older one.
//!
//! # Whom a reader trusts
//!
//! Every open compares the header with what was asked for: magic, header format, the caller's
//! format, the type of the value, generation and length. The payload is then trusted, because
//! whoever wrote it held the lock of a directory that only this user may enter, and wrote header
//! and payload in one piece before the file had a name. [`Reader::map_verified`] and
//! [`Reader::index_verified`] trust nothing: they check the checksum and validate the archive. That
//! is for files from before this run, which a crash or another release may have left.
//!
//! # Caveats
//!
//! - A mapped file that somebody truncates kills its readers with SIGBUS. Nothing here does; do not
//!   edit the directory by hand while a reader lives.
//! - A restarted writer makes a new board. A reader of an earlier run keeps the old one, on which
//!   nothing moves any more.
//! - `flock` and shared maps are needed: a local file system (tmpfs included), not every network
//!   one.

mod board;
mod directory;
mod error;
mod header;
mod map;
mod publish;
mod read;
mod value;

pub use board::{Board, Shape, WorkerState};
pub use directory::File;
pub use error::{Defect, Error};
pub use map::Map;
pub use publish::Publisher;
pub use read::Reader;
pub use value::Value;
