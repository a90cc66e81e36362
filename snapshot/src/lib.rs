//! Shared memory: publishing archived values from one writer to many readers.
//!
//! One process, the writer, owns a state directory through a [`Publisher`]. Any number of other processes follow it
//! through a [`Reader`]. The writer archives a value once, and everybody reads it in place: a reader's [`Map`] is the
//! page cache itself, so N readers of a value hold it in memory once. This crate does not interpret values.
//!
//! # What is in the directory
//!
//! ```text
//! lock                              the process id of the writer, for people. The lock itself is on the
//!                                   directory (flock), for as long as the writer lives
//! board                             generations, and words of the caller: all of them atomic
//! index.<generation>                one archived value: what the rows are
//! environments/<name>.<generation>  one archived value: the file of a row
//! staging, staging-<number>         files that are being written and have no name yet
//! ```
//!
//! A **row** is a value that changes on its own. Each row has a word on the board, which is the generation of its
//! file, and so does the index. All of them share one count of generations, which continues from run to run. A
//! publication costs writer and readers the one row that changed: nothing is written, synced or looked at for the
//! others.
//!
//! # How a row is published
//!
//! 1. The writer **stages** the value: it writes its archive to a staging file, header last, and renames that to its
//!    own name. Nobody writes that file again; its replacement has another name. Another process may archive the value
//!    in the writer's place ([`write_staged`]). The writer compares the header before it gives the file its name.
//! 2. The writer stores the generation in the row's word (Release). This one store is the act of **publishing**.
//! 3. Later, while readers are served already, the writer **settles**: it syncs the file and the names, and unlinks
//!    the file that was replaced. After a power cut before that, the older file is there, beside a newer one that is
//!    either whole or known to be torn by its checksum. A writer that is killed at any moment leaves the old or the
//!    new file, whole.
//!
//! The index is published in the same way, and only when rows or keys change.
//!
//! # How a writer starts
//!
//! [`Publisher::open`] takes the lock, puts a new board in place and keeps the previous one open: with the index that
//! it names, it tells what is known of the rows of the previous run. Then each row can be
//! [adopted](Publisher::adopt): the newest whole file of its name becomes the row's file, under the name and
//! generation that it has, and nothing is written. Adopting trusts nothing: it reads the whole file, compares its
//! checksum and validates the archive. A defective file is reported by name and is never served. When the first index
//! is published and settled, all files that were not adopted are unlinked. A writer that is killed before that leaves
//! to the next one what it found or what it settled.
//!
//! A link, pipe, directory or device that has one of our names was not made by a writer. It is replaced or, if it is
//! a directory, moved aside.
//!
//! # How a reader follows
//!
//! One load of [`Board::row_generation`] (Acquire) tells whether a row changed. If so, the reader maps the row's file
//! of that generation and drops the previous map. Because of Release and Acquire, the rename before the store is
//! visible after the load, so a reader sees a whole value or none. The same holds for [`Board::index_generation`]. A
//! reader looks only at the rows that it is asked for.
//!
//! There are no locks, no table of readers and nothing to clean up after a reader that died: a map keeps its pages
//! when the file's name is gone, and the kernel frees them with the last map.
//!
//! A slow reader may find a name already unlinked, when a newer file was published and settled between its load and
//! its map. That is [`Error::Retired`]: load the generation again. The map that the reader holds stays valid
//! meanwhile.
//!
//! **The cost of staleness:** a reader that loaded a generation just before it changed answers from the previous
//! value until it looks at the board again. It never goes back to an older value.
//!
//! # What a reader trusts
//!
//! Every open compares the header with what was asked for: magic, header format, the caller's format, the type of the
//! value, generation and length. The payload is then trusted. Either a writer of this run wrote it, which held the
//! lock of a directory that only this user may enter, and wrote header and payload before the file had a name; or the
//! writer of this run adopted the file.
//!
//! Only regular files of this user that are closed to all others are opened; links are not followed, and no open
//! waits. The writer refuses a directory that others can write to, and does not close it to them: what is in it may
//! be forged. One that it made and that was opened to its group since is closed and emptied.
//!
//! # Words of others
//!
//! [`Words`] is what the board is made of, for files of other crates: atomic words in a map, allocated on disk as a
//! whole, with a lock that the kernel releases however its holder ends.
//!
//! # Looking without following
//!
//! An [`Inspector`] reads what is in the directory, beside a writer or without one. It changes nothing, needs no right
//! to write, and checks every file to its last byte.
//!
//! # Caveats
//!
//! - If somebody truncates a mapped file, its readers die of SIGBUS. No process of this project does. Do not edit the
//!   directory by hand while a reader lives.
//! - A restarted writer makes a new board. A reader of the previous run keeps the old one, which does not change any
//!   more.
//! - `flock` and shared maps are needed: a local file system (tmpfs included), not every network file system.

mod adopt;
mod board;
mod directory;
mod error;
mod header;
mod inspect;
mod map;
mod ownership;
mod payload;
mod private;
mod publish;
mod read;
mod sealed;
mod stage;
mod value;
mod words;

pub use adopt::{Adopted, Adoption};
pub use board::{Board, CallersWords, Shape};
pub use error::{Defect, Error, Kind};
pub use inspect::{Contents, Inspected, Inspector, Ownership};
pub use map::{Map, Words};
pub use publish::Publisher;
pub use read::Reader;
pub use sealed::{Sealed, Unsealed};
pub use stage::{Staging, write_staged};
pub use value::Value;
