//! What the tests of several crates use. Every crate may name it as a dev-dependency; it names none of them.
//!
//! - [`Stub`]: an HTTP server in place of upstream. [`Core`]: what it answers as Flagsmith's core API does.
//! - [`eventually`]: waits until a condition holds.
//! - [`timed`]: how much processor time something takes.
//! - [`skip`], [`scale`], [`seed`]: what the environment variables `STRICT`, `TEST_SCALE` and `TEST_SEED` decide.
//! - [`Golden`], [`file`]: recorded answers and other data in the repository.
//! - [`Process`]: another process of a test, which is killed at the end.
//! - [`Throttle`]: processes that hardly get a processor.
//! - [`document`]: a document that tests may change.

mod cpu_time;
mod data;
mod documents;
mod eventually;
mod golden;
mod process;
mod stub;
mod throttle;
mod variables;

pub use cpu_time::timed;
pub use data::{file, root};
pub use documents::{document, feature_state};
pub use eventually::{Outcome, eventually};
pub use golden::{Case, Golden, Request};
pub use process::{DEADLINE, Process, handed_over};
pub use stub::{Answer, Core, End, Habits, Report, Stub, header, message};
pub use throttle::Throttle;
pub use variables::{scale, seed, skip};
