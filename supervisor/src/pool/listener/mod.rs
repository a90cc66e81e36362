//! A listener: its sockets, one for each of its addresses and each slot.
//!
//! With `SO_REUSEPORT` the kernel spreads new connections over the sockets of an address. They stay open here while the
//! supervisor serves, so that connections in the queue of a worker that exited wait for its replacement.

mod addresses;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use contract::SlotSockets;
use log::debug;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrStorage, bind, listen, setsockopt, socket,
    sockopt,
};
use socket2::{SockFilter, SockRef};
use thiserror::Error;

pub use addresses::ANY_HOST;
pub(crate) use addresses::urls;

/// The workers of a supervisor that was killed may use the address for so long, until they notice.
const ADDRESS_RELEASE_TIMEOUT: Duration = Duration::from_millis(1500);
const BIND_RETRY_INTERVAL: Duration = Duration::from_millis(20);

/// The sockets of one listener and one slot, one for each address.
pub(crate) type Listeners = Arc<[TcpListener]>;

/// The sockets of one slot. A slot keeps them, and so does a roll that is to bring others.
pub(crate) type SlotListeners = SlotSockets<Listeners>;

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// An address, a name, which stands for all of its addresses, or `*` for all addresses of this machine.
    pub host: String,
    /// The port; 0 picks a free one.
    pub port: u16,
    /// The settings that say so, for errors.
    pub settings: &'static str,
}

/// Why there is no address to serve on.
#[derive(Debug, Error)]
pub enum Error {
    /// The host is neither an address nor a name that resolves to one.
    #[error("resolve the host {host:?} to listen on ({settings})")]
    Resolve {
        /// The host in the settings.
        host: String,
        /// The settings that say so.
        settings: &'static str,
        /// The resolver's reason.
        source: io::Error,
    },
    /// The address is in use, is not this machine's, or needs more rights.
    #[error("listen on {address} ({settings})")]
    Listen {
        /// One of the addresses that the host resolved to.
        address: SocketAddr,
        /// The settings that say so.
        settings: &'static str,
        /// The kernel's reason.
        source: io::Error,
    },
}

/// Opens `count` sockets on each address of the host, all on one port. An address that is in use is waited for a
/// little.
pub(crate) fn open(address: &Address, count: NonZeroUsize) -> Result<Vec<Listeners>, Error> {
    open_within(ADDRESS_RELEASE_TIMEOUT, &[], address, count)
}

/// As [`open`], in a supervisor that serves already, and must not wait. `others` are the sockets of the same listener
/// that are open; they may have the same port.
pub(crate) fn open_beside(
    others: &[TcpListener],
    address: &Address,
    count: NonZeroUsize,
) -> Result<Vec<Listeners>, Error> {
    open_within(Duration::ZERO, others, address, count)
}

/// Rejects new connections to this socket in every process that has it: their SYN is dropped. Connections that have
/// begun stay in the queue, so that whoever accepts until it is empty and then closes the socket resets nobody.
pub(crate) fn reject_connections(listener: &TcpListener) -> io::Result<()> {
    // The filter sees the TCP header: the offset of its byte of flags, and the bit of SYN.
    const FLAGS: u32 = 13;
    const SYN: u32 = 0x02;
    const LOAD_BYTE: u16 = 0x30;
    const JUMP_IF_SET: u16 = 0x45;
    const RETURN: u16 = 0x06;
    SockRef::from(listener).attach_filter(&[
        SockFilter::new(LOAD_BYTE, 0, 0, FLAGS),
        SockFilter::new(JUMP_IF_SET, 0, 1, SYN),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ])
}

fn open_within(
    timeout: Duration,
    others: &[TcpListener],
    address: &Address,
    count: NonZeroUsize,
) -> Result<Vec<Listeners>, Error> {
    let (host, settings) = (&address.host, address.settings);
    let unresolved = |source| Error::Resolve {
        host: host.clone(),
        settings,
        source,
    };
    let others = others.iter().filter_map(|other| other.local_addr().ok());
    let shared_ports: Vec<u16> = others.map(|other| other.port()).collect();
    let mut refused = None;
    for addresses in addresses::of_host(host, address.port).map_err(unresolved)? {
        match open_released(&addresses, &shared_ports, count, timeout) {
            Ok(listeners) => return Ok(listeners),
            Err(error) if error.is_absent() => refused = Some(error),
            Err(error) => return Err(error.of(settings)),
        }
    }
    Err(refused.map_or_else(
        || {
            unresolved(io::Error::new(
                io::ErrorKind::NotFound,
                "it resolves to no address",
            ))
        },
        |error| error.of(settings),
    ))
}

/// An address that cannot be listened on, and why.
struct Refused(SocketAddr, io::Error);

impl Refused {
    /// The address is not of this machine, or of a family that this machine does not have.
    fn is_absent(&self) -> bool {
        self.1.kind() == io::ErrorKind::AddrNotAvailable
            || self.1.raw_os_error() == Some(nix::errno::Errno::EAFNOSUPPORT as i32)
    }

    fn of(self, settings: &'static str) -> Error {
        let Self(address, source) = self;
        Error::Listen {
            address,
            settings,
            source,
        }
    }
}

fn open_released(
    addresses: &[SocketAddr],
    shared_ports: &[u16],
    count: NonZeroUsize,
    timeout: Duration,
) -> Result<Vec<Listeners>, Refused> {
    let deadline = Instant::now() + timeout;
    loop {
        match open_all(addresses, shared_ports, count) {
            Err(Refused(_, error))
                if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < deadline =>
            {
                sleep(BIND_RETRY_INTERVAL);
            }
            outcome => return outcome,
        }
    }
}

/// Opens the sockets on all of these addresses that this machine has.
fn open_all(
    addresses: &[SocketAddr],
    shared_ports: &[u16],
    count: NonZeroUsize,
) -> Result<Vec<Listeners>, Refused> {
    let mut slots: Vec<Vec<TcpListener>> = (0..count.get()).map(|_| Vec::new()).collect();
    let mut absent = None;
    // The port of the first address is that of all. Port 0 becomes a real one there.
    let mut port = addresses.first().map_or(0, SocketAddr::port);
    for &address in addresses {
        let mut address = address;
        address.set_port(port);
        let refused = |error| Refused(address, error);
        match open_one(address, !shared_ports.contains(&port), count).map_err(refused) {
            Ok(listeners) => {
                for (slot, listener) in slots.iter_mut().zip(listeners) {
                    port = listener.local_addr().map_err(refused)?.port();
                    slot.push(listener);
                }
            }
            Err(error) if error.is_absent() => {
                debug!("not listening on {address}: {}", error.1);
                absent = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    match absent {
        Some(error) if slots[0].is_empty() => Err(error),
        _ => Ok(slots.into_iter().map(Arc::from).collect()),
    }
}

fn open_one(
    mut address: SocketAddr,
    exclusive: bool,
    count: NonZeroUsize,
) -> io::Result<Vec<TcpListener>> {
    if exclusive && address.port() != 0 {
        // With `SO_REUSEPORT` another process of this user could share the port unnoticed, and each would get half of
        // the connections. Without it the kernel reports that the address is in use.
        bound(address, false)?;
    }
    let mut listeners = Vec::with_capacity(count.get());
    for _ in 0..count.get() {
        let socket = bound(address, true)?;
        // The kernel limits it to net.core.somaxconn. nix refuses 1024 if libc's SOMAXCONN is 128 (musl).
        listen(&socket, Backlog::MAXALLOWABLE)?;
        let listener = TcpListener::from(socket);
        address = listener.local_addr()?;
        listeners.push(listener);
    }
    Ok(listeners)
}

fn bound(address: SocketAddr, shared: bool) -> io::Result<OwnedFd> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::Inet,
        SocketAddr::V6(_) => AddressFamily::Inet6,
    };
    let socket = socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    setsockopt(&socket, sockopt::ReuseAddr, &true)?;
    setsockopt(&socket, sockopt::ReusePort, &shared)?;
    if addresses::is_any_of_both_families(address) {
        // Else `net.ipv6.bindv6only` would decide.
        setsockopt(&socket, sockopt::Ipv6V6Only, &false)?;
    }
    bind(socket.as_raw_fd(), &SockaddrStorage::from(address))?;
    Ok(socket)
}
