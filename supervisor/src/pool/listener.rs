//! The listening sockets: one for each worker, all on one address. Does not know who accepts from them.
//!
//! With `SO_REUSEPORT` the kernel spreads new connections over the sockets. They stay open here for as long as the
//! supervisor serves, so that what a dead worker left in its queue is still there for its successor.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::num::NonZeroUsize;
use std::os::fd::{AsRawFd, OwnedFd};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrStorage, bind, listen, setsockopt, socket,
    sockopt,
};
use socket2::{SockFilter, SockRef};
use thiserror::Error;

/// How long an address may be in use: by the workers of a proxy that was killed, until they have noticed.
const RELEASE: Duration = Duration::from_millis(1500);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Why there is no address to serve on.
#[derive(Debug, Error)]
pub enum Error {
    /// The host is no address, and no name that resolves to one.
    #[error("resolve the host {host:?} to listen on")]
    Resolve {
        /// As configured.
        host: String,
        /// What the resolver says.
        source: io::Error,
    },
    /// The address is taken, not this machine's, or not ours to use.
    #[error("listen on {address}")]
    Listen {
        /// The last of the addresses that the host resolved to.
        address: SocketAddr,
        /// What the kernel says.
        source: io::Error,
    },
}

/// Makes `count` sockets that listen on the first usable address of `host`; port 0 picks a free one for all of them.
pub(crate) fn open(host: &str, port: u16, count: NonZeroUsize) -> Result<Vec<TcpListener>, Error> {
    open_beside(&[], host, port, count)
}

/// As [`open`], while this process listens on others, which may have the same port.
pub(crate) fn open_beside(
    others: &[TcpListener],
    host: &str,
    port: u16,
    count: NonZeroUsize,
) -> Result<Vec<TcpListener>, Error> {
    let is_ours = |other: &TcpListener| other.local_addr().is_ok_and(|it| it.port() == port);
    let exclusive = port != 0 && !others.iter().any(is_ours);
    // Whoever serves already has no time to wait for others to let go of an address.
    let patience = if others.is_empty() {
        RELEASE
    } else {
        Duration::ZERO
    };
    let unresolved = |source| Error::Resolve {
        host: host.to_owned(),
        source,
    };
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    let mut refused = unresolved(io::Error::new(
        io::ErrorKind::NotFound,
        "it resolves to no address",
    ));
    for address in (bare, port).to_socket_addrs().map_err(unresolved)? {
        match open_released(address, exclusive, count, patience) {
            Ok(listeners) => return Ok(listeners),
            Err(source) => refused = Error::Listen { address, source },
        }
    }
    Err(refused)
}

/// From now on no connection begins on this socket, whoever else has it; those that have begun are still queued. What is
/// then accepted until there is nothing left is everything, and closing the socket resets nobody.
pub(crate) fn refuse(listener: &TcpListener) -> io::Result<()> {
    // In the header of TCP, where what the filter sees begins: the byte of flags, and SYN in it.
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

fn open_released(
    address: SocketAddr,
    exclusive: bool,
    count: NonZeroUsize,
    patience: Duration,
) -> io::Result<Vec<TcpListener>> {
    let deadline = Instant::now() + patience;
    loop {
        match open_all(address, exclusive, count) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < deadline => {
                sleep(LOOK_AGAIN);
            }
            outcome => return outcome,
        }
    }
}

fn open_all(
    mut address: SocketAddr,
    exclusive: bool,
    count: NonZeroUsize,
) -> io::Result<Vec<TcpListener>> {
    if exclusive {
        // Another process of this user may share the port without either noticing, each getting half of the
        // connections. Without `SO_REUSEPORT` the kernel says so.
        bound(address, false)?;
    }
    let mut listeners = Vec::with_capacity(count.get());
    for _ in 0..count.get() {
        let socket = bound(address, true)?;
        // The kernel's own bound (net.core.somaxconn): nix refuses 1024 where libc says SOMAXCONN is 128 (musl).
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
    bind(socket.as_raw_fd(), &SockaddrStorage::from(address))?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;
    use crate::stub::eventually;

    fn count(count: usize) -> NonZeroUsize {
        NonZeroUsize::new(count).unwrap()
    }

    #[test]
    fn port_0_is_one_real_port_for_all() {
        let listeners = open("127.0.0.1", 0, count(4)).unwrap();
        let addresses: Vec<_> = listeners
            .iter()
            .map(|listener| listener.local_addr().unwrap())
            .collect();
        assert_ne!(addresses[0].port(), 0);
        assert_eq!(addresses, vec![addresses[0]; 4]);
        TcpStream::connect(addresses[0]).unwrap();
    }

    #[test]
    fn a_name_and_a_bracketed_address_will_do() {
        open("localhost", 0, count(2)).unwrap();
        match open("[::1]", 0, count(2)) {
            Ok(listeners) => assert!(listeners[0].local_addr().unwrap().is_ipv6()),
            // Containers without IPv6 are common; what matters is that the brackets were understood.
            Err(error) => assert!(matches!(error, Error::Listen { .. }), "{error}"),
        }
    }

    #[test]
    fn a_shared_port_is_refused() {
        let first = open("127.0.0.1", 0, count(2)).unwrap();
        let port = first[0].local_addr().unwrap().port();
        let error = open("127.0.0.1", port, count(1)).unwrap_err();
        assert_eq!(error.to_string(), format!("listen on 127.0.0.1:{port}"));
        drop(first);
        // A process that another test is starting holds a copy until its exec.
        eventually("the port is free", || {
            open("127.0.0.1", port, count(1)).is_ok()
        });
    }

    #[test]
    fn an_address_that_is_let_go_of_soon_is_waited_for() {
        let first = open("127.0.0.1", 0, count(2)).unwrap();
        let port = first[0].local_addr().unwrap().port();
        let letting_go = std::thread::spawn(move || {
            sleep(Duration::from_millis(200));
            drop(first);
        });
        open("127.0.0.1", port, count(1)).unwrap();
        letting_go.join().unwrap();
    }

    #[test]
    fn what_was_queued_before_refusing_is_accepted_and_nothing_after() {
        let listener = open("127.0.0.1", 0, count(1)).unwrap().remove(0);
        let address = listener.local_addr().unwrap();
        let queued: Vec<_> = (0..3)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        refuse(&listener).unwrap();
        let late = TcpStream::connect_timeout(&address, Duration::from_millis(100));
        assert_eq!(late.unwrap_err().kind(), io::ErrorKind::TimedOut);
        listener.set_nonblocking(true).unwrap();
        for stream in &queued {
            let (_, peer) = listener.accept().unwrap();
            assert_eq!(peer, stream.local_addr().unwrap());
        }
        assert_eq!(
            listener.accept().unwrap_err().kind(),
            io::ErrorKind::WouldBlock
        );
    }

    #[test]
    fn a_host_that_does_not_exist_is_named() {
        let error = open("no such host", 0, count(1)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "resolve the host \"no such host\" to listen on"
        );
    }
}
