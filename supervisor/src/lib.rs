//! The control plane, one process: it polls upstream, publishes changed documents, and keeps the workers. It serves no
//! request, and starts workers by a command that it is given.
//!
//! The main thread is the parent of the workers and sleeps until there is a notice. The poller's thread fetches
//! documents, each on its own schedule, and publishes them. It tells the main thread when something was published, when
//! a change of a reload was applied, and when it has ended. The main thread then rings the doorbell of the workers.
//!
//! ```text
//! upstream --> source --> poll --> publish --> state directory --> workers
//!                          ^ |                                        ^
//!                  changes | | notices                                |
//!                          | v                                        |
//!                          run ---------------> pool --- doorbell ----'
//! ```

mod blocking;
mod dates;
pub mod doctor;
mod environments;
mod error;
mod forward;
pub mod inspect;
mod notice;
mod options;
mod poll;
mod pool;
mod processes;
mod publish;
mod run;
mod settings;
mod source;
mod words;

pub use environments::Full;
pub use error::Error;
pub use forward::{Error as ForwardError, ForwardSettings};
pub use options::{Admin, HealthCheck, Listen, Options, Snapshot};
pub use poll::{ConditionalFetch, Error as PollError, FetchRules};
pub use pool::listener::{ANY_HOST, Address, Error as ListenerError};
pub use pool::{Error as PoolError, WorkerCommand};
pub use publish::{CompileCommand, CompileError, StateDirectory, compile};
pub use run::{Reload, run};
pub use settings::Settings;
pub use source::api_url::{ApiUrl, ApiUrlError};
pub use source::files::{DocumentPlace, FileError, FileSettings};
pub use source::realtime::RealtimeSettings;
pub use source::upstream::{Error as UpstreamError, ForwardProxy, UpstreamSettings, Way, WayError};
pub use source::{Error as SourceError, Source};
