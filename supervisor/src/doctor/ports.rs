//! Whether the proxy can listen where it is told to.

use std::io;
use std::num::NonZeroUsize;

use contract::with_causes;
use snapshot::{Inspector, Ownership};

use super::finding::Finding;
use crate::options::DEFAULT_ADMIN_PORT;
use crate::pool::listener::{self, Address, Error};
use crate::settings::Settings;

pub(super) fn check(settings: &Settings) -> Vec<Finding> {
    let admin = settings.admin.as_ref();
    let admin = admin.map(|address| listen("admin.port", address, settings));
    [listen("server.port", &settings.public, settings)]
        .into_iter()
        .chain(admin)
        .collect()
}

/// Listens for a moment, as the proxy would.
fn listen(id: &'static str, address: &Address, settings: &Settings) -> Finding {
    let shown = format!("{} port {}", address.host, address.port);
    let error = match listener::open_beside(&[], address, NonZeroUsize::MIN) {
        Ok(_) => return Finding::ok(id, format!("{shown} is free")),
        Err(error) => error,
    };
    let words = with_causes(&error);
    let kind = match &error {
        Error::Listen { source, .. } => source.kind(),
        _ => io::ErrorKind::Other,
    };
    match kind {
        io::ErrorKind::AddrInUse if is_running(settings) => {
            Finding::ok(id, format!("{shown} is in use, by the proxy that runs"))
        }
        io::ErrorKind::AddrInUse if id == "admin.port" && address.port == DEFAULT_ADMIN_PORT => {
            let advice =
                "set admin.port to another one, or to null: the proxy does without until then";
            Finding::warning(id, words, advice)
        }
        io::ErrorKind::AddrInUse => {
            let advice =
                "stop the program that listens there (`ss -ltnp` names it), or set another port";
            Finding::failed(id, words, advice)
        }
        io::ErrorKind::PermissionDenied => {
            let advice = "set a port of 1024 or higher, or allow lower ones to this user";
            Finding::failed(id, words, advice)
        }
        _ => Finding::failed(
            id,
            words,
            "set the host to an address of this machine, or leave it out",
        ),
    }
}

/// Whether a proxy runs with this state directory.
fn is_running(settings: &Settings) -> bool {
    Inspector::open(&settings.directory.find(), engine::FORMAT)
        .and_then(|inspector| inspector.ownership())
        .is_ok_and(|ownership| ownership != Ownership::Free)
}
