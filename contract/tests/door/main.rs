//! The contract at its own door: boards and indexes in a real state directory.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

/// What the words of the board say, and to whom.
mod board;
/// Both ends of a handover, with a real process.
mod handover;
/// Which key opens which row.
mod index;

use std::path::Path;

use contract::board_shape;
use snapshot::{Publisher, Reader, Shape};

const SHAPE: Shape = board_shape(7, 4, 4);

fn publisher(directory: &Path) -> Publisher {
    Publisher::open(directory, SHAPE).unwrap()
}

fn reader(directory: &Path) -> Reader {
    Reader::open(directory, SHAPE.format).unwrap()
}
