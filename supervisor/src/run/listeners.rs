//! The two listeners: the public one for SDKs, and the admin listener for who runs the proxy.

use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;

use log::warn;

use crate::options::DEFAULT_ADMIN_PORT;
use crate::pool::listener::{self, Address, Error, Listeners, SlotListeners, urls};
use crate::settings::Settings;

/// Opens both, at the start.
pub(super) fn open(settings: &Settings) -> Result<Vec<SlotListeners>, Error> {
    let workers = settings.workers;
    let public = listener::open(&settings.public, workers)?;
    let admin = settings.admin.as_ref();
    let admin = open_admin(admin, workers, |address| listener::open(address, workers))?;
    Ok(together(public, admin))
}

/// The sockets after a reload.
pub(super) struct Moved {
    pub(super) sockets: Vec<SlotListeners>,
    /// What changes, in words.
    pub(super) changes: Vec<String>,
}

/// Opens those that a reload moves; `None` if it moves none. The admin listener is tried again if it should be open and
/// is not.
pub(super) fn moved(
    current: &Settings,
    next: &Settings,
    open: &[SlotListeners],
) -> Result<Option<Moved>, Error> {
    let workers = current.workers;
    let Some(first) = open.first() else {
        return Ok(None);
    };
    let moves_public = current.public != next.public;
    let moves_admin =
        current.admin != next.admin || (first.admin.is_empty() && next.admin.is_some());
    let public = if moves_public {
        listener::open_beside(&first.public, &next.public, workers)?
    } else {
        open.iter().map(|slot| Arc::clone(&slot.public)).collect()
    };
    let admin = if moves_admin {
        open_admin(next.admin.as_ref(), workers, |address| {
            listener::open_beside(&first.admin, address, workers)
        })?
    } else {
        open.iter().map(|slot| Arc::clone(&slot.admin)).collect()
    };
    let sockets = together(public, admin);
    let mut changes = Vec::new();
    if moves_public {
        changes.push(format!("listening on {}", urls(&sockets[0].public)));
    }
    if moves_admin && (!first.admin.is_empty() || !sockets[0].admin.is_empty()) {
        changes.push(of_admin(&sockets[0].admin));
    }
    Ok((!changes.is_empty()).then_some(Moved { sockets, changes }))
}

/// Where the admin listener is, in words.
pub(super) fn of_admin(listeners: &Listeners) -> String {
    match urls(listeners) {
        urls if urls.is_empty() => "no admin listener".to_owned(),
        urls => format!("admin listener on {urls}"),
    }
}

/// Two proxies may run on one machine whose operator never heard of the admin listener: that must not keep the second
/// one from starting.
fn open_admin(
    address: Option<&Address>,
    workers: NonZeroUsize,
    open: impl FnOnce(&Address) -> Result<Vec<Listeners>, Error>,
) -> Result<Vec<Listeners>, Error> {
    let none = || Ok(vec![Arc::default(); workers.get()]);
    let Some(address) = address else {
        return none();
    };
    match open(address) {
        Err(Error::Listen {
            address, source, ..
        }) if address.port() == DEFAULT_ADMIN_PORT && source.kind() == io::ErrorKind::AddrInUse => {
            warn!(
                "no admin listener: {address} is in use; set admin.port to another port, or to null"
            );
            none()
        }
        outcome => outcome,
    }
}

fn together(public: Vec<Listeners>, admin: Vec<Listeners>) -> Vec<SlotListeners> {
    let slots = public.into_iter().zip(admin);
    slots
        .map(|(public, admin)| SlotListeners { public, admin })
        .collect()
}
