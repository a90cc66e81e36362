//! The real executable against a stub upstream. One binary, one harness; each module opens with what it shows.

mod command_line;
mod demo;
mod failures;
mod faults;
mod golden;
mod harness;
mod pool;
mod prose;
mod sdk;
mod serving;
