//! The log: lines on stderr, filtered by `RUST_LOG`.

use env_logger::{Builder, Env};

/// The filter when `RUST_LOG` is not set: `info` from the crates of this project, `warn` from others. `actix_http` logs
/// one line for each malformed request, so clients could fill the disk with it.
const DEFAULT_FILTER: &str =
    "warn,actix_http=off,edge_proxy=info,supervisor=info,worker=info,snapshot=info,engine=info";

/// Starts logging. To be called once.
pub(crate) fn start() {
    Builder::from_env(Env::default().default_filter_or(DEFAULT_FILTER)).init();
}
