//! From the handover to a worker that serves.

use std::rc::Rc;
use std::sync::Arc;

use contract::{Handover, Sockets, WorkerState};
use snapshot::Reader;

use crate::error::Error;
use crate::process::slot::Slot;
use crate::process::supervisor::Supervisor;
use crate::process::{descriptors, privilege};
use crate::serve;

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
        mut settings,
    } = handover;
    let supervisor = Supervisor(supervisor);
    supervisor.follow()?;
    let reader = Reader::open(&directory, engine::FORMAT).map_err(Error::Open)?;
    let slots = reader.board().shape().slots;
    if slot >= slots {
        return Err(Error::Slot { slot, slots });
    }
    // After the board is mapped: no other file is written to. Before anything is logged: that starts a thread, and a
    // thread that runs already would keep its privileges.
    let dropped = privilege::drop(&directory);
    log::debug!("worker {slot}: {dropped}");
    let open_files = descriptors::raise_limit();
    let max_connections = &mut settings.limits.max_connections;
    *max_connections = descriptors::connections_within(open_files, *max_connections, slot);
    let reader = Arc::new(reader);
    let slot = Rc::new(Slot::claim(Arc::clone(&reader), slot));
    let served =
        serve::until_terminated(&reader, &slot, supervisor, settings, admin_token, sockets);
    slot.set_state(WorkerState::Exited);
    served
}
