//! Workers that cannot boot.

use std::net::TcpListener;

use contract::{Handover, Sockets, WorkerSettings};
use tempfile::TempDir;

use super::worker::LIMITS;

#[test]
fn a_worker_whose_supervisor_is_gone_does_not_serve() {
    let directory = TempDir::new().expect("temporary directory");
    let handover = Handover {
        directory: directory.path().to_owned(),
        slot: 0,
        supervisor: 1,
        ring: None,
        accepts_events: false,
        settings: WorkerSettings {
            allow_origins: Vec::new(),
            limits: LIMITS,
            ..WorkerSettings::default()
        },
    };
    let text = handover.to_json().expect("handover");
    let handover = Handover::from_json(&text).expect("handover");
    let sockets = Sockets {
        own: TcpListener::bind("127.0.0.1:0").expect("listener"),
        neighbour: None,
    };
    let not_our_supervisor = std::process::id();
    let handover_of_another = Handover {
        supervisor: not_our_supervisor,
        ..handover
    };
    let error = crate::run(handover_of_another, sockets).expect_err("no supervisor");
    assert_eq!(
        error.to_string(),
        format!("follow supervisor {not_our_supervisor}: it is gone")
    );
}
