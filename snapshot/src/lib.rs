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
//! lock                              the process id of the one writer, for people: what it holds
//!                                   while it lives is the directory itself (flock)
//! board                             generations, times and states, all of it atomics
//! index.<generation>                one archived value: what the rows are
//! environments/<name>.<generation>  one archived value: the file of a row
//! staging                           what is being written and has no name yet
//! ```
//!
//! A **row** is whatever changes on its own. Each has a word on the board, the generation of its
//! file, and so does the index; there is one count of generations for all of them, and it goes on
//! from run to run. What a publication costs, writer and readers, is the row that changed: nothing
//! is written, synced or looked at for the others.
//!
//! # How a row is published
//!
//! 1. The writer **stages** the value: archived in memory, written with its header to `staging`,
//!    renamed to its own name. From then on nobody writes that file again; what replaces it has
//!    another name.
//! 2. It stores the generation in the row's word (Release). That store is the whole act of
//!    **publishing**.
//! 3. Only then, while readers are served already, the writer **settles**: it syncs the file and
//!    the names, and unlinks what the file replaced. A power cut before that leaves the older file
//!    beside a newer one that is whole or, by its checksum, known to be torn. A killed writer
//!    leaves old or new, whole, whenever it comes.
//!
//! The index is published in the same way, and only when there are other rows or keys than before.
//!
//! # How a writer starts
//!
//! [`Publisher::open`] takes the lock, puts a new board in place and keeps the one before in hand:
//! with the index that it names, it tells what is known of the rows of the run before. Then each
//! row can be [adopted](Publisher::adopt): of the files with its name, the newest whole one becomes
//! the row's, under the name and generation that it has, and nothing is written. Nothing is
//! trusted on the way: all of it is read, its checksum compared, the archive validated. What is
//! defective is told by name and is never served. Publishing and settling the first index unlinks
//! whatever was not adopted. A writer that is killed on the way leaves to the next one what it
//! found or what it has settled.
//!
//! What has a name of ours and is no file, and so was made by nobody who publishes, does no harm: it
//! is replaced, or, if it is a directory, moved aside.
//!
//! # How a reader follows
//!
//! One load of [`Board::row_generation`] (Acquire) tells whether a row changed. If so, the reader
//! maps its file of that generation and drops the map of the one before. Release and Acquire make
//! what was renamed before the store visible after the load, so a reader sees a whole value or
//! none. The same goes for [`Board::index_generation`]. A reader need not look at rows that nobody
//! asks it for; and who holds many and is told that something changed finds in
//! [`Board::generation`] and [`Board::published`] what.
//!
//! There are no locks, no reader table and nothing to clean up after a reader that died: a map
//! keeps its pages when the file's name is gone, and the kernel frees them with the last map.
//!
//! A reader that is slow may find a name already unlinked, when a newer file was published and
//! settled between its load and its map. That is [`Error::Retired`]: load the generation again. The
//! map in hand stays good meanwhile.
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
//! and payload in one piece before the file had a name; or because the writer of this run has
//! adopted the file. [`Reader::map_verified`] and [`Reader::index_verified`] trust nothing: they
//! check the checksum and validate the archive, as adopting does.
//!
//! Only regular files of this user that are closed to all others are opened, and nothing else is
//! followed or waited for. A directory that others could write to is refused by the writer, and not
//! closed by it: what lies there may be forged.
//!
//! # Caveats
//!
//! - A mapped file that somebody truncates kills its readers with SIGBUS. Nothing here does; do not
//!   edit the directory by hand while a reader lives.
//! - A restarted writer makes a new board. A reader of an earlier run keeps the old one, on which
//!   nothing moves any more.
//! - `flock` and shared maps are needed: a local file system (tmpfs included), not every network
//!   one.

mod adopt;
mod board;
mod directory;
mod error;
mod header;
mod map;
mod ownership;
mod private;
mod publish;
mod read;
mod value;

pub use adopt::{Adopted, Adoption};
pub use board::{Board, Shape};
pub use error::{Defect, Error, Kind};
pub use map::Map;
pub use publish::Publisher;
pub use read::Reader;
pub use value::Value;
