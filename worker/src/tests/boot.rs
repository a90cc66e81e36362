//! Workers that cannot boot.

use contract::{Handover, Sockets, WorkerSettings};
use tempfile::TempDir;

use super::worker::LIMITS;

#[test]
fn a_worker_whose_supervisor_is_gone_does_not_serve() {
    let directory = TempDir::new().expect("temporary directory");
    let not_our_supervisor = std::process::id();
    let handover = Handover {
        directory: directory.path().to_owned(),
        slot: 0,
        supervisor: not_our_supervisor,
        admin_token: None,
        sse_authentication_token: None,
        ring: None,
        accepts_events: false,
        reports_usage: false,
        settings: WorkerSettings {
            allow_origins: Vec::new(),
            limits: LIMITS,
            ..WorkerSettings::default()
        },
    };
    let error = crate::run(handover, Sockets::default()).expect_err("no supervisor");
    assert_eq!(
        error.to_string(),
        format!("follow supervisor {not_our_supervisor}: it is gone")
    );
}
