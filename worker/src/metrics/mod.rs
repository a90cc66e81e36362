//! Metrics of the whole proxy in Prometheus' text format, from the board and the index: any worker tells the same.
//!
//! | file | what it tells |
//! |---|---|
//! | `proxy` | the build, the processes, the configuration |
//! | `requests` | requests and connections, of all workers together |
//! | `environments` | how documents are fetched and compiled, in all and for each environment |
//!
//! The label `environment` is the whole client-side key. It is public, every app that asks for flags has it, and
//! nothing shorter names one environment for certain. Other labels have few values.

mod environments;
mod family;
mod proxy;
mod requests;

use std::time::SystemTime;

use crate::environments::Environments;
use family::Text;

/// All metrics as they are now. If there are more than `max_environments`, no environment has metrics of its own:
/// each has ten samples, about 0.9 kB.
pub(crate) fn text(environments: &Environments, max_environments: usize) -> String {
    let board = environments.board();
    let now = SystemTime::now();
    let mut text = Text::default();
    proxy::add(&mut text, board);
    requests::add(&mut text, board);
    environments::add(&mut text, environments, max_environments, now);
    text.into_string()
}
