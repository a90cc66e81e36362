//! From the handover to a worker that serves.

use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use contract::{Handover, Sockets, WorkerState, with_causes};
use journal::Writer;
use snapshot::Reader;

use crate::endpoints::reports::{Forwards, Reports};
use crate::error::Error;
use crate::process::descriptors::Capacity;
use crate::process::slot::Slot;
use crate::process::supervisor::Supervisor;
use crate::process::{descriptors, privilege};
use crate::serve::{self, Given};

/// Serves until TERM, then drains. Blocks. To be called once in a process, from its main thread.
///
/// # Errors
///
/// If the worker cannot boot. A replacement could not either, so the executable should exit with
/// [`contract::EX_BOOT`]. Once the worker serves, no request ends it.
pub fn run(handover: Handover, sockets: Sockets) -> Result<(), Error> {
    let Handover {
        directory,
        slot,
        supervisor,
        admin_token,
        sse_authentication_token,
        ring,
        accepts_events,
        reports_usage,
        mut settings,
    } = handover;
    let supervisor = Supervisor(supervisor);
    supervisor.follow()?;
    let reader = Reader::open(&directory, engine::FORMAT).map_err(Error::Open)?;
    let slots = reader.board().shape().slots;
    if slot >= slots {
        return Err(Error::Slot { slot, slots });
    }
    let ring = ring.map(|number| open_ring(&directory, number));
    // After the board and the ring are mapped: no other file is written to. Before anything is logged: that starts a
    // thread, and a thread that runs already would keep its privileges.
    let dropped = privilege::drop(&directory);
    log::debug!("worker {slot}: {dropped}");
    // A worker without a ring serves, and refuses what clients report.
    let ring = ring.and_then(|ring| {
        let opened = ring.inspect_err(|error| log::error!("{}", with_causes(error)));
        opened.ok()
    });
    let forwards = Forwards {
        traits: settings.traits.forward,
        events: accepts_events,
        usage: reports_usage,
    };
    let reports = Reports::new(ring, forwards);
    let open_files = descriptors::raise_limit();
    let (limits, streams) = (&mut settings.limits, &mut settings.streams);
    let (max_connections, max_streams) = (limits.max_connections, streams.max_streams);
    let capacity = Capacity::within(open_files, max_connections, max_streams, slot);
    limits.max_connections = capacity.connections;
    streams.max_streams = capacity.streams;
    let reader = Arc::new(reader);
    let slot = Rc::new(Slot::claim(Arc::clone(&reader), slot));
    let given = Given {
        settings,
        capacity,
        admin_token,
        sse_authentication_token,
        sockets,
        reports,
    };
    let served = serve::until_terminated(&reader, &slot, supervisor, given);
    slot.set_state(WorkerState::Exited);
    served
}

fn open_ring(state_directory: &Path, number: u64) -> Result<Writer, journal::Error> {
    Writer::open(&journal::ring_file(
        &journal::directory(state_directory),
        number,
    ))
}
